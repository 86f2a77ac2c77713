/* SPDX-License-Identifier: MIT
 * The broker's store of sealed envelopes: a mailbox per member, durable before anything is said about it.
 * Two implementations under one contract (tests/contract/test_mailstore.c). SPEC 6. */
#ifndef BROKER_MAILSTORE_H
#define BROKER_MAILSTORE_H

#include <stdbool.h>

#include "upstander/envelope.h"
#include "upstander/ids.h"
#include "upstander/message.h"

struct mailstore;

struct mailstore_quotas {
    uint64_t mailbox_messages_max;
    uint64_t mailbox_bytes_max;
    uint64_t sender_bytes_max; /* waiting in all mailboxes together */
};

/* mailstore_sqlite_open: the file is made when absent. UP_BUSY (another process), UP_TOO_NEW, UP_IO; why says what to
 * do. mailstore_mem_open: forgets all when closed; for tests and the simulator. */
UP_CHECKED enum up_err mailstore_sqlite_open(const char *path,
                                             const struct mailstore_quotas *quotas,
                                             struct mailstore **ret_store, struct up_why *why);
UP_CHECKED enum up_err mailstore_mem_open(const struct mailstore_quotas *quotas,
                                          struct mailstore **ret_store);
void mailstore_close(struct mailstore **store_p);

struct mailstore_item {
    struct envelope_header header;
    struct up_view envelope; /* as received */
};
enum mailstore_result { MAILSTORE_STORED, MAILSTORE_DUPLICATE, MAILSTORE_FULL };

/* mailstore_append: make envelopes durable in their mailboxes, in order, in one commit.
 *   items        borrowed; 1..UP_GROUP_COMMIT_MAX
 *   ret_results  one per item. An id that was ever stored and has not expired is a DUPLICATE, also after its
 *                delivery. FULL: a quota would be passed; the item is not stored, others are.
 *   UP_IO, UP_FULL (disk), UP_NO_MEMORY: nothing of the call is stored.  Durable when it returns. Cost: one fsync. */
UP_CHECKED enum up_err mailstore_append(struct mailstore *store, const struct mailstore_item *items,
                                        size_t count, enum mailstore_result *ret_results);

/* What to look up, at most `limit` of it. */
struct mailstore_query {
    const char *member; /* mail: recipient; notices: sender */
    size_t limit;
    bool urgent;           /* mail: which lane */
    delivery_number after; /* mail: only numbers above it */
};
struct mailstore_mail {
    delivery_number number;
    struct up_view envelope; /* in the arena */
};
/* mailstore_load: envelopes of one lane of a mailbox, in order.
 *   No more than UP_LOAD_BYTES_MAX bytes of them, but always one: the rest comes with the next call.
 *   UP_NO_MEMORY: not even one fits the arena.
 *   A row whose checksum is wrong is left out and counted (mailstore_damaged).  ret_mail, ret_count: in the arena. */
UP_CHECKED enum up_err mailstore_load(struct mailstore *store, const struct mailstore_query *query,
                                      struct arena *arena, struct mailstore_mail **ret_mail,
                                      size_t *ret_count);
/* mailstore_remove: forget delivered envelopes of this mailbox; numbers that are not in it are passed over.
 *   Durable when it returns. */
UP_CHECKED enum up_err mailstore_remove(struct mailstore *store, const char *recipient,
                                        const delivery_number *numbers, size_t count);

struct mailstore_notice {
    struct envelope_id id;
    struct member_id sender;
    struct member_id recipient;
};
/* mailstore_expire: drop what ran out at or before now, at most `limit`, leaving a notice for each sender in the same
 *   commit; forget ids that ran out. ret_count: how many went. */
UP_CHECKED enum up_err mailstore_expire(struct mailstore *store, int64_t now_s, size_t limit,
                                        size_t *ret_count);
/* mailstore_notices: notices for a sender. mailstore_notices_done: it was told. */
UP_CHECKED enum up_err mailstore_notices(struct mailstore *store,
                                         const struct mailstore_query *query, struct arena *arena,
                                         struct mailstore_notice **ret_notices, size_t *ret_count);
UP_CHECKED enum up_err mailstore_notices_done(struct mailstore *store,
                                              const struct mailstore_notice *notices, size_t count);
/* mailstore_prekeys_put: replace the published set of a member (a packed Prekeys message); _get: UP_NOT_FOUND. */
UP_CHECKED enum up_err mailstore_prekeys_put(struct mailstore *store, const char *member,
                                             struct up_view prekeys);
UP_CHECKED enum up_err mailstore_prekeys_get(struct mailstore *store, const char *member,
                                             struct arena *arena, struct up_view *ret_prekeys);
/* mailstore_purge: a revoked member's mailbox. */
UP_CHECKED enum up_err mailstore_purge(struct mailstore *store, const char *recipient);
/* mailstore_waiting: envelopes in a mailbox. mailstore_damaged: rows refused by checksum since it was opened. */
uint64_t mailstore_waiting(struct mailstore *store, const char *recipient);
uint64_t mailstore_damaged(const struct mailstore *store);

/* What an implementation provides; only mailstore_*.c looks in here. */
struct mailstore_ops {
    void (*close)(struct mailstore *);
    enum up_err (*append)(struct mailstore *, const struct mailstore_item *, size_t,
                          enum mailstore_result *);
    enum up_err (*load)(struct mailstore *, const struct mailstore_query *, struct arena *,
                        struct mailstore_mail **, size_t *);
    enum up_err (*remove)(struct mailstore *, const char *, const delivery_number *, size_t);
    enum up_err (*expire)(struct mailstore *, int64_t, size_t, size_t *);
    enum up_err (*notices)(struct mailstore *, const struct mailstore_query *, struct arena *,
                           struct mailstore_notice **, size_t *);
    enum up_err (*notices_done)(struct mailstore *, const struct mailstore_notice *, size_t);
    enum up_err (*prekeys_put)(struct mailstore *, const char *, struct up_view);
    enum up_err (*prekeys_get)(struct mailstore *, const char *, struct arena *, struct up_view *);
    enum up_err (*purge)(struct mailstore *, const char *);
    uint64_t (*waiting)(struct mailstore *, const char *);
};
struct mailstore {
    const struct mailstore_ops *ops;
    struct mailstore_quotas quotas;
    uint64_t damaged;
};

#endif
