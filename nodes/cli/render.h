/* SPDX-License-Identifier: MIT
 * A received item as text for people: safety first. Used inside nodes/cli only. */
#ifndef NODES_CLI_RENDER_H
#define NODES_CLI_RENDER_H

#include <stdbool.h>
#include <stdio.h>

#include "api.pb-c.h"

/* render_item: to a terminal or a file; control characters are replaced. */
void render_item(FILE *out, const Up__InboxItem *item, bool exercise);
/* render_incident: the incident alone. */
void render_incident(FILE *out, const Up__Incident *incident);

#endif
