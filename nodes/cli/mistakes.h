/* SPDX-License-Identifier: MIT
 * What looks like a mistake in a directory that is about to be signed. Used inside nodes/cli only. */
#ifndef NODES_CLI_MISTAKES_H
#define NODES_CLI_MISTAKES_H

#include "nodes/cli/rosterfile.h"

/* mistakes_before: path of the version that was last signed by enough, kept beside a directory that is being written. */
enum { MISTAKES_PATH_MAX = 1024 };
UP_CHECKED enum up_err mistakes_before(const char *path, char ret_before[static MISTAKES_PATH_MAX]);
/* mistakes_check: compare the draft with that version, or with the one at before_path (NULL: none named), and print each
 * change that probably nobody wants on standard error. CLI_OK when there is none, nothing to compare, or really is true. */
int mistakes_check(struct cli *cli, const struct rosterfile *draft, const char *before_path,
                   bool really);

#endif
