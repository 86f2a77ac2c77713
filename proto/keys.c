/* SPDX-License-Identifier: MIT
 * Only libsodium's own constructions, used as documented. */
#include "upstander/keys.h"

#include <sodium.h>
#include <string.h>

#include "upstander/limits.h"

enum up_err keys_init(void)
{
    return sodium_init() < 0 ? UP_IO : UP_OK;
}

void keys_identity_generate(struct identity_public *ret_public, struct identity_secret *ret_secret)
{
    (void)crypto_sign_keypair(ret_public->bytes, ret_secret->bytes);
}

void keys_transport_generate(struct transport_public *ret_public,
                             struct transport_secret *ret_secret)
{
    (void)crypto_box_keypair(ret_public->bytes, ret_secret->bytes);
}

void keys_store_generate(struct store_key *ret_key)
{
    randombytes_buf(ret_key->bytes, sizeof ret_key->bytes);
}

void keys_random(uint8_t *ret_bytes, size_t len)
{
    randombytes_buf(ret_bytes, len);
}

void keys_digest(struct up_view bytes, struct digest *ret_digest)
{
    (void)crypto_generichash(ret_digest->bytes, sizeof ret_digest->bytes, bytes.data, bytes.len,
                             NULL, 0);
}

void keys_wipe(void *secret, size_t len)
{
    sodium_memzero(secret, len);
}

/* Pure Ed25519 is what every other implementation has, and it takes contiguous bytes; so the caller builds them
 * once, tag included. A body without a tag could be taken for one of another kind. */
static void assert_tagged(struct up_view tagged)
{
    static const char prefix[] = "upstander/";

    up_assert(tagged.len > sizeof prefix && memcmp(tagged.data, prefix, sizeof prefix - 1) == 0 &&
              memchr(tagged.data, 0, tagged.len < 64 ? tagged.len : 64) != NULL);
}

void keys_sign(const struct identity_secret *secret, struct up_view tagged,
               uint8_t ret_signature[static 64])
{
    assert_tagged(tagged);
    (void)crypto_sign_detached(ret_signature, NULL, tagged.data, tagged.len, secret->bytes);
}

enum up_err keys_verify(const struct identity_public *key, struct up_view tagged,
                        struct up_view signature)
{
    assert_tagged(tagged);
    if (signature.len != crypto_sign_BYTES)
        return UP_BAD_SIGNATURE;
    return crypto_sign_verify_detached(signature.data, tagged.data, tagged.len, key->bytes) == 0
               ? UP_OK
               : UP_BAD_SIGNATURE;
}

/* --- key files: SPEC 2 -------------------------------------------------------------------------- */

static const char magic[] = "UPSTANDERKEYS1"; /* 14 bytes in the file, no NUL */
enum {
    MAGIC_LEN = 14,
    HEAD_LEN = MAGIC_LEN + 2, /* kind, protection */
    SEED_LEN = crypto_sign_SEEDBYTES,
    BODY_LEN = SEED_LEN + 32 + 32, /* identity seed, transport secret, store key */
    PLAIN_LEN = HEAD_LEN + BODY_LEN,
    SALT_LEN = crypto_pwhash_SALTBYTES,
    NONCE_LEN = crypto_secretbox_NONCEBYTES,
    LOCKED_LEN = HEAD_LEN + SALT_LEN + NONCE_LEN + BODY_LEN + crypto_secretbox_MACBYTES,
};

void keyfile_generate(enum keyfile_kind kind, struct keyfile *ret_keyfile)
{
    struct keyfile keyfile = {.kind = kind};

    keys_identity_generate(&keyfile.identity, &keyfile.identity_secret);
    if (kind != KEYFILE_STEWARD) {
        keys_transport_generate(&keyfile.transport, &keyfile.transport_secret);
        keys_store_generate(&keyfile.store);
    }
    *ret_keyfile = keyfile;
    keyfile_clear(&keyfile);
}

void keyfile_clear(struct keyfile *keyfile)
{
    sodium_memzero(keyfile, sizeof *keyfile);
}

