/* SPDX-License-Identifier: MIT
 * Builds a disclosure field by field from the class table. A field without a row, or with a rule that is not
 * met, is simply never written; nothing is copied and then deleted. */
#include "nodes/disclosure/disclose.h"

#include <string.h>

#include "nodes/disclosure/check.h"
#include "nodes/disclosure/classes.h"
#include "nodes/disclosure/generalise.h"

struct job {
    const Up__Incident *incident;
    const struct areas *areas;
    const struct codes *codes;
    struct entitlement entitlement;
    struct arena *arena;
    bool no_memory;
};

static const void *read_at(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

static void *write_at(ProtobufCMessage *message, unsigned offset)
{
    return (char *)message + offset;
}

static void *job_alloc(struct job *job, size_t len)
{
    void *memory = arena_alloc(job->arena, len);

    job->no_memory |= !memory;
    return memory;
}

static char *job_text(struct job *job, const char *text)
{
    char *copy = arena_text(job->arena, up_view_of(text, strlen(text)));

    job->no_memory |= !copy;
    return copy;
}

/* Is this class dropped as a whole, because its group is withheld? */
static bool class_is_withheld(enum field_class class, unsigned withheld)
{
    switch (class) {
    case CLASS_CONTACT:
        return withheld & GROUP_CONTACT;
    case CLASS_CHARACTERISTIC:
        return withheld & GROUP_CHARACTERISTIC;
    case CLASS_SUSPECT:
        return withheld & GROUP_SUSPECT;
    case CLASS_CONTROL:
    case CLASS_CATEGORY:
    case CLASS_IDENTITY:
    case CLASS_SAFETY:
    case CLASS_PLACE: /* its rules know: the local authority stays */
    case CLASS_TIME:
    case CLASS_NARRATIVE:
    case CLASS_ACCOUNT:
    case CLASS_RISK:
    case CLASS_POLICE:
    case CLASS_CHANNEL:
    case CLASS_ONWARD:
        return false;
    case CLASS_COUNT:
        break;
    }
    return true;
}

static ProtobufCMessage *build(struct job *job, const ProtobufCMessage *from, bool *ret_empty);

static void keep_repeated(struct job *job, const ProtobufCMessage *from, ProtobufCMessage *to,
                          const ProtobufCFieldDescriptor *field)
{
    size_t count = *(const size_t *)read_at(from, field->quantifier_offset);
    const void *values = *(const void *const *)read_at(from, field->offset);
    size_t size = message_element_len(field->type);
    void *copy = NULL;

    if (count == 0 || size == 0)
        return;
    copy = job_alloc(job, count * size);
    if (!copy)
        return;
    for (size_t i = 0; i < count; i++) {
        bool empty = false;

        if (field->type == PROTOBUF_C_TYPE_STRING)
            ((char **)copy)[i] = job_text(job, ((char *const *)values)[i]);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            ((ProtobufCMessage **)copy)[i] =
                build(job, ((ProtobufCMessage *const *)values)[i], &empty);
        if (job->no_memory)
            return;
    }
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        memcpy(copy, values, count * size);
    *(void **)write_at(to, field->offset) = copy;
    *(size_t *)write_at(to, field->quantifier_offset) = count;
}

/* A field as it stands; a message through its own rows, and left out when nothing of it remains. */
static void keep(struct job *job, const ProtobufCMessage *from, ProtobufCMessage *to,
                 const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        keep_repeated(job, from, to, field);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)read_at(from, field->offset);

        if (text[0] != '\0')
            *(char **)write_at(to, field->offset) = job_text(job, text);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *sub =
            *(const ProtobufCMessage *const *)read_at(from, field->offset);
        bool empty = true;
        ProtobufCMessage *made = sub ? build(job, sub, &empty) : NULL;

        if (made && !empty)
            *(ProtobufCMessage **)write_at(to, field->offset) = made;
    } else {
        memcpy(write_at(to, field->offset), read_at(from, field->offset),
               message_element_len(field->type));
    }
}

static void keep_text_cut(struct job *job, const ProtobufCMessage *from, ProtobufCMessage *to,
                          const ProtobufCFieldDescriptor *field, size_t len_max)
{
    const char *text = *(const char *const *)read_at(from, field->offset);
    size_t len = strlen(text);
    char *copy = NULL;

    if (len == 0)
        return;
    copy = arena_text(job->arena, up_view_of(text, len < len_max ? len : len_max));
    job->no_memory |= !copy;
    *(char **)write_at(to, field->offset) = copy;
}

static void put_text(struct job *job, ProtobufCMessage *to, const ProtobufCFieldDescriptor *field,
                     const char *text)
{
    if (text && text[0] != '\0')
        *(char **)write_at(to, field->offset) = job_text(job, text);
}

