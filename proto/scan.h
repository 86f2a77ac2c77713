/* SPDX-License-Identifier: MIT
 * The look at a protobuf message's bytes before anything is allocated for them (SPEC 1). Pure. */
#ifndef PROTO_SCAN_H
#define PROTO_SCAN_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "upstander/view.h"

/* scan_message: refuse what protobuf-c would accept and should not: duplicate singular fields (two of one
 * oneof too), unknown fields, wrong wire types, over-long varints, values outside the field's type, lengths past
 * the end, bad UTF-8 or NUL in text, more than UP_MESSAGE_DEPTH_MAX levels, more than UP_MESSAGE_FIELDS_MAX fields in all. */
UP_CHECKED enum up_err scan_message(const ProtobufCMessageDescriptor *descriptor,
                                    struct up_view bytes);
/* scan_text: is it UTF-8 (shortest forms, no surrogates) without NUL? */
bool scan_text(struct up_view text);

#endif
