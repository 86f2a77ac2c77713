/* SPDX-License-Identifier: MIT
 * Weekly prekeys: made and signed by their owner, cached by senders (SPEC 4, protocol.md 2). */
#ifndef UPSTANDER_PREKEY_H
#define UPSTANDER_PREKEY_H

#include "frame.pb-c.h"
#include "upstander/keys.h"
#include "upstander/roster.h"

struct prekey {
    struct prekey_public key;
    int64_t valid_from_s;
    int64_t valid_until_s;
    uint8_t signature[64];
};

/* prekey_generate: a fresh pair with its signature over federation, exercise bit, member, key, validity. */
struct prekey_owner {
    const struct roster *roster;
    const char *member;
    const struct identity_secret *identity;
};
UP_CHECKED enum up_err prekey_generate(const struct prekey_owner *owner, int64_t valid_from_s,
                                       struct prekey *ret_prekey, struct prekey_secret *ret_secret);
/* prekey_open: check a SignedPrekey against the roster's identity key of its member; validity is one week,
 * lengths exact. UP_BAD_SIGNATURE, UP_UNKNOWN_MEMBER, UP_MALFORMED. */
UP_CHECKED enum up_err prekey_open(const Up__SignedPrekey *signed_prekey, const struct roster *roster,
                                   struct prekey *ret_prekey);
bool prekey_is_valid(const struct prekey *prekey, int64_t now_s);
void prekey_id_of(const struct prekey_public *key, struct prekey_id *ret_id);
/* prekey_is_dead: nothing sealed to it can still be under way (validity + longest TTL passed). */
bool prekey_is_dead(const struct prekey *prekey, int64_t now_s);

#endif
