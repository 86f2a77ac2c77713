/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* A directory. The first byte says what the rest is: '0' a SignedRoster as it comes, '1' a Roster
 * that the stewards of a good federation sign, as the first one, '2' the same after one is held. */
#include <string.h>

#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "upstander/limits.h"

static void roster_use(const struct roster *roster)
{
    const Up__Roster *content = roster_content(roster);

    fuzz_require(roster_check(content, NULL) == UP_OK);
    fuzz_require(roster_federation(roster).len == 16);
    fuzz_require(roster_is_expired(roster, FUZZ_NOW_S) || roster_is_usable(roster, FUZZ_NOW_S));
    for (size_t i = 0; i < content->n_members; i++) {
        const Up__Member *member = content->members[i];
        struct transport_public key;

        memcpy(key.bytes, member->transport_key.data, sizeof key.bytes);
        fuzz_require(roster_find(roster, member->id) == member);
        fuzz_require(roster_find_active(roster, member->id) == roster_find_transport(roster, &key));
        (void)roster_find_broker_of(roster, member->id);
    }
}

static void signed_read(struct up_view bytes, const struct roster *held,
                        const struct digest *pinned)
{
    struct arena *arena = NULL;
    Up__Roster *draft = NULL;
    struct roster *roster = NULL;
    struct up_why why = {0};
    enum up_err peeked = UP_OK;
    enum up_err err = UP_OK;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    peeked = roster_peek(bytes, arena, &draft);
    if (!peeked) {
        peeked = roster_check(draft, &why);
        fuzz_require(why.err == peeked && (!peeked || why.text[0] != '\0'));
    }
    err = roster_open(bytes, held, pinned, &roster);
    fuzz_require((err == UP_OK) == (roster != NULL));
    fuzz_require(!peeked || err == peeked);
    if (roster) {
        fuzz_require(!held || roster_version(roster) > roster_version(held));
        roster_use(roster);
    }
    roster_destroy(&roster);
    arena_destroy(&arena);
}

static struct up_bytes sign(const struct fuzz_world *world, struct up_view content)
{
    Up__SignedRoster unsigned_roster = UP__SIGNED_ROSTER__INIT;
    struct up_bytes bytes = {0};

    memcpy(&unsigned_roster.roster.data, &content.data, sizeof content.data);
    unsigned_roster.roster.len = content.len;
    fuzz_require(message_pack(&unsigned_roster.base, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct up_bytes next = {0};

        if (roster_sign(up_bytes_view(&bytes), &world->federation.stewards[i].identity_secret,
                        &next))
            break;
        up_bytes_wipe(&bytes);
        bytes = next;
    }
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct fuzz_world *world = fuzz_world();
    struct up_bytes bytes = {0};
    unsigned kind = 0;

    if (len == 0)
        return 0;
    kind = (data[0] - (unsigned)'0') % 3;
    if (kind == 0) {
        signed_read(up_view_of(data + 1, len - 1), NULL, &world->pinned);
        return 0;
    }
    bytes = sign(world, up_view_of(data + 1, len - 1));
    signed_read(up_bytes_view(&bytes), kind == 2 ? world->rosters[0] : NULL, &world->pinned);
    up_bytes_wipe(&bytes);
    return 0;
}
