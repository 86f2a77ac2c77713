/* SPDX-License-Identifier: MIT */
/* rooms: cli disclosure base proto */
/* What a new directory changes: all of it is found, nothing else; what looks like a mistake is named. And an agreement as
 * people read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/cli/prose.h"
#include "nodes/disclosure/diff.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum { MEMBERS = 5, AGREEMENTS = 3 };

static struct areas *areas;
static char today[] = "2026-11-24";
static char county[] = "E23000021";
static char city[] = "E06000016";
static char start[] = "2026-01-01";
static char none[] = "";

/* A whole small directory, each part a test can bend. */
struct world {
    Up__Roster roster;
    Up__Member members[MEMBERS];
    Up__Member *member_list[MEMBERS];
    Up__Agreement agreements[AGREEMENTS];
    Up__Agreement *agreement_list[AGREEMENTS];
    Up__Entitlement ceilings[AGREEMENTS];
    Up__Steward stewards[3];
    Up__Steward *steward_list[3];
    uint8_t keys[3][32];
    char *county_areas[1];
    char *city_areas[1];
};

static char ids[MEMBERS][12] = {"a-force", "b-charity", "c-council", "d-govern", "e-team"};
static char names[MEMBERS][20] = {"A Force", "B Charity", "C Council", "D Governance", "E Team"};
static char steward_names[3][4] = {"One", "Two", "Six"};
static char *everybody[MEMBERS] = {ids[0], ids[1], ids[2], ids[3], ids[4]};
static char agreement_ids[AGREEMENTS][8] = {"police", "council", "figures"};

static void world_init(struct world *world)
{
    static const Up__Role__Code roles[MEMBERS] = {
        UP__ROLE__CODE__POLICE, UP__ROLE__CODE__CHARITY, UP__ROLE__CODE__COUNCIL,
        UP__ROLE__CODE__GOVERNANCE, UP__ROLE__CODE__CASEWORK};
    static const struct {
        Up__Role__Code to;
        Up__Entitlement__Level level;
    } terms[AGREEMENTS] = {{UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED},
                           {UP__ROLE__CODE__COUNCIL, UP__ENTITLEMENT__LEVEL__ANONYMISED},
                           {UP__ROLE__CODE__GOVERNANCE, UP__ENTITLEMENT__LEVEL__COUNTED}};

    memset(world, 0, sizeof *world);
    up__roster__init(&world->roster);
    world->county_areas[0] = county;
    world->city_areas[0] = city;
    for (int i = 0; i < MEMBERS; i++) {
        up__member__init(&world->members[i]);
        world->members[i].id = ids[i];
        world->members[i].name = names[i];
        world->members[i].role = roles[i];
        world->members[i].status = UP__MEMBER__STATUS__ACTIVE;
        world->members[i].areas = i == 2 ? world->city_areas : world->county_areas;
        world->members[i].n_areas = 1;
        world->member_list[i] = &world->members[i];
    }
    for (int i = 0; i < AGREEMENTS; i++) {
        up__agreement__init(&world->agreements[i]);
        up__entitlement__init(&world->ceilings[i]);
        world->ceilings[i].level = terms[i].level;
        world->agreements[i].id = agreement_ids[i];
        world->agreements[i].from_role = UP__ROLE__CODE__CHARITY;
        world->agreements[i].to_role = terms[i].to;
        world->agreements[i].ceiling = &world->ceilings[i];
        world->agreements[i].areas = world->county_areas;
        world->agreements[i].n_areas = 1;
        world->agreements[i].valid_from = start;
        world->agreements[i].k = 5;
        world->agreements[i].signed_by = everybody;
        world->agreements[i].n_signed_by = MEMBERS;
        world->agreement_list[i] = &world->agreements[i];
    }
    for (int i = 0; i < 3; i++) {
        up__steward__init(&world->stewards[i]);
        world->keys[i][0] = (uint8_t)(i + 1);
        world->stewards[i].name = steward_names[i];
        world->stewards[i].key = (ProtobufCBinaryData){.len = 32, .data = world->keys[i]};
        world->steward_list[i] = &world->stewards[i];
    }
    world->roster.members = world->member_list;
    world->roster.n_members = MEMBERS;
    world->roster.agreements = world->agreement_list;
    world->roster.n_agreements = AGREEMENTS;
    world->roster.stewards = world->steward_list;
    world->roster.n_stewards = 3;
    world->roster.threshold = 2;
}

