/* SPDX-License-Identifier: MIT
 * status: how the node stands. */
#include <stdio.h>
#include <string.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander status\n"
    "Shows the node, its connection and what waits. Exit status 1 when something\n"
    "needs a person: no connection, directory run out, something can't be sent, or an\n"
    "override waits for its review.\n";

static void line(const char *label, const char *value)
{
    (void)printf("%-20s", label);
    print_safe(stdout, value, 20);
    (void)putchar('\n');
}

static void print(const Up__NodeStatus *status)
{
    char text[400];
    bool is_news =
        strcmp(status->connection_detail, "connected") != 0 && status->connection_detail[0] != '\0';

    line("Organisation", status->member);
    line("Federation", status->federation);
    line("You are", status->operator_name);
    (void)snprintf(text, sizeof text, "version %llu, %s %.40s",
                   (unsigned long long)status->roster_version,
                   status->roster_expired ? "RAN OUT" : "runs out", status->roster_expires);
    line("Directory",
         status->roster_version > 0 ? text : "none yet: upstander roster install FILE");
    (void)snprintf(text, sizeof text, "%s%s%.60s%s%.240s",
                   status->connected ? "connected" : "NOT CONNECTED",
                   status->broker[0] != '\0' ? " to " : "", status->broker, is_news ? ": " : "",
                   is_news ? status->connection_detail : "");
    line("Broker", text);
    (void)snprintf(text, sizeof text, "%u waiting, %u on their way", status->outbox_waiting,
                   status->outbox_under_way);
    line("To be sent", text);
    if (status->outbox_cant_be_sent > 0) {
        (void)snprintf(text, sizeof text, "%u: see `upstander sent`", status->outbox_cant_be_sent);
        line("CAN'T BE SENT", text);
    }
    if (status->cant_be_shared > 0) {
        (void)snprintf(text, sizeof text,
                       "%u the person agreed to, and no agreement carries: see `upstander sent`",
                       status->cant_be_shared);
        line("CAN'T BE SENT", text);
    }
    for (size_t i = 0; i < status->n_agreement_alarms; i++)
        line("SEE TO", status->agreement_alarms[i]);
    if (status->overrides_to_review > 0) {
        (void)snprintf(text, sizeof text, "%u, the first by %.20s: see `upstander override list`",
                       status->overrides_to_review, status->override_review_due);
        line("OVERRIDE TO REVIEW", text);
    }
    (void)snprintf(text, sizeof text, "%u taken here, %u received, %u refused", status->reports,
                   status->inbox, status->refused);
    line("Reports", text);
    line("Version", status->version);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words};
    struct client_request request = {.method = "GET", .path = "/v1/status"};
    ProtobufCMessage *message = NULL;
    const Up__NodeStatus *status = NULL;
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    result = client_ask(cli, &request, &up__node_status__descriptor, &message, &text);
    if (result != CLI_OK)
        return result;
    status = (const Up__NodeStatus *)message;
    if (cli->json) {
        print_json(up_bytes_view(&text));
    } else {
        print_banner(cli, stdout, status->exercise);
        print(status);
    }
    up_bytes_wipe(&text);
    return status->connected && !status->roster_expired && status->outbox_cant_be_sent == 0 &&
                   status->cant_be_shared == 0 && status->n_agreement_alarms == 0 &&
                   status->overrides_to_review == 0
               ? CLI_OK
               : CLI_FAILED;
}

const struct cli_command cmd_status_command = {"status", "how the node stands", help, run};
