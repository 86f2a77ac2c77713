/* SPDX-License-Identifier: MIT
 * explain: why each organisation got what it did of a report, and what would have to differ. */
#include <stdio.h>
#include <string.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/wrap.h"

static const char help[] = "usage: upstander explain REF [MEMBER]\n"
                           "Tells for each organisation, or for MEMBER, what it may see of a "
                           "report and what it got, why, and\n"
                           "what would have to differ for it to see more. For a report that was "
                           "received: what may be passed\n"
                           "on. Nothing is shared by this.\n";

static void list_print(const char *heading, char **lines, size_t count, unsigned width)
{
    if (count == 0)
        return;
    (void)printf("  %s\n", heading);
    for (size_t i = 0; i < count; i++)
        wrap_print(stdout, "   - ", lines[i], width);
}

static void steps_print(const Up__Explained *to, unsigned width)
{
    if (to->n_steps == 0 && to->never[0] == '\0')
        return;
    (void)puts("  What would have to differ:");
    for (size_t i = 0; i < to->n_steps; i++)
        wrap_print(stdout, "   - ", to->steps[i]->text, width);
    if (to->never[0] != '\0')
        wrap_print(stdout, "   - ", to->never, width);
}

static void member_print(const Up__Explained *to, bool received, unsigned width)
{
    char may[512];

    (void)putchar('\n');
    wrap_print(stdout, "", to->name[0] != '\0' ? to->name : to->member, width);
    (void)snprintf(may, sizeof may, received ? "May be passed on to it: %s." : "It may see %s.",
                   to->sees);
    wrap_print(stdout, "  ", may, width);
    for (size_t i = 0; i < to->n_happened; i++)
        wrap_print(stdout, "  ", to->happened[i], width);
    list_print("Why:", to->reasons, to->n_reasons, width);
    list_print("What it learns:", to->fields, to->n_fields, width);
    steps_print(to, width);
}

static int print(struct cli *cli, const char *path)
{
    struct client_request request = {.method = "GET", .path = path};
    unsigned width = wrap_width();
    ProtobufCMessage *message = NULL;
    const Up__Explanation *explanation = NULL;
    bool received = false;
    bool steps = false;
    int result = client_banner(cli, stdout, NULL);

    if (result == CLI_OK)
        result = client_ask(cli, &request, &up__explanation__descriptor, &message, NULL);
    if (result != CLI_OK)
        return result;
    explanation = (const Up__Explanation *)message;
    received = explanation->received_from[0] != '\0';
    (void)fputs("Report ", stdout);
    print_safe(stdout, explanation->ref, 0);
    if (received) {
        (void)fputs(", received from ", stdout);
        print_safe(stdout, explanation->received_from, 0);
    }
    (void)putchar('\n');
    if (explanation->n_members == 0)
        (void)puts("The directory names no organisation that it could go to.");
    for (size_t i = 0; i < explanation->n_members; i++) {
        member_print(explanation->members[i], received, width);
        steps |= explanation->members[i]->n_steps > 0;
    }
    if (steps && !received) {
        (void)putchar('\n');
        wrap_print(stdout, "",
                   "Only the person can widen what they agreed to. Nobody can do it for them.",
                   width);
    }
    return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words, .words_min = 1, .words_max = 2};
    char path[256];
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that; `upstander sent` and `upstander inbox` "
                           "list what there is");
    if (words.count > 1 && !names_is_ref(words.items[1]))
        return print_fault(
            "no organisation's id looks like that; `upstander roster show` lists them");
    (void)snprintf(path, sizeof path, "/v1/reports/%s/explain%s%s", words.items[0],
                   words.count > 1 ? "?member=" : "", words.count > 1 ? words.items[1] : "");
    return cli->json ? client_print(cli, path) : print(cli, path);
}

const struct cli_command cmd_explain_command = {"explain", "why each organisation got what it did",
                                                help, run};
