/* SPDX-License-Identifier: MIT
 * Sealing and opening envelopes (SPEC 3, protocol.md 2). */
#ifndef UPSTANDER_ENVELOPE_H
#define UPSTANDER_ENVELOPE_H

#include "envelope.pb-c.h"
#include "message.pb-c.h"
#include "upstander/ids.h"
#include "upstander/prekey.h"
#include "upstander/roster.h"

/* A header as a broker may know it: a small checked struct, no pointers. */
struct envelope_header {
    struct envelope_id id;
    struct member_id sender;
    struct member_id recipient;
    uint64_t expires_at_s; /* a whole hour */
    struct prekey_id prekey_id;
    bool urgent;
};

/* envelope_peek: parse Envelope and header, check lengths (ids 16, prekey id 8, sealed one of four).
 * Borrowed views into bytes. UP_MALFORMED, UP_TOO_LARGE and message_unpack's errors. */
UP_CHECKED enum up_err envelope_peek(struct up_view envelope, struct envelope_header *ret_header,
                                     struct up_view *ret_header_bytes, struct up_view *ret_sealed);

struct envelope_seal_args {
    const struct roster *roster; /* federation, exercise bit, version */
    const char *sender;
    const char *recipient;
    const struct identity_secret *identity;
    const struct prekey *prekey; /* the recipient's */
    int64_t now_s;
    int64_t ttl_s; /* 1..UP_ENVELOPE_TTL_S_MAX */
    bool urgent;
    const struct up_view *messages; /* packed Message each, 1..UP_BATCH_MESSAGES_MAX */
    size_t message_count;
};
/* envelope_seal: sign, pad, seal; the id is fresh. UP_TOO_LARGE when the batch does not fit
 * (envelope_batch_fits tells beforehand). The caller owns ret_envelope. */
UP_CHECKED enum up_err envelope_seal(const struct envelope_seal_args *args,
                                     struct envelope_id *ret_id, struct up_bytes *ret_envelope);
/* envelope_batch_len: bytes a batch of these messages takes inside; compare with UP_BATCH_LEN_MAX. */
size_t envelope_batch_len(const struct up_view *messages, size_t message_count);

struct envelope_open_args {
    const struct roster *roster;
    const char *recipient; /* this member; the header must name it */
    const struct prekey_public *prekey;
    const struct prekey_secret *secret;
    int64_t now_s;
};
/* envelope_open: unseal, unpad, verify against the sender's identity key in the roster.
 *   ret_batch lives in the arena; each of its messages is still bytes.
 *   UP_WRONG_KEY (can't be opened), UP_BAD_SIGNATURE (wrong signer, header, federation or exercise bit),
 *   UP_UNKNOWN_MEMBER, UP_EXPIRED (past, or beyond the longest life), UP_NOT_PERMITTED (not for us), UP_MALFORMED. */
UP_CHECKED enum up_err envelope_open(struct up_view envelope, const struct envelope_open_args *args,
                                     struct arena *arena, struct envelope_header *ret_header,
                                     Up__Batch **ret_batch);

#endif
