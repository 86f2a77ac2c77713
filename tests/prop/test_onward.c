/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* What is passed on, over generated federations, choices and incidents: three hops never give more than the meet of all
 * that each hop allows, nobody who was excluded is ever told or named, and a safeguarding override raises one police
 * member until its day and has no part in what may be passed on. CASES and SEED as in test_laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/disclose.h"
#include "nodes/disclosure/onward.h"
#include "nodes/disclosure/override.h"
#include "tests/lib/incident_gen.h"

enum { CASES_DEFAULT = 20000, ARENA_LEN = 1 << 20, MEMBERS = 8, ROLES = 5, HOPS = 3 };

static struct areas *areas;
static struct disclose_rules rules;
static struct arena *arena;
static char today[] = "2026-11-24";

#define MUST(condition, seed, what)                                                                \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s: SEED=%llu CASES=1 repeats it", what, (unsigned long long)(seed));        \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    rules.areas = areas;
    return arena_new(ARENA_LEN, &arena) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    arena_destroy(&arena);
    return 0;
}

/* --- a world -------------------------------------------------------------------------------------- */

struct world {
    struct gen *gen;
    Up__Member members[MEMBERS];
    char *signed_by[MEMBERS];
    Up__Member *member_list[MEMBERS];
    Up__Agreement agreements[ROLES * ROLES];
    Up__Agreement *agreement_list[ROLES * ROLES];
    Up__Roster roster;
    Up__RoleChoice roles[ROLES];
    Up__RoleChoice *role_list[ROLES];
    Up__MemberChoice excluded[MEMBERS];
    Up__MemberChoice *member_choices[MEMBERS];
    Up__SharingChoice choice;
    struct entitlement ceilings[ROLES + 1];
    Up__Incident *incident;
};

static char county_1[] = "E23000021";
static char county_2[] = "E23000022";
static char *counties[] = {county_1, county_2};
static char ids[MEMBERS][16] = {"h-member", "c-member", "b-member", "e-member",
                                "a-member", "g-member", "d-member", "f-member"};
static char since[] = "2026-01-01";

static void members_make(struct world *world)
{
    for (int i = 0; i < MEMBERS; i++) {
        Up__Member *member = &world->members[i];

        up__member__init(member);
        member->id = ids[i];
        member->role =
            (Up__Role__Code)(gen_chance(world->gen, 60) ? 1u + (unsigned)i % 2
                                                        : 1 + gen_below(world->gen, ROLES));
        member->areas = counties;
        member->n_areas = gen_chance(world->gen, 90) ? 2 : 1;
        member->status =
            gen_chance(world->gen, 95) ? UP__MEMBER__STATUS__ACTIVE : UP__MEMBER__STATUS__LEAVING;
        world->member_list[i] = member;
        world->signed_by[i] = member->id;
    }
    world->roster.members = world->member_list;
    world->roster.n_members = MEMBERS;
}

/* Each role with each, most of them. */
static void agreements_make(struct world *world)
{
    for (int i = 0; i < ROLES * ROLES; i++) {
        Up__Agreement *agreement = &world->agreements[i];

        up__agreement__init(agreement);
        agreement->from_role = (Up__Role__Code)(1 + i / ROLES);
        agreement->to_role = (Up__Role__Code)(1 + i % ROLES);
        agreement->areas = counties;
        agreement->n_areas = 2;
        agreement->valid_from = since;
        agreement->signed_by = world->signed_by;
        agreement->n_signed_by = MEMBERS;
        agreement->suspended = gen_chance(world->gen, 5);
        agreement->ceiling = gen_entitlement_message(
            world->gen, gen_chance(world->gen, 70)
                            ? (struct entitlement){LEVEL_IDENTIFIED, gen_below(world->gen, 16) & 9}
                            : gen_entitlement(world->gen));
        world->agreement_list[i] = agreement;
    }
    world->roster.agreements = world->agreement_list;
    world->roster.n_agreements = sizeof world->agreements / sizeof world->agreements[0];
}

static char *day_make(struct gen *gen)
{
    static char days[][12] = {"",           "",           "2026-11-23", "2026-11-24",
                              "2026-11-30", "2026-12-01", "2027-03-15"};

    return days[gen_below(gen, sizeof days / sizeof days[0])];
}

