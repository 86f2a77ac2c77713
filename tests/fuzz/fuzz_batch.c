/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* What is inside an envelope, without its seal: a Batch, and each Message of it. */
#include "message.pb-c.h"
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"
#include "upstander/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    const Up__Batch *batch = NULL;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_unpack(&up__batch__descriptor, up_view_of(data, len), arena, &message))
        goto out;
    fuzz_round(message);
    batch = (const Up__Batch *)message;
    for (size_t i = 0; i < batch->n_messages; i++) {
        struct up_view bytes = up_view_of(batch->messages[i].data, batch->messages[i].len);

        if (message_unpack(&up__message__descriptor, bytes, arena, &message) == UP_OK)
            fuzz_round(message);
    }
out:
    arena_destroy(&arena);
    return 0;
}
