/* SPDX-License-Identifier: MIT
 * publish: figures of all months that are past, now instead of in the first days of the month. */
#include <stdio.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander publish\n"
    "Counts what is held for figures of all months that are past, passes the numbers on to the\n"
    "organisation that publishes for the area, and sends the figures for which this one does.\n"
    "Without it, numbers are counted on the first day of a month and figures sent on the fifth.\n";

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words};
    const Up__SendResult *result = NULL;
    ProtobufCMessage *reply = NULL;
    const struct client_request request = {.method = "POST", .path = "/v1/publish"};
    struct up_bytes text = {0};
    int code = args_parse(cli, &spec, argc, argv);

    if (code != ARGS_GO_ON)
        return code;
    code = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (code == CLI_OK)
        code = client_ask(cli, &request, &up__send_result__descriptor, &reply, &text);
    result = (const Up__SendResult *)reply;
    if (code == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (code == CLI_OK)
        (void)printf("%u told in figures, %u counted, %u passed on to another publisher\n",
                     result->released, result->counted, result->pooled);
    up_bytes_wipe(&text);
    return code;
}

const struct cli_command cmd_publish_command = {"publish", "send the figures of past months now",
                                                help, run};