static void choice_make(struct world *world)
{
    struct gen *gen = world->gen;

    for (int i = 0; i < ROLES; i++) {
        up__role_choice__init(&world->roles[i]);
        world->roles[i].role = (Up__Role__Code)(1 + i);
        world->roles[i].entitlement = gen_entitlement_message(
            gen, gen_chance(gen, 70)
                     ? (struct entitlement){LEVEL_IDENTIFIED, gen_below(gen, 16) & 6}
                     : gen_entitlement(gen));
        world->roles[i].expires_on = day_make(gen);
        world->role_list[i] = &world->roles[i];
    }
    world->choice.roles = world->role_list;
    world->choice.n_roles = ROLES - gen_chance(gen, 30);
    for (int i = 0; i < MEMBERS; i++) {
        if (!gen_chance(gen, 25))
            continue;
        up__member_choice__init(&world->excluded[i]);
        world->excluded[i].member = ids[i];
        world->excluded[i].entitlement = gen_entitlement_message(
            gen,
            gen_chance(gen, 50) ? (struct entitlement){LEVEL_WITHHELD, 0} : gen_entitlement(gen));
        world->member_choices[world->choice.n_members++] = &world->excluded[i];
    }
    world->choice.members = world->member_choices;
}

static struct world *world_make(struct gen *gen)
{
    struct world *world = arena_alloc(arena, sizeof *world);

    if (!world)
        fail_msg("out of memory");
    world->gen = gen;
    up__roster__init(&world->roster);
    up__sharing_choice__init(&world->choice);
    members_make(world);
    agreements_make(world);
    choice_make(world);
    for (int i = 0; i <= ROLES; i++)
        world->ceilings[i] =
            gen_chance(gen, 85) ? (struct entitlement){LEVEL_IDENTIFIED, 0} : gen_entitlement(gen);
    world->incident = gen_incident(gen);
    world->incident->entitlement =
        gen_entitlement_message(gen, (struct entitlement){LEVEL_IDENTIFIED, 0});
    world->incident->cell = NULL;
    world->incident->onward = NULL;
    if (!world->incident->place || !entitlement_area(world->incident, areas)) {
        world->incident->place = (Up__Place *)gen_message(gen, &up__place__descriptor);
        up__place__init(world->incident->place);
        world->incident->place->local_authority = arena_text(arena, up_view_of("E06000016", 9));
    }
    return world;
}

static struct entitlement_inputs inputs_of(const struct world *world, int from, int to)
{
    return (struct entitlement_inputs){.incident = world->incident,
                                       .choice = &world->choice,
                                       .roster = &world->roster,
                                       .sender = &world->members[from],
                                       .recipient = &world->members[to],
                                       .ceilings_by_role = from == 0 ? world->ceilings : NULL,
                                       .areas = areas,
                                       .today = today};
}

static Up__Incident *disclosed(const Up__Incident *incident, struct entitlement e)
{
    Up__Incident *out = NULL;

    if (disclose(incident, e, &rules, arena, &out))
        fail_msg("out of memory");
    return out;
}

static struct up_bytes packed(const ProtobufCMessage *message)
{
    struct up_bytes bytes = {0};

    if (message_pack(message, ARENA_LEN, &bytes))
        fail_msg("can't pack");
    return bytes;
}

static bool same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    struct up_bytes left = packed(a);
    struct up_bytes right = packed(b);
    bool equal = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;

    up_bytes_wipe(&left);
    up_bytes_wipe(&right);
    return equal;
}

static Up__Onward *onward(const struct entitlement_inputs *inputs)
{
    Up__Onward *made = NULL;

    if (onward_make(inputs, arena, &made))
        fail_msg("out of memory");
    return made;
}

static bool is_permitted(const Up__Onward *made, const char *member)
{
    for (size_t i = 0; made && i < made->n_permitted_members; i++) {
        if (strcmp(made->permitted_members[i], member) == 0)
            return true;
    }
    return false;
}

/* What the person chose for one member, said here a second time. */
static struct entitlement chosen(const struct world *world, int to)
{
    const Up__Member *member = &world->members[to];
    struct entitlement e = {LEVEL_WITHHELD, GROUPS_ALL};

    for (size_t i = 0; i < world->choice.n_roles; i++) {
        if (world->choice.roles[i]->role == member->role)
            e = entitlement_read(world->choice.roles[i]->entitlement);
    }
    for (size_t i = 0; i < world->choice.n_members; i++) {
        if (strcmp(world->choice.members[i]->member, member->id) == 0)
            e = entitlement_meet(e, entitlement_read(world->choice.members[i]->entitlement));
    }
    return e;
}

static const char *ends_on(const struct world *world, int to)
{
    for (size_t i = 0; i < world->choice.n_roles; i++) {
        if (world->choice.roles[i]->role == world->members[to].role)
            return world->choice.roles[i]->expires_on;
    }
    return "";
}

/* --- the laws ------------------------------------------------------------------------------------- */

static unsigned long reached[HOPS + 1]; /* so many chains got so far */

/* The list of whom it may go to: exactly those whom the originator would tell something, except for those for whom the
 * person chose less than the ceiling of their role. */
