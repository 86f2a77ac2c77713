/* SPDX-License-Identifier: MIT
 * sent: what was shared with whom, and where it stands. */
#include <stdio.h>
#include <string.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/table.h"

static const char help[] = "usage: upstander sent [REF]\n"
                           "       upstander sent --import ID [--all]\n"
                           "Lists what was shared with whom: saved here, on its way, arrived, read "
                           "by a person, has a police\n"
                           "number. Without REF: every report that came by itself.\n"
                           "  --import ID     totals of an import by organisation\n"
                           "  --all           each line of it\n";

enum { TOTALS_MAX = 1024 };

struct total {
    char member[40];
    char may_see[NAMES_LEN_MAX];
    char status[64];
    unsigned count;
};

struct sent {
    struct table *table;
    struct total *totals; /* of an import; NULL: line by line */
    size_t total_count;
    size_t lines;
};

static enum up_err total_add(struct sent *sent, const Up__SentLine *line, const char *may_see)
{
    for (size_t i = 0; i < sent->total_count; i++) {
        struct total *total = &sent->totals[i];

        if (strcmp(total->member, line->member) == 0 && strcmp(total->status, line->status) == 0 &&
            strcmp(total->may_see, may_see) == 0) {
            total->count++;
            return UP_OK;
        }
    }
    if (sent->total_count == TOTALS_MAX)
        return UP_TOO_LARGE;
    (void)snprintf(sent->totals[sent->total_count].member, sizeof sent->totals->member, "%s",
                   line->member);
    (void)snprintf(sent->totals[sent->total_count].may_see, sizeof sent->totals->may_see, "%s",
                   may_see);
    (void)snprintf(sent->totals[sent->total_count].status, sizeof sent->totals->status, "%s",
                   line->status);
    sent->totals[sent->total_count++].count = 1;
    return UP_OK;
}

static enum up_err line_add(struct sent *sent, const Up__SentLine *line)
{
    char may_see[NAMES_LEN_MAX];
    const char *cells[] = {line->ref,    line->member, may_see,         names_status(line->status),
                           line->detail, line->at,     line->decided_by};

    enum up_err err = UP_OK;

    names_entitlement(line->entitlement, may_see);
    sent->lines++;
    if (sent->totals)
        return total_add(sent, line, may_see);
    err = table_add(sent->table, cells);
    for (size_t i = 0; !err && i < line->n_onward; i++) {
        const char *onward[] = {line->ref,       line->member, "", "passed on to",
                                line->onward[i], "",           ""};

        err = table_add(sent->table, onward);
    }
    return err;
}

static int collect(struct cli *cli, const char *path, struct sent *sent)
{
    for (size_t offset = 0;;) {
        ProtobufCMessage *message = NULL;
        const Up__SentList *list = NULL;
        enum up_err err = UP_OK;
        int result = CLI_OK;

        arena_reset(cli->arena);
        result = client_get_page(cli, path, offset, &up__sent_list__descriptor, &message);
        if (result != CLI_OK)
            return result;
        list = (const Up__SentList *)message;
        for (size_t i = 0; !err && i < list->n_lines; i++)
            err = line_add(sent, list->lines[i]);
        if (err)
            return print_why(err, NULL);
        if (list->n_lines < CLIENT_PAGE)
            return CLI_OK;
        offset += list->n_lines;
    }
}

static enum up_err totals_move(struct sent *sent)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < sent->total_count; i++) {
        char count[16];
        const char *cells[] = {sent->totals[i].member, sent->totals[i].may_see,
                               names_status(sent->totals[i].status), count};

        (void)snprintf(count, sizeof count, "%u", sent->totals[i].count);
        err = table_add(sent->table, cells);
    }
    return err;
}

static int print(struct cli *cli, const char *path, bool totals)
{
    static const char *const line_headings[] = {
        "Report", "Organisation", "May see", "Where it stands", "Detail", "Since", "Why"};
    static const char *const total_headings[] = {"Organisation", "May see", "Where it stands",
                                                 "Reports"};
    static struct total totals_room[TOTALS_MAX];
    struct sent sent = {.totals = totals ? totals_room : NULL};
    int result = client_banner(cli, stdout, NULL);
    enum up_err err = UP_OK;

    if (result != CLI_OK)
        return result;
    err = totals ? table_new(total_headings, 4, &sent.table)
                 : table_new(line_headings, 7, &sent.table);
    if (err)
        return print_why(err, NULL);
    result = collect(cli, path, &sent);
    if (result == CLI_OK && totals) {
        err = totals_move(&sent);
        if (err)
            result = print_why(err, NULL);
    }
    if (result == CLI_OK && sent.lines == 0)
        (void)puts("Nothing was shared yet.");
    else if (result == CLI_OK)
        table_print(sent.table, stdout);
    table_destroy(&sent.table);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *import_id = NULL;
    bool all = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--import", ARGS_TEXT, (void *)&import_id},
                                          {"--all", ARGS_FLAG, &all}};
    const struct args_spec spec = {
        .help = help, .options = options, .option_count = 2, .words = &words, .words_max = 1};
    char path[128] = "/v1/sent";
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (words.count > 0 && import_id)
        return args_wrong("give a reference, or --import ID");
    if ((words.count > 0 && !names_is_ref(words.items[0])) ||
        (import_id && !names_is_ref(import_id)))
        return print_fault("no reference looks like that");
    if (words.count > 0)
        (void)snprintf(path, sizeof path, "/v1/sent?ref=%s", words.items[0]);
    if (import_id)
        (void)snprintf(path, sizeof path, "/v1/sent?import=%s", import_id);
    return cli->json ? client_print(cli, path) : print(cli, path, import_id && !all);
}

const struct cli_command cmd_sent_command = {"sent", "what was shared, and where it stands", help,
                                             run};
