/* SPDX-License-Identifier: MIT
 * Lists of codes as versioned data: strands, kinds of incident, police classifications, outcomes, lawful bases ... The law
 * moves faster than programs (disclosure.md 9). Pure: the files' text is read by base/ and parsed here.
 *
 * A line is "version,code,name,valid from,valid to,successor,plain text"; # starts a comment line. The version is that of
 * the list in which the code came; days are "YYYY-MM-DD" or empty; the plain text may hold commas. */
#ifndef NODES_DISCLOSURE_CODES_H
#define NODES_DISCLOSURE_CODES_H

#include <stdbool.h>

#include "upstander/view.h"

enum codes_list {
    CODES_STRANDS = 0,
    CODES_INCIDENT_TYPES,
    CODES_PLACE_KINDS,
    CODES_CHANNELS,
    CODES_REPORTER_ROLES,
    CODES_VICTIM_KINDS,
    CODES_ETHNICITIES,
    CODES_CLASSIFICATIONS,
    CODES_OUTCOMES,
    CODES_LAWFUL_BASES,
    CODES_SPECIAL_CONDITIONS,
    CODES_LIST_COUNT,
};

struct code {
    const char *code;
    const char *name;
    const char *valid_from; /* empty: since ever */
    const char *valid_to;   /* the last day; empty: no end */
    const char *successor;  /* a code of the same list; empty: none */
    const char *plain;      /* a sentence for the person who reported; empty: none */
    unsigned version;
};

struct codes;

/* codes_new: no list yet. codes_add: one list's file, once for each. UP_MALFORMED (why: the line), UP_TOO_LARGE,
 * UP_DUPLICATE, UP_NO_MEMORY. codes_check: is every list there, and has each that the schema has as an enum exactly its
 * values? UP_INVALID (why: list and code). */
UP_CHECKED enum up_err codes_new(struct codes **ret_codes);
UP_CHECKED enum up_err codes_add(struct codes *codes, enum codes_list list, struct up_view text,
                                 struct up_why *why);
UP_CHECKED enum up_err codes_check(const struct codes *codes, struct up_why *why);
void codes_destroy(struct codes **codes_p);

/* codes_file: "strands.csv". codes_version: the highest of all lists; 0 when there is none. */
const char *codes_file(enum codes_list list);
unsigned codes_version(const struct codes *codes);
/* codes_find: NULL when the list does not know it, or codes is NULL. Borrowed. */
const struct code *codes_find(const struct codes *codes, enum codes_list list, const char *code);
/* codes_is_valid: may it be chosen on that day ("YYYY-MM-DD")? */
bool codes_is_valid(const struct code *code, const char *day);
/* codes_near: those that may be chosen on that day and are written most like the text, the nearest first; at most 3.
 * Borrowed. */
enum { CODES_NEAR_MAX = 3 };
size_t codes_near(const struct codes *codes, enum codes_list list, const char *text,
                  const char *day, const char *ret_near[static CODES_NEAR_MAX]);

#endif
