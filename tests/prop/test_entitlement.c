/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Every combination of role, choice, agreement and withheld sets, against the meet written down a second time;
 * and what must read as WITHHELD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/entitlement.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum { ENTITLEMENTS = 5 * 16 };

static struct areas *areas;
static char county[] = "E23000021";
static char city[] = "E06000016";
static char start[] = "2026-01-01";
static char today[] = "2026-11-24";

/* One sender, one recipient, one agreement, one choice; a test bends what it needs. */
struct scene {
    Up__Entitlement own;
    Up__Place place;
    Up__Incident incident;
    Up__Entitlement chosen;
    Up__RoleChoice role_choice;
    Up__RoleChoice *role_choices[2];
    Up__SharingChoice choice;
    Up__Entitlement ceiling;
    Up__Agreement agreement;
    Up__Agreement *agreements[1];
    Up__Member sender;
    Up__Member recipient;
    Up__Roster roster;
    Up__Entitlement__Group groups[3][4];
    char *areas[1];
    struct entitlement_inputs inputs;
};

static void write_entitlement(Up__Entitlement *to, Up__Entitlement__Group *groups,
                              struct entitlement e)
{
    up__entitlement__init(to);
    to->level = (Up__Entitlement__Level)((int)e.level + 1);
    to->withheld = groups;
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld & (1u << group))
            to->withheld[to->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
}

static void scene_init(struct scene *s)
{
    static char id[] = "a-force";

    memset(s, 0, sizeof *s);
    up__incident__init(&s->incident);
    up__place__init(&s->place);
    up__role_choice__init(&s->role_choice);
    up__sharing_choice__init(&s->choice);
    up__agreement__init(&s->agreement);
    up__member__init(&s->sender);
    up__member__init(&s->recipient);
    up__roster__init(&s->roster);
    write_entitlement(&s->own, s->groups[0], (struct entitlement){LEVEL_IDENTIFIED, 0});
    write_entitlement(&s->chosen, s->groups[1], (struct entitlement){LEVEL_IDENTIFIED, 0});
    write_entitlement(&s->ceiling, s->groups[2], (struct entitlement){LEVEL_IDENTIFIED, 0});
    s->incident.entitlement = &s->own;
    s->incident.place = &s->place;
    s->place.local_authority = city;
    s->role_choice.role = UP__ROLE__CODE__POLICE;
    s->role_choice.entitlement = &s->chosen;
    s->role_choices[0] = s->role_choices[1] = &s->role_choice;
    s->choice.roles = s->role_choices;
    s->choice.n_roles = 1;
    s->areas[0] = county;
    s->agreement.from_role = s->sender.role = UP__ROLE__CODE__CHARITY;
    s->agreement.to_role = s->recipient.role = UP__ROLE__CODE__POLICE;
    s->agreement.areas = s->sender.areas = s->recipient.areas = s->areas;
    s->agreement.n_areas = s->sender.n_areas = s->recipient.n_areas = 1;
    s->agreement.valid_from = start;
    s->agreement.ceiling = &s->ceiling;
    s->recipient.id = id;
    s->recipient.status = s->sender.status = UP__MEMBER__STATUS__ACTIVE;
    s->agreements[0] = &s->agreement;
    s->roster.agreements = s->agreements;
    s->roster.n_agreements = 1;
    s->inputs = (struct entitlement_inputs){.incident = &s->incident,
                                            .choice = &s->choice,
                                            .roster = &s->roster,
                                            .sender = &s->sender,
                                            .recipient = &s->recipient,
                                            .areas = areas,
                                            .today = today};
}

static struct entitlement by_index(unsigned index)
{
    return (struct entitlement){(enum level)(index / 16), index % 16};
}

