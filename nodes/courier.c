/* SPDX-License-Identifier: MIT */
#include "nodes/courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "upstander/limits.h"

/* Rows of one load: sealed and framed they come to three times as much, which must fit the arena of one step. */
#define ROWS_LEN_MAX (UP_ARENA_LEN_MAX / 4)

enum {
    FRAMES_MAX = 64, /* taken in one commit */
    FRAMES_BYTES_MAX =
        4 << 20,        /* likewise: what comes in one turn stays small beside the API's patience */
    NUMBERS_MAX = 4096, /* deliveries in those frames */
    TICK_MS = 1000,
    CHORES_S = 60,
    PAUSE_MS_MIN = 500,
    PAUSE_MS_MAX = 10000,
};

struct courier {
    struct service *service;
    struct link *link;
    struct arena *arena; /* of the event under way */
    struct arena *rows;  /* of the outbox rows under way */
    bool in_transaction;
    enum up_err failed; /* the store said no in this turn */
    bool lost;          /* connect again */
    bool connected;
    bool was_online;
    int64_t connect_ms; /* not before */
    int64_t pause_ms;
    int64_t tick_ms;
    int64_t chores_s;
    bool load; /* the exchange asked for outbox rows */
    uint64_t load_after;
    size_t load_limit;
    delivery_number numbers[NUMBERS_MAX];
    size_t number_count;
};

static void perform(struct courier *courier, struct exchange_event event);

static bool begin(struct courier *courier)
{
    if (courier->failed)
        return false;
    if (!courier->in_transaction) {
        courier->failed = nodestore_begin(courier->service->store);
        courier->in_transaction = !courier->failed;
    }
    arena_reset(courier->service->scratch);
    return !courier->failed;
}

static void note(struct courier *courier, enum up_err err)
{
    if (err && !courier->failed)
        courier->failed = err;
}

/* --- what was told, and how far it got -------------------------------------------------------------- */

static bool may_follow(unsigned from, enum sent_state to)
{
    if (to == SENT_ACCEPTED)
        return from == SENT_STORED || from == SENT_CANT;
    if (to == SENT_CANT)
        return from == SENT_STORED || from == SENT_ACCEPTED;
    return from == SENT_STORED || from == SENT_ACCEPTED || from == SENT_CANT;
}

