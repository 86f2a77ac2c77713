/* SPDX-License-Identifier: MIT
 * agreement show, diff. */
#include <stdio.h>
#include <string.h>

#include "api.pb-c.h"
#include "base/clock.h"
#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/cmd_agreement.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/prose.h"
#include "nodes/cli/rosterfile.h"
#include "nodes/cli/table.h"
#include "nodes/disclosure/diff.h"
#include "upstander/agreement.h"

enum { AREAS_LEN_MAX = 16 << 20 };

/* --- show ------------------------------------------------------------------------------------- */

static const char show_help[] =
    "usage: upstander agreement show [ID] [--prose] [--file FILE]\n"
    "Prints the sharing agreements of the directory in force at the node, and who signed or "
    "suspended\n"
    "them.\n"
    "  --prose       in plain English, every term\n"
    "  --file FILE   of a directory file instead; no signatory's signature is checked\n";

static void side_text(Up__Role__Code role, char *const *members, size_t count, char *ret_text,
                      size_t len_max)
{
    if (count == 0)
        (void)snprintf(ret_text, len_max, "%s", names_role(role));
    else
        (void)snprintf(ret_text, len_max, "%s%s", members[0], count > 1 ? " ..." : "");
}

/* Does it bind any two? */
static bool is_signed(const Up__Roster *roster, const Up__Agreement *agreement)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        for (size_t j = 0; j < roster->n_members; j++) {
            const Up__Member *from = roster->members[i];
            const Up__Member *to = roster->members[j];

            if (i != j && agreement_sends(agreement, from) && agreement_receives(agreement, to) &&
                agreement_names(agreement->signed_by, agreement->n_signed_by, from->id) &&
                agreement_names(agreement->signed_by, agreement->n_signed_by, to->id))
                return true;
        }
    }
    return false;
}

static const char *state_text(const Up__Roster *roster, const Up__Agreement *agreement,
                              const char *today)
{
    if (agreement->suspended || agreement->n_suspended_by > 0)
        return "SUSPENDED";
    if (agreement->ends_on[0] != '\0' && strcmp(agreement->ends_on, today) < 0)
        return "ended";
    if (strcmp(agreement->valid_from, today) > 0)
        return "not yet";
    if (!is_signed(roster, agreement))
        return "NOT SIGNED";
    if (agreement->review_on[0] != '\0' && strcmp(agreement->review_on, today) < 0)
        return "REVIEW IS DUE";
    return "in force";
}

static enum up_err show_table(const Up__Roster *roster, const char *only, const char *today)
{
    static const char *const headings[] = {"Agreement", "From",      "To",     "At most",
                                           "Stands",    "Signed by", "Review", "Contact"};
    struct table *table = NULL;
    enum up_err err = table_new(headings, sizeof headings / sizeof headings[0], &table);

    for (size_t i = 0; !err && i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];
        char from[64];
        char to[64];
        char level[NAMES_LEN_MAX];
        char signers[32];
        const char *cells[] = {agreement->id,
                               from,
                               to,
                               level,
                               state_text(roster, agreement, today),
                               signers,
                               agreement->review_on,
                               agreement->contact};

        if (only && strcmp(only, agreement->id) != 0)
            continue;
        side_text(agreement->from_role, agreement->from_members, agreement->n_from_members, from,
                  sizeof from);
        side_text(agreement->to_role, agreement->to_members, agreement->n_to_members, to,
                  sizeof to);
        names_entitlement(agreement->ceiling, level);
        (void)snprintf(signers, sizeof signers, "%zu", agreement->n_signed_by);
        err = table_add(table, cells);
    }
    if (!err)
        table_print(table, stdout);
    table_destroy(&table);
    return err;
}

static int show_all(const Up__Roster *roster, const char *only, bool prose)
{
    char today[CLOCK_TEXT_LEN];
    size_t count = 0;

    clock_london(clock_wall_s(), today);
    today[10] = '\0';
    for (size_t i = 0; i < roster->n_agreements; i++)
        count += !only || strcmp(only, roster->agreements[i]->id) == 0;
    if (count == 0 && only)
        return print_fault("no agreement is called %s; `upstander agreement show` lists them",
                           only);
    if (count == 0) {
        (void)puts("No sharing agreement, so nothing may be shared.");
        return CLI_OK;
    }
    if (!prose) {
        enum up_err err = show_table(roster, only, today);

        return err ? print_why(err, NULL) : CLI_OK;
    }
    for (size_t i = 0, shown = 0; i < roster->n_agreements; i++) {
        if (only && strcmp(only, roster->agreements[i]->id) != 0)
            continue;
        if (shown++ > 0)
            (void)putchar('\n');
        prose_agreement(stdout, roster, roster->agreements[i]);
        if (strcmp(state_text(roster, roster->agreements[i], today), "REVIEW IS DUE") == 0)
            (void)puts("ITS REVIEW IS DUE. It goes on until somebody ends it.");
    }
    return CLI_OK;
}

