/* SPDX-License-Identifier: MIT
 * A federation that is the same in every run, so that inputs which hold signatures or sealed bytes
 * stay good; and an input read piece by piece. */
#ifndef TESTS_LIB_FUZZ_WORLD_H
#define TESTS_LIB_FUZZ_WORLD_H

#include "tests/lib/federation.h"
#include "upstander/prekey.h"

enum { FUZZ_NOW_S = 1800000000, FUZZ_ROSTERS = 3 };
enum { FUZZ_FORCE = 0, FUZZ_CHARITY = 1, FUZZ_COUNCIL = 2, FUZZ_GOVERNANCE = 3 };

struct fuzz_world {
    struct federation federation;
    struct roster *rosters[FUZZ_ROSTERS]; /* versions 1 to 3: all members; without the force;
                                             without the charity */
    struct digest pinned;
    struct prekey prekeys[FEDERATION_MEMBERS];
    struct prekey_secret secrets[FEDERATION_MEMBERS];
};
/* fuzz_world: made at the first call; random numbers begin anew at every call. */
const struct fuzz_world *fuzz_world(void);

/* fuzz_header: a packed EnvelopeHeader for the recipient's prekey. fuzz_signed: a SignedBatch,
 * batch and header signed by that member. fuzz_sealed: an Envelope whose inside is plain, padded
 * when it is to be. Written here a second time, so that any bytes can stand inside. Empty when
 * plain is too large. */
struct up_bytes fuzz_header(unsigned sender, unsigned recipient, uint8_t id);
struct up_bytes fuzz_signed(unsigned sender, unsigned recipient, struct up_view header,
                            struct up_view batch);
struct up_bytes fuzz_sealed(unsigned recipient, struct up_view header, struct up_view plain,
                            bool pad);

struct fuzz_input {
    const uint8_t *data;
    size_t len;
};
uint8_t fuzz_byte(struct fuzz_input *input); /* 0 past the end */
struct up_view
fuzz_bytes(struct fuzz_input *input); /* two bytes of length, then so many or what is left */

#endif
