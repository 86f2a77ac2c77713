/* SPDX-License-Identifier: MIT */
#include "tests/lib/federation.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/agreement.h"
#include "upstander/limits.h"

const char *const federation_names[FEDERATION_MEMBERS] = {"a-force", "b-charity", "c-council",
                                                          "d-governance"};

void federation_init(struct federation *federation, int64_t now_s)
{
    memset(federation, 0, sizeof *federation);
    if (keys_init())
        abort();
    for (int i = 0; i < FEDERATION_MEMBERS; i++)
        keyfile_generate(KEYFILE_NODE, &federation->members[i]);
    for (int i = 0; i < FEDERATION_STEWARDS; i++)
        keyfile_generate(KEYFILE_STEWARD, &federation->stewards[i]);
    keyfile_generate(KEYFILE_BROKER, &federation->broker);
    keys_random(federation->id, sizeof federation->id);
    federation->exercise = true;
    federation->version = 1;
    federation->issued_at_s = now_s;
    federation->expires_at_s = now_s + INT64_C(365) * 86400;
}

struct up_bytes federation_signed(const struct federation *federation, unsigned signatures)
{
    static const Up__Role__Code roles[] = {UP__ROLE__CODE__POLICE, UP__ROLE__CODE__CHARITY,
                                           UP__ROLE__CODE__COUNCIL, UP__ROLE__CODE__GOVERNANCE};
    static char area_force[] = "E23000021";
    static char area_council[] = "E06000016";
    static char hub_name[] = "hub";
    struct federation f = *federation;
    Up__Roster roster = UP__ROSTER__INIT;
    Up__Member members[FEDERATION_MEMBERS];
    Up__Member *member_list[FEDERATION_MEMBERS];
    Up__Steward stewards[FEDERATION_STEWARDS];
    Up__Steward *steward_list[FEDERATION_STEWARDS];
    char *areas[2] = {area_force, area_council};
    char ids[FEDERATION_MEMBERS][UP_MEMBER_LEN_MAX + 1];
    Up__SignedRoster signed_roster = UP__SIGNED_ROSTER__INIT;
    struct up_bytes body = {0};
    struct up_bytes out = {0};

    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        up__member__init(&members[i]);
        strcpy(ids[i], federation_names[i]);
        members[i].id = ids[i];
        members[i].role = roles[i];
        members[i].areas = roles[i] == UP__ROLE__CODE__COUNCIL ? &areas[1] : &areas[0];
        members[i].n_areas = 1;
        members[i].identity_key =
            (ProtobufCBinaryData){.len = 32, .data = f.members[i].identity.bytes};
        members[i].transport_key =
            (ProtobufCBinaryData){.len = 32, .data = f.members[i].transport.bytes};
        members[i].hub = hub_name;
        members[i].status =
            f.revoked >> i & 1 ? UP__MEMBER__STATUS__REVOKED : UP__MEMBER__STATUS__ACTIVE;
        member_list[i] = &members[i];
    }
    for (int i = 0; i < FEDERATION_STEWARDS; i++) {
        up__steward__init(&stewards[i]);
        stewards[i].key = (ProtobufCBinaryData){.len = 32, .data = f.stewards[i].identity.bytes};
        steward_list[i] = &stewards[i];
    }
    roster.federation = (ProtobufCBinaryData){.len = 16, .data = f.id};
    roster.exercise = f.exercise;
    roster.version = f.version;
    roster.issued_at_s = f.issued_at_s;
    roster.expires_at_s = f.expires_at_s;
    roster.threshold = 2;
    roster.stewards = steward_list;
    roster.n_stewards = FEDERATION_STEWARDS;
    roster.members = member_list;
    roster.n_members = FEDERATION_MEMBERS;
    if (message_pack(&roster.base, UP_ROSTER_LEN_MAX, &body))
        abort();
    signed_roster.roster = (ProtobufCBinaryData){.len = body.len, .data = body.data};
    if (message_pack(&signed_roster.base, UP_ROSTER_LEN_MAX, &out))
        abort();
    up_bytes_wipe(&body);
    for (unsigned i = 0; i < signatures; i++) {
        struct up_bytes next = {0};

        if (roster_sign(up_bytes_view(&out), &f.stewards[i].identity_secret, &next))
            abort();
        up_bytes_wipe(&out);
        out = next;
    }
    return out;
}

void federation_agree(const struct federation *federation, Up__Roster *roster, unsigned unwilling,
                      struct arena *arena)
{
    struct up_view id = up_view_of(federation->id, sizeof federation->id);
    Up__Agreement **list = roster->agreements;
    size_t count = roster->n_agreements;

    roster->signed_agreements = arena_alloc(arena, (count + 1) * sizeof(Up__SignedAgreement *));
    if (!roster->signed_agreements)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (agreement_pack(list[i], arena, &roster->signed_agreements[i]))
            abort();
        for (size_t m = 0; m < roster->n_members && m < FEDERATION_MEMBERS; m++) {
            const Up__Member *member = roster->members[m];

            if (!(unwilling >> m & 1) &&
                (agreement_sends(list[i], member) || agreement_receives(list[i], member)) &&
                agreement_sign(roster->signed_agreements[i], id, member->id,
                               &federation->members[m].identity_secret, arena))
                abort();
        }
    }
    roster->n_signed_agreements = count;
}

struct roster *federation_roster(const struct federation *federation)
{
    struct up_bytes bytes = federation_signed(federation, 2);
    struct arena *arena = NULL;
    Up__Roster *peeked = NULL;
    struct digest pinned;
    struct roster *roster = NULL;

    if (arena_new(UP_ARENA_LEN_MAX, &arena) || roster_peek(up_bytes_view(&bytes), arena, &peeked))
        abort();
    roster_stewards_digest(peeked, &pinned);
    if (roster_open(up_bytes_view(&bytes), NULL, &pinned, &roster))
        abort();
    arena_destroy(&arena);
    up_bytes_wipe(&bytes);
    return roster;
}
