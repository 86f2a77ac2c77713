/* SPDX-License-Identifier: MIT
 * Runs the program that makes a file anew without its metadata, in a process of its own. */
#ifndef BASE_CLEAN_H
#define BASE_CLEAN_H

#include <stdbool.h>

#include "upstander/err.h"
#include "upstander/view.h"

/* clean_find: the program beside the one that runs: its path, "" if it does not fit. */
enum { CLEAN_PATH_LEN_MAX = 1024 };
void clean_find(char ret_path[static CLEAN_PATH_LEN_MAX]);
/* clean_run: the file through the program: in on its standard input, out of its standard output, within
 *   UP_ATTACHMENT_CLEAN_MS; blocks so long. UP_INVALID: it refused the file, why says what to do (its own sentence, which
 *   holds nothing of the file). UP_TOO_LARGE: more than len_max came. UP_IO: the program can't be run, or did not end. The
 *   caller owns ret_clean. */
UP_CHECKED enum up_err clean_run(const char *program, struct up_view file, size_t len_max,
                                 struct up_bytes *ret_clean, struct up_why *why);

#endif
