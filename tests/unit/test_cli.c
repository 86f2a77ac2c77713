/* SPDX-License-Identifier: MIT */
/* rooms: cli disclosure base */
/* The command's pieces that need no node: words, tables, text for people, drafts, choices, the
 * directory file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nodes/cli/args.h"
#include "nodes/cli/choices.h"
#include "nodes/cli/fields.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/render.h"
#include "nodes/cli/rosterfile.h"
#include "nodes/cli/table.h"
#include "nodes/cli/wizard.h"
#include "nodes/cli/wrap.h"
#include "upstander/limits.h"

static struct arena *arena;
static char *memory;
static size_t memory_len;

static FILE *memory_open(void)
{
    FILE *out = open_memstream(&memory, &memory_len);

    assert_non_null(out);
    return out;
}

static void memory_is(FILE *out, const char *expected)
{
    assert_int_equal(fclose(out), 0);
    assert_string_equal(memory, expected);
    free(memory);
    memory = NULL;
}

static int set_up(void **state)
{
    (void)state;
    return keys_init() || arena_new(UP_ARENA_LEN_MAX, &arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static void a_terminal_never_gets_control_characters(void **state)
{
    FILE *out = memory_open();

    (void)state;
    print_safe(out, "a\x1b[2Jb\x07\tc\x7f", 0);
    print_safe(out, "|\xc2\x9b|\xe2\x80\xae|\xe2\x80\xac|", 0);   /* CSI, RLO, PDF */
    print_safe(out, "\xe2\x81\xa6|\xe2\x81\xa9|\xef\xbb\xbf", 0); /* LRI, PDI, BOM */
    print_safe(out, "|caf\xc3\xa9 \xf0\x9f\x99\x82|\xc3|", 0);
    print_safe(out, "\nx\r\ny\rz", 2);
    memory_is(out, "a?[2Jb? c?|?|?|?|?|?|?|caf\xc3\xa9 \xf0\x9f\x99\x82|?|\n  x\n  y?z");
    assert_int_equal(print_width("caf\xc3\xa9 \xf0\x9f\x99\x82"), 6);
}

