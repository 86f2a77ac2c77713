/* SPDX-License-Identifier: MIT */
#include "tests/lib/incident_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "upstander/limits.h"

static const char area_text[] = "E23000021,,Leicestershire\n"
                                "E23000022,,Northamptonshire\n"
                                "E06000016,E23000021,Leicester\n"
                                "E06000061,E23000022,North Northamptonshire\n"
                                "E06000062,E23000022,West Northamptonshire\n"
                                "E01013600,E06000016,Leicester 003A\n"
                                "E01013601,E06000016,Leicester 003B\n"
                                "E01026000,E06000061,North 1\n"
                                "E01026001,E06000061,North 2\n"
                                "E01027000,E06000062,West 1\n"
                                "E01027001,E06000062,West 2\n"
                                "E05010458,E06000016,Abbey\n"
                                "E05010459,E06000016,Aylestone\n"
                                "E05013000,E06000061,Ward 1\n"
                                "E05013001,E06000061,Ward 2\n"
                                "E05014000,E06000062,Ward 3\n"
                                "E05014001,E06000062,Ward 4\n"
                                "E07000150,,Corby,E06000061,2021-04-01\n"
                                "E07000901,,Twice merged,E07000902,2019-03-31\n"
                                "E07000902,,Once merged,E06000062,2020-03-31\n"
                                "E10000021,,The old county,E06000061 E06000062,2021-04-01\n"
                                "E10000901,,Across two forces,E06000016 E06000061,2022-03-31\n";
static const char classifications[] = "1,hate-crime,hate crime,,,,\n"
                                      "1,hate-incident,hate incident,,2025-12-31,intelligence,\n"
                                      "2,intelligence,information,2026-01-01,,,Kept, no more.\n";
static const char bases[] = "1,consent,consent,,,,\n1,public-task,public task,,,,\n"
                            "1,old-basis,an old one,,2020-01-01,public-task,\n";
static const char conditions[] = "1,explicit-consent,explicit consent,,,,\n"
                                 "1,substantial-public-interest,public interest,,,,\n";
static const char *const authorities[] = {"E06000016", "E06000061", "E06000062"};
static const char *const old_authorities[] = {"E07000150", "E07000901", "E07000902", "E10000021",
                                              "E10000901"};
static const char *const lsoas[][2] = {
    {"E01013600", "E01013601"}, {"E01026000", "E01026001"}, {"E01027000", "E01027001"}};
static const char *const wards[][2] = {
    {"E05010458", "E05010459"}, {"E05013000", "E05013001"}, {"E05014000", "E05014001"}};

/* splitmix64 */
uint64_t gen_next(struct gen *gen)
{
    uint64_t z = (gen->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned gen_below(struct gen *gen, unsigned bound)
{
    return (unsigned)(gen_next(gen) % bound);
}

bool gen_chance(struct gen *gen, unsigned percent)
{
    return gen_below(gen, 100) < percent;
}

static void *gen_alloc(struct gen *gen, size_t len)
{
    void *memory = arena_alloc(gen->arena, len);

    if (!memory)
        abort();
    return memory;
}

static char *gen_copy(struct gen *gen, const char *text)
{
    char *copy = arena_text(gen->arena, up_view_of(text, strlen(text)));

    if (!copy)
        abort();
    return copy;
}

char *gen_word(struct gen *gen)
{
    char word[24] = "";

    (void)snprintf(word, sizeof word, "w%x", (unsigned)gen_next(gen) & 0xffffu);
    return gen_copy(gen, word);
}

static unsigned authority_index(const char *authority)
{
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(authorities[i], authority) == 0)
            return i;
    }
    abort();
}

const char *gen_lsoa_of(struct gen *gen, const char *authority)
{
    return lsoas[authority_index(authority)][gen_below(gen, 2)];
}

const char *gen_ward_of(struct gen *gen, const char *authority)
{
    return wards[authority_index(authority)][gen_below(gen, 2)];
}

struct areas *gen_areas(void)
{
    struct areas *areas = NULL;

    if (areas_parse(up_view_of(area_text, sizeof area_text - 1), &areas, NULL))
        abort();
    return areas;
}

struct codes *gen_codes(void)
{
    struct codes *codes = NULL;

