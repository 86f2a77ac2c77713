/* SPDX-License-Identifier: MIT
 * What a council can act on today without anybody's data: an object in a public place (disclosure.md 5). Pure. */
#ifndef NODES_DISCLOSURE_ACTION_H
#define NODES_DISCLOSURE_ACTION_H

#include <stdbool.h>

#include "message.pb-c.h"
#include "nodes/disclosure/entitlement.h"

/* action_check: UP_INVALID with the field and what is wrong in why: no object, no text or too long, no known local
 * authority, no day on which it was seen. today: "YYYY-MM-DD", NULL: any day. */
UP_CHECKED enum up_err action_check(const Up__ActionItem *item, const struct areas *areas,
                                    const char *today, struct up_why *why);
/* action_done_check: the same for an answer. */
UP_CHECKED enum up_err action_done_check(const Up__Done *done, struct up_why *why);
/* action_may_go: is the recipient a council of that place, does an agreement in force between both cover it, does each that
 * does allow anything at all and name this kind of message, or none, and does this node let anything go to it? inputs:
 * sender, recipient, roster, areas, today, the node's ceilings; nothing of a report. */
bool action_may_go(const Up__ActionItem *item, const struct entitlement_inputs *inputs);

#endif
