/* SPDX-License-Identifier: MIT
 * Questions on the terminal. Answers are read from standard input, so that they can also come from
 * a pipe. Used inside nodes/cli only. */
#ifndef NODES_CLI_ASK_H
#define NODES_CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "upstander/view.h"

/* ask_input: all of standard input. UP_TOO_LARGE past len_max, UP_IO. The caller owns ret_bytes. */
UP_CHECKED enum up_err ask_input(size_t len_max, struct up_bytes *ret_bytes);
bool ask_is_terminal(void); /* is somebody there who can answer? */
/* ask_text: one line without its end; empty when nothing was typed. False at the end of the
 * input. */
bool ask_text(const char *question, char *ret_text, size_t len_max);
/* ask_long: lines up to one with a single full stop. */
bool ask_long(const char *question, char *ret_text, size_t len_max);
/* ask_yes: 1 yes, 0 no, fallback when nothing was typed, -1 at the end of the input. */
int ask_yes(const char *question, int fallback);
/* ask_choice: a number from 1 to count, 0 when nothing was typed, -1 at the end of the input. */
int ask_choice(const char *question, const char *const *options, size_t count);
/* ask_many: numbers with blanks between; ret_chosen is a set of bits (bit 0: the first). False at
 * the end. */
bool ask_many(const char *question, const char *const *options, size_t count,
              unsigned long *ret_chosen);

#endif
