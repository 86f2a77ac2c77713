/* SPDX-License-Identifier: MIT
 * roster new, add, hub, agreement, revoke, renew. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/cmd_roster.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/rosterfile.h"
#include "upstander/agreement.h"
#include "upstander/ids.h"
#include "upstander/limits.h"

enum { DAY_S = 86400, DAYS_MAX = 3650 };

#define SPEC(help_text, min, max)                                                                  \
    {                                                                                              \
        .help = (help_text), .options = options,                                                   \
        .option_count = sizeof options / sizeof options[0], .words = &words, .words_min = (min),   \
        .words_max = (max)                                                                         \
    }

static int no_memory(void)
{
    return print_fault("%s", up_err_text(UP_NO_MEMORY));
}

/* Saves and says how it stands now. */
static int finish(struct rosterfile *file)
{
    enum up_err err = rosterfile_save(file);

    if (err)
        return print_why(err, &file->why);
    (void)printf("%s: version %llu, not signed yet; %u of %zu signatories must sign\n", file->path,
                 (unsigned long long)file->roster->version, file->roster->threshold,
                 file->roster->n_stewards);
    return CLI_OK;
}

/* --- new -------------------------------------------------------------------------------------- */

static const char new_help[] =
    "usage: upstander roster new --name NAME [--exercise] --threshold M --steward FILE... --days "
    "D\n"
    "                            -o FILE\n"
    "Begins a directory. It never replaces a file.\n"
    "  --name NAME       of the federation\n"
    "  --exercise        for practice: never mixes with live traffic, and says so everywhere\n"
    "  --threshold M     how many signatories must sign\n"
    "  --steward FILE... steward.json of each signatory\n"
    "  --days D          it runs out after so many days\n"
    "  -o FILE           the new file\n";

static int stewards_add(struct rosterfile *file, const struct args_list *paths)
{
    Up__Roster *roster = file->roster;

    for (size_t i = 0; i < paths->count; i++) {
        ProtobufCMessage *steward = NULL;
        enum up_err err =
            rosterfile_json(file, paths->items[i], &up__steward__descriptor, &steward);

        if (err)
            return print_why(err, &file->why);
        roster->stewards = rosterfile_grow(file, roster->stewards, roster->n_stewards);
        if (!roster->stewards)
            return no_memory();
        roster->stewards[roster->n_stewards++] = (Up__Steward *)steward;
    }
    return CLI_OK;
}

int cmd_roster_new(struct cli *cli, int argc, char **argv)
{
    const char *name = NULL;
    const char *out = NULL;
    bool exercise = false;
    int64_t threshold = 0;
    int64_t days = 0;
    static struct args_list stewards;
    static struct args_list words;
    const struct args_option options[] = {
        {"--name", ARGS_TEXT, (void *)&name}, {"-o", ARGS_TEXT, (void *)&out},
        {"--exercise", ARGS_FLAG, &exercise}, {"--threshold", ARGS_NUMBER, &threshold},
        {"--days", ARGS_NUMBER, &days},       {"--steward", ARGS_LIST, &stewards},
    };
    const struct args_spec spec = SPEC(new_help, 0, 0);
    Up__Roster roster;
    struct rosterfile file = {.arena = cli->arena, .roster = &roster};
    struct up_bytes there = {0};
    uint8_t federation[16];
    int result = args_parse(cli, &spec, argc, argv);

    up__roster__init(&roster);
    if (result != ARGS_GO_ON)
        return result;
    if (!name || !out || stewards.count == 0 || threshold == 0 || days == 0)
        return args_wrong("--name, --threshold, --steward, --days and -o are all needed");
    if (days > DAYS_MAX || threshold > UP_STEWARDS_MAX)
        return args_wrong("--days or --threshold is too large");
    if (file_read(out, UP_ROSTER_LEN_MAX, &there, NULL) != UP_NOT_FOUND) {
        up_bytes_wipe(&there);
        return print_fault("%s is there already; it is not replaced", out);
    }
    keys_random(federation, sizeof federation);
    file.path = out;
    roster.federation = (ProtobufCBinaryData){.len = sizeof federation, .data = federation};
    roster.name = rosterfile_text(&file, name);
    roster.exercise = exercise;
    roster.version = 1;
    roster.threshold = (uint32_t)threshold;
    roster.expires_at_s = clock_wall_s() + days * DAY_S;
    if (!roster.name)
        return no_memory();
    result = stewards_add(&file, &stewards);
    return result == CLI_OK ? finish(&file) : result;
}

