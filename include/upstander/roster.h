/* SPDX-License-Identifier: MIT
 * The roster: signing m of n, verification, rollback, expiry, look-up (SPEC 5, protocol.md 4). */
#ifndef UPSTANDER_ROSTER_H
#define UPSTANDER_ROSTER_H

#include <stdbool.h>

#include "roster.pb-c.h"
#include "upstander/ids.h"
#include "upstander/keys.h"
#include "upstander/message.h"

/* A verified roster. Owns its memory. */
struct roster;

/* roster_open: verify a SignedRoster.
 *   held       the roster in force, or NULL for the first (then pinned must be given)
 *   pinned     digest of the stewards a person confirmed (roster_stewards_digest); may be NULL with held
 *   Checks: signatures by `threshold` of its own stewards; where held is given also by held's
 *   threshold when the stewards changed; same federation and exercise bit; version above held's.
 *   Member ids, roles, key lengths, duplicates, areas are checked. Expiry is NOT: see below.
 *   UP_NOT_ENOUGH_SIGNATURES, UP_ROLLBACK, UP_WRONG_FEDERATION, UP_MALFORMED, UP_NO_MEMORY. */
UP_CHECKED enum up_err roster_open(struct up_view signed_bytes, const struct roster *held,
                                   const struct digest *pinned, struct roster **ret_roster);
void roster_destroy(struct roster **roster_p);

/* roster_sign: add a steward's signature to a SignedRoster (its signatures may be empty).
 *   UP_NOT_PERMITTED when the key is no steward of it, UP_DUPLICATE when it signed already. */
UP_CHECKED enum up_err roster_sign(struct up_view signed_bytes, const struct identity_secret *secret,
                                   struct up_bytes *ret_signed);
/* roster_peek: parse without any verification, for drafting tools and `roster show`. */
UP_CHECKED enum up_err roster_peek(struct up_view signed_bytes, struct arena *arena,
                                   Up__Roster **ret_roster);
/* roster_pack: a draft as a SignedRoster that nobody signed; its agreements are those in signed_agreements. */
UP_CHECKED enum up_err roster_pack(const Up__Roster *draft, struct up_bytes *ret_unsigned);
/* roster_check: is a draft well formed (ids, roles, keys, duplicates, thresholds, dates)? why names the item. */
UP_CHECKED enum up_err roster_check(const Up__Roster *draft, struct up_why *why);

void roster_stewards_digest(const Up__Roster *roster, struct digest *ret_digest);

/* roster_suspend: a party's notice about agreement number `index` of the content is in force, or not any more. The name
 * is copied into the roster. UP_NO_MEMORY. */
UP_CHECKED enum up_err roster_suspend(struct roster *roster, size_t index, const char *member,
                                      bool suspended);
const Up__Roster *roster_content(const struct roster *roster); /* borrowed */
struct up_view roster_signed_bytes(const struct roster *roster);
uint64_t roster_version(const struct roster *roster);
bool roster_is_exercise(const struct roster *roster);
struct up_view roster_federation(const struct roster *roster); /* 16 bytes */
/* roster_is_usable: before expiry, or within the 30 days after it. roster_is_expired: past expiry. */
bool roster_is_usable(const struct roster *roster, int64_t now_s);
bool roster_is_expired(const struct roster *roster, int64_t now_s);
/* roster_find_*: NULL when absent. _active: status ACTIVE or LEAVING only (mail may still flow). */
const Up__Member *roster_find(const struct roster *roster, const char *member);
const Up__Member *roster_find_active(const struct roster *roster, const char *member);
const Up__Member *roster_find_transport(const struct roster *roster,
                                        const struct transport_public *key);
const Up__Broker *roster_find_broker_of(const struct roster *roster, const char *member);

#endif
