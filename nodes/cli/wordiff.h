/* SPDX-License-Identifier: MIT
 * The difference of two texts, word by word, for people. Used inside nodes/cli only. */
#ifndef NODES_CLI_WORDIFF_H
#define NODES_CLI_WORDIFF_H

#include <stdbool.h>
#include <stdio.h>

#include "upstander/err.h"

/* wordiff_print: the text `after`, with [-what was taken out-] and {+what was put in+}; in colour too, if asked. Lines
 * stay as they are in `after`. UP_NO_MEMORY. */
UP_CHECKED enum up_err wordiff_print(FILE *out, const char *before, const char *after, bool colour);

#endif
