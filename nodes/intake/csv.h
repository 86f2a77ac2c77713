/* SPDX-License-Identifier: MIT
 * A CSV file, row by row (RFC 4180: quotes, doubled quotes, commas and line ends inside quotes; LF or
 * CRLF; a byte order mark is skipped; UTF-8 only). Pure: the file's bytes come in as a view. */
#ifndef NODES_INTAKE_CSV_H
#define NODES_INTAKE_CSV_H

#include <stdbool.h>

#include "upstander/limits.h"
#include "upstander/view.h"

struct csv;

/* One row; everything is borrowed until the next csv_next. */
struct csv_row {
    unsigned line;      /* on which it begins, from 1 */
    struct up_view raw; /* as it stands in the file, its line end included */
    size_t count;       /* of fields; 0 when the row is bad */
    const struct up_view *fields;
};

/* csv_new: text is borrowed and outlives the reader. UP_NO_MEMORY. */
UP_CHECKED enum up_err csv_new(struct up_view text, struct csv **ret_csv);
void csv_destroy(struct csv **csv_p); /* wipes the last row */

/* csv_next: the next row. Lines without a character are passed over.
 *   UP_NOT_FOUND  the end of the file
 *   UP_MALFORMED, UP_TOO_LARGE, UP_BAD_TEXT  this row is bad: ret_row has its line and raw, why the
 *     reason without a value; the reader stands behind the row, or at the next line where its quotes do not
 *     tell its end, so that one can go on
 * The first row sets how many fields each other must have. */
UP_CHECKED enum up_err csv_next(struct csv *csv, struct csv_row *ret_row, struct up_why *why);

#endif
