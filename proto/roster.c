/* SPDX-License-Identifier: MIT
 * SPEC 5. Verification looks at the bytes as received; the parsed form is only what was verified. */
#include "upstander/roster.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/agreement.h"
#include "upstander/limits.h"

static const char tag[] = "upstander/roster/1";

struct roster {
    struct arena *arena;
    struct up_bytes signed_bytes;
    Up__Roster *content;
};

static bool area_is_formed(const char *code)
{
    if (strlen(code) != 9 || !strchr("EWSN", code[0]))
        return false;
    for (size_t i = 1; i < 9; i++) {
        if (code[i] < '0' || code[i] > '9')
            return false;
    }
    return true;
}

static bool role_is_known(Up__Role__Code role)
{
    return (int)role >= UP__ROLE__CODE__POLICE && (int)role <= UP__ROLE__CODE__GOVERNANCE;
}

static enum up_err check_member(const Up__Roster *roster, size_t index, struct up_why *why)
{
    const Up__Member *member = roster->members[index];
    struct member_id id;

    if (ids_member_parse(up_view_of(member->id, strlen(member->id)), &id))
        return up_why_set(why, UP_MALFORMED, "member %zu: the id is not [a-z][a-z0-9-]{2,31}",
                          index + 1);
    if (!role_is_known(member->role))
        return up_why_set(why, UP_MALFORMED, "member %s: unknown role", id.text);
    if (member->identity_key.len != 32 || member->transport_key.len != 32)
        return up_why_set(why, UP_MALFORMED, "member %s: a key is not 32 bytes", id.text);
    if ((int)member->status < UP__MEMBER__STATUS__ACTIVE ||
        (int)member->status > UP__MEMBER__STATUS__REVOKED)
        return up_why_set(why, UP_MALFORMED, "member %s: unknown status", id.text);
    for (size_t i = 0; i < member->n_areas; i++) {
        if (!area_is_formed(member->areas[i]))
            return up_why_set(why, UP_MALFORMED, "member %s: an area is not an ONS code", id.text);
    }
    for (size_t i = 0; i < index; i++) {
        const Up__Member *other = roster->members[i];

        if (strcmp(other->id, member->id) == 0 ||
            memcmp(other->identity_key.data, member->identity_key.data, 32) == 0 ||
            memcmp(other->transport_key.data, member->transport_key.data, 32) == 0)
            return up_why_set(why, UP_MALFORMED, "member %s: its id or a key stands there twice",
                              id.text);
    }
    return UP_OK;
}

static enum up_err check_agreement(const Up__Roster *roster, size_t index, struct up_why *why)
{
    const Up__Agreement *agreement = roster->agreements[index];
    enum up_err err = agreement_check(agreement, why);

    for (size_t i = 0; !err && i < index; i++) {
        if (strcmp(roster->agreements[i]->id, agreement->id) == 0)
            err = up_why_set(why, UP_MALFORMED, "agreement %s: its id stands there twice",
                             agreement->id);
    }
    return err;
}

static enum up_err check_hubs(const Up__Roster *roster, struct up_why *why)
{
    for (size_t i = 0; i < roster->n_hubs; i++) {
        const Up__Hub *hub = roster->hubs[i];

        for (size_t j = 0; j < hub->n_brokers; j++) {
            if (hub->brokers[j]->transport_key.len != 32)
                return up_why_set(why, UP_MALFORMED, "hub %zu: a broker's key is not 32 bytes",
                                  i + 1);
        }
    }
    return UP_OK;
}

static enum up_err check_stewards(const Up__Roster *roster, struct up_why *why)
{
    if (roster->n_stewards == 0 || roster->n_stewards > UP_STEWARDS_MAX || roster->threshold == 0 ||
        roster->threshold > roster->n_stewards)
        return up_why_set(why, UP_MALFORMED, "the threshold must be 1 to the number of stewards");
    for (size_t i = 0; i < roster->n_stewards; i++) {
        if (roster->stewards[i]->key.len != 32)
            return up_why_set(why, UP_MALFORMED, "steward %zu: the key is not 32 bytes", i + 1);
        for (size_t j = 0; j < i; j++) {
            if (memcmp(roster->stewards[i]->key.data, roster->stewards[j]->key.data, 32) == 0)
                return up_why_set(why, UP_MALFORMED, "steward %zu stands there twice", i + 1);
        }
    }
    return UP_OK;
}

