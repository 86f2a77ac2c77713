/* SPDX-License-Identifier: MIT
 * The relay: who may say what, what is stored, what is delivered, in which order (SPEC 6). Pure: events in, actions
 * out; the shell does them in order.
 *
 *   state      event                          actions, next state
 *   (none)     FRAME Hello, member in roster  WELCOME; session (an older session of the member: FAILURE superseded, CLOSE)
 *   (none)     FRAME anything else            FAILURE hello first
 *   session    FRAME Send                     STORE (what may be stored); on STORED: ACCEPTED, results in order
 *   session    FRAME Credit                   LOAD while credit and window allow
 *   session    LOADED                         DELIVER; nothing loaded: the lane is idle until a STORED for it
 *   session    FRAME Ack                      REMOVE what this connection was given; else FAILURE not yours
 *   session    FRAME PrekeyPublish            PUT_PREKEYS, when each is signed by the member itself
 *   session    FRAME PrekeyFetch, RosterFetch GET_PREKEYS, or the roster
 *   any        FRAME of a member that is not, or no longer, in the roster: FAILURE not in roster, CLOSE
 *   any        CLOSED                         the session ends; what was not acked is delivered again
 *   any        ROSTER                         sessions of members that left: FAILURE, CLOSE, PURGE
 *
 * Durable before said: ACCEPTED only follows STORED, which the shell gives after the commit. */
#ifndef BROKER_RELAY_H
#define BROKER_RELAY_H

#include "broker/mailstore.h"
#include "frame.pb-c.h"
#include "upstander/roster.h"

struct relay;
typedef uint64_t connection; /* the shell's own number of one transport connection; never reused */

enum relay_event_kind {
    RELAY_FRAME,   /* bytes came from an authenticated connection */
    RELAY_CLOSED,  /* a connection is gone, or silent for too long */
    RELAY_STORED,  /* a STORE was done: results, one per item, or err */
    RELAY_LOADED,  /* a LOAD was done */
    RELAY_PREKEYS, /* a GET_PREKEYS was done */
    RELAY_NOTICES, /* a LOAD_NOTICES was done */
    RELAY_ROSTER,  /* another roster is in force; the caller keeps it alive from now on */
};

struct relay_event {
    enum relay_event_kind kind;
    int64_t now_s;
    connection from;      /* FRAME, CLOSED; the one that a done action was for */
    const char *member;   /* FRAME: as authenticated by the transport, never by the frame */
    struct up_view bytes; /* FRAME; PREKEYS: the set, empty when there is none */
    uint64_t seq;         /* STORED: of the Send */
    const enum mailstore_result *results;   /* STORED; NULL when err */
    const struct mailstore_item *items;     /* STORED: those of the action */
    size_t count;                           /* STORED, LOADED, NOTICES */
    enum up_err err;                        /* STORED */
    bool urgent;                            /* LOADED: which lane */
    const struct mailstore_mail *mail;      /* LOADED */
    const struct mailstore_notice *notices; /* NOTICES */
    const struct roster *roster;            /* ROSTER */
};

enum relay_action_kind {
    RELAY_SEND,  /* a frame to a connection */
    RELAY_CLOSE, /* forget the connection after what was sent */
    RELAY_STORE, /* append in one commit, then STORED with the same seq, items and pending results */
    RELAY_LOAD,
    RELAY_REMOVE,
    RELAY_PUT_PREKEYS,
    RELAY_GET_PREKEYS,
    RELAY_LOAD_NOTICES,
    RELAY_NOTICES_DONE,
    RELAY_PURGE,
    RELAY_REFUSED, /* log and count: why, and the member as authenticated */
};

struct relay_action {
    enum relay_action_kind kind;
    connection to;
    char member[UP_MEMBER_LEN_MAX + 1]; /* whose mailbox, prekeys; who was refused */
    struct up_view frame;               /* SEND: a packed Frame; PUT_PREKEYS: the set */
    uint64_t seq;                       /* STORE */
    const struct mailstore_item *items; /* STORE */
    size_t count;                       /* items, numbers, notices */
    const delivery_number *numbers;     /* REMOVE */
    const struct mailstore_notice *notices;
    bool urgent;           /* LOAD */
    delivery_number after; /* LOAD */
    size_t limit;          /* LOAD, LOAD_NOTICES */
    const char *why;       /* REFUSED: a fixed word */
};

struct relay_actions {
    struct relay_action *list; /* in the step's arena */
    size_t count;
};

/* relay_new: serves at most connections_max at once. The roster is borrowed until a ROSTER event replaces it. */
UP_CHECKED enum up_err relay_new(const char *broker, size_t connections_max,
                                 const struct roster *roster, struct relay **ret_relay);
void relay_destroy(struct relay **relay_p);
/* relay_step: the actions for one event. UP_NO_MEMORY: nothing was decided; the shell closes the connection.
 * Never fails for what a member sent. */
UP_CHECKED enum up_err relay_step(struct relay *relay, const struct relay_event *event,
                                  struct arena *arena, struct relay_actions *ret_actions);

#endif