static void list_is_right(const struct world *world, int to, const Up__Onward *made, uint64_t seed)
{
    struct entitlement_inputs own = inputs_of(world, 0, to);
    struct entitlement gets = entitlement_decide(&own).entitlement;

    MUST(!made || gets.level >= LEVEL_PSEUDONYMISED, seed, "onward without a message of its own");
    for (size_t i = 1; made && i < made->n_permitted_members; i++)
        MUST(strcmp(made->permitted_members[i - 1], made->permitted_members[i]) < 0, seed,
             "the list is not sorted");
    for (size_t i = 0; made && i < made->n_ceilings; i++)
        MUST(entitlement_le(entitlement_read(made->ceilings[i]->entitlement), gets) &&
                 (i == 0 || made->ceilings[i - 1]->role < made->ceilings[i]->role),
             seed, "a ceiling is above what the recipient gets, or out of order");
    for (int m = 0; m < MEMBERS; m++) {
        struct entitlement_inputs inputs = inputs_of(world, 0, m);
        struct entitlement would = entitlement_decide(&inputs).entitlement;
        struct entitlement ceiling = {LEVEL_WITHHELD, GROUPS_ALL};
        bool permitted = is_permitted(made, ids[m]);

        for (size_t i = 0; made && i < made->n_ceilings; i++) {
            if (made->ceilings[i]->role == world->members[m].role)
                ceiling = entitlement_read(made->ceilings[i]->entitlement);
        }
        if (m == 0 || m == to || would.level == LEVEL_WITHHELD) {
            MUST(!permitted, seed, "somebody is permitted who may not be told");
            continue;
        }
        MUST(!permitted || entitlement_le(ceiling, chosen(world, m)), seed,
             "a member could get more than was chosen for it");
        MUST(!permitted || made->expires[0] != '\0' || ends_on(world, m)[0] == '\0', seed,
             "an end was forgotten");
        MUST(!permitted || ends_on(world, m)[0] == '\0' ||
                 strncmp(made->expires, ends_on(world, m), 7) <= 0,
             seed, "it would outlast the choice");
    }
}

static void law_chains(struct gen *gen, uint64_t seed)
{
    struct world *world = world_make(gen);
    Up__Incident whole = *world->incident;
    const Up__Incident *held = NULL;
    struct entitlement bound = {LEVEL_IDENTIFIED, 0};
    int from = 0;
    int to = 1 + (int)gen_below(gen, MEMBERS - 1);
    struct entitlement_inputs inputs = inputs_of(world, 0, to);
    struct verdict verdict = entitlement_decide(&inputs);

    whole.onward = onward(&inputs);
    list_is_right(world, to, whole.onward, seed);
    for (int hop = 0; hop < HOPS && verdict.entitlement.level >= LEVEL_PSEUDONYMISED; hop++) {
        Up__Incident *next = disclosed(hop == 0 ? &whole : held, verdict.entitlement);
        struct entitlement said = entitlement_read(next->entitlement);

        inputs = inputs_of(world, from, to);
        inputs.incident = hop == 0 ? &whole : held;
        bound = entitlement_meet(bound, verdict.entitlement);
        MUST(entitlement_le(said, bound), seed, "more than the meet of all hops");
        MUST(entitlement_le(said, chosen(world, to)), seed, "more than the person chose");
        MUST(entitlement_le(said, entitlement_agreement(&inputs)), seed, "more than is agreed");
        MUST(same(&next->base, &disclosed(&whole, bound)->base), seed, "the route matters");
        reached[hop + 1]++;
        held = next;
        from = to;
        to = 1 + (int)gen_below(gen, MEMBERS - 1);
        inputs = inputs_of(world, from, to);
        inputs.incident = held;
        inputs.choice = NULL;
        inputs.received = true;
        verdict = entitlement_decide(&inputs);
        MUST(verdict.entitlement.level == LEVEL_WITHHELD ||
                 chosen(world, to).level > LEVEL_WITHHELD,
             seed, "an excluded member is told");
        MUST(verdict.entitlement.level == LEVEL_WITHHELD || is_permitted(whole.onward, ids[to]),
             seed, "somebody is told who was not permitted");
    }
}

/* Two choices that differ only in who was excluded, of those that the recipient may not pass it on to anyway, read the
 * same to it. */
static void law_exclusions_stay(struct gen *gen, uint64_t seed)
{
    struct world *world = world_make(gen);
    int to = 1 + (int)gen_below(gen, MEMBERS - 1);
    struct entitlement_inputs inputs = inputs_of(world, 0, to);
    Up__Onward *with = onward(&inputs);
    int gone = (int)gen_below(gen, MEMBERS);
    Up__Onward *without = NULL;

    if (!with || gone == to || is_permitted(with, ids[gone]))
        return;
    world->roster.members[gone] = world->roster.members[MEMBERS - 1];
    world->roster.n_members--; /* as if it were no member at all */
    without = onward(&inputs);
    MUST(without && same(&with->base, &without->base), seed, "who is not permitted shows");
}

