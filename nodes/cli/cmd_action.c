/* SPDX-License-Identifier: MIT
 * action: what a council can act on today without anybody's data. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "upstander/limits.h"

static const char help[] =
    "usage: upstander action new [FILE|-]          writes one; nothing is sent\n"
    "       upstander action list\n"
    "       upstander action show REF\n"
    "       upstander action approve REF [--yes]   shows it, asks, and sends it at once\n"
    "What a council can act on today: graffiti, a poster, a broken light in a public place. "
    "Nobody\n"
    "stands in it, and it leads to no report. `new` asks; or takes JSON (the schema ActionItem) "
    "from\n"
    "FILE, \"-\" for standard input. It goes to the councils of the place, which answer what was "
    "done.\n"
    "  --yes           approve without asking\n";

static const char *const objects[] = {"graffiti",     "poster", "sticker",
                                      "broken-light", "damage", "other"};

static void done_print(const Up__Done *done)
{
    const ProtobufCEnumValue *what =
        protobuf_c_enum_descriptor_get_value(&up__done__what__descriptor, (int)done->what);
    char words[NAMES_LEN_MAX];

    names_enum(what ? what->name : "unknown", words);
    (void)printf("%s on ", words);
    print_safe(stdout, done->when, 0);
    if (done->remark[0] != '\0') {
        (void)fputs(": ", stdout);
        print_safe(stdout, done->remark, 4);
    }
}

static void action_print(const Up__Action *action)
{
    const ProtobufCEnumValue *object = protobuf_c_enum_descriptor_get_value(
        &up__action_item__object__descriptor, (int)action->item->object);
    char words[NAMES_LEN_MAX];

    names_enum(object ? object->name : "unknown", words);
    (void)printf("%s: %s, seen on ", action->ref, words);
    print_safe(stdout, action->item->seen_on, 0);
    (void)fputs("\n  What:   ", stdout);
    print_safe(stdout, action->item->what, 10);
    (void)fputs("\n  Where:  ", stdout);
    print_safe(stdout, action->item->place, 10);
    (void)fputs(", ", stdout);
    print_safe(stdout, action->item->local_authority, 0);
    (void)printf("\n  %s\n",
                 action->approved_by[0] != '\0' ? "Sent to:" : "Not sent yet. It would go to:");
    for (size_t i = 0; i < action->n_recipients; i++) {
        (void)fputs("    ", stdout);
        print_safe(stdout, action->recipients[i]->member, 0);
        if (action->recipients[i]->done) {
            (void)fputs(": ", stdout);
            done_print(action->recipients[i]->done);
        }
        (void)putchar('\n');
    }
    if (action->n_recipients == 0)
        (void)puts("    nobody: no council of that place has an agreement for it");
    for (size_t i = 0; i < action->n_warnings; i++)
        (void)printf("  Take care: %s\n", action->warnings[i]);
}

static int call(struct cli *cli, const struct client_request *request)
{
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = client_ask(cli, request, &up__action__descriptor, &reply, &text);

    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        action_print((const Up__Action *)reply);
    up_bytes_wipe(&text);
    return result;
}

static bool item_ask(Up__ActionItem *item, char texts[4][UP_ACTION_TEXT_LEN_MAX])
{
    char object[32];

    (void)puts("Write nobody's name, and nothing that leads to a person.");
    if (!ask_text("What is there (graffiti, poster, sticker, broken-light, damage, other)? ",
                  object, sizeof object) ||
        !ask_text("What exactly should they know? ", texts[0], UP_ACTION_TEXT_LEN_MAX) ||
        !ask_text("Where, in public? ", texts[1], UP_ACTION_TEXT_LEN_MAX) ||
        !ask_text("Code of the council's area (E06000016)? ", texts[2], UP_ACTION_TEXT_LEN_MAX) ||
        !ask_text("Seen on (YYYY-MM-DD)? ", texts[3], UP_ACTION_TEXT_LEN_MAX))
        return false;
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        if (strcmp(object, objects[i]) == 0)
            item->object = (Up__ActionItem__Object)(i + 1);
    }
    item->what = texts[0];
    item->place = texts[1];
    item->local_authority = texts[2];
    item->seen_on = texts[3];
    return true;
}

static int action_new(struct cli *cli, const char *path)
{
    static char texts[4][UP_ACTION_TEXT_LEN_MAX];
    struct client_request request = {.method = "POST", .path = "/v1/actions"};
    Up__ActionItem item = UP__ACTION_ITEM__INIT;
    struct up_bytes file = {0};
    struct up_why why = {0};
    enum up_err err = UP_OK;
    int result = CLI_OK;

    if (!path) {
        if (!ask_is_terminal())
            return print_fault("nobody is here to ask; give a file, or - for standard input");
        if (!item_ask(&item, texts))
            return print_fault("nothing was written");
        request.body = &item.base;
        return call(cli, &request);
    }
    if (strcmp(path, "-") == 0)
        err = ask_input(UP_JSON_LEN_MAX, &file);
    else
        err = file_read(path, UP_JSON_LEN_MAX, &file, &why);
    if (err)
        return why.text[0] != '\0' ? print_why(err, &why) : print_fault("%s", up_err_text(err));
    request.text = up_bytes_view(&file);
    result = call(cli, &request);
    up_bytes_wipe(&file);
    return result;
}

static int action_list(struct cli *cli)
{
    const struct client_request request = {.method = "GET", .path = "/v1/actions"};
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = client_ask(cli, &request, &up__action_list__descriptor, &reply, &text);

    if (result == CLI_OK && cli->json) {
        print_json(up_bytes_view(&text));
    } else if (result == CLI_OK) {
        const Up__ActionList *list = (const Up__ActionList *)reply;

        for (size_t i = 0; i < list->n_actions; i++)
            action_print(list->actions[i]);
        if (list->n_actions == 0)
            (void)puts("No action items.");
    }
    up_bytes_wipe(&text);
    return result;
}

static int action_approve(struct cli *cli, const char *ref, bool yes)
{
    char path[128];
    struct client_request request = {.method = "GET", .path = path};
    bool json = cli->json;
    int result = CLI_OK;

    (void)snprintf(path, sizeof path, "/v1/actions/%s", ref);
    if (!json)
        result = call(cli, &request);
    if (result != CLI_OK)
        return result;
    if (!yes && !ask_is_terminal())
        return print_fault("not sent: nobody is here to ask; say --yes if it is settled");
    if (!yes && ask_yes("\nApprove it, and send it like this?", 0) != 1) {
        (void)fputs("Not sent.\n", stderr);
        return CLI_FAILED;
    }
    (void)snprintf(path, sizeof path, "/v1/actions/%s/approve", ref);
    request.method = "POST";
    return call(cli, &request);
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool yes = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 2};
    char path[128];
    const struct client_request show = {.method = "GET", .path = path};
    int result = args_parse(cli, &spec, argc, argv);
    const char *second = NULL;

    if (result != ARGS_GO_ON)
        return result;
    second = words.count > 1 ? words.items[1] : NULL;
    result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (result != CLI_OK)
        return result;
    if (strcmp(words.items[0], "new") == 0)
        return action_new(cli, second);
    if (strcmp(words.items[0], "list") == 0 && !second)
        return action_list(cli);
    if (!second || !names_is_ref(second))
        return print_fault("no action item looks like that");
    if (strcmp(words.items[0], "approve") == 0)
        return action_approve(cli, second, yes);
    if (strcmp(words.items[0], "show") != 0)
        return args_wrong("say new, list, show or approve");
    (void)snprintf(path, sizeof path, "/v1/actions/%s", second);
    return call(cli, &show);
}

const struct cli_command cmd_action_command = {
    "action", "tell a council what it can act on, without anybody's data", help, run};
