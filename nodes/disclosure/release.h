/* SPDX-License-Identifier: MIT
 * Small numbers: what one audience may be told of one police area and year, and what it was told (disclosure.md 5).
 * Pure, over the ledger of one publisher, audience, police area and year. It works with numbers of coded attributes,
 * not with incidents: a publisher that pools for others has no more.
 *
 * What holds after every closing, over all that the audience ever received, replaced revisions included: take any of
 * the rows, cut or join or subtract them from one another: what is left is nobody, or at least k distinct victims.
 * So an incident stands in one row at most; and where one of a row must go, at least k go with it, for good. */
#ifndef NODES_DISCLOSURE_RELEASE_H
#define NODES_DISCLOSURE_RELEASE_H

#include "ledger.pb-c.h"
#include "message.pb-c.h"
#include "nodes/disclosure/areas.h"
#include "upstander/message.h"

enum { RELEASE_AREA_MAX = 10, RELEASE_YEAR_MAX = 5, RELEASE_PERIOD_MAX = 8 };

/* release_scope: the police area and the year that a cell is published under. UP_INVALID: it has no area that the table
 * knows, or no year; then it can be in no release. */
struct release_scope {
    char area[RELEASE_AREA_MAX];
    char year[RELEASE_YEAR_MAX];
};
UP_CHECKED enum up_err release_scope(const Up__Cell *cell, const struct areas *areas,
                                     struct release_scope *ret_scope);

/* release_merge: what an originator counted, and what it withdraws, into the ledger; only what is of the ledger's scope.
 * The same batch and cell a second time changes nothing. k and window of the ledger become the stricter of both. What it
 * adds lives in the arena and borrows nothing. UP_INVALID: not well formed (cell, more victims than incidents), UP_TOO_LARGE: more cells than
 * UP_RELEASE_CELLS_MAX; the ledger is then as before. After
 * UP_NO_MEMORY, here and below, it is of no use. */
UP_CHECKED enum up_err release_merge(Up__Ledger *ledger, const char *originator,
                                     const Up__PooledCounts *counts, const struct areas *areas,
                                     struct arena *arena);

struct release_config {
    const struct areas *areas;
    char *const *own; /* area codes of the audience: rows finer than the police area are only of these */
    size_t own_count;
    const char *closed_through; /* "2026-11": the last month that is past */
};
/* release_close: first rows are lowered or taken back for what was withdrawn, then new ones are given, finest first.
 * The same ledger, however it was merged: the same rows. ret_changed: there is a new revision to tell. */
UP_CHECKED enum up_err release_close(Up__Ledger *ledger, const struct release_config *config,
                                     struct arena *arena, bool *ret_changed);

/* release_find: where in the ledger's counts these incidents stand; false: nowhere. */
struct release_place {
    const char *originator;
    uint32_t batch;
    const Up__Cell *cell;
};
bool release_find(const Up__Ledger *ledger, const struct release_place *place, size_t *ret_index);

/* release_of, release_statistics_of: what the audience is told: the rows that stand now, by rung and cell, each with what
 * it is the remainder of. In the arena; texts are borrowed from the ledger. */
UP_CHECKED enum up_err release_of(const Up__Ledger *ledger, struct arena *arena,
                                  Up__Release **ret_release);
UP_CHECKED enum up_err release_statistics_of(const Up__Ledger *ledger, struct arena *arena,
                                             Up__StatisticsReturn **ret_return);

/* release_month_before: "2026-11-25" to "2026-10", the last month that is past. UP_INVALID. */
UP_CHECKED enum up_err release_month_before(const char *date,
                                            char ret_month[static RELEASE_PERIOD_MAX]);
/* release_is_past: may that period ("2026-11", "2026") be counted when closed_through is past? A year is once its
 * December is. */
bool release_is_past(const char *period, const char *closed_through);
/* release_cell_compare: order of cells: area, period, strands, types, place; 0 where they are the same cell. */
int release_cell_compare(const Up__Cell *a, const Up__Cell *b);

#endif
