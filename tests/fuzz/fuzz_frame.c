/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* What a broker reads of a peer, and a node of a broker: a Frame and the envelopes in it. */
#include "envelope.pb-c.h"
#include "frame.pb-c.h"
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"
#include "upstander/message.h"

static void envelope_read(struct arena *arena, ProtobufCBinaryData bytes)
{
    ProtobufCMessage *envelope = NULL;
    ProtobufCMessage *header = NULL;
    ProtobufCBinaryData inner = {0};

    if (message_unpack(&up__envelope__descriptor, up_view_of(bytes.data, bytes.len), arena,
                       &envelope))
        return;
    inner = ((Up__Envelope *)envelope)->header;
    if (message_unpack(&up__envelope_header__descriptor, up_view_of(inner.data, inner.len), arena,
                       &header) == UP_OK)
        fuzz_round(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    const Up__Frame *frame = NULL;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_unpack(&up__frame__descriptor, up_view_of(data, len), arena, &message))
        goto out;
    fuzz_round(message);
    frame = (const Up__Frame *)message;
    if (frame->body_case == UP__FRAME__BODY_SEND) {
        for (size_t i = 0; i < frame->send->n_envelopes; i++)
            envelope_read(arena, frame->send->envelopes[i]);
    }
    if (frame->body_case == UP__FRAME__BODY_DELIVER) {
        for (size_t i = 0; i < frame->deliver->n_deliveries; i++)
            envelope_read(arena, frame->deliver->deliveries[i]->envelope);
    }
out:
    arena_destroy(&arena);
    return 0;
}
