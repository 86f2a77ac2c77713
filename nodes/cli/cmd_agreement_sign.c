/* SPDX-License-Identifier: MIT
 * agreement sign, collect: the parties' signatures, before the directory's own; suspend, resume. */
#include <stdio.h>
#include <string.h>

#include "base/secrets.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/cmd_agreement.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/prose.h"
#include "nodes/cli/rosterfile.h"
#include "upstander/agreement.h"

/* --- sign ------------------------------------------------------------------------------------- */

static const char sign_help[] =
    "usage: upstander agreement sign FILE [ID...] --key KEYFILE [--passphrase-file FILE]\n"
    "Signs sharing agreements of a directory for your organisation: all that it is a party of, or "
    "those\n"
    "named. Each is printed in plain English: that is what you sign. Send FILE back to a "
    "signatory.\n"
    "  --key KEYFILE    the organisation's `keys` (mode 0600)\n"
    "  --passphrase-file FILE   its first line opens the keys\n";

static const Up__Member *member_of_key(const Up__Roster *roster, const struct keyfile *keyfile)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];

        if (member->identity_key.len == sizeof keyfile->identity.bytes &&
            memcmp(member->identity_key.data, keyfile->identity.bytes,
                   sizeof keyfile->identity.bytes) == 0 &&
            member->status != UP__MEMBER__STATUS__REVOKED)
            return member;
    }
    return NULL;
}

static bool is_party(const Up__Agreement *agreement, const Up__Member *member)
{
    return agreement_sends(agreement, member) || agreement_receives(agreement, member);
}

static bool is_asked_for(const struct args_list *words, const char *id)
{
    bool asked = words->count == 1;

    for (size_t i = 1; i < words->count; i++)
        asked |= strcmp(words->items[i], id) == 0;
    return asked;
}

/* Every id that was named must be one of the file, and one of this party's. */
static int named_check(const Up__Roster *roster, const Up__Member *member,
                       const struct args_list *words)
{
    for (size_t i = 1; i < words->count; i++) {
        const Up__Agreement *found = NULL;

        for (size_t j = 0; !found && j < roster->n_agreements; j++) {
            if (strcmp(roster->agreements[j]->id, words->items[i]) == 0)
                found = roster->agreements[j];
        }
        if (!found)
            return print_fault("%s lists no agreement %s", words->items[0], words->items[i]);
        if (!is_party(found, member))
            return print_fault("%s is no party of agreement %s", member->id, words->items[i]);
    }
    return CLI_OK;
}

static int sign(struct rosterfile *file, const struct keyfile *keyfile,
                const struct args_list *words)
{
    Up__Roster *roster = file->roster;
    const Up__Member *member = member_of_key(roster, keyfile);
    struct up_view federation = up_view_of(roster->federation.data, roster->federation.len);
    unsigned count = 0;
    enum up_err err = UP_OK;
    int result = CLI_OK;

    if (!member)
        return print_fault("this key is of no organisation in %s that may sign", file->path);
    result = named_check(roster, member, words);
    if (result != CLI_OK)
        return result;
    for (size_t i = 0; !err && i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (!is_asked_for(words, agreement->id) || !is_party(agreement, member) ||
            agreement_names(agreement->signed_by, agreement->n_signed_by, member->id))
            continue;
        prose_agreement(stdout, roster, agreement);
        (void)putchar('\n');
        err = agreement_sign(roster->signed_agreements[i], federation, member->id,
                             &keyfile->identity_secret, file->arena);
        count += !err;
    }
    if (!err && count > 0)
        err = rosterfile_save(file);
    if (err)
        return print_why(err, &file->why);
    if (count == 0)
        (void)printf("%s: nothing to sign for %s\n", file->path, member->id);
    else
        (void)printf("%s: %u agreement%s signed for %s; send the file back to a signatory\n",
                     file->path, count, count == 1 ? "" : "s", member->id);
    return CLI_OK;
}

int cmd_agreement_sign(struct cli *cli, int argc, char **argv)
{
    const char *key = NULL;
    const char *passphrase_file = NULL;
    static struct args_list words;
    const struct args_option options[] = {
        {"--key", ARGS_TEXT, (void *)&key},
        {"--passphrase-file", ARGS_TEXT, (void *)&passphrase_file}};
    const struct args_spec spec = {.help = sign_help,
                                   .options = options,
                                   .option_count = 2,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = ARGS_LIST_MAX};
    struct rosterfile file = {0};
    struct keyfile keyfile = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!key)
        return args_wrong("--key is missing");
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (!err)
        err = secrets_read(key, passphrase_file, KEYFILE_NODE, &keyfile, &file.why);
    result = err ? print_why(err, &file.why) : sign(&file, &keyfile, &words);
    keyfile_clear(&keyfile);
    rosterfile_clear(&file);
    return result;
}

/* --- collect ---------------------------------------------------------------------------------- */

static const char collect_help[] =
    "usage: upstander agreement collect FILE COPY...\n"
    "Takes the organisations' signatures under agreements out of copies that they sent back. An\n"
    "agreement whose words differ in a copy is left alone, and said.\n";

