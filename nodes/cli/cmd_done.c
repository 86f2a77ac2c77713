/* SPDX-License-Identifier: MIT
 * done: what became of an action item. */
#include <stdio.h>
#include <string.h>

#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"

static const char help[] =
    "usage: upstander done REF removed|repaired|passed-on|not-found|not-ours --on DATE\n"
    "Tells whoever sent the action item REF what was done about it, and when (YYYY-MM-DD). A "
    "later\n"
    "answer replaces an earlier one.\n";

static int run(struct cli *cli, int argc, char **argv)
{
    static const char *const whats[] = {"removed", "repaired", "passed-on", "not-found",
                                        "not-ours"};
    const char *on = NULL;
    struct args_list words = {0};
    const struct args_option options[] = {{"--on", ARGS_TEXT, (void *)&on}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 2,
                                   .words_max = 2};
    char path[128];
    char when[11];
    Up__Done done = UP__DONE__INIT;
    const struct client_request request = {.method = "POST", .path = path, .body = &done.base};
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    if (!on || !names_date_is_formed(on))
        return args_wrong("--on is the day, YYYY-MM-DD");
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        if (strcmp(words.items[1], whats[i]) == 0)
            done.what = (Up__Done__What)(i + 1);
    }
    if (done.what == UP__DONE__WHAT__NOT_STATED)
        return args_wrong("say removed, repaired, passed-on, not-found or not-ours");
    (void)snprintf(when, sizeof when, "%s", on);
    done.when = when;
    (void)snprintf(path, sizeof path, "/v1/inbox/%s/done", words.items[0]);
    result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = client_call(cli, &request, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        (void)printf("%s: its sender is told\n", words.items[0]);
    up_bytes_wipe(&text);
    return result;
}

const struct cli_command cmd_done_command = {"done", "tell what was done about an action item",
                                             help, run};
