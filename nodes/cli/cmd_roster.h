/* SPDX-License-Identifier: MIT
 * The steps of `upstander roster`. Used inside nodes/cli only. */
#ifndef NODES_CLI_CMD_ROSTER_H
#define NODES_CLI_CMD_ROSTER_H

#include "nodes/cli/cli.h"

/* Writing the directory: cmd_roster_edit.c */
int cmd_roster_new(struct cli *cli, int argc, char **argv);
int cmd_roster_add(struct cli *cli, int argc, char **argv);
int cmd_roster_hub(struct cli *cli, int argc, char **argv);
int cmd_roster_agreement(struct cli *cli, int argc, char **argv);
int cmd_roster_revoke(struct cli *cli, int argc, char **argv);
int cmd_roster_renew(struct cli *cli, int argc, char **argv);
/* Signing, reading and installing it: cmd_roster_sign.c */
int cmd_roster_sign(struct cli *cli, int argc, char **argv);
int cmd_roster_show(struct cli *cli, int argc, char **argv);
int cmd_roster_verify(struct cli *cli, int argc, char **argv);
int cmd_roster_stewards(struct cli *cli, int argc, char **argv);
int cmd_roster_install(struct cli *cli, int argc, char **argv);

#endif
