/* SPDX-License-Identifier: MIT */
#include "upstander/prekey.h"

#include <sodium.h>
#include <string.h>

#include "upstander/limits.h"

static const char tag[] = "upstander/prekey/1";
enum {
    WEEK_S = 7 * 86400,
    TAGGED_LEN_MAX = sizeof tag + 16 + 1 + 1 + UP_MEMBER_LEN_MAX + 32 + 8 + 8,
};

static size_t put_le64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
    return 8;
}

/* What is signed: tag || 0 || federation || exercise || u8 len || member || key || i64 from || i64 until */
static size_t tagged_make(const struct roster *roster, const char *member,
                          const struct prekey *prekey, uint8_t ret_tagged[static TAGGED_LEN_MAX])
{
    size_t member_len = strnlen(member, UP_MEMBER_LEN_MAX);
    size_t at = sizeof tag;

    memcpy(ret_tagged, tag, sizeof tag); /* with its NUL */
    memcpy(ret_tagged + at, roster_federation(roster).data, 16);
    at += 16;
    ret_tagged[at++] = roster_is_exercise(roster);
    ret_tagged[at++] = (uint8_t)member_len;
    memcpy(ret_tagged + at, member, member_len);
    at += member_len;
    memcpy(ret_tagged + at, prekey->key.bytes, 32);
    at += 32;
    at += put_le64(ret_tagged + at, (uint64_t)prekey->valid_from_s);
    at += put_le64(ret_tagged + at, (uint64_t)prekey->valid_until_s);
    return at;
}

enum up_err prekey_generate(const struct prekey_owner *owner, int64_t valid_from_s,
                            struct prekey *ret_prekey, struct prekey_secret *ret_secret)
{
    struct prekey prekey = {.valid_from_s = valid_from_s, .valid_until_s = valid_from_s + WEEK_S};
    uint8_t tagged[TAGGED_LEN_MAX];
    size_t len = 0;

    if (strlen(owner->member) > UP_MEMBER_LEN_MAX)
        return UP_MALFORMED;
    (void)crypto_box_keypair(prekey.key.bytes, ret_secret->bytes);
    len = tagged_make(owner->roster, owner->member, &prekey, tagged);
    keys_sign(owner->identity, up_view_of(tagged, len), prekey.signature);
    *ret_prekey = prekey;
    return UP_OK;
}

enum up_err prekey_open(const Up__SignedPrekey *signed_prekey, const struct roster *roster,
                        struct prekey *ret_prekey)
{
    const Up__Member *member = roster_find_active(roster, signed_prekey->member);
    struct prekey prekey = {.valid_from_s = signed_prekey->valid_from_s,
                            .valid_until_s = signed_prekey->valid_until_s};
    struct identity_public identity;
    uint8_t tagged[TAGGED_LEN_MAX];
    size_t len = 0;

    if (!member)
        return UP_UNKNOWN_MEMBER;
    if (signed_prekey->key.len != 32 || signed_prekey->signature.len != 64 ||
        prekey.valid_from_s < 0 || prekey.valid_from_s > INT64_MAX - WEEK_S ||
        prekey.valid_until_s != prekey.valid_from_s + WEEK_S)
        return UP_MALFORMED;
    memcpy(prekey.key.bytes, signed_prekey->key.data, 32);
    memcpy(prekey.signature, signed_prekey->signature.data, 64);
    memcpy(identity.bytes, member->identity_key.data, 32);
    len = tagged_make(roster, member->id, &prekey, tagged);
    if (keys_verify(&identity, up_view_of(tagged, len), up_view_of(prekey.signature, 64)))
        return UP_BAD_SIGNATURE;
    *ret_prekey = prekey;
    return UP_OK;
}

bool prekey_is_valid(const struct prekey *prekey, int64_t now_s)
{
    return prekey->valid_from_s <= now_s && now_s < prekey->valid_until_s;
}

void prekey_id_of(const struct prekey_public *key, struct prekey_id *ret_id)
{
    struct digest digest;

    keys_digest(up_view_of(key->bytes, sizeof key->bytes), &digest);
    memcpy(ret_id->bytes, digest.bytes, sizeof ret_id->bytes);
}

bool prekey_is_dead(const struct prekey *prekey, int64_t now_s)
{
    return now_s > prekey->valid_until_s + UP_ENVELOPE_TTL_S_MAX + UP_ENVELOPE_CLOCK_SLACK_S;
}
