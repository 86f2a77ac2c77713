/* SPDX-License-Identifier: MIT
 * agreement: the table of its steps. */
#include <stdio.h>
#include <string.h>

#include "nodes/cli/cmd_agreement.h"

static const char help[] =
    "usage: upstander agreement STEP [words]\n"
    "Sharing agreements: what one organisation may share with another. They bind those that "
    "signed\n"
    "them; signatories of the directory only list them. `upstander agreement STEP --help` tells "
    "more.\n"
    "  show      print them, in plain English with --prose\n"
    "  diff      what a new directory would change, before it is signed\n"
    "  sign      sign for your organisation\n"
    "  collect   bring signatures of several organisations together\n"
    "  suspend   stop what goes under one, at once\n"
    "  resume    take that back\n";

static const struct {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
} steps[] = {
    {"show", cmd_agreement_show},       {"diff", cmd_agreement_diff},
    {"sign", cmd_agreement_sign},       {"collect", cmd_agreement_collect},
    {"suspend", cmd_agreement_suspend}, {"resume", cmd_agreement_resume},
};

static int run(struct cli *cli, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(help, stdout);
        return CLI_OK;
    }
    for (size_t i = 0; argc > 1 && i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, argv[1]) == 0)
            return steps[i].run(cli, argc - 1, argv + 1);
    }
    (void)fputs(help, stderr);
    return CLI_USAGE;
}

const struct cli_command cmd_agreement_command = {
    "agreement", "read, compare, sign and suspend sharing agreements", help, run};
