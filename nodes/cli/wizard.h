/* SPDX-License-Identifier: MIT
 * A report, question by question. Each answer is kept in a draft file (mode 0600) before the next
 * question is asked. Used inside nodes/cli only. */
#ifndef NODES_CLI_WIZARD_H
#define NODES_CLI_WIZARD_H

#include "api.pb-c.h"
#include "nodes/cli/cli.h"
#include "nodes/cli/sharing.h"
#include "upstander/message.h"

/* wizard_run: CLI_OK with a whole report in the arena; CLI_FAILED when it was left, or a life is at
 * risk and nobody was rung: the draft stays. The sharing's today is filled in when it is asked. */
int wizard_run(struct cli *cli, const char *draft_path, const struct sharing *sharing,
               Up__Report **ret_report);

/* What goes to a draft file and comes from it: "step N", a newline, the report as JSON. */
UP_CHECKED enum up_err wizard_draft_format(const Up__Report *report, size_t step,
                                           struct up_bytes *ret_bytes);
UP_CHECKED enum up_err wizard_draft_parse(struct up_view bytes, struct arena *arena,
                                          Up__Report **ret_report, size_t *ret_step);
/* wizard_time_is_formed: as precise as it is known: "2026", "2026-11", "2026-11-03", with "T14" or
 * "T14:25". */
bool wizard_time_is_formed(const char *time);

#endif
