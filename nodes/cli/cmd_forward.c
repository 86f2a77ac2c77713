/* SPDX-License-Identifier: MIT
 * forward: what was received, to one more organisation. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/preview.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander forward REF MEMBER [--preview [--full] | --yes]\n"
    "Passes what was received as REF on to one more organisation, as far as the person agreed: "
    "the\n"
    "terms came with it. Shows what they would receive and asks once. Whoever sent REF is told.\n"
    "Passing it on twice sends nothing twice.\n"
    "  --preview       only show; --full: also what they would read\n"
    "  --yes           do not ask\n";

static int forward(struct cli *cli, const char *ref, const char *member)
{
    char path[128];
    char to[80];
    Up__ForwardRequest body;
    struct client_request request = {.method = "POST", .path = path, .body = &body.base};
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = CLI_OK;

    up__forward_request__init(&body);
    (void)snprintf(to, sizeof to, "%s", member);
    body.member = to;
    (void)snprintf(path, sizeof path, "/v1/inbox/%s/forward", ref);
    result = client_ask(cli, &request, &up__send_result__descriptor, &reply, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK && ((const Up__SendResult *)reply)->queued > 0)
        (void)printf("%s: on its way to %s; its sender is told\n", ref, member);
    else if (result == CLI_OK)
        (void)printf("%s: %s was told already\n", ref, member);
    up_bytes_wipe(&text);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool preview = false;
    bool full = false;
    bool yes = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--preview", ARGS_FLAG, &preview},
                                          {"--full", ARGS_FLAG, &full},
                                          {"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 3,
                                   .words = &words,
                                   .words_min = 2,
                                   .words_max = 2};
    char path[200];
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]) || !names_is_ref(words.items[1]))
        return print_fault("no reference or organisation looks like that");
    (void)snprintf(path, sizeof path, "/v1/inbox/%s/forward?member=%s", words.items[0],
                   words.items[1]);
    if (preview)
        return preview_at(cli, path, full);
    if (!cli->json) {
        result = preview_at(cli, path, full);
        if (result != CLI_OK)
            return result;
    }
    if (!yes && !ask_is_terminal())
        return print_fault("not passed on: nobody is here to ask; say --yes if it is settled");
    if (!yes && ask_yes("\nPass it on like this?", 0) != 1) {
        (void)fputs("Not passed on.\n", stderr);
        return CLI_FAILED;
    }
    return forward(cli, words.items[0], words.items[1]);
}

const struct cli_command cmd_forward_command = {
    "forward", "pass on what was received, as far as agreed", help, run};
