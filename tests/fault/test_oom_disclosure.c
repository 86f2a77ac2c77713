/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* The disclosure engine with memory running out: no half disclosure, no half release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/disclose.h"
#include "nodes/disclosure/onward.h"
#include "nodes/disclosure/release.h"
#include "nodes/disclosure/why.h"
#include "nodes/disclosure/whyfields.h"
#include "tests/lib/incident_gen.h"
#include "tests/lib/oom.h"
#include "upstander/limits.h"

enum { INCIDENTS = 12, ITEMS = 12 };

static const char area_text[] = "E23000021,,a\nE06000016,E23000021,b\nE01013600,E06000016,c\n";

static struct disclose_rules rules;
static struct arena *fixed;
static Up__Incident *incident;
static struct entitlement entitlement;
static struct up_bytes expected;
static Up__PooledCount items[ITEMS];
static Up__PooledCount *item_list[ITEMS];
static Up__PooledWithdrawal withdrawal = UP__POOLED_WITHDRAWAL__INIT;
static Up__PooledWithdrawal *withdrawal_list[] = {&withdrawal};

static struct areas *table;

static int set_up(void **state)
{
    (void)state;
    table = gen_areas();
    rules.areas = table;
    if (arena_new(UP_ARENA_LEN_MAX, &fixed))
        return -1;
    for (size_t i = 0; i < ITEMS; i++) {
        Up__Cell *cell = arena_alloc(fixed, sizeof *cell);

        up__cell__init(cell);
        cell->strands = arena_alloc(fixed, sizeof *cell->strands);
        cell->strands[0] = (Up__Strand__Code)(1 + i % 3 / 2);
        cell->n_strands = 1;
        cell->area = arena_text(fixed, up_view_of("E06000016", 9));
        cell->period = arena_text(fixed, up_view_of("2026-01", 7));
        up__pooled_count__init(&items[i]);
        items[i].batch = (uint32_t)(1 + i);
        items[i].cell = cell;
        items[i].incidents = items[i].victims = items[i].victims_new = 3;
        item_list[i] = &items[i];
    }
    withdrawal.batch = 1;
    withdrawal.cell = items[0].cell;
    withdrawal.incidents = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&table);
    arena_destroy(&fixed);
    return 0;
}

static enum up_err attempt_areas(void)
{
    struct areas *areas = NULL;
    enum up_err err = areas_parse(up_view_of(area_text, sizeof area_text - 1), &areas, NULL);

    assert_true((err == UP_OK) == (areas != NULL));
    if (!err)
        assert_string_equal(areas_climb(areas, "E01013600", AREA_POLICE), "E23000021");
    areas_destroy(&areas);
    return err;
}

static enum up_err attempt_codes(void)
{
    static const char text[] = "1,old,an old one,,2024-12-31,new,\n2,new,a new one,,,,\n";
    struct codes *codes = NULL;
    enum up_err err = codes_new(&codes);

    if (!err)
        err = codes_add(codes, CODES_OUTCOMES, up_view_of(text, sizeof text - 1), NULL);
    if (!err)
        assert_non_null(codes_find(codes, CODES_OUTCOMES, "new"));
    codes_destroy(&codes);
    return err;
}

/* An explanation of a member elsewhere, which is the longest; and of the fields. */
static enum up_err explain_in(struct arena *arena)
{
    static char id[] = "a-force";
    static char day[] = "2026-11-24";
    static char elsewhere[] = "E23000022";
    char *covers[] = {elsewhere};
    Up__Member member = UP__MEMBER__INIT;
    Up__Roster roster = UP__ROSTER__INIT;
    struct entitlement_inputs inputs = {.incident = incident,
                                        .roster = &roster,
                                        .sender = &member,
                                        .recipient = &member,
                                        .areas = table,
                                        .today = day};
    struct verdict verdict;
    struct why *why = NULL;
    Up__Incident *out = NULL;
    const char *const *sentences = NULL;
    size_t count = 0;
    enum up_err err = UP_OK;