static enum up_err signature_take(Up__SignedAgreement *to, Up__PartySignature *signature,
                                  struct arena *arena)
{
    Up__PartySignature **list =
        arena_alloc(arena, (to->n_signatures + 1) * sizeof(Up__PartySignature *));

    if (!list)
        return UP_NO_MEMORY;
    if (to->n_signatures > 0)
        memcpy(list, to->signatures, to->n_signatures * sizeof(Up__PartySignature *));
    list[to->n_signatures++] = signature;
    to->signatures = list;
    return UP_OK;
}

/* What holds in the copy and not yet here. */
static enum up_err agreement_collect(struct rosterfile *to, size_t index, const Up__Roster *copy,
                                     size_t copy_index, unsigned *count)
{
    const Up__Agreement *mine = to->roster->agreements[index];
    const Up__Agreement *theirs = copy->agreements[copy_index];
    const Up__SignedAgreement *from = copy->signed_agreements[copy_index];
    Up__SignedAgreement *into = to->roster->signed_agreements[index];
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < from->n_signatures; i++) {
        Up__PartySignature *signature = from->signatures[i];

        if (!agreement_names(theirs->signed_by, theirs->n_signed_by, signature->member) ||
            agreement_names(mine->signed_by, mine->n_signed_by, signature->member))
            continue;
        err = signature_take(into, signature, to->arena);
        *count += !err;
    }
    return err ? err : agreement_verify_all(to->roster, to->arena);
}

static enum up_err copy_collect(struct rosterfile *to, const struct rosterfile *copy,
                                unsigned *count)
{
    const Up__Roster *from = copy->roster;
    enum up_err err = UP_OK;

    if (memcmp(from->federation.data, to->roster->federation.data, 16) != 0)
        return up_why_set(&to->why, UP_WRONG_FEDERATION, "%s is of another federation", copy->path);
    for (size_t i = 0; !err && i < to->roster->n_agreements; i++) {
        const ProtobufCBinaryData *mine = &to->roster->signed_agreements[i]->agreement;

        for (size_t j = 0; !err && j < from->n_agreements; j++) {
            const ProtobufCBinaryData *theirs = &from->signed_agreements[j]->agreement;

            if (strcmp(from->agreements[j]->id, to->roster->agreements[i]->id) != 0)
                continue;
            if (theirs->len == mine->len && memcmp(theirs->data, mine->data, mine->len) == 0)
                err = agreement_collect(to, i, from, j, count);
            else
                (void)print_fault("%s: agreement %s reads differently there; left alone",
                                  copy->path, from->agreements[j]->id);
        }
    }
    return err;
}

int cmd_agreement_collect(struct cli *cli, int argc, char **argv)
{
    static struct args_list words;
    const struct args_spec spec = {
        .help = collect_help, .words = &words, .words_min = 2, .words_max = ARGS_LIST_MAX};
    struct rosterfile file = {0};
    unsigned count = 0;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (!err)
        err = roster_check(file.roster, &file.why);
    for (size_t i = 1; !err && i < words.count; i++) {
        struct rosterfile copy = {0};

        err = rosterfile_read(&copy, cli->arena, words.items[i]);
        if (!err)
            err = roster_check(copy.roster, &copy.why);
        if (err)
            file.why = copy.why;
        else
            err = copy_collect(&file, &copy, &count);
        rosterfile_clear(&copy);
    }
    if (!err && count > 0)
        err = rosterfile_save(&file);
    result = err ? print_why(err, &file.why) : CLI_OK;
    if (!err)
        (void)printf("%s: %u signature%s of organisations taken over\n", file.path, count,
                     count == 1 ? "" : "s");
    rosterfile_clear(&file);
    return result;
}

/* --- suspend, resume -------------------------------------------------------------------------- */

static const char suspend_help[] =
    "usage: upstander agreement suspend ID\n"
    "Stops at once what goes to and from this organisation under an agreement that it signed, and\n"
    "tells the other organisations that signed it. What waits stays here.\n";
static const char resume_help[] =
    "usage: upstander agreement resume ID\n"
    "Takes back what this organisation itself suspended; what waited goes on its way.\n";

static int change(struct cli *cli, int argc, char **argv, bool suspend)
{
    static struct args_list words;
    const struct args_spec spec = {.help = suspend ? suspend_help : resume_help,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
    char path[128];
    const struct client_request request = {.method = "POST", .path = path};
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no agreement is called like that");
    (void)snprintf(path, sizeof path, "/v1/agreements/%s/%s", words.items[0],
                   suspend ? "suspend" : "resume");
    result = client_ask(cli, &request, &up__agreement_list__descriptor, &reply, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        (void)printf("%s is %s; the other organisations are told\n", words.items[0],
                     suspend ? "SUSPENDED for this organisation"
                             : "no longer suspended by this one");
    up_bytes_wipe(&text);
    return result;
}

int cmd_agreement_suspend(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, true);
}

int cmd_agreement_resume(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, false);
}
