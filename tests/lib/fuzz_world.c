/* SPDX-License-Identifier: MIT */
#include "tests/lib/fuzz_world.h"

#include <sodium.h>
#include <string.h>

#include "envelope.pb-c.h"
#include "message.pb-c.h"
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"

/* --- random numbers that are none
 * ----------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_number(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static void random_fill(void *buffer, size_t len)
{
    uint8_t *bytes = buffer;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_number();
}

static const char *random_name(void)
{
    return "fixed";
}

static void random_fix(void)
{
    static struct randombytes_implementation fixed = {
        .implementation_name = random_name, .random = random_number, .buf = random_fill};

    random_state = 1;
    (void)randombytes_set_implementation(&fixed);
}

/* --------------------------------------------------------------------------------------------------
 */

static void world_init(struct fuzz_world *world)
{
    static const unsigned revoked[FUZZ_ROSTERS] = {0, 1u << FUZZ_FORCE, 1u << FUZZ_CHARITY};

    random_fix();
    federation_init(&world->federation, FUZZ_NOW_S - 1000);
    for (unsigned i = 0; i < FUZZ_ROSTERS; i++) {
        world->federation.version = i + 1;
        world->federation.revoked = revoked[i];
        world->rosters[i] = federation_roster(&world->federation);
    }
    world->federation.version = 1;
    world->federation.revoked = 0;
    roster_stewards_digest(roster_content(world->rosters[0]), &world->pinned);
    for (unsigned i = 0; i < FEDERATION_MEMBERS; i++) {
        const struct prekey_owner owner = {.roster = world->rosters[0],
                                           .member = federation_names[i],
                                           .identity =
                                               &world->federation.members[i].identity_secret};

        fuzz_require(prekey_generate(&owner, FUZZ_NOW_S - 100, &world->prekeys[i],
                                     &world->secrets[i]) == UP_OK);
    }
}

const struct fuzz_world *fuzz_world(void)
{
    static struct fuzz_world world;

    if (!world.rosters[0])
        world_init(&world);
    random_state = 2;
    return &world;
}

struct up_bytes fuzz_header(unsigned sender, unsigned recipient, uint8_t id)
{
    const struct fuzz_world *world = fuzz_world();
    Up__EnvelopeHeader header = UP__ENVELOPE_HEADER__INIT;
    struct prekey_id prekey_id;
    struct member_id names[2] = {0};
    uint8_t bytes[16] = {id};
    struct up_bytes packed = {0};

    strcpy(names[0].text, federation_names[sender]);
    strcpy(names[1].text, federation_names[recipient]);
    prekey_id_of(&world->prekeys[recipient].key, &prekey_id);
    header.id = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    header.sender = names[0].text;
    header.recipient = names[1].text;
    header.expires_at_s = (uint64_t)(FUZZ_NOW_S + 86400) / 3600 * 3600;
    header.prekey_id =
        (ProtobufCBinaryData){.len = sizeof prekey_id.bytes, .data = prekey_id.bytes};
    fuzz_require(message_pack(&header.base, UP_HEADER_LEN_MAX, &packed) == UP_OK);
    return packed;
}

static void put(uint8_t **at, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(*at, bytes, len);
    *at += len;
}

/* SPEC 3: tag || 0 || federation || exercise || u32 len || header || u64 len || batch || prekey */
struct up_bytes fuzz_signed(unsigned sender, unsigned recipient, struct up_view header,
                            struct up_view batch)
{
    static const char tag[] = "upstander/envelope/1";
    const struct fuzz_world *world = fuzz_world();
    const struct roster *roster = world->rosters[0];
    uint8_t exercise = roster_is_exercise(roster);
    uint8_t lens[12] = {0};
    uint8_t signature[64];
    struct up_bytes body = {0};
    struct up_bytes packed = {0};
    uint8_t *at = NULL;
    Up__SignedBatch signed_batch = UP__SIGNED_BATCH__INIT;

    for (unsigned i = 0; i < 4; i++) {
        lens[i] = (uint8_t)(header.len >> (8 * i));
        lens[4 + i] = (uint8_t)(batch.len >> (8 * i));
    }
    fuzz_require(up_bytes_new(sizeof tag + 16 + 1 + 4 + header.len + 8 + batch.len + 32, &body) ==
                 UP_OK);
    at = body.data;
    put(&at, tag, sizeof tag);
    put(&at, roster_federation(roster).data, 16);
    put(&at, &exercise, 1);
    put(&at, lens, 4);
    put(&at, header.data, header.len);
    put(&at, lens + 4, 8);
    put(&at, batch.data, batch.len);
    put(&at, world->prekeys[recipient].key.bytes, 32);
    keys_sign(&world->federation.members[sender].identity_secret, up_bytes_view(&body), signature);
    memcpy(&signed_batch.batch.data, &batch.data,
           sizeof batch.data); /* borrowed; packing only reads */
    signed_batch.batch.len = batch.len;
    signed_batch.signature = (ProtobufCBinaryData){.len = sizeof signature, .data = signature};
    fuzz_require(message_pack(&signed_batch.base, UP_FRAME_LEN_MAX, &packed) == UP_OK);
    up_bytes_wipe(&body);
    return packed;
}

struct up_bytes fuzz_sealed(unsigned recipient, struct up_view header, struct up_view plain,
                            bool pad)
{
    static const size_t classes[] = UP_SEALED_LEN_CLASSES;
    const struct fuzz_world *world = fuzz_world();
    Up__Envelope envelope = UP__ENVELOPE__INIT;
    struct up_bytes inside = {0};
    struct up_bytes sealed = {0};
    struct up_bytes packed = {0};
    size_t i = 0;

    while (i < 4 && plain.len + 1 > classes[i] - crypto_box_SEALBYTES)
        i++;
    if (i == 4)
        return packed;
    fuzz_require(up_bytes_new(classes[i] - crypto_box_SEALBYTES, &inside) == UP_OK);
    fuzz_require(up_bytes_new(classes[i], &sealed) == UP_OK);
    if (plain.len > 0)
        memcpy(inside.data, plain.data, plain.len);
    if (pad)
        inside.data[plain.len] = 0x80;
    (void)crypto_box_seal(sealed.data, inside.data, inside.len,
                          world->prekeys[recipient].key.bytes);
    memcpy(&envelope.header.data, &header.data, sizeof header.data);
    envelope.header.len = header.len;
    envelope.sealed = (ProtobufCBinaryData){.len = sealed.len, .data = sealed.data};
    fuzz_require(message_pack(&envelope.base, UP_FRAME_LEN_MAX, &packed) == UP_OK);
    up_bytes_wipe(&inside);
    up_bytes_wipe(&sealed);
    return packed;
}

uint8_t fuzz_byte(struct fuzz_input *input)
{
    uint8_t byte = 0;

    if (input->len > 0) {
        byte = *input->data++;
        input->len--;
    }
    return byte;
}

struct up_view fuzz_bytes(struct fuzz_input *input)
{
    size_t len = fuzz_byte(input);
    struct up_view view = {0};

    len |= (size_t)fuzz_byte(input) << 8;
    if (len > input->len)
        len = input->len;
    view = up_view_of(input->data, len);
    input->data += len;
    input->len -= len;
    return view;
}