    if (codes_new(&codes) ||
        codes_add(codes, CODES_CLASSIFICATIONS,
                  up_view_of(classifications, sizeof classifications - 1), NULL) ||
        codes_add(codes, CODES_LAWFUL_BASES, up_view_of(bases, sizeof bases - 1), NULL) ||
        codes_add(codes, CODES_SPECIAL_CONDITIONS, up_view_of(conditions, sizeof conditions - 1),
                  NULL))
        abort();
    return codes;
}

static char *gen_time(struct gen *gen)
{
    static const size_t lens[] = {0, 4, 7, 10, 13, 16, 16, 16};
    char time[40] = "";

    (void)snprintf(time, sizeof time, "20%02u-%02u-%02uT%02u:%02u", 18 + gen_below(gen, 9),
                   1 + gen_below(gen, 12), 1 + gen_below(gen, 28), gen_below(gen, 24),
                   gen_below(gen, 60));
    time[lens[gen_below(gen, 8)]] = '\0';
    return gen_copy(gen, time);
}

static void gen_single(struct gen *gen, const ProtobufCFieldDescriptor *field, void *value)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (gen_chance(gen, 70))
            *(char **)value = gen_word(gen);
    } else if (field->type == PROTOBUF_C_TYPE_ENUM) {
        const ProtobufCEnumDescriptor *values = field->descriptor;

        *(int *)value = values->values[gen_below(gen, values->n_values)].value;
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        *(protobuf_c_boolean *)value = gen_chance(gen, 50);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (gen_chance(gen, 75))
            *(ProtobufCMessage **)value = gen_message(gen, field->descriptor);
    } else {
        *(int32_t *)value = (int32_t)gen_below(gen, 90);
    }
}

static void gen_repeated(struct gen *gen, const ProtobufCFieldDescriptor *field, void *value,
                         size_t *ret_count)
{
    size_t count = gen_below(gen, 4);

    if (count == 0)
        return;
    *ret_count = count;
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        char **list = gen_alloc(gen, count * sizeof *list);

        for (size_t i = 0; i < count; i++)
            list[i] = gen_word(gen);
        *(char ***)value = list;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **list = gen_alloc(gen, count * sizeof(ProtobufCMessage *));

        for (size_t i = 0; i < count; i++)
            list[i] = gen_message(gen, field->descriptor);
        *(ProtobufCMessage ***)value = list;
    } else {
        int *list = gen_alloc(gen, count * sizeof *list);

        for (size_t i = 0; i < count; i++)
            gen_single(gen, field, &list[i]);
        *(int **)value = list;
    }
}

ProtobufCMessage *gen_message(struct gen *gen, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = gen_alloc(gen, descriptor->sizeof_message);

    descriptor->message_init(message);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        char *base = (char *)message;

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            gen_repeated(gen, field, base + field->offset,
                         (size_t *)(void *)(base + field->quantifier_offset));
        else
            gen_single(gen, field, base + field->offset);
    }
    return message;
}

struct entitlement gen_entitlement(struct gen *gen)
{
    return (struct entitlement){.level = (enum level)gen_below(gen, 5),
                                .withheld = gen_chance(gen, 40) ? 0 : gen_below(gen, 16)};
}

Up__Entitlement *gen_entitlement_message(struct gen *gen, struct entitlement e)
{
    Up__Entitlement *out = gen_alloc(gen, sizeof *out);

    up__entitlement__init(out);
    out->level = (Up__Entitlement__Level)((int)e.level + 1);
    out->withheld = gen_alloc(gen, 4 * sizeof *out->withheld);
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld & (1u << group))
            out->withheld[out->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    return out;
}

static void gen_place(struct gen *gen, Up__Place *place)
{
    const char *authority = authorities[gen_below(gen, 3)];
    static char none[] = "";

    place->lsoa = place->ward = place->local_authority = place->police_area = none;
    place->vintage = gen_chance(gen, 20) ? 0 : 2015 + gen_below(gen, 11);
    switch (gen_below(gen, 8)) {
    case 0:
        place->lsoa = gen_copy(gen, gen_lsoa_of(gen, authority));
        place->ward = gen_copy(gen, gen_ward_of(gen, authority));
        break;
    case 1:
        place->lsoa = gen_copy(gen, gen_lsoa_of(gen, authority));
        break;
    case 2:
        place->ward = gen_copy(gen, gen_ward_of(gen, authority));
        break;
    case 3: /* codes that the table does not know */
        place->lsoa = gen_copy(gen, "E01099999");
        place->local_authority = gen_chance(gen, 50) ? gen_copy(gen, "E06000099") : none;
        break;
    case 4:
        place->police_area = gen_copy(gen, "E23000021");
        break;
    case 5: /* authorities that are no more */
        place->local_authority = gen_copy(gen, old_authorities[gen_below(gen, 5)]);
        break;
    case 6: /* and beside what they became */
        place->local_authority = gen_copy(gen, gen_chance(gen, 50) ? "E07000150" : "E10000021");
        if (gen_chance(gen, 50))
            place->lsoa = gen_copy(gen, gen_lsoa_of(gen, "E06000061"));
        else
            place->police_area = gen_copy(gen, "E23000022");
        break;
    default:
        place->local_authority = gen_copy(gen, authority);
    }
}

