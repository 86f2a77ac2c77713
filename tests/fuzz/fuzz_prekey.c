/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* A SignedPrekey, after a first byte: '0' as it comes, '1' signed by the member it names. */
#include <string.h>

#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "upstander/limits.h"

static uint8_t *put_number(uint8_t *at, int64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        *at++ = (uint8_t)((uint64_t)value >> (8 * i));
    return at;
}

/* SPEC 4, written a second time. False when there is no such member or the key has another length.
 */
static bool sign(const struct fuzz_world *world, Up__SignedPrekey *prekey,
                 uint8_t signature[static 64])
{
    static const char tag[] = "upstander/prekey/1";
    uint8_t body[160];
    uint8_t *at = body;
    unsigned member = 0;
    size_t len = 0;

    while (member < FEDERATION_MEMBERS && strcmp(federation_names[member], prekey->member) != 0)
        member++;
    if (member == FEDERATION_MEMBERS || prekey->key.len != 32)
        return false;
    memcpy(at, tag, sizeof tag);
    at += sizeof tag;
    memcpy(at, roster_federation(world->rosters[0]).data, 16);
    at += 16;
    *at++ = roster_is_exercise(world->rosters[0]);
    len = strlen(prekey->member);
    *at++ = (uint8_t)len;
    memcpy(at, prekey->member, len);
    at += len;
    memcpy(at, prekey->key.data, 32);
    at = put_number(at + 32, prekey->valid_from_s);
    at = put_number(at, prekey->valid_until_s);
    keys_sign(&world->federation.members[member].identity_secret,
              up_view_of(body, (size_t)(at - body)), signature);
    prekey->signature = (ProtobufCBinaryData){.len = 64, .data = signature};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct fuzz_world *world = fuzz_world();
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    struct prekey prekey;
    struct prekey before;
    uint8_t signature[64];
    bool signs = false;
    enum up_err err = UP_OK;

    if (len == 0)
        return 0;
    memset(&prekey, 0x5a, sizeof prekey);
    before = prekey;
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_unpack(&up__signed_prekey__descriptor, up_view_of(data + 1, len - 1), arena,
                       &message))
        goto out;
    fuzz_round(message);
    if (data[0] & 1)
        signs = sign(world, (Up__SignedPrekey *)message, signature);
    err = prekey_open((const Up__SignedPrekey *)message, world->rosters[0], &prekey);
    fuzz_require(!signs || err != UP_BAD_SIGNATURE);
    if (err) {
        fuzz_require(memcmp(&prekey, &before, sizeof prekey) == 0);
    } else {
        fuzz_require(prekey_is_valid(&prekey, prekey.valid_from_s));
        fuzz_require(!prekey_is_valid(&prekey, prekey.valid_until_s));
        fuzz_require(!prekey_is_dead(&prekey, prekey.valid_until_s));
    }
out:
    arena_destroy(&arena);
    return 0;
}
