/* SPDX-License-Identifier: MIT
 * A whole bus in one process on virtual time: the relay core on the mail store in memory, and
 * exchange cores, each with a small model of its node's store. What is not committed is lost in a
 * crash. Frames wait in queues, so that a test says what arrives when. */
#ifndef TESTS_LIB_BUS_H
#define TESTS_LIB_BUS_H

#include "broker/relay.h"
#include "nodes/exchange/exchange.h"
#include "tests/lib/federation.h"

enum {
    BUS_ROWS = 4096, /* outbox rows of one node in its life */
    BUS_SEEN = 4096,
    BUS_PREKEYS = 8,
    BUS_QUEUE = 512,
    BUS_LOG = 64,
    BUS_START_S = 1800000000,
};

enum bus_row_state {
    BUS_WAITING = 1,
    BUS_ACCEPTED,
    BUS_CANT,
    BUS_DELIVERED,
    BUS_REFUSED,
    BUS_GONE
};

struct bus_row {
    uint64_t number;
    struct message_id id;
    int recipient;
    bool urgent;
    bool answer;
    enum bus_row_state state;
    int64_t due_s;
    struct up_view bytes; /* kept by the bus until bus_clear */
};

/* What was seen, and what of it was kept. */
struct bus_seen {
    char sender[UP_MEMBER_LEN_MAX + 1];
    struct message_id id;
    struct digest digest;
    unsigned outcome;
    bool kept;
    bool status;
};

/* A node's store. */
struct bus_disk {
    struct bus_row rows[BUS_ROWS];
    size_t row_count;
    struct bus_seen seen[BUS_SEEN];
    size_t seen_count;
    size_t aside_count;
};

struct bus_frame {
    uint8_t *data;
    size_t len;
};
struct bus_queue {
    struct bus_frame frames[BUS_QUEUE];
    size_t first;
    size_t count;
};

struct bus_node {
    struct exchange *exchange;
    struct exchange_prekey prekeys[BUS_PREKEYS];
    size_t prekey_count;
    uint64_t incarnation;
    connection connection; /* 0: none */
    struct bus_disk *disk; /* committed */
    struct bus_disk *now;  /* with what is not committed yet */
    struct bus_queue up;   /* to the broker */
    struct bus_queue down;
    delivery_number deliveries[256]; /* committed with the next commit, then told */
    size_t delivery_count;
    bool holds_commits; /* the test commits by itself */
    bool lost;          /* the exchange asked for a new connection */
    bool wants;
    unsigned loads;
    unsigned keeps;
    unsigned answers;
    unsigned receipts;
    unsigned turned_down;
    unsigned rosters;
    char log[2048]; /* fixed words, each with a blank behind */
};

struct bus {
    struct federation federation;
    struct roster *rosters[8]; /* all that were ever in force */
    size_t roster_count;
    struct mailstore *store;
    struct relay *relay;
    struct arena *arena;
    struct arena *relay_arena;
    struct bus_node nodes[FEDERATION_MEMBERS];
    connection next_connection;
    int64_t now_ms; /* the wall clock is BUS_START_S + now_ms / 1000 */
    bool disk_fails;
    struct bus_frame *bodies;
    size_t body_count;
    size_t body_room;
    void (*kept)(struct bus *bus, int node, const struct exchange_message *message);
};

/* bus_new: nodes with prekeys, nobody connected. A failure in here is the test's end. */
struct bus *bus_new(unsigned mailbox_messages_max);
void bus_destroy(struct bus **bus_p);
/* bus_repeatable: libsodium's randomness from a seed, for the whole process. */
void bus_repeatable(uint64_t seed);

int64_t bus_now_s(const struct bus *bus);
void bus_prekeys(struct bus *bus, int node,
                 int64_t valid_from_s); /* one more, told to the exchange */
void bus_connect(struct bus *bus, int node);
void bus_disconnect(struct bus *bus, int node);
void bus_tick(struct bus *bus, int node);
/* bus_pass: one frame of a queue to its end; false when there is none. */
bool bus_pass_up(struct bus *bus, int node);
bool bus_pass_down(struct bus *bus, int node);
/* bus_settle: pass all that is under way, until nothing is. */
void bus_settle(struct bus *bus);
void bus_commit(struct bus *bus, int node);
/* bus_crash: a node stops, and starts again from what is committed. bus_crash_broker: its mail
 * stays. */
void bus_crash(struct bus *bus, int node);
void bus_crash_broker(struct bus *bus);
/* bus_roster: another directory is in force at the broker (node -1) or a node. */
void bus_roster(struct bus *bus, int node, const struct federation *next);

/* bus_feed: a frame as from the broker. bus_take: the next frame to the broker, unpacked into the
 * arena; NULL: none. */
void bus_feed(struct bus *bus, int node, const Up__Frame *frame);
void bus_feed_bytes(struct bus *bus, int node, struct up_view bytes);
const Up__Frame *bus_take(struct bus *bus, int node);

/* bus_submit: a message into a node's outbox, committed. bus_status: a status update, of a random
 * id. bus_packed: any message; its id as it stands. */
struct message_id bus_status(struct bus *bus, int from, int to, bool urgent);
void bus_status_under(struct bus *bus, int from, int to, bool urgent, struct message_id *id);
void bus_packed(struct bus *bus, int from, int to, bool urgent, Up__Message *message);
struct bus_letter {
    int to;
    bool urgent;
    struct message_id id;
    struct up_view bytes;
};
void bus_row(struct bus *bus, int from, const struct bus_letter *letter);
struct bus_row *bus_row_find(struct bus_disk *disk, const struct message_id *id);
const struct bus_seen *bus_seen_find(const struct bus_disk *disk, const char *sender,
                                     const struct message_id *id);
size_t bus_waiting(const struct bus_disk *disk);

#endif