/* The line of a report and member that an outbox row belongs to; others have none. */
static enum up_err sent_set(struct service *service, const char *reference, enum sent_state state,
                            const char *detail)
{
    struct nodestore_row row = {0};
    ProtobufCMessage *line = NULL;
    struct up_bytes bytes = {0};
    char text[128];
    enum up_err err = UP_NOT_FOUND;

    if (strlen(reference) == IDS_HEX_LEN)
        err = nodestore_get(service->store, NODESTORE_SENT, reference, service->scratch, &row);
    if (err == UP_NOT_FOUND || (!err && !may_follow(row.state, state)))
        return UP_OK;
    if (!err)
        err = message_unpack(&up__sent_line__descriptor, row.body, service->scratch, &line);
    if (err)
        return err;
    (void)snprintf(text, sizeof text, "%s", detail);
    ((Up__SentLine *)line)->detail = text;
    err = message_pack(line, UP_TEXT_LEN_MAX, &bytes);
    row.state = state;
    row.due_s = clock_wall_s();
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

/* An outbox row by its message id; UP_NOT_FOUND is fine: it was answered meanwhile. */
static enum up_err outbox_get(struct courier *courier, const struct message_id *id,
                              struct nodestore_row *ret_row)
{
    char name[IDS_HEX_LEN + 1];

    ids_hex(id->bytes, name);
    return nodestore_get(courier->service->store, NODESTORE_OUTBOX, name, courier->service->scratch,
                         ret_row);
}

static void do_progress(struct courier *courier, const struct exchange_action *action,
                        enum outbox_state state)
{
    struct service *service = courier->service;
    struct nodestore_row row = {0};
    enum up_err err = begin(courier) ? outbox_get(courier, &action->id, &row) : courier->failed;

    if (err == UP_NOT_FOUND)
        return;
    if (!err)
        err = nodestore_mark(service->store, NODESTORE_OUTBOX, row.name, state, action->due_s);
    if (!err && state == OUTBOX_ACCEPTED)
        err = sent_set(service, row.owner, SENT_ACCEPTED, "");
    if (!err && state == OUTBOX_CANT) {
        log_warn("cant-send", "to=%s why=\"%s\"", row.peer, action->why);
        err = sent_set(service, row.owner, SENT_CANT, action->why);
    }
    note(courier, err);
}

static void do_gone(struct courier *courier, const struct exchange_action *action)
{
    char name[IDS_HEX_LEN + 1];

    ids_hex(action->id.bytes, name);
    if (begin(courier))
        note(courier, nodestore_drop(courier->service->store, NODESTORE_OUTBOX, name));
}

/* --- what came -------------------------------------------------------------------------------------- */

static void do_received(struct courier *courier, const struct exchange_action *action)
{
    struct exchange_event event = {.kind = EXCHANGE_CHECKED, .message = &action->message};
    enum up_err err = nodestore_seen(courier->service->store, action->message.sender.text,
                                     action->message.id.bytes, &event.outcome);

    if (err && err != UP_NOT_FOUND)
        note(courier, err);
    else
        perform(courier, event);
}

/* The outbox row that a receipt or refusal speaks of, if its sender may. */
static enum up_err answered_row(struct courier *courier, const struct exchange_message *message,
                                ProtobufCBinaryData id, struct nodestore_row *ret_row)
{
    struct message_id about;
    enum up_err err = UP_NOT_FOUND;

    if (id.len != sizeof about.bytes)
        return UP_NOT_FOUND;
    memcpy(about.bytes, id.data, sizeof about.bytes);
    err = outbox_get(courier, &about, ret_row);
    return !err && strcmp(ret_row->peer, message->sender.text) != 0 ? UP_NOT_FOUND : err;
}

static void do_receipt(struct courier *courier, const struct exchange_action *action)
{
    const Up__DeliveryReceipt *receipt = action->message.message->delivery_receipt;
    struct nodestore_row row = {0};
    struct digest digest;
    enum up_err err = begin(courier)
                          ? answered_row(courier, &action->message, receipt->message_id, &row)
                          : courier->failed;

    if (err == UP_NOT_FOUND) /* a receipt that was given twice, or of no concern of its sender */
        return;
    if (!err) {
        keys_digest(row.body, &digest);
        if (receipt->digest.len != sizeof digest ||
            memcmp(receipt->digest.data, &digest, sizeof digest) != 0) {
            log_warn("receipt-refused", "from=%s why=other-bytes", action->message.sender.text);
            courier->service->refused++;
            return;
        }
        err = nodestore_drop(courier->service->store, NODESTORE_OUTBOX, row.name);
    }
    if (!err)
        err = sent_set(courier->service, row.owner, SENT_DELIVERED, "");
    note(courier, err);
}

static const char *reason_text(Up__Refused__Reason reason)
{
    switch ((int)reason) {
    case UP__REFUSED__REASON__CANNOT_OPEN:
        return "they could not open it";
    case UP__REFUSED__REASON__BAD_SIGNATURE:
        return "they could not verify it";
    case UP__REFUSED__REASON__NOT_UNDERSTOOD:
        return "their version does not understand it";
    case UP__REFUSED__REASON__WRONG_FEDERATION:
        return "they belong to another federation";
    case UP__REFUSED__REASON__EXPIRED:
        return "it reached them too late";
    case UP__REFUSED__REASON__NOT_PERMITTED:
        return "they may not have it";
    default:
        return "they refused it";
    }
}

/* A whole envelope could not be opened: all that this member has and did not confirm is sealed again, soon, to prekeys
 * that are fetched anew (protocol.md 3). What was confirmed is gone from the outbox; what arrives twice is kept once. */
static enum up_err seal_again(struct courier *courier, const char *member)
{
    struct service *service = courier->service;
    struct nodestore_query query = {
        .kind = NODESTORE_OUTBOX, .peer = member, .states = 1u << OUTBOX_ACCEPTED, .limit = 16};
    enum up_err err = UP_OK;

    while (!err) {
        struct nodestore_row *rows = NULL;
        size_t count = 0;

        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &rows, &count);
        if (err || count == 0)
            break;
        query.after = rows[count - 1].number;
        for (size_t i = 0; !err && i < count; i++)
            err = nodestore_mark(service->store, NODESTORE_OUTBOX, rows[i].name, OUTBOX_WAITING,
                                 clock_wall_s() + UP_RESEND_AFTER_MS / 1000);
    }
    return err;
}