    member.id = id;
    member.role = UP__ROLE__CODE__POLICE;
    member.status = UP__MEMBER__STATUS__ACTIVE;
    member.areas = covers;
    member.n_areas = 1;
    verdict = entitlement_decide(&inputs);
    err = why_make(&inputs, &verdict, NULL, arena, &why);
    assert_true((err == UP_OK) == (why != NULL));
    if (!err)
        assert_true(why->reason_count > 0 && why->reasons[0]);
    if (!err)
        err = disclose(incident, entitlement, &rules, arena, &out);
    if (!err)
        err = whyfields_make(incident, out, arena, &sentences, &count);
    for (size_t i = 0; !err && i < count; i++)
        assert_true(sentences[i] && sentences[i][0] != '\0');
    return err;
}

static void must_be_expected(const Up__Incident *out)
{
    uint8_t bytes[20000];

    assert_int_equal(up__incident__get_packed_size(out), expected.len);
    assert_true(expected.len <= sizeof bytes);
    (void)up__incident__pack(out, bytes);
    assert_memory_equal(bytes, expected.data, expected.len);
}

static enum up_err disclose_alone(struct arena *arena)
{
    Up__Incident *out = NULL;
    enum up_err err = disclose(incident, entitlement, &rules, arena, &out);

    assert_true((err == UP_OK) == (out != NULL));
    if (!err)
        must_be_expected(out); /* nothing may have got lost on the way */
    return err;
}

static enum up_err disclose_in(struct arena *arena)
{
    Up__Incident *out = NULL;
    const struct field_note *notes = NULL;
    size_t count = 0;
    enum up_err err = disclose(incident, entitlement, &rules, arena, &out);

    if (!err)
        err = disclose_explain(incident, out, arena, &notes, &count);
    assert_true((err == UP_OK) == (notes != NULL));
    return err;
}

static enum up_err attempt_disclose(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = disclose_in(arena);
    arena_destroy(&arena);
    return err;
}

static enum up_err ledger_in(struct arena *arena, bool statistics)
{
    char area[] = "E23000021";
    char year[] = "2026";
    char *own[] = {items[0].cell->area};
    char name[] = "a";
    struct release_config config = {
        .areas = rules.areas, .own = own, .own_count = 1, .closed_through = "2026-12"};
    Up__Ledger ledger = UP__LEDGER__INIT;
    Up__PooledCounts counts = UP__POOLED_COUNTS__INIT;
    Up__Release *release = NULL;
    Up__StatisticsReturn *returned = NULL;
    bool changed = false;
    enum up_err err = UP_OK;

    ledger.area = area;
    ledger.year = year;
    ledger.statistics = statistics;
    counts.counts = item_list;
    counts.n_counts = ITEMS;
    err = release_merge(&ledger, name, &counts, rules.areas, arena);
    if (!err)
        err = release_close(&ledger, &config, arena, &changed);
    counts.n_counts = 0;
    counts.withdrawals = withdrawal_list;
    counts.n_withdrawals = 1;
    if (!err)
        err = release_merge(&ledger, name, &counts, rules.areas, arena);
    if (!err)
        err = release_close(&ledger, &config, arena, &changed);
    if (!err)
        err = statistics ? release_statistics_of(&ledger, arena, &returned)
                         : release_of(&ledger, arena, &release);
    assert_true((err == UP_OK) == (release != NULL || returned != NULL));
    if (!err) {
        assert_int_equal(ledger.revision, 2);
        assert_int_equal(statistics ? returned->n_rows : release->n_rows, 2);
    }
    return err;
}

static enum up_err release_in(struct arena *arena)
{
    enum up_err err = ledger_in(arena, false);

    return err ? err : ledger_in(arena, true);
}

static enum up_err attempt_release(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = release_in(arena);
    arena_destroy(&arena);
    return err;
}

static void area_tables_run_out(void **state)
{
    (void)state;
    oom_each(attempt_areas, 3);
}

static void code_lists_run_out(void **state)
{
    (void)state;
    oom_each(attempt_codes, 3);
}

static void disclosing_runs_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < INCIDENTS; i++) {
        struct gen gen = {.state = 40 + i, .arena = fixed};
        Up__Incident *out = NULL;

        incident = gen_incident(&gen);
        incident->entitlement =
            gen_entitlement_message(&gen, (struct entitlement){.level = LEVEL_IDENTIFIED});
        entitlement = (struct entitlement){.level = (enum level)(2 + i % 3), .withheld = i};
        assert_int_equal(disclose(incident, entitlement, &rules, fixed, &out), UP_OK);
        assert_int_equal(message_pack(&out->base, UP_ARENA_LEN_MAX, &expected), UP_OK);
        oom_each(attempt_disclose, 2);
        oom_budgets(disclose_alone, 300);
        oom_budgets(disclose_in, 300);
        oom_edges(disclose_alone, 4);
        oom_budgets(explain_in, 300);
        up_bytes_wipe(&expected);
    }
}