static struct world before;
static struct world after;

static struct diff_inputs inputs(void)
{
    return (struct diff_inputs){
        .before = &before.roster, .after = &after.roster, .areas = areas, .today = today};
}

static int set_up(void **state)
{
    (void)state;
    world_init(&before);
    world_init(&after);
    areas = gen_areas();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    return 0;
}

/* --- verdicts --------------------------------------------------------------------------------- */

struct seen {
    uint64_t changed;
    size_t places;
    const char *sender;
    const char *recipient;
    enum decided_by by; /* of the last one that gives nothing now */
};

static void found(void *context, const struct diff_place *place)
{
    struct seen *seen = context;

    seen->places++;
    seen->sender = place->sender->id;
    seen->recipient = place->recipient->id;
    for (unsigned i = 0; i < DIFF_CASES; i++) {
        struct entitlement a = place->before[i].entitlement;
        struct entitlement b = place->after[i].entitlement;

        if (a.level != b.level || (a.level != LEVEL_WITHHELD && a.withheld != b.withheld))
            seen->changed++;
        if (b.level == LEVEL_WITHHELD && a.level != LEVEL_WITHHELD)
            seen->by = place->after[i].decided_by;
    }
}

static struct diff_count compare(struct seen *seen)
{
    struct diff_inputs both = inputs();
    struct diff_count count;

    memset(seen, 0, sizeof *seen);
    count = diff_rosters(&both, found, seen);
    assert_int_equal(count.changed, seen->changed);
    return count;
}

static void the_same_changes_nothing(void **state)
{
    struct seen seen;
    struct diff_count count = compare(&seen);

    (void)state;
    assert_int_equal(count.changed, 0);
    assert_int_equal(seen.places, 0);
    assert_true(count.compared > 0);
    assert_int_equal(count.compared % DIFF_CASES, 0);
}

/* One ceiling: the pairs that it binds, and those choices that it limits. */
static void a_ceiling_lowered(void **state)
{
    struct seen seen;
    struct diff_count count;

    (void)state;
    after.ceilings[0].level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    count = compare(&seen);
    assert_string_equal(seen.sender, "b-charity");
    assert_string_equal(seen.recipient, "a-force");
    assert_int_equal(count.changed,
                     seen.places * 16); /* who agreed to everything, whatever the set */
    assert_int_equal(count.lowered, count.changed);
    assert_int_equal(count.raised, 0);
    after.ceilings[0].level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    before.ceilings[0].level = UP__ENTITLEMENT__LEVEL__COUNTED;
    count = compare(&seen);
    assert_int_equal(count.changed, seen.places * 16 * 3);
    assert_int_equal(count.raised, count.changed);
    assert_int_equal(count.lowered, 0);
}

static void who_signs_no_more_gets_no_more(void **state)
{
    struct seen seen;
    struct diff_count count;

    (void)state;
    after.agreements[0].signed_by = everybody + 1;
    after.agreements[0].n_signed_by = MEMBERS - 1;
    count = compare(&seen);
    assert_int_equal(count.changed, seen.places * 16 * 4);
    assert_int_equal(count.lowered, count.changed);
    assert_int_equal(seen.by, BY_NO_AGREEMENT);
}

/* A standing basis shows where nobody asked, and the sender took it itself. */
static void a_standing_basis_is_found(void **state)
{
    Up__Standing standing = UP__STANDING__INIT;
    Up__Entitlement most = UP__ENTITLEMENT__INIT;
    struct seen seen;
    struct diff_count count;

    (void)state;
    before.agreements[2].from_role = after.agreements[2].from_role = UP__ROLE__CODE__POLICE;
    most.level = UP__ENTITLEMENT__LEVEL__COUNTED;
    standing.basis = UP__STANDING__BASIS__STATUTORY_FUNCTION;
    standing.entitlement = &most;
    after.agreements[2].standing = &standing;
    count = compare(&seen);
    assert_int_equal(count.changed, seen.places);
    assert_int_equal(count.raised, seen.places);
    assert_string_equal(seen.recipient, "d-govern");
}

