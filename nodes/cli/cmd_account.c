/* SPDX-License-Identifier: MIT
 * account: the text of a report that may be shared where its narrative may not: drafted, edited, approved. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/editor.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/wordiff.h"
#include "upstander/limits.h"

static const char help[] =
    "usage: upstander account REF [--without GROUP,...]\n"
    "       upstander account REF --draft\n"
    "       upstander account REF --approve FILE|- [--without GROUP,...] [--yes]\n"
    "Drafts a text that may be shared where the narrative may not, shows the difference, and keeps "
    "what a person\n"
    "approves. Names that stand nowhere else in the report and have no title before them are NOT "
    "found: look for\n"
    "them.\n"
    "  --draft         print the draft and nothing else\n"
    "  --approve FILE  take the final text from a file (\"-\": standard input)\n"
    "  --yes           do not ask\n"
    "  --without GROUP,...  it is fit for readers who do not see these: contact, characteristic, "
    "suspect, place\n"
    "                  (else all four: it then serves everybody)\n"
    "The editor is $VISUAL, $EDITOR or vi. When the narrative changes, the account needs a new "
    "approval.\n";

struct account {
    struct cli *cli;
    char path[128];
    const Up__AccountDraft *draft;
    struct up_bytes text; /* as it will be approved; ends with a NUL that is not counted */
    Up__Entitlement__Group groups[NAMES_GROUPS_MAX];
    size_t group_count;
};

/* --- texts --------------------------------------------------------------------------------------------- */

/* A copy without the line break that editors end files with. */
static enum up_err text_set(struct account *account, struct up_view from)
{
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    while (from.len > 0 && (from.data[from.len - 1] == '\n' || from.data[from.len - 1] == '\r'))
        from.len--;
    if (from.len > UP_NARRATIVE_LEN_MAX)
        return UP_TOO_LARGE;
    if (from.len > 0 && memchr(from.data, '\0', from.len))
        return UP_BAD_TEXT;
    err = up_bytes_new(from.len + 1, &bytes);
    if (err)
        return err;
    if (from.len > 0)
        memcpy(bytes.data, from.data, from.len);
    up_bytes_wipe(&account->text);
    account->text = bytes;
    return UP_OK;
}

static enum up_err text_read(struct account *account, const char *path, struct up_why *why)
{
    struct up_bytes bytes = {0};
    enum up_err err = strcmp(path, "-") == 0
                          ? ask_input(UP_NARRATIVE_LEN_MAX + 2, &bytes)
                          : file_read(path, UP_NARRATIVE_LEN_MAX + 2, &bytes, why);

    if (!err)
        err = text_set(account, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
    return err;
}

static const char *text_of(const struct account *account)
{
    return (const char *)account->text.data;
}

/* --- showing ------------------------------------------------------------------------------------------- */

/* How many pieces of each kind the draft replaced. */
static void kinds_print(const Up__AccountDraft *draft)
{
    if (draft->n_spans == 0) {
        (void)puts("The draft replaces nothing.");
        return;
    }
    (void)fputs("The draft replaces:", stdout);
    for (size_t i = 0; i < draft->n_spans; i++) {
        size_t count = 0;
        bool first = true;

        for (size_t j = 0; j < draft->n_spans; j++) {
            bool same = strcmp(draft->spans[i]->kind, draft->spans[j]->kind) == 0;

            count += same;
            first &= !same || j >= i;
        }
        if (first)
            (void)printf("%s %zu x %s", i > 0 ? "," : "", count, draft->spans[i]->kind);
    }
    (void)fputs("\n", stdout);
}

/* What the draft had replaced and the final text holds all the same. */
static size_t back_count(const struct account *account)
{
    const Up__AccountDraft *draft = account->draft;
    size_t narrative_len = strlen(draft->narrative);
    size_t count = 0;

    for (size_t i = 0; i < draft->n_spans; i++) {
        char piece[256];
        const Up__AccountSpan *span = draft->spans[i];

        if (span->offset > narrative_len || span->len > narrative_len - span->offset ||
            span->len >= sizeof piece)
            continue;
        memcpy(piece, draft->narrative + span->offset, span->len);
        piece[span->len] = '\0';
        count += strstr(text_of(account), piece) != NULL;
    }
    return count;
}

static enum up_err difference_print(const struct account *account)
{
    size_t back = back_count(account);
    enum up_err err = UP_OK;

