/* SPDX-License-Identifier: MIT
 * A small signed federation for tests: stewards, members, one broker. */
#ifndef TESTS_LIB_FEDERATION_H
#define TESTS_LIB_FEDERATION_H

#include "upstander/keys.h"
#include "upstander/roster.h"

enum { FEDERATION_MEMBERS = 4, FEDERATION_STEWARDS = 3 };

struct federation {
    struct keyfile members[FEDERATION_MEMBERS]; /* a-force, b-charity, c-council, d-governance */
    struct keyfile stewards[FEDERATION_STEWARDS];
    struct keyfile broker;
    uint8_t id[16];
    bool exercise;
    uint64_t version;
    int64_t issued_at_s;
    int64_t expires_at_s;
    unsigned revoked; /* bit per member */
};

extern const char *const federation_names[FEDERATION_MEMBERS];

/* federation_init: fresh keys; issued at now. */
void federation_init(struct federation *federation, int64_t now_s);
/* federation_signed: the SignedRoster with signatures of the first `signatures` stewards, threshold 2. */
struct up_bytes federation_signed(const struct federation *federation, unsigned signatures);
/* federation_agree: have the roster's agreements signed, each by every member of the federation that is a party of it, but
 * not by those whose bit stands in `unwilling`. Memory of the arena. */
void federation_agree(const struct federation *federation, Up__Roster *roster, unsigned unwilling,
                      struct arena *arena);
/* federation_roster: opened and verified. */
struct roster *federation_roster(const struct federation *federation);

#endif