static void a_member_that_is_gone_and_one_that_is_new(void **state)
{
    struct seen seen;
    struct diff_count count;

    (void)state;
    after.roster.n_members = 3; /* without governance, and the team */
    count = compare(&seen);
    assert_string_equal(seen.recipient, "d-govern");
    assert_int_equal(count.raised, 0);
    assert_int_equal(count.changed, seen.places * 16 * 4);
    after.roster.n_members = MEMBERS;
    before.roster.n_members = 3;
    count = compare(&seen);
    assert_int_equal(count.lowered, 0);
    assert_int_equal(count.changed, seen.places * 16 * 4);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static size_t mistakes(enum diff_mistake_kind kind, struct diff_mistake *ret_first)
{
    struct diff_inputs both = inputs();
    struct diff_mistake list[32];
    size_t count = diff_mistakes(&both, list, 32);
    size_t of_kind = 0;

    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind != kind)
            continue;
        if (of_kind++ == 0 && ret_first)
            *ret_first = list[i];
    }
    return of_kind;
}

static void nothing_is_no_mistake(void **state)
{
    struct diff_inputs both = inputs();
    struct diff_mistake list[1];

    (void)state;
    assert_int_equal(diff_mistakes(&both, list, 1), 0);
    /* lower ceilings, larger k, another agreement, another member: all fine */
    after.ceilings[0].level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    after.agreements[1].k = 7;
    before.roster.n_members = 4;
    before.roster.n_agreements = 2;
    assert_int_equal(diff_mistakes(&both, list, 1), 0);
}

static void signatories_are_locked_out(void **state)
{
    struct diff_mistake first = {0};

    (void)state;
    after.keys[2][0] = 77;
    assert_int_equal(mistakes(DIFF_SIGNATORY_GONE, &first), 1);
    assert_string_equal(first.subject, "Six");
    assert_int_equal(mistakes(DIFF_LOCKED_OUT, NULL), 0);
    after.keys[1][0] = 78;
    assert_int_equal(mistakes(DIFF_SIGNATORY_GONE, NULL), 2);
    assert_int_equal(mistakes(DIFF_LOCKED_OUT, NULL), 1);
}

static void areas_are_cut_off(void **state)
{
    struct diff_mistake first = {0};

    (void)state;
    after.members[0].status = UP__MEMBER__STATUS__REVOKED;
    assert_int_equal(mistakes(DIFF_AREA_CUT_OFF, &first), 1);
    assert_string_equal(first.subject, county);
    assert_int_equal(first.role, ROLE_POLICE);
    world_init(&after);
    after.agreements[1].ends_on = start;
    assert_int_equal(mistakes(DIFF_AREA_CUT_OFF, &first),
                     2); /* the council's area; the agreement's */
    assert_int_equal(first.role, ROLE_COUNCIL);
    world_init(&after);
    after.agreements[0].n_signed_by = 0;
    assert_int_equal(mistakes(DIFF_AREA_CUT_OFF, NULL), 1);
    world_init(&after);
    after.agreements[0].areas = after.city_areas;
    assert_int_equal(mistakes(DIFF_AREA_CUT_OFF, NULL), 1);
    world_init(&after);
    after.agreements[2].suspended = true; /* no area is cut off for want of a governance body */
    assert_int_equal(mistakes(DIFF_AREA_CUT_OFF, NULL), 0);
}

static void more_may_be_seen(void **state)
{
    struct diff_mistake first = {0};
    Up__Entitlement__Group suspect[1] = {UP__ENTITLEMENT__GROUP__SUSPECT};

    (void)state;
    after.ceilings[1].level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    assert_int_equal(mistakes(DIFF_CEILING_RAISED, &first), 1);
    assert_string_equal(first.subject, "b-charity");
    assert_string_equal(first.other, "c-council");
    assert_int_equal(first.ceilings[0].level, LEVEL_ANONYMISED);
    assert_int_equal(first.ceilings[1].level, LEVEL_PSEUDONYMISED);
    world_init(&after);
    before.ceilings[0].withheld = suspect;
    before.ceilings[0].n_withheld = 1;
    assert_int_equal(mistakes(DIFF_CEILING_RAISED, &first), 1);
    assert_string_equal(first.other, "a-force");
    before.ceilings[0].n_withheld = 0;
    after.agreements[1].k = 4;
    assert_int_equal(mistakes(DIFF_K_LOWERED, &first), 1);
    assert_int_equal(first.k[0], 5);
    assert_int_equal(first.k[1], 4);
}

/* --- prose ------------------------------------------------------------------------------------ */

