/* SPDX-License-Identifier: MIT
 * report: save one report at the node. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/preview.h"
#include "nodes/cli/print.h"
#include "nodes/cli/wizard.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static const char help[] =
    "usage: upstander report FILE|-           one report as JSON; prints its reference\n"
    "       upstander report --ask [--draft FILE] [--wording WORDING] [--presets FILE]\n"
    "                                         question by question\n"
    "Saves a report at this node. Nothing is shared by this: see `preview` and `send`.\n"
    "  --ask           ask on the terminal; each answer is kept in a draft, and the same command "
    "goes on\n"
    "                  where it was left\n"
    "  --draft FILE    the draft (mode 0600; else ./report.draft); removed once the report is "
    "saved\n"
    "  --wording WORDING  how the choices are read out: plain, easy-read or bsl-gloss\n"
    "  --presets FILE  the organisation's own sentences, when they are not those that came with "
    "the "
    "program\n"
    "When a life is at risk ring 999 first: a report marked urgent is taken only when the call was "
    "made\n"
    "(callWasMade).\n";

/* Prints the reference and nothing else, so that a script can keep it; the banner goes to standard
 * error. */
static int save(struct cli *cli, const struct client_request *request, char *ret_ref,
                size_t len_max)
{
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = client_ask(cli, request, &up__report_ref__descriptor, &reply, &text);

    if (result == CLI_OK && cli->json) {
        print_json(up_bytes_view(&text));
    } else if (result == CLI_OK) {
        print_safe(stdout, ((Up__ReportRef *)reply)->ref, 0);
        (void)putchar('\n');
    }
    if (result == CLI_OK)
        (void)snprintf(ret_ref, len_max, "%s", ((Up__ReportRef *)reply)->ref);
    up_bytes_wipe(&text);
    return result;
}

static int from_file(struct cli *cli, const char *path)
{
    struct up_bytes text = {0};
    struct up_why why = {0};
    ProtobufCMessage *message = NULL;
    struct client_request request = {.method = "POST", .path = "/v1/reports"};
    char ref[80];
    enum up_err err = strcmp(path, "-") == 0 ? ask_input(UP_JSON_LEN_MAX, &text)
                                             : file_read(path, UP_JSON_LEN_MAX, &text, &why);
    int result = CLI_OK;

    if (!err)
        err = json_parse(&up__report__descriptor, up_bytes_view(&text), cli->arena, &message, &why);
    if (err) {
        result = print_fault("%s: %s", strcmp(path, "-") == 0 ? "standard input" : path,
                             why.text[0] != '\0' ? why.text : up_err_text(err));
        goto out;
    }
    request.text = up_bytes_view(&text);
    result = cli->json ? CLI_OK : client_banner(cli, stderr, NULL);
    if (result == CLI_OK)
        result = save(cli, &request, ref, sizeof ref);
out:
    up_bytes_wipe(&text);
    return result;
}

static enum up_err presets_load(struct cli *cli, const char *path, Up__PresetList **ret_presets,
                                struct up_why *why)
{
    struct up_bytes text = {0};
    struct up_why line = {0};
    enum up_err err = UP_OK;

    if (!path)
        return choices_parse(choices_builtin(), cli->arena, ret_presets, why);
    err = file_read(path, UP_JSON_LEN_MAX, &text, why);
    if (err)
        return err;
    err = choices_parse(up_bytes_view(&text), cli->arena, ret_presets, &line);
    if (err)
        (void)up_why_set(why, err, "%s: %.200s", path,
                         line.text[0] != '\0' ? line.text : up_err_text(err));
    up_bytes_wipe(&text);
    return err;
}

static int from_questions(struct cli *cli, const char *draft_path, const struct sharing *sharing)
{
    Up__Report *report = NULL;
    struct client_request request = {.method = "POST", .path = "/v1/reports"};
    char ref[80];
    int result = client_banner(cli, stdout, NULL); /* no question before a node answers */

    if (result == CLI_OK)
        result = wizard_run(cli, draft_path, sharing, &report);
    if (result != CLI_OK)
        return result;
    request.body = &report->base;
    if (!cli->json)
        (void)fputs("\nSaved here as ", stdout);
    result = save(cli, &request, ref, sizeof ref);
    if (result != CLI_OK) {
        (void)print_fault("not saved; the draft is kept in %s", draft_path);
        return result;
    }
    if (unlink(draft_path))
        (void)print_fault("the report is saved; %s can't be removed, remove it by hand",
                          draft_path);
    if (cli->json)
        return CLI_OK;
    result = preview_report(cli, ref, false);
    (void)printf("\nNothing is shared yet. To share it: upstander send %s\n", ref);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *draft_path = "report.draft";
    const char *wording = "plain";
    const char *presets = NULL;
    bool ask = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--ask", ARGS_FLAG, &ask},
                                          {"--draft", ARGS_TEXT, (void *)&draft_path},
                                          {"--wording", ARGS_TEXT, (void *)&wording},
                                          {"--presets", ARGS_TEXT, (void *)&presets}};
    const struct args_spec spec = {
        .help = help, .options = options, .option_count = 4, .words = &words, .words_max = 1};
    struct sharing sharing = {.wording = CHOICES_PLAIN};
    Up__PresetList *list = NULL;
    struct up_why why = {0};
    enum up_err err = UP_OK;
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if ((words.count == 1) == ask)
        return args_wrong("give one FILE (\"-\" for standard input), or --ask");
    if (!ask)
        return from_file(cli, words.items[0]);
    if (choices_wording_parse(wording, &sharing.wording))
        return args_wrong("--wording is plain, easy-read or bsl-gloss");
    err = presets_load(cli, presets, &list, &why);
    if (err)
        return print_why(err, &why);
    sharing.presets = list;
    return from_questions(cli, draft_path, &sharing);
}

const struct cli_command cmd_report_command = {"report", "save a report at this node", help, run};
