/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Any incident at all entitlements: laws 2 (twice is once), 3 (the route makes no difference) and 6
 * (what is malformed is withheld, with a reason). */
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
