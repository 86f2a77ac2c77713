/* SPDX-License-Identifier: MIT
 * A field of a report told by its path, and text put into it by the field's own type. Pure. */
#ifndef NODES_INTAKE_MAPPING_FIELD_H
#define NODES_INTAKE_MAPPING_FIELD_H

#include <protobuf-c/protobuf-c.h>

#include "upstander/message.h"

enum { MAPPING_FIELD_DEPTH_MAX = 4 };

struct mapping_field {
    const ProtobufCFieldDescriptor *parts[MAPPING_FIELD_DEPTH_MAX];
    size_t depth;
};

/* mapping_field_of_report: "place.ward" (of the incident), "choice.given_by", "reported_before", "victim".
 * UP_NOT_FOUND: no such field. UP_NOT_PERMITTED: one that a mapping may not fill. */
UP_CHECKED enum up_err mapping_field_of_report(const char *path, struct mapping_field *ret_field);
/* mapping_field_of_grant: a text field of a RoleChoice, such as "lawful_basis". UP_NOT_FOUND. */
UP_CHECKED enum up_err mapping_field_of_grant(const char *path, struct mapping_field *ret_field);
/* mapping_field_put: put text (of len bytes) into the field; a repeated field grows by it. Messages on the
 * way are made. UP_INVALID: the text is none of the field's values. UP_NO_MEMORY. */
UP_CHECKED enum up_err mapping_field_put(const struct mapping_field *field, struct up_view text,
                                         struct arena *arena, ProtobufCMessage *message);

#endif
