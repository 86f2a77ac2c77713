/* SPDX-License-Identifier: MIT
 * The person's choice, asked by presets; finer choices are one step deeper. Used inside nodes/cli only. */
#ifndef NODES_CLI_SHARING_H
#define NODES_CLI_SHARING_H

#include <stdbool.h>

#include "api.pb-c.h"
#include "nodes/cli/choices.h"

struct sharing {
    const Up__PresetList *presets;
    enum choices_wording wording;
    const char *today; /* "YYYY-MM-DD", Europe/London */
};

/* sharing_ask: ret_choice in the arena, with the version of the wording that was read out. A role that is left open is not
 * in it, and gets nothing. ret_left: the input ended; nothing was made then. UP_NO_MEMORY. */
UP_CHECKED enum up_err sharing_ask(const struct sharing *sharing, struct arena *arena,
                                   Up__SharingChoice **ret_choice, bool *ret_left);
/* sharing_day_after: the day so many days after a day; false when it is no day. */
bool sharing_day_after(const char *day, unsigned days, char ret_day[static 11]);

#endif