static void every_combination(void **state)
{
    /* hard ceilings, written down a second time: role, level, withheld */
    static const struct entitlement hard[] = {
        [UP__ROLE__CODE__POLICE] = {LEVEL_IDENTIFIED, 0},
        [UP__ROLE__CODE__COUNCIL] = {LEVEL_PSEUDONYMISED, GROUP_SUSPECT},
        [UP__ROLE__CODE__CASEWORK] = {LEVEL_IDENTIFIED, GROUP_SUSPECT},
        [UP__ROLE__CODE__CHARITY] = {LEVEL_IDENTIFIED, 0},
        [UP__ROLE__CODE__GOVERNANCE] = {LEVEL_COUNTED, GROUP_SUSPECT},
    };
    unsigned long count = 0;
    struct scene s;

    (void)state;
    scene_init(&s);
    for (int role = UP__ROLE__CODE__POLICE; role <= UP__ROLE__CODE__GOVERNANCE; role++) {
        s.role_choice.role = s.agreement.to_role = s.recipient.role = (Up__Role__Code)role;
        for (unsigned c = 0; c < ENTITLEMENTS; c++) {
            write_entitlement(&s.chosen, s.groups[1], by_index(c));
            for (unsigned a = 0; a < ENTITLEMENTS; a++) {
                struct verdict verdict;
                unsigned withheld = c % 16 | a % 16 | hard[role].withheld;
                unsigned level = c / 16 < a / 16 ? c / 16 : a / 16;

                write_entitlement(&s.ceiling, s.groups[2], by_index(a));
                verdict = entitlement_decide(&s.inputs);
                if (level > hard[role].level)
                    level = hard[role].level;
                if (a / 16 == LEVEL_WITHHELD)
                    withheld = verdict.entitlement.withheld;
                assert_int_equal(verdict.entitlement.level, level);
                assert_int_equal(verdict.entitlement.withheld, withheld);
                count++;
            }
        }
    }
    printf("every_combination: %lu entitlements enumerated\n", count);
    assert_int_equal(count, 5ul * ENTITLEMENTS * ENTITLEMENTS);
}

static void must_be_withheld(struct scene *s, enum decided_by by)
{
    struct verdict verdict = entitlement_decide(&s->inputs);

    assert_int_equal(verdict.entitlement.level, LEVEL_WITHHELD);
    assert_int_equal(verdict.decided_by, by);
}

static void what_is_missing_or_unknown_is_withheld(void **state)
{
    struct scene s;
    static char before[] = "2026-11-23";
    static char later[] = "2027-01-01";
    static char no_days[][12] = {"31/12/2020", "next month", "2027", "2027-13-01", "9999"};
    static char elsewhere[] = "E06000062";
    static char none[] = "";

    (void)state;
    scene_init(&s);
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_IDENTIFIED);
    s.inputs.choice = NULL;
    must_be_withheld(&s, BY_NO_CHOICE);
    scene_init(&s);
    s.choice.n_roles = 0;
    must_be_withheld(&s, BY_ROLE_NOT_ASKED);
    scene_init(&s);
    s.choice.n_roles = 2;
    must_be_withheld(&s, BY_MALFORMED);
    scene_init(&s);
    s.role_choice.expires_on = before;
    must_be_withheld(&s, BY_CHOICE_EXPIRED);
    s.role_choice.expires_on = today;
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_IDENTIFIED);
    for (size_t i = 0; i < sizeof no_days / sizeof no_days[0]; i++) {
        scene_init(&s);
        s.role_choice.expires_on = no_days[i];
        must_be_withheld(&s, BY_MALFORMED);
    }
    scene_init(&s);
    s.chosen.level = (Up__Entitlement__Level)77;
    must_be_withheld(&s, BY_ROLE_CHOICE);
    scene_init(&s);
    s.roster.n_agreements = 0;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.suspended = true;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.ends_on = before;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.valid_from = later;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.n_areas = 0;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.recipient.role = (Up__Role__Code)9;
    must_be_withheld(&s, BY_ROLE_UNKNOWN);
    scene_init(&s);
    s.recipient.status = UP__MEMBER__STATUS__REVOKED;
    must_be_withheld(&s, BY_NOT_ACTIVE);
    scene_init(&s);
    s.place.local_authority = elsewhere;
    must_be_withheld(&s, BY_NOT_IN_AREA);
    scene_init(&s);
    s.place.local_authority = none;
    must_be_withheld(&s, BY_NOT_IN_AREA);
    scene_init(&s);
    s.incident.entitlement = NULL;
    must_be_withheld(&s, BY_RECEIVED);
    scene_init(&s);
    s.inputs.received = true;
    must_be_withheld(&s, BY_ONWARD);
}

/* A choice for one member only ever lowers. */
static void a_members_choice_only_lowers(void **state)
{
    struct scene s;
    Up__MemberChoice member;
    Up__MemberChoice *members[1] = {&member};
    Up__Entitlement own;
    Up__Entitlement__Group groups[4];

    (void)state;
    for (unsigned c = 0; c < ENTITLEMENTS; c++) {
        for (unsigned m = 0; m < ENTITLEMENTS; m++) {
            struct entitlement with;

            scene_init(&s);
            up__member_choice__init(&member);
            write_entitlement(&s.chosen, s.groups[1], by_index(c));
            write_entitlement(&own, groups, by_index(m));
            member.member = s.recipient.id;
            member.entitlement = &own;
            s.choice.members = members;
            s.choice.n_members = 1;
            with = entitlement_decide(&s.inputs).entitlement;
            assert_true(entitlement_le(with, by_index(c)));
            assert_true(entitlement_le(with, by_index(m)));
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(what_is_missing_or_unknown_is_withheld),
        cmocka_unit_test(a_members_choice_only_lowers),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
