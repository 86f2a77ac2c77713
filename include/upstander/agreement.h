/* SPDX-License-Identifier: MIT
 * Sharing agreements: who is a party, signing by parties, what holds (SPEC 5a, disclosure.md 2). Pure. */
#ifndef UPSTANDER_AGREEMENT_H
#define UPSTANDER_AGREEMENT_H

#include <stdbool.h>

#include "roster.pb-c.h"
#include "upstander/keys.h"
#include "upstander/message.h"

/* agreement_sends, _receives: is the member a party on that side? It is of the role, and among the members that are
 * named, wherever one or the other is stated. */
bool agreement_sends(const Up__Agreement *agreement, const Up__Member *member);
bool agreement_receives(const Up__Agreement *agreement, const Up__Member *member);
/* agreement_names: does the list of members (signed_by, suspended_by, from_members ...) hold this one? */
bool agreement_names(char *const *members, size_t count, const char *member);

/* agreement_check: is it well formed (id, parties, ceiling, dates, areas, kinds, standing basis)? why names it. */
UP_CHECKED enum up_err agreement_check(const Up__Agreement *agreement, struct up_why *why);
/* agreement_unpack_all: fill roster->agreements from the signed ones, one for one; no signature is looked at.
 * UP_MALFORMED also when something stands there that only a verifier may put there; UP_TOO_LARGE. */
UP_CHECKED enum up_err agreement_unpack_all(Up__Roster *roster, struct arena *arena);
/* agreement_verify_all: fill signed_by of each: its parties, not shut out, whose signature holds under their identity
 * key in this roster. What anybody else signed counts for nothing and does no harm. UP_NO_MEMORY. */
UP_CHECKED enum up_err agreement_verify_all(Up__Roster *roster, struct arena *arena);

/* agreement_pack: an Agreement as it is to be signed; the fields that are never in signed bytes left out. */
UP_CHECKED enum up_err agreement_pack(const Up__Agreement *agreement, struct arena *arena,
                                      Up__SignedAgreement **ret_signed);
/* agreement_sign: add this party's signature in the place of an earlier one. UP_NO_MEMORY, UP_TOO_LARGE. */
UP_CHECKED enum up_err agreement_sign(Up__SignedAgreement *agreement, struct up_view federation,
                                      const char *member, const struct identity_secret *secret,
                                      struct arena *arena);
/* agreement_digest: names these very bytes, in this federation. */
UP_CHECKED enum up_err agreement_digest(const Up__SignedAgreement *agreement, struct up_view federation,
                                        struct digest *ret_digest);

#endif
