/* SPDX-License-Identifier: MIT
 * A mapping file: which column of somebody's table becomes which field of a report (docs/mapping.md).
 * Pure: text in, reports in an arena out. */
#ifndef NODES_INTAKE_MAPPING_H
#define NODES_INTAKE_MAPPING_H

#include "api.pb-c.h"
#include "nodes/intake/csv.h"
#include "upstander/message.h"

struct mapping;

/* mapping_parse: UP_INVALID (why: line and what is wrong with it), UP_TOO_LARGE, UP_BAD_TEXT,
 * UP_NO_MEMORY. The caller owns ret_mapping. */
UP_CHECKED enum up_err mapping_parse(struct up_view text, struct mapping **ret_mapping,
                                     struct up_why *why);
void mapping_destroy(struct mapping **mapping_p);

/* mapping_bind: find the mapping's columns in a heading row; once per file. UP_INVALID: a column that
 * the mapping names is missing or stands there twice (why names it). */
UP_CHECKED enum up_err mapping_bind(struct mapping *mapping, const struct csv_row *heading,
                                    struct up_why *why);

/* Why a row is bad: never a value of it. */
struct mapping_fault {
    const char *column; /* borrowed from the mapping */
    const char *reason;
};
/* mapping_apply: one row to a report, in the arena. After mapping_bind only.
 *   UP_INVALID: a bad row, ret_fault filled. UP_NO_MEMORY. */
UP_CHECKED enum up_err mapping_apply(const struct mapping *mapping, const struct csv_row *row,
                                     struct arena *arena, Up__Report **ret_report,
                                     struct mapping_fault *ret_fault);

#endif
