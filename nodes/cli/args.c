/* SPDX-License-Identifier: MIT */
#include "nodes/cli/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int args_wrong(const char *format, ...)
{
    va_list list;

    (void)fputs("upstander: ", stderr);
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputs(" (--help tells how)\n", stderr);
    return CLI_USAGE;
}

static const struct args_option *option_find(const struct args_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        if (strcmp(spec->options[i].name, name) == 0)
            return &spec->options[i];
    }
    return NULL;
}

/* A lone "-" is a word: standard input. */
static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0';
}

static int list_add(struct args_list *list, const char *item)
{
    if (list->count == ARGS_LIST_MAX)
        return args_wrong("more than %d words", ARGS_LIST_MAX);
    list->items[list->count++] = item;
    return ARGS_GO_ON;
}

/* Takes the value or values after argv[at]; ret_at is the last one taken. */
static int value_take(const struct args_option *option, int argc, char **argv, int *ret_at)
{
    int at = *ret_at;
    char *end = NULL;
    int result = ARGS_GO_ON;

    if (option->kind == ARGS_FLAG) {
        *(bool *)option->value = true;
        return ARGS_GO_ON;
    }
    if (at + 1 >= argc)
        return args_wrong("%s needs a value", option->name);
    at++;
    if (option->kind == ARGS_TEXT) {
        *(const char **)option->value = argv[at];
    } else if (option->kind == ARGS_NUMBER) {
        errno = 0;
        *(int64_t *)option->value = strtoll(argv[at], &end, 10);
        if (errno || end == argv[at] || *end != '\0' || *(int64_t *)option->value < 1)
            return args_wrong("%s needs a whole number from 1", option->name);
    } else {
        result = list_add(option->value, argv[at]);
        while (result == ARGS_GO_ON && at + 1 < argc && !is_option(argv[at + 1]))
            result = list_add(option->value, argv[++at]);
    }
    *ret_at = at;
    return result;
}

static int common_take(struct cli *cli, const struct args_spec *spec, int argc, char **argv,
                       int *ret_at)
{
    const char *name = argv[*ret_at];

    if (strcmp(name, "--help") == 0) {
        (void)fputs(spec->help, stdout);
        (void)fputs(
            "  --socket PATH   the node's socket (else $UPSTANDER_SOCKET, else ./node.sock)\n"
            "  --json          print JSON\n"
            "  --help          this text\n"
            "Exit status: 0 done, 1 refused or failed, 2 wrong words, 3 no node answers.\n",
            stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--json") == 0) {
        cli->json = true;
        return ARGS_GO_ON;
    }
    if (strcmp(name, "--socket") == 0) {
        if (*ret_at + 1 >= argc)
            return args_wrong("--socket needs a path");
        cli->socket_path = argv[++*ret_at];
        return ARGS_GO_ON;
    }
    return args_wrong("no option %s here", name);
}

int args_parse(struct cli *cli, const struct args_spec *spec, int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        const struct args_option *option = option_find(spec, argv[at]);
        int result = ARGS_GO_ON;

        if (option)
            result = value_take(option, argc, argv, &at);
        else if (is_option(argv[at]))
            result = common_take(cli, spec, argc, argv, &at);
        else
            result = list_add(spec->words, argv[at]);
        if (result != ARGS_GO_ON)
            return result;
    }
    if (spec->words->count < spec->words_min)
        return args_wrong("something is missing");
    if (spec->words->count > spec->words_max)
        return args_wrong("too many words");
    return ARGS_GO_ON;
}
