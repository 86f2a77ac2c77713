/* SPDX-License-Identifier: MIT
 * override: one force may see more than the person chose, because of a risk of serious harm. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/table.h"
#include "upstander/json.h"
#include "upstander/keys.h"
#include "upstander/limits.h"

static const char help[] =
    "usage: upstander override REF MEMBER [FILE|-] [--alone]   proposes\n"
    "       upstander override approve ID [--yes]              a second person: sends\n"
    "       upstander override review ID [--end]               after one acted alone; or ends one\n"
    "       upstander override list                            all of them, and the reasons\n"
    "A safeguarding override: one force may see more of a report than the person chose, because of "
    "a\n"
    "risk of serious harm or to a child, until a day that you name. It needs two people, each with "
    "an\n"
    "account of their own and the role \"override\". It asks for the reason, the purpose (they are "
    "told),\n"
    "your justification (stays here), what is left out all the same, and whether the person was "
    "told;\n"
    "or takes them as JSON (the schema OverrideRequest) from FILE, \"-\" for standard input.\n"
    "  --alone         a life or a child is at immediate risk and nobody else is on duty: sent at "
    "once;\n"
    "                  somebody else must review it within 24 hours\n"
    "  --end           nothing more is sent under it\n"
    "In an emergency ring 999 first: this message does not replace the call.\n";

enum { REASONS_MAX = 32, PURPOSE_MAX = 300, TEXT_MAX = 3000, WORDS_MAX = 1000 };

/* --- showing -------------------------------------------------------------------------------------- */

static void field_print(const char *label, const char *value)
{
    if (value[0] == '\0')
        return;
    (void)printf("  %-16s", label);
    print_safe(stdout, value, 18);
    (void)putchar('\n');
}

static void override_print(const Up__Override *override)
{
    const Up__OverrideRequest *asked = override->asked;
    Up__Entitlement may_see = UP__ENTITLEMENT__INIT;
    char text[NAMES_LEN_MAX];

    may_see.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    may_see.n_withheld = asked ? asked->n_withheld : 0;
    may_see.withheld = asked ? asked->withheld : NULL;
    names_entitlement(&may_see, text);
    (void)printf("\nOverride ");
    print_safe(stdout, override->id, 0);
    (void)printf(": report ");
    print_safe(stdout, override->ref, 0);
    (void)printf("\n");
    if (strcmp(override->state, "alone") == 0)
        (void)printf("  %s\n", override->review_overdue ? "TO BE REVIEWED: OVERDUE"
                                                        : "TO BE REVIEWED by somebody else");
    field_print("State", override->state);
    if (asked) {
        field_print("Force", asked->member);
        field_print("May see", text);
        field_print("Until", asked->ends_on);
        field_print("Reason", asked->reason);
        field_print("Purpose", asked->purpose);
        field_print("Justification", asked->justification);
        field_print("Person told", asked->person_told == UP__ANSWER__CODE__YES ? "yes" : "no");
        field_print("Their exclusion", asked->exclusion);
    }
    field_print("Proposed by", override->proposed_by);
    field_print("on", override->proposed_at);
    field_print("Approved by", override->approved_by);
    field_print("on", override->approved_at);
    field_print("Review due", override->review_due);
    field_print("Reviewed by", override->reviewed_by);
    field_print("on", override->reviewed_at);
    field_print("Review", override->review_note);
}

static int list_get(struct cli *cli, const Up__OverrideList **ret_list)
{
    struct client_request request = {.method = "GET", .path = "/v1/overrides"};
    ProtobufCMessage *message = NULL;
    int result = client_ask(cli, &request, &up__override_list__descriptor, &message, NULL);

    if (result == CLI_OK)
        *ret_list = (const Up__OverrideList *)message;
    return result;
}

static int list(struct cli *cli)
{
    const Up__OverrideList *all = NULL;
    int result = CLI_OK;

    if (cli->json)
        return client_print(cli, "/v1/overrides");
    result = client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = list_get(cli, &all);
    if (result != CLI_OK)
        return result;
    if (all->n_overrides == 0)
        (void)puts("There is no override.");
    for (size_t i = 0; i < all->n_overrides; i++)
        override_print(all->overrides[i]);
    (void)puts("\nReasons:");
    for (size_t i = 0; i < all->n_reasons; i++) {
        (void)printf("  %-22s", all->reasons[i]->code);
        print_safe(stdout, all->reasons[i]->text, 24);
        (void)puts(all->reasons[i]->alone ? " (one person may act on it)" : "");
    }
    return CLI_OK;
}

