/* SPDX-License-Identifier: MIT */
#include "broker/wire.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/relay.h"
#include "broker/zap.h"
#include "upstander/limits.h"

enum {
    ROUTING_LEN =
        5, /* a zero byte and four of libzmq's own; a client can't choose one that starts so */
    SELF_TEST_MS = 5000,
    TICK_MS = 1000,
    DRAIN_MAX = 256, /* messages before the commit */
    PENDING_BYTES_MAX =
        2 << 20, /* of frames before the commit: the arena holds them, and the last, twice */
    LOADS_MAX =
        UP_MEMBERS_MAX + 2 * DRAIN_MAX, /* one a session, and those of sessions that just ended */
    ZAP_ENFORCE_DOMAIN = 93,
};

struct peer {
    uint8_t routing[ROUTING_LEN];
    connection id; /* 0: free */
};

/* A STORE that waits for the group's commit. */
struct pending {
    connection from;
    uint64_t seq;
    const struct mailstore_item *items;
    size_t count;
};

/* A REMOVE that waits for the group's commit: a delivery that comes again after a crash is what nodes expect. */
struct removal {
    struct member_id member;
    const delivery_number *numbers; /* in the arena */
    size_t count;
};

/* A LOAD that waits for the group's commit. */
struct load {
    connection to;
    struct member_id member;
    bool urgent;
    delivery_number after;
    size_t limit;
};

struct wire {
    struct wire_config config;
    struct zap *zap;
    zsock_t *router;
    struct relay *relay;
    struct arena *arena;
    struct peer *peers;
    size_t peer_max;
    connection last;
    struct pending pending[DRAIN_MAX];
    size_t pending_count;
    size_t pending_items;
    size_t pending_bytes;
    struct removal removals[DRAIN_MAX];
    size_t removal_count;
    struct load *loads; /* a ring */
    size_t load_first;
    size_t load_count;
    char endpoint[128];
    uint64_t refused;
    enum up_err failed; /* the store said no: stop */
};

static void perform(struct wire *wire, const struct relay_event *event);

static struct peer *peer_of(struct wire *wire, connection id)
{
    for (size_t i = 0; id != 0 && i < wire->peer_max; i++) {
        if (wire->peers[i].id == id)
            return &wire->peers[i];
    }
    return NULL;
}

/* The peer of a routing id; the oldest gives way when the table is full, and says Hello again. */
static struct peer *peer_require(struct wire *wire, const uint8_t *routing)
{
    struct peer *place = &wire->peers[0];

    for (size_t i = 0; i < wire->peer_max; i++) {
        if (wire->peers[i].id != 0 && memcmp(wire->peers[i].routing, routing, ROUTING_LEN) == 0)
            return &wire->peers[i];
        if (wire->peers[i].id < place->id)
            place = &wire->peers[i];
    }
    if (place->id != 0)
        perform(wire, &(struct relay_event){.kind = RELAY_CLOSED, .from = place->id});
    memcpy(place->routing, routing, ROUTING_LEN);
    place->id = ++wire->last;
    return place;
}

static void peer_lost(struct wire *wire, struct peer *peer)
{
    connection id = peer->id;

    memset(peer, 0, sizeof *peer);
    perform(wire, &(struct relay_event){.kind = RELAY_CLOSED, .from = id});
}