/* --- add -------------------------------------------------------------------------------------- */

static const char add_help[] =
    "usage: upstander roster add FILE --member MEMBER.json --area CODE... --hub ID\n"
    "Adds an organisation by the public part that its `upstander init` made. Compare the keys with "
    "its\n"
    "people by voice first.\n"
    "  --member FILE    member.json\n"
    "  --area CODE...   where it is responsible: ONS codes of police areas or local authorities\n"
    "  --hub ID         through which brokers it is reached\n";

static Up__Member *member_find(const Up__Roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        if (strcmp(roster->members[i]->id, id) == 0)
            return roster->members[i];
    }
    return NULL;
}

static char **texts_copy(struct rosterfile *file, const struct args_list *list)
{
    char **texts = arena_alloc(file->arena, (list->count + 1) * sizeof *texts);

    for (size_t i = 0; texts && i < list->count; i++) {
        texts[i] = rosterfile_text(file, list->items[i]);
        if (!texts[i])
            return NULL;
    }
    return texts;
}

static int member_add(struct rosterfile *file, const char *path, const struct args_list *areas,
                      const char *hub)
{
    Up__Roster *roster = file->roster;
    ProtobufCMessage *message = NULL;
    Up__Member *member = NULL;
    enum up_err err = rosterfile_json(file, path, &up__member__descriptor, &message);

    if (err)
        return print_why(err, &file->why);
    member = (Up__Member *)message;
    if (member_find(roster, member->id))
        return print_fault("%s is in the directory already; revoke it, and add it under a new id",
                           member->id);
    member->areas = texts_copy(file, areas);
    member->n_areas = areas->count;
    member->hub = rosterfile_text(file, hub);
    member->status = UP__MEMBER__STATUS__ACTIVE;
    roster->members = rosterfile_grow(file, roster->members, roster->n_members);
    if (!member->areas || !member->hub || !roster->members)
        return no_memory();
    roster->members[roster->n_members++] = member;
    return finish(file);
}

int cmd_roster_add(struct cli *cli, int argc, char **argv)
{
    const char *member = NULL;
    const char *hub = NULL;
    static struct args_list areas;
    static struct args_list words;
    const struct args_option options[] = {{"--member", ARGS_TEXT, (void *)&member},
                                          {"--hub", ARGS_TEXT, (void *)&hub},
                                          {"--area", ARGS_LIST, &areas}};
    const struct args_spec spec = SPEC(add_help, 1, 1);
    struct rosterfile file = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!member || !hub || areas.count == 0)
        return args_wrong("--member, --area and --hub are all needed");
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    result = err ? print_why(err, &file.why) : member_add(&file, member, &areas, hub);
    rosterfile_clear(&file);
    return result;
}

/* --- hub -------------------------------------------------------------------------------------- */

static const char hub_help[] = "usage: upstander roster hub FILE --hub ID --broker BROKER.json\n"
                               "Adds a broker to a hub; the hub is made when it is new. A broker "
                               "of the same id is replaced.\n";

static int broker_add(struct rosterfile *file, const char *hub_id, Up__Broker *broker)
{
    Up__Roster *roster = file->roster;
    Up__Hub *hub = NULL;

    for (size_t i = 0; i < roster->n_hubs; i++) {
        if (strcmp(roster->hubs[i]->id, hub_id) == 0)
            hub = roster->hubs[i];
    }
    if (!hub) {
        hub = arena_alloc(file->arena, sizeof *hub);
        roster->hubs = rosterfile_grow(file, roster->hubs, roster->n_hubs);
        if (!hub || !roster->hubs)
            return no_memory();
        up__hub__init(hub);
        hub->id = rosterfile_text(file, hub_id);
        if (!hub->id)
            return no_memory();
        roster->hubs[roster->n_hubs++] = hub;
    }
    for (size_t i = 0; i < hub->n_brokers; i++) {
        if (strcmp(hub->brokers[i]->id, broker->id) == 0) {
            hub->brokers[i] = broker;
            return finish(file);
        }
    }
    hub->brokers = rosterfile_grow(file, hub->brokers, hub->n_brokers);
    if (!hub->brokers)
        return no_memory();
    hub->brokers[hub->n_brokers++] = broker;
    return finish(file);
}

