/* SPDX-License-Identifier: MIT
 * Walks the protobuf descriptors, so that a new field of the schema can be mapped at once. */
#include "nodes/intake/mapping_field.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api.pb-c.h"

enum { NAME_LEN_MAX = 64 };

/* What the node sets itself, and what a person has to say: nobody's table can. */
static const char *const closed[] = {"entitlement", "cell", "onward", "account"};

static const char *const open_of_report[] = {"choice", "reported_before", "victim"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static enum up_err walk(const ProtobufCMessageDescriptor *from, const char *path,
                        struct mapping_field *field)
{
    while (from) {
        char name[NAME_LEN_MAX];
        size_t len = strcspn(path, ".");
        const ProtobufCFieldDescriptor *part = NULL;

        if (len >= sizeof name || field->depth == MAPPING_FIELD_DEPTH_MAX)
            return UP_NOT_FOUND;
        memcpy(name, path, len);
        name[len] = '\0';
        part = protobuf_c_message_descriptor_get_field_by_name(from, name);
        if (!part)
            return UP_NOT_FOUND;
        field->parts[field->depth++] = part;
        path += len;
        if (part->type != PROTOBUF_C_TYPE_MESSAGE)
            return *path == '\0' ? UP_OK : UP_NOT_FOUND;
        if (*path != '.' || part->label == PROTOBUF_C_LABEL_REPEATED)
            return UP_NOT_PERMITTED;
        path++;
        from = part->descriptor;
    }
    return UP_NOT_FOUND;
}

enum up_err mapping_field_of_report(const char *path, struct mapping_field *ret_field)
{
    struct mapping_field field = {0};
    char first[NAME_LEN_MAX] = "";
    size_t len = strcspn(path, ".");
    enum up_err err = UP_OK;

    if (len >= sizeof first)
        return UP_NOT_FOUND;
    memcpy(first, path, len);
    if (is_among(first, closed, sizeof closed / sizeof closed[0]))
        return UP_NOT_PERMITTED;
    if (!is_among(first, open_of_report, sizeof open_of_report / sizeof open_of_report[0])) {
        field.parts[field.depth++] =
            protobuf_c_message_descriptor_get_field_by_name(&up__report__descriptor, "incident");
        err = walk(&up__incident__descriptor, path, &field);
    } else {
        err = walk(&up__report__descriptor, path, &field);
    }
    if (!err)
        *ret_field = field;
    return err;
}

enum up_err mapping_field_of_grant(const char *path, struct mapping_field *ret_field)
{
    struct mapping_field field = {0};
    enum up_err err = walk(&up__role_choice__descriptor, path, &field);

    if (err || field.parts[0]->type != PROTOBUF_C_TYPE_STRING)
        return UP_NOT_FOUND;
    *ret_field = field;
    return UP_OK;
}

/* One value of the field's type. ret_value: room for the largest, a pointer. */
union value {
    char *text;
    int32_t number;
    uint32_t count;
    protobuf_c_boolean truth;
};

static enum up_err number_read(const char *text, long long min, long long max,
                               long long *ret_number)
{
    char *end = NULL;
    long long number = 0;
    size_t digits = strspn(text + (text[0] == '-'), "0123456789");

    if (digits == 0 || digits > 10 || text[(text[0] == '-') + digits] != '\0')
        return UP_INVALID;
    number = strtoll(text, &end, 10);
    if (number < min || number > max)
        return UP_INVALID;
    *ret_number = number;
    return UP_OK;
}

static enum up_err value_read(const ProtobufCFieldDescriptor *field, char *text,
                              union value *ret_value)
{
    const ProtobufCEnumValue *code = NULL;
    long long number = 0;

    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_STRING:
        ret_value->text = text;
        return UP_OK;
    case PROTOBUF_C_TYPE_ENUM:
        code = protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, text);
        if (!code)
            return UP_INVALID;
        ret_value->number = code->value;
        return UP_OK;
    case PROTOBUF_C_TYPE_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return UP_INVALID;
        ret_value->truth = text[0] == 't';
        return UP_OK;
    case PROTOBUF_C_TYPE_UINT32:
        if (number_read(text, 0, UINT32_MAX, &number))
            return UP_INVALID;
        ret_value->count = (uint32_t)number;
        return UP_OK;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        if (number_read(text, INT32_MIN, INT32_MAX, &number))
            return UP_INVALID;
        ret_value->number = (int32_t)number;
        return UP_OK;
    default:
        return UP_INVALID;
    }
}

static void *at(ProtobufCMessage *message, unsigned offset)
{
    return (char *)message + offset;
}

static enum up_err append(const ProtobufCFieldDescriptor *field, const union value *value,
                          struct arena *arena, ProtobufCMessage *message)
{
    size_t len = message_element_len(field->type);
    size_t *count = at(message, field->quantifier_offset);
    char **values = at(message, field->offset);
    char *grown = arena_alloc(arena, (*count + 1) * len);

    if (!grown)
        return UP_NO_MEMORY;
    if (*count > 0)
        memcpy(grown, *values, *count * len);
    memcpy(grown + *count * len, value, len);
    *values = grown;
    (*count)++;
    return UP_OK;
}

enum up_err mapping_field_put(const struct mapping_field *field, struct up_view text,
                              struct arena *arena, ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *last = field->parts[field->depth - 1];
    union value value;
    char *copy = arena_text(arena, text);
    enum up_err err = copy ? value_read(last, copy, &value) : UP_NO_MEMORY;

    if (err)
        return err;
    for (size_t i = 0; i + 1 < field->depth; i++) {
        const ProtobufCMessageDescriptor *descriptor = field->parts[i]->descriptor;
        ProtobufCMessage **sub = at(message, field->parts[i]->offset);

        if (!*sub) {
            ProtobufCMessage *made = arena_alloc(arena, descriptor->sizeof_message);

            if (!made)
                return UP_NO_MEMORY;
            protobuf_c_message_init(descriptor, made);
            *sub = made;
        }
        message = *sub;
    }
    if (last->label == PROTOBUF_C_LABEL_REPEATED)
        return append(last, &value, arena, message);
    memcpy(at(message, last->offset), &value, message_element_len(last->type));
    return UP_OK;
}