int cmd_agreement_show(struct cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    bool prose = false;
    static struct args_list words;
    const struct args_option options[] = {{"--file", ARGS_TEXT, (void *)&path},
                                          {"--prose", ARGS_FLAG, &prose}};
    const struct args_spec spec = {
        .help = show_help, .options = options, .option_count = 2, .words = &words, .words_max = 1};
    const struct client_request request = {.method = "GET", .path = "/v1/agreements"};
    const char *only = NULL;
    struct rosterfile file = {0};
    Up__Roster roster = UP__ROSTER__INIT;
    ProtobufCMessage *reply = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    only = words.count > 0 ? words.items[0] : NULL;
    if (path) {
        err = rosterfile_read(&file, cli->arena, path);
        result = err ? print_why(err, &file.why) : show_all(file.roster, only, prose);
        rosterfile_clear(&file);
        return result;
    }
    if (cli->json)
        return client_print(cli, request.path);
    result = client_ask(cli, &request, &up__agreement_list__descriptor, &reply, NULL);
    if (result != CLI_OK)
        return result;
    roster.agreements = ((Up__AgreementList *)reply)->agreements;
    roster.n_agreements = ((Up__AgreementList *)reply)->n_agreements;
    roster.members = ((Up__AgreementList *)reply)->members;
    roster.n_members = ((Up__AgreementList *)reply)->n_members;
    return show_all(&roster, only, prose);
}

/* --- diff ------------------------------------------------------------------------------------- */

static const char diff_help[] =
    "usage: upstander agreement diff OLD NEW [--areas FILE]\n"
    "Decides everything twice, under two directory files: each sender and recipient, each place, "
    "each\n"
    "thing that a person may say. Prints what would change, and how many decisions that is.\n"
    "Exit status 1 when anything more could be seen than before.\n"
    "  --areas FILE   table of areas, when it is not the installed one\n";

/* Places in which one pair changes in the same way, printed as one. */
struct printer {
    struct diff_place group; /* the first of them */
    size_t place_count;
    char places[200];
    const struct areas *areas;
};

static const char *level_text(const struct verdict *verdict)
{
    return names_level((Up__Entitlement__Level)((int)verdict->entitlement.level + 1));
}

static void withheld_text(unsigned withheld, char ret_text[static NAMES_LEN_MAX])
{
    static const char *const names[] = {"contact", "characteristic", "suspect", "place"};
    size_t at = 0;

    ret_text[0] = '\0';
    for (unsigned i = 0; i < 4; i++) {
        if (withheld >> i & 1)
            at += (size_t)snprintf(ret_text + at, NAMES_LEN_MAX - at, "%s%s",
                                   at > 0 ? ", " : " without ", names[i]);
    }
}

static void case_text(unsigned index, char ret_text[static NAMES_LEN_MAX])
{
    static const char *const levels[] = {"nothing", "counts", "figures", "all but who they are",
                                         "everything"};

    if (index == DIFF_NOT_ASKED_OWN)
        (void)snprintf(ret_text, NAMES_LEN_MAX, "nobody asked, taken by the sender itself");
    else if (index == DIFF_NOT_ASKED)
        (void)snprintf(ret_text, NAMES_LEN_MAX, "nobody asked");
    else
        (void)snprintf(ret_text, NAMES_LEN_MAX, "the person agreed to %s",
                       levels[diff_case_choice(index).level]);
}

static bool verdict_is(const struct verdict *a, const struct verdict *b)
{
    return a->entitlement.level == b->entitlement.level &&
           (a->entitlement.level == LEVEL_WITHHELD ||
            a->entitlement.withheld == b->entitlement.withheld);
}

