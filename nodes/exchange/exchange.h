/* SPDX-License-Identifier: MIT
 * The node's side of the bus: what is sent when, what is answered to what comes (protocol.md 3, SPEC 6). Pure: events
 * in, actions out, done in order by the shell (nodes/courier.c). It keeps nothing that must outlive a stop.
 *
 *   state      event                        actions, next state
 *   offline    CONNECTED                    SEND Hello; greeting
 *   greeting   FRAME Welcome                SEND PrekeyPublish, Credit; NEWER_ROSTER if it carries one; LOAD; online
 *   greeting   TICK, too long               LOST; offline
 *   online     WANT, TICK with work         LOAD
 *   online     LOADED rows                  seal those whose recipient's prekey is known, one envelope per recipient and
 *                                           lane: SEND Send. Others: SEND PrekeyFetch
 *   online     FRAME Accepted               per message ACCEPTED (an answer: GONE), RETRY or CANT_SEND
 *   online     FRAME Prekeys                remembered; LOAD
 *   online     FRAME Deliver                per message RECEIVED; per envelope that can't be opened ANSWER; then
 *                                           DELIVERED. SEND RosterFetch when its sender goes by a newer directory.
 *                                           What does not fit into the step's memory waits for another connection (LOST
 *                                           at the next TICK); an envelope that fails twice by itself: ANSWER, DELIVERED
 *   online     CHECKED (a message, and what was answered to it before)
 *                                           first time: KEEP, STATUS, RECEIPT or TURNED_DOWN, and ANSWER if it asks for
 *                                           one; a repeat: ANSWER as the first time
 *   online     COMMITTED                    SEND Ack, Credit
 *   online     TICK, nothing was heard      SEND PrekeyFetch of its own; still nothing: LOST; offline
 *   online     FRAME Failure                LOG; LOST when the broker will not serve this connection
 *   any        DISCONNECTED                 what was not accepted is loaded again; offline
 *   any        ROSTER                       another roster is in force; prekeys of others are fetched again
 *   any        PREKEYS                      this node's prekeys changed; online: SEND PrekeyPublish
 *
 * While greeting only Welcome and Failure are heard. A refusal that says CANNOT_OPEN makes its sender's prekeys be
 * fetched again.
 *
 * Durable before said: the shell commits KEEP and ANSWER before it gives COMMITTED, so Ack follows the disk. */
#ifndef NODES_EXCHANGE_EXCHANGE_H
#define NODES_EXCHANGE_EXCHANGE_H

#include "frame.pb-c.h"
#include "message.pb-c.h"
#include "upstander/envelope.h"
#include "upstander/roster.h"

struct exchange;

/* One of this node's prekeys. */
struct exchange_prekey {
    struct prekey prekey;
    struct prekey_secret secret;
};

struct exchange_config {
    const char *member;
    const struct identity_secret *identity; /* borrowed for life */
    const struct roster *roster;            /* borrowed until a ROSTER event replaces it */
    uint64_t incarnation;
};

/* A message that waits in the outbox. */
struct exchange_waiting {
    uint64_t number;
    struct message_id id;
    char recipient[UP_MEMBER_LEN_MAX + 1];
    bool urgent;
    bool answer; /* a receipt or refusal: nothing answers it */
    struct up_view message;
};

/* What came inside an envelope whose signature holds. */
struct exchange_message {
    struct member_id sender;
    struct message_id id;
    struct digest digest; /* of the bytes as received */
    struct up_view bytes;
    const Up__Message *message; /* in the step's arena */
};

enum exchange_outcome { /* kept per (sender, message id); never renumbered */
    EXCHANGE_STORED = 1,
    EXCHANGE_NOT_UNDERSTOOD = 2,
    EXCHANGE_NOT_PERMITTED = 3,
};