static void do_send(struct wire *wire, const struct relay_action *action)
{
    struct peer *peer = peer_of(wire, action->to);
    void *socket = zsock_resolve(wire->router);

    if (!peer)
        return;
    /* only the first part can fail; what is not sent stays in the store */
    if (zmq_send(socket, peer->routing, ROUTING_LEN, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(socket, action->frame.data, action->frame.len, ZMQ_DONTWAIT) < 0)
        peer_lost(wire, peer);
}

static void do_store(struct wire *wire, const struct relay_action *action)
{
    struct pending *pending = &wire->pending[wire->pending_count++];

    *pending = (struct pending){
        .from = action->to, .seq = action->seq, .items = action->items, .count = action->count};
    wire->pending_items += action->count;
}

static void do_remove(struct wire *wire, const struct relay_action *action)
{
    struct removal *removal = &wire->removals[wire->removal_count++]; /* one a frame */

    *removal = (struct removal){.numbers = action->numbers, .count = action->count};
    memcpy(removal->member.text, action->member, sizeof removal->member.text);
}

/* One commit a mailbox, however many Acks there were. */
static void removals_run(struct wire *wire)
{
    static delivery_number numbers[DRAIN_MAX * UP_CREDIT_MAX];

    for (size_t i = 0; i < wire->removal_count && !wire->failed; i++) {
        const struct removal *first = &wire->removals[i];
        size_t count = 0;

        for (size_t j = i; j < wire->removal_count; j++) {
            struct removal *next = &wire->removals[j];

            if (!ids_member_equal(&next->member, &first->member))
                continue;
            if (next->count > 0)
                memcpy(numbers + count, next->numbers, next->count * sizeof *numbers);
            count += next->count;
            next->count = 0;
        }
        if (count > 0)
            wire->failed = mailstore_remove(wire->config.store, first->member.text, numbers, count);
    }
    wire->removal_count = 0;
}

static void do_load(struct wire *wire, const struct relay_action *action)
{
    struct load *load = &wire->loads[(wire->load_first + wire->load_count) % LOADS_MAX];

    up_assert(wire->load_count < LOADS_MAX);
    wire->load_count++;
    *load = (struct load){
        .to = action->to, .urgent = action->urgent, .after = action->after, .limit = action->limit};
    memcpy(load->member.text, action->member, sizeof load->member.text);
}

/* What was asked for since the last commit, one after the other: the arena takes one load and its Deliver with ease,
 * and not those of many. What is delivered may ask for more. */
static void loads_run(struct wire *wire)
{
    while (wire->load_count > 0 && !wire->failed) {
        struct load load = wire->loads[wire->load_first];
        struct relay_event event = {.kind = RELAY_LOADED, .from = load.to, .urgent = load.urgent};
        const struct mailstore_query query = {.member = load.member.text,
                                              .limit = load.limit,
                                              .urgent = load.urgent,
                                              .after = load.after};
        struct mailstore_mail *mail = NULL;

        wire->load_first = (wire->load_first + 1) % LOADS_MAX;
        wire->load_count--;
        wire->failed = mailstore_load(wire->config.store, &query, wire->arena, &mail, &event.count);
        event.mail = mail;
        if (!wire->failed)
            perform(wire, &event);
        arena_reset(wire->arena);
    }
}

static void do_prekeys(struct wire *wire, const struct relay_action *action)
{
    struct relay_event event = {
        .kind = RELAY_PREKEYS, .from = action->to, .member = action->member};
    enum up_err err =
        mailstore_prekeys_get(wire->config.store, action->member, wire->arena, &event.bytes);

    if (err && err != UP_NOT_FOUND)
        wire->failed = err;
    else
        perform(wire, &event);
}

static void do_notices(struct wire *wire, const struct relay_action *action)
{
    struct relay_event event = {.kind = RELAY_NOTICES, .from = action->to};
    const struct mailstore_query query = {.member = action->member, .limit = action->limit};
    struct mailstore_notice *notices = NULL;

    wire->failed =
        mailstore_notices(wire->config.store, &query, wire->arena, &notices, &event.count);
    event.notices = notices;
    if (!wire->failed)
        perform(wire, &event);
}

static void do_action(struct wire *wire, const struct relay_action *action)
{
    struct peer *peer = NULL;

    switch (action->kind) {
    case RELAY_SEND:
        do_send(wire, action);
        break;
    case RELAY_CLOSE:
        peer = peer_of(wire, action->to);
        if (peer)
            memset(peer, 0, sizeof *peer);
        break;
    case RELAY_STORE:
        do_store(wire, action);
        break;
    case RELAY_LOAD:
        do_load(wire, action);
        break;
    case RELAY_REMOVE:
        do_remove(wire, action);
        break;
    case RELAY_PUT_PREKEYS:
        wire->failed = mailstore_prekeys_put(wire->config.store, action->member, action->frame);
        break;
    case RELAY_GET_PREKEYS:
        do_prekeys(wire, action);
        break;
    case RELAY_LOAD_NOTICES:
        do_notices(wire, action);
        break;
    case RELAY_NOTICES_DONE:
        wire->failed = mailstore_notices_done(wire->config.store, action->notices, action->count);
        break;
    case RELAY_PURGE:
        wire->failed = mailstore_purge(wire->config.store, action->member);
        break;
    case RELAY_REFUSED:
        wire->refused++;
        log_warn("refused", "reason=%s member=%s count=%llu", action->why,
                 action->member[0] ? action->member : "-", (unsigned long long)wire->refused);
        break;
    }
}

/* One event through the relay, and what it asks for in order. What an action reports back goes the same way. */
static void perform(struct wire *wire, const struct relay_event *event)
{
    struct relay_event timed = *event;
    struct relay_actions actions = {0};
    enum up_err err = UP_OK;

    timed.now_s = clock_wall_s();
    err = relay_step(wire->relay, &timed, wire->arena, &actions);
    if (err) {
        struct peer *peer = peer_of(wire, event->from);

        log_error("no-memory", "kind=%d", (int)event->kind);
        if (peer && event->kind != RELAY_CLOSED) /* half done: it begins again with Hello */
            peer_lost(wire, peer);
    }
    for (size_t i = 0; !err && !wire->failed && i < actions.count; i++)
        do_action(wire, &actions.list[i]);
}

/* One commit for all that waits, then what each sender is told, then what recipients get. */
static void flush(struct wire *wire)
{
    static struct mailstore_item items[DRAIN_MAX * 2];
    static enum mailstore_result results[DRAIN_MAX * 2];
    static enum mailstore_result all[UP_FRAME_ENVELOPES_MAX];
    size_t count = 0;
    size_t at = 0;
    enum up_err err = UP_OK;

    removals_run(wire);
    for (size_t i = 0; i < wire->pending_count; i++) {
        for (size_t j = 0; j < wire->pending[i].count; j++) {
            if (wire->pending[i].items[j].envelope.len > 0)
                items[count++] = wire->pending[i].items[j];
        }
    }
    if (count > 0)
        err = mailstore_append(wire->config.store, items, count, results);
    if (err)
        log_error("store", "the mail store failed: %s", up_err_text(err));
    for (size_t i = 0; i < wire->pending_count; i++) {
        const struct pending *pending = &wire->pending[i];

        for (size_t j = 0; j < pending->count; j++)
            all[j] = pending->items[j].envelope.len > 0 ? results[at++] : MAILSTORE_FULL;
        perform(wire, &(struct relay_event){.kind = RELAY_STORED,
                                            .from = pending->from,
                                            .seq = pending->seq,
                                            .results = err ? NULL : all,
                                            .items = pending->items,
                                            .count = pending->count,
                                            .err = err});
    }
    if (err)
        wire->failed = err;
    wire->pending_count = wire->pending_items = wire->pending_bytes = 0;
    arena_reset(wire->arena);
    loads_run(wire);
}

/* One message: routing id, empty part, frame. User-Id is read from the last part: libzmq 4.3.4 may leave it out on
 * the first. False when nothing waits. */
static bool receive(struct wire *wire)
{
    void *socket = zsock_resolve(wire->router);
    zmq_msg_t parts[3];
    int count = 0;
    bool any = true;
    bool more = true;
    const char *member = NULL;

    for (int i = 0; i < 3; i++)
        (void)zmq_msg_init(&parts[i]);
    while (more) {
        /* parts past the third fall onto the third and spoil the count */
        zmq_msg_t *part = &parts[count < 3 ? count : 2];

        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            any = false;
            break;
        }
        count++;
        more = zmq_msg_more(part);
    }
    if (any && zmq_msg_size(&parts[0]) == ROUTING_LEN && *(uint8_t *)zmq_msg_data(&parts[0]) == 0) {
        struct peer *peer = peer_require(wire, zmq_msg_data(&parts[0]));
        struct up_view frame = {0};

        if (count == 3 && zmq_msg_size(&parts[1]) == 0)
            frame = up_view_of(zmq_msg_data(&parts[2]), zmq_msg_size(&parts[2]));
        member = zmq_msg_gets(&parts[count < 3 ? count - 1 : 2], "User-Id");
        if (frame.len > 0) { /* the envelopes in it are wanted until the commit */
            uint8_t *copy = arena_alloc(wire->arena, frame.len);

            wire->pending_bytes += frame.len;
            if (copy)
                memcpy(copy, frame.data, frame.len);
            frame = up_view_of(copy, copy ? frame.len : 0);
        }
        perform(wire, &(struct relay_event){.kind = RELAY_FRAME,
                                            .from = peer->id,
                                            .member = member && member[0] ? member : NULL,
                                            .bytes = frame});
    } else if (any) {
        wire->refused++;
        log_warn("refused", "reason=routing-id member=- count=%llu",
                 (unsigned long long)wire->refused);
    }
    for (int i = 0; i < 3; i++)
        (void)zmq_msg_close(&parts[i]);
    return any;
}