static char *prose(const Up__Roster *roster, const Up__Agreement *agreement)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    prose_agreement(out, roster, agreement);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void an_agreement_in_plain_english(void **state)
{
    Up__Standing standing = UP__STANDING__INIT;
    Up__Entitlement most = UP__ENTITLEMENT__INIT;
    Up__Entitlement__Group place[1] = {UP__ENTITLEMENT__GROUP__PLACE};
    static char publisher[] = "a-force";
    static char contact[] = "sharing\x1b@example.org"; /* no terminal gets the control character */
    static char review[] = "2027-01-01";
    static char ends[] = "2028-01-01";
    static char purpose[] = "prevention";
    static char other[] = "support";
    char *purposes[2] = {purpose, other};
    char *to[2] = {ids[2], ids[4]};
    Up__Agreement *agreement = &after.agreements[1];
    char *text = NULL;

    (void)state;
    most.level = UP__ENTITLEMENT__LEVEL__ANONYMISED;
    standing.basis = UP__STANDING__BASIS__DEPERSONALISED_DATA;
    standing.entitlement = &most;
    agreement->standing = &standing;
    agreement->from_role = UP__ROLE__CODE__POLICE;
    agreement->to_members = to;
    agreement->n_to_members = 2;
    agreement->to_role = UP__ROLE__CODE__COUNCIL;
    after.ceilings[1].level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    after.ceilings[1].withheld = place;
    after.ceilings[1].n_withheld = 1;
    agreement->publisher = publisher;
    agreement->window = UP__RELEASE_WINDOW__CODE__QUARTER;
    agreement->k = 2;
    agreement->purposes = purposes;
    agreement->n_purposes = 2;
    agreement->retention_days = 365;
    agreement->contact = contact;
    agreement->review_on = review;
    agreement->ends_on = ends;
    agreement->n_signed_by = 1;
    agreement->suspended_by = everybody;
    agreement->n_suspended_by = 1;
    text = prose(&after.roster, agreement);
    assert_string_equal(
        text,
        "Agreement council\n"
        "From police forces to C Council and E Team (as councils): what happened, without who the "
        "person is, if the "
        "person agreed; never who did it and the place below the local authority.\n"
        "For what happened in E23000021.\n"
        "Figures are released by quarter and stand for 3 people or more.\n"
        "Figures of these areas are published by A Force alone.\n"
        "Where nobody asked the person, reports that a sender took itself may add to releases and "
        "counts: the data is depersonalised. What the person said always wins.\n"
        "Its purpose: prevention and support.\n"
        "Whoever receives it may keep it for 365 days.\n"
        "It holds from 2026-01-01 to 2028-01-01, and is to be reviewed by 2027-01-01.\n"
        "Questions go to sharing?@example.org.\n"
        "Signed by A Force.\n"
        "Not signed, and so not bound: C Council.\n"
        "SUSPENDED by A Force: nothing goes to or from them under it.\n");
    free(text);
    world_init(&after); /* what it points to ends here */
}

static void a_bare_agreement(void **state)
{
    Up__Agreement agreement = UP__AGREEMENT__INIT;
    char *text = NULL;

    (void)state;
    agreement.id = agreement_ids[0];
    agreement.from_role = UP__ROLE__CODE__CHARITY;
    agreement.to_role = UP__ROLE__CODE__GOVERNANCE;
    agreement.ceiling = &after.ceilings[0];
    agreement.valid_from = start;
    agreement.contact = none;
    text = prose(&after.roster, &agreement);
    assert_string_equal(text, "Agreement police\n"
                              "From charities to governance bodies: only counts.\n"
                              "It lists no area, so nothing goes.\n"
                              "Figures are released by month and stand for 5 people or more.\n"
                              "It holds from 2026-01-01 with no end.\n"
                              "Nobody has signed it yet; until both sides have, nothing goes.\n");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_changes_nothing),
        TEST(a_ceiling_lowered),
        TEST(who_signs_no_more_gets_no_more),
        TEST(a_standing_basis_is_found),
        TEST(a_member_that_is_gone_and_one_that_is_new),
        TEST(nothing_is_no_mistake),
        TEST(signatories_are_locked_out),
        TEST(areas_are_cut_off),
        TEST(more_may_be_seen),
        TEST(an_agreement_in_plain_english),
        TEST(a_bare_agreement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
