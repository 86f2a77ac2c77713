/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* What explain claims is so: each named change, made to the inputs themselves, gives the verdict that the text names; no
 * smaller one does; and what is said to be out of reach stays so whatever changes. CASES and SEED in the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/why.h"
#include "tests/lib/incident_gen.h"

enum { CASES_DEFAULT = 50000, ARENA_LEN = 1 << 20, LEVERS_ALL = 255 };

static struct areas *areas;
static struct arena *arena;
static char today[] = "2026-11-24";
static char before[] = "2026-11-23";
static char none[] = "";
static char start[] = "2026-01-01";
static char no_day[] = "31/12/2026";
static char id[] = "the-recipient";
static char other[] = "another-one";
static char name[] = "Northford";

/* One decision, made anew from a seed each time, so that a change can be made to it in place. */
struct scene {
    struct gen gen;
    Up__Incident incident;
    Up__Place place;
    Up__SharingChoice choice;
    Up__RoleChoice role_choices[2];
    Up__RoleChoice *roles[2];
    Up__MemberChoice member_choices[2];
    Up__MemberChoice *members[2];
    Up__Agreement agreement[2];
    Up__Agreement *agreements[2];
    Up__Onward onward;
    Up__OnwardCeiling ceiling;
    Up__OnwardCeiling *ceilings[1];
    char *permitted[1];
    Up__Member sender;
    Up__Member recipient;
    Up__Roster roster;
    struct entitlement node[ROLE_GOVERNANCE + 1];
    char *signed_by[2];
    char *of_recipient[1];
    char *of_agreement[2][1];
    struct entitlement_inputs inputs;
};

static char *pick(struct gen *gen, const char *const *from, unsigned count)
{
    const char *word = from[gen_below(gen, count)];

    return arena_text(arena, up_view_of(word, strlen(word)));
}

/* High ones often: else nearly everything is withheld. */
static struct entitlement some(struct gen *gen)
{
    struct entitlement e = gen_entitlement(gen);

    if (gen_chance(gen, 40))
        e.level = LEVEL_IDENTIFIED;
    return e;
}

static void choice_make(struct scene *s)
{
    struct gen *gen = &s->gen;

    up__sharing_choice__init(&s->choice);
    s->choice.roles = s->roles;
    s->choice.n_roles = gen_chance(gen, 80) ? 1 : gen_below(gen, 3);
    for (int i = 0; i < 2; i++) {
        up__role_choice__init(&s->role_choices[i]);
        s->role_choices[i].role = s->recipient.role;
        s->role_choices[i].entitlement = gen_entitlement_message(gen, some(gen));
        s->role_choices[i].expires_on = gen_chance(gen, 80)   ? none
                                        : gen_chance(gen, 50) ? before
                                        : gen_chance(gen, 50) ? today
                                                              : no_day;
        s->roles[i] = &s->role_choices[i];
        up__member_choice__init(&s->member_choices[i]);
        s->member_choices[i].member = gen_chance(gen, 70) ? id : other;
        s->member_choices[i].entitlement = gen_entitlement_message(gen, some(gen));
        s->members[i] = &s->member_choices[i];
    }
    s->choice.members = s->members;
    s->choice.n_members = gen_chance(gen, 60) ? 0 : 1 + gen_below(gen, 2);
}

static void agreements_make(struct scene *s)
{
    static const char *const places[] = {"E23000021", "E23000022", "E06000016", "E06000061"};
    struct gen *gen = &s->gen;

    for (int i = 0; i < 2; i++) {
        Up__Agreement *agreement = &s->agreement[i];

        up__agreement__init(agreement);
        s->of_agreement[i][0] = pick(gen, places, 4);
        agreement->from_role = s->sender.role;
        agreement->to_role = s->recipient.role;
        agreement->areas = s->of_agreement[i];
        agreement->n_areas = 1;
        agreement->ceiling = gen_entitlement_message(gen, some(gen));
        agreement->valid_from = start;
        agreement->suspended = gen_chance(gen, 15);
        agreement->signed_by = s->signed_by;
        agreement->n_signed_by = gen_chance(gen, 90) ? 2 : gen_below(gen, 3);
        s->agreements[i] = agreement;
    }
    s->roster.agreements = s->agreements;
    s->roster.n_agreements = gen_below(gen, 3);
}