static void do_turned_down(struct courier *courier, const struct exchange_action *action)
{
    const Up__Refused *refused = action->message.message->refused;
    struct nodestore_row row = {0};
    enum up_err err = begin(courier)
                          ? answered_row(courier, &action->message, refused->message_id, &row)
                          : courier->failed;

    log_warn("refused-by-recipient", "by=%s reason=%d", action->message.sender.text,
             (int)refused->reason);
    courier->service->refused++;
    if (err == UP_NOT_FOUND) {
        if (refused->envelope_id.len > 0 && refused->reason == UP__REFUSED__REASON__CANNOT_OPEN)
            note(courier, seal_again(courier, action->message.sender.text));
        return;
    }
    if (!err)
        err = nodestore_drop(courier->service->store, NODESTORE_OUTBOX, row.name);
    if (!err)
        err = sent_set(courier->service, row.owner, SENT_REFUSED, reason_text(refused->reason));
    if (!err)
        err = service_audit_add(courier->service, "node", "refused-by-recipient", "%s: reason %d",
                                row.peer, (int)refused->reason);
    note(courier, err);
}

/* For a person to look at; past the bound only the log tells of it. */
static void do_aside(struct courier *courier, const struct exchange_action *action)
{
    struct service *service = courier->service;
    struct nodestore_row row = {.kind = NODESTORE_ASIDE,
                                .state = RECEIVED_NEW,
                                .at_s = clock_wall_s(),
                                .body = action->message.bytes};

    service->refused++;
    log_warn("set-aside", "from=%s why=not-understood", action->message.sender.text);
    if (!begin(courier) || nodestore_count(service->store, NODESTORE_ASIDE, 0) >= UP_ASIDE_MAX)
        return;
    ids_hex(action->message.id.bytes, row.name);
    (void)snprintf(row.peer, sizeof row.peer, "%s", action->message.sender.text);
    note(courier, nodestore_put(service->store, &row));
}

static void do_saw(struct courier *courier, const struct exchange_action *action)
{
    if (begin(courier))
        note(courier, nodestore_saw(courier->service->store, action->message.sender.text,
                                    action->message.id.bytes, action->outcome, clock_wall_s()));
}

static void do_answer(struct courier *courier, const struct exchange_action *action)
{
    const struct service_letter letter = {.member = action->member,
                                          .owner = OUTBOX_ANSWER,
                                          .id = action->id,
                                          .message = action->bytes};

    if (begin(courier))
        note(courier, service_put_outbox(courier->service, &letter));
}

static void do_roster(struct courier *courier, const struct exchange_action *action)
{
    struct service *service = courier->service;
    struct roster *next = NULL;
    struct up_why why = {0};
    enum up_err err = UP_OK;

    if (service->roster_changed || !begin(courier))
        return;
    err = roster_open(action->bytes, service->roster, &service->stewards, &next);
    if (!err)
        err = service_use_roster(service, next, "node", &why);
    if (!err) {
        log_info("directory", "version %llu is in force",
                 (unsigned long long)roster_version(service->roster));
        return;
    }
    roster_destroy(&next);
    if (err == UP_IO || err == UP_FULL)
        note(courier, err);
    else
        log_warn("directory-refused", "why=\"%s\"", why.text[0] ? why.text : up_err_text(err));
}

/* --- actions ---------------------------------------------------------------------------------------- */

static void do_log(struct courier *courier, const struct exchange_action *action)
{
    static const struct {
        const char *word;
        const char *text;
    } troubles[] = {
        {"broker-does-not-answer", "the broker does not answer: it is away, or it does not take "
                                   "this node's key; trying again"},
        {"not-in-the-broker's-directory",
         "the broker's directory does not have this member; ask a signatory"},
        {"another-node-of-this-member-took-over",
         "another node runs under this member's keys; stop one of the two"},
        {"broker-speaks-another-version", "the broker speaks another version; update this node"},
    };

    if (action->member[0] != '\0')
        log_warn("exchange", "why=\"%s\" member=%s", action->why, action->member);
    else
        log_warn("exchange", "why=\"%s\"", action->why);
    courier->service->clocks_apart |= strcmp(action->why, "clocks-apart") == 0;
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        if (strcmp(troubles[i].word, action->why) == 0)
            courier->service->trouble = troubles[i].text;
    }
}

