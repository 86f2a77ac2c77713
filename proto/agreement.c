/* SPDX-License-Identifier: MIT
 * SPEC 5a. What is signed are the bytes as the parties saw them; whoever lists an agreement can't change a word of it. */
#include "upstander/agreement.h"

#include <string.h>

#include "upstander/ids.h"
#include "upstander/limits.h"

static const char tag[] = "upstander/agreement/1";

/* --- parties ---------------------------------------------------------------------------------- */

bool agreement_names(char *const *members, size_t count, const char *member)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i], member) == 0)
            return true;
    }
    return false;
}

static bool is_side(Up__Role__Code role, char *const *members, size_t count,
                    const Up__Member *member)
{
    if (role == UP__ROLE__CODE__NOT_STATED && count == 0)
        return false;
    if (role != UP__ROLE__CODE__NOT_STATED && role != member->role)
        return false;
    return count == 0 || agreement_names(members, count, member->id);
}

bool agreement_sends(const Up__Agreement *agreement, const Up__Member *member)
{
    return is_side(agreement->from_role, agreement->from_members, agreement->n_from_members,
                   member);
}

bool agreement_receives(const Up__Agreement *agreement, const Up__Member *member)
{
    return is_side(agreement->to_role, agreement->to_members, agreement->n_to_members, member);
}

/* --- form ------------------------------------------------------------------------------------- */

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

static bool date_is_formed(const char *date, bool may_be_empty)
{
    static const char pattern[] = "dddd-dd-dd";

    if (date[0] == '\0')
        return may_be_empty;
    if (strlen(date) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        bool digit = date[i] >= '0' && date[i] <= '9';

        if (pattern[i] == 'd' ? !digit : date[i] != '-')
            return false;
    }
    return true;
}

static bool member_is_formed(const char *member)
{
    struct member_id id;

    return ids_member_parse(up_view_of(member, strlen(member)), &id) == UP_OK;
}

/* A side is a known role, or members by name; a role that is stated beside names is known too. */
static bool side_is_formed(Up__Role__Code role, char *const *members, size_t count)
{
    if ((int)role < UP__ROLE__CODE__NOT_STATED || (int)role > UP__ROLE__CODE__GOVERNANCE ||
        (role == UP__ROLE__CODE__NOT_STATED && count == 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!member_is_formed(members[i]))
            return false;
    }
    return true;
}

static bool id_is_formed(const char *id)
{
    size_t len = strlen(id);

    for (size_t i = 0; i < len; i++) {
        bool letter = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= 'A' && id[i] <= 'Z');

        if (!letter && (id[i] < '0' || id[i] > '9') && id[i] != '-')
            return false;
    }
    return len > 0 && len < 64;
}

static bool kind_is_known(const char *kind)
{
    static const char *const kinds[] = {"incident", "release", "statistics", "action"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], kind) == 0)
            return true;
    }
    return false;
}

static const char *parts_fault(const Up__Agreement *agreement)
{
    for (size_t i = 0; i < agreement->n_areas; i++) {
        if (!area_is_formed(agreement->areas[i]))
            return "an area is not an ONS code";
    }
    for (size_t i = 0; i < agreement->n_kinds; i++) {
        if (!kind_is_known(agreement->kinds[i]))
            return "a kind is not incident, release, statistics or action";
    }
    if (agreement->publisher[0] != '\0' && !member_is_formed(agreement->publisher))
        return "the publisher is no id of an organisation";
    if ((int)agreement->window < UP__RELEASE_WINDOW__CODE__NOT_STATED ||
        (int)agreement->window > UP__RELEASE_WINDOW__CODE__YEAR)
        return "the window of releases is not a month, a quarter or a year";
    if (agreement->standing &&
        ((int)agreement->standing->basis <= UP__STANDING__BASIS__NOT_STATED ||
         (int)agreement->standing->basis > UP__STANDING__BASIS__DEPERSONALISED_DATA ||
         !agreement->standing->entitlement ||
         (int)agreement->standing->entitlement->level > UP__ENTITLEMENT__LEVEL__ANONYMISED))
        return "a standing basis is named, and allows counts or releases, never more";
    return NULL;
}