static void onward_make(struct scene *s)
{
    static const char *const months[] = {"", "2027-03", "2026-11", "2026-10"};
    struct gen *gen = &s->gen;

    up__onward__init(&s->onward);
    up__onward_ceiling__init(&s->ceiling);
    s->ceiling.role = gen_chance(gen, 80) ? s->recipient.role : UP__ROLE__CODE__CHARITY;
    s->ceiling.entitlement = gen_entitlement_message(gen, some(gen));
    s->ceilings[0] = &s->ceiling;
    s->permitted[0] = gen_chance(gen, 70) ? id : other;
    s->onward.ceilings = s->ceilings;
    s->onward.n_ceilings = 1;
    s->onward.permitted_members = s->permitted;
    s->onward.n_permitted_members = gen_chance(gen, 90);
    s->onward.expires = pick(gen, months, 4);
    s->incident.onward = gen_chance(gen, 85) ? &s->onward : NULL;
}

static void scene_make(struct scene *s, uint64_t seed)
{
    static const char *const happened[] = {"E06000016", "E06000061", "E07000150", ""};
    static const char *const covers[] = {"E23000021", "E23000022", "E06000016", "E06000099"};
    struct gen *gen = &s->gen;

    memset(s, 0, sizeof *s);
    *gen = (struct gen){.state = seed, .arena = arena};
    up__incident__init(&s->incident);
    up__place__init(&s->place);
    up__member__init(&s->sender);
    up__member__init(&s->recipient);
    up__roster__init(&s->roster);
    s->incident.place = &s->place;
    s->place.local_authority = pick(gen, happened, 4);
    s->incident.entitlement =
        gen_entitlement_message(gen, (struct entitlement){LEVEL_IDENTIFIED, 0});
    s->sender.role = UP__ROLE__CODE__CHARITY;
    s->sender.id = other;
    s->signed_by[0] = other;
    s->signed_by[1] = id;
    s->sender.name = s->recipient.name = name;
    s->recipient.role = (Up__Role__Code)(gen_chance(gen, 3) ? 9 : 1 + (int)gen_below(gen, 5));
    s->recipient.id = id;
    s->recipient.status =
        gen_chance(gen, 90) ? UP__MEMBER__STATUS__ACTIVE : UP__MEMBER__STATUS__LEAVING;
    s->of_recipient[0] = pick(gen, covers, 4);
    s->recipient.areas = s->of_recipient;
    s->recipient.n_areas = gen_chance(gen, 95);
    for (int role = 0; role <= ROLE_GOVERNANCE; role++)
        s->node[role] = gen_chance(gen, 70) ? (struct entitlement){LEVEL_IDENTIFIED, 0} : some(gen);
    choice_make(s);
    agreements_make(s);
    s->inputs =
        (struct entitlement_inputs){.incident = &s->incident,
                                    .choice = gen_chance(gen, 95) ? &s->choice : NULL,
                                    .received = gen_chance(gen, 30),
                                    .roster = &s->roster,
                                    .sender = &s->sender,
                                    .recipient = &s->recipient,
                                    .ceilings_by_role = gen_chance(gen, 70) ? s->node : NULL,
                                    .areas = areas,
                                    .today = today};
    if (s->inputs.received) {
        s->incident.entitlement = gen_entitlement_message(gen, some(gen));
        onward_make(s);
    }
}

/* --- making a change ----------------------------------------------------------------------------------- */

static bool no_more; /* each change allows that level and no more */

/* Raised to at least that level; what allowed nothing leaves nothing out any more; these groups are not left out. */
static struct entitlement raised(struct entitlement from, enum level level, unsigned gains)
{
    return (struct entitlement){.level = from.level < level || no_more ? level : from.level,
                                .withheld =
                                    from.level == LEVEL_WITHHELD ? 0 : from.withheld & ~gains};
}

