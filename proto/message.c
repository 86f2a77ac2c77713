/* SPDX-License-Identifier: MIT */
#include "upstander/message.h"

#include "proto/scan.h"
#include "upstander/limits.h"

static void *from_arena(void *arena, size_t len)
{
    return arena_alloc(arena, len);
}

static void never_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory; /* it goes with the arena */
}

enum up_err message_unpack(const ProtobufCMessageDescriptor *descriptor, struct up_view bytes,
                           struct arena *arena, ProtobufCMessage **ret_message)
{
    ProtobufCAllocator allocator = {
        .alloc = from_arena, .free = never_free, .allocator_data = arena};
    ProtobufCMessage *message = NULL;
    enum up_err err = scan_message(descriptor, bytes);

    if (err)
        return err;
    message = protobuf_c_message_unpack(descriptor, &allocator, bytes.len, bytes.data);
    if (!message)
        return UP_NO_MEMORY; /* the scan let it through: only the budget can have refused */
    *ret_message = message;
    return UP_OK;
}

enum up_err message_pack(const ProtobufCMessage *message, size_t len_max,
                         struct up_bytes *ret_bytes)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    enum up_err err = UP_OK;

    if (len > len_max)
        return UP_TOO_LARGE;
    err = up_bytes_new(len, ret_bytes);
    if (!err)
        (void)protobuf_c_message_pack(message, ret_bytes->data);
    return err;
}

size_t message_element_len(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    }
    return 0;
}
