/* SPDX-License-Identifier: MIT
 * roster sign, show, verify, stewards, install. */
#include <stdio.h>
#include <string.h>

#include "api.pb-c.h"
#include "base/clock.h"
#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/cmd_roster.h"
#include "nodes/cli/mistakes.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/rosterfile.h"
#include "base/secrets.h"
#include "nodes/cli/table.h"
#include "upstander/ids.h"
#include "upstander/json.h"

static void digest_hex(const struct digest *digest, char ret_hex[static 65])
{
    ids_hex(digest->bytes, ret_hex);
    ids_hex(digest->bytes + 16, ret_hex + 32);
}

/* --- sign ------------------------------------------------------------------------------------- */

static const char sign_help[] =
    "usage: upstander roster sign FILE --key KEYFILE [--passphrase-file FILE] [--before FILE] "
    "[--really]\n"
    "Adds a signature. Look at `upstander roster show FILE` first: that is what you sign. It is "
    "compared\n"
    "with the version signed before; what looks like a mistake is printed, and not signed: too "
    "few\n"
    "signatories left, an area without anybody, more to be seen, smaller figures.\n"
    "  --key KEYFILE    the signatory's `keys` (mode 0600)\n"
    "  --passphrase-file FILE   its first line opens the keys\n"
    "  --before FILE    the version to compare with, when it is not FILE.before\n"
    "  --really         all of it is meant\n";

static int signed_count(struct cli *cli, struct up_view bytes, size_t *ret_count)
{
    ProtobufCMessage *message = NULL;

    if (message_unpack(&up__signed_roster__descriptor, bytes, cli->arena, &message))
        return print_fault("%s", up_err_text(UP_MALFORMED));
    *ret_count = ((Up__SignedRoster *)message)->n_signatures;
    return CLI_OK;
}

static int sign(struct cli *cli, struct rosterfile *file, const struct keyfile *keyfile)
{
    struct up_bytes out = {0};
    size_t count = 0;
    int result = CLI_OK;
    enum up_err err = roster_check(file->roster, &file->why);

    if (!err)
        err = roster_sign(up_bytes_view(&file->bytes), &keyfile->identity_secret, &out);
    if (err == UP_NOT_PERMITTED)
        (void)up_why_set(&file->why, err, "this key is none of the signatories of %s", file->path);
    if (err == UP_DUPLICATE)
        (void)up_why_set(&file->why, err, "this key has signed %s already", file->path);
    if (!err)
        err = file_write(file->path, up_bytes_view(&out), 0644, &file->why);
    if (!err)
        result = signed_count(cli, up_bytes_view(&out), &count);
    up_bytes_wipe(&out);
    if (err)
        return print_why(err, &file->why);
    if (result == CLI_OK)
        (void)printf("%s: version %llu, signed by %zu; %u of %zu signatories must sign\n",
                     file->path, (unsigned long long)file->roster->version, count,
                     file->roster->threshold, file->roster->n_stewards);
    return result;
}

int cmd_roster_sign(struct cli *cli, int argc, char **argv)
{
    const char *key = NULL;
    const char *passphrase_file = NULL;
    const char *before = NULL;
    bool really = false;
    static struct args_list words;
    const struct args_option options[] = {
        {"--key", ARGS_TEXT, (void *)&key},
        {"--passphrase-file", ARGS_TEXT, (void *)&passphrase_file},
        {"--before", ARGS_TEXT, (void *)&before},
        {"--really", ARGS_FLAG, &really}};
    const struct args_spec spec = {.help = sign_help,
                                   .options = options,
                                   .option_count = 4,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
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
        err = secrets_read(key, passphrase_file, KEYFILE_STEWARD, &keyfile, &file.why);
    result = err ? print_why(err, &file.why) : mistakes_check(cli, &file, before, really);
    if (result == CLI_OK)
        result = sign(cli, &file, &keyfile);
    keyfile_clear(&keyfile);
    rosterfile_clear(&file);
    return result;
}

/* --- show ------------------------------------------------------------------------------------- */

static const char show_help[] = "usage: upstander roster show FILE\n"
                                "Prints the directory. No signature is checked: see `verify`.\n";

static void areas_join(char *const *areas, size_t count, char *ret_text, size_t len_max)
{
    size_t at = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < count && at + 12 < len_max; i++)
        at += (size_t)snprintf(ret_text + at, len_max - at, "%s%.9s", i > 0 ? " " : "", areas[i]);
    if (count * 10 > len_max)
        (void)snprintf(ret_text + at, len_max - at, " ...");
}

static enum up_err members_print(const Up__Roster *roster)
{
    static const char *const headings[] = {"Organisation", "Name", "Role",       "Areas",
                                           "Hub",          "",     "At any hour"};
    static const char *const states[] = {"unknown", "active", "leaving", "shut out"};
    struct table *table = NULL;
    enum up_err err = table_new(headings, 7, &table);