static bool is_due(const struct override *override, const Up__Member *member)
{
    return strcmp(override->member, member->id) == 0 && member->role == UP__ROLE__CODE__POLICE &&
           member->status == UP__MEMBER__STATUS__ACTIVE && override->ends_on[0] == '2' &&
           strcmp(override->ends_on, today) >= 0;
}

/* All of it, member by member: padding says nothing. */
static bool is_same(const struct verdict *a, const struct verdict *b)
{
    bool same = a->entitlement.level == b->entitlement.level &&
                a->entitlement.withheld == b->entitlement.withheld &&
                a->decided_by == b->decided_by && a->lack == b->lack &&
                a->part_count == b->part_count;

    for (size_t i = 0; same && i < a->part_count; i++)
        same = a->parts[i].by == b->parts[i].by &&
               a->parts[i].allows.level == b->parts[i].allows.level &&
               a->parts[i].allows.withheld == b->parts[i].allows.withheld;
    return same;
}

static unsigned long raised_count;

static void law_override(struct gen *gen, uint64_t seed)
{
    static char ends[][12] = {"", "2026-11-23", "2026-11-24", "2026-12-31", "soon", "9999"};
    struct world *world = world_make(gen);
    struct override override = {.member = ids[gen_below(gen, MEMBERS)],
                                .withheld = gen_below(gen, 16),
                                .ends_on = ends[gen_below(gen, 6)],
                                .exclusion_overridden = gen_chance(gen, 50)};

    for (int to = 1; to < MEMBERS; to++) {
        struct entitlement_inputs inputs = inputs_of(world, 0, to);
        struct verdict base = entitlement_decide(&inputs);
        struct verdict verdict = override_apply(base, &override, &inputs);
        Up__Incident whole = *world->incident;
        Up__Incident *before = NULL;
        Up__Incident *after = NULL;

        if (verdict.decided_by != BY_OVERRIDE) {
            MUST(is_same(&verdict, &base), seed, "changed without saying so");
            MUST(!is_due(&override, &world->members[to]) ||
                     base.entitlement.level >= LEVEL_PSEUDONYMISED ||
                     (override_excludes(&world->choice, ids[to]) && !override.exclusion_overridden),
                 seed, "it did nothing");
            continue;
        }
        raised_count++;
        MUST(is_due(&override, &world->members[to]), seed, "somebody else was raised, or too late");
        MUST(override.exclusion_overridden || !override_excludes(&world->choice, ids[to]), seed,
             "an exclusion was passed");
        MUST(verdict.entitlement.level == LEVEL_IDENTIFIED &&
                 verdict.entitlement.withheld == override.withheld,
             seed, "not what was named");
        MUST(base.entitlement.level < LEVEL_PSEUDONYMISED ||
                 entitlement_le(base.entitlement, verdict.entitlement),
             seed, "something was lowered");
        whole.onward = onward(&inputs);
        before = disclosed(&whole, base.entitlement);
        after = disclosed(&whole, verdict.entitlement);
        MUST(!before->onward == !after->onward &&
                 (!after->onward || same(&before->onward->base, &after->onward->base)),
             seed, "what may be passed on depends on the override");
        MUST(base.entitlement.level >= LEVEL_PSEUDONYMISED || !after->onward, seed,
             "something may be passed on that was not chosen");
    }
}

static void for_all(const char *name, void (*law)(struct gen *gen, uint64_t seed))
{
    uint64_t seed = gen_seed(name);
    unsigned long cases = gen_cases(CASES_DEFAULT);

    for (unsigned long i = 0; i < cases; i++) {
        struct gen gen = {.state = seed + i, .arena = arena};

        arena_reset(arena);
        law(&gen, seed + i);
    }
}

static void test_chains(void **state)
{
    (void)state;
    for_all("law_chains", law_chains);
    printf("chains: %lu of one hop, %lu of two, %lu of three\n", reached[1], reached[2],
           reached[3]);
    if (gen_cases(CASES_DEFAULT) >= 10000)
        assert_true(reached[3] > 50);
}

static void test_exclusions_stay(void **state)
{
    (void)state;
    for_all("law_exclusions_stay", law_exclusions_stay);
}

static void test_override(void **state)
{
    (void)state;
    for_all("law_override", law_override);
    printf("overrides: %lu raised\n", raised_count);
    if (gen_cases(CASES_DEFAULT) >= 10000)
        assert_true(raised_count > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_exclusions_stay),
        cmocka_unit_test(test_override),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
