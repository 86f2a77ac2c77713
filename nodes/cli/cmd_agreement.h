/* SPDX-License-Identifier: MIT
 * The steps of `upstander agreement`. Used inside nodes/cli only. */
#ifndef NODES_CLI_CMD_AGREEMENT_H
#define NODES_CLI_CMD_AGREEMENT_H

#include "nodes/cli/cli.h"

/* Reading: cmd_agreement_show.c */
int cmd_agreement_show(struct cli *cli, int argc, char **argv);
int cmd_agreement_diff(struct cli *cli, int argc, char **argv);
/* Binding: cmd_agreement_sign.c */
int cmd_agreement_sign(struct cli *cli, int argc, char **argv);
int cmd_agreement_collect(struct cli *cli, int argc, char **argv);
int cmd_agreement_suspend(struct cli *cli, int argc, char **argv);
int cmd_agreement_resume(struct cli *cli, int argc, char **argv);

#endif