static void do_action(struct courier *courier, const struct exchange_action *action)
{
    struct service *service = courier->service;

    switch (action->kind) {
    case EXCHANGE_SEND:
        courier->lost |= !link_send(courier->link, action->bytes);
        break;
    case EXCHANGE_LOAD:
        courier->load = true;
        courier->load_after = action->after;
        courier->load_limit = action->limit;
        break;
    case EXCHANGE_ACCEPTED:
        do_progress(courier, action, OUTBOX_ACCEPTED);
        break;
    case EXCHANGE_GONE:
        do_gone(courier, action);
        break;
    case EXCHANGE_RETRY:
        do_progress(courier, action, OUTBOX_WAITING);
        break;
    case EXCHANGE_CANT_SEND:
        do_progress(courier, action, OUTBOX_CANT);
        break;
    case EXCHANGE_RECEIVED:
        do_received(courier, action);
        break;
    case EXCHANGE_DELIVERED:
        if (courier->number_count < NUMBERS_MAX)
            courier->numbers[courier->number_count++] = action->number;
        break;
    case EXCHANGE_KEEP:
        if (begin(courier))
            note(courier, service_keep(service, &action->message));
        break;
    case EXCHANGE_STATUS:
        if (begin(courier))
            note(courier, service_status_update(service, &action->message));
        break;
    case EXCHANGE_RECEIPT:
        do_receipt(courier, action);
        break;
    case EXCHANGE_TURNED_DOWN:
        do_turned_down(courier, action);
        break;
    case EXCHANGE_ASIDE:
        do_aside(courier, action);
        break;
    case EXCHANGE_SAW:
        do_saw(courier, action);
        break;
    case EXCHANGE_ANSWER:
        do_answer(courier, action);
        break;
    case EXCHANGE_NEWER_ROSTER:
        do_roster(courier, action);
        break;
    case EXCHANGE_LOST:
        courier->lost = true;
        break;
    case EXCHANGE_LOG:
        do_log(courier, action);
        break;
    }
}

static void perform(struct courier *courier, struct exchange_event event)
{
    struct exchange_actions actions = {0};

    event.now_s = clock_wall_s();
    event.now_ms = clock_monotonic_ms();
    if (exchange_step(courier->service->exchange, &event, courier->arena, &actions)) {
        log_error("exchange", "why=\"out of memory\"");
        courier->lost = true;
        return;
    }
    for (size_t i = 0; i < actions.count && !courier->failed; i++)
        do_action(courier, &actions.list[i]);
}

/* --- the outbox ------------------------------------------------------------------------------------- */

/* What may not leave any more is told to the operator and stays here. */
static bool may_leave(struct courier *courier, const struct nodestore_row *row)
{
    struct exchange_action action = {.why =
                                         "what was agreed or approved does not cover it any more",
                                     .due_s = clock_wall_s() + UP_RETRY_PAUSE_MS_MAX / 1000};
    bool may = false;
    enum up_err err = UP_OK;

    arena_reset(courier->service->scratch);
    err = service_may_leave(courier->service, row, &may);
    if (err) {
        note(courier, err);
        return false;
    }
    if (!may && ids_unhex(up_view_of(row->name, strlen(row->name)), action.id.bytes) == UP_OK)
        do_progress(courier, &action, OUTBOX_CANT);
    return may;
}

static enum up_err rows_load(struct courier *courier, struct nodestore_row **ret_rows,
                             size_t *ret_count)
{
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX,
                                    .due_by_s = clock_wall_s(),
                                    .after = courier->load_after,
                                    .limit = courier->load_limit};
    enum up_err err = UP_NO_MEMORY;

    for (; err == UP_NO_MEMORY && query.limit > 0;
         query.limit /= 4) { /* large ones: fewer at a time */
        arena_reset(courier->rows);
        err = nodestore_list(courier->service->store, &query, courier->rows, ret_rows, ret_count);
    }
    return err;
}

static void load(struct courier *courier)
{
    struct nodestore_row *rows = NULL;
    struct exchange_waiting *waiting = NULL;
    struct exchange_event event = {.kind = EXCHANGE_LOADED};
    size_t count = 0;
    enum up_err err = UP_OK;

    courier->load = false;
    arena_reset(courier->arena);
    err = rows_load(courier, &rows, &count);
    if (!err) {
        waiting = arena_alloc(courier->arena, (count + 1) * sizeof *waiting);
        err = waiting ? UP_OK : UP_NO_MEMORY;
    }
    if (err) {
        note(courier, err);
        return;
    }
    if (!roster_is_usable(courier->service->roster, clock_wall_s())) {
        courier->service->trouble = "the directory ran out over 30 days ago: nothing is sent; get "
                                    "a new one from a signatory";
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct exchange_waiting *to = &waiting[event.count];

        if (!may_leave(courier, &rows[i]) ||
            ids_unhex(up_view_of(rows[i].name, strlen(rows[i].name)), to->id.bytes))
            continue;
        to->number = rows[i].number;
        (void)snprintf(to->recipient, sizeof to->recipient, "%.*s", UP_MEMBER_LEN_MAX,
                       rows[i].peer);
        to->urgent = rows[i].urgent;
        to->answer = strcmp(rows[i].owner, OUTBOX_ANSWER) == 0;
        to->message = rows[i].body;
        event.count++;
    }
    event.waiting = waiting;
    if (!courier->failed)
        perform(courier, event);
}