enum up_err roster_check(const Up__Roster *draft, struct up_why *why)
{
    enum up_err err = UP_OK;

    if (draft->federation.len != 16)
        return up_why_set(why, UP_MALFORMED, "the federation's id is not 16 bytes");
    if (draft->version == 0 || draft->issued_at_s >= draft->expires_at_s)
        return up_why_set(why, UP_MALFORMED, "no version, or it expires before it is issued");
    if (draft->n_members > UP_MEMBERS_MAX || draft->n_agreements > UP_AGREEMENTS_MAX)
        return up_why_set(why, UP_TOO_LARGE, "too many members or agreements");
    err = check_stewards(draft, why);
    for (size_t i = 0; !err && i < draft->n_members; i++)
        err = check_member(draft, i, why);
    for (size_t i = 0; !err && i < draft->n_agreements; i++)
        err = check_agreement(draft, i, why);
    return err ? err : check_hubs(draft, why);
}

static enum up_err parse(struct up_view signed_bytes, struct arena *arena,
                         Up__SignedRoster **ret_signed, Up__Roster **ret_roster)
{
    ProtobufCMessage *outer = NULL;
    ProtobufCMessage *inner = NULL;
    enum up_err err = UP_OK;

    if (signed_bytes.len > UP_ROSTER_LEN_MAX)
        return UP_TOO_LARGE;
    err = message_unpack(&up__signed_roster__descriptor, signed_bytes, arena, &outer);
    if (err)
        return err;
    *ret_signed = (Up__SignedRoster *)outer;
    err = message_unpack(&up__roster__descriptor,
                         up_view_of((*ret_signed)->roster.data, (*ret_signed)->roster.len), arena,
                         &inner);
    if (!err)
        err = agreement_unpack_all((Up__Roster *)inner, arena);
    if (!err)
        *ret_roster = (Up__Roster *)inner;
    return err;
}

/* What is signed: tag || 0 || the roster's bytes. */
static enum up_err tagged_make(const Up__SignedRoster *signed_roster, struct up_bytes *ret_tagged)
{
    struct up_bytes tagged = {0};
    enum up_err err = up_bytes_new(sizeof tag + signed_roster->roster.len, &tagged);

    if (err)
        return err;
    memcpy(tagged.data, tag, sizeof tag); /* with its NUL */
    memcpy(tagged.data + sizeof tag, signed_roster->roster.data, signed_roster->roster.len);
    *ret_tagged = tagged;
    return UP_OK;
}

/* How many stewards of `by` signed, each counted once. */
static unsigned signatures_of(const Up__SignedRoster *signed_roster, struct up_view tagged,
                              const Up__Roster *by)
{
    unsigned count = 0;

    for (size_t i = 0; i < by->n_stewards; i++) {
        struct identity_public key;
        bool valid = false;

        memcpy(key.bytes, by->stewards[i]->key.data, 32);
        for (size_t j = 0;
             !valid && j < signed_roster->n_signatures && j < (size_t)UP_STEWARDS_MAX * 2; j++) {
            const Up__StewardSignature *signature = signed_roster->signatures[j];

            valid = signature->steward.len == 32 &&
                    memcmp(signature->steward.data, key.bytes, 32) == 0 &&
                    keys_verify(&key, tagged,
                                up_view_of(signature->signature.data, signature->signature.len)) ==
                        UP_OK;
        }
        count += valid;
    }
    return count;
}

void roster_stewards_digest(const Up__Roster *roster, struct digest *ret_digest)
{
    uint8_t bytes[1 + UP_STEWARDS_MAX * 32] = {0};
    size_t count = roster->n_stewards < UP_STEWARDS_MAX ? roster->n_stewards : UP_STEWARDS_MAX;

    bytes[0] = (uint8_t)roster->threshold;
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + 1 + i * 32, roster->stewards[i]->key.data, 32);
    keys_digest(up_view_of(bytes, 1 + count * 32), ret_digest);
}

