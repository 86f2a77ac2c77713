/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Any incident at all entitlements: laws 2 (twice is once), 3 (the route makes no difference) and 6
 * (what is malformed is withheld, with a reason). And passed on as received: never above what came with it. */
#include <string.h>

#include "nodes/disclosure/disclose.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

static struct disclose_rules rules;

static Up__Incident *disclosed(const Up__Incident *incident, struct entitlement e,
                               struct arena *arena)
{
    Up__Incident *out = NULL;

    if (disclose(incident, e, &rules, arena, &out))
        return NULL; /* over the budget */
    return out;
}

static bool same(const Up__Incident *a, const Up__Incident *b)
{
    struct up_bytes left = {0};
    struct up_bytes right = {0};
    bool equal = false;

    fuzz_require(message_pack(&a->base, UP_ARENA_LEN_MAX, &left) == UP_OK);
    fuzz_require(message_pack(&b->base, UP_ARENA_LEN_MAX, &right) == UP_OK);
    equal = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
    up_bytes_wipe(&left);
    up_bytes_wipe(&right);
    return equal;
}

/* Below PSEUDONYMISED no group is left to withhold, and none is named. */
static bool is_within(struct entitlement low, struct entitlement high)
{
    return low.level <= high.level &&
           (low.level <= LEVEL_ANONYMISED || (low.withheld & high.withheld) == high.withheld);
}

static void check_laws(const Up__Incident *x, struct entitlement e, bool malformed,
                       struct arena *arena)
{
    struct entitlement second = {.level = LEVEL_PSEUDONYMISED,
                                 .withheld = (e.withheld * 5 + 3) & GROUPS_ALL};
    Up__Incident *once = disclosed(x, e, arena);
    Up__Incident *twice = once ? disclosed(once, e, arena) : NULL;
    Up__Incident *routed = once ? disclosed(once, second, arena) : NULL;
    Up__Incident *met = disclosed(x, entitlement_meet(e, second), arena);
    const struct field_note *notes = NULL;
    size_t count = 0;

    if (!once || !twice || !routed || !met)
        return;
    fuzz_require(once->entitlement);
    fuzz_require(is_within(entitlement_read(once->entitlement), e));
    fuzz_require(same(once, twice));
    fuzz_require(same(routed, met));
    if (malformed || entitlement_read(once->entitlement).level <= LEVEL_COUNTED) {
        Up__Incident rest = *once;

        fuzz_require(!malformed || once->entitlement->level == UP__ENTITLEMENT__LEVEL__WITHHELD);
        rest.entitlement = NULL;
        fuzz_require(up__incident__get_packed_size(&rest) == 0);
    }
    (void)!disclose_explain(x, once, arena, &notes, &count);
}

/* A force that got it, and a council in all its areas, with whom everything is agreed. */
static void check_received(const Up__Incident *x)
{
    static char ids[2][12] = {"a-force", "c-council"};
    static char *parties[] = {ids[0], ids[1]};
    static char counties[2][10] = {"E23000021", "E23000022"};
    static char since[] = "2026-01-01";
    char *areas[2] = {counties[0], counties[1]};
    Up__Entitlement all = UP__ENTITLEMENT__INIT;
    Up__Member members[2] = {UP__MEMBER__INIT, UP__MEMBER__INIT};
    Up__Agreement agreement = UP__AGREEMENT__INIT;
    Up__Agreement *list[1] = {&agreement};
    Up__Roster roster = UP__ROSTER__INIT;
    struct entitlement_inputs inputs = {.incident = x,
                                        .received = true,
                                        .roster = &roster,
                                        .sender = &members[0],
                                        .recipient = &members[1],
                                        .areas = rules.areas,
                                        .today = "2026-11-24"};
    struct entitlement e;
    bool permitted = false;

    all.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    for (int i = 0; i < 2; i++) {
        members[i].id = ids[i];
        members[i].role = i == 0 ? UP__ROLE__CODE__POLICE : UP__ROLE__CODE__COUNCIL;
        members[i].areas = areas;
        members[i].n_areas = 2;
        members[i].status = UP__MEMBER__STATUS__ACTIVE;
    }
    agreement.from_role = UP__ROLE__CODE__POLICE;
    agreement.to_role = UP__ROLE__CODE__COUNCIL;
    agreement.areas = areas;
    agreement.n_areas = 2;
    agreement.valid_from = since;
    agreement.signed_by = parties;
    agreement.n_signed_by = 2;
    agreement.ceiling = &all;
    roster.agreements = list;
    roster.n_agreements = 1;
    e = entitlement_decide(&inputs).entitlement;
    fuzz_require(entitlement_le(e, entitlement_read(x->entitlement)));
    for (size_t i = 0; x->onward && i < x->onward->n_permitted_members; i++)
        permitted |= strcmp(x->onward->permitted_members[i], ids[1]) == 0;
    fuzz_require(permitted || e.level == LEVEL_WITHHELD);
    for (size_t i = 0; permitted && i < x->onward->n_ceilings; i++)
        fuzz_require(x->onward->ceilings[i]->role != UP__ROLE__CODE__COUNCIL ||
                     entitlement_le(e, entitlement_read(x->onward->ceilings[i]->entitlement)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    struct arena *work = NULL;
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};
    bool malformed = false;

    if (!rules.areas) {
        rules.areas = gen_areas();
        rules.codes = gen_codes();
    }
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &work) == UP_OK);
    if (message_unpack(&up__incident__descriptor, up_view_of(data, len), arena, &message))
        goto out;
    malformed = disclose_check((const Up__Incident *)message, &rules, &why) != UP_OK;
    fuzz_require(!malformed || (why.err == UP_INVALID && why.text[0] != '\0'));
    check_received((const Up__Incident *)message);
    for (unsigned i = 0; i < 80; i++) {
        struct entitlement e = {.level = (enum level)(i / 16), .withheld = i % 16};

        check_laws((const Up__Incident *)message, e, malformed, work);
        arena_reset(work);
    }
out:
    arena_destroy(&arena);
    arena_destroy(&work);
    return 0;
}
