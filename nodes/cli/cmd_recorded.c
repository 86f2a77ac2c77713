/* SPDX-License-Identifier: MIT
 * recorded: tell the sender that an item has a police number. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander recorded REF POLICE-NUMBER [--may-tell]\n"
    "Tells the organisation that sent REF which number it has in the police's records.\n"
    "  --may-tell      they may pass the number on to the person who reported\n";

static int run(struct cli *cli, int argc, char **argv)
{
    bool may_tell = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--may-tell", ARGS_FLAG, &may_tell}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 2,
                                   .words_max = 2};
    char path[128];
    char number[256];
    Up__RecordedRequest body;
    struct client_request request = {.method = "POST", .path = path, .body = &body.base};
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);

    up__recorded_request__init(&body);
    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    if (snprintf(number, sizeof number, "%s", words.items[1]) >= (int)sizeof number)
        return args_wrong("the police number is too long");
    body.police_reference = number;
    body.may_tell_reporter = may_tell;
    (void)snprintf(path, sizeof path, "/v1/inbox/%s/recorded", words.items[0]);
    result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = client_call(cli, &request, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        (void)printf("%s: the sender will be told the police number\n", words.items[0]);
    up_bytes_wipe(&text);
    return result;
}

const struct cli_command cmd_recorded_command = {"recorded", "tell the sender the police number",
                                                 help, run};