static void a_table_is_as_wide_as_its_cells(void **state)
{
    static const char *const headings[] = {"A", "Long heading", ""};
    const char *const rows[][3] = {{"caf\xc3\xa9 au lait", "x", ""}, {"b", "line\nbreak", "end"}};
    struct table *table = NULL;
    FILE *out = memory_open();

    (void)state;
    assert_int_equal(table_new(headings, 3, &table), UP_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(table_add(table, rows[i]), UP_OK);
    table_print(table, out);
    memory_is(out, "A             Long heading\n"
                   "------------  ------------  ---\n"
                   "caf\xc3\xa9 au lait  x\n"
                   "b             line break    end\n");
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(table_add(table, rows[0]), UP_OK);
    table_destroy(&table);
    assert_null(table);
}

static void sentences_fit_the_terminal(void **state)
{
    FILE *out = memory_open();

    (void)state;
    wrap_print(out, " - ", "one two  three\nfour", 12);
    wrap_print(out, "", "a-word-that-fits-no-line and on", 10);
    wrap_print(out, "  ", "", 20);
    wrap_print(out, " - ", "na\xc3\xafve caf\xc3\xa9 \x1b[31m", 12);
    memory_is(out, " - one two\n   three\n   four\n"
                   "a-word-that-fits-no-line\nand on\n"
                   "  \n"
                   " - na\xc3\xafve\n   caf\xc3\xa9\n   ?[31m\n");
    assert_int_equal(setenv("COLUMNS", "52", 1), 0);
    assert_int_equal(wrap_width(), 52);
    assert_int_equal(setenv("COLUMNS", "3", 1), 0);
    assert_int_equal(wrap_width(), 20);
    assert_int_equal(setenv("COLUMNS", "99999999999999999999", 1), 0);
    assert_int_equal(wrap_width(), 1000);
    assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void words_are_read_strictly(void **state)
{
    Up__Role__Code role = UP__ROLE__CODE__NOT_STATED;
    Up__Entitlement__Level level = UP__ENTITLEMENT__LEVEL__NOT_STATED;
    Up__Entitlement__Group groups[NAMES_GROUPS_MAX];
    size_t count = 9;
    char text[NAMES_LEN_MAX];
    Up__Entitlement entitlement;

    up__entitlement__init(&entitlement);
    (void)state;
    assert_int_equal(names_role_parse("Council", &role), UP_OK);
    assert_int_equal(role, UP__ROLE__CODE__COUNCIL);
    assert_int_equal(names_role_parse("councils", &role), UP_INVALID);
    assert_int_equal(names_role_parse("not stated", &role), UP_INVALID);
    assert_int_equal(names_level_parse("pseudonymised", &level), UP_OK);
    assert_int_equal(level, UP__ENTITLEMENT__LEVEL__PSEUDONYMISED);
    assert_int_equal(names_level_parse("", &level), UP_INVALID);
    assert_int_equal(names_groups_parse("place,contact", groups, &count), UP_OK);
    assert_int_equal(count, 2);
    assert_int_equal(groups[0],
                     UP__ENTITLEMENT__GROUP__CONTACT); /* ascending, as the schema wants */
    assert_int_equal(groups[1], UP__ENTITLEMENT__GROUP__PLACE);
    assert_int_equal(names_groups_parse("", groups, &count), UP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(names_groups_parse("contact,,place", groups, &count), UP_INVALID);
    assert_int_equal(names_groups_parse("contacts", groups, &count), UP_INVALID);
    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    entitlement.withheld = groups;
    entitlement.n_withheld = 1;
    groups[0] = UP__ENTITLEMENT__GROUP__SUSPECT;
    names_entitlement(&entitlement, text);
    assert_string_equal(text, "everything (without suspect)");
    names_entitlement(NULL, text);
    assert_string_equal(text, "not shared");
    entitlement.level = (Up__Entitlement__Level)77;
    names_entitlement(&entitlement, text);
    assert_non_null(strstr(text, "not shared"));
    assert_string_equal(names_status("accepted"), "on its way");
    names_enum("FROM_10_TO_17", text);
    assert_string_equal(text, "from 10 to 17");
    assert_true(names_date_is_formed("2026-11-03"));
    assert_false(names_date_is_formed("2026-13-03"));
    assert_false(names_date_is_formed("03.11.2026"));
    assert_true(names_is_ref("7F3K-9QTM"));
    assert_false(names_is_ref("../etc"));
    assert_false(names_is_ref(""));
    assert_true(wizard_time_is_formed("2026-11-03T14:25"));
    assert_true(wizard_time_is_formed("2026-11"));
    assert_false(wizard_time_is_formed("2026-11-03 14:25"));
    assert_false(wizard_time_is_formed("2026-1"));
}

/* Words with blanks between, as a shell would give them. */
static int parse(struct cli *cli, const struct args_spec *spec, const char *line)
{
    static char copies[8][128]; /* what was parsed points into them */
    static unsigned next;
    char *copy = copies[next++ % 8];
    char *argv[32];
    int argc = 0;

    assert_true(strlen(line) < sizeof copies[0]);
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    spec->words->count = 0;
    return args_parse(cli, spec, argc, argv);
}

static void options_are_read_from_a_table(void **state)
{
    struct cli cli = {0};
    struct args_list words = {0};
    struct args_list areas = {0};
    const char *hub = NULL;
    int64_t days = 0;
    bool yes = false;
    const struct args_option options[] = {{"--area", ARGS_LIST, &areas},
                                          {"--hub", ARGS_TEXT, (void *)&hub},
                                          {"--days", ARGS_NUMBER, &days},
                                          {"--yes", ARGS_FLAG, &yes}};
    const struct args_spec spec = {.help = "",
                                   .options = options,
                                   .option_count = 4,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 2};

    (void)state;
    assert_int_equal(parse(&cli, &spec,
                           "add file --area E1 E2 --hub h --area E3 --days 30 "
                           "--yes --json --socket /s"),
                     ARGS_GO_ON);
    assert_int_equal(areas.count, 3);
    assert_string_equal(areas.items[2], "E3");
    assert_string_equal(hub, "h");
    assert_int_equal(days, 30);
    assert_true(yes && cli.json);
    assert_string_equal(cli.socket_path, "/s");
    assert_int_equal(parse(&cli, &spec, "add file --colour"), CLI_USAGE);
    assert_int_equal(parse(&cli, &spec, "add file --hub"), CLI_USAGE);
    assert_int_equal(parse(&cli, &spec, "add file --days 0"), CLI_USAGE);
    assert_int_equal(parse(&cli, &spec, "add a b c"), CLI_USAGE);
    assert_int_equal(parse(&cli, &spec, "add"), CLI_USAGE);
    assert_int_equal(parse(&cli, &spec, "add --help"), CLI_OK);
}

static enum up_err presets(const char *from, const char *to, struct up_why *why)
{
    static char text[1 << 16];
    struct up_view all = choices_builtin();
    Up__PresetList *list = NULL;
    char *at = NULL;

    assert_true(all.len + 200 < sizeof text);
    memcpy(text, all.data, all.len);
    text[all.len] = '\0';
    at = strstr(text, from);
    assert_non_null(at);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
    return choices_parse(up_view_of(text, strlen(text)), arena, &list, why);
}

/* The presets that come with the program: each role once, at most five, each in three wordings, none above the hard
 * ceiling; council, casework and governance never get the suspect. */
static void presets_stay_under_the_hard_ceilings(void **state)
{
    static const Up__Entitlement__Level ceilings[] = {
        UP__ENTITLEMENT__LEVEL__WITHHELD,      UP__ENTITLEMENT__LEVEL__IDENTIFIED,
        UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, UP__ENTITLEMENT__LEVEL__IDENTIFIED,
        UP__ENTITLEMENT__LEVEL__IDENTIFIED,    UP__ENTITLEMENT__LEVEL__COUNTED};
    Up__PresetList *list = NULL;
    struct up_why why = {0};

    (void)state;
    assert_int_equal(choices_parse(choices_builtin(), arena, &list, &why), UP_OK);
    assert_int_equal(list->n_roles, 5);
    for (size_t i = 0; i < list->n_roles; i++) {
        const Up__PresetRole *role = list->roles[i];
        bool never_suspect = role->role == UP__ROLE__CODE__COUNCIL ||
                             role->role == UP__ROLE__CODE__CASEWORK ||
                             role->role == UP__ROLE__CODE__GOVERNANCE;

        assert_int_equal(role->role, i + 1);
        assert_in_range(role->n_presets, 2, CHOICES_PER_ROLE_MAX);
        for (size_t j = 0; j < role->n_presets; j++) {
            const Up__Preset *preset = role->presets[j];
            bool has_suspect = false;

            assert_true(preset->entitlement->level <= ceilings[role->role]);
            for (size_t k = 0; k < preset->entitlement->n_withheld; k++)
                has_suspect |= preset->entitlement->withheld[k] == UP__ENTITLEMENT__GROUP__SUSPECT;
            if (never_suspect && preset->entitlement->level != UP__ENTITLEMENT__LEVEL__WITHHELD)
                assert_true(has_suspect);
        }
    }
}

static void presets_are_checked(void **state)
{
    struct up_why why = {0};

    (void)state;
    assert_int_equal(presets("\"version\": \"1\"", "\"version\": \"2\"", &why), UP_OK);
    assert_int_not_equal(presets("\"expiresAfterDays\"", "\"expireAfterDays\"", &why), UP_OK);
    assert_non_null(strstr(why.text, "no field of that name"));
    assert_int_not_equal(presets("\"easyRead\"", "\"easy\"", &why), UP_OK);
    assert_int_equal(presets("\"version\": \"1\"", "\"version\": \"\"", &why), UP_INVALID);
    assert_int_equal(
        presets("\"PSEUDONYMISED\",\n            \"withheld\": [\n              \"SUSPECT\"",
                "\"PSEUDONYMISED\",\n            \"withheld\": [\n              \"PLACE\"", &why),
        UP_INVALID); /* a council would get the suspect */
    assert_non_null(strstr(why.text, "more than"));
    assert_int_equal(presets("\"role\": \"COUNCIL\"", "\"role\": \"POLICE\"", &why), UP_INVALID);
    assert_int_equal(presets("\"code\": \"figures\"", "\"code\": \"all\"", &why), UP_INVALID);
    assert_int_equal(presets("\"level\": \"ANONYMISED\"", "\"level\": \"WITHHELD\"", &why),
                     UP_INVALID);
    assert_int_equal(
        presets("\"bslGloss\": \"EVERYTHING", "\"plain\": \"EVERYTHING", &why) == UP_OK, false);
    assert_int_equal(presets("\"expiresAfterDays\": 365", "\"expiresAfterDays\": 36500", &why),
                     UP_INVALID);
}

static void days_are_counted(void **state)
{
    char day[11] = "";

    (void)state;
    assert_true(sharing_day_after("2026-11-25", 365, day));
    assert_string_equal(day, "2027-11-25");
    assert_true(sharing_day_after("2028-02-28", 1, day));
    assert_string_equal(day, "2028-02-29");
    assert_true(sharing_day_after("2027-12-31", 1, day));
    assert_string_equal(day, "2028-01-01");
    assert_true(sharing_day_after("2027-12-31", 0, day));
    assert_string_equal(day, "2027-12-31");
    assert_false(sharing_day_after("2027-02-29", 1, day));
    assert_false(sharing_day_after("2027-13-01", 1, day));
    assert_false(sharing_day_after("soon", 1, day));
    assert_false(sharing_day_after("9999-12-31", 1, day));
}

static void answers_go_to_their_fields(void **state)
{
    Up__Report report;
    const ProtobufCEnumValue *values[FIELDS_VALUES_MAX];

    up__report__init(&report);
    (void)state;
    assert_int_equal(
        fields_text(&report.base, "incident.contact.telephones", "01632 960001", arena), UP_OK);
    assert_int_equal(report.incident->contact->n_telephones, 1);
    assert_string_equal(report.incident->contact->telephones[0], "01632 960001");
    assert_int_equal(fields_text(&report.base, "incident.narrative", "n", arena), UP_OK);
    assert_string_equal(report.incident->narrative, "n");
    assert_int_equal(
        fields_number(&report.base, "incident.risk.injury", UP__INJURY__CODE__MINOR, arena), UP_OK);
    assert_int_equal(report.incident->risk->injury, UP__INJURY__CODE__MINOR);
    assert_int_equal(fields_values(&report.base, "reported_before", arena, values), 5);
    assert_string_equal(values[0]->name, "YES");
    assert_int_equal(fields_values(&report.base, "incident.types", arena, values), 19);
}

static void a_draft_comes_back_as_it_was_kept(void **state)
{
    static const char *const bad[] = {"",
                                      "step 3",
                                      "step x\n{}",
                                      "step 3\n{",
                                      "step 999\n{}",
                                      "stop 3\n{}",
                                      "step 3\n{\"colour\":1}"};
    Up__Report report;
    Up__Report *back = NULL;
    struct up_bytes bytes = {0};
    size_t step = 0;

    up__report__init(&report);
    (void)state;
    report.urgent = true;
    assert_int_equal(fields_text(&report.base, "incident.narrative", "two\nlines", arena), UP_OK);
    assert_int_equal(wizard_draft_format(&report, 12, &bytes), UP_OK);
    assert_int_equal(wizard_draft_parse(up_bytes_view(&bytes), arena, &back, &step), UP_OK);
    assert_int_equal(step, 12);
    assert_true(back->urgent);
    assert_string_equal(back->incident->narrative, "two\nlines");
    up_bytes_wipe(&bytes);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(
            wizard_draft_parse(up_view_of(bad[i], strlen(bad[i])), arena, &back, &step), UP_OK);
}

static void safety_stands_first(void **state)
{
    Up__InboxItem item;
    Up__InboxLine line;
    Up__Report report;
    char ref[] = "R1";
    FILE *out = memory_open();
    char *safety = NULL;
    char *name = NULL;

    up__report__init(&report);
    up__inbox_line__init(&line);
    up__inbox_item__init(&item);
    (void)state;
    line.ref = ref;
    line.urgent = true;
    item.line = &line;
    assert_int_equal(
        fields_text(&report.base, "incident.identity.name", "A. \x1b[31mPerson", arena), UP_OK);
    assert_int_equal(fields_text(&report.base, "incident.safety.safe_times", "Tuesdays", arena),
                     UP_OK);
    assert_int_equal(fields_number(&report.base, "incident.entitlement.level",
                                   UP__ENTITLEMENT__LEVEL__IDENTIFIED, arena),
                     UP_OK);
    item.incident = report.incident;
    render_item(out, &item, true);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strncmp(memory, PRINT_BANNER "\n", sizeof PRINT_BANNER), 0);
    assert_non_null(strstr(memory, "ring 999 first"));
    safety = strstr(memory, "SAFETY FIRST\n  Contact:              do not contact this person");
    name = strstr(memory, "A. ?[31mPerson");
    assert_non_null(safety);
    assert_non_null(name);
    assert_true(safety < name);
    assert_true(strstr(memory, "Tuesdays") < name);
    free(memory);
    memory = NULL;
}

/* An edit takes signatures off; the version goes up once after it was signed. */
static void an_edit_raises_the_version_once(void **state)
{
    char folder[] = "/tmp/test_cli.XXXXXX";
    char path[64];
    struct keyfile keyfile;
    Up__Steward steward;
    Up__Steward *stewards[1] = {&steward};
    Up__Roster roster;
    uint8_t federation[16] = {1};
    struct rosterfile file = {.arena = arena, .roster = &roster, .path = path};
    static const uint64_t versions[] = {1, 1, 2, 2};
    (void)state;

    up__roster__init(&roster);
    up__steward__init(&steward);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/r", folder);
    keyfile_generate(KEYFILE_STEWARD, &keyfile);
    steward.key = (ProtobufCBinaryData){.len = 32, .data = keyfile.identity.bytes};
    roster.federation = (ProtobufCBinaryData){.len = 16, .data = federation};
    roster.version = 1;
    roster.threshold = 1;
    roster.stewards = stewards;
    roster.n_stewards = 1;
    roster.expires_at_s = INT64_C(1) << 40;
    assert_int_equal(rosterfile_save(&file), UP_OK);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct rosterfile again = {0};
        struct up_bytes out = {0};

        assert_int_equal(rosterfile_read(&again, arena, path), UP_OK);
        assert_int_equal(again.roster->version, versions[i]);
        assert_int_equal(again.signed_roster->n_signatures, 0);
        if (i == 1) {
            FILE *stream = fopen(path, "wb");

            assert_int_equal(
                roster_sign(up_bytes_view(&again.bytes), &keyfile.identity_secret, &out), UP_OK);
            assert_non_null(stream);
            assert_int_equal(fwrite(out.data, 1, out.len, stream), out.len);
            assert_int_equal(fclose(stream), 0);
            rosterfile_clear(&again);
            assert_int_equal(rosterfile_read(&again, arena, path), UP_OK);
        }
        assert_int_equal(rosterfile_save(&again), UP_OK);
        rosterfile_clear(&again);
        up_bytes_wipe(&out);
    }
    assert_int_equal(unlink(path), 0);
    strcat(path, ".before"); /* the version that was signed */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_never_gets_control_characters),
        cmocka_unit_test(a_table_is_as_wide_as_its_cells),
        cmocka_unit_test(sentences_fit_the_terminal),
        cmocka_unit_test(words_are_read_strictly),
        cmocka_unit_test(options_are_read_from_a_table),
        cmocka_unit_test(presets_stay_under_the_hard_ceilings),
        cmocka_unit_test(presets_are_checked),
        cmocka_unit_test(days_are_counted),
        cmocka_unit_test(answers_go_to_their_fields),
        cmocka_unit_test(a_draft_comes_back_as_it_was_kept),
        cmocka_unit_test(safety_stands_first),
        cmocka_unit_test(an_edit_raises_the_version_once),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