    (void)puts("From the narrative to the account: [-taken out-] {+put in+}\n");
    err = wordiff_print(stdout, account->draft->narrative, text_of(account), isatty(STDOUT_FILENO));
    (void)putchar('\n');
    kinds_print(account->draft);
    if (back > 0)
        (void)printf("Take care: %zu of these pieces stand in this text all the same.\n", back);
    (void)puts(
        "Names in the text without a hint, and places and events that point at somebody, are "
        "not found: look for\nthem yourself.");
    return err;
}

static void state_print(const Up__AccountDraft *draft)
{
    (void)printf("Report %s: ", draft->ref);
    if (!draft->account) {
        (void)puts("no account is approved yet.\n");
    } else if (draft->approved) {
        (void)fputs("an account is approved", stdout);
        if (draft->approved_by[0] != '\0') {
            (void)fputs(", by ", stdout);
            print_safe(stdout, draft->approved_by, 0);
            (void)fputs(", ", stdout);
            print_safe(stdout, draft->approved_at, 0);
        }
        (void)puts(".\n");
    } else {
        (void)puts("the narrative was changed after its account was approved; it needs a new "
                   "approval.\n");
    }
}

/* --- approving ----------------------------------------------------------------------------------------- */

static int approve(struct account *account)
{
    Up__AccountApproval approval = UP__ACCOUNT_APPROVAL__INIT;
    Up__Account body = UP__ACCOUNT__INIT;
    struct client_request request = {
        .method = "PUT", .path = account->path, .body = &approval.base};
    struct up_bytes reply = {0};
    int result = CLI_OK;

    body.text = (char *)account->text.data;
    body.approved_without = account->groups;
    body.n_approved_without = account->group_count;
    approval.account = &body;
    approval.narrative_digest = account->draft->narrative_digest;
    result = client_call(account->cli, &request, &reply);
    if (result == CLI_OK && account->cli->json)
        print_json(up_bytes_view(&reply));
    else if (result == CLI_OK)
        (void)printf("Approved. `upstander preview %s --full` shows who would read it.\n",
                     account->draft->ref);
    up_bytes_wipe(&reply);
    return result;
}

static int edit(struct account *account)
{
    struct up_bytes edited = {0};
    struct up_why why = {0};
    enum up_err err = editor_run(up_view_of(account->text.data, account->text.len - 1),
                                 UP_NARRATIVE_LEN_MAX + 2, &edited, &why);

    if (!err)
        err = text_set(account, up_bytes_view(&edited));
    up_bytes_wipe(&edited);
    return err ? print_why(err, &why) : CLI_OK;
}

/* Until it is approved or left. The end of the input leaves. */
static int converse(struct account *account)
{
    char answer[32];

    for (;;) {
        enum up_err err = difference_print(account);

        if (err)
            return print_why(err, NULL);
        if (!ask_text("\nType edit, approve, or leave", answer, sizeof answer) ||
            strcmp(answer, "leave") == 0 || answer[0] == '\0') {
            (void)puts("Nothing was approved.");
            return CLI_OK;
        }
        if (strcmp(answer, "approve") == 0) {
            if (ask_text("Did you read it for names and for what points at somebody? Type yes",
                         answer, sizeof answer) &&
                strcmp(answer, "yes") == 0)
                return approve(account);
            (void)puts("Not approved.\n");
        } else if (strcmp(answer, "edit") == 0) {
            (void)edit(account);
        }
    }
}

static int from_file(struct account *account, const char *path, bool yes)
{
    struct up_why why = {0};
    char answer[32];
    enum up_err err = text_read(account, path, &why);

    if (!err && !account->cli->json)
        err = difference_print(account);
    if (err)
        return print_why(err, &why);
    if (!yes && (strcmp(path, "-") == 0 ||
                 !ask_text("\nDid you read it for names and for what points at somebody? Type yes",
                           answer, sizeof answer) ||
                 strcmp(answer, "yes") != 0))
        return print_fault("nothing was approved%s",
                           strcmp(path, "-") == 0 ? "; a text from standard input needs --yes"
                                                  : "");
    return approve(account);
}

/* --- the command --------------------------------------------------------------------------------------- */

static enum up_err groups_set(struct account *account, const char *without)
{
    if (without)
        return names_groups_parse(without, account->groups, &account->group_count);
    for (int group = 1; group <= NAMES_GROUPS_MAX; group++)
        account->groups[account->group_count++] = (Up__Entitlement__Group)group;
    return UP_OK;
}

static int act(struct account *account, const char *final, bool draft_only, bool yes)
{
    struct client_request request = {.method = "GET", .path = account->path};
    ProtobufCMessage *message = NULL;
    struct up_bytes reply = {0};
    bool quiet = draft_only || account->cli->json;
    int result = quiet ? CLI_OK : client_banner(account->cli, stdout, NULL);

    if (result == CLI_OK)
        result =
            client_ask(account->cli, &request, &up__account_draft__descriptor, &message, &reply);
    if (result != CLI_OK)
        goto out;
    account->draft = (const Up__AccountDraft *)message;
    if (account->cli->json && !final) {
        print_json(up_bytes_view(&reply));
    } else if (draft_only) {
        if (isatty(STDOUT_FILENO))
            print_safe(stdout, account->draft->text, 0);
        else
            (void)fputs(account->draft->text, stdout); /* a file gets it as it is */
        (void)putchar('\n');
    } else {
        /* what was approved before is the better beginning, also for a narrative that has changed */
        const char *begin =
            account->draft->account ? account->draft->account->text : account->draft->text;
        enum up_err err = text_set(account, up_view_of(begin, strlen(begin)));

        if (err) {
            result = print_why(err, NULL);
            goto out;
        }
        if (!quiet)
            state_print(account->draft);
        result = final ? from_file(account, final, yes) : converse(account);
    }
out:
    up_bytes_wipe(&reply);
    return result;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *final = NULL;
    const char *without = NULL;
    bool draft_only = false;
    bool yes = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--draft", ARGS_FLAG, &draft_only},
                                          {"--approve", ARGS_TEXT, (void *)&final},
                                          {"--without", ARGS_TEXT, (void *)&without},
                                          {"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 4,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
    struct account account = {.cli = cli};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    if (draft_only && final)
        return args_wrong("--draft only prints, --approve approves: give one of them");
    if (groups_set(&account, without))
        return args_wrong("--without takes contact, characteristic, suspect, place, with commas "
                          "between");
    (void)snprintf(account.path, sizeof account.path, "/v1/reports/%s/account", words.items[0]);
    result = act(&account, final, draft_only, yes);
    up_bytes_wipe(&account.text);
    return result;
}

const struct cli_command cmd_account_command = {
    "account", "draft and approve the text of a report for sharing", help, run};
