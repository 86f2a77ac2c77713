/* SPDX-License-Identifier: MIT
 * libsodium's XChaCha20-Poly1305 as documented: a random nonce of 24 bytes in front of the box. */
#include "nodes/store/vault.h"

#include <sodium.h>
#include <string.h>

_Static_assert(VAULT_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(VAULT_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(VAULT_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

static void seal(const uint8_t *key, struct up_view place, struct up_view plain,
                 uint8_t *ret_sealed)
{
    randombytes_buf(ret_sealed, VAULT_NONCE_LEN);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret_sealed + VAULT_NONCE_LEN, NULL, plain.data,
                                                     plain.len, place.data, place.len, NULL,
                                                     ret_sealed, key);
}

static enum up_err open_box(const uint8_t *key, struct up_view place, struct up_view sealed,
                            uint8_t *ret_plain)
{
    if (sealed.len < VAULT_OVERHEAD ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            ret_plain, NULL, NULL, sealed.data + VAULT_NONCE_LEN, sealed.len - VAULT_NONCE_LEN,
            place.data, place.len, sealed.data, key) != 0)
        return UP_WRONG_KEY;
    return UP_OK;
}

void vault_key_new(struct vault_key *ret_key, uint8_t ret_id[static VAULT_ID_LEN])
{
    randombytes_buf(ret_key->bytes, VAULT_KEY_LEN);
    randombytes_buf(ret_id, VAULT_ID_LEN);
}

void vault_wrap(const struct store_key *store_key, const uint8_t id[static VAULT_ID_LEN],
                const struct vault_key *key, uint8_t ret_wrapped[static VAULT_WRAPPED_LEN])
{
    seal(store_key->bytes, up_view_of(id, VAULT_ID_LEN), up_view_of(key->bytes, VAULT_KEY_LEN),
         ret_wrapped);
}

enum up_err vault_unwrap(const struct store_key *store_key, const uint8_t id[static VAULT_ID_LEN],
                         struct up_view wrapped, struct vault_key *ret_key)
{
    if (wrapped.len != VAULT_WRAPPED_LEN)
        return UP_WRONG_KEY;
    return open_box(store_key->bytes, up_view_of(id, VAULT_ID_LEN), wrapped, ret_key->bytes);
}

void vault_seal(const struct vault_key *key, struct up_view place, struct up_view plain,
                uint8_t *ret_sealed)
{
    seal(key->bytes, place, plain, ret_sealed);
}

enum up_err vault_open(const struct vault_key *key, struct up_view place, struct up_view sealed,
                       uint8_t *ret_plain)
{
    return open_box(key->bytes, place, sealed, ret_plain);
}
