/* SPDX-License-Identifier: MIT
 * A message's fields by path, for forms. Used inside nodes/cli only. */
#ifndef NODES_CLI_FIELDS_H
#define NODES_CLI_FIELDS_H

#include "upstander/message.h"

/* fields_at: where "incident.identity.name" is kept; messages on the way are made. The path is
 * ours, so a wrong one is a bug. NULL without memory. */
void *fields_at(ProtobufCMessage *root, const char *path, struct arena *arena,
                const ProtobufCFieldDescriptor **ret_field);
/* fields_text: set a text, or the only item of a list of texts. UP_NO_MEMORY. */
UP_CHECKED enum up_err fields_text(ProtobufCMessage *root, const char *path, const char *text,
                                   struct arena *arena);
/* fields_number: set an enum or a bool. */
UP_CHECKED enum up_err fields_number(ProtobufCMessage *root, const char *path, int value,
                                     struct arena *arena);
/* fields_values: the enum of a path, without "not stated"; ret_values has room for 64. */
enum { FIELDS_VALUES_MAX = 64 };
size_t fields_values(ProtobufCMessage *root, const char *path, struct arena *arena,
                     const ProtobufCEnumValue **ret_values);

#endif
