/* SPDX-License-Identifier: MIT
 * send: shows the preview, asks once, shares. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/preview.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander send REF... [--yes]\n"
    "       upstander send --import ID [--yes]\n"
    "Shares a report as the person chose: shows what each organisation would receive and asks "
    "once.\n"
    "Sharing twice sends nothing twice.\n"
    "  --import ID     every report of an import; figures of periods that are over are published\n"
    "  --yes           do not ask\n";

static int result_print(struct cli *cli, const struct up_bytes *text, const Up__SendResult *sent,
                        const char *what)
{
    if (cli->json) {
        print_json(up_bytes_view(text));
        return CLI_OK;
    }
    (void)printf("%s: %u on their way, %u not shared", what, sent->queued, sent->withheld);
    if (sent->released + sent->counted + sent->held > 0)
        (void)printf(", %u in figures, %u counted, %u held because too few", sent->released,
                     sent->counted, sent->held);
    (void)putchar('\n');
    return CLI_OK;
}

/* A report marked as a risk to life accompanies a call and never replaces one. */
static int call_check(struct cli *cli, const char *ref, bool yes)
{
    char path[128];
    struct client_request request = {.method = "GET", .path = path};
    ProtobufCMessage *message = NULL;
    const Up__Report *report = NULL;
    int result = CLI_OK;

    (void)snprintf(path, sizeof path, "/v1/reports/%s", ref);
    result = client_ask(cli, &request, &up__report__descriptor, &message, NULL);
    if (result != CLI_OK)
        return result;
    report = (const Up__Report *)message;
    if (!report->urgent || report->call_was_made)
        return CLI_OK;
    (void)fputs("A life may be at risk: ring 999 first. This message does not replace the call.\n",
                stderr);
    if (yes || !ask_is_terminal() || ask_yes("Was 999, or the number above, rung?", -1) != 1)
        return print_fault("%s is not shared: ring 999 first", ref);
    return CLI_OK;
}

static int share(struct cli *cli, const char *id, bool import, bool yes)
{
    char path[128];
    struct client_request request = {.method = "POST", .path = path};
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    bool quiet = cli->json;
    int result = CLI_OK;

    if (!names_is_ref(id))
        return print_fault("no reference looks like that");
    if (!quiet)
        result = import ? preview_import(cli, id) : preview_report(cli, id, false);
    if (result == CLI_OK && !import)
        result = call_check(cli, id, yes);
    if (result != CLI_OK)
        return result;
    if (!yes && !ask_is_terminal())
        return print_fault("not shared: nobody is here to ask; say --yes if it is settled");
    if (!yes && ask_yes("\nShare it like this?", 0) != 1) {
        (void)fputs("Not shared.\n", stderr);
        return CLI_FAILED;
    }
    (void)snprintf(path, sizeof path, "/v1/%s/%s/send", import ? "imports" : "reports", id);
    result = client_ask(cli, &request, &up__send_result__descriptor, &reply, &text);
    if (result == CLI_OK)
        result = result_print(cli, &text, (const Up__SendResult *)reply, id);
    up_bytes_wipe(&text);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *import_id = NULL;
    bool yes = false;
    static struct args_list words;
    const struct args_option options[] = {{"--import", ARGS_TEXT, (void *)&import_id},
                                          {"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 2,
                                   .words = &words,
                                   .words_max = ARGS_LIST_MAX};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if ((words.count > 0) == (import_id != NULL))
        return args_wrong("give references, or --import ID");
    if (import_id)
        return share(cli, import_id, true, yes);
    result = CLI_OK;
    for (size_t i = 0; i < words.count; i++) {
        int one = CLI_OK;

        arena_reset(cli->arena);
        one = share(cli, words.items[i], false, yes);
        if (one == CLI_UNREACHABLE)
            return one;
        if (one != CLI_OK)
            result = one; /* the others are shared all the same */
    }
    return result;
}

const struct cli_command cmd_send_command = {"send", "share a report or an import", help, run};
