/* SPDX-License-Identifier: MIT
 * A decision in plain English: what a member may see, which inputs hold it there, and the smallest changes that would
 * let it see more (disclosure.md 7). It reads what entitlement_decide remembered, and asks it again where an input hides
 * others; it decides nothing. Pure. */
#ifndef NODES_DISCLOSURE_WHY_H
#define NODES_DISCLOSURE_WHY_H

#include "nodes/disclosure/entitlement.h"
#include "upstander/message.h"

/* Who or what would have to change; bits of a set. */
enum why_lever {
    WHY_CHOICE = 1,        /* the person, for this kind of organisation */
    WHY_MEMBER_CHOICE = 2, /* the person, for this very organisation */
    WHY_AGREEMENT = 4,
    WHY_NODE_CEILING = 8, /* this organisation's own limit */
    WHY_RECEIVED = 16,    /* what this organisation itself was given */
    WHY_ONWARD = 32,      /* the terms that it came with */
    WHY_AREA = 64,        /* where it happened */
    WHY_STATUS = 128,     /* the directory: the recipient takes part */
};

/* One step up: all of `levers` must change, each to allow at least `sees`, and then it may see exactly that. */
struct why_step {
    struct entitlement sees;
    unsigned levers; /* union of enum why_lever */
    const char *text;
};

enum { WHY_STEPS_MAX = 10, WHY_REASONS_MAX = ENTITLEMENT_PARTS_MAX + 8 };
struct why {
    const char *sees;                     /* "everything, without who did it" */
    const char *reasons[WHY_REASONS_MAX]; /* all inputs that hold it there, a sentence each */
    size_t reason_count;
    struct why_step steps[WHY_STEPS_MAX]; /* ascending */
    size_t step_count;
    const char *never;     /* what nothing could change: a sentence; NULL when there is no such bound */
    char moved_to[10];     /* with WHY_AREA in a step: the area of the recipient it was computed for; else empty */
};

/* why_make: verdict is what entitlement_decide gave for inputs. source: name of the member that this node has the report
 * from; NULL when it was taken here. All texts live in the arena. UP_NO_MEMORY is the only error. */
UP_CHECKED enum up_err why_make(const struct entitlement_inputs *inputs,
                                const struct verdict *verdict, const char *source,
                                struct arena *arena, struct why **ret_why);

/* why_sees: "what happened, without who", "everything, without who did it". In the arena; NULL: no memory. */
const char *why_sees(struct entitlement e, struct arena *arena);
/* why_kind: the kind of organisation, as several: "police forces". */
const char *why_kind(enum role role);
/* why_day: "2026-11-03" or "2026-11" as "3 November 2026", "November 2026"; what is no date comes back as it is. */
void why_day(const char *date, char ret_text[static 32]);

#endif