static enum up_err accept_change(const Up__SignedRoster *signed_roster, struct up_view tagged,
                                 const Up__Roster *next, const struct roster *held,
                                 const struct digest *pinned)
{
    struct digest stewards;
    struct digest before;

    roster_stewards_digest(next, &stewards);
    if (!held)
        return pinned && memcmp(pinned->bytes, stewards.bytes, sizeof stewards.bytes) == 0
                   ? UP_OK
                   : UP_NOT_ENOUGH_SIGNATURES;
    if (memcmp(next->federation.data, held->content->federation.data, 16) != 0 ||
        next->exercise != held->content->exercise)
        return UP_WRONG_FEDERATION;
    if (next->version <= held->content->version)
        return UP_ROLLBACK;
    roster_stewards_digest(held->content, &before);
    if (memcmp(before.bytes, stewards.bytes, sizeof stewards.bytes) != 0 &&
        signatures_of(signed_roster, tagged, held->content) < held->content->threshold)
        return UP_NOT_ENOUGH_SIGNATURES;
    return UP_OK;
}

enum up_err roster_open(struct up_view signed_bytes, const struct roster *held,
                        const struct digest *pinned, struct roster **ret_roster)
{
    struct roster *roster = calloc(1, sizeof *roster);
    Up__SignedRoster *signed_roster = NULL;
    struct up_bytes tagged = {0};
    enum up_err err = UP_OK;

    if (!roster)
        return UP_NO_MEMORY;
    err = arena_new(UP_ARENA_LEN_MAX, &roster->arena);
    if (!err)
        err = up_bytes_copy(signed_bytes, &roster->signed_bytes);
    if (!err)
        err = parse(up_bytes_view(&roster->signed_bytes), roster->arena, &signed_roster,
                    &roster->content);
    if (!err)
        err = roster_check(roster->content, NULL);
    if (!err)
        err = tagged_make(signed_roster, &tagged);
    if (!err && signatures_of(signed_roster, up_bytes_view(&tagged), roster->content) <
                    roster->content->threshold)
        err = UP_NOT_ENOUGH_SIGNATURES;
    if (!err)
        err = accept_change(signed_roster, up_bytes_view(&tagged), roster->content, held, pinned);
    if (!err) /* only now: whoever can't sign the roster can't make work here */
        err = agreement_verify_all(roster->content, roster->arena);
    if (err)
        goto out;
    *ret_roster = roster;
    roster = NULL;
out:
    roster_destroy(&roster);
    up_bytes_wipe(&tagged);
    return err;
}

void roster_destroy(struct roster **roster_p)
{
    struct roster *roster = *roster_p;

    if (!roster)
        return;
    arena_destroy(&roster->arena);
    up_bytes_wipe(&roster->signed_bytes);
    free(roster);
    *roster_p = NULL;
}

enum up_err roster_pack(const Up__Roster *draft, struct up_bytes *ret_unsigned)
{
    Up__Roster plain = *draft;
    Up__SignedRoster outer = UP__SIGNED_ROSTER__INIT;
    struct up_bytes body = {0};
    enum up_err err = UP_OK;

    plain.n_agreements = 0;
    err = message_pack(&plain.base, UP_ROSTER_LEN_MAX, &body);
    if (err)
        return err;
    outer.roster = (ProtobufCBinaryData){.len = body.len, .data = body.data};
    err = message_pack(&outer.base, UP_ROSTER_LEN_MAX, ret_unsigned);
    up_bytes_wipe(&body);
    return err;
}

enum up_err roster_peek(struct up_view signed_bytes, struct arena *arena, Up__Roster **ret_roster)
{
    Up__SignedRoster *signed_roster = NULL;

    return parse(signed_bytes, arena, &signed_roster, ret_roster);
}