static void put_enum(ProtobufCMessage *to, const ProtobufCFieldDescriptor *field, int value)
{
    memcpy(write_at(to, field->offset), &value, sizeof value);
}

static Up__Entitlement *entitlement_write(struct job *job, struct entitlement e)
{
    Up__Entitlement *out = job_alloc(job, sizeof *out);

    if (!out)
        return NULL;
    up__entitlement__init(out);
    out->level = (Up__Entitlement__Level)((int)e.level + 1);
    out->withheld = job_alloc(job, 4 * sizeof *out->withheld);
    if (!out->withheld)
        return NULL;
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld & (1u << group))
            out->withheld[out->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    return out;
}

static bool account_is_approved(const struct job *job)
{
    const Up__Account *account = job->incident->account;
    unsigned approved = 0;

    for (size_t i = 0; i < account->n_approved_without; i++)
        approved |= 1u << ((unsigned)account->approved_without[i] - 1);
    return account->text[0] != '\0' && (job->entitlement.withheld & ~approved) == 0;
}

/* The rules of place: what `place` withheld leaves is the local authority and above. */
static void apply_place(struct job *job, enum field_rule rule, const ProtobufCMessage *from,
                        ProtobufCMessage *to, const ProtobufCFieldDescriptor *field)
{
    const Up__Place *place = job->incident->place;
    bool withheld = job->entitlement.withheld & GROUP_PLACE;
    bool identified = job->entitlement.level == LEVEL_IDENTIFIED;
    const char *known = NULL;

    if (rule == RULE_AUTHORITY || rule == RULE_POLICE_AREA) {
        const char *given = rule == RULE_AUTHORITY ? place->local_authority : place->police_area;

        known = rule == RULE_AUTHORITY ? generalise_authority(place, job->areas)
                                       : generalise_police_area(place, job->areas);
        /* an authority that was abolished is finer than its successor: it goes with the exact place */
        put_text(job, to, field,
                 identified && given[0] != '\0' && !(withheld && known) ? given : known);
        return;
    }
    if (rule == RULE_VINTAGE) {
        put_enum(to, field,
                 (int)(identified && !withheld ? place->vintage
                                               : generalise_vintage(place, job->areas)));
        return;
    }
    if (withheld)
        return;
    if (rule == RULE_LSOA && areas_kind(job->areas, place->lsoa) != AREA_LSOA)
        return;
    if (rule == RULE_SPOT && !place->public_spot)
        return;
    keep(job, from, to, field);
}

static void apply(struct job *job, enum field_rule rule, const ProtobufCMessage *from,
                  ProtobufCMessage *to, const ProtobufCFieldDescriptor *field)
{
    int number = 0;

    switch (rule) {
    case RULE_KEEP:
        keep(job, from, to, field);
        break;
    case RULE_HOUR:
        keep_text_cut(job, from, to, field, TIME_HOUR_LEN);
        break;
    case RULE_AGE:
        put_enum(to, field, (int)generalise_age(job->incident));
        break;
    case RULE_FIVE:
        memcpy(&number, read_at(from, field->offset), sizeof number);
        put_enum(to, field, (int)generalise_ethnicity((Up__Ethnicity__Code)number));
        break;
    case RULE_YES_NO:
        if (job->incident->characteristics->n_disabilities > 0)
            put_enum(to, field, UP__ANSWER__CODE__YES);
        else
            keep(job, from, to, field);
        break;
    case RULE_SUB_STRAND:
        if (!(job->entitlement.withheld & GROUP_CHARACTERISTIC))
            keep(job, from, to, field);
        break;
    case RULE_RULE:
        number = (int)job->incident->contact_rule;
        put_enum(to, field, number ? number : UP__CONTACT_RULE__CODE__NONE);
        break;
    case RULE_ORIGINATOR:
        put_enum(to, field, UP__CONTACT_RULE__CODE__THROUGH_ORIGINATOR);
        break;
    case RULE_RAW:
        if (job->entitlement.withheld == 0)
            keep(job, from, to, field);
        break;
    case RULE_APPROVED:
        if (account_is_approved(job))
            keep(job, from, to, field);
        break;
    case RULE_CEILING: {
        const Up__Entitlement *ceiling = *(Up__Entitlement *const *)read_at(from, field->offset);

        *(Up__Entitlement **)write_at(to, field->offset) =
            entitlement_write(job, entitlement_meet(entitlement_read(ceiling), job->entitlement));
        break;
    }
    case RULE_CODE: /* police.classification is the only one */
        if (codes_find(job->codes, CODES_CLASSIFICATIONS, job->incident->police->classification))
            keep(job, from, to, field);
        break;
    case RULE_IN_PLACE:
    case RULE_LSOA:
    case RULE_SPOT:
    case RULE_AUTHORITY:
    case RULE_POLICE_AREA:
    case RULE_VINTAGE:
        apply_place(job, rule, from, to, field);
        break;
    case RULE_DROP:
    case RULE_MADE:
    case RULE_COUNT:
        break;
    }
}

