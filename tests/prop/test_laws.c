/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Laws 1 to 4 and 6 of the disclosure engine over generated incidents. CASES and SEED in the environment;
 * a failure prints the case's own seed: SEED=n CASES=1 repeats it. What is withheld at which level is written
 * down here a second time, by hand, on purpose: the engine's table must not be its own judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/disclose.h"
#include "nodes/disclosure/generalise.h"
#include "tests/lib/incident_gen.h"

enum { CASES_DEFAULT = 100000, ARENA_LEN = 1 << 20 };

static struct areas *areas;
static struct codes *codes;
static struct disclose_rules rules;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    codes = gen_codes();
    rules.areas = areas;
    rules.codes = codes;
    return arena_new(ARENA_LEN, &arena) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    codes_destroy(&codes);
    arena_destroy(&arena);
    return 0;
}

static Up__Incident *disclosed(const Up__Incident *incident, struct entitlement e)
{
    Up__Incident *out = NULL;

    if (disclose(incident, e, &rules, arena, &out))
        fail_msg("out of memory");
    return out;
}

static bool same(const Up__Incident *a, const Up__Incident *b)
{
    struct up_bytes left = {0};
    struct up_bytes right = {0};
    bool equal = false;

    if (message_pack(&a->base, ARENA_LEN, &left) || message_pack(&b->base, ARENA_LEN, &right))
        fail_msg("can't pack");
    equal = left.len == right.len && memcmp(left.data, right.data, left.len) == 0;
    up_bytes_wipe(&left);
    up_bytes_wipe(&right);
    return equal;
}

typedef void (*law)(struct gen *gen, uint64_t seed);

static void for_all(const char *name, law check)
{
    uint64_t seed = gen_seed(name);
    unsigned long cases = gen_cases(CASES_DEFAULT);

    for (unsigned long i = 0; i < cases; i++) {
        struct gen gen = {.state = seed + i, .arena = arena};

        check(&gen, seed + i);
        arena_reset(arena);
    }
    printf("%s: %lu cases\n", name, cases);
}

#define MUST(condition, seed, what)                                                                \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s; SEED=%llu CASES=1", what, (unsigned long long)(seed));                   \
    } while (0)

/* --- law 1: what an entitlement withholds makes no difference ---------------------------------- */

static void swap_ethnicity(struct gen *gen, Up__Characteristics *c)
{
    static const int members[6][2] = {{0, 0}, {11, 15}, {21, 23}, {31, 34}, {41, 44}, {51, 52}};
    int group = (int)c->ethnicity > 10 ? (int)c->ethnicity / 10 : (int)c->ethnicity;

    if (group < 1 || group > 5)
        return;
    c->ethnicity = (Up__Ethnicity__Code)(members[group][gen_below(gen, 2)]);
}

static void change_characteristics(struct gen *gen, Up__Incident *x, struct entitlement e)
{
    if (e.withheld & GROUP_CHARACTERISTIC) {
        x->characteristics =
            (Up__Characteristics *)gen_message(gen, &up__characteristics__descriptor);
        if (gen_chance(gen, 30))
            x->characteristics = NULL;
        for (size_t i = 0; i < x->n_strands; i++)
            x->strands[i]->sub_strand = gen_word(gen);
    } else if (e.level == LEVEL_PSEUDONYMISED && x->characteristics) {
        swap_ethnicity(gen, x->characteristics);
        for (size_t i = 0; i < x->characteristics->n_disabilities; i++)
            x->characteristics->disabilities[i] = gen_word(gen);
        if (x->characteristics->n_disabilities > 0)
            x->characteristics->disability = (Up__Answer__Code)gen_below(gen, 6);
    }
}