enum up_err roster_sign(struct up_view signed_bytes, const struct identity_secret *secret,
                        struct up_bytes *ret_signed)
{
    struct arena *arena = NULL;
    Up__SignedRoster *signed_roster = NULL;
    Up__Roster *roster = NULL;
    Up__StewardSignature mine = UP__STEWARD_SIGNATURE__INIT;
    Up__StewardSignature *signatures[UP_STEWARDS_MAX + 1];
    uint8_t key[32];
    uint8_t signature[64];
    struct up_bytes tagged = {0};
    bool steward = false;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = parse(signed_bytes, arena, &signed_roster, &roster);
    if (!err)
        err = roster_check(roster, NULL);
    if (err)
        goto out;
    memcpy(key, secret->bytes + 32, 32); /* an Ed25519 secret key ends in its public key */
    for (size_t i = 0; i < roster->n_stewards; i++)
        steward |= memcmp(roster->stewards[i]->key.data, key, 32) == 0;
    if (!steward) {
        err = UP_NOT_PERMITTED;
        goto out;
    }
    if (signed_roster->n_signatures >= UP_STEWARDS_MAX) {
        err = UP_TOO_LARGE;
        goto out;
    }
    for (size_t i = 0; i < signed_roster->n_signatures; i++) {
        signatures[i] = signed_roster->signatures[i];
        if (signatures[i]->steward.len == 32 && memcmp(signatures[i]->steward.data, key, 32) == 0) {
            err = UP_DUPLICATE;
            goto out;
        }
    }
    err = tagged_make(signed_roster, &tagged);
    if (err)
        goto out;
    keys_sign(secret, up_bytes_view(&tagged), signature);
    mine.steward = (ProtobufCBinaryData){.len = 32, .data = key};
    mine.signature = (ProtobufCBinaryData){.len = 64, .data = signature};
    signatures[signed_roster->n_signatures] = &mine;
    signed_roster->signatures = signatures;
    signed_roster->n_signatures++;
    err = message_pack(&signed_roster->base, UP_ROSTER_LEN_MAX, ret_signed);
out:
    arena_destroy(&arena);
    up_bytes_wipe(&tagged);
    return err;
}

enum up_err roster_suspend(struct roster *roster, size_t index, const char *member, bool suspended)
{
    Up__Agreement *agreement = roster->content->agreements[index];
    char **list = NULL;
    size_t count = 0;

    if (agreement_names(agreement->suspended_by, agreement->n_suspended_by, member) == suspended)
        return UP_OK;
    list = arena_alloc(roster->arena, (agreement->n_suspended_by + 1) * sizeof *list);
    if (!list)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < agreement->n_suspended_by; i++) {
        if (strcmp(agreement->suspended_by[i], member) != 0)
            list[count++] = agreement->suspended_by[i];
    }
    if (suspended) {
        list[count] = arena_text(roster->arena, up_view_of(member, strlen(member)));
        if (!list[count++])
            return UP_NO_MEMORY;
    }
    agreement->suspended_by = list;
    agreement->n_suspended_by = count;
    return UP_OK;
}

const Up__Roster *roster_content(const struct roster *roster)
{
    return roster->content;
}

struct up_view roster_signed_bytes(const struct roster *roster)
{
    return up_bytes_view(&roster->signed_bytes);
}

uint64_t roster_version(const struct roster *roster)
{
    return roster->content->version;
}

bool roster_is_exercise(const struct roster *roster)
{
    return roster->content->exercise;
}

struct up_view roster_federation(const struct roster *roster)
{
    return up_view_of(roster->content->federation.data, roster->content->federation.len);
}

bool roster_is_expired(const struct roster *roster, int64_t now_s)
{
    return now_s >= roster->content->expires_at_s;
}

bool roster_is_usable(const struct roster *roster, int64_t now_s)
{
    return now_s < roster->content->expires_at_s + UP_ROSTER_GRACE_S;
}

const Up__Member *roster_find(const struct roster *roster, const char *member)
{
    for (size_t i = 0; i < roster->content->n_members; i++) {
        if (strcmp(roster->content->members[i]->id, member) == 0)
            return roster->content->members[i];
    }
    return NULL;
}

const Up__Member *roster_find_active(const struct roster *roster, const char *member)
{
    const Up__Member *found = roster_find(roster, member);

    return found && found->status != UP__MEMBER__STATUS__REVOKED ? found : NULL;
}

const Up__Member *roster_find_transport(const struct roster *roster,
                                        const struct transport_public *key)
{
    for (size_t i = 0; i < roster->content->n_members; i++) {
        const Up__Member *member = roster->content->members[i];

        if (memcmp(member->transport_key.data, key->bytes, 32) == 0)
            return member->status != UP__MEMBER__STATUS__REVOKED ? member : NULL;
    }
    return NULL;
}

const Up__Broker *roster_find_broker_of(const struct roster *roster, const char *member)
{
    const Up__Member *found = roster_find(roster, member);

    for (size_t i = 0; found && i < roster->content->n_hubs; i++) {
        const Up__Hub *hub = roster->content->hubs[i];

        if (strcmp(hub->id, found->hub) == 0)
            return hub->n_brokers > 0 ? hub->brokers[0] : NULL;
    }
    return NULL;
}