enum up_err agreement_check(const Up__Agreement *agreement, struct up_why *why)
{
    const char *fault = NULL;

    if (!id_is_formed(agreement->id))
        return up_why_set(why, UP_MALFORMED,
                          "an agreement's id is not 1 to 63 letters, digits and hyphens");
    if (!side_is_formed(agreement->from_role, agreement->from_members, agreement->n_from_members) ||
        !side_is_formed(agreement->to_role, agreement->to_members, agreement->n_to_members))
        return up_why_set(why, UP_MALFORMED, "agreement %s: unknown role or organisation",
                          agreement->id);
    if (!agreement->ceiling)
        return up_why_set(why, UP_MALFORMED, "agreement %s: no ceiling", agreement->id);
    if (!date_is_formed(agreement->valid_from, false) ||
        !date_is_formed(agreement->review_on, true) || !date_is_formed(agreement->ends_on, true))
        return up_why_set(why, UP_MALFORMED, "agreement %s: a date is not YYYY-MM-DD",
                          agreement->id);
    fault = parts_fault(agreement);
    return fault ? up_why_set(why, UP_MALFORMED, "agreement %s: %s", agreement->id, fault) : UP_OK;
}

/* --- bytes ------------------------------------------------------------------------------------ */

enum up_err agreement_unpack_all(Up__Roster *roster, struct arena *arena)
{
    size_t count = roster->n_signed_agreements;

    if (roster->n_agreements > 0)
        return UP_MALFORMED;
    if (count > UP_AGREEMENTS_MAX)
        return UP_TOO_LARGE;
    roster->agreements = arena_alloc(arena, (count + 1) * sizeof(Up__Agreement *));
    if (!roster->agreements)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const Up__SignedAgreement *from = roster->signed_agreements[i];
        ProtobufCMessage *message = NULL;
        Up__Agreement *agreement = NULL;
        enum up_err err =
            message_unpack(&up__agreement__descriptor,
                           up_view_of(from->agreement.data, from->agreement.len), arena, &message);

        if (err)
            return err;
        agreement = (Up__Agreement *)message;
        if (agreement->n_signed_by > 0 || agreement->n_suspended_by > 0)
            return UP_MALFORMED;
        roster->agreements[roster->n_agreements++] = agreement;
    }
    return UP_OK;
}

/* tag || 0 || federation || the agreement's bytes */
static enum up_err tagged_make(const Up__SignedAgreement *agreement, struct up_view federation,
                               struct up_bytes *ret_tagged)
{
    struct up_bytes tagged = {0};
    enum up_err err = UP_OK;

    if (federation.len != 16)
        return UP_WRONG_FEDERATION;
    err = up_bytes_new(sizeof tag + 16 + agreement->agreement.len, &tagged);
    if (err)
        return err;
    memcpy(tagged.data, tag, sizeof tag); /* with its NUL */
    memcpy(tagged.data + sizeof tag, federation.data, 16);
    if (agreement->agreement.len > 0)
        memcpy(tagged.data + sizeof tag + 16, agreement->agreement.data, agreement->agreement.len);
    *ret_tagged = tagged;
    return UP_OK;
}

enum up_err agreement_digest(const Up__SignedAgreement *agreement, struct up_view federation,
                             struct digest *ret_digest)
{
    struct up_bytes tagged = {0};
    enum up_err err = tagged_make(agreement, federation, &tagged);

    if (!err)
        keys_digest(up_bytes_view(&tagged), ret_digest);
    up_bytes_wipe(&tagged);
    return err;
}

enum up_err agreement_pack(const Up__Agreement *agreement, struct arena *arena,
                           Up__SignedAgreement **ret_signed)
{
    Up__Agreement plain = *agreement;
    Up__SignedAgreement *signed_agreement = arena_alloc(arena, sizeof *signed_agreement);
    struct up_bytes bytes = {0};
    enum up_err err = signed_agreement ? UP_OK : UP_NO_MEMORY;

    plain.n_signed_by = 0;
    plain.n_suspended_by = 0;
    if (!err)
        err = message_pack(&plain.base, UP_ROSTER_LEN_MAX, &bytes);
    if (err)
        return err;
    up__signed_agreement__init(signed_agreement);
    signed_agreement->agreement.data = arena_alloc(arena, bytes.len + 1);
    if (signed_agreement->agreement.data) {
        memcpy(signed_agreement->agreement.data, bytes.data, bytes.len);
        signed_agreement->agreement.len = bytes.len;
        *ret_signed = signed_agreement;
    } else {
        err = UP_NO_MEMORY;
    }
    up_bytes_wipe(&bytes);
    return err;
}

