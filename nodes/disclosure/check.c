/* SPDX-License-Identifier: MIT
 * Enum numbers and text lengths by descriptor; times, areas and sets by hand. */
#include "nodes/disclosure/check.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "nodes/disclosure/generalise.h"
#include "upstander/limits.h"

static enum up_err invalid(struct up_why *why, const char *path, const char *what)
{
    return up_why_set(why, UP_INVALID, "%s: %s", path, what);
}

static const void *at(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

/* How many values a field holds (0 or 1 unless repeated), and where they stand. */
static size_t values(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                     const void **ret_first)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        *ret_first = *(const void *const *)at(message, field->offset);
        return *(const size_t *)at(message, field->quantifier_offset);
    }
    *ret_first = at(message, field->offset);
    return 1;
}

static enum up_err check_enum(const ProtobufCFieldDescriptor *field, const void *first,
                              size_t count, struct up_why *why)
{
    for (size_t i = 0; i < count; i++) {
        if (!protobuf_c_enum_descriptor_get_value(field->descriptor, ((const int *)first)[i]))
            return invalid(why, field->name, "no such value");
    }
    return UP_OK;
}

static enum up_err check_text(const ProtobufCFieldDescriptor *field, const void *first,
                              size_t count, struct up_why *why)
{
    size_t max = strcmp(field->name, "narrative") == 0 || strcmp(field->name, "text") == 0
                     ? UP_NARRATIVE_LEN_MAX
                     : UP_TEXT_LEN_MAX;

    for (size_t i = 0; i < count; i++) {
        if (strlen(((const char *const *)first)[i]) > max)
            return invalid(why, field->name, "too long");
    }
    return UP_OK;
}

/* Recursion goes down the schema, which nests three deep, not down the input. */
static enum up_err check_message(const ProtobufCMessage *message, struct up_why *why)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    enum up_err err = UP_OK;

    for (unsigned i = 0; !err && i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        const void *first = NULL;
        size_t count = values(message, field, &first);

        if (field->type == PROTOBUF_C_TYPE_ENUM)
            err = check_enum(field, first, count, why);
        else if (field->type == PROTOBUF_C_TYPE_STRING)
            err = check_text(field, first, count, why);
        for (size_t j = 0; !err && field->type == PROTOBUF_C_TYPE_MESSAGE && j < count; j++) {
            const ProtobufCMessage *sub = ((const ProtobufCMessage *const *)first)[j];

            if (sub)
                err = check_message(sub, why);
        }
    }
    return err;
}

static enum up_err check_groups(const Up__Entitlement__Group *groups, size_t count,
                                const char *path, struct up_why *why)
{
    for (size_t i = 0; i < count; i++) {
        if (groups[i] == UP__ENTITLEMENT__GROUP__GROUP_NOT_STATED)
            return invalid(why, path, "a group that is not stated");
        if (i > 0 && groups[i] <= groups[i - 1])
            return invalid(why, path, "groups must ascend, each once");
    }
    return UP_OK;
}

static enum up_err check_onward(const Up__Onward *onward, struct up_why *why)
{
    if (!onward)
        return UP_OK;
    for (size_t i = 0; i < onward->n_ceilings; i++) {
        const Up__OnwardCeiling *ceiling = onward->ceilings[i];

        if (ceiling->role == UP__ROLE__CODE__NOT_STATED || !ceiling->entitlement)
            return invalid(why, "onward.ceilings", "no role or no entitlement");
        if (i > 0 && ceiling->role <= onward->ceilings[i - 1]->role)
            return invalid(why, "onward.ceilings", "roles must ascend, each once");
        if (check_groups(ceiling->entitlement->withheld, ceiling->entitlement->n_withheld,
                         "onward.ceilings", why))
            return UP_INVALID;
    }
    if (!generalise_time_is_valid(onward->expires) ||
        (onward->expires[0] != '\0' && strlen(onward->expires) != TIME_MONTH_LEN))
        return invalid(why, "onward.expires", "not a month such as 2026-11");
    return UP_OK;
}

static bool kind_is(const struct areas *areas, const char *code, enum area_kind kind)
{
    enum area_kind known = areas_kind(areas, code);

    return known == AREA_UNKNOWN || known == kind;
}

/* Is the stated authority, or what became of it, the one that was climbed to? */
static bool is_authority(const char *stated, const char *climbed, const struct areas *areas)
{
    const char *now = areas_climb(areas, stated, AREA_LOCAL_AUTHORITY);
    const char *police = areas_climb(areas, stated, AREA_POLICE);

    if (now)
        return strcmp(now, climbed) == 0;
    /* split: one of its successors, which share the police area */
    return police && strcmp(police, areas_climb(areas, climbed, AREA_POLICE)) == 0;
}

/* A code that the table does not know passes (and is withheld below IDENTIFIED); one that contradicts
 * another does not. */
static enum up_err check_place(const Up__Place *place, const struct areas *areas,
                               struct up_why *why)
{
    const char *climbed[2] = {NULL, NULL};
    const char *authority = NULL;
    const char *police = NULL;

