/* SPDX-License-Identifier: MIT
 * audit: who did what. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/print.h"
#include "nodes/cli/table.h"

static const char help[] = "usage: upstander audit\n"
                           "Lists who did what at this node, and checks that no entry was changed "
                           "or taken out. Exit status 1\n"
                           "when one was.\n";

static enum up_err entry_add(struct table *table, const Up__AuditEntry *entry)
{
    char number[24];
    const char *cells[] = {number, entry->at, entry->operator_name, entry->action, entry->subject};

    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)entry->number);
    return table_add(table, cells);
}

static int collect(struct cli *cli, struct table *table, bool *ret_holds)
{
    for (size_t offset = 0;;) {
        ProtobufCMessage *message = NULL;
        const Up__AuditList *list = NULL;
        enum up_err err = UP_OK;
        int result = CLI_OK;

        arena_reset(cli->arena);
        result = client_get_page(cli, "/v1/audit", offset, &up__audit_list__descriptor, &message);
        if (result != CLI_OK)
            return result;
        list = (const Up__AuditList *)message;
        *ret_holds = list->chain_holds;
        for (size_t i = 0; !err && i < list->n_entries; i++)
            err = entry_add(table, list->entries[i]);
        if (err)
            return print_why(err, NULL);
        if (list->n_entries < CLIENT_PAGE)
            return CLI_OK;
        offset += list->n_entries;
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const char *const headings[] = {"No.", "When", "Who", "What", "About"};
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words};
    struct table *table = NULL;
    bool holds = false;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (cli->json)
        return client_print(cli, "/v1/audit");
    result = client_banner(cli, stdout, NULL);
    if (result != CLI_OK)
        return result;
    err = table_new(headings, 5, &table);
    if (err)
        return print_why(err, NULL);
    result = collect(cli, table, &holds);
    if (result == CLI_OK) {
        table_print(table, stdout);
        if (holds)
            (void)puts("\nNo entry was changed or taken out.");
        else
            result =
                print_fault("AN ENTRY WAS CHANGED OR TAKEN OUT; keep the store as it is and tell "
                            "whoever answers for it");
    }
    table_destroy(&table);
    return result;
}

const struct cli_command cmd_audit_command = {"audit", "who did what at this node", help, run};
