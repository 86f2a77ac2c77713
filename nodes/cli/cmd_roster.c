/* SPDX-License-Identifier: MIT
 * roster: the table of its steps. */
#include "nodes/cli/cmd_roster.h"

#include <stdio.h>
#include <string.h>

#include "nodes/cli/args.h"

static const char help[] =
    "usage: upstander roster STEP FILE [options]\n"
    "Writes, signs, checks and installs the directory: who is a member, and what may be shared "
    "with\n"
    "whom. Every change takes all signatures off. `upstander roster STEP --help` tells more.\n"
    "  new         begin a directory with its signatories\n"
    "  add         add an organisation\n"
    "  hub         add a broker\n"
    "  agreement   add a sharing agreement\n"
    "  revoke      shut an organisation out\n"
    "  renew       put the expiry later\n"
    "  sign        sign it\n"
    "  show        print it\n"
    "  verify      check signatures, expiry and contents\n"
    "  stewards    print the digest of its signatories, to be confirmed by voice\n"
    "  install     put it in force at the node\n";

static const struct {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
} steps[] = {
    {"new", cmd_roster_new},         {"add", cmd_roster_add},
    {"hub", cmd_roster_hub},         {"agreement", cmd_roster_agreement},
    {"revoke", cmd_roster_revoke},   {"renew", cmd_roster_renew},
    {"sign", cmd_roster_sign},       {"show", cmd_roster_show},
    {"verify", cmd_roster_verify},   {"stewards", cmd_roster_stewards},
    {"install", cmd_roster_install},
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

const struct cli_command cmd_roster_command = {
    "roster", "write, sign, check and install the directory", help, run};