static bool field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *value = read_at(message, field->offset);
    static const uint8_t zero[8];

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)read_at(message, field->quantifier_offset) > 0;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return (*(const char *const *)value)[0] != '\0';
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const void *const *)value != NULL;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)value)->len > 0;
    return memcmp(value, zero, message_element_len(field->type)) != 0;
}

/* One message through its rows. Recursion goes down the schema, which nests three deep. */
static ProtobufCMessage *build(struct job *job, const ProtobufCMessage *from, bool *ret_empty)
{
    const ProtobufCMessageDescriptor *descriptor = from->descriptor;
    const struct class_table *table = classes_find(descriptor);
    ProtobufCMessage *to = NULL;

    *ret_empty = true;
    if (!table || table->row_count != descriptor->n_fields)
        return NULL;
    to = job_alloc(job, descriptor->sizeof_message);
    if (!to)
        return NULL;
    descriptor->message_init(to);
    for (unsigned i = 0; i < descriptor->n_fields && !job->no_memory; i++) {
        const struct field_row *row = &table->rows[i];
        enum field_rule rule =
            job->entitlement.level == LEVEL_IDENTIFIED ? row->identified : row->pseudonymised;

        if (class_is_withheld(row->class, job->entitlement.withheld))
            continue;
        apply(job, rule, from, to, &descriptor->fields[i]);
        if (!job->no_memory && field_is_set(to, &descriptor->fields[i]))
            *ret_empty = false;
    }
    return to;
}

/* An ANONYMISED incident: the cell, made afresh or taken over attribute by attribute. */
static Up__Cell *cell_of(struct job *job, bool from_cell)
{
    const Up__Cell *from = job->incident->cell;
    Up__Cell *cell = NULL;

    if (!from_cell)
        return generalise_cell(job->incident, job->areas, job->arena);
    if (!from)
        return NULL;
    cell = job_alloc(job, sizeof *cell);
    if (!cell)
        return NULL;
    up__cell__init(cell);
    for (unsigned i = 0; i < up__cell__descriptor.n_fields && !job->no_memory; i++)
        keep(job, &from->base, &cell->base, &up__cell__descriptor.fields[i]);
    return job->no_memory ? NULL : cell;
}

static Up__Incident *incident_with(struct job *job, struct entitlement e)
{
    Up__Incident *out = job_alloc(job, sizeof *out);

    if (!out)
        return NULL;
    up__incident__init(out);
    out->entitlement = entitlement_write(job, e);
    return out->entitlement ? out : NULL;
}

enum up_err disclose(const Up__Incident *incident, struct entitlement entitlement,
                     const struct disclose_rules *rules, struct arena *arena,
                     Up__Incident **ret_disclosure)
{
    struct entitlement own = entitlement_read(incident->entitlement);
    struct job job = {.incident = incident,
                      .areas = rules->areas,
                      .codes = rules->codes,
                      .entitlement = entitlement_meet(own, entitlement),
                      .arena = arena};
    Up__Incident *out = NULL;
    bool empty = false;

    if (check_incident(incident, rules->areas, rules->why) ||
        (own.level == LEVEL_ANONYMISED && !incident->cell))
        job.entitlement.level = LEVEL_WITHHELD;
    if (job.entitlement.level <= LEVEL_ANONYMISED)
        job.entitlement.withheld = 0; /* what is left does not depend on it, so it isn't told */
    if (job.entitlement.level <= LEVEL_COUNTED) {
        out = incident_with(&job, job.entitlement);
    } else if (job.entitlement.level == LEVEL_ANONYMISED) {
        out = incident_with(&job, job.entitlement);
        if (out)
            out->cell = cell_of(&job, own.level == LEVEL_ANONYMISED);
        job.no_memory |= !out || !out->cell;
    } else {
        out = (Up__Incident *)build(&job, &incident->base, &empty);
        if (out)
            out->entitlement = entitlement_write(&job, job.entitlement);
    }
    if (!out || job.no_memory)
        return UP_NO_MEMORY;
    *ret_disclosure = out;
    return UP_OK;
}

enum up_err disclose_check(const Up__Incident *incident, const struct disclose_rules *rules,
                           struct up_why *why)
{
    return check_incident(incident, rules->areas, why);
}
