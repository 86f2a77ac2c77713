/* SPDX-License-Identifier: MIT
 * Area look-up: an LSOA or a ward to its local authority, that to its police area (disclosure.md 3). Pure:
 * the table's text is read by base/ and parsed here. */
#ifndef NODES_DISCLOSURE_AREAS_H
#define NODES_DISCLOSURE_AREAS_H

#include <stdbool.h>

#include "upstander/view.h"

struct areas;

/* areas_parse: lines "code,parent,name" (comment lines start with #), any order; parent empty for a police
 * area. UP_MALFORMED (why: the line), UP_TOO_LARGE, UP_NO_MEMORY. The caller owns ret_areas. */
UP_CHECKED enum up_err areas_parse(struct up_view text, struct areas **ret_areas,
                                   struct up_why *why);
void areas_destroy(struct areas **areas_p);

enum area_kind { AREA_UNKNOWN = 0, AREA_LSOA, AREA_WARD, AREA_LOCAL_AUTHORITY, AREA_POLICE };
/* areas_kind: by the table; AREA_UNKNOWN when the code is not in it. */
enum area_kind areas_kind(const struct areas *areas, const char *code);
/* areas_climb: the code's ancestor of that kind (or itself); NULL when there is none. Borrowed. */
const char *areas_climb(const struct areas *areas, const char *code, enum area_kind kind);
const char *areas_name(const struct areas *areas, const char *code); /* NULL when unknown */

#endif
