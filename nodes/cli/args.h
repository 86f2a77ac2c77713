/* SPDX-License-Identifier: MIT
 * Options of a subcommand from one table. --socket, --json and --help work everywhere. Used inside
 * nodes/cli only. */
#ifndef NODES_CLI_ARGS_H
#define NODES_CLI_ARGS_H

#include <stdint.h>

#include "nodes/cli/cli.h"

enum { ARGS_LIST_MAX = 512, ARGS_GO_ON = -1 };

struct args_list {
    const char *items[ARGS_LIST_MAX];
    size_t count;
};

enum args_kind {
    ARGS_FLAG,   /* value: bool */
    ARGS_TEXT,   /* value: const char * */
    ARGS_NUMBER, /* value: int64_t, from 1 */
    ARGS_LIST,   /* value: struct args_list; takes every word up to the next option */
};

struct args_option {
    const char *name; /* "--area" */
    enum args_kind kind;
    void *value;
};

struct args_spec {
    const char *help;
    const struct args_option *options;
    size_t option_count;
    struct args_list *words; /* those that belong to no option */
    size_t words_min;
    size_t words_max;
};

/* args_parse: ARGS_GO_ON, or the exit code to end with (help was printed, or what is wrong with the
 * words). */
int args_parse(struct cli *cli, const struct args_spec *spec, int argc, char **argv);
/* args_wrong: says so on standard error and returns CLI_USAGE. */
int args_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