/* One line for each thing said, where nothing is asked to be left out; the other withheld sets are counted. */
static void group_print(struct printer *printer)
{
    const struct diff_place *group = &printer->group;

    if (printer->place_count == 0)
        return;
    print_safe(stdout, group->sender->name, 0);
    (void)fputs(" to ", stdout);
    print_safe(stdout, group->recipient->name, 0);
    (void)printf(", in %zu place%s (%s)\n", printer->place_count,
                 printer->place_count == 1 ? "" : "s", printer->places);
    for (unsigned i = 0; i < DIFF_CASES; i += i < DIFF_CHOICES ? 16 : 1) {
        char said[NAMES_LEN_MAX];
        char before[NAMES_LEN_MAX];
        char after[NAMES_LEN_MAX];
        unsigned changed = 0;
        unsigned shown = i;

        for (unsigned j = i; j < (i < DIFF_CHOICES ? i + 16 : i + 1); j++) {
            if (verdict_is(&group->before[j], &group->after[j]))
                continue;
            if (changed++ == 0)
                shown = j;
        }
        if (changed == 0)
            continue;
        case_text(shown, said);
        withheld_text(group->before[shown].entitlement.level == LEVEL_WITHHELD
                          ? 0
                          : group->before[shown].entitlement.withheld,
                      before);
        withheld_text(group->after[shown].entitlement.level == LEVEL_WITHHELD
                          ? 0
                          : group->after[shown].entitlement.withheld,
                      after);
        (void)printf("  if %s: %s%s -> %s%s (%u decision%s each)\n", said,
                     level_text(&group->before[shown]), before, level_text(&group->after[shown]),
                     after, changed, changed == 1 ? "" : "s");
        if (group->after[shown].entitlement.level == LEVEL_WITHHELD)
            (void)printf("      because %s\n", entitlement_reason(&group->after[shown]));
    }
    printer->place_count = 0;
}

static bool is_like(const struct diff_place *a, const struct diff_place *b)
{
    if (a->sender != b->sender || a->recipient != b->recipient)
        return false;
    for (unsigned i = 0; i < DIFF_CASES; i++) {
        if (!verdict_is(&a->before[i], &b->before[i]) || !verdict_is(&a->after[i], &b->after[i]))
            return false;
    }
    return true;
}

static void found(void *context, const struct diff_place *place)
{
    struct printer *printer = context;
    size_t at = 0;

    if (printer->place_count == 0 || !is_like(&printer->group, place)) {
        group_print(printer);
        printer->group = *place;
        printer->places[0] = '\0';
    }
    at = strlen(printer->places);
    if (at + 40 < sizeof printer->places)
        (void)snprintf(printer->places + at, sizeof printer->places - at, "%s%s", at > 0 ? " " : "",
                       place->area);
    else if (at + 5 < sizeof printer->places && printer->places[at - 1] != '.')
        (void)snprintf(printer->places + at, sizeof printer->places - at, " ...");
    printer->place_count++;
}

static enum up_err areas_load(const char *path, struct areas **ret_areas, struct up_why *why)
{
    struct up_bytes text = {0};
    enum up_err err = file_read(path, AREAS_LEN_MAX, &text, why);

    if (!err)
        err = areas_parse(up_bytes_view(&text), ret_areas, why);
    if (err == UP_NOT_FOUND)
        (void)up_why_set(why, err, "there is no table of areas at %s; name it with --areas", path);
    up_bytes_wipe(&text);
    return err;
}

static int diff_print(const struct rosterfile *before, const struct rosterfile *after,
                      const struct areas *areas)
{
    static struct printer printer;
    char today[CLOCK_TEXT_LEN];
    struct diff_inputs inputs = {
        .before = before->roster, .after = after->roster, .areas = areas, .today = today};
    struct diff_count count;

    clock_london(clock_wall_s(), today);
    today[10] = '\0';
    printer.areas = areas;
    count = diff_rosters(&inputs, found, &printer);
    group_print(&printer);
    (void)printf("%llu of %llu decisions change: %llu give more, %llu give less\n",
                 (unsigned long long)count.changed, (unsigned long long)count.compared,
                 (unsigned long long)count.raised, (unsigned long long)count.lowered);
    return count.raised > 0 ? CLI_FAILED : CLI_OK;
}

int cmd_agreement_diff(struct cli *cli, int argc, char **argv)
{
    const char *path = UPSTANDER_DATA "/areas.csv";
    static struct args_list words;
    const struct args_option options[] = {{"--areas", ARGS_TEXT, (void *)&path}};
    const struct args_spec spec = {.help = diff_help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 2,
                                   .words_max = 2};
    struct rosterfile before = {0};
    struct rosterfile after = {0};
    struct areas *areas = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    err = rosterfile_read(&before, cli->arena, words.items[0]);
    if (err) {
        result = print_why(err, &before.why);
        goto out;
    }
    err = rosterfile_read(&after, cli->arena, words.items[1]);
    if (!err)
        err = areas_load(path, &areas, &after.why);
    result = err ? print_why(err, &after.why) : diff_print(&before, &after, areas);
out:
    areas_destroy(&areas);
    rosterfile_clear(&before);
    rosterfile_clear(&after);
    return result;
}
