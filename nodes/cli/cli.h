/* SPDX-License-Identifier: MIT
 * What every subcommand shares. Used inside nodes/cli only. */
#ifndef NODES_CLI_CLI_H
#define NODES_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "upstander/message.h"

/* Exit codes, as the man page promises them. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3 };

struct client;

struct cli {
    const char *socket_path; /* --socket, $UPSTANDER_SOCKET, ./node.sock */
    bool json;
    struct arena *arena;
    struct client *client; /* connects on first use */
    bool banner_shown;
};

struct cli_command {
    const char *name;
    const char *summary;
    const char *help;
    int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct cli_command cmd_init_command;
extern const struct cli_command cmd_roster_command;
extern const struct cli_command cmd_report_command;
extern const struct cli_command cmd_account_command;
extern const struct cli_command cmd_preview_command;
extern const struct cli_command cmd_send_command;
extern const struct cli_command cmd_import_command;
extern const struct cli_command cmd_sent_command;
extern const struct cli_command cmd_inbox_command;
extern const struct cli_command cmd_show_command;
extern const struct cli_command cmd_export_command;
extern const struct cli_command cmd_recorded_command;
extern const struct cli_command cmd_forward_command;
extern const struct cli_command cmd_override_command;
extern const struct cli_command cmd_status_command;
extern const struct cli_command cmd_audit_command;
extern const struct cli_command cmd_publish_command;
extern const struct cli_command cmd_attach_command;
extern const struct cli_command cmd_action_command;
extern const struct cli_command cmd_done_command;
extern const struct cli_command cmd_attachment_command;
extern const struct cli_command cmd_explain_command;
extern const struct cli_command cmd_agreement_command;

#endif