static bool passphrase_key(struct up_view passphrase, const uint8_t *salt,
                           uint8_t ret_key[static crypto_secretbox_KEYBYTES])
{
    return crypto_pwhash(ret_key, crypto_secretbox_KEYBYTES, (const char *)passphrase.data,
                         passphrase.len, salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                         crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

enum up_err keyfile_format(const struct keyfile *keyfile, struct up_view passphrase,
                           struct up_bytes *ret_bytes)
{
    uint8_t body[BODY_LEN];
    uint8_t key[crypto_secretbox_KEYBYTES];
    struct up_bytes out = {0};
    bool locked = passphrase.len > 0;
    enum up_err err = up_bytes_new(locked ? LOCKED_LEN : PLAIN_LEN, &out);

    if (err)
        return err;
    memcpy(out.data, magic, MAGIC_LEN);
    out.data[MAGIC_LEN] = (uint8_t)keyfile->kind;
    out.data[MAGIC_LEN + 1] = locked;
    (void)crypto_sign_ed25519_sk_to_seed(body, keyfile->identity_secret.bytes);
    memcpy(body + SEED_LEN, keyfile->transport_secret.bytes, 32);
    memcpy(body + SEED_LEN + 32, keyfile->store.bytes, 32);
    if (locked) {
        uint8_t *salt = out.data + HEAD_LEN;
        uint8_t *nonce = salt + SALT_LEN;

        randombytes_buf(salt, SALT_LEN + NONCE_LEN);
        if (!passphrase_key(passphrase, salt, key)) {
            err = UP_NO_MEMORY;
            goto done;
        }
        (void)crypto_secretbox_easy(nonce + NONCE_LEN, body, BODY_LEN, nonce, key);
    } else {
        memcpy(out.data + HEAD_LEN, body, BODY_LEN);
    }
    *ret_bytes = out;
    out = (struct up_bytes){0};
done:
    sodium_memzero(body, sizeof body);
    sodium_memzero(key, sizeof key);
    up_bytes_wipe(&out);
    return err;
}

static enum up_err body_open(struct up_view bytes, struct up_view passphrase,
                             uint8_t ret_body[static BODY_LEN])
{
    const uint8_t *salt = bytes.data + HEAD_LEN;
    uint8_t key[crypto_secretbox_KEYBYTES];
    enum up_err err = UP_OK;

    if (bytes.data[MAGIC_LEN + 1] == 0) {
        if (bytes.len != PLAIN_LEN)
            return UP_MALFORMED;
        memcpy(ret_body, bytes.data + HEAD_LEN, BODY_LEN);
        return UP_OK;
    }
    if (bytes.data[MAGIC_LEN + 1] != 1 || bytes.len != LOCKED_LEN)
        return UP_MALFORMED;
    if (passphrase.len == 0)
        return UP_WRONG_KEY;
    if (!passphrase_key(passphrase, salt, key))
        return UP_NO_MEMORY;
    if (crypto_secretbox_open_easy(ret_body, salt + SALT_LEN + NONCE_LEN,
                                   BODY_LEN + crypto_secretbox_MACBYTES, salt + SALT_LEN, key))
        err = UP_WRONG_KEY;
    sodium_memzero(key, sizeof key);
    return err;
}

enum up_err keyfile_parse(struct up_view bytes, struct up_view passphrase,
                          struct keyfile *ret_keyfile)
{
    uint8_t body[BODY_LEN];
    struct keyfile keyfile = {0};
    enum up_err err = UP_OK;

    if (bytes.len < HEAD_LEN || memcmp(bytes.data, magic, MAGIC_LEN) != 0 ||
        bytes.data[MAGIC_LEN] < KEYFILE_NODE || bytes.data[MAGIC_LEN] > KEYFILE_STEWARD)
        return UP_MALFORMED;
    err = body_open(bytes, passphrase, body);
    if (err)
        goto out;
    keyfile.kind = (enum keyfile_kind)bytes.data[MAGIC_LEN];
    (void)crypto_sign_seed_keypair(keyfile.identity.bytes, keyfile.identity_secret.bytes, body);
    memcpy(keyfile.transport_secret.bytes, body + SEED_LEN, 32);
    memcpy(keyfile.store.bytes, body + SEED_LEN + 32, 32);
    if (keyfile.kind != KEYFILE_STEWARD)
        (void)crypto_scalarmult_base(keyfile.transport.bytes, keyfile.transport_secret.bytes);
    *ret_keyfile = keyfile;
out:
    sodium_memzero(body, sizeof body);
    keyfile_clear(&keyfile);
    return err;
}
