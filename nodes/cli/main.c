/* SPDX-License-Identifier: MIT
 * upstander: the command for people and scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "nodes/cli/cli.h"
#include "nodes/cli/client.h"
#include "nodes/cli/print.h"
#include "upstander/keys.h"
#include "upstander/limits.h"

static const struct cli_command *const commands[] = {
    &cmd_init_command,       &cmd_roster_command,   &cmd_report_command,    &cmd_preview_command,
    &cmd_send_command,       &cmd_import_command,   &cmd_sent_command,      &cmd_inbox_command,
    &cmd_show_command,       &cmd_export_command,   &cmd_recorded_command,  &cmd_status_command,
    &cmd_audit_command,      &cmd_publish_command,  &cmd_agreement_command, &cmd_explain_command,
    &cmd_forward_command,    &cmd_override_command, &cmd_account_command,   &cmd_attach_command,
    &cmd_attachment_command, &cmd_action_command,   &cmd_done_command,
};

static void usage(FILE *out)
{
    (void)fputs("usage: upstander COMMAND [words] [--socket PATH] [--json]\n"
                "In an emergency ring 999 first.\n\n",
                out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        (void)fprintf(out, "  %-9s  %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs("\n`upstander COMMAND --help` tells more.\n"
                "The node is found at --socket, else $UPSTANDER_SOCKET, else ./node.sock.\n"
                "Exit status: 0 done, 1 refused or failed, 2 wrong words, 3 no node answers.\n",
                out);
}

int main(int argc, char **argv)
{
    const char *socket_path = getenv("UPSTANDER_SOCKET");
    struct cli cli = {.socket_path =
                          socket_path && socket_path[0] != '\0' ? socket_path : "node.sock"};
    const struct cli_command *command = NULL;
    int result = CLI_USAGE;

    guard_process();
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        usage(stdout);
        return CLI_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)puts("upstander " UPSTANDER_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i]->name, argv[1]) == 0)
            command = commands[i];
    }
    if (!command) {
        if (argc > 1)
            (void)print_fault("no command is called \"%s\"", argv[1]);
        usage(stderr);
        return CLI_USAGE;
    }
    if (keys_init() || arena_new(UP_ARENA_LEN_MAX, &cli.arena))
        return print_fault("%s", up_err_text(UP_NO_MEMORY));
    result = command->run(&cli, argc - 1, argv + 1);
    client_destroy(&cli.client);
    arena_destroy(&cli.arena);
    if (fflush(stdout) != 0 && result == CLI_OK) /* a full disk behind ">" is a failure */
        result = print_fault("can't write the output");
    return result;
}
