/* SPDX-License-Identifier: MIT
 * A release or return as a council reads it: rows, what they add up to, and why something is missing; as text, CSV and
 * JSON under a name that stays (disclosure.md 5). Used inside nodes/cli only. */
#ifndef NODES_CLI_FIGURES_H
#define NODES_CLI_FIGURES_H

#include <stdbool.h>
#include <stdio.h>

#include "api.pb-c.h"
#include "upstander/message.h"

/* figures_is: is the item a release or a return? */
bool figures_is(const Up__InboxItem *item);
/* figures_print: as text. figures_csv: as comma-separated values, see upstander-figures(5). */
void figures_print(FILE *out, const Up__InboxItem *item);
void figures_csv(FILE *out, const Up__InboxItem *item);
/* figures_make: item and sums as one message, for JSON. In the arena; borrows the item. */
UP_CHECKED enum up_err figures_make(const Up__InboxItem *item, struct arena *arena,
                                    Up__Figures **ret_figures);
/* figures_name: "figures-FROM-E23000022-2023" or "counts-...": the same for each revision. false: what is in it is no
 * name of a file. */
enum { FIGURES_NAME_MAX = 96 };
bool figures_name(const Up__InboxItem *item, char ret_name[static FIGURES_NAME_MAX]);

#endif