static void gen_onward(struct gen *gen, Up__Onward *onward)
{
    onward->ceilings = gen_alloc(gen, 5 * sizeof(void *));
    onward->n_ceilings = 0;
    for (int role = 1; role <= 5; role++) {
        Up__OnwardCeiling *ceiling = NULL;

        if (gen_chance(gen, 50))
            continue;
        ceiling = gen_alloc(gen, sizeof *ceiling);
        up__onward_ceiling__init(ceiling);
        ceiling->role = (Up__Role__Code)role;
        ceiling->entitlement = gen_entitlement_message(gen, gen_entitlement(gen));
        onward->ceilings[onward->n_ceilings++] = ceiling;
    }
    onward->expires = gen_copy(gen, "2027-03");
}

static char *gen_hex(struct gen *gen, unsigned len)
{
    char text[65] = "";

    for (unsigned i = 0; i < len; i++)
        text[i] = "0123456789abcdef"[gen_below(gen, 16)];
    return gen_copy(gen, text);
}

static void gen_attachment(struct gen *gen, Up__Attachment *attachment)
{
    attachment->id = gen_hex(gen, 32);
    attachment->digest = gen_hex(gen, 64);
    attachment->kind = (Up__Attachment__Kind)(1 + gen_below(gen, 3));
    attachment->length = 1 + gen_below(gen, UP_ATTACHMENT_LEN_MAX);
    attachment->chunks =
        (attachment->length + UP_ATTACHMENT_CHUNK_LEN - 1) / UP_ATTACHMENT_CHUNK_LEN;
}

Up__Incident *gen_incident(struct gen *gen)
{
    struct entitlement own = {LEVEL_IDENTIFIED, 0};
    Up__Incident *incident = (Up__Incident *)gen_message(gen, &up__incident__descriptor);

    incident->cell = NULL;
    if (gen_chance(gen, 20))
        own = (struct entitlement){gen_chance(gen, 50) ? LEVEL_IDENTIFIED : LEVEL_PSEUDONYMISED,
                                   gen_below(gen, 16)};
    incident->entitlement = gen_entitlement_message(gen, own);
    incident->occurred_from = gen_time(gen);
    incident->occurred_to = gen_time(gen);
    incident->reported_at = gen_time(gen);
    if (incident->identity)
        incident->identity->date_of_birth =
            gen_chance(gen, 70) ? gen_copy(gen, gen_chance(gen, 50) ? "1990-06-15" : "2012-02-29")
                                : gen_copy(gen, "");
    if (incident->place)
        gen_place(gen, incident->place);
    if (incident->police) /* codes that the list knows, and others */
        incident->police->classification =
            gen_copy(gen, gen_chance(gen, 50) ? "hate-crime" : gen_word(gen));
    if (incident->onward)
        gen_onward(gen, incident->onward);
    for (size_t i = 0; i < incident->n_attachments; i++)
        gen_attachment(gen, incident->attachments[i]);
    if (incident->account) {
        Up__Entitlement *approved = gen_entitlement_message(
            gen,
            (struct entitlement){LEVEL_IDENTIFIED, gen_chance(gen, 50) ? 15 : gen_below(gen, 16)});

        incident->account->approved_without = approved->withheld;
        incident->account->n_approved_without = approved->n_withheld;
    }
    return incident;
}

uint64_t gen_seed(const char *test)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 0x2545f4914f6cdd1du;

    printf("%s: SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}

unsigned long gen_cases(unsigned long fallback)
{
    const char *given = getenv("CASES");

    return given ? strtoul(given, NULL, 10) : fallback;
}
