/* SPDX-License-Identifier: MIT
 * The schema's words and people's words. Used inside nodes/cli only. */
#ifndef NODES_CLI_NAMES_H
#define NODES_CLI_NAMES_H

#include <stdbool.h>

#include "roster.pb-c.h"
#include "upstander/err.h"

/* Words as they are typed: "police", "identified", "contact,suspect". UP_INVALID when there is no
 * such word. */
UP_CHECKED enum up_err names_role_parse(const char *word, Up__Role__Code *ret_role);
UP_CHECKED enum up_err names_level_parse(const char *word, Up__Entitlement__Level *ret_level);
enum { NAMES_GROUPS_MAX = 4 };
UP_CHECKED enum up_err
names_groups_parse(const char *words, Up__Entitlement__Group ret_groups[static NAMES_GROUPS_MAX],
                   size_t *ret_count);

const char *names_role(Up__Role__Code role);
/* names_level: the five levels in plain words: "everything", "not shared". */
const char *names_level(Up__Entitlement__Level level);
/* names_entitlement: level and what is left out, "everything (without contact)". */
enum { NAMES_LEN_MAX = 160 };
void names_entitlement(const Up__Entitlement *entitlement, char ret_text[static NAMES_LEN_MAX]);
/* names_status: "accepted" to "on its way"; what it does not know comes back as it is. */
const char *names_status(const char *status);
/* names_enum: an enum value of the schema as words: VERBAL_ABUSE to "verbal abuse". */
void names_enum(const char *value, char ret_text[static NAMES_LEN_MAX]);
/* names_date_is_formed: "YYYY-MM-DD". */
bool names_date_is_formed(const char *date);
/* names_is_ref: letters, digits and hyphens, 1 to 64: fit for a path and a file's name. */
bool names_is_ref(const char *text);

#endif