/* A charity, a force that is told, a council and a second force that it may pass it on to. */
static struct entitlement_inputs onward_inputs(void)
{
    static char ids[4][8] = {"charity", "force", "council", "other"};
    static char *parties[] = {ids[0], ids[1], ids[2], ids[3]};
    static const Up__Role__Code roles[4] = {UP__ROLE__CODE__CHARITY, UP__ROLE__CODE__POLICE,
                                            UP__ROLE__CODE__COUNCIL, UP__ROLE__CODE__POLICE};
    static char area[] = "E06000016";
    static char *areas[] = {area};
    static char since[] = "2026-01-01";
    static char until[] = "2026-12-05";
    static Up__Member members[4];
    static Up__Member *member_list[4];
    static Up__Agreement agreements[2];
    static Up__Agreement *agreement_list[2];
    static Up__RoleChoice asked[2];
    static Up__RoleChoice *choice_list[2];
    static Up__Roster roster;
    static Up__SharingChoice choice;
    static Up__Place place;
    static Up__Incident whole;
    Up__Entitlement *most =
        gen_entitlement_message(&(struct gen){.arena = fixed},
                                (struct entitlement){.level = LEVEL_IDENTIFIED, .withheld = 3});

    for (int i = 0; i < 4; i++) {
        up__member__init(&members[i]);
        members[i].id = ids[i];
        members[i].role = roles[i];
        members[i].areas = areas;
        members[i].n_areas = 1;
        members[i].status = UP__MEMBER__STATUS__ACTIVE;
        member_list[i] = &members[i];
    }
    for (int i = 0; i < 2; i++) {
        up__agreement__init(&agreements[i]);
        agreements[i].from_role = UP__ROLE__CODE__CHARITY;
        agreements[i].to_role = roles[i + 1];
        agreements[i].areas = areas;
        agreements[i].n_areas = 1;
        agreements[i].valid_from = since;
        agreements[i].signed_by = parties;
        agreements[i].n_signed_by = 4;
        agreements[i].ceiling = most;
        agreement_list[i] = &agreements[i];
        up__role_choice__init(&asked[i]);
        asked[i].role = roles[i + 1];
        asked[i].entitlement = most;
        asked[i].expires_on = until;
        choice_list[i] = &asked[i];
    }
    up__roster__init(&roster);
    roster.members = member_list;
    roster.n_members = 4;
    roster.agreements = agreement_list;
    roster.n_agreements = 2;
    up__sharing_choice__init(&choice);
    choice.roles = choice_list;
    choice.n_roles = 2;
    up__place__init(&place);
    place.local_authority = area;
    up__incident__init(&whole);
    whole.entitlement = gen_entitlement_message(&(struct gen){.arena = fixed},
                                                (struct entitlement){.level = LEVEL_IDENTIFIED});
    whole.place = &place;
    return (struct entitlement_inputs){.incident = &whole,
                                       .choice = &choice,
                                       .roster = &roster,
                                       .sender = &members[0],
                                       .recipient = &members[1],
                                       .areas = table,
                                       .today = "2026-11-24"};
}

static struct entitlement_inputs told;

static enum up_err onward_in(struct arena *arena)
{
    Up__Onward *onward = NULL;
    enum up_err err = onward_make(&told, arena, &onward);

    assert_true((err == UP_OK) == (onward != NULL)); /* running out is not "nothing onward" */
    if (!err) {
        assert_int_equal(onward->n_ceilings, 2);
        assert_int_equal(onward->n_permitted_members, 2);
        assert_string_equal(onward->permitted_members[0], "council");
        assert_string_equal(onward->expires, "2026-12");
    }
    return err;
}

static void onward_runs_out(void **state)
{
    (void)state;
    told = onward_inputs();
    oom_budgets(onward_in, 100);
    oom_edges(onward_in, 8);
}

static void releasing_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_release, 2);
    oom_budgets(release_in, 500);
    oom_edges(release_in, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(area_tables_run_out), cmocka_unit_test(code_lists_run_out),
        cmocka_unit_test(disclosing_runs_out), cmocka_unit_test(onward_runs_out),
        cmocka_unit_test(releasing_runs_out),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
