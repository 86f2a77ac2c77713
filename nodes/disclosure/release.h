/* SPDX-License-Identifier: MIT
 * Small numbers: which anonymised incidents may be released, which are held (disclosure.md 5). Pure. */
#ifndef NODES_DISCLOSURE_RELEASE_H
#define NODES_DISCLOSURE_RELEASE_H

#include "nodes/disclosure/areas.h"
#include "upstander/message.h"
#include "message.pb-c.h"

/* One incident as the release rule sees it. */
struct release_item {
    const Up__Cell *cell; /* from disclose() at ANONYMISED */
    const char *victim; /* key of the distinct victim or household; NULL: not known, all NULLs of a
                                  cell count together as one */
    size_t index;       /* the caller's own */
};
struct release_items {
    const struct release_item *list;
    size_t count;
};
struct release_config {
    const char *area;   /* audience: a local authority (release) or police area (statistics) */
    const char *window; /* "2026-Q4" */
    unsigned k;
    const struct areas *areas;
};
/* release_make: cells of local authority, quarter and strand set with at least k distinct victims, sorted by
 * strand set; the rest is held. Same input in any order: same output.
 *   ret_release lives in the arena (release_id left empty). ret_taken: a flag beside each item. */
UP_CHECKED enum up_err release_make(const struct release_items *items,
                                    const struct release_config *config, struct arena *arena,
                                    Up__Release **ret_release, bool **ret_taken);
/* release_statistics: quarterly counts by strand set for a governance body, suppressed below k with a
 * complementary cell. ret_taken: true where the incident stands in an unsuppressed row. */
UP_CHECKED enum up_err release_statistics(const struct release_items *items,
                                          const struct release_config *config, struct arena *arena,
                                          Up__StatisticsReturn **ret_return, bool **ret_taken);
/* release_quarter: "2026-11" or "2026-11-03..." to "2026-Q4"; UP_INVALID when there is no month. */
UP_CHECKED enum up_err release_quarter(const char *period, char ret_window[static 8]);

#endif