static bool commit(struct courier *courier)
{
    enum up_err err = courier->failed;

    if (courier->in_transaction && !err)
        err = nodestore_commit(courier->service->store);
    else if (courier->in_transaction)
        nodestore_rollback(courier->service->store);
    courier->in_transaction = false;
    courier->failed = UP_OK;
    if (!err)
        return true;
    courier->service->trouble =
        err == UP_FULL ? "the disk is full: nothing is taken in until some space is free"
                       : "the store refuses to write; look at its disk";
    log_error("store", "why=\"%s\"", courier->service->trouble);
    courier->number_count = 0; /* not acknowledged: they come again */
    courier->lost = true;
    return false;
}

/* --- chores ----------------------------------------------------------------------------------------- */

/* Keys are made and destroyed only while this clock and the broker's agree, or when there is none yet: a clock that
 * ran ahead would destroy what mail under way is sealed to (protocol.md 2). */
static enum up_err prekeys_keep(struct courier *courier)
{
    struct service *service = courier->service;
    struct exchange_prekey list[UP_PREKEYS_PER_MEMBER_MAX];
    size_t count = 0;
    enum up_err err =
        begin(courier) ? service_prekeys_read(service, list, &count) : courier->failed;

    if (!err && (count == 0 || (exchange_is_online(service->exchange) && !service->clocks_apart))) {
        err = service_prekeys_renew(service, list, count);
        if (!err)
            err = service_attachments_sweep(service, clock_wall_s());
        note(courier, err);
        if (!commit(courier)) { /* nothing is published whose secret is not on disk */
            keys_wipe(list, sizeof list);
            return UP_OK; /* told already */
        }
        arena_reset(service->scratch);
        err = service_prekeys_read(service, list, &count);
    }
    if (!err) {
        arena_reset(courier->arena);
        perform(courier,
                (struct exchange_event){.kind = EXCHANGE_PREKEYS, .prekeys = list, .count = count});
    }
    keys_wipe(list, sizeof list);
    return err;
}

/* Windows close by a clock that was compared: one that ran ahead would close one that is still open. What goes wrong
 * is tried again and keeps nothing else waiting. */
static void publish(struct courier *courier)
{
    struct service *service = courier->service;
    char today[11];
    enum up_err err = UP_OK;

    service_today(today);
    if (exchange_is_online(service->exchange) && !service->clocks_apart)
        err = service_publish_due(service, today);
    if (err)
        log_error("release", "why=\"%s\"", up_err_text(err));
}

static void chores(struct courier *courier)
{
    int64_t now_s = clock_wall_s();

    if (now_s >= courier->chores_s || now_s < courier->chores_s - CHORES_S) {
        courier->chores_s = now_s + CHORES_S;
        note(courier, prekeys_keep(courier));
        if (commit(courier)) {
            publish(courier);
            service_agreements_watch(courier->service);
        }
    }
}

/* --- connection ------------------------------------------------------------------------------------- */

static void connect_again(struct courier *courier)
{
    const Up__Broker *broker =
        roster_find_broker_of(courier->service->roster, courier->service->member);
    struct transport_public key;

    courier->lost = false;
    if (!broker || broker->transport_key.len != sizeof key.bytes)
        return;
    memcpy(key.bytes, broker->transport_key.data, sizeof key.bytes);
    if (link_connect(courier->link, broker->endpoint, &key)) {
        log_error("connect", "the directory's address of the broker is of no use");
        return;
    }
    courier->connected = true;
    courier->service->clocks_apart = false;
    arena_reset(courier->arena);
    perform(courier, (struct exchange_event){.kind = EXCHANGE_CONNECTED});
}

static void disconnect(struct courier *courier)
{
    int64_t now_ms = clock_monotonic_ms();

    link_disconnect(courier->link);
    courier->connected = courier->lost = false;
    arena_reset(courier->arena);
    perform(courier, (struct exchange_event){.kind = EXCHANGE_DISCONNECTED});
    courier->load = false;
    courier->connect_ms = now_ms + courier->pause_ms;
    courier->pause_ms = courier->pause_ms * 2 < PAUSE_MS_MAX ? courier->pause_ms * 2 : PAUSE_MS_MAX;
}