int cmd_roster_hub(struct cli *cli, int argc, char **argv)
{
    const char *hub = NULL;
    const char *path = NULL;
    static struct args_list words;
    const struct args_option options[] = {{"--hub", ARGS_TEXT, (void *)&hub},
                                          {"--broker", ARGS_TEXT, (void *)&path}};
    const struct args_spec spec = SPEC(hub_help, 1, 1);
    struct rosterfile file = {0};
    ProtobufCMessage *broker = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!hub || !path)
        return args_wrong("--hub and --broker are both needed");
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (!err)
        err = rosterfile_json(&file, path, &up__broker__descriptor, &broker);
    result = err ? print_why(err, &file.why) : broker_add(&file, hub, (Up__Broker *)broker);
    rosterfile_clear(&file);
    return result;
}

/* --- agreement -------------------------------------------------------------------------------- */

static const char agreement_help[] =
    "usage: upstander roster agreement FILE {--from ROLE | --from-member ID...}\n"
    "           {--to ROLE | --to-member ID...} --area CODE... --level LEVEL\n"
    "           [--withheld GROUP,...] [--k N] --retention-days N --contact TEXT --valid-from "
    "DATE\n"
    "           --review DATE [--ends DATE] [--purpose WORD...] [--id ID]\n"
    "           [--kind KIND...] [--publisher ID] [--window WINDOW] [--standing BASIS]\n"
    "Adds what organisations may share with others, in areas; one of the same --id is replaced. It "
    "binds\n"
    "those that then sign it: `upstander agreement sign`.\n"
    "  --from-member ID...  these organisations send; with --from, if they are of that role\n"
    "  --to-member ID...    these receive\n"
    "  --level LEVEL    at most: identified, pseudonymised, anonymised, counted\n"
    "  --withheld G,... never: contact, characteristic, suspect, place\n"
    "  --k N            published figures hold at least so many people (3 or more; 5 when left "
    "out)\n"
    "  --kind KIND...   only these: incident, release, statistics, action\n"
    "  --publisher ID   the one organisation that publishes figures of these areas\n"
    "  --window WINDOW  figures are released by month, quarter or year\n"
    "  --standing BASIS where nobody asked the person, reports that a police force or council "
    "took\n"
    "                   itself add to figures: statutory-function, or depersonalised-data;\n"
    "                   with --standing-level counted or anonymised\n"
    "  --retention-days N   how long the recipient may keep it\n"
    "  --contact TEXT   whom to ask about it\n"
    "  --review DATE    YYYY-MM-DD; it goes on after that day, but says so. Only --ends ends it\n";

struct agreement_words {
    const char *from;
    const char *to;
    const char *level;
    const char *withheld;
    const char *contact;
    const char *valid_from;
    const char *review;
    const char *ends;
    const char *id;
    int64_t k;
    int64_t retention_days;
    struct args_list areas;
    struct args_list purposes;
    struct args_list from_members;
    struct args_list to_members;
    struct args_list kinds;
    const char *publisher;
    const char *window;
    const char *standing;
    const char *standing_level;
};

static int words_check(const struct agreement_words *words)
{
    const char *dates[] = {words->valid_from, words->review, words->ends};

    if ((!words->from && words->from_members.count == 0) ||
        (!words->to && words->to_members.count == 0) || !words->level || !words->contact ||
        !words->valid_from || !words->review || words->areas.count == 0 ||
        words->retention_days == 0)
        return args_wrong(
            "--from, --to, --area, --level, --retention-days, --contact, --valid-from "
            "and --review are all needed");
    for (size_t i = 0; i < 3; i++) {
        if (dates[i] && !names_date_is_formed(dates[i]))
            return args_wrong("a date is not YYYY-MM-DD");
    }
    if (words->id && !names_is_ref(words->id))
        return args_wrong("--id is letters, digits and hyphens");
    if (!words->standing != !words->standing_level)
        return args_wrong("--standing and --standing-level belong together");
    if (words->k != 0 && (words->k < UP_K_MIN || words->k > 1000))
        return args_wrong("--k is %d to 1000", UP_K_MIN);
    if (words->retention_days > 100L * 366)
        return args_wrong("--retention-days is too large");
    return ARGS_GO_ON;
}

static int standing_fill(struct rosterfile *file, const struct agreement_words *words,
                         Up__Agreement *agreement)
{
    Up__Standing *standing = arena_alloc(file->arena, sizeof *standing);
    Up__Entitlement *most = arena_alloc(file->arena, sizeof *most);

    if (!standing || !most)
        return no_memory();
    up__standing__init(standing);
    up__entitlement__init(most);
    standing->entitlement = most;
    if (strcmp(words->standing, "statutory-function") == 0)
        standing->basis = UP__STANDING__BASIS__STATUTORY_FUNCTION;
    else if (strcmp(words->standing, "depersonalised-data") == 0)
        standing->basis = UP__STANDING__BASIS__DEPERSONALISED_DATA;
    else
        return args_wrong("--standing is statutory-function or depersonalised-data");
    if (names_level_parse(words->standing_level, &most->level) ||
        most->level > UP__ENTITLEMENT__LEVEL__ANONYMISED)
        return args_wrong("--standing-level is counted or anonymised");
    agreement->standing = standing;
    return ARGS_GO_ON;
}