static void raise(struct scene *s, Up__Entitlement **entitlement, enum level level, unsigned gains)
{
    *entitlement =
        gen_entitlement_message(&s->gen, raised(entitlement_read(*entitlement), level, gains));
}

static void change_choice(struct scene *s, enum level level, unsigned gains)
{
    if (!s->inputs.choice)
        s->choice.n_members = 0;
    if (!s->inputs.choice || s->choice.n_roles == 0)
        s->role_choices[0].entitlement =
            gen_entitlement_message(&s->gen, (struct entitlement){LEVEL_WITHHELD, 0});
    s->inputs.choice = &s->choice;
    s->choice.n_roles = 1;
    s->role_choices[0].expires_on = none;
    raise(s, &s->role_choices[0].entitlement, level, gains);
}

static void change_agreement(struct scene *s, enum level level, unsigned gains)
{
    struct entitlement agreed = entitlement_agreement(&s->inputs);
    const char *area = entitlement_area(&s->incident, areas);

    if (agreed.level ==
        LEVEL_WITHHELD) { /* there is none, or one allows nothing: a new one in their place */
        s->roster.n_agreements = 1;
        s->agreement[0].suspended = false;
        s->agreement[0].n_signed_by = 2;
        s->agreement[0].ceiling = gen_entitlement_message(&s->gen, (struct entitlement){level, 0});
        s->of_agreement[0][0] = arena_text(arena, up_view_of(area, area ? 9 : 0));
        return;
    }
    for (size_t i = 0; i < s->roster.n_agreements; i++)
        raise(s, &s->agreement[i].ceiling, level, gains);
}

static void change_onward(struct scene *s, enum level level, unsigned gains)
{
    struct entitlement now = {LEVEL_WITHHELD, 0};
    bool permitted = s->incident.onward && s->onward.n_permitted_members == 1 &&
                     s->permitted[0] == id && s->ceiling.role == s->recipient.role;

    if (permitted)
        now = entitlement_read(s->ceiling.entitlement);
    s->incident.onward = &s->onward;
    s->permitted[0] = id;
    s->onward.n_permitted_members = 1;
    s->onward.expires = none;
    s->ceiling.role = s->recipient.role;
    s->ceiling.entitlement = gen_entitlement_message(&s->gen, raised(now, level, gains));
}

static bool is_named(const struct scene *s)
{
    for (size_t i = 0; s->inputs.choice && i < s->choice.n_members; i++) {
        if (s->member_choices[i].member == id)
            return true;
    }
    return false;
}

static void change(struct scene *s, unsigned levers, enum level level, unsigned gains)
{
    enum role role = entitlement_role(s->recipient.role);

    if (levers & WHY_AREA) {
        bool police = strncmp(s->of_recipient[0], "E23", 3) == 0;

        s->place.local_authority = police ? none : s->of_recipient[0];
        s->place.police_area = police ? s->of_recipient[0] : none;
    }
    if (levers & WHY_STATUS)
        s->recipient.status = UP__MEMBER__STATUS__ACTIVE;
    if (levers & WHY_CHOICE)
        change_choice(s, level, gains);
    if (levers & WHY_MEMBER_CHOICE && !is_named(s)) { /* by name, of what has no choice yet */
        if (!s->inputs.choice)
            s->choice.n_roles = 0;
        s->inputs.choice = &s->choice;
        s->choice.n_members = 1;
        s->member_choices[0].member = id;
        s->member_choices[0].entitlement =
            gen_entitlement_message(&s->gen, (struct entitlement){level, 0});
    }
    for (size_t i = 0; levers & WHY_MEMBER_CHOICE && i < 2; i++)
        raise(s, &s->member_choices[i].entitlement, level, gains);
    if (levers & WHY_AGREEMENT)
        change_agreement(s, level, gains);
    if (levers & WHY_NODE_CEILING)
        s->node[role] = raised(s->node[role], level, gains);
    if (levers & WHY_RECEIVED)
        raise(s, &s->incident.entitlement, level, gains);
    if (levers & WHY_ONWARD)
        change_onward(s, level, gains);
}

