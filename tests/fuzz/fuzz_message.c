/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* Bytes as any of the message types: the first byte says which, the rest is the message. */
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"
#include "upstander/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;

    if (len == 0)
        return 0;
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_unpack(fuzz_kind(data[0]), up_view_of(data + 1, len - 1), arena, &message) == UP_OK)
        fuzz_round(message);
    arena_destroy(&arena);
    return 0;
}