static bool set_number(zsock_t *socket, int option, int value)
{
    int read = -1;
    size_t len = sizeof read;

    return zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof value) == 0 &&
           zmq_getsockopt(zsock_resolve(socket), option, &read, &len) == 0 && read == value;
}

static enum up_err bind_router(struct wire *wire, struct up_why *why)
{
    const struct wire_config *config = &wire->config;
    int64_t frame_max = UP_FRAME_LEN_MAX;
    char *bound = NULL;
    void *socket = NULL;

    wire->router = zsock_new(ZMQ_ROUTER);
    if (!wire->router)
        return UP_IO;
    socket = zsock_resolve(wire->router);
    /* without a domain that is enforced, CURVE admits every key when no handler answers */
    if (!set_number(wire->router, ZMQ_CURVE_SERVER, 1) ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, config->keys->transport_secret.bytes, 32) ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "upstander", strlen("upstander")) ||
        !set_number(wire->router, ZAP_ENFORCE_DOMAIN, 1) ||
        zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &(int){1}, sizeof(int)) ||
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) ||
        !set_number(wire->router, ZMQ_SNDHWM, UP_ANSWERS_HWM) ||
        !set_number(wire->router, ZMQ_RCVHWM, UP_SOCKET_HWM) ||
        !set_number(wire->router, ZMQ_LINGER, 0) ||
        !set_number(wire->router, ZMQ_HANDSHAKE_IVL, 10000) ||
        !set_number(wire->router, ZMQ_HEARTBEAT_IVL, 10000) ||
        !set_number(wire->router, ZMQ_HEARTBEAT_TIMEOUT, 30000))
        return up_why_set(why, UP_IO,
                          "ZeroMQ refused a socket option; is libzmq built with CURVE?");
    if (zsock_bind(wire->router, "%s", config->endpoint) < 0)
        return up_why_set(why, UP_IO, "can't listen on %s: %s; is another process using that port?",
                          config->endpoint, zmq_strerror(zmq_errno()));
    bound = zsock_last_endpoint(wire->router);
    (void)snprintf(wire->endpoint, sizeof wire->endpoint, "%s", bound ? bound : config->endpoint);
    freen(bound);
    return UP_OK;
}

