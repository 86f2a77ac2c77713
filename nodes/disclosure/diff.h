/* SPDX-License-Identifier: MIT
 * What a new directory would change: every verdict that differs, found by deciding all of them twice (disclosure.md 4).
 * Pure. */
#ifndef NODES_DISCLOSURE_DIFF_H
#define NODES_DISCLOSURE_DIFF_H

#include <stdint.h>

#include "nodes/disclosure/entitlement.h"

/* What a person may have said: each level with each withheld set, or nothing, because nobody asked. Not asked stands
 * twice: for a report that its sender took itself, where a standing basis may stand in, and for any other. */
enum {
    DIFF_CHOICES = 5 * 16,
    DIFF_NOT_ASKED_OWN = DIFF_CHOICES,
    DIFF_NOT_ASKED,
    DIFF_CASES,
};
/* diff_case_choice: the choice of a case below DIFF_CHOICES. */
struct entitlement diff_case_choice(unsigned index);

struct diff_inputs {
    const Up__Roster *before; /* signed_by of its agreements filled */
    const Up__Roster *after;
    const struct areas *areas;
    const char *today;
};

/* One place of one pair of members; every local authority and every police area of the table is one. */
struct diff_place {
    const Up__Member *sender; /* as it stands after; before, when it is gone */
    const Up__Member *recipient;
    const char *area;
    struct verdict before[DIFF_CASES];
    struct verdict after[DIFF_CASES];
};

struct diff_count {
    uint64_t compared; /* verdicts */
    uint64_t changed;
    uint64_t raised;  /* something more may be seen; a change can be raised and lowered at once */
    uint64_t lowered;
};

/* diff_rosters: call found for each place where any verdict differs; by sender, recipient, area in their order. A pair
 * whose recipient covers a place in neither directory is left out: nothing is shared there before or after. */
typedef void diff_found(void *context, const struct diff_place *place);
struct diff_count diff_rosters(const struct diff_inputs *inputs, diff_found *found, void *context);

/* What may have been written by mistake. */
enum diff_mistake_kind {
    DIFF_LOCKED_OUT = 1, /* too few of the earlier signatories are left: no node would take it. subject: empty */
    DIFF_SIGNATORY_GONE, /* subject: name of the signatory that could sign and can't now */
    DIFF_AREA_CUT_OFF,   /* subject: the area's code; role: of whom it had one */
    DIFF_CEILING_RAISED, /* subject, other: sender and recipient */
    DIFF_K_LOWERED,
};
struct diff_mistake {
    enum diff_mistake_kind kind;
    enum role role;
    const char *subject;
    const char *other;
    const char *area;
    struct entitlement ceilings[2]; /* before, after */
    unsigned k[2];
};
/* diff_mistakes: at most max of them into ret_list; the number of all that there are. Codes of areas are compared as they
 * stand; no table is needed. */
size_t diff_mistakes(const struct diff_inputs *inputs, struct diff_mistake *ret_list, size_t max);

#endif
