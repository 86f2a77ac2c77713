/* SPDX-License-Identifier: MIT
 * Typed keys and key files (SPEC 2). Key files are bytes here; base/ opens them and checks modes. */
#ifndef UPSTANDER_KEYS_H
#define UPSTANDER_KEYS_H

#include <stdbool.h>

#include "upstander/view.h"

struct identity_public { uint8_t bytes[32]; };  /* Ed25519 */
struct identity_secret { uint8_t bytes[64]; };
struct transport_public { uint8_t bytes[32]; }; /* CURVE: X25519 */
struct transport_secret { uint8_t bytes[32]; };
struct prekey_public { uint8_t bytes[32]; };    /* X25519 */
struct prekey_secret { uint8_t bytes[32]; };
struct prekey_id { uint8_t bytes[8]; };         /* first 8 bytes of BLAKE2b-256(prekey) */
struct store_key { uint8_t bytes[32]; };        /* wraps record keys (nodes/store/vault) */
struct digest { uint8_t bytes[32]; };           /* BLAKE2b-256 */

/* keys_init: libsodium's start-up; call once per process. UP_IO when it fails. */
UP_CHECKED enum up_err keys_init(void);
void keys_identity_generate(struct identity_public *ret_public, struct identity_secret *ret_secret);
void keys_transport_generate(struct transport_public *ret_public,
                             struct transport_secret *ret_secret);
void keys_store_generate(struct store_key *ret_key);
/* keys_random: ids, references, incarnations. */
void keys_random(uint8_t *ret_bytes, size_t len);
/* keys_digest: BLAKE2b-256, unkeyed. Pure. */
void keys_digest(struct up_view bytes, struct digest *ret_digest);
/* keys_wipe: overwrite any secret. */
void keys_wipe(void *secret, size_t len);

/* keys_sign / keys_verify: pure Ed25519 over  tagged = tag || 0 || body,  which the caller builds; the tag names the
 * signed kind ("upstander/roster/1"). The federation and exercise bit stand inside body where the kind says so.
 * keys_verify: UP_BAD_SIGNATURE. */
void keys_sign(const struct identity_secret *secret, struct up_view tagged,
               uint8_t ret_signature[static 64]);
UP_CHECKED enum up_err keys_verify(const struct identity_public *key, struct up_view tagged,
                                   struct up_view signature);

/* All secrets of one node or broker in one file ("steward" files hold an identity only). */
enum keyfile_kind { KEYFILE_NODE = 1, KEYFILE_BROKER = 2, KEYFILE_STEWARD = 3 };
struct keyfile {
    enum keyfile_kind kind;
    struct identity_public identity;
    struct identity_secret identity_secret;
    struct transport_public transport;
    struct transport_secret transport_secret;
    struct store_key store;
};
/* keyfile_generate: fresh keys of the kind. keyfile_clear wipes. */
void keyfile_generate(enum keyfile_kind kind, struct keyfile *ret_keyfile);
void keyfile_clear(struct keyfile *keyfile);
/* keyfile_format: the bytes of a key file; sealed under Argon2id(passphrase) when passphrase.len > 0.
 * keyfile_parse: UP_WRONG_KEY when a passphrase is missing or wrong, UP_MALFORMED otherwise. */
UP_CHECKED enum up_err keyfile_format(const struct keyfile *keyfile, struct up_view passphrase,
                                      struct up_bytes *ret_bytes);
UP_CHECKED enum up_err keyfile_parse(struct up_view bytes, struct up_view passphrase,
                                     struct keyfile *ret_keyfile);

#endif