static int reply_print(struct cli *cli, const struct client_request *request)
{
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = client_ask(cli, request, &up__override__descriptor, &reply, &text);

    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        override_print((const Up__Override *)reply);
    if (result == CLI_OK && !cli->json &&
        strcmp(((const Up__Override *)reply)->state, "proposed") == 0)
        (void)printf("\nNothing is sent yet. A second person: upstander override approve %s\n",
                     ((const Up__Override *)reply)->id);
    up_bytes_wipe(&text);
    return result;
}

/* --- proposing ------------------------------------------------------------------------------------ */

static int from_file(struct cli *cli, const char *path, Up__OverrideRequest **ret_asked)
{
    struct up_bytes text = {0};
    struct up_why why = {0};
    ProtobufCMessage *message = NULL;
    enum up_err err = strcmp(path, "-") == 0 ? ask_input(UP_JSON_LEN_MAX, &text)
                                             : file_read(path, UP_JSON_LEN_MAX, &text, &why);

    if (!err)
        err = json_parse(&up__override_request__descriptor, up_bytes_view(&text), cli->arena,
                         &message, &why);
    if (err)
        (void)print_fault("%s: %s", strcmp(path, "-") == 0 ? "standard input" : path,
                          why.text[0] != '\0' ? why.text : up_err_text(err));
    else
        *ret_asked = (Up__OverrideRequest *)message;
    up_bytes_wipe(&text);
    return err ? CLI_FAILED : CLI_OK;
}

static char *answer(struct cli *cli, const char *text)
{
    return arena_text(cli->arena, up_view_of(text, strlen(text)));
}

static bool ask_reason(struct cli *cli, const Up__OverrideList *all, Up__OverrideRequest *asked)
{
    const char *options[REASONS_MAX];
    size_t count = all->n_reasons < REASONS_MAX ? all->n_reasons : REASONS_MAX;
    int number = 0;

    for (size_t i = 0; i < count; i++)
        options[i] = all->reasons[i]->text;
    while (number == 0)
        number = ask_choice("Why?", options, count);
    if (number < 0)
        return false;
    asked->reason = answer(cli, all->reasons[number - 1]->code);
    return asked->reason != NULL;
}

static bool ask_withheld(struct cli *cli, Up__OverrideRequest *asked)
{
    static const char *const options[] = {"how to reach the person", "the person's characteristics",
                                          "who did it", "the exact place"};
    unsigned long chosen = 0;

    if (!ask_many("What is left out all the same?", options, 4, &chosen))
        return false;
    asked->withheld = arena_alloc(cli->arena, 4 * sizeof *asked->withheld);
    for (int i = 0; asked->withheld && i < 4; i++) {
        if (chosen >> i & 1)
            asked->withheld[asked->n_withheld++] = (Up__Entitlement__Group)(i + 1);
    }
    return asked->withheld != NULL;
}

/* Each answer as it is given; nothing is kept of it when the questions are left. */
static int from_questions(struct cli *cli, Up__OverrideRequest **ret_asked)
{
    static char text[TEXT_MAX];
    const Up__OverrideList *all = NULL;
    Up__OverrideRequest *asked = arena_alloc(cli->arena, sizeof *asked);
    int told = -1;
    int result = list_get(cli, &all);
    bool good = asked != NULL;

    if (result != CLI_OK)
        return result;
    (void)puts("In an emergency ring 999 first.");
    if (good)
        up__override_request__init(asked);
    good = good && ask_reason(cli, all, asked) &&
           ask_text("What is it for? (they are told this)", text, PURPOSE_MAX) &&
           (asked->purpose = answer(cli, text)) &&
           ask_long("Your justification (it stays here)", text, TEXT_MAX) &&
           (asked->justification = answer(cli, text)) && ask_withheld(cli, asked) &&
           ask_text("Until which day? (YYYY-MM-DD)", text, 16) &&
           (asked->ends_on = answer(cli, text));
    if (good)
        told = ask_yes("Was the person told?", -1);
    good = good && told >= 0 &&
           ask_text(
               "If the person excluded this very force by name, and you were warned of it: why is "
               "that overridden? (Enter: not so)",
               text, WORDS_MAX) &&
           (asked->exclusion = answer(cli, text));
    keys_wipe(text, sizeof text);
    if (!good) {
        (void)print_fault("nothing was proposed: not every question was answered");
        return CLI_FAILED;
    }
    asked->person_told = told == 1 ? UP__ANSWER__CODE__YES : UP__ANSWER__CODE__NO;
    *ret_asked = asked;
    return CLI_OK;
}