enum exchange_event_kind {
    EXCHANGE_CONNECTED,
    EXCHANGE_DISCONNECTED,
    EXCHANGE_TICK,
    EXCHANGE_WANT, /* something was put into the outbox */
    EXCHANGE_FRAME,
    EXCHANGE_LOADED,
    EXCHANGE_CHECKED,
    EXCHANGE_COMMITTED,
    EXCHANGE_ROSTER,
    EXCHANGE_PREKEYS,
};

struct exchange_event {
    enum exchange_event_kind kind;
    int64_t now_s;          /* wall clock: expiry, prekeys */
    int64_t now_ms;         /* monotonic: pauses */
    struct up_view bytes;   /* FRAME */
    const struct exchange_waiting *waiting; /* LOADED */
    size_t count;           /* LOADED, COMMITTED, PREKEYS */
    const struct exchange_message *message; /* CHECKED */
    unsigned outcome;       /* CHECKED: 0, or what was answered the first time */
    const delivery_number *numbers;         /* COMMITTED */
    const struct roster *roster;            /* ROSTER */
    const struct exchange_prekey *prekeys;  /* PREKEYS: copied */
};

enum exchange_action_kind {
    EXCHANGE_SEND,         /* frame to the broker */
    EXCHANGE_LOAD,         /* outbox rows above `after`, due now, at most `limit` */
    EXCHANGE_ACCEPTED,     /* id: is on the broker's disk; load it again after due_s if no receipt came */
    EXCHANGE_GONE,         /* id: an answer that the broker took; forget it */
    EXCHANGE_RETRY,        /* id: load it again after due_s */
    EXCHANGE_CANT_SEND,    /* id: why; load it again after due_s */
    EXCHANGE_RECEIVED,     /* message: look up what was answered before, then CHECKED */
    EXCHANGE_DELIVERED,    /* number: all of this delivery was given; commit, then COMMITTED */
    EXCHANGE_KEEP,         /* message: a disclosure, release, statistics or Forwarded: store it */
    EXCHANGE_STATUS,       /* message: a StatusUpdate about a reference of ours */
    EXCHANGE_RECEIPT,      /* message: a DeliveryReceipt; its lengths are right, its digest is the shell's to compare */
    EXCHANGE_TURNED_DOWN,  /* message: a Refused; its lengths are right */
    EXCHANGE_ASIDE,        /* bytes and sender: not understood; kept for a person to look at */
    EXCHANGE_SAW,          /* message, outcome: remember that it was answered */
    EXCHANGE_ANSWER,       /* bytes: a packed Message for `member`; put it into the outbox as an answer under id */
    EXCHANGE_NEWER_ROSTER, /* bytes: a SignedRoster, not verified */
    EXCHANGE_LOST,         /* make a new connection */
    EXCHANGE_LOG,          /* why: a fixed word, and the member */
};

struct exchange_action {
    enum exchange_action_kind kind;
    struct up_view bytes;
    uint64_t after;
    size_t limit;
    struct message_id id;
    int64_t due_s;
    delivery_number number;
    unsigned outcome;
    const char *why;
    char member[UP_MEMBER_LEN_MAX + 1];
    struct exchange_message message;
};

struct exchange_actions {
    struct exchange_action *list; /* in the step's arena */
    size_t count;
};

UP_CHECKED enum up_err exchange_new(const struct exchange_config *config,
                                    struct exchange **ret_exchange);
void exchange_destroy(struct exchange **exchange_p); /* wipes secrets */
/* exchange_step: the actions for one event. UP_NO_MEMORY: nothing was decided; the shell makes a new connection.
 * Never fails for what a broker or a member sent. */
UP_CHECKED enum up_err exchange_step(struct exchange *exchange, const struct exchange_event *event,
                                     struct arena *arena, struct exchange_actions *ret_actions);

bool exchange_is_online(const struct exchange *exchange);
/* exchange_under_way: messages given to the broker and not yet accepted. */
size_t exchange_under_way(const struct exchange *exchange);
/* exchange_knows: is a current prekey of that member known? false: "waiting for first connection". */
bool exchange_knows(const struct exchange *exchange, const char *member, int64_t now_s);

#endif
