/* SPDX-License-Identifier: MIT
 * A key per record: what is written to disk is encrypted under a key of its own, which is wrapped by the store key
 * (architecture.md 6). Destroying the wrapped key destroys the record, also in copies of the file. No I/O here. */
#ifndef NODES_STORE_VAULT_H
#define NODES_STORE_VAULT_H

#include "upstander/keys.h"

enum { VAULT_ID_LEN = 16, VAULT_KEY_LEN = 32, VAULT_NONCE_LEN = 24, VAULT_TAG_LEN = 16 };
#define VAULT_WRAPPED_LEN (VAULT_NONCE_LEN + VAULT_KEY_LEN + VAULT_TAG_LEN)
#define VAULT_OVERHEAD (VAULT_NONCE_LEN + VAULT_TAG_LEN)

struct vault_key {
    uint8_t bytes[VAULT_KEY_LEN];
};

/* vault_key_new: a fresh record key and its random id. */
void vault_key_new(struct vault_key *ret_key, uint8_t ret_id[static VAULT_ID_LEN]);
/* vault_wrap / vault_unwrap: XChaCha20-Poly1305 under the store key, bound to the id.
 *   UP_WRONG_KEY: another store key, or the bytes were changed. */
void vault_wrap(const struct store_key *store_key, const uint8_t id[static VAULT_ID_LEN],
                const struct vault_key *key, uint8_t ret_wrapped[static VAULT_WRAPPED_LEN]);
UP_CHECKED enum up_err vault_unwrap(const struct store_key *store_key,
                                    const uint8_t id[static VAULT_ID_LEN], struct up_view wrapped,
                                    struct vault_key *ret_key);
/* vault_seal: ret_sealed has plain.len + VAULT_OVERHEAD bytes; place is what the record is bound to (kind and name),
 * so that one can't stand for another. vault_open: ret_plain has sealed.len - VAULT_OVERHEAD bytes.
 *   UP_WRONG_KEY: another key or place, or the bytes were changed. */
void vault_seal(const struct vault_key *key, struct up_view place, struct up_view plain,
                uint8_t *ret_sealed);
UP_CHECKED enum up_err vault_open(const struct vault_key *key, struct up_view place,
                                  struct up_view sealed, uint8_t *ret_plain);

#endif
