/* SPDX-License-Identifier: MIT
 * Labels come from the schema's names, so that a new field shows without a line here. */
#include "nodes/cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "nodes/cli/figures.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"

enum { LABEL_WIDTH = 24 };

static void label_print(FILE *out, const char *name, unsigned depth)
{
    char label[NAMES_LEN_MAX];
    int used = 0;

    names_enum(name, label); /* under_score to words, as for enum values */
    if (strcmp(name, "strands") == 0)
        (void)snprintf(label, sizeof label, "type of hostility");
    if (label[0] >= 'a' && label[0] <= 'z')
        label[0] = (char)(label[0] - 'a' + 'A');
    used = fprintf(out, "%*s%s:", (int)depth * 2, "", label);
    (void)fprintf(out, "%*s", used > 0 && used < LABEL_WIDTH ? LABEL_WIDTH - used : 1, "");
}

static bool is_set(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *)value && (*(char *const *)value)[0] != '\0';
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)value != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return false; /* nothing that a person reads */
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return *(const uint64_t *)value != 0;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BOOL:
        return *(const uint32_t *)value != 0;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    }
    return false;
}

static size_t element_len(const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
        return sizeof(void *);
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return sizeof(ProtobufCBinaryData);
    return field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_INT64 ? 8 : 4;
}

static void scalar_print(FILE *out, const ProtobufCFieldDescriptor *field, const void *value)
{
    char words[NAMES_LEN_MAX];
    const ProtobufCEnumValue *named = NULL;

    if (field->type == PROTOBUF_C_TYPE_STRING) {
        print_safe(out, *(char *const *)value, LABEL_WIDTH);
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        (void)fputs("yes", out);
    } else if (field->type == PROTOBUF_C_TYPE_ENUM) {
        named = protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)value);
        names_enum(named ? named->name : "something this version does not know", words);
        (void)fputs(words, out);
    } else if (element_len(field) == 8) {
        (void)fprintf(out, "%" PRIu64, *(const uint64_t *)value);
    } else {
        (void)fprintf(out, "%" PRId32, *(const int32_t *)value);
    }
}

static void message_print(FILE *out, const ProtobufCMessage *message, unsigned depth);

/* Goes down the schema, which is not recursive. */
static void field_print(FILE *out, const ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field, unsigned depth)
{
    const char *value = (const char *)message + field->offset;
    size_t count = 1;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
        value = *(const char *const *)(const void *)value;
    } else if (!is_set(field, value)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const void *item = value + i * element_len(field);

        label_print(out, field->name, depth);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            (void)fputc('\n', out);
            message_print(out, *(const ProtobufCMessage *const *)item, depth + 1);
        } else {
            scalar_print(out, field, item);
            (void)fputc('\n', out);
        }
    }
}

static void message_print(FILE *out, const ProtobufCMessage *message, unsigned depth)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        field_print(out, message, &message->descriptor->fields[i], depth);
}

static void safety_print(FILE *out, const Up__Incident *incident)
{
    static const char *const rules[] = {
        "do not contact this person (none was stated)", "any way is safe", "only as stated below",
        "only through the organisation that sent this", "do not contact this person"};
    size_t rule = (size_t)incident->contact_rule;

    (void)fputs("SAFETY FIRST\n", out);
    (void)fprintf(out, "%-*s%s\n", (int)LABEL_WIDTH, "  Contact:", rules[rule < 5 ? rule : 4]);
    if (incident->safety)
        message_print(out, &incident->safety->base, 1);
    (void)fputc('\n', out);
}

/* arrived: beside each, how many of its parts are here; NULL: all of it is. */
static void attachments_print(FILE *out, const Up__Incident *incident, const uint32_t *arrived)
{
    for (size_t i = 0; i < incident->n_attachments; i++) {
        const Up__Attachment *one = incident->attachments[i];
        const ProtobufCEnumValue *kind =
            protobuf_c_enum_descriptor_get_value(&up__attachment__kind__descriptor, (int)one->kind);

        (void)fprintf(out, "Attachment %zu:%*s%s, %u bytes", i + 1, LABEL_WIDTH - 13, "",
                      kind ? kind->name : "of unknown kind", one->length);
        if (arrived && arrived[i] < one->chunks)
            (void)fprintf(out, "; %u of %u parts are here so far", arrived[i], one->chunks);
        (void)fputc('\n', out);
    }
}