static void change_place(struct gen *gen, Up__Incident *x, struct entitlement e)
{
    Up__Place *place = x->place;
    const char *authority = generalise_authority(place, areas);
    bool withheld = e.withheld & GROUP_PLACE;

    if (!place)
        return;
    if (withheld || (e.level == LEVEL_PSEUDONYMISED && !place->public_spot)) {
        place->address = gen_word(gen);
        place->postcode = gen_word(gen);
        place->latitude_microdegrees = (int32_t)gen_next(gen);
        place->longitude_microdegrees = (int32_t)gen_next(gen);
    }
    if (withheld || e.level == LEVEL_PSEUDONYMISED)
        place->url = gen_word(gen);
    if (withheld)
        place->public_spot = gen_chance(gen, 50);
    if (!authority)
        return;
    if (withheld && (e.level == LEVEL_PSEUDONYMISED || place->local_authority[0] != '\0')) {
        place->local_authority = arena_text(arena, up_view_of(authority, strlen(authority)));
        place->lsoa = arena_text(arena, up_view_of(gen_lsoa_of(gen, authority), 9));
    }
    if (e.level == LEVEL_PSEUDONYMISED)
        place->ward = arena_text(arena, up_view_of(gen_ward_of(gen, authority), 9));
}

/* What nobody may tell below IDENTIFIED: which authority of before it was, and a code that no list has. */
static void change_codes(struct gen *gen, Up__Incident *x, struct entitlement e)
{
    const char *authority = generalise_authority(x->place, areas);

    if (e.level == LEVEL_PSEUDONYMISED && x->police &&
        strcmp(x->police->classification, "hate-crime") != 0)
        x->police->classification = gen_word(gen);
    if ((e.level == LEVEL_PSEUDONYMISED || e.withheld & GROUP_PLACE) && authority &&
        x->place->local_authority[0] != '\0') {
        const char *other = strcmp(authority, "E06000061") == 0   ? "E07000150"
                            : strcmp(authority, "E06000062") == 0 ? "E07000901"
                                                                  : authority;

        x->place->local_authority =
            arena_text(arena, up_view_of(gen_chance(gen, 50) ? other : authority, 9));
    }
}

static char *change_minutes(struct gen *gen, char *time)
{
    char *copy = arena_text(arena, up_view_of(time, strlen(time)));

    if (strlen(copy) == 16)
        copy[15] = (char)('0' + gen_below(gen, 10));
    return copy;
}

static void change_person(struct gen *gen, Up__Incident *x, struct entitlement e)
{
    bool pseudonymised = e.level == LEVEL_PSEUDONYMISED;

    if (pseudonymised && x->identity) {
        x->identity->age_band = generalise_age(x);
        x->identity->date_of_birth = arena_text(arena, up_view_of("", 0));
        x->identity->name = gen_word(gen);
        x->identity->n_identifiers = 0;
    }
    if (pseudonymised || (e.withheld & GROUP_CONTACT)) {
        x->contact = (Up__Contact *)gen_message(gen, &up__contact__descriptor);
        if (gen_chance(gen, 30))
            x->contact = NULL;
        if (x->safety && !pseudonymised) {
            bool only = x->safety->contact_instructions[0] != '\0';

            x->safety->contact_instructions =
                only ? gen_word(gen) : x->safety->contact_instructions;
        }
    }
    if (pseudonymised) {
        x->safety = (Up__Safety *)gen_message(gen, &up__safety__descriptor);
        x->contact_rule = (Up__ContactRule__Code)gen_below(gen, 5);
        x->occurred_from = change_minutes(gen, x->occurred_from);
        x->occurred_to = change_minutes(gen, x->occurred_to);
        x->reported_at = change_minutes(gen, x->reported_at);
    }
    if (e.withheld & GROUP_SUSPECT)
        x->n_suspects = 0;
    if (pseudonymised || (e.withheld & GROUP_SUSPECT))
        x->n_witnesses = 0;
}

static void change_texts(struct gen *gen, Up__Incident *x, struct entitlement e)
{
    unsigned approved = 0;

    if (e.level == LEVEL_PSEUDONYMISED || e.withheld != 0) {
        x->narrative = gen_word(gen);
        x->n_attachments = 0;
    }
    if (!x->account)
        return;
    for (size_t i = 0; i < x->account->n_approved_without; i++)
        approved |= 1u << ((unsigned)x->account->approved_without[i] - 1);
    if ((e.withheld & approved) != e.withheld)
        x->account->text = gen_word(gen);
}

