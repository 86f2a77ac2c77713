/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* Sealing and opening, beside the signature and the sealed box that are in them. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "tests/lib/federation.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

enum {
    NOW_S = 1800000000,
    MESSAGE_LEN = 1024,
    MESSAGES_MAX = 64,
    HASH_LEN = 64, /* a signature is over a hash of this length */
    ROUNDS = 11,
    ROUND_MS = 25,
};

static struct federation fed;
static struct roster *roster;
static struct arena *arena;
static struct prekey prekey;
static struct prekey_secret secret;
static struct up_view messages[MESSAGES_MAX];
static uint8_t hash[HASH_LEN];
static uint8_t signature[crypto_sign_BYTES];
static uint8_t plain[UP_SEALED_LEN_MAX];
static uint8_t box[UP_SEALED_LEN_MAX];

/* Envelopes of a size, and what is inside. */
struct size {
    size_t message_count;
    struct up_bytes envelope;
    size_t sealed_len;
    uint8_t *sealed; /* by libsodium alone */
};

static void seal(const struct size *size, struct up_bytes *ret_envelope)
{
    struct envelope_id id;

    bench_require(
        envelope_seal(&(struct envelope_seal_args){.roster = roster,
                                                   .sender = "b-charity",
                                                   .recipient = "a-force",
                                                   .identity = &fed.members[1].identity_secret,
                                                   .prekey = &prekey,
                                                   .now_s = NOW_S,
                                                   .ttl_s = 86400,
                                                   .messages = messages,
                                                   .message_count = size->message_count},
                      &id, ret_envelope) == UP_OK);
}

static void run_seal(void *context, unsigned long calls)
{
    for (unsigned long i = 0; i < calls; i++) {
        struct up_bytes envelope = {0};

        seal(context, &envelope);
        up_bytes_wipe(&envelope);
    }
}

static void run_open(void *context, unsigned long calls)
{
    const struct size *size = context;

    for (unsigned long i = 0; i < calls; i++) {
        struct envelope_header header;
        Up__Batch *batch = NULL;

        bench_require(envelope_open(up_bytes_view(&size->envelope),
                                    &(struct envelope_open_args){.roster = roster,
                                                                 .recipient = "a-force",
                                                                 .prekey = &prekey.key,
                                                                 .secret = &secret,
                                                                 .now_s = NOW_S},
                                    arena, &header, &batch) == UP_OK);
        bench_require(batch->n_messages == size->message_count);
        arena_reset(arena);
    }
}

static void run_sign(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++)
        bench_require(crypto_sign_detached(signature, NULL, hash, sizeof hash,
                                           fed.members[1].identity_secret.bytes) == 0);
}

static void run_verify(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++)
        bench_require(crypto_sign_verify_detached(signature, hash, sizeof hash,
                                                  fed.members[1].identity.bytes) == 0);
}

static void run_shared_key(void *context, unsigned long calls)
{
    uint8_t key[crypto_box_BEFORENMBYTES];

    (void)context;
    for (unsigned long i = 0; i < calls; i++)
        bench_require(crypto_box_beforenm(key, prekey.key.bytes, secret.bytes) == 0);
}

static void run_box_seal(void *context, unsigned long calls)
{
    const struct size *size = context;

    for (unsigned long i = 0; i < calls; i++)
        bench_require(crypto_box_seal(box, plain, size->sealed_len - crypto_box_SEALBYTES,
                                      prekey.key.bytes) == 0);
}

static void run_box_open(void *context, unsigned long calls)
{
    const struct size *size = context;

    for (unsigned long i = 0; i < calls; i++)
        bench_require(crypto_box_seal_open(box, size->sealed, size->sealed_len, prekey.key.bytes,
                                           secret.bytes) == 0);
}

static void run_sign_seal(void *context, unsigned long calls)
{
    for (unsigned long i = 0; i < calls; i++) {
        run_sign(NULL, 1);
        run_box_seal(context, 1);
    }
}

static void run_open_verify(void *context, unsigned long calls)
{
    for (unsigned long i = 0; i < calls; i++) {
        run_box_open(context, 1);
        run_verify(NULL, 1);
    }
}

