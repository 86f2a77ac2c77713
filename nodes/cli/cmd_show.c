/* SPDX-License-Identifier: MIT
 * show: one received item, or one report that was taken here, in full. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/render.h"

static const char help[] =
    "usage: upstander show REF\n"
    "Prints what was received under a reference, or a report taken here: safety\n"
    "first.\n";

static int own_show(struct cli *cli, const char *ref)
{
    char path[128];
    struct client_request request = {.method = "GET", .path = path};
    ProtobufCMessage *message = NULL;
    const Up__Report *report = NULL;
    int result = CLI_OK;

    (void)snprintf(path, sizeof path, "/v1/reports/%s", ref);
    if (cli->json)
        return client_print(cli, path);
    result = client_ask(cli, &request, &up__report__descriptor, &message, NULL);
    if (result != CLI_OK)
        return result;
    report = (const Up__Report *)message;
    (void)printf("Report %s, taken ", ref);
    print_safe(stdout, report->taken_at, 0);
    (void)fputs(" by ", stdout);
    print_safe(stdout, report->taken_by, 0);
    (void)fputs("\n\n", stdout);
    if (report->incident)
        render_incident(stdout, report->incident);
    return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words, .words_min = 1, .words_max = 1};
    char path[128];
    struct client_request request = {.method = "GET", .path = path, .quiet = true};
    ProtobufCMessage *message = NULL;
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    if (!cli->json) {
        result = client_banner(cli, stdout, NULL);
        if (result != CLI_OK)
            return result;
    }
    (void)snprintf(path, sizeof path, "/v1/inbox/%s", words.items[0]);
    result = client_ask(cli, &request, &up__inbox_item__descriptor, &message, &text);
    if (result == CLI_FAILED)
        return own_show(cli, words.items[0]);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        render_item(stdout, (const Up__InboxItem *)message, false);
    up_bytes_wipe(&text);
    return result;
}

const struct cli_command cmd_show_command = {"show", "print one item or report in full", help, run};
