/* SPDX-License-Identifier: MIT
 * Walks the wire format with a stack of its own, so that no input decides how deep C recurses. */
#include "proto/scan.h"

#include <string.h>

#include "upstander/limits.h"

enum { FIELDS_MAX = 64 }; /* of one message type; the largest here has 26 */

struct level {
    const ProtobufCMessageDescriptor *descriptor;
    size_t end;
    uint64_t seen; /* bit i: singular field i was met */
};

struct scan {
    struct up_view bytes;
    size_t at;
    size_t field_count;
    struct level levels[UP_MESSAGE_DEPTH_MAX];
    size_t depth;
};

static bool continuation(const uint8_t *p, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

/* How many bytes the character at p takes; 0: none that may stand in a text. */
static size_t character(const uint8_t *p, size_t left)
{
    if (p[0] > 0 && p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] < 0xe0)
        return left >= 2 && continuation(p, 1) ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] < 0xf0) {
        bool overlong = p[0] == 0xe0 && left >= 2 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && left >= 2 && p[1] >= 0xa0;

        return left >= 3 && continuation(p, 2) && !overlong && !surrogate ? 3 : 0;
    }
    if (p[0] >= 0xf0 && p[0] < 0xf5) {
        bool overlong = p[0] == 0xf0 && left >= 2 && p[1] < 0x90;
        bool past_the_end = p[0] == 0xf4 && left >= 2 && p[1] >= 0x90;

        return left >= 4 && continuation(p, 3) && !overlong && !past_the_end ? 4 : 0;
    }
    return 0;
}

bool scan_text(struct up_view text)
{
    size_t i = 0;

    while (i < text.len) {
        size_t len = character(text.data + i, text.len - i);

        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

static bool varint(struct scan *scan, size_t end, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = 0;

        if (scan->at >= end)
            return false;
        byte = scan->bytes.data[scan->at++];
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (byte == 0 && shift > 0)
                return false; /* not the shortest form */
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static ProtobufCWireType wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
    return PROTOBUF_C_WIRE_TYPE_VARINT;
}

/* protobuf-c cuts a varint down to the field's type: a second spelling of the same value, for a signature or a
 * comparison of bytes to trip over, and room to carry something unseen. Negative numbers of 32 bits travel
 * extended to 64. */
static bool fits(ProtobufCType type, uint64_t value)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return value <= 1;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return value <= UINT32_MAX;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        return value <= INT32_MAX || value >= UINT64_MAX - INT32_MAX;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return true;
}

/* One value of a type that is not length-prefixed. */
static enum up_err scalar(struct scan *scan, ProtobufCType type, size_t end)
{
    ProtobufCWireType wire = wire_of(type);
    uint64_t value = 0;
    size_t width = wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;

    if (wire == PROTOBUF_C_WIRE_TYPE_VARINT)
        return varint(scan, end, &value) && fits(type, value) ? UP_OK : UP_MALFORMED;
    if (end - scan->at < width)
        return UP_MALFORMED;
    scan->at += width;
    return UP_OK;
}

/* Two set members of a oneof, or a singular field twice. */
static bool seen_before(struct level *level, unsigned index)
{
    const ProtobufCFieldDescriptor *field = &level->descriptor->fields[index];
    bool in_oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return false;
    for (unsigned i = 0; i < level->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &level->descriptor->fields[i];
        bool same = i == index || (in_oneof && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                                   other->quantifier_offset == field->quantifier_offset);

        if (same && (level->seen >> i & 1))
            return true;
    }
    level->seen |= (uint64_t)1 << index;
    return false;
}

static enum up_err push(struct scan *scan, const ProtobufCMessageDescriptor *descriptor, size_t end)
{
    if (scan->depth == UP_MESSAGE_DEPTH_MAX)
        return UP_TOO_DEEP;
    if (descriptor->n_fields > FIELDS_MAX)
        return UP_UNKNOWN_FIELD;
    scan->levels[scan->depth++] = (struct level){.descriptor = descriptor, .end = end};
    return UP_OK;
}

static enum up_err prefixed(struct scan *scan, const ProtobufCFieldDescriptor *field, size_t end)
{
    uint64_t len = 0;
    struct up_view text = {0};

    if (!varint(scan, end, &len) || len > end - scan->at)
        return UP_MALFORMED;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return push(scan, field->descriptor, scan->at + (size_t)len);
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES) {
        text = up_view_of(scan->bytes.data + scan->at, (size_t)len);
        scan->at += (size_t)len;
        return field->type == PROTOBUF_C_TYPE_BYTES || scan_text(text) ? UP_OK : UP_BAD_TEXT;
    }
    end = scan->at + (size_t)len; /* packed scalars */
    while (scan->at < end) {
        enum up_err err = UP_OK;

        if (++scan->field_count > UP_MESSAGE_FIELDS_MAX)
            return UP_TOO_LARGE;
        err = scalar(scan, field->type, end);
        if (err)
            return err;
    }
    return UP_OK;
}

static enum up_err field_next(struct scan *scan, struct level *level)
{
    uint64_t tag = 0;
    const ProtobufCFieldDescriptor *field = NULL;
    ProtobufCWireType wire = PROTOBUF_C_WIRE_TYPE_VARINT;

    if (++scan->field_count > UP_MESSAGE_FIELDS_MAX)
        return UP_TOO_LARGE;
    if (!varint(scan, level->end, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return UP_MALFORMED;
    field = protobuf_c_message_descriptor_get_field(level->descriptor, (unsigned)(tag >> 3));
    if (!field)
        return UP_UNKNOWN_FIELD;
    if (seen_before(level, (unsigned)(field - level->descriptor->fields)))
        return UP_MALFORMED;
    wire = (ProtobufCWireType)(tag & 7);
    if (wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
        (wire_of(field->type) == wire || field->label == PROTOBUF_C_LABEL_REPEATED))
        return prefixed(scan, field, level->end);
    if (wire != wire_of(field->type))
        return UP_MALFORMED;
    return scalar(scan, field->type, level->end);
}

enum up_err scan_message(const ProtobufCMessageDescriptor *descriptor, struct up_view bytes)
{
    struct scan scan = {.bytes = bytes};
    enum up_err err = push(&scan, descriptor, bytes.len);

    while (!err && scan.depth > 0) {
        struct level *level = &scan.levels[scan.depth - 1];

        if (scan.at == level->end)
            scan.depth--;
        else
            err = field_next(&scan, level);
    }
    return err;
}