/* A stranger must be refused by our own handler, and nothing of what it says may arrive. */
static bool self_test(struct wire *wire)
{
    struct transport_public key;
    struct transport_secret secret;
    zsock_t *stranger = zsock_new(ZMQ_DEALER);
    int64_t until = clock_monotonic_ms() + SELF_TEST_MS;
    bool refused = false;

    if (!stranger)
        return false;
    keys_transport_generate(&key, &secret);
    (void)zmq_setsockopt(zsock_resolve(stranger), ZMQ_CURVE_PUBLICKEY, key.bytes, 32);
    (void)zmq_setsockopt(zsock_resolve(stranger), ZMQ_CURVE_SECRETKEY, secret.bytes, 32);
    (void)zmq_setsockopt(zsock_resolve(stranger), ZMQ_CURVE_SERVERKEY,
                         wire->config.keys->transport.bytes, 32);
    (void)set_number(stranger, ZMQ_LINGER, 0);
    if (zsock_connect(stranger, "%s", wire->endpoint) == 0 && zstr_send(stranger, "x") == 0) {
        while (!refused && clock_monotonic_ms() < until) {
            zmq_pollitem_t items[] = {{zsock_resolve(zap_socket(wire->zap)), 0, ZMQ_POLLIN, 0},
                                      {zsock_resolve(wire->router), 0, ZMQ_POLLIN, 0}};

            (void)zmq_poll(items, 2, 100);
            if (items[1].revents & ZMQ_POLLIN)
                break;
            if (items[0].revents & ZMQ_POLLIN)
                zap_answer(wire->zap);
            refused = zap_refused(wire->zap) > 0;
        }
    }
    keys_wipe(&secret, sizeof secret);
    zsock_destroy(&stranger);
    return refused;
}

