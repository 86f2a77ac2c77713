/* SPDX-License-Identifier: MIT
 * The canonical JSON mapping of proto3, driven by descriptors (SPEC 7). Field names are
 * lowerCamelCase; unknown and duplicate keys are refused; enum values by name (or number);
 * 64-bit integers as strings; bytes as base64; unset fields are left out. */
#ifndef UPSTANDER_JSON_H
#define UPSTANDER_JSON_H

#include <stdbool.h>

#include "upstander/message.h"

/* json_parse: ret_message lives in the arena. On error why says line and field (path such as
 * "incident.strands[1].code"), never a value. UP_MALFORMED, UP_INVALID, UP_TOO_LARGE, UP_TOO_DEEP,
 * UP_BAD_TEXT, UP_NO_MEMORY. */
UP_CHECKED enum up_err json_parse(const ProtobufCMessageDescriptor *descriptor,
                                  struct up_view text, struct arena *arena,
                                  ProtobufCMessage **ret_message, struct up_why *why);

/* json_format: NUL-terminated UTF-8 text (len without the NUL), indented by two when pretty.
 * The caller owns ret_text. UP_NO_MEMORY. */
UP_CHECKED enum up_err json_format(const ProtobufCMessage *message, bool pretty,
                                   struct up_bytes *ret_text);

#endif