/* At ANONYMISED all may differ but what the cell is made of. */
static Up__Incident *another_of_the_same_cell(struct gen *gen, const Up__Incident *x)
{
    Up__Incident *y = gen_incident(gen);
    const char *authority = generalise_authority(x->place, areas);
    const char *when = x->occurred_from[0] ? x->occurred_from : x->reported_at;

    y->entitlement = x->entitlement;
    y->n_strands = x->n_strands;
    y->strands = arena_alloc(arena, (x->n_strands + 1) * sizeof(Up__Strand *));
    for (size_t i = 0; i < x->n_strands; i++) { /* the same set in another order */
        y->strands[i] = (Up__Strand *)gen_message(gen, &up__strand__descriptor);
        y->strands[i]->code = x->strands[x->n_strands - 1 - i]->code;
    }
    y->types = x->types;
    y->n_types = x->n_types;
    y->place_kind = x->place_kind;
    if (x->place_kind == UP__PLACE_KIND__CODE__SHOP)
        y->place_kind = UP__PLACE_KIND__CODE__STREET;
    y->place = x->place;
    if (authority) {
        y->place = (Up__Place *)gen_message(gen, &up__place__descriptor);
        y->place->lsoa = arena_text(arena, up_view_of(gen_lsoa_of(gen, authority), 9));
        y->place->ward = y->place->police_area = arena_text(arena, up_view_of("", 0));
        y->place->local_authority = arena_text(arena, up_view_of(authority, 9));
        y->place->vintage = x->place->vintage;
    }
    y->occurred_from = arena_text(arena, up_view_of(when, strlen(when) < 7 ? strlen(when) : 7));
    if (when[0] == '\0')
        y->reported_at = arena_text(arena, up_view_of("", 0));
    return y;
}

static void law_non_interference(struct gen *gen, uint64_t seed)
{
    uint64_t start = gen->state;
    Up__Incident *x = gen_incident(gen);
    struct entitlement given = gen_entitlement(gen);
    struct entitlement e = entitlement_meet(given, entitlement_read(x->entitlement));
    struct gen again = {.state = start, .arena = arena};
    Up__Incident *before = disclosed(x, given);
    Up__Incident *y = gen_incident(&again); /* the same incident, its own memory */

    if (e.level <= LEVEL_COUNTED) {
        y = gen_incident(gen);
        y->entitlement = x->entitlement;
    } else if (e.level == LEVEL_ANONYMISED) {
        y = another_of_the_same_cell(gen, y);
    } else {
        change_person(gen, y, e);
        change_characteristics(gen, y, e);
        change_place(gen, y, e);
        change_codes(gen, y, e);
        change_texts(gen, y, e);
    }
    if (disclose_check(x, &rules, NULL) || disclose_check(y, &rules, NULL))
        fail_msg("the generator made something malformed; SEED=%llu CASES=1",
                 (unsigned long long)seed);
    MUST(same(before, disclosed(y, given)), seed, "something withheld made a difference");
}

/* --- laws 2 and 3 ------------------------------------------------------------------------------- */

static void law_idempotence(struct gen *gen, uint64_t seed)
{
    Up__Incident *x = gen_incident(gen);
    struct entitlement e = gen_entitlement(gen);
    Up__Incident *once = disclosed(x, e);

    MUST(same(once, disclosed(once, e)), seed, "disclosing twice differs from once");
}

static void law_composition(struct gen *gen, uint64_t seed)
{
    Up__Incident *x = gen_incident(gen);
    struct entitlement a = gen_entitlement(gen);
    struct entitlement b = gen_entitlement(gen);

    MUST(same(disclosed(disclosed(x, a), b), disclosed(x, entitlement_meet(a, b))), seed,
         "the route makes a difference");
}

/* --- law 4: a lower entitlement never adds or sharpens ------------------------------------------ */