enum up_err wire_new(const struct wire_config *config, struct wire **ret_wire, struct up_why *why)
{
    struct wire *wire = calloc(1, sizeof *wire);
    enum up_err err = UP_NO_MEMORY;

    if (!wire)
        return UP_NO_MEMORY;
    wire->config = *config;
    wire->peer_max = UP_MEMBERS_MAX;
    wire->peers = calloc(wire->peer_max, sizeof *wire->peers);
    wire->loads = calloc(LOADS_MAX, sizeof *wire->loads);
    if (!wire->peers || !wire->loads)
        goto out;
    (void)zsys_init();
    zsys_handler_set(NULL); /* signals are ours */
    err = arena_new(UP_ARENA_LEN_MAX, &wire->arena);
    if (!err)
        err = relay_new(config->broker, UP_MEMBERS_MAX, config->roster, &wire->relay);
    if (!err)
        err = zap_new(config->roster, &wire->zap);
    if (!err)
        err = bind_router(wire, why);
    if (!err && !self_test(wire))
        err = up_why_set(why, UP_NOT_PERMITTED,
                         "self-test: a stranger's key was not refused within 5 seconds; not "
                         "serving. Check that nothing else answers ZAP in this process");
    if (err)
        goto out;
    log_info("self-test", "a stranger's key was refused");
    *ret_wire = wire;
    wire = NULL;
out:
    wire_destroy(&wire);
    return err;
}

void wire_destroy(struct wire **wire_p)
{
    struct wire *wire = *wire_p;

    if (!wire)
        return;
    zsock_destroy(&wire->router);
    zap_destroy(&wire->zap);
    relay_destroy(&wire->relay);
    arena_destroy(&wire->arena);
    free(wire->peers);
    free(wire->loads);
    free(wire);
    *wire_p = NULL;
}

const char *wire_endpoint(const struct wire *wire)
{
    return wire->endpoint;
}

void wire_use_roster(struct wire *wire, const struct roster *roster)
{
    zap_use_roster(wire->zap, roster);
    perform(wire, &(struct relay_event){.kind = RELAY_ROSTER, .roster = roster});
    flush(wire);
}

uint64_t wire_refused(const struct wire *wire)
{
    return wire->refused + zap_refused(wire->zap);
}

enum up_err wire_run(struct wire *wire)
{
    int64_t next_tick = clock_monotonic_ms();

    while (!wire->failed) {
        zmq_pollitem_t items[] = {{zsock_resolve(zap_socket(wire->zap)), 0, ZMQ_POLLIN, 0},
                                  {zsock_resolve(wire->router), 0, ZMQ_POLLIN, 0},
                                  {NULL, wire->config.signal_fd, ZMQ_POLLIN, 0}};

        (void)zmq_poll(items, 3, TICK_MS);
        if (items[2].revents & ZMQ_POLLIN)
            return UP_OK;
        if (items[0].revents & ZMQ_POLLIN)
            zap_answer(wire->zap);
        for (int i = 0; i < DRAIN_MAX && !wire->failed && receive(wire); i++) {
            if (wire->pending_items + UP_FRAME_ENVELOPES_MAX > UP_GROUP_COMMIT_MAX ||
                wire->pending_bytes > PENDING_BYTES_MAX)
                flush(wire);
        }
        flush(wire);
        if (!wire->failed && clock_monotonic_ms() >= next_tick) {
            size_t expired = 0;

            wire->failed =
                mailstore_expire(wire->config.store, clock_wall_s(), UP_GROUP_COMMIT_MAX, &expired);
            if (expired > 0)
                log_info("expired", "count=%zu", expired);
            next_tick = clock_monotonic_ms() + INT64_C(60) * TICK_MS;
        }
    }
    return wire->failed;
}