    for (size_t i = 0; !err && i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];
        char areas[160];
        const char *cells[] = {member->id,
                               member->name,
                               names_role(member->role),
                               areas,
                               member->hub,
                               (size_t)member->status < 4 ? states[member->status] : states[0],
                               member->telephone_24h};

        areas_join(member->areas, member->n_areas, areas, sizeof areas);
        err = table_add(table, cells);
    }
    if (!err && roster->n_members > 0)
        table_print(table, stdout);
    table_destroy(&table);
    return err;
}

static enum up_err agreements_print(const Up__Roster *roster)
{
    static const char *const headings[] = {"Agreement",  "From",  "To",     "Areas", "At most",
                                           "Figures of", "Valid", "Review", "Ends",  "Contact"};
    struct table *table = NULL;
    enum up_err err = table_new(headings, 10, &table);

    for (size_t i = 0; !err && i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];
        char areas[160];
        char level[NAMES_LEN_MAX];
        char k[32] = "";
        const char *cells[] = {agreement->id,
                               agreement->n_from_members > 0 ? agreement->from_members[0]
                                                             : names_role(agreement->from_role),
                               agreement->n_to_members > 0 ? agreement->to_members[0]
                                                           : names_role(agreement->to_role),
                               areas,
                               agreement->suspended ? "suspended" : level,
                               k,
                               agreement->valid_from,
                               agreement->review_on,
                               agreement->ends_on,
                               agreement->contact};

        areas_join(agreement->areas, agreement->n_areas, areas, sizeof areas);
        names_entitlement(agreement->ceiling, level);
        if (agreement->k > 0)
            (void)snprintf(k, sizeof k, "%u or more", agreement->k);
        err = table_add(table, cells);
    }
    if (!err && roster->n_agreements > 0) {
        (void)putchar('\n');
        table_print(table, stdout);
    }
    table_destroy(&table);
    return err;
}

static int show(struct cli *cli, const struct rosterfile *file)
{
    const Up__Roster *roster = file->roster;
    char issued[CLOCK_TEXT_LEN];
    char expires[CLOCK_TEXT_LEN];
    enum up_err err = UP_OK;

    clock_london(roster->issued_at_s, issued);
    clock_london(roster->expires_at_s, expires);
    print_banner(cli, stdout, roster->exercise);
    print_safe(stdout, roster->name, 0);
    (void)printf(", version %llu of %s, runs out %s\n", (unsigned long long)roster->version, issued,
                 expires);
    (void)printf("%u of these must sign (%zu did, unchecked):", roster->threshold,
                 file->signed_roster->n_signatures);
    for (size_t i = 0; i < roster->n_stewards; i++) {
        (void)fputs(i > 0 ? ", " : " ", stdout);
        print_safe(stdout, roster->stewards[i]->name, 0);
    }
    (void)fputs("\n\n", stdout);
    err = members_print(roster);
    if (!err)
        err = agreements_print(roster);
    for (size_t i = 0; i < roster->n_hubs; i++) {
        for (size_t j = 0; j < roster->hubs[i]->n_brokers; j++) {
            (void)fputs(i + j == 0 ? "\nHub " : "Hub ", stdout);
            print_safe(stdout, roster->hubs[i]->id, 0);
            (void)fputs(": broker ", stdout);
            print_safe(stdout, roster->hubs[i]->brokers[j]->id, 0);
            (void)fputs(" at ", stdout);
            print_safe(stdout, roster->hubs[i]->brokers[j]->endpoint, 0);
            (void)putchar('\n');
        }
    }
    return err ? print_why(err, NULL) : CLI_OK;
}

int cmd_roster_show(struct cli *cli, int argc, char **argv)
{
    static struct args_list words;
    const struct args_spec spec = {
        .help = show_help, .words = &words, .words_min = 1, .words_max = 1};
    struct rosterfile file = {0};
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (!err && cli->json)
        err = json_format(&file.roster->base, true, &text);
    if (err)
        result = print_why(err, &file.why);
    else if (cli->json)
        print_json(up_bytes_view(&text));
    else
        result = show(cli, &file);
    up_bytes_wipe(&text);
    rosterfile_clear(&file);
    return err || result != ARGS_GO_ON ? result : CLI_OK;
}

/* --- verify ----------------------------------------------------------------------------------- */

static const char verify_help[] =
    "usage: upstander roster verify FILE [--stewards HEX]\n"
    "Checks signatures, contents and expiry. With --stewards also that the signatories are those "
    "whose\n"
    "digest you were told; without it, the digest is printed for you to compare.\n";

static enum up_err stewards_parse(const char *hex, struct digest *ret_digest)
{
    if (strlen(hex) != 64 || ids_unhex(up_view_of(hex, 32), ret_digest->bytes) ||
        ids_unhex(up_view_of(hex + 32, 32), ret_digest->bytes + 16))
        return UP_INVALID;
    return UP_OK;
}