/* Another directory: whoever was asked before is asked anew, under its rules. */
static void use_roster(struct courier *courier)
{
    struct service *service = courier->service;

    arena_reset(courier->arena);
    perform(courier, (struct exchange_event){.kind = EXCHANGE_ROSTER, .roster = service->roster});
    roster_destroy(&service->roster_old);
    service->roster_changed = false;
    courier->lost = true; /* the broker may be another one, or at another address */
    courier->pause_ms = PAUSE_MS_MIN;
}

/* --- a turn ----------------------------------------------------------------------------------------- */

static void take(struct courier *courier)
{
    struct up_view frame;
    size_t bytes = 0;

    for (int i = 0; i < FRAMES_MAX && bytes < FRAMES_BYTES_MAX && !courier->failed &&
                    courier->number_count < NUMBERS_MAX - UP_FRAME_ENVELOPES_MAX &&
                    link_receive(courier->link, &frame);
         i++) {
        bytes += frame.len;
        arena_reset(courier->arena);
        perform(courier, (struct exchange_event){.kind = EXCHANGE_FRAME, .bytes = frame});
    }
}

static void acknowledge(struct courier *courier)
{
    if (courier->number_count == 0)
        return;
    arena_reset(courier->arena);
    perform(courier, (struct exchange_event){.kind = EXCHANGE_COMMITTED,
                                             .numbers = courier->numbers,
                                             .count = courier->number_count});
    courier->number_count = 0;
}

static void send_waiting(struct courier *courier)
{
    if (courier->service->want) {
        courier->service->want = false;
        arena_reset(courier->arena);
        perform(courier, (struct exchange_event){.kind = EXCHANGE_WANT});
    }
    while (courier->load && !courier->failed && !courier->lost)
        load(courier);
}

void courier_run(struct courier *courier)
{
    int64_t now_ms = clock_monotonic_ms();

    if (courier->service->roster_changed)
        use_roster(courier);
    if (courier->connected)
        take(courier);
    if (commit(courier))
        acknowledge(courier);
    if (now_ms >= courier->tick_ms) {
        courier->tick_ms = now_ms + TICK_MS;
        chores(courier);
        arena_reset(courier->arena);
        perform(courier, (struct exchange_event){.kind = EXCHANGE_TICK});
    }
    send_waiting(courier);
    (void)commit(courier);
    if (exchange_is_online(courier->service->exchange)) {
        courier->pause_ms = PAUSE_MS_MIN;
        if (!courier->was_online)
            courier->chores_s = 0; /* the clock can be compared now */
    }
    courier->was_online = exchange_is_online(courier->service->exchange);
    if (courier->lost && courier->connected)
        disconnect(courier);
    if (!courier->connected && now_ms >= courier->connect_ms)
        connect_again(courier);
}

void courier_wait(struct courier *courier, const int *fds, size_t fd_count, int timeout_ms)
{
    link_wait(courier->link, fds, fd_count,
              timeout_ms < 0 || timeout_ms > TICK_MS ? TICK_MS : timeout_ms);
}

enum up_err courier_new(struct service *service, struct courier **ret_courier)
{
    struct courier *courier = calloc(1, sizeof *courier);
    enum up_err err = courier ? UP_OK : UP_NO_MEMORY;

    if (!err) {
        courier->service = service;
        courier->pause_ms = PAUSE_MS_MIN;
        err = arena_new(UP_ARENA_LEN_MAX, &courier->arena);
    }
    if (!err)
        err = arena_new(ROWS_LEN_MAX, &courier->rows);
    if (!err)
        err = link_new(service->keys, &courier->link);
    if (!err) {
        courier->chores_s = clock_wall_s() + CHORES_S;
        err = prekeys_keep(courier);
    }
    if (!err && (!commit(courier) || courier->lost))
        err = UP_IO;
    if (err)
        courier_destroy(&courier);
    else
        *ret_courier = courier;
    return err;
}

void courier_destroy(struct courier **courier_p)
{
    struct courier *courier = *courier_p;

    if (!courier)
        return;
    if (courier->in_transaction)
        nodestore_rollback(courier->service->store);
    link_destroy(&courier->link);
    arena_destroy(&courier->arena);
    arena_destroy(&courier->rows);
    free(courier);
    *courier_p = NULL;
}
