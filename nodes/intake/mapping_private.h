/* SPDX-License-Identifier: MIT
 * What a parsed mapping is; shared by mapping.c, mapping_parse.c and mapping_field.c only. */
#ifndef NODES_INTAKE_MAPPING_PRIVATE_H
#define NODES_INTAKE_MAPPING_PRIVATE_H

#include "nodes/intake/mapping.h"
#include "nodes/intake/mapping_field.h"

enum {
    MAPPING_TOKENS_MAX = 256, /* words on one line; a place of each of 200 areas fits */
    MAPPING_COLUMNS_MAX = 8,  /* columns of one statement */
    MAPPING_RULES_MAX = 1024,
};
#define MAPPING_MODULO_MAX 1000000u

struct column {
    const char *name;
    size_t index; /* set by mapping_bind */
};

/* A line below a table or a choice. */
struct entry {
    struct entry *next;
    const char *key; /* NULL: "other", or a range */
    bool range;
    unsigned from, to;               /* of a range */
    const char *value;               /* of a table; NULL: such a row is bad */
    const Up__Entitlement *entitled; /* of a choice */
};

enum condition { CONDITION_UNLESS, CONDITION_IS, CONDITION_CONTAINS, CONDITION_OTHERWISE };

enum rule_kind {
    RULE_BAD,    /* columns[0], condition, values, text: the reason */
    RULE_SET,    /* field, text */
    RULE_COPY,   /* field, columns[0], condition unless, values */
    RULE_HASH,   /* field, columns[0], values */
    RULE_TIME,   /* field, columns[0..1], text: the pattern of the date */
    RULE_LOOK,   /* field, columns[0], entries of the table */
    RULE_STRAND, /* columns, condition, values, code, detail */
    RULE_TABLE,  /* text: its name, entries */
    RULE_CHOICE, /* roles, columns[0], modulo, entries */
    RULE_GRANT,  /* field of RoleChoice, text */
};

struct rule {
    struct rule *next;
    enum rule_kind kind;
    enum condition condition;
    struct mapping_field field;
    struct column columns[MAPPING_COLUMNS_MAX];
    size_t column_count;
    const char *const *values;
    size_t value_count;
    const char *text;
    struct entry *entries; /* in the order of the file */
    Up__Strand__Code code;
    bool detail;
    unsigned roles; /* bit per Up__Role__Code */
    unsigned modulo;
};

struct mapping {
    struct arena *arena; /* all of it lives here */
    struct rule *rules;  /* in the order of the file */
};

#endif
