/* SPDX-License-Identifier: MIT
 * A sharing agreement in plain English, as those read it who sign it. Used inside nodes/cli only. */
#ifndef NODES_CLI_PROSE_H
#define NODES_CLI_PROSE_H

#include <stdio.h>

#include "roster.pb-c.h"

/* prose_agreement: every term of it, one sentence each, and who signed. Names come from the roster. */
void prose_agreement(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement);

#endif
