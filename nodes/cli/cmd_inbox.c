/* SPDX-License-Identifier: MIT
 * inbox: what this organisation received, one line each. */
#include <stdio.h>
#include <strings.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/table.h"

static const char help[] = "usage: upstander inbox\n"
                           "Lists what this organisation received.\n";

static enum up_err line_add(struct table *table, const Up__InboxLine *line)
{
    Up__Entitlement__Level level = UP__ENTITLEMENT__LEVEL__NOT_STATED;
    bool known = names_level_parse(line->level, &level) == UP_OK;
    const char *cells[] = {line->ref,
                           line->from,
                           line->kind,
                           known ? names_level(level) : line->level,
                           line->received_at,
                           line->urgent ? "YES" : "",
                           line->exported ? "yes" : "",
                           line->police_reference};

    return table_add(table, cells);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const char *const headings[] = {"Reference", "From",   "What",     "May see",
                                           "Received",  "Urgent", "Exported", "Police number"};
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words};
    struct table *table = NULL;
    size_t offset = 0;
    bool more = true;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (cli->json)
        return client_print(cli, "/v1/inbox");
    result = client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        err = table_new(headings, 8, &table);
    while (result == CLI_OK && !err && more) {
        ProtobufCMessage *message = NULL;
        const Up__InboxList *list = NULL;

        arena_reset(cli->arena);
        result = client_get_page(cli, "/v1/inbox", offset, &up__inbox_list__descriptor, &message);
        if (result != CLI_OK)
            break;
        list = (const Up__InboxList *)message;
        for (size_t i = 0; !err && i < list->n_lines; i++)
            err = line_add(table, list->lines[i]);
        offset += list->n_lines;
        more = list->n_lines == CLIENT_PAGE;
    }
    if (err)
        result = print_why(err, NULL);
    if (result == CLI_OK && offset == 0)
        (void)puts("Nothing was received yet.");
    else if (result == CLI_OK)
        table_print(table, stdout);
    table_destroy(&table);
    return result;
}

const struct cli_command cmd_inbox_command = {"inbox", "what this organisation received", help,
                                              run};