static const void *at(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

/* Authorities that are no more, with what stands in their place: a larger area; or, of one that was split, the part that
 * the LSOA beside it lies in, which tells it anyway. */
static bool authority_is_coarser(const char *low, const char *high)
{
    static const char *const became[][2] = {{"E07000150", "E06000061"},
                                            {"E07000901", "E06000062"},
                                            {"E07000902", "E06000062"},
                                            {"E10000021", "E06000061"}};

    for (size_t i = 0; i < sizeof became / sizeof became[0]; i++) {
        if (strcmp(high, became[i][0]) == 0 && strcmp(low, became[i][1]) == 0)
            return true;
    }
    return false;
}

static bool number_is_coarser(const char *field, int low, int high)
{
    if (strcmp(field, "vintage") == 0 && high != 0 && high < low) /* of the mergers above */
        return low == 2021 || low == 2020;
    if (low == high || low == 0)
        return true;
    if (strcmp(field, "contact_rule") == 0) /* always there; lowered to "through originator" */
        return low == UP__CONTACT_RULE__CODE__THROUGH_ORIGINATOR;
    return strcmp(field, "ethnicity") == 0 && low == high / 10;
}

static bool message_is_coarser(const ProtobufCMessage *low, const ProtobufCMessage *high);

static bool repeated_is_coarser(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *low,
                                const ProtobufCMessage *high)
{
    size_t low_count = *(const size_t *)at(low, field->quantifier_offset);
    size_t high_count = *(const size_t *)at(high, field->quantifier_offset);
    const void *a = *(const void *const *)at(low, field->offset);
    const void *b = *(const void *const *)at(high, field->offset);

    if (low_count == 0)
        return true;
    if (low_count != high_count)
        return false;
    for (size_t i = 0; i < low_count; i++) {
        if (field->type == PROTOBUF_C_TYPE_STRING &&
            strcmp(((const char *const *)a)[i], ((const char *const *)b)[i]) != 0)
            return false;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
            !message_is_coarser(((const ProtobufCMessage *const *)a)[i],
                                ((const ProtobufCMessage *const *)b)[i]))
            return false;
        if (field->type == PROTOBUF_C_TYPE_ENUM && ((const int *)a)[i] != ((const int *)b)[i])
            return false;
    }
    return true;
}

static bool field_is_coarser(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *low,
                             const ProtobufCMessage *high)
{
    const void *a = at(low, field->offset);
    const void *b = at(high, field->offset);

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return repeated_is_coarser(field, low, high);
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)a;
        bool time = strcmp(field->name, "occurred_from") == 0 ||
                    strcmp(field->name, "occurred_to") == 0 ||
                    strcmp(field->name, "reported_at") == 0;

        return time ? strncmp(text, *(const char *const *)b, strlen(text)) == 0
                    : text[0] == '\0' || strcmp(text, *(const char *const *)b) == 0 ||
                          (strcmp(field->name, "local_authority") == 0 &&
                           authority_is_coarser(text, *(const char *const *)b));
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *sub = *(const ProtobufCMessage *const *)a;
        const ProtobufCMessage *sub_high = *(const ProtobufCMessage *const *)b;

        return !sub || (sub_high && message_is_coarser(sub, sub_high));
    }
    if (field->type == PROTOBUF_C_TYPE_BOOL)
        return !*(const protobuf_c_boolean *)a || *(const protobuf_c_boolean *)b;
    return number_is_coarser(field->name, *(const int *)a, *(const int *)b);
}

static bool message_is_coarser(const ProtobufCMessage *low, const ProtobufCMessage *high)
{
    if (low->descriptor == &up__entitlement__descriptor)
        return entitlement_le(entitlement_read((const Up__Entitlement *)(const void *)low),
                              entitlement_read((const Up__Entitlement *)(const void *)high));
    for (unsigned i = 0; i < low->descriptor->n_fields; i++) {
        if (!field_is_coarser(&low->descriptor->fields[i], low, high))
            return false;
    }
    return true;
}

/* The cell says nothing that the higher disclosure does not. */
static bool cell_is_coarser(const Up__Cell *cell, const Up__Incident *high)
{
    Up__Cell *own = high->cell ? high->cell : generalise_cell(high, areas, arena);
    Up__Incident a = UP__INCIDENT__INIT;
    Up__Incident b = UP__INCIDENT__INIT;
    Up__Cell copy = *cell;

    a.cell = &copy;
    b.cell = own;
    return same(&a, &b);
}

static unsigned fields_set(const Up__Incident *x)
{
    unsigned count = 0;

    for (unsigned i = 0; i < up__incident__descriptor.n_fields; i++) {
        Up__Incident empty = UP__INCIDENT__INIT;
        const ProtobufCFieldDescriptor *field = &up__incident__descriptor.fields[i];
        bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        unsigned offset = repeated ? field->quantifier_offset : field->offset;
        size_t len = repeated || field->type == PROTOBUF_C_TYPE_STRING ||
                             field->type == PROTOBUF_C_TYPE_MESSAGE
                         ? sizeof(void *)
                         : sizeof(int);

        count += memcmp(at(&x->base, offset), at(&empty.base, offset), len) != 0;
    }
    return count;
}

