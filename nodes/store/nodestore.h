/* SPDX-License-Identifier: MIT
 * A node's store: records, each encrypted under its own key; what was received before; prekeys; the audit log.
 * Two SQLite files in one folder: data.db, and keys.db with the wrapped record keys, the prekeys and the highest
 * directory version seen (architecture.md 6). Columns in the clear hold references, member ids and states, never
 * anything of a report. Changes happen inside nodestore_begin .. nodestore_commit; keys are committed first, so that a
 * stop in between leaves a key without a record, which is swept at the next start. One writer, one process. */
#ifndef NODES_STORE_NODESTORE_H
#define NODES_STORE_NODESTORE_H

#include <stdbool.h>

#include "upstander/keys.h"
#include "upstander/message.h"

struct nodestore;

enum { NODESTORE_NAME_MAX = 64, NODESTORE_STATES = 16 };

enum nodestore_kind {
    NODESTORE_REPORT = 1, /* taken here: name = ref, owner = import id; body: Report */
    NODESTORE_SENT,       /* what a member was told of a report: name = reference in hex, owner = ref; body: SentLine */
    NODESTORE_OUTBOX,     /* name = message id in hex, owner = reference in hex; body: the Message's bytes */
    NODESTORE_RECEIVED,   /* name = ref, owner = reference in hex; body: InboxItem */
    NODESTORE_IMPORT,     /* name = import id; body: ImportResult without the rows */
    NODESTORE_ASIDE,      /* what was not understood; body: as it came */
    NODESTORE_ATTACHMENT = 7, /* a chunk: name = digest of sender and id, index; owner = id, peer = sender or empty; body */
    NODESTORE_OVERRIDE = 8, /* name = its id, owner = ref, peer = member, due = review due; body: Override */
    NODESTORE_AGREEMENT = 9, /* a party's notice: name = digest of agreement and party, peer = party; body: AgreementNotice */
    NODESTORE_ACTION = 10, /* name = ref, body: Action; name = reference in hex, owner = ref, peer: recipient, body: Done */
    NODESTORE_LEDGER = 11, /* name = kind, area, year and audience; peer = audience; body: Ledger */
    NODESTORE_KINDS
};

struct nodestore_row {
    uint64_t number; /* order of arrival; set by the store */
    enum nodestore_kind kind;
    char name[NODESTORE_NAME_MAX];  /* unique within its kind */
    char owner[NODESTORE_NAME_MAX]; /* may be empty */
    char peer[NODESTORE_NAME_MAX];  /* member id; may be empty */
    unsigned state;                 /* the kind's own, below NODESTORE_STATES */
    bool urgent;
    int64_t at_s;  /* wall clock */
    int64_t due_s; /* not before */
    struct up_view body;
};

/* nodestore_open: the folder is made (0700) when absent. UP_BUSY: another process holds it; UP_TOO_NEW; UP_WRONG_KEY:
 *   keys.db belongs to another key file; UP_NOT_FOUND: keys.db has keys of records and data.db is gone; UP_IO. why says what to do. The store key is copied. */
UP_CHECKED enum up_err nodestore_open(const char *folder, const struct store_key *key,
                                      struct nodestore **ret_store, struct up_why *why);
void nodestore_close(struct nodestore **store_p);

/* nodestore_begin .. nodestore_commit or nodestore_rollback; no nesting. Durable when commit returns UP_OK; after any
 * error nothing of the transaction is kept, but what it put into keys.db (numbers, prekeys) may be. UP_FULL: the disk
 * is full; UP_IO. */
UP_CHECKED enum up_err nodestore_begin(struct nodestore *store);
UP_CHECKED enum up_err nodestore_commit(struct nodestore *store);
void nodestore_rollback(struct nodestore *store);

/* Inside a transaction:
 * nodestore_put: add, or replace the one of the same kind and name (its number stays, its old key goes).
 * nodestore_mark: state and due only. UP_NOT_FOUND.
 * nodestore_drop: forget record and key; fine when absent. */
UP_CHECKED enum up_err nodestore_put(struct nodestore *store, const struct nodestore_row *row);
UP_CHECKED enum up_err nodestore_mark(struct nodestore *store, enum nodestore_kind kind,
                                      const char *name, unsigned state, int64_t due_s);
UP_CHECKED enum up_err nodestore_drop(struct nodestore *store, enum nodestore_kind kind,
                                      const char *name);