/* --- signatures ------------------------------------------------------------------------------- */

enum up_err agreement_sign(Up__SignedAgreement *agreement, struct up_view federation,
                           const char *member, const struct identity_secret *secret,
                           struct arena *arena)
{
    Up__PartySignature *mine = arena_alloc(arena, sizeof *mine);
    uint8_t *signature = arena_alloc(arena, 64);
    Up__PartySignature **list =
        arena_alloc(arena, (agreement->n_signatures + 1) * sizeof(Up__PartySignature *));
    struct up_bytes tagged = {0};
    size_t count = 0;
    enum up_err err = mine && signature && list ? UP_OK : UP_NO_MEMORY;

    if (!err && agreement->n_signatures >= UP_MEMBERS_MAX)
        err = UP_TOO_LARGE;
    if (!err)
        err = tagged_make(agreement, federation, &tagged);
    if (err)
        return err;
    keys_sign(secret, up_bytes_view(&tagged), signature);
    up_bytes_wipe(&tagged);
    up__party_signature__init(mine);
    mine->member = arena_text(arena, up_view_of(member, strlen(member)));
    mine->signature = (ProtobufCBinaryData){.len = 64, .data = signature};
    if (!mine->member)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < agreement->n_signatures; i++) {
        if (strcmp(agreement->signatures[i]->member, member) != 0)
            list[count++] = agreement->signatures[i];
    }
    list[count++] = mine;
    agreement->signatures = list;
    agreement->n_signatures = count;
    return UP_OK;
}

static const Up__Member *member_find(const Up__Roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        if (strcmp(roster->members[i]->id, id) == 0)
            return roster->members[i];
    }
    return NULL;
}

/* Did this member sign, as a party that is not shut out? */
static bool signature_holds(const Up__Roster *roster, const Up__Agreement *agreement,
                            const Up__PartySignature *signature, struct up_view tagged)
{
    const Up__Member *member = member_find(roster, signature->member);
    struct identity_public key;

    if (!member || member->status == UP__MEMBER__STATUS__REVOKED || member->identity_key.len != 32)
        return false;
    if (!agreement_sends(agreement, member) && !agreement_receives(agreement, member))
        return false;
    memcpy(key.bytes, member->identity_key.data, 32);
    return keys_verify(&key, tagged,
                       up_view_of(signature->signature.data, signature->signature.len)) == UP_OK;
}

static enum up_err verify(const Up__Roster *roster, size_t index, struct arena *arena)
{
    const Up__SignedAgreement *from = roster->signed_agreements[index];
    Up__Agreement *agreement = roster->agreements[index];
    struct up_bytes tagged = {0};
    enum up_err err =
        tagged_make(from, up_view_of(roster->federation.data, roster->federation.len), &tagged);

    if (err)
        return err;
    agreement->n_signed_by = 0;
    agreement->signed_by = arena_alloc(arena, (from->n_signatures + 1) * sizeof(char *));
    for (size_t i = 0; agreement->signed_by && i < from->n_signatures; i++) {
        const Up__PartySignature *signature = from->signatures[i];

        if (!agreement_names(agreement->signed_by, agreement->n_signed_by, signature->member) &&
            signature_holds(roster, agreement, signature, up_bytes_view(&tagged)))
            agreement->signed_by[agreement->n_signed_by++] = signature->member;
    }
    up_bytes_wipe(&tagged);
    return agreement->signed_by ? UP_OK : UP_NO_MEMORY;
}

enum up_err agreement_verify_all(Up__Roster *roster, struct arena *arena)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < roster->n_agreements && i < roster->n_signed_agreements; i++)
        err = verify(roster, i, arena);
    return err;
}