static int parties_fill(struct rosterfile *file, const struct agreement_words *words,
                        Up__Agreement *agreement)
{
    static const char *const windows[] = {"", "month", "quarter", "year"};
    int window = 0;

    agreement->from_members = texts_copy(file, &words->from_members);
    agreement->n_from_members = words->from_members.count;
    agreement->to_members = texts_copy(file, &words->to_members);
    agreement->n_to_members = words->to_members.count;
    agreement->kinds = texts_copy(file, &words->kinds);
    agreement->n_kinds = words->kinds.count;
    agreement->publisher = rosterfile_text(file, words->publisher ? words->publisher : "");
    if (!agreement->from_members || !agreement->to_members || !agreement->kinds ||
        !agreement->publisher)
        return no_memory();
    for (int i = 1; words->window && i < 4; i++) {
        if (strcmp(windows[i], words->window) == 0)
            window = i;
    }
    if (words->window && window == 0)
        return args_wrong("--window is month, quarter or year");
    agreement->window = (Up__ReleaseWindow__Code)window;
    return words->standing ? standing_fill(file, words, agreement) : ARGS_GO_ON;
}

static int words_fill(struct rosterfile *file, const struct agreement_words *words,
                      Up__Agreement *agreement)
{
    char id[64];
    size_t number = file->roster->n_agreements + 1;
    Up__Entitlement__Group *groups = arena_alloc(file->arena, NAMES_GROUPS_MAX * sizeof *groups);

    agreement->ceiling = arena_alloc(file->arena, sizeof *agreement->ceiling);
    if (!groups || !agreement->ceiling)
        return no_memory();
    up__entitlement__init(agreement->ceiling);
    agreement->ceiling->withheld = groups;
    if ((words->from && names_role_parse(words->from, &agreement->from_role)) ||
        (words->to && names_role_parse(words->to, &agreement->to_role)))
        return args_wrong("a role is police, council, casework, charity or governance");
    if (names_level_parse(words->level, &agreement->ceiling->level))
        return args_wrong("--level is identified, pseudonymised, anonymised, counted or withheld");
    if (names_groups_parse(words->withheld ? words->withheld : "", groups,
                           &agreement->ceiling->n_withheld))
        return args_wrong("--withheld is of contact, characteristic, suspect, place");
    (void)snprintf(id, sizeof id, "%.20s-%.20s-%zu",
                   words->from ? words->from : words->from_members.items[0],
                   words->to ? words->to : words->to_members.items[0], number);
    agreement->id = rosterfile_text(file, words->id ? words->id : id);
    agreement->areas = texts_copy(file, &words->areas);
    agreement->n_areas = words->areas.count;
    agreement->purposes = texts_copy(file, &words->purposes);
    agreement->n_purposes = words->purposes.count;
    agreement->k = (uint32_t)words->k;
    agreement->retention_days = (uint32_t)words->retention_days;
    agreement->contact = rosterfile_text(file, words->contact);
    agreement->valid_from = rosterfile_text(file, words->valid_from);
    agreement->review_on = rosterfile_text(file, words->review);
    agreement->ends_on = rosterfile_text(file, words->ends ? words->ends : "");
    if (!agreement->id || !agreement->areas || !agreement->purposes || !agreement->contact ||
        !agreement->valid_from || !agreement->review_on || !agreement->ends_on)
        return no_memory();
    return parties_fill(file, words, agreement);
}

/* At the end, or in the place of the one with this id, whose signatures go. */
static enum up_err agreement_put(struct rosterfile *file, Up__Agreement *agreement)
{
    Up__Roster *roster = file->roster;
    size_t at = 0;

    while (at < roster->n_agreements && strcmp(roster->agreements[at]->id, agreement->id) != 0)
        at++;
    if (at == roster->n_agreements) {
        roster->agreements = rosterfile_grow(file, roster->agreements, at);
        roster->signed_agreements = rosterfile_grow(file, roster->signed_agreements, at);
        if (!roster->agreements || !roster->signed_agreements)
            return UP_NO_MEMORY;
        roster->n_agreements = roster->n_signed_agreements = at + 1;
    }
    roster->agreements[at] = agreement;
    return agreement_pack(agreement, file->arena, &roster->signed_agreements[at]);
}

