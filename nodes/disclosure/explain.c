/* SPDX-License-Identifier: MIT
 * disclose_explain: what a disclosure did with each field that is set, by comparing both. It reads the
 * disclosure itself, not the rules, so a preview can't say one thing and the message another. */
#include <stdio.h>
#include <string.h>

#include "nodes/disclosure/classes.h"
#include "nodes/disclosure/disclose.h"
#include "upstander/limits.h"

enum { NOTES_MAX = 160, PATH_LEN_MAX = 64 }; /* the schema has 104 fields in 16 messages */

struct notes {
    struct field_note *list;
    size_t count;
    struct arena *arena;
    bool cell; /* the disclosure is a cell */
    bool no_memory;
};

/* The fields that a cell is made of. */
static bool stands_in_cell(const char *path)
{
    static const char *const paths[] = {"strands",           "types",
                                        "place_kind",        "place.lsoa",
                                        "place.ward",        "place.local_authority",
                                        "place.police_area", "occurred_from"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(path, paths[i]) == 0)
            return true;
    }
    return false;
}

/* The packed bytes of one field alone, through a message that holds nothing else. */
static enum up_err field_bytes(const ProtobufCMessage *message, unsigned index, struct arena *arena,
                               struct up_bytes *ret_bytes)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const ProtobufCFieldDescriptor *field = &descriptor->fields[index];
    ProtobufCMessage *alone = arena_alloc(arena, descriptor->sizeof_message);

    if (!alone)
        return UP_NO_MEMORY;
    descriptor->message_init(alone);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy((char *)alone + field->quantifier_offset,
               (const char *)message + field->quantifier_offset, sizeof(size_t));
        memcpy((char *)alone + field->offset, (const char *)message + field->offset,
               sizeof(void *));
    } else if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        memcpy((char *)alone + field->offset, (const char *)message + field->offset,
               sizeof(void *));
    } else {
        memcpy((char *)alone + field->offset, (const char *)message + field->offset, sizeof(int));
    }
    return message_pack(alone, UP_JSON_LEN_MAX, ret_bytes);
}

static void note_add(struct notes *notes, const char *path, const struct field_row *row,
                     enum field_fate fate)
{
    char *copy = arena_text(notes->arena, up_view_of(path, strlen(path)));

    if (!copy || notes->count == NOTES_MAX) {
        notes->no_memory |= !copy;
        return;
    }
    notes->list[notes->count++] =
        (struct field_note){.path = copy, .class_name = classes_name(row->class), .fate = fate};
}

static void note_field(struct notes *notes, const char *path, const ProtobufCMessage *from,
                       const ProtobufCMessage *to, unsigned index)
{
    const struct class_table *table = classes_find(from->descriptor);
    struct up_bytes before = {0};
    struct up_bytes after = {0};
    enum field_fate fate = FATE_DROPPED;

    if (!table || table->rows[index].class == CLASS_CONTROL)
        return;
    if (field_bytes(from, index, notes->arena, &before) ||
        (to && field_bytes(to, index, notes->arena, &after))) {
        notes->no_memory = true;
        goto out;
    }
    if (before.len == 0)
        goto out;
    if (notes->cell)
        fate = stands_in_cell(path) ? FATE_GENERALISED : FATE_DROPPED;
    else if (after.len == before.len && memcmp(after.data, before.data, after.len) == 0)
        fate = FATE_KEPT;
    else if (after.len > 0)
        fate = FATE_GENERALISED;
    note_add(notes, path, &table->rows[index], fate);
out:
    up_bytes_wipe(&before);
    up_bytes_wipe(&after);
}

/* Two levels: the incident's fields, and those of its single sub-messages. */
static void note_message(struct notes *notes, const char *prefix, const ProtobufCMessage *from,
                         const ProtobufCMessage *to)
{
    const ProtobufCMessageDescriptor *descriptor = from->descriptor;

    for (unsigned i = 0; i < descriptor->n_fields && !notes->no_memory; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        char path[PATH_LEN_MAX] = "";

        (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", field->name);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED &&
            prefix[0] == '\0') {
            const ProtobufCMessage *sub =
                *(ProtobufCMessage *const *)((const void *)((const char *)from + field->offset));
            const ProtobufCMessage *sub_to =
                to ? *(ProtobufCMessage *const *)((const void *)((const char *)to + field->offset))
                   : NULL;

            if (sub)
                note_message(notes, path, sub, sub_to);
            continue;
        }
        note_field(notes, path, from, to, i);
    }
}

enum up_err disclose_explain(const Up__Incident *incident, const Up__Incident *disclosure,
                             struct arena *arena, const struct field_note **ret_notes,
                             size_t *ret_count)
{
    struct notes notes = {.arena = arena, .cell = disclosure->cell != NULL};

    notes.list = arena_alloc(arena, NOTES_MAX * sizeof *notes.list);
    if (!notes.list)
        return UP_NO_MEMORY;
    note_message(&notes, "", &incident->base, &disclosure->base);
    if (notes.no_memory)
        return UP_NO_MEMORY;
    *ret_notes = notes.list;
    *ret_count = notes.count;
    return UP_OK;
}
