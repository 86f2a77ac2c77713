/* SPDX-License-Identifier: MIT
 * What a recipient may pass on of what it is told, as its originator says it (disclosure.md 3 class onward). Pure. */
#ifndef NODES_DISCLOSURE_ONWARD_H
#define NODES_DISCLOSURE_ONWARD_H

#include "nodes/disclosure/entitlement.h"
#include "upstander/message.h"

/* onward_make: inputs are those of the recipient's own decision at the originator (received is false); what raises that
 * decision has no part in it. ret_onward, in the arena; NULL where nothing may be passed on: the recipient gets less
 * than a message of its own, or nobody is permitted.
 *   ceilings            by role, ascending: what the person chose for the role, never above what the recipient gets,
 *                       what any of that role may have, and this node's own limit for it. Only of roles somebody of
 *                       which is permitted.
 *   permitted_members   sorted: whom this node itself would tell something now, but neither the recipient nor this
 *                       node; and whose own choice allows all of the ceiling.
 *   expires             the month in which the first of the choices it rests on runs out; empty: none does.
 * UP_NO_MEMORY is the only error. */
UP_CHECKED enum up_err onward_make(const struct entitlement_inputs *inputs, struct arena *arena,
                                   Up__Onward **ret_onward);

#endif