static struct entitlement after(struct scene *s, uint64_t seed, unsigned levers, enum level level,
                                unsigned gains)
{
    scene_make(s, seed);
    change(s, levers, level, gains);
    return entitlement_decide(&s->inputs).entitlement;
}

/* --- the laws ------------------------------------------------------------------------------------------- */

#define MUST(condition, seed, what)                                                                \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s; SEED=%llu CASES=1", what, (unsigned long long)(seed));                   \
    } while (0)

static struct why *explained(struct scene *s, uint64_t seed, struct verdict *ret_verdict)
{
    struct why *why = NULL;

    scene_make(s, seed);
    *ret_verdict = entitlement_decide(&s->inputs);
    if (why_make(&s->inputs, ret_verdict, "Source", arena, &why))
        fail_msg("out of memory");
    return why;
}

static void step_holds(struct scene *s, uint64_t seed, const struct why_step *step,
                       struct entitlement now)
{
    bool groups = step->sees.level == now.level;
    unsigned gains = groups ? now.withheld & ~step->sees.withheld : 0;
    struct entitlement then = after(s, seed, step->levers, step->sees.level, gains);

    MUST(step->levers != 0 && (groups ? gains != 0 : step->sees.level > now.level), seed,
         "a step that leads nowhere");
    MUST(then.level == step->sees.level, seed, "the change gives another level than the text says");
    MUST(then.level < LEVEL_PSEUDONYMISED || then.withheld == step->sees.withheld, seed,
         "the change leaves out something else than the text says");
    for (unsigned lever = 1; lever <= WHY_STATUS; lever <<= 1) {
        if (!(step->levers & lever))
            continue;
        then = after(s, seed, step->levers & ~lever, step->sees.level, gains);
        MUST(then.level < step->sees.level || (groups && (then.withheld & gains) != 0), seed,
             "a smaller change does");
    }
    if (groups || !(step->levers & ~(unsigned)(WHY_AREA | WHY_STATUS)))
        return; /* those two have no more and less */
    no_more = true;
    then = after(s, seed, step->levers, (enum level)((int)step->sees.level - 1), 0);
    no_more = false;
    MUST(then.level < step->sees.level, seed, "a lesser change does");
}

static void claims_hold(uint64_t seed)
{
    static struct scene s;
    struct verdict verdict;
    struct why *why = explained(&s, seed, &verdict);
    struct entitlement met = {LEVEL_IDENTIFIED, 0};
    bool outside = false;
    enum level most = verdict.entitlement.level;

    for (size_t i = 0; i < verdict.part_count; i++) {
        met = entitlement_meet(met, verdict.parts[i].allows);
        outside |= verdict.parts[i].by == BY_NOT_IN_AREA;
    }
    MUST(met.level == verdict.entitlement.level && met.withheld == verdict.entitlement.withheld,
         seed, "the inputs that are told do not make the verdict");
    MUST(why->sees[0] != '\0', seed, "no words");
    MUST(why->reason_count > 0, seed, "no reason");
    for (size_t i = 0; i < why->step_count; i++) {
        step_holds(&s, seed, &why->steps[i], verdict.entitlement);
        if (why->steps[i].sees.level > most)
            most = why->steps[i].sees.level;
    }
    if (outside || most == LEVEL_IDENTIFIED)
        return;
    MUST(after(&s, seed, LEVERS_ALL, LEVEL_IDENTIFIED, GROUPS_ALL).level == most, seed,
         "more is within reach than the text says");
}

static void each_claim_holds(void **state)
{
    uint64_t seed = gen_seed("each_claim_holds");
    unsigned long cases = gen_cases(CASES_DEFAULT);

    (void)state;
    for (unsigned long i = 0; i < cases; i++) {
        claims_hold(seed + i);
        arena_reset(arena);
    }
    printf("each_claim_holds: %lu cases\n", cases);
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return arena_new(ARENA_LEN, &arena) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    arena_destroy(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_claim_holds),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