/* nodestore_get: one record; its body is in the arena. UP_NOT_FOUND, also when its key is gone. UP_WRONG_KEY: body,
 * name, owner or peer were changed on disk. */
UP_CHECKED enum up_err nodestore_get(struct nodestore *store, enum nodestore_kind kind,
                                     const char *name, struct arena *arena,
                                     struct nodestore_row *ret_row);

/* What a list holds: all of a kind, narrowed by what is set. */
struct nodestore_query {
    enum nodestore_kind kind;
    const char *owner;  /* NULL: any */
    const char *peer;   /* NULL: any */
    unsigned states;    /* bits, 1 << state; 0: any */
    int64_t due_by_s;   /* due at or before, or over 25 hours later: no pause is so long, a clock was wrong; 0: any */
    uint64_t after;     /* number */
    size_t skip;        /* so many rows first, unread */
    size_t limit;       /* 0: all that fit in the arena */
};
/* nodestore_list: by number. ret_rows in the arena. Rows that can't be opened are left out and counted
 * (nodestore_damaged). */
UP_CHECKED enum up_err nodestore_list(struct nodestore *store, const struct nodestore_query *query,
                                      struct arena *arena, struct nodestore_row **ret_rows,
                                      size_t *ret_count);
uint64_t nodestore_count(struct nodestore *store, enum nodestore_kind kind, unsigned states);
uint64_t nodestore_damaged(const struct nodestore *store);

/* nodestore_seen: was this (sender, message id) answered before, and how? UP_NOT_FOUND. nodestore_saw: inside a
 * transaction. */
UP_CHECKED enum up_err nodestore_seen(struct nodestore *store, const char *sender,
                                      const uint8_t id[static 16], unsigned *ret_outcome);
UP_CHECKED enum up_err nodestore_saw(struct nodestore *store, const char *sender,
                                     const uint8_t id[static 16], unsigned outcome, int64_t at_s);

/* Small numbers that outlive a start: "incarnation", "closed-through". nodestore_number: fallback when absent.
 * nodestore_number_put: inside a transaction. Kept in keys.db when the name begins with "keys/". */
int64_t nodestore_number(struct nodestore *store, const char *name, int64_t fallback);
UP_CHECKED enum up_err nodestore_number_put(struct nodestore *store, const char *name,
                                            int64_t value);

/* A prekey of this node: the signed public part, packed, and its secret, wrapped on disk. */
struct nodestore_prekey {
    uint8_t id[8];
    int64_t dead_s; /* after which nothing sealed to it can be under way */
    struct up_view published;
    struct prekey_secret secret;
};
UP_CHECKED enum up_err nodestore_prekey_put(struct nodestore *store,
                                            const struct nodestore_prekey *prekey);
/* nodestore_prekeys: those that can't be opened are left out and counted (nodestore_damaged). */
UP_CHECKED enum up_err nodestore_prekeys(struct nodestore *store, struct arena *arena,
                                         struct nodestore_prekey **ret_prekeys, size_t *ret_count);
/* nodestore_prekeys_sweep: destroy those that are dead. Inside a transaction. */
UP_CHECKED enum up_err nodestore_prekeys_sweep(struct nodestore *store, int64_t now_s);

/* The audit log: append-only, each entry's hash over the one before (protocol.md 7). */
struct nodestore_audit {
    uint64_t number;
    int64_t at_s;
    const char *person; /* operator's name, or "node" */
    const char *action;
    const char *subject; /* references, members, codes */
    struct digest hash;
};
/* nodestore_audit_add: inside a transaction; number and hash are the store's. */
UP_CHECKED enum up_err nodestore_audit_add(struct nodestore *store,
                                           const struct nodestore_audit *entry);
/* nodestore_audit_last: the newest number; 0 when there is none. */
uint64_t nodestore_audit_last(struct nodestore *store);
/* The newest entries can be cut off unseen: that takes a copy of the last hash, kept elsewhere. */
/* nodestore_audit_list: entries above a number, oldest first, at most limit. nodestore_audit_check: walks the whole
 * chain; ret_holds false, and ret_broken the first number that does not fit. */
struct nodestore_span {
    uint64_t after;
    size_t limit;
};
UP_CHECKED enum up_err nodestore_audit_list(struct nodestore *store, struct nodestore_span span,
                                            struct arena *arena,
                                            struct nodestore_audit **ret_entries, size_t *ret_count);
UP_CHECKED enum up_err nodestore_audit_check(struct nodestore *store, bool *ret_holds,
                                             uint64_t *ret_broken);

#endif
