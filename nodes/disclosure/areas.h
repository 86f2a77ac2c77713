/* SPDX-License-Identifier: MIT
 * Area look-up: an LSOA or a ward to its local authority, that to its police area (disclosure.md 3). Pure:
 * the table's text is read by base/ and parsed here. */
#ifndef NODES_DISCLOSURE_AREAS_H
#define NODES_DISCLOSURE_AREAS_H

#include <stdbool.h>

#include "upstander/view.h"

struct areas;

/* areas_parse: lines "code,parent,name" (comment lines start with #), any order; parent empty for a police
 * area. A local authority that was abolished: "code,,name,successors,ended", its successors' codes with blanks
 * between, its last day "YYYY-MM-DD" or empty. UP_MALFORMED (why: the line), UP_TOO_LARGE, UP_NO_MEMORY. The caller
 * owns ret_areas. */
UP_CHECKED enum up_err areas_parse(struct up_view text, struct areas **ret_areas,
                                   struct up_why *why);
void areas_destroy(struct areas **areas_p);

enum area_kind { AREA_UNKNOWN = 0, AREA_LSOA, AREA_WARD, AREA_LOCAL_AUTHORITY, AREA_POLICE };
/* areas_kind: by the table; AREA_UNKNOWN when the code is not in it. */
enum area_kind areas_kind(const struct areas *areas, const char *code);
/* areas_climb: the code's ancestor of that kind (or itself); NULL when there is none. An abolished authority never is
 * its own: it climbs to its successor, or, where it was split, to what all its successors share. Borrowed. */
const char *areas_climb(const struct areas *areas, const char *code, enum area_kind kind);
/* areas_code: the index-th code in order; NULL past the end. Borrowed. */
const char *areas_code(const struct areas *areas, size_t index);
const char *areas_name(const struct areas *areas, const char *code); /* NULL when unknown */
/* areas_since: the year from which the code has stood for what it stands for now, because others were merged into it;
 * 0 when none was, or it is not known. */
unsigned areas_since(const struct areas *areas, const char *code);

#endif