static void size_init(struct size *size, size_t message_count)
{
    struct envelope_header header;
    struct up_view header_bytes;
    struct up_view sealed;

    size->message_count = message_count;
    seal(size, &size->envelope);
    bench_require(envelope_peek(up_bytes_view(&size->envelope), &header, &header_bytes, &sealed) ==
                  UP_OK);
    size->sealed_len = sealed.len;
    size->sealed = malloc(sealed.len);
    bench_require(size->sealed);
    bench_require(crypto_box_seal(size->sealed, plain, sealed.len - crypto_box_SEALBYTES,
                                  prekey.key.bytes) == 0);
}

static void set_up(struct size *sizes)
{
    static const size_t counts[] = {1, 16, MESSAGES_MAX};
    static uint8_t bytes[MESSAGES_MAX][MESSAGE_LEN];

    federation_init(&fed, NOW_S - 1000);
    roster = federation_roster(&fed);
    bench_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    bench_require(
        prekey_generate(&(const struct prekey_owner){.roster = roster,
                                                     .member = "a-force",
                                                     .identity = &fed.members[0].identity_secret},
                        NOW_S - 10, &prekey, &secret) == UP_OK);
    keys_random(bytes[0], sizeof bytes);
    keys_random(hash, sizeof hash);
    run_sign(NULL, 1);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        messages[i] = up_view_of(bytes[i], MESSAGE_LEN);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        size_init(&sizes[i], counts[i]);
}

#define SEAL_1 "sign + sealed box of 4 KiB"
#define SEAL_16 "sign + sealed box of 64 KiB"
#define SEAL_64 "sign + sealed box of 256 KiB"
#define OPEN_1 "open a box of 4 KiB + verify"
#define OPEN_16 "open a box of 64 KiB + verify"
#define OPEN_64 "open a box of 256 KiB + verify"

int main(void)
{
    static struct size sizes[3];
    static struct bench_case cases[] = {
        {.name = "Ed25519 sign", .run = run_sign},
        {.name = "Ed25519 verify", .run = run_verify},
        {.name = "X25519 shared key", .run = run_shared_key},
        {.name = "crypto_box_seal of 4 KiB", .run = run_box_seal, .context = &sizes[0]},
        {.name = "crypto_box_seal_open of 4 KiB", .run = run_box_open, .context = &sizes[0]},
        {.name = SEAL_1, .run = run_sign_seal, .context = &sizes[0]},
        {.name = "seal, 1 message of 1 KiB",
         .limit = SEAL_1,
         .run = run_seal,
         .context = &sizes[0]},
        {.name = SEAL_16, .run = run_sign_seal, .context = &sizes[1]},
        {.name = "seal, 16 messages of 1 KiB (messages)",
         .items = 16,
         .limit = SEAL_16,
         .run = run_seal,
         .context = &sizes[1]},
        {.name = SEAL_64, .run = run_sign_seal, .context = &sizes[2]},
        {.name = "seal, 64 messages of 1 KiB (messages)",
         .items = 64,
         .limit = SEAL_64,
         .run = run_seal,
         .context = &sizes[2]},
        {.name = OPEN_1, .run = run_open_verify, .context = &sizes[0]},
        {.name = "open, 1 message of 1 KiB",
         .limit = OPEN_1,
         .run = run_open,
         .context = &sizes[0]},
        {.name = OPEN_16, .run = run_open_verify, .context = &sizes[1]},
        {.name = "open, 16 messages of 1 KiB (messages)",
         .items = 16,
         .limit = OPEN_16,
         .run = run_open,
         .context = &sizes[1]},
        {.name = OPEN_64, .run = run_open_verify, .context = &sizes[2]},
        {.name = "open, 64 messages of 1 KiB (messages)",
         .items = 64,
         .limit = OPEN_64,
         .run = run_open,
         .context = &sizes[2]},
    };

    set_up(sizes);
    bench_require(sizes[0].sealed_len == 4096 && sizes[1].sealed_len == 65536 &&
                  sizes[2].sealed_len == 262144); /* as the limits are called */
    bench_run(cases, sizeof cases / sizeof cases[0], ROUNDS, ROUND_MS);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        up_bytes_wipe(&sizes[i].envelope);
        free(sizes[i].sealed);
    }
    arena_destroy(&arena);
    roster_destroy(&roster);
    return 0;
}