static int propose(struct cli *cli, const struct args_list *words, bool alone)
{
    char path[128];
    struct client_request request = {.method = "POST", .path = path};
    Up__OverrideRequest *asked = NULL;
    int result = CLI_OK;

    if (!names_is_ref(words->items[0]) || !names_is_ref(words->items[1]))
        return print_fault("no reference or organisation looks like that");
    (void)snprintf(path, sizeof path, "/v1/reports/%s/override", words->items[0]);
    result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = words->count > 2 ? from_file(cli, words->items[2], &asked)
                                  : from_questions(cli, &asked);
    if (result != CLI_OK)
        return result;
    asked->member = answer(cli, words->items[1]);
    asked->alone = alone;
    if (!asked->member)
        return print_why(UP_NO_MEMORY, NULL);
    request.body = &asked->base;
    return reply_print(cli, &request);
}

/* --- the second person ---------------------------------------------------------------------------- */

static int approve(struct cli *cli, const char *id, bool yes)
{
    char path[128];
    struct client_request request = {.method = "POST", .path = path};
    const Up__OverrideList *all = NULL;
    int result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);

    (void)snprintf(path, sizeof path, "/v1/overrides/%s/approve", id);
    if (result != CLI_OK || yes)
        return result != CLI_OK ? result : reply_print(cli, &request);
    if (!ask_is_terminal())
        return print_fault("not approved: nobody is here to ask; say --yes if it is settled");
    result = list_get(cli, &all);
    for (size_t i = 0; result == CLI_OK && i < all->n_overrides; i++) {
        if (strcmp(all->overrides[i]->id, id) == 0)
            override_print(all->overrides[i]);
    }
    if (result != CLI_OK)
        return result;
    if (ask_yes("\nApprove it, and send now?", 0) != 1) {
        (void)fputs("Not approved.\n", stderr);
        return CLI_FAILED;
    }
    return reply_print(cli, &request);
}

static int review(struct cli *cli, const char *id, bool end)
{
    static char note[WORDS_MAX];
    char path[128];
    Up__OverrideReview body;
    struct client_request request = {.method = "POST", .path = path, .body = &body.base};
    int result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);

    if (result != CLI_OK)
        return result;
    up__override_review__init(&body);
    if (!ask_long(end ? "Why does it end?" : "What did you find?", note, sizeof note))
        return print_fault("nothing was said: end with a line that holds a full stop only");
    body.note = note;
    body.end = end;
    (void)snprintf(path, sizeof path, "/v1/overrides/%s/review", id);
    result = reply_print(cli, &request);
    keys_wipe(note, sizeof note);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool alone = false;
    bool end = false;
    bool yes = false;
    struct args_list words = {0};
    const struct args_option options[] = {
        {"--alone", ARGS_FLAG, &alone}, {"--end", ARGS_FLAG, &end}, {"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 3,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 3};
    int result = args_parse(cli, &spec, argc, argv);
    bool is_approve = false;
    bool is_review = false;

    if (result != ARGS_GO_ON)
        return result;
    is_approve = strcmp(words.items[0], "approve") == 0;
    is_review = strcmp(words.items[0], "review") == 0;
    if (strcmp(words.items[0], "list") == 0 && words.count == 1)
        return list(cli);
    if (words.count < 2 || ((is_approve || is_review) && words.count > 2))
        return args_wrong("give REF and MEMBER, or approve, review or list");
    if ((is_approve || is_review) && !names_is_ref(words.items[1]))
        return print_fault("no override's number looks like that");
    if ((alone && (is_approve || is_review)) || (end && !is_review) || (yes && !is_approve))
        return args_wrong("--alone is for a proposal, --yes for approve, --end for review");
    if (is_approve)
        return approve(cli, words.items[1], yes);
    return is_review ? review(cli, words.items[1], end) : propose(cli, &words, alone);
}

const struct cli_command cmd_override_command = {
    "override", "a risk of serious harm: tell one force more than was chosen", help, run};
