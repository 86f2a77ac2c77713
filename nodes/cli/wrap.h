/* SPDX-License-Identifier: MIT
 * Sentences broken into lines at blanks. Used inside nodes/cli only. */
#ifndef NODES_CLI_WRAP_H
#define NODES_CLI_WRAP_H

#include <stdio.h>

/* wrap_width: columns of the terminal: $COLUMNS, else what the terminal on standard output says, else 80; at least
 * 20. */
unsigned wrap_width(void);
/* wrap_print: text as print_safe shows it, with `before` in front of the first line and as many blanks in front of the
 * others; a word that fits no line stands on one of its own. Ends with a newline. */
void wrap_print(FILE *out, const char *before, const char *text, unsigned width);

#endif
