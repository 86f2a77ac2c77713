/* SPDX-License-Identifier: MIT
 * Columns for people: as wide as their longest cell, blanks between, nothing cut. Used inside
 * nodes/cli only. */
#ifndef NODES_CLI_TABLE_H
#define NODES_CLI_TABLE_H

#include <stdio.h>

#include "upstander/err.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_ROWS_MAX = 1000000 };

struct table;

/* table_new: headings are borrowed. UP_NO_MEMORY. */
UP_CHECKED enum up_err table_new(const char *const *headings, size_t columns,
                                 struct table **ret_table);
void table_destroy(struct table **table_p);
/* table_add: one row; cells are copied. UP_NO_MEMORY; UP_TOO_LARGE past TABLE_ROWS_MAX. */
UP_CHECKED enum up_err table_add(struct table *table, const char *const *cells);
void table_print(const struct table *table, FILE *out);

#endif
