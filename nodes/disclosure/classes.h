/* SPDX-License-Identifier: MIT
 * The field-class table of proto/schema/field_classes.def as data. Pure. */
#ifndef NODES_DISCLOSURE_CLASSES_H
#define NODES_DISCLOSURE_CLASSES_H

#include <protobuf-c/protobuf-c.h>

#include "proto/schema/field_classes.def"

#define CLASSES_CLASS(name) CLASS_##name,
enum field_class { FIELD_CLASSES(CLASSES_CLASS) CLASS_COUNT };
#undef CLASSES_CLASS

#define CLASSES_RULE(name) RULE_##name,
enum field_rule { FIELD_RULES(CLASSES_RULE) RULE_COUNT };
#undef CLASSES_RULE

struct field_row {
    const char *field;
    enum field_class class;
    enum field_rule identified;
    enum field_rule pseudonymised;
};

struct class_table {
    const ProtobufCMessageDescriptor *message;
    const struct field_row *rows; /* in the order of the descriptor's fields */
    size_t row_count;
};

/* classes_find: the table of a message; NULL when it has none (nothing of it may leave). */
const struct class_table *classes_find(const ProtobufCMessageDescriptor *message);
/* classes_all: every table, for tests and the preview. */
const struct class_table *classes_all(size_t *ret_count);
const char *classes_name(enum field_class class); /* "category" */

#endif
