/* SPDX-License-Identifier: MIT
 * Text for people. What came from outside never reaches a terminal with its control characters.
 * Used inside nodes/cli only. */
#ifndef NODES_CLI_PRINT_H
#define NODES_CLI_PRINT_H

#include <stdio.h>

#include "nodes/cli/cli.h"
#include "upstander/view.h"

#define PRINT_BANNER "EXERCISE - not real"

/* print_safe: text with control characters, and marks that turn the direction of writing, shown as
 * "?". Lines after the first are indented by so many blanks. print_width: columns that print_safe
 * takes for one line. */
void print_safe(FILE *out, const char *text, unsigned indent);
size_t print_width(const char *text);
/* print_fault: one line on standard error. Returns CLI_FAILED. */
int print_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* print_why: the same for an error that a function explained. */
int print_why(enum up_err err, const struct up_why *why);
/* print_banner: once per run, when it is an exercise. */
void print_banner(struct cli *cli, FILE *out, bool exercise);
/* print_json: a reply as it came, with a newline. */
void print_json(struct up_view text);

#endif
