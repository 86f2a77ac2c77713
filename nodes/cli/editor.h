/* SPDX-License-Identifier: MIT
 * A text in the person's editor, in a private folder that is wiped afterwards. Used inside nodes/cli only. */
#ifndef NODES_CLI_EDITOR_H
#define NODES_CLI_EDITOR_H

#include "upstander/view.h"

/* editor_run: $VISUAL, $EDITOR or vi on a file of mode 0600 in a new folder of mode 0700 below $XDG_RUNTIME_DIR, else
 * $TMPDIR, else /tmp. Whatever is in the folder when the editor ends is overwritten and removed; what an editor keeps
 * elsewhere is not known. The caller owns ret_text. UP_IO, UP_TOO_LARGE past len_max, UP_NO_MEMORY; why says what. */
UP_CHECKED enum up_err editor_run(struct up_view text, size_t len_max, struct up_bytes *ret_text,
                                  struct up_why *why);

#endif
