/* SPDX-License-Identifier: MIT
 * What each organisation would receive, shown before anything is shared. Used inside nodes/cli
 * only. */
#ifndef NODES_CLI_PREVIEW_H
#define NODES_CLI_PREVIEW_H

#include "api.pb-c.h"
#include "nodes/cli/cli.h"

/* preview_report: fetch and print; full: also what each would read. preview_import: counts by
 * organisation. */
/* preview_at: the same for what stands at that path of the API. */
int preview_at(struct cli *cli, const char *path, bool full);
int preview_report(struct cli *cli, const char *ref, bool full);
int preview_import(struct cli *cli, const char *import_id);

#endif