/* What a recipient may pass on is never above what it got. */
static bool onward_is_within(const Up__Incident *x)
{
    for (size_t i = 0; x->onward && i < x->onward->n_ceilings; i++) {
        if (!entitlement_le(entitlement_read(x->onward->ceilings[i]->entitlement),
                            entitlement_read(x->entitlement)))
            return false;
    }
    return true;
}

static void law_monotonicity(struct gen *gen, uint64_t seed)
{
    Up__Incident *x = gen_incident(gen);
    struct entitlement e = gen_entitlement(gen);
    struct entitlement lower = entitlement_meet(e, gen_entitlement(gen));
    Up__Incident *high = disclosed(x, e);
    Up__Incident *low = disclosed(x, lower);
    enum level level = entitlement_read(low->entitlement).level;

    MUST(level <= entitlement_read(high->entitlement).level, seed, "the level rose");
    MUST(onward_is_within(high) && onward_is_within(low), seed, "an onward ceiling is too high");
    if (level <= LEVEL_COUNTED)
        MUST(fields_set(low) == 1, seed, "more than the level at COUNTED or WITHHELD");
    else if (level == LEVEL_ANONYMISED)
        MUST(fields_set(low) == 2 && low->cell && cell_is_coarser(low->cell, high), seed,
             "more than the cell at ANONYMISED");
    else
        MUST(message_is_coarser(&low->base, &high->base), seed, "a field was added or sharpened");
}

/* --- law 6: malformed yields WITHHELD, with a reason --------------------------------------------- */

static void spoil(struct gen *gen, Up__Incident *x)
{
    static char bad_time[] = "2026-13-01";
    static char bad_date[] = "1990-02-30";
    static char wrong_kind[] = "E23000021";

    switch (gen_below(gen, 9)) {
    case 0:
        x->occurred_from = bad_time;
        break;
    case 1:
        x->identity = (Up__Identity *)gen_message(gen, &up__identity__descriptor);
        x->identity->date_of_birth = bad_date;
        break;
    case 2:
        x->contact_rule = (Up__ContactRule__Code)77;
        break;
    case 3:
        x->place = (Up__Place *)gen_message(gen, &up__place__descriptor);
        x->place->lsoa = wrong_kind;
        break;
    case 4:
        x->place_kind = (Up__PlaceKind__Code)-1;
        break;
    case 5:
        x->strands = arena_alloc(arena, sizeof(void *));
        x->n_strands = 1;
        x->strands[0] = (Up__Strand *)gen_message(gen, &up__strand__descriptor);
        x->strands[0]->code = (Up__Strand__Code)1000;
        break;
    case 6:
        x->entitlement = gen_entitlement_message(gen, (struct entitlement){LEVEL_IDENTIFIED, 3});
        x->entitlement->withheld[1] = x->entitlement->withheld[0];
        break;
    case 7:
        x->reported_at = wrong_kind;
        break;
    default:
        x->characteristics =
            (Up__Characteristics *)gen_message(gen, &up__characteristics__descriptor);
        x->characteristics->ethnicity = (Up__Ethnicity__Code)99;
    }
}

static void law_fail_closed(struct gen *gen, uint64_t seed)
{
    Up__Incident *x = gen_incident(gen);
    Up__Incident *out = NULL;
    struct up_why why = {.err = UP_OK};
    const struct disclose_rules telling = {.areas = areas, .codes = codes, .why = &why};

    spoil(gen, x);
    if (disclose(x, gen_entitlement(gen), &telling, arena, &out))
        fail_msg("out of memory");
    MUST(out->entitlement->level == UP__ENTITLEMENT__LEVEL__WITHHELD && fields_set(out) == 1, seed,
         "malformed, yet something was disclosed");
    MUST(why.err != UP_OK && why.text[0] != '\0', seed, "withheld without a reason");
}

#define LAW(name)                                                                                  \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        for_all(#name, name);                                                                      \
    }
LAW(law_non_interference)
LAW(law_idempotence)
LAW(law_composition)
LAW(law_monotonicity)
LAW(law_fail_closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_law_non_interference), cmocka_unit_test(test_law_idempotence),
        cmocka_unit_test(test_law_composition),      cmocka_unit_test(test_law_monotonicity),
        cmocka_unit_test(test_law_fail_closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
