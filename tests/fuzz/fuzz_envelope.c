/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* An envelope from a stranger and from a member. The first byte says what the rest is: '0' the
 * whole envelope, '1' a batch, '2' a signed batch, '3' all that is sealed, its padding too, '4' a
 * header. What is missing around it is good. */
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

static void batch_read(const Up__Batch *batch)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;

    fuzz_require(batch->n_messages <= UP_BATCH_MESSAGES_MAX);
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    for (size_t i = 0; i < batch->n_messages; i++) {
        struct up_view bytes = up_view_of(batch->messages[i].data, batch->messages[i].len);

        if (message_unpack(&up__message__descriptor, bytes, arena, &message) == UP_OK)
            fuzz_round(message);
        arena_reset(arena);
    }
    arena_destroy(&arena);
}

static void envelope_read(struct up_view envelope, bool inside_is_good)
{
    const struct fuzz_world *world = fuzz_world();
    const struct envelope_open_args args = {.roster = world->rosters[0],
                                            .recipient = federation_names[FUZZ_FORCE],
                                            .prekey = &world->prekeys[FUZZ_FORCE].key,
                                            .secret = &world->secrets[FUZZ_FORCE],
                                            .now_s = FUZZ_NOW_S};
    struct arena *arena = NULL;
    struct envelope_header header = {.urgent = false};
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    Up__Batch *batch = NULL;
    enum up_err peeked = envelope_peek(envelope, &header, &header_bytes, &sealed);
    enum up_err err = UP_OK;

    if (!peeked) {
        fuzz_require(header_bytes.data >= envelope.data &&
                     header_bytes.data + header_bytes.len <= sealed.data);
        fuzz_require(sealed.data + sealed.len == envelope.data + envelope.len);
    }
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    err = envelope_open(envelope, &args, arena, &header, &batch);
    fuzz_require(!peeked || err == peeked);
    fuzz_require((err == UP_OK) == (batch != NULL));
    fuzz_require(!inside_is_good || (err != UP_WRONG_KEY && err != UP_BAD_SIGNATURE));
    if (batch)
        batch_read(batch);
    arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t good_batch[] = {0x08, 0x01, 0x12, 0x00};
    struct up_bytes header = {0};
    struct up_bytes inside = {0};
    struct up_bytes envelope = {0};
    struct up_view rest = up_view_of(data + 1, len - 1);
    unsigned kind = 0;

    if (len == 0)
        return 0;
    kind = (data[0] - (unsigned)'0') % 5;
    if (kind == 0) {
        envelope_read(rest, false);
        return 0;
    }
    header = fuzz_header(FUZZ_CHARITY, FUZZ_FORCE, 7);
    if (kind == 1)
        inside = fuzz_signed(FUZZ_CHARITY, FUZZ_FORCE, up_bytes_view(&header), rest);
    else if (kind == 4)
        inside =
            fuzz_signed(FUZZ_CHARITY, FUZZ_FORCE, rest, up_view_of(good_batch, sizeof good_batch));
    envelope = fuzz_sealed(FUZZ_FORCE, kind == 4 ? rest : up_bytes_view(&header),
                           kind == 2 || kind == 3 ? rest : up_bytes_view(&inside), kind != 3);
    if (envelope.len > 0)
        envelope_read(up_bytes_view(&envelope), kind == 1);
    up_bytes_wipe(&header);
    up_bytes_wipe(&inside);
    up_bytes_wipe(&envelope);
    return 0;
}
