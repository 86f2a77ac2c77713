/* SPDX-License-Identifier: MIT */
#include "nodes/cli/fields.h"

#include <stdbool.h>
#include <string.h>

static const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *descriptor,
                                                  const char *name, size_t len)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const char *field = descriptor->fields[i].name;

        if (strlen(field) == len && strncmp(field, name, len) == 0)
            return &descriptor->fields[i];
    }
    return NULL;
}

void *fields_at(ProtobufCMessage *root, const char *path, struct arena *arena,
                const ProtobufCFieldDescriptor **ret_field)
{
    ProtobufCMessage *message = root;

    for (;;) {
        size_t len = strcspn(path, ".");
        const ProtobufCFieldDescriptor *field = field_find(message->descriptor, path, len);
        void *place = NULL;
        ProtobufCMessage **inner = NULL;

        up_assert(field);
        place = (char *)message + field->offset;
        if (path[len] == '\0') {
            *ret_field = field;
            return place;
        }
        up_assert(field->type == PROTOBUF_C_TYPE_MESSAGE &&
                  field->label != PROTOBUF_C_LABEL_REPEATED);
        inner = place;
        if (!*inner) {
            const ProtobufCMessageDescriptor *descriptor = field->descriptor;
            ProtobufCMessage *made = arena_alloc(arena, descriptor->sizeof_message);

            if (!made)
                return NULL;
            descriptor->message_init(made);
            *inner = made;
        }
        message = *inner;
        path += len + 1;
    }
}

enum up_err fields_text(ProtobufCMessage *root, const char *path, const char *text,
                        struct arena *arena)
{
    const ProtobufCFieldDescriptor *field = NULL;
    void *place = fields_at(root, path, arena, &field);
    char *copy = arena_text(arena, up_view_of(text, strlen(text)));
    char **list = NULL;

    if (!place || !copy)
        return UP_NO_MEMORY;
    up_assert(field->type == PROTOBUF_C_TYPE_STRING);
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        *(char **)place = copy;
        return UP_OK;
    }
    list = arena_alloc(arena, sizeof *list);
    if (!list)
        return UP_NO_MEMORY;
    list[0] = copy;
    *(char ***)place = list;
    /* the count stands in the same message: as far from the field as the descriptor says */
    *(size_t *)(void *)((char *)place - field->offset + field->quantifier_offset) = 1;
    return UP_OK;
}

enum up_err fields_number(ProtobufCMessage *root, const char *path, int value, struct arena *arena)
{
    const ProtobufCFieldDescriptor *field = NULL;
    void *place = fields_at(root, path, arena, &field);

    if (!place)
        return UP_NO_MEMORY;
    up_assert(field->type == PROTOBUF_C_TYPE_ENUM || field->type == PROTOBUF_C_TYPE_BOOL);
    *(int *)place = value;
    return UP_OK;
}

size_t fields_values(ProtobufCMessage *root, const char *path, struct arena *arena,
                     const ProtobufCEnumValue **ret_values)
{
    const ProtobufCFieldDescriptor *field = NULL;
    const ProtobufCEnumDescriptor *values = NULL;
    size_t count = 0;

    if (!fields_at(root, path, arena, &field))
        return 0;
    up_assert(field->type == PROTOBUF_C_TYPE_ENUM);
    values = field->descriptor;
    for (unsigned i = 0; i < values->n_values && count < FIELDS_VALUES_MAX; i++) {
        if (values->values[i].value != 0)
            ret_values[count++] = &values->values[i];
    }
    return count;
}