    if (!place)
        return UP_OK;
    if (!kind_is(areas, place->lsoa, AREA_LSOA))
        return invalid(why, "place.lsoa", "not the code of an LSOA");
    if (!kind_is(areas, place->ward, AREA_WARD))
        return invalid(why, "place.ward", "not the code of a ward");
    if (!kind_is(areas, place->local_authority, AREA_LOCAL_AUTHORITY))
        return invalid(why, "place.local_authority", "not the code of a local authority");
    if (!kind_is(areas, place->police_area, AREA_POLICE))
        return invalid(why, "place.police_area", "not the code of a police area");
    climbed[0] = areas_climb(areas, place->lsoa, AREA_LOCAL_AUTHORITY);
    climbed[1] = areas_climb(areas, place->ward, AREA_LOCAL_AUTHORITY);
    for (size_t i = 0; i < 2; i++) {
        if (!climbed[i])
            continue;
        if (place->local_authority[0] && !is_authority(place->local_authority, climbed[i], areas))
            return invalid(why, "place.local_authority", "contradicts the LSOA or ward");
        if (authority && strcmp(authority, climbed[i]) != 0)
            return invalid(why, "place.ward", "lies in another local authority than the LSOA");
        authority = climbed[i];
    }
    authority = generalise_authority(place, areas);
    police = areas_climb(areas, authority ? authority : place->local_authority, AREA_POLICE);
    if (police && place->police_area[0] && strcmp(place->police_area, police) != 0)
        return invalid(why, "place.police_area", "contradicts the local authority");
    return UP_OK;
}

static bool period_is_valid(const char *period)
{
    size_t len = strlen(period);

    if (len == TIME_MONTH_LEN && period[5] == 'Q') {
        char year[TIME_YEAR_LEN + 1] = "";

        memcpy(year, period, TIME_YEAR_LEN);
        return generalise_time_is_valid(year) && period[4] == '-' && period[6] >= '1' &&
               period[6] <= '4';
    }
    return len <= TIME_MONTH_LEN && generalise_time_is_valid(period);
}

enum up_err check_cell(const Up__Cell *cell, const struct areas *areas, struct up_why *why)
{
    if (check_message(&cell->base, why))
        return UP_INVALID;
    for (size_t i = 0; i < cell->n_strands; i++) {
        if (cell->strands[i] == 0 || (i > 0 && cell->strands[i] <= cell->strands[i - 1]))
            return invalid(why, "cell.strands", "not an ascending set");
    }
    for (size_t i = 0; i < cell->n_types; i++) {
        if (cell->types[i] == 0 || (i > 0 && cell->types[i] <= cell->types[i - 1]))
            return invalid(why, "cell.types", "not an ascending set");
    }
    if (cell->area[0] != '\0' && areas_kind(areas, cell->area) != AREA_LOCAL_AUTHORITY &&
        areas_kind(areas, cell->area) != AREA_POLICE)
        return invalid(why, "cell.area", "not a local authority or police area");
    if (!period_is_valid(cell->period))
        return invalid(why, "cell.period", "not a month, quarter or year");
    return UP_OK;
}

static bool is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

enum up_err check_attachments(const Up__Incident *incident, struct up_why *why)
{
    if (incident->n_attachments > UP_ATTACHMENTS_MAX)
        return invalid(why, "attachments", "too many");
    for (size_t i = 0; i < incident->n_attachments; i++) {
        const Up__Attachment *one = incident->attachments[i];

        if (!is_hex(one->id, 32) || !is_hex(one->digest, 64))
            return invalid(why, "attachments", "an id or a digest is none");
        if (one->kind == UP__ATTACHMENT__KIND__NOT_STATED || one->length == 0 ||
            one->length > UP_ATTACHMENT_LEN_MAX ||
            one->chunks != (one->length + UP_ATTACHMENT_CHUNK_LEN - 1) / UP_ATTACHMENT_CHUNK_LEN)
            return invalid(why, "attachments", "kind, length or number of parts");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(incident->attachments[j]->id, one->id) == 0)
                return invalid(why, "attachments", "an id stands there twice");
        }
    }
    return UP_OK;
}

enum up_err check_incident(const Up__Incident *incident, const struct areas *areas,
                           struct up_why *why)
{
    enum up_err err = check_message(&incident->base, why);

    if (err)
        return err;
    if (incident->entitlement) {
        err = check_groups(incident->entitlement->withheld, incident->entitlement->n_withheld,
                           "entitlement.withheld", why);
        if (err)
            return err;
    }
    if (incident->account) {
        err = check_groups(incident->account->approved_without,
                           incident->account->n_approved_without, "account.approved_without", why);
        if (err)
            return err;
    }
    if (!generalise_time_is_valid(incident->occurred_from))
        return invalid(why, "occurred_from", "not a time such as 2026-11-03T14:25, or its start");
    if (!generalise_time_is_valid(incident->occurred_to))
        return invalid(why, "occurred_to", "not a time such as 2026-11-03T14:25, or its start");
    if (!generalise_time_is_valid(incident->reported_at))
        return invalid(why, "reported_at", "not a time such as 2026-11-03T14:25, or its start");
    if (incident->identity && !generalise_date_is_valid(incident->identity->date_of_birth))
        return invalid(why, "identity.date_of_birth", "not a date such as 1990-01-31");
    err = check_onward(incident->onward, why);
    if (!err)
        err = check_place(incident->place, areas, why);
    if (!err)
        err = check_attachments(incident, why);
    if (!err && incident->cell)
        err = check_cell(incident->cell, areas, why);
    return err;
}