static void incident_print(FILE *out, const Up__Incident *incident, const uint32_t *arrived)
{
    const ProtobufCMessageDescriptor *descriptor = incident->base.descriptor;
    char may_see[NAMES_LEN_MAX];

    if (incident->entitlement &&
        incident->entitlement->level >= UP__ENTITLEMENT__LEVEL__PSEUDONYMISED)
        safety_print(out, incident);
    names_entitlement(incident->entitlement, may_see);
    (void)fprintf(out, "%-*s%s\n", (int)LABEL_WIDTH, "What you may see:", may_see);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const char *name = descriptor->fields[i].name;

        if (strcmp(name, "entitlement") == 0 || strcmp(name, "contact_rule") == 0 ||
            strcmp(name, "safety") == 0 || strcmp(name, "attachments") == 0)
            continue;
        field_print(out, &incident->base, &descriptor->fields[i], 0);
    }
    attachments_print(out, incident, arrived);
}

void render_incident(FILE *out, const Up__Incident *incident)
{
    incident_print(out, incident, NULL);
}

static void override_print(FILE *out, const Up__OverrideNotice *override)
{
    (void)fputs(
        "SAFEGUARDING OVERRIDE: the person did not agree to this. Nothing more is sent under it "
        "after ",
        out);
    print_safe(out, override->ends_on, 0);
    (void)fprintf(out, ".\n%-*s", LABEL_WIDTH, "  Reason:");
    print_safe(out, override->reason, LABEL_WIDTH);
    (void)fprintf(out, "\n%-*s", LABEL_WIDTH, "  Purpose:");
    print_safe(out, override->purpose, LABEL_WIDTH);
    (void)fputs("\n\n", out);
}

static void line_print(FILE *out, const char *label, const char *value)
{
    (void)fprintf(out, "%-*s", (int)LABEL_WIDTH, label);
    print_safe(out, value, LABEL_WIDTH);
    (void)fputc('\n', out);
}

/* The object, and what was answered. */
static void action_print(FILE *out, const Up__InboxItem *item)
{
    const ProtobufCEnumValue *object = protobuf_c_enum_descriptor_get_value(
        &up__action_item__object__descriptor, (int)item->action->object);
    char words[NAMES_LEN_MAX];

    names_enum(object ? object->name : "unknown", words);
    line_print(out, "To be acted on:", words);
    line_print(out, "What:", item->action->what);
    line_print(out, "Where:", item->action->place);
    line_print(out, "Seen on:", item->action->seen_on);
    if (item->done) {
        const ProtobufCEnumValue *what = protobuf_c_enum_descriptor_get_value(
            &up__done__what__descriptor, (int)item->done->what);

        names_enum(what ? what->name : "unknown", words);
        line_print(out, "Answered:", words);
        line_print(out, "When:", item->done->when);
    } else {
        (void)fprintf(out, "Once it is done: upstander done %s removed --on DATE\n",
                      item->line ? item->line->ref : "REF");
    }
}

void render_item(FILE *out, const Up__InboxItem *item, bool exercise)
{
    const Up__InboxLine *line = item->line;

    if (exercise)
        (void)fputs(PRINT_BANNER "\n\n", out);
    if (line && line->urgent)
        (void)fputs("URGENT: a life may be at risk. In an emergency ring 999 first.\n\n", out);
    if (line) {
        (void)fputs("Reference ", out);
        print_safe(out, line->ref, 0);
        (void)fputs(" from ", out);
        print_safe(out, line->from, 0);
        if (item->forwarded)
            (void)fputs(", which had received it from another organisation and passed it on", out);
        (void)fputs(", received ", out);
        print_safe(out, line->received_at, 0);
        if (line->police_reference[0] != '\0') {
            (void)fputs(", police number ", out);
            print_safe(out, line->police_reference, 0);
        }
        (void)fputs("\n\n", out);
    }
    if (item->override)
        override_print(out, item->override);
    if (item->incident)
        incident_print(out, item->incident,
                       item->n_attachments_arrived == item->incident->n_attachments
                           ? item->attachments_arrived
                           : NULL);
    if (item->action)
        action_print(out, item);
    if (figures_is(item))
        figures_print(out, item);
}
