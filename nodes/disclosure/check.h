/* SPDX-License-Identifier: MIT
 * Is an incident well formed? What is not discloses as WITHHELD (disclosure.md 4, law 6). Pure. */
#ifndef NODES_DISCLOSURE_CHECK_H
#define NODES_DISCLOSURE_CHECK_H

#include "incident.pb-c.h"
#include "nodes/disclosure/areas.h"
#include "upstander/err.h"

/* check_incident: UP_INVALID with the field's path in why (never its value). */
UP_CHECKED enum up_err check_incident(const Up__Incident *incident, const struct areas *areas,
                                      struct up_why *why);
/* check_cell: the same for a cell alone. */
UP_CHECKED enum up_err check_cell(const Up__Cell *cell, const struct areas *areas,
                                  struct up_why *why);

/* check_attachments: the list alone, for what came from others: its numbers become lengths of memory and of loops. */
UP_CHECKED enum up_err check_attachments(const Up__Incident *incident, struct up_why *why);

#endif