/* What the format allows but nobody can work with: said, not refused. */
static void warnings_print(const struct roster *roster)
{
    const Up__Roster *content = roster_content(roster);

    for (size_t i = 0; i < content->n_members; i++) {
        const Up__Member *member = content->members[i];

        if (member->status == UP__MEMBER__STATUS__ACTIVE &&
            !roster_find_broker_of(roster, member->id))
            (void)print_fault("warning: %s has no broker (hub %s); nothing reaches it", member->id,
                              member->hub);
    }
    if (content->n_agreements == 0)
        (void)print_fault("warning: no sharing agreement, so nothing may be shared");
}

static int verify(struct cli *cli, struct rosterfile *file, const struct digest *told)
{
    struct digest own;
    struct roster *roster = NULL;
    char hex[65];
    char expires[CLOCK_TEXT_LEN];
    int64_t now_s = clock_wall_s();
    enum up_err err = roster_check(file->roster, &file->why);

    if (err)
        return print_why(err, &file->why);
    roster_stewards_digest(file->roster, &own);
    digest_hex(&own, hex);
    if (told && memcmp(told->bytes, own.bytes, sizeof own.bytes) != 0)
        return print_fault("%s: its signatories are not those you were told of (theirs is %s)",
                           file->path, hex);
    err = roster_open(up_bytes_view(&file->bytes), NULL, &own, &roster);
    if (err)
        return print_fault("%s: %s", file->path, up_err_text(err));
    clock_london(roster_content(roster)->expires_at_s, expires);
    print_banner(cli, stdout, roster_is_exercise(roster));
    warnings_print(roster);
    (void)printf("%s: version %llu is signed as it must be%s; runs out %s\n", file->path,
                 (unsigned long long)roster_version(roster),
                 told ? "" : " by signatories you have still to confirm", expires);
    if (!told)
        (void)printf("digest of its signatories: %s\n", hex);
    if (roster_is_expired(roster, now_s))
        err = UP_EXPIRED;
    roster_destroy(&roster);
    return err ? print_fault("%s has run out; renew and sign it", file->path) : CLI_OK;
}

int cmd_roster_verify(struct cli *cli, int argc, char **argv)
{
    const char *hex = NULL;
    static struct args_list words;
    const struct args_option options[] = {{"--stewards", ARGS_TEXT, (void *)&hex}};
    const struct args_spec spec = {.help = verify_help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
    struct rosterfile file = {0};
    struct digest told;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (hex && stewards_parse(hex, &told))
        return args_wrong("--stewards is not 64 lower-case hexadecimal digits");
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    result = err ? print_why(err, &file.why) : verify(cli, &file, hex ? &told : NULL);
    rosterfile_clear(&file);
    return result;
}

/* --- stewards, install ------------------------------------------------------------------------ */

static const char stewards_help[] =
    "usage: upstander roster stewards FILE\n"
    "Prints the digest of the directory's signatories and of how many must sign. It goes into the\n"
    "settings of every node and broker; read it out to their people by voice.\n";

int cmd_roster_stewards(struct cli *cli, int argc, char **argv)
{
    static struct args_list words;
    const struct args_spec spec = {
        .help = stewards_help, .words = &words, .words_min = 1, .words_max = 1};
    struct rosterfile file = {0};
    struct digest digest;
    char hex[65];
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (!err)
        err = roster_check(file.roster, &file.why);
    if (err) {
        result = print_why(err, &file.why);
    } else {
        roster_stewards_digest(file.roster, &digest);
        digest_hex(&digest, hex);
        (void)puts(hex);
        result = CLI_OK;
    }
    rosterfile_clear(&file);
    return result;
}

static const char install_help[] =
    "usage: upstander roster install FILE\n"
    "Puts a signed directory in force at the node, if its signatures and version allow.\n";

int cmd_roster_install(struct cli *cli, int argc, char **argv)
{
    static struct args_list words;
    const struct args_spec spec = {
        .help = install_help, .words = &words, .words_min = 1, .words_max = 1};
    struct rosterfile file = {0};
    Up__RosterRequest body;
    struct client_request request = {.method = "PUT", .path = "/v1/roster", .body = &body.base};
    ProtobufCMessage *reply = NULL;
    struct up_bytes text = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    up__roster_request__init(&body);
    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (err) {
        result = print_why(err, &file.why);
        goto out;
    }
    body.signed_roster = (ProtobufCBinaryData){.len = file.bytes.len, .data = file.bytes.data};
    result = client_ask(cli, &request, &up__node_status__descriptor, &reply, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        (void)printf("version %llu of the directory is in force\n",
                     (unsigned long long)((Up__NodeStatus *)reply)->roster_version);
out:
    up_bytes_wipe(&text);
    rosterfile_clear(&file);
    return result;
}