static int agreement_add(struct rosterfile *file, const struct agreement_words *words)
{
    Up__Agreement *agreement = arena_alloc(file->arena, sizeof *agreement);
    int result = CLI_OK;
    enum up_err err = UP_OK;

    if (!agreement)
        return no_memory();
    up__agreement__init(agreement);
    result = words_fill(file, words, agreement);
    if (result != ARGS_GO_ON)
        return result;
    err = agreement_put(file, agreement);
    return err ? print_why(err, NULL) : finish(file);
}

int cmd_roster_agreement(struct cli *cli, int argc, char **argv)
{
    static struct agreement_words given;
    static struct args_list words;
    const struct args_option options[] = {
        {"--from", ARGS_TEXT, (void *)&given.from},
        {"--to", ARGS_TEXT, (void *)&given.to},
        {"--level", ARGS_TEXT, (void *)&given.level},
        {"--withheld", ARGS_TEXT, (void *)&given.withheld},
        {"--contact", ARGS_TEXT, (void *)&given.contact},
        {"--valid-from", ARGS_TEXT, (void *)&given.valid_from},
        {"--review", ARGS_TEXT, (void *)&given.review},
        {"--ends", ARGS_TEXT, (void *)&given.ends},
        {"--id", ARGS_TEXT, (void *)&given.id},
        {"--k", ARGS_NUMBER, &given.k},
        {"--retention-days", ARGS_NUMBER, &given.retention_days},
        {"--area", ARGS_LIST, &given.areas},
        {"--purpose", ARGS_LIST, &given.purposes},
        {"--from-member", ARGS_LIST, &given.from_members},
        {"--to-member", ARGS_LIST, &given.to_members},
        {"--kind", ARGS_LIST, &given.kinds},
        {"--publisher", ARGS_TEXT, (void *)&given.publisher},
        {"--window", ARGS_TEXT, (void *)&given.window},
        {"--standing", ARGS_TEXT, (void *)&given.standing},
        {"--standing-level", ARGS_TEXT, (void *)&given.standing_level},
    };
    const struct args_spec spec = SPEC(agreement_help, 1, 1);
    struct rosterfile file = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result == ARGS_GO_ON)
        result = words_check(&given);
    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    result = err ? print_why(err, &file.why) : agreement_add(&file, &given);
    rosterfile_clear(&file);
    return result;
}

/* --- revoke, renew ---------------------------------------------------------------------------- */

static const char revoke_help[] = "usage: upstander roster revoke FILE --member ID\n"
                                  "Shuts an organisation out as soon as the signed directory "
                                  "reaches the brokers and nodes. Its entry\n"
                                  "stays, so that its keys are never taken for new ones.\n";

int cmd_roster_revoke(struct cli *cli, int argc, char **argv)
{
    const char *id = NULL;
    static struct args_list words;
    const struct args_option options[] = {{"--member", ARGS_TEXT, (void *)&id}};
    const struct args_spec spec = SPEC(revoke_help, 1, 1);
    struct rosterfile file = {0};
    Up__Member *member = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!id)
        return args_wrong("--member is missing");
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (err) {
        result = print_why(err, &file.why);
    } else {
        member = member_find(file.roster, id);
        if (!member) {
            result = print_fault("the directory has no %s", id);
        } else {
            member->status = UP__MEMBER__STATUS__REVOKED;
            result = finish(&file);
        }
    }
    rosterfile_clear(&file);
    return result;
}

static const char renew_help[] = "usage: upstander roster renew FILE --days D\n"
                                 "Puts the expiry D days from now.\n";

int cmd_roster_renew(struct cli *cli, int argc, char **argv)
{
    int64_t days = 0;
    static struct args_list words;
    const struct args_option options[] = {{"--days", ARGS_NUMBER, &days}};
    const struct args_spec spec = SPEC(renew_help, 1, 1);
    struct rosterfile file = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (days == 0 || days > DAYS_MAX)
        return args_wrong("--days is 1 to %d", DAYS_MAX);
    err = rosterfile_read(&file, cli->arena, words.items[0]);
    if (err) {
        result = print_why(err, &file.why);
    } else {
        file.roster->expires_at_s = clock_wall_s() + days * DAY_S;
        result = finish(&file);
    }
    rosterfile_clear(&file);
    return result;
}
