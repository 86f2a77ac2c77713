/* SPDX-License-Identifier: MIT
 * The safeguarding override: the one way past what a person chose (disclosure.md 1). Pure. */
#ifndef NODES_DISCLOSURE_OVERRIDE_H
#define NODES_DISCLOSURE_OVERRIDE_H

#include "nodes/disclosure/entitlement.h"
#include "upstander/view.h"

/* An override that the people it needs have put in force. */
struct override {
    const char *member;
    unsigned withheld;         /* union of enum group: left out all the same */
    const char *ends_on;       /* "YYYY-MM-DD": the last day */
    bool exclusion_overridden; /* the person excluded the member by name, and that is overridden in words */
};

/* override_excludes: did the person exclude that member by name? */
bool override_excludes(const Up__SharingChoice *choice, const char *member);
/* override_apply: the verdict of those inputs, raised to IDENTIFIED without the groups named. Unchanged where the
 * recipient is another member, no police member or not active; where the override has ended or its end can't be read;
 * where the person excluded the member by name and that is not overridden; and where it would not be a raise: what the
 * recipient may have anyway is never lowered by it. */
struct verdict override_apply(struct verdict verdict, const struct override *override,
                              const struct entitlement_inputs *inputs);

/* A row of the list of reasons (deploy/codes/override_reasons.csv). */
struct override_reason {
    struct up_view code;
    struct up_view name;
    unsigned version; /* of the list, as of the row */
    bool alone;       /* one person may act on it */
};
/* override_reason_next: the row at *offset of the list's text, which moves behind it; false at the end. */
bool override_reason_next(struct up_view list, size_t *offset, struct override_reason *ret_reason);
/* override_reason_find: UP_NOT_FOUND. */
UP_CHECKED enum up_err override_reason_find(struct up_view list, const char *code,
                                            struct override_reason *ret_reason);

#endif
