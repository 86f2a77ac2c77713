/* SPDX-License-Identifier: MIT */
#include "nodes/exchange/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

enum {
    PROTOCOL = 1,
    /* no Welcome by then: the broker refused us, or is not there */
    GREETING_MS = 10000,
    FETCH_AGAIN_MS = 15000,
    CLOCK_APART_S = 600, /* well before expiry, one hour, would be judged wrongly */
    /* nothing was heard: ask; a broker that was started again then says that it knows nobody */
    SILENCE_MS = 5000,
    DEAD_MS = 15000, /* nothing was heard in spite of asking: the connection is of no use */
    PAUSE_MS_MIN = 1000,
    LOAD_MAX = 512,
    FRAME_BYTES_MAX = 1 << 20, /* of envelopes in one Send */
    CREDIT = 128,
    LAST_WORDS = 4, /* actions, and bytes, kept back for when a step's memory runs out */
    LAST_WORDS_LEN = 512,
    SLOTS = 2 * UP_OUTBOX_IN_FLIGHT_MAX, /* of the set of what is under way */
    PEERS_MAX = UP_MEMBERS_MAX,
};

/* A member that this node sends to. */
struct peer {
    char member[UP_MEMBER_LEN_MAX + 1]; /* empty: free */
    struct prekey prekeys[UP_PREKEYS_PER_MEMBER_MAX];
    size_t prekey_count;
    int64_t fetch_after_ms;
    int64_t pause_until_ms; /* the mailbox was full */
    int64_t pause_ms;
};

/* A message in a Send that was not answered yet. */
struct flight {
    uint64_t seq;
    unsigned envelope; /* index in the Send */
    struct message_id id;
    bool answer;
    int64_t sent_ms;
    struct peer *peer;
};

enum state { OFFLINE, GREETING, ONLINE };

struct exchange {
    struct exchange_config config;
    char member[UP_MEMBER_LEN_MAX + 1];
    enum state state;
    int64_t since_ms; /* of the state */
    struct exchange_prekey prekeys[UP_PREKEYS_PER_MEMBER_MAX];
    size_t prekey_count;
    struct peer **peers;
    size_t peer_count;
    struct flight flights[UP_OUTBOX_IN_FLIGHT_MAX];
    size_t flight_count;
    uint64_t seq;
    uint64_t cursor; /* highest number loaded */
    bool loading;
    bool more;                /* something may wait above the cursor */
    int64_t again_ms;         /* look through the whole outbox again */
    int64_t heard_ms;         /* the last frame from the broker */
    int64_t asked_ms;         /* the last sign of life that was asked for */
    size_t send_max;          /* envelopes in one Send: the broker says */
    size_t given;             /* deliveries of this connection that were not acked */
    int64_t roster_after_ms;  /* a newer directory may be asked for again */
    struct envelope_id heavy; /* it did not fit into the memory of a step */
    bool leave; /* deliveries were left lying: they come again on another connection */
};

struct step {
    struct exchange *exchange;
    const struct exchange_event *event;
    struct arena *arena;
    struct exchange_actions actions;
    size_t room;
    struct exchange_action spare;
    uint8_t *last_words; /* LAST_WORDS_LEN bytes; used once `speaks_last` */
    bool speaks_last;
    bool no_memory;
};

enum up_err exchange_new(const struct exchange_config *config, struct exchange **ret_exchange)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (!exchange)
        return UP_NO_MEMORY;
    exchange->peers = calloc(PEERS_MAX, sizeof(struct peer *));
    if (!exchange->peers || strlen(config->member) > UP_MEMBER_LEN_MAX) {
        exchange_destroy(&exchange);
        return UP_NO_MEMORY;
    }
    exchange->config = *config;
    memcpy(exchange->member, config->member, strlen(config->member));
    exchange->config.member = exchange->member;
    *ret_exchange = exchange;
    return UP_OK;
}

void exchange_destroy(struct exchange **exchange_p)
{
    struct exchange *exchange = *exchange_p;

    if (!exchange)
        return;
    for (size_t i = 0; exchange->peers && i < exchange->peer_count; i++)
        free(exchange->peers[i]);
    free((void *)exchange->peers);
    keys_wipe(exchange->prekeys, sizeof exchange->prekeys);
    free(exchange);
    *exchange_p = NULL;
}

bool exchange_is_online(const struct exchange *exchange)
{
    return exchange->state == ONLINE;
}

size_t exchange_under_way(const struct exchange *exchange)
{
    return exchange->flight_count;
}

/* --- actions
 * -------------------------------------------------------------------------------------- */

static struct exchange_action *act(struct step *step, enum exchange_action_kind kind)
{
    struct exchange_action *action = &step->spare;
    size_t kept_back = step->speaks_last ? 0 : LAST_WORDS;

    if (step->actions.count + kept_back >= step->room && !step->speaks_last) {
        size_t room = step->room == 0 ? 32 : step->room * 2;
        struct exchange_action *grown = arena_alloc(step->arena, room * sizeof *grown);

        if (grown && step->actions.count > 0)
            memcpy(grown, step->actions.list, step->actions.count * sizeof *grown);
        if (grown) {
            step->actions.list = grown;
            step->room = room;
        }
    }
    if (step->actions.count + kept_back < step->room)
        action = &step->actions.list[step->actions.count++];
    else
        step->no_memory = true;
    memset(action, 0, sizeof *action);
    action->kind = kind;
    return action;
}

static void member_set(struct exchange_action *action, const char *member)
{
    if (strlen(member) <= UP_MEMBER_LEN_MAX)
        memcpy(action->member, member, strlen(member));
}

static void log_word(struct step *step, const char *why, const char *member)
{
    struct exchange_action *action = act(step, EXCHANGE_LOG);

    action->why = why;
    member_set(action, member);
}

static struct up_view pack(struct step *step, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = step->speaks_last && len <= LAST_WORDS_LEN ? step->last_words
                                                                : arena_alloc(step->arena, len + 1);

    if (!bytes) {
        step->no_memory = true;
        return up_view_of(NULL, 0);
    }
    (void)protobuf_c_message_pack(message, bytes);
    return up_view_of(bytes, len);
}

static void send_frame(struct step *step, const Up__Frame *frame)
{
    struct up_view bytes = pack(step, &frame->base);

    act(step, EXCHANGE_SEND)->bytes = bytes;
}

static void send_credit(struct step *step, unsigned envelopes)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Credit credit = UP__CREDIT__INIT;

    credit.envelopes = envelopes;
    frame.body_case = UP__FRAME__BODY_CREDIT;
    frame.credit = &credit;
    send_frame(step, &frame);
}

/* --- peers
 * ---------------------------------------------------------------------------------------- */

static struct peer *peer_find(const struct exchange *exchange, const char *member)
{
    for (size_t i = 0; i < exchange->peer_count; i++) {
        if (strcmp(exchange->peers[i]->member, member) == 0)
            return exchange->peers[i];
    }
    return NULL;
}

static struct peer *peer_require(struct step *step, const char *member)
{
    struct exchange *exchange = step->exchange;
    struct peer *peer = peer_find(exchange, member);

    if (peer || exchange->peer_count == PEERS_MAX || strlen(member) > UP_MEMBER_LEN_MAX)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (!peer) {
        step->no_memory = true;
        return NULL;
    }
    memcpy(peer->member, member, strlen(member));
    exchange->peers[exchange->peer_count++] = peer;
    return peer;
}

/* The one that is valid now and ends first: its secret is destroyed soonest. */
static const struct prekey *peer_prekey(const struct peer *peer, int64_t now_s)
{
    const struct prekey *best = NULL;

    for (size_t i = 0; peer && i < peer->prekey_count; i++) {
        const struct prekey *prekey = &peer->prekeys[i];

        if (prekey_is_valid(prekey, now_s) &&
            (!best || prekey->valid_until_s < best->valid_until_s))
            best = prekey;
    }
    return best;
}

bool exchange_knows(const struct exchange *exchange, const char *member, int64_t now_s)
{
    return peer_prekey(peer_find(exchange, member), now_s) != NULL;
}

static void peer_forget(struct peer *peer)
{
    peer->prekey_count = 0;
    peer->fetch_after_ms = 0;
}

static void fetch(struct step *step, struct peer *peer)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyFetch ask = UP__PREKEY_FETCH__INIT;

    if (step->event->now_ms < peer->fetch_after_ms)
        return;
    peer->fetch_after_ms = step->event->now_ms + FETCH_AGAIN_MS;
    ask.member = peer->member;
    frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
    frame.prekey_fetch = &ask;
    send_frame(step, &frame);
}

/* --- the outbox
 * ----------------------------------------------------------------------------------- */

/* The flights by message id, made once for the rows of a LOADED: index + 1, or 0. Half of it is
 * free at least. */
struct under_way {
    uint16_t slots[SLOTS];
};

static size_t slot_of(const struct exchange *exchange, const struct under_way *set,
                      const struct message_id *id)
{
    size_t slot = ((size_t)id->bytes[0] << 8 | id->bytes[1]) % SLOTS;

    while (set->slots[slot] != 0 &&
           memcmp(&exchange->flights[set->slots[slot] - 1].id, id, sizeof *id) != 0)
        slot = (slot + 1) % SLOTS;
    return slot;
}

static void under_way_add(const struct exchange *exchange, struct under_way *set, size_t flight)
{
    set->slots[slot_of(exchange, set, &exchange->flights[flight].id)] = (uint16_t)(flight + 1);
}

static bool is_under_way(const struct exchange *exchange, const struct under_way *set,
                         const struct message_id *id)
{
    return set->slots[slot_of(exchange, set, id)] != 0;
}

static void load(struct step *step)
{
    struct exchange *exchange = step->exchange;
    size_t room = UP_OUTBOX_IN_FLIGHT_MAX - exchange->flight_count;
    struct exchange_action *action = NULL;

    if (exchange->state != ONLINE || exchange->loading || !exchange->more || room == 0)
        return;
    exchange->loading = true;
    action = act(step, EXCHANGE_LOAD);
    action->after = exchange->cursor;
    action->limit = room < LOAD_MAX ? room : LOAD_MAX;
}

static void look_again(struct exchange *exchange)
{
    exchange->cursor = 0;
    exchange->more = true;
}

/* A Send that is being filled. */
struct draft {
    struct up_view envelopes[UP_FRAME_ENVELOPES_MAX];
    size_t count;
    size_t bytes;
    struct under_way under_way;
};

static void draft_send(struct step *step, struct draft *draft)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Send sent = UP__SEND__INIT;
    ProtobufCBinaryData list[UP_FRAME_ENVELOPES_MAX];

    if (draft->count == 0)
        return;
    for (size_t i = 0; i < draft->count; i++) {
        memcpy(&list[i].data, &draft->envelopes[i].data, sizeof list[i].data);
        list[i].len = draft->envelopes[i].len;
    }
    sent.seq = step->exchange->seq++;
    sent.envelopes = list;
    sent.n_envelopes = draft->count;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &sent;
    send_frame(step, &frame);
    draft->count = draft->bytes = 0;
}

static void cant_send(struct step *step, const struct message_id *id, const char *why)
{
    struct exchange_action *action = act(step, EXCHANGE_CANT_SEND);

    action->id = *id;
    action->why = why;
    action->due_s = step->event->now_s + UP_RETRY_PAUSE_MS_MAX / 1000;
}

/* Seals messages for one recipient and lane into the draft. */
struct batch {
    struct peer *peer;
    const struct prekey *prekey;
    const struct exchange_waiting *list[UP_BATCH_MESSAGES_MAX];
    size_t count;
};

static void seal(struct step *step, const struct batch *batch, struct draft *draft)
{
    const struct exchange_waiting *const *list = batch->list;
    size_t count = batch->count;
    struct exchange *exchange = step->exchange;
    struct up_view messages[UP_BATCH_MESSAGES_MAX];
    struct envelope_seal_args args = {.roster = exchange->config.roster,
                                      .sender = exchange->member,
                                      .recipient = batch->peer->member,
                                      .identity = exchange->config.identity,
                                      .prekey = batch->prekey,
                                      .now_s = step->event->now_s,
                                      .ttl_s = UP_ENVELOPE_TTL_S_MAX,
                                      .urgent = list[0]->urgent,
                                      .messages = messages,
                                      .message_count = count};
    struct envelope_id id;
    struct up_bytes envelope = {0};
    uint8_t *copy = NULL;
    enum up_err err = UP_OK;

    for (size_t i = 0; i < count; i++)
        messages[i] = list[i]->message;
    err = envelope_seal(&args, &id, &envelope);
    if (!err)
        copy = arena_alloc(step->arena, envelope.len);
    if (!err && !copy)
        err = UP_NO_MEMORY;
    if (!err)
        memcpy(copy, envelope.data, envelope.len);
    if (err == UP_NO_MEMORY)
        step->no_memory = true;
    for (size_t i = 0; err && i < count; i++)
        cant_send(step, &list[i]->id, up_err_text(err));
    if (!err) {
        if (draft->count == exchange->send_max ||
            (draft->count > 0 && draft->bytes + envelope.len > FRAME_BYTES_MAX))
            draft_send(step, draft);
        for (size_t i = 0; i < count; i++) {
            exchange->flights[exchange->flight_count] =
                (struct flight){.seq = exchange->seq,
                                .envelope = (unsigned)draft->count,
                                .id = list[i]->id,
                                .answer = list[i]->answer,
                                .sent_ms = step->event->now_ms,
                                .peer = batch->peer};
            under_way_add(exchange, &draft->under_way, exchange->flight_count++);
        }
        draft->envelopes[draft->count++] = up_view_of(copy, envelope.len);
        draft->bytes += envelope.len;
    }
    up_bytes_wipe(&envelope);
}

/* All that was loaded for the recipient and lane of list[from], in envelopes as full as they get.
 */
static void seal_lane(struct step *step, const struct exchange_waiting *rows, bool *done,
                      size_t from, struct draft *draft)
{
    struct up_view messages[UP_BATCH_MESSAGES_MAX];
    struct peer *peer = peer_require(step, rows[from].recipient);
    struct batch batch = {.peer = peer, .prekey = peer_prekey(peer, step->event->now_s)};
    bool active = roster_find_active(step->exchange->config.roster, rows[from].recipient) != NULL;
    bool paused = peer && step->event->now_ms < peer->pause_until_ms;

    for (size_t i = from; i < step->event->count; i++) {
        if (done[i] || rows[i].urgent != rows[from].urgent ||
            strcmp(rows[i].recipient, rows[from].recipient) != 0)
            continue;
        done[i] = true;
        if (is_under_way(step->exchange, &draft->under_way, &rows[i].id))
            continue;
        if (!active) {
            cant_send(step, &rows[i].id, "the recipient is not in the directory");
            continue;
        }
        if (!peer || !batch.prekey || paused ||
            step->exchange->flight_count + batch.count == UP_OUTBOX_IN_FLIGHT_MAX)
            continue; /* loaded again later */
        messages[batch.count] = rows[i].message;
        if (batch.count > 0 && envelope_batch_len(messages, batch.count + 1) > UP_BATCH_LEN_MAX) {
            seal(step, &batch, draft);
            messages[0] = rows[i].message;
            batch.count = 0;
        }
        batch.list[batch.count++] = &rows[i];
        if (batch.count == UP_BATCH_MESSAGES_MAX) {
            seal(step, &batch, draft);
            batch.count = 0;
        }
    }
    if (batch.count > 0)
        seal(step, &batch, draft);
    if (peer && active && !batch.prekey)
        fetch(step, peer);
}

static void on_loaded(struct step *step)
{
    struct exchange *exchange = step->exchange;
    const struct exchange_waiting *rows = step->event->waiting;
    size_t count = step->event->count;
    bool *done = arena_alloc(step->arena, count + 1);
    struct draft *draft = arena_alloc(step->arena, sizeof *draft);

    exchange->loading = false;
    if (!done || !draft) {
        step->no_memory = true;
        return;
    }
    if (exchange->state != ONLINE)
        return;
    exchange->more = count > 0;
    for (size_t i = 0; i < exchange->flight_count; i++)
        under_way_add(exchange, &draft->under_way, i);
    for (size_t urgent = 2; urgent-- > 0;) { /* the urgent lane first */
        for (size_t i = 0; i < count; i++) {
            if (!done[i] && rows[i].urgent == (urgent == 1))
                seal_lane(step, rows, done, i, draft);
        }
    }
    if (count > 0)
        exchange->cursor = rows[count - 1].number;
    draft_send(step, draft);
    load(step);
}

/* The pause grows once for what was sent together, however many messages that were. Up to a quarter
 * of it is taken off by the message's id, which is random: nodes that were turned away together do
 * not come back together. */
static void retry(struct step *step, const struct flight *flight)
{
    struct exchange_action *action = act(step, EXCHANGE_RETRY);
    struct peer *peer = flight->peer;
    int64_t now_ms = step->event->now_ms;

    if (now_ms >= peer->pause_until_ms) {
        peer->pause_ms = peer->pause_ms == 0 ? PAUSE_MS_MIN : peer->pause_ms * 2;
        if (peer->pause_ms > UP_RETRY_PAUSE_MS_MAX)
            peer->pause_ms = UP_RETRY_PAUSE_MS_MAX;
        peer->pause_until_ms =
            now_ms + peer->pause_ms - peer->pause_ms * flight->id.bytes[15] / 1024;
    }
    action->id = flight->id;
    action->due_s = step->event->now_s + (peer->pause_until_ms - now_ms + 999) / 1000;
}

static void accepted(struct step *step, const struct flight *flight, Up__Accepted__Result result)
{
    struct exchange_action *action = NULL;

    switch ((int)result) {
    case UP__ACCEPTED__RESULT__STORED:
    case UP__ACCEPTED__RESULT__DUPLICATE:
        flight->peer->pause_ms = flight->peer->pause_until_ms = 0;
        action = act(step, flight->answer ? EXCHANGE_GONE : EXCHANGE_ACCEPTED);
        action->id = flight->id;
        action->due_s = step->event->now_s + UP_RESEAL_AFTER_MS / 1000;
        break;
    case UP__ACCEPTED__RESULT__UNKNOWN_RECIPIENT:
        cant_send(step, &flight->id, "the broker does not know the recipient");
        break;
    case UP__ACCEPTED__RESULT__NOT_PERMITTED:
        cant_send(step, &flight->id, "the broker does not permit it");
        break;
    case UP__ACCEPTED__RESULT__TOO_LARGE:
        cant_send(step, &flight->id, "too large for the broker");
        break;
    case UP__ACCEPTED__RESULT__EXPIRED:
        cant_send(step, &flight->id, "the broker's clock and this one differ too much");
        break;
    case UP__ACCEPTED__RESULT__MALFORMED:
        cant_send(step, &flight->id, "the broker does not understand the envelope");
        break;
    default: /* mailbox full, try later, or what a newer broker says */
        retry(step, flight);
        break;
    }
}

static void on_accepted(struct step *step, const Up__Accepted *answer)
{
    struct exchange *exchange = step->exchange;
    size_t kept = 0;

    for (size_t i = 0; i < exchange->flight_count; i++) {
        const struct flight flight = exchange->flights[i];

        if (flight.seq != answer->seq)
            exchange->flights[kept++] = flight;
        else if (flight.envelope < answer->n_results)
            accepted(step, &flight, answer->results[flight.envelope]);
        else
            retry(step, &flight);
    }
    exchange->flight_count = kept;
    load(step);
}

/* --- what comes
 * ----------------------------------------------------------------------------------- */

/* An answer's id follows from what it answers: given again it is the same. */
static void answer_id(const struct exchange_message *to, const char *word,
                      struct message_id *ret_id)
{
    uint8_t bytes[64] = {0};
    struct digest digest;

    memcpy(bytes, to->id.bytes, 16);
    memcpy(bytes + 16, to->sender.text, strlen(to->sender.text));
    bytes[63] = (uint8_t)word[0];
    keys_digest(up_view_of(bytes, sizeof bytes), &digest);
    memcpy(ret_id->bytes, digest.bytes, sizeof ret_id->bytes);
}

static void answer(struct step *step, const struct exchange_message *to, Up__Message *message,
                   const char *word)
{
    struct message_id id;
    struct exchange_action *action = NULL;
    struct up_view bytes = {0};

    answer_id(to, word, &id);
    message->id = (ProtobufCBinaryData){.len = sizeof id.bytes, .data = id.bytes};
    message->sent_at_s = step->event->now_s;
    bytes = pack(step, &message->base);
    message->id = (ProtobufCBinaryData){.len = 0, .data = NULL}; /* id ends with this function */
    action = act(step, EXCHANGE_ANSWER);
    action->id = id;
    action->bytes = bytes;
    member_set(action, to->sender.text);
}

static void answer_receipt(struct step *step, const struct exchange_message *to, bool repeat)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__DeliveryReceipt receipt = UP__DELIVERY_RECEIPT__INIT;
    struct exchange_message copy = *to;

    receipt.message_id = (ProtobufCBinaryData){.len = 16, .data = copy.id.bytes};
    receipt.digest = (ProtobufCBinaryData){.len = 32, .data = copy.digest.bytes};
    receipt.outcome =
        repeat ? UP__DELIVERY_RECEIPT__OUTCOME__DUPLICATE : UP__DELIVERY_RECEIPT__OUTCOME__STORED;
    message.body_case = UP__MESSAGE__BODY_DELIVERY_RECEIPT;
    message.delivery_receipt = &receipt;
    answer(step, to, &message, "receipt");
}

static void answer_refused(struct step *step, const struct exchange_message *to,
                           const struct envelope_id *envelope, Up__Refused__Reason reason)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__Refused refused = UP__REFUSED__INIT;
    struct exchange_message copy = *to;
    struct envelope_id envelope_copy = {.bytes = {0}};

    if (envelope) {
        envelope_copy = *envelope;
        refused.envelope_id = (ProtobufCBinaryData){.len = 16, .data = envelope_copy.bytes};
        memcpy(copy.id.bytes, envelope_copy.bytes, 16);
    } else {
        refused.message_id = (ProtobufCBinaryData){.len = 16, .data = copy.id.bytes};
    }
    refused.reason = reason;
    message.body_case = UP__MESSAGE__BODY_REFUSED;
    message.refused = &refused;
    answer(step, &copy, &message, "x");
}

static bool is_answer(const Up__Message *message)
{
    return message->body_case == UP__MESSAGE__BODY_DELIVERY_RECEIPT ||
           message->body_case == UP__MESSAGE__BODY_REFUSED;
}

static bool answer_is_well_formed(const Up__Message *message)
{
    const Up__DeliveryReceipt *receipt = message->delivery_receipt;
    const Up__Refused *refused = message->refused;

    if (message->body_case == UP__MESSAGE__BODY_DELIVERY_RECEIPT)
        return receipt->message_id.len == 16 && receipt->digest.len == sizeof(struct digest) &&
               (receipt->outcome == UP__DELIVERY_RECEIPT__OUTCOME__STORED ||
                receipt->outcome == UP__DELIVERY_RECEIPT__OUTCOME__DUPLICATE);
    return (refused->message_id.len == 16 || refused->envelope_id.len == 16) &&
           (refused->message_id.len == 16 || refused->message_id.len == 0) &&
           (refused->envelope_id.len == 16 || refused->envelope_id.len == 0);
}

static bool forwarded_is_well_formed(const Up__Message *message)
{
    const Up__Forwarded *forwarded = message->forwarded;
    struct member_id member;

    return message->reference.len == 16 && forwarded->role > UP__ROLE__CODE__NOT_STATED &&
           forwarded->role <= UP__ROLE__CODE__GOVERNANCE &&
           forwarded->level >= UP__ENTITLEMENT__LEVEL__PSEUDONYMISED &&
           forwarded->level <= UP__ENTITLEMENT__LEVEL__IDENTIFIED &&
           ids_member_parse(up_view_of(forwarded->member, strlen(forwarded->member)), &member) ==
               UP_OK;
}

/* A kind of object or answer that this version does not know is no fault of its sender, who must hear of it. */
static bool action_is_known(const Up__Message *message)
{
    bool item = message->body_case == UP__MESSAGE__BODY_ACTION_ITEM;
    const ProtobufCEnumValue *kind =
        item ? protobuf_c_enum_descriptor_get_value(&up__action_item__object__descriptor,
                                                    (int)message->action_item->object)
             : protobuf_c_enum_descriptor_get_value(&up__done__what__descriptor,
                                                    (int)message->done->what);

    return message->reference.len == 16 && message->version > 0 && kind && kind->value != 0;
}

/* Is it something that this node may be told? What is not is refused by message. */
static enum exchange_outcome judge(const Up__Message *message)
{
    const Up__Incident *incident = NULL;

    switch ((int)message->body_case) {
    case UP__MESSAGE__BODY_INCIDENT_DISCLOSURE:
        incident = message->incident_disclosure->incident;
        if (message->reference.len != 16 || message->version == 0 || !incident ||
            !incident->entitlement ||
            incident->entitlement->level < UP__ENTITLEMENT__LEVEL__PSEUDONYMISED ||
            incident->entitlement->level > UP__ENTITLEMENT__LEVEL__IDENTIFIED)
            return EXCHANGE_NOT_UNDERSTOOD;
        return EXCHANGE_STORED;
    case UP__MESSAGE__BODY_ACTION_ITEM:
    case UP__MESSAGE__BODY_DONE:
        return action_is_known(message) ? EXCHANGE_STORED : EXCHANGE_NOT_UNDERSTOOD;
    case UP__MESSAGE__BODY_ATTACHMENT:
    case UP__MESSAGE__BODY_STATUS_UPDATE:
        return message->reference.len == 16 ? EXCHANGE_STORED : EXCHANGE_NOT_UNDERSTOOD;
    case UP__MESSAGE__BODY_FORWARDED:
        return forwarded_is_well_formed(message) ? EXCHANGE_STORED : EXCHANGE_NOT_UNDERSTOOD;
    case UP__MESSAGE__BODY_RELEASE:
    case UP__MESSAGE__BODY_STATISTICS_RETURN:
    case UP__MESSAGE__BODY_POOLED_COUNTS:
        return EXCHANGE_STORED;
    case UP__MESSAGE__BODY_AGREEMENT:
        return message->agreement->digest.len == 32 && message->agreement->number > 0
                   ? EXCHANGE_STORED
                   : EXCHANGE_NOT_UNDERSTOOD;
    default:
        return EXCHANGE_NOT_UNDERSTOOD;
    }
}

static void saw(struct step *step, const struct exchange_message *message, unsigned outcome)
{
    struct exchange_action *action = act(step, EXCHANGE_SAW);

    action->message = *message;
    action->outcome = outcome;
}

static void on_answer(struct step *step, const struct exchange_message *message)
{
    const Up__Message *content = message->message;
    struct peer *peer = peer_find(step->exchange, message->sender.text);
    bool refused = content->body_case == UP__MESSAGE__BODY_REFUSED;

    if (!answer_is_well_formed(content)) {
        log_word(step, "malformed-answer", message->sender.text);
        return;
    }
    /* its prekeys changed: what is sealed from now on is sealed to the new ones */
    if (peer && refused && content->refused->reason == UP__REFUSED__REASON__CANNOT_OPEN)
        peer_forget(peer);
    act(step, refused ? EXCHANGE_TURNED_DOWN : EXCHANGE_RECEIPT)->message = *message;
}

static void on_checked(struct step *step)
{
    const struct exchange_message *message = step->event->message;
    unsigned outcome = step->event->outcome;
    bool repeat = outcome != 0;
    bool status = message->message->body_case == UP__MESSAGE__BODY_STATUS_UPDATE;

    if (is_answer(message->message)) { /* never answered, so never remembered: applying it twice
                                          changes nothing */
        on_answer(step, message);
        return;
    }
    if (!repeat) {
        outcome = judge(message->message);
        if (outcome == EXCHANGE_STORED)
            act(step, status ? EXCHANGE_STATUS : EXCHANGE_KEEP)->message = *message;
        else
            act(step, EXCHANGE_ASIDE)->message = *message;
        saw(step, message, outcome);
    }
    if (outcome == EXCHANGE_STORED)
        answer_receipt(step, message, repeat);
    else
        answer_refused(step, message, NULL, UP__REFUSED__REASON__NOT_UNDERSTOOD);
}

static const struct exchange_prekey *own_prekey(const struct exchange *exchange,
                                                const struct prekey_id *id)
{
    for (size_t i = 0; i < exchange->prekey_count; i++) {
        struct prekey_id own;

        prekey_id_of(&exchange->prekeys[i].prekey.key, &own);
        if (memcmp(&own, id, sizeof own) == 0)
            return &exchange->prekeys[i];
    }
    return NULL;
}

/* The id of a message that can't be unpacked, where it stands in front: its sender can be told
 * which one it was. */
static bool id_peek(struct up_view bytes, struct message_id *ret_id)
{
    if (bytes.len < 18 || bytes.data[0] != 0x0a || bytes.data[1] != 16)
        return false;
    memcpy(ret_id->bytes, bytes.data + 2, 16);
    return true;
}

/* One message of a batch; what can't be understood spoils no other. */
static void on_message(struct step *step, const struct envelope_header *header,
                       struct up_view bytes)
{
    ProtobufCMessage *unpacked = NULL;
    struct exchange_message message = {.sender = header->sender, .bytes = bytes};
    enum up_err err = message_unpack(&up__message__descriptor, bytes, step->arena, &unpacked);
    const Up__Message *content = (const Up__Message *)unpacked;

    if (err == UP_NO_MEMORY) {
        step->no_memory = true;
        return;
    }
    if (err || content->id.len != 16) {
        struct exchange_action *aside = act(step, EXCHANGE_ASIDE);

        keys_digest(bytes, &message.digest);
        memcpy(message.id.bytes, message.digest.bytes, 16);
        aside->message = message;
        answer_refused(step, &message, id_peek(bytes, &message.id) ? NULL : &header->id,
                       UP__REFUSED__REASON__NOT_UNDERSTOOD);
        return;
    }
    memcpy(message.id.bytes, content->id.data, 16);
    keys_digest(bytes, &message.digest);
    message.message = content;
    act(step, EXCHANGE_RECEIVED)->message = message;
}

/* Somebody goes by a directory that this node does not have yet. */
static void roster_fetch(struct step *step)
{
    struct exchange *exchange = step->exchange;
    Up__Frame frame = UP__FRAME__INIT;
    Up__RosterFetch ask = UP__ROSTER_FETCH__INIT;

    if (step->event->now_ms < exchange->roster_after_ms)
        return;
    exchange->roster_after_ms = step->event->now_ms + FETCH_AGAIN_MS;
    ask.version = roster_version(exchange->config.roster);
    frame.body_case = UP__FRAME__BODY_ROSTER_FETCH;
    frame.roster_fetch = &ask;
    send_frame(step, &frame);
}

static void on_delivery(struct step *step, const Up__Delivery *delivery)
{
    struct exchange *exchange = step->exchange;
    struct up_view bytes = up_view_of(delivery->envelope.data, delivery->envelope.len);
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    struct envelope_header header;
    const struct exchange_prekey *own = NULL;
    Up__Batch *batch = NULL;
    enum up_err err = envelope_peek(bytes, &header, &header_bytes, &sealed);

    if (err == UP_NO_MEMORY) {
        step->no_memory = true;
        return;
    }
    if (err) { /* nobody to answer to: acked, and gone */
        log_word(step, "malformed-envelope", "");
        act(step, EXCHANGE_DELIVERED)->number = delivery->number;
        return;
    }
    own = own_prekey(exchange, &header.prekey_id);
    err = UP_WRONG_KEY;
    if (own) {
        struct envelope_open_args args = {.roster = exchange->config.roster,
                                          .recipient = exchange->member,
                                          .prekey = &own->prekey.key,
                                          .secret = &own->secret,
                                          .now_s = step->event->now_s};

        err = envelope_open(bytes, &args, step->arena, &header, &batch);
    }
    if (err == UP_NO_MEMORY) {
        step->no_memory = true;
        return;
    }
    if ((err == UP_UNKNOWN_MEMBER && !roster_find(exchange->config.roster, header.sender.text)) ||
        (!err && batch->roster_version > roster_version(exchange->config.roster)))
        roster_fetch(step);
    for (size_t i = 0; !err && !step->no_memory && i < batch->n_messages; i++)
        on_message(step, &header, up_view_of(batch->messages[i].data, batch->messages[i].len));
    if (err) {
        struct exchange_message nobody = {.sender = header.sender};

        log_word(step, up_err_text(err), header.sender.text);
        /* only to a member, and only where its own hand is likely: a forged sender is not told
         * anything */
        if (err == UP_WRONG_KEY && roster_find_active(exchange->config.roster, header.sender.text))
            answer_refused(step, &nobody, &header.id, UP__REFUSED__REASON__CANNOT_OPEN);
    }
    act(step, EXCHANGE_DELIVERED)->number = delivery->number;
}

/* Those of this node that are still of use, to the broker. */
static void publish(struct step *step)
{
    struct exchange *exchange = step->exchange;
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyPublish publish = UP__PREKEY_PUBLISH__INIT;
    Up__SignedPrekey prekeys[UP_PREKEYS_PER_MEMBER_MAX];
    Up__SignedPrekey *list[UP_PREKEYS_PER_MEMBER_MAX];

    for (size_t i = 0; i < exchange->prekey_count; i++) {
        struct prekey *prekey = &exchange->prekeys[i].prekey;
        Up__SignedPrekey *to = &prekeys[publish.n_prekeys];

        if (step->event->now_s >= prekey->valid_until_s)
            continue;
        up__signed_prekey__init(to);
        to->member = exchange->member;
        to->key = (ProtobufCBinaryData){.len = 32, .data = prekey->key.bytes};
        to->valid_from_s = prekey->valid_from_s;
        to->valid_until_s = prekey->valid_until_s;
        to->signature = (ProtobufCBinaryData){.len = 64, .data = prekey->signature};
        list[publish.n_prekeys++] = to;
    }
    publish.prekeys = list;
    frame.body_case = UP__FRAME__BODY_PREKEY_PUBLISH;
    frame.prekey_publish = &publish;
    send_frame(step, &frame);
}

static void on_welcome(struct step *step, const Up__Welcome *welcome)
{
    struct exchange *exchange = step->exchange;

    if (exchange->state != GREETING)
        return;
    exchange->state = ONLINE;
    exchange->since_ms = step->event->now_ms;
    exchange->asked_ms = step->event->now_ms;
    exchange->send_max = welcome->send_max > 0 && welcome->send_max < UP_FRAME_ENVELOPES_MAX
                             ? welcome->send_max
                             : UP_FRAME_ENVELOPES_MAX;
    exchange->roster_after_ms = 0;
    if (welcome->now_s - step->event->now_s > CLOCK_APART_S ||
        step->event->now_s - welcome->now_s > CLOCK_APART_S)
        log_word(step, "clocks-apart", "");
    if (welcome->signed_roster.len > 0)
        act(step, EXCHANGE_NEWER_ROSTER)->bytes =
            up_view_of(welcome->signed_roster.data, welcome->signed_roster.len);
    publish(step);
    send_credit(step, CREDIT);
    for (size_t i = 0; i < exchange->peer_count; i++)
        exchange->peers[i]->fetch_after_ms = 0;
    look_again(exchange);
    load(step);
}

static void on_prekeys(struct step *step, const Up__Prekeys *set)
{
    struct exchange *exchange = step->exchange;
    struct peer *peer = peer_find(exchange, set->member);
    bool knew = peer_prekey(peer, step->event->now_s) != NULL;

    if (!peer) /* nobody asked */
        return;
    peer->prekey_count = 0;
    for (size_t i = 0; i < set->n_prekeys && peer->prekey_count < UP_PREKEYS_PER_MEMBER_MAX; i++) {
        struct prekey *place = &peer->prekeys[peer->prekey_count];

        if (strcmp(set->prekeys[i]->member, peer->member) == 0 &&
            prekey_open(set->prekeys[i], exchange->config.roster, place) == UP_OK)
            peer->prekey_count++;
        else
            log_word(step, "prekey-refused", peer->member);
    }
    if (!knew && peer_prekey(peer, step->event->now_s)) {
        look_again(exchange);
        load(step);
    }
}

static void lost(struct step *step)
{
    struct exchange *exchange = step->exchange;

    exchange->state = OFFLINE;
    exchange->flight_count = 0; /* not accepted: loaded again from the store */
    exchange->given = 0;
    exchange->leave = false;
    exchange->loading = false;
    look_again(exchange);
}

static void on_failure(struct step *step, const Up__Failure *failure)
{
    static const char *const words[] = {
        [UP__FAILURE__CODE__NOT_STATED] = "broker-refused",
        [UP__FAILURE__CODE__NOT_IN_ROSTER] = "not-in-the-broker's-directory",
        [UP__FAILURE__CODE__MALFORMED] = "broker-understood-nothing",
        [UP__FAILURE__CODE__UNSUPPORTED_PROTOCOL] = "broker-speaks-another-version",
        [UP__FAILURE__CODE__HELLO_FIRST] = "broker-started-again",
        [UP__FAILURE__CODE__SUPERSEDED] = "another-node-of-this-member-took-over",
        [UP__FAILURE__CODE__NOT_YOURS] = "broker-refused-a-frame",
    };
    size_t code = (size_t)failure->code;
    bool ends = code != UP__FAILURE__CODE__NOT_YOURS && code != UP__FAILURE__CODE__MALFORMED;

    log_word(step, code < sizeof words / sizeof words[0] ? words[code] : words[0], "");
    if (ends) {
        lost(step);
        (void)act(step, EXCHANGE_LOST);
    }
}

static void on_expired(struct step *step, const Up__Expired *expired)
{
    for (size_t i = 0; i < expired->n_envelopes; i++)
        log_word(step, "envelope-expired-uncollected",
                 roster_find(step->exchange->config.roster, expired->envelopes[i]->recipient)
                     ? expired->envelopes[i]->recipient
                     : ""); /* a broker's text goes into no log */
}

/* What one envelope makes must fit into the memory of a step, or a member could keep this node from
 * all that comes after. The first of a frame has the whole step: when it fails twice, the envelope
 * is the cause and is refused. What stood before it is acked as always; what stands behind it is
 * delivered again, on another connection. */
static void on_heavy(struct step *step, const Up__Delivery *delivery, bool first)
{
    struct exchange *exchange = step->exchange;
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    struct envelope_header header;
    struct exchange_message nobody = {.bytes = {0}};
    bool peeked = envelope_peek(up_view_of(delivery->envelope.data, delivery->envelope.len),
                                &header, &header_bytes, &sealed) == UP_OK;

    step->no_memory = false;
    step->speaks_last = true;
    if (first && peeked && memcmp(&exchange->heavy, &header.id, sizeof header.id) == 0) {
        nobody.sender = header.sender;
        log_word(step, "envelope-holds-too-much", header.sender.text);
        if (roster_find_active(exchange->config.roster, header.sender.text))
            answer_refused(step, &nobody, &header.id, UP__REFUSED__REASON__NOT_UNDERSTOOD);
        act(step, EXCHANGE_DELIVERED)->number = delivery->number;
        exchange->given++;
    }
    if (first && peeked)
        exchange->heavy = header.id;
    exchange->leave = true; /* with the next TICK: until then the Ack goes out */
}

static void on_deliver(struct step *step, const Up__Deliver *deliver)
{
    step->last_words = arena_alloc(step->arena, LAST_WORDS_LEN);
    if (!step->last_words || step->exchange->state != ONLINE) {
        step->no_memory = !step->last_words;
        return;
    }
    for (size_t i = 0; i < deliver->n_deliveries; i++) {
        size_t count = step->actions.count;

        on_delivery(step, deliver->deliveries[i]);
        if (step->no_memory) {
            step->actions.count = count;
            on_heavy(step, deliver->deliveries[i], i == 0);
            return;
        }
        step->exchange->given++;
    }
}

static void on_frame(struct step *step)
{
    ProtobufCMessage *message = NULL;
    enum up_err err =
        message_unpack(&up__frame__descriptor, step->event->bytes, step->arena, &message);
    const Up__Frame *frame = (const Up__Frame *)message;

    if (err == UP_NO_MEMORY) {
        step->no_memory = true;
        return;
    }
    if (err) {
        log_word(step, "malformed-frame", "");
        return;
    }
    step->exchange->heard_ms = step->event->now_ms;
    if (step->exchange->state == OFFLINE)
        return;
    if (step->exchange->state == GREETING && frame->body_case != UP__FRAME__BODY_WELCOME &&
        frame->body_case != UP__FRAME__BODY_FAILURE) {
        log_word(step, "frame-before-the-welcome", "");
        return;
    }
    switch ((int)frame->body_case) {
    case UP__FRAME__BODY_WELCOME:
        on_welcome(step, frame->welcome);
        break;
    case UP__FRAME__BODY_ACCEPTED:
        on_accepted(step, frame->accepted);
        break;
    case UP__FRAME__BODY_DELIVER:
        on_deliver(step, frame->deliver);
        break;
    case UP__FRAME__BODY_PREKEYS:
        on_prekeys(step, frame->prekeys);
        break;
    case UP__FRAME__BODY_EXPIRED:
        on_expired(step, frame->expired);
        break;
    case UP__FRAME__BODY_ROSTER:
        act(step, EXCHANGE_NEWER_ROSTER)->bytes =
            up_view_of(frame->roster->signed_roster.data, frame->roster->signed_roster.len);
        break;
    case UP__FRAME__BODY_FAILURE:
        on_failure(step, frame->failure);
        break;
    default:
        log_word(step, "unknown-frame", "");
        break;
    }
}

static void on_connected(struct step *step)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello hello = UP__HELLO__INIT;

    step->exchange->state = GREETING;
    step->exchange->since_ms = step->event->now_ms;
    hello.protocol = PROTOCOL;
    hello.roster_version = roster_version(step->exchange->config.roster);
    hello.incarnation = step->exchange->config.incarnation;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &hello;
    send_frame(step, &frame);
}

static void on_committed(struct step *step)
{
    struct exchange *exchange = step->exchange;
    Up__Frame frame = UP__FRAME__INIT;
    Up__Ack ack = UP__ACK__INIT;
    size_t count = step->event->count;

    if (exchange->state != ONLINE || count == 0 || count > exchange->given)
        return; /* of a connection that is gone: those are delivered again */
    exchange->given -= count;
    ack.numbers = arena_alloc(step->arena, count * sizeof *ack.numbers);
    if (!ack.numbers) {
        step->no_memory = true;
        return;
    }
    memcpy(ack.numbers, step->event->numbers, count * sizeof *ack.numbers);
    ack.n_numbers = count;
    frame.body_case = UP__FRAME__BODY_ACK;
    frame.ack = &ack;
    send_frame(step, &frame);
    send_credit(step, (unsigned)count);
    exchange->more = true; /* receipts were put into the outbox */
    load(step);
}

/* Anything that a broker answers will do: this node's own prekeys. */
static void ask_back(struct step *step)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyFetch ask = UP__PREKEY_FETCH__INIT;

    ask.member = step->exchange->member;
    frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
    frame.prekey_fetch = &ask;
    send_frame(step, &frame);
}

static void on_tick(struct step *step)
{
    struct exchange *exchange = step->exchange;
    int64_t now_ms = step->event->now_ms;

    if (exchange->state == GREETING && now_ms - exchange->since_ms > GREETING_MS) {
        lost(step);
        log_word(step, "broker-does-not-answer", "");
        (void)act(step, EXCHANGE_LOST);
        return;
    }
    if (exchange->state == ONLINE && now_ms - exchange->heard_ms > DEAD_MS) {
        lost(step);
        log_word(step, "broker-does-not-answer", "");
        (void)act(step, EXCHANGE_LOST);
        return;
    }
    for (size_t i = 0; exchange->state == ONLINE && i < exchange->flight_count; i++) {
        if (now_ms - exchange->flights[i].sent_ms <= UP_RESEND_AFTER_MS)
            continue;
        lost(step);
        log_word(step, "broker-accepts-nothing", "");
        (void)act(step, EXCHANGE_LOST);
        return;
    }
    if (exchange->leave) {
        lost(step);
        log_word(step, "envelopes-left-for-another-connection", "");
        (void)act(step, EXCHANGE_LOST);
        return;
    }
    if (now_ms >= exchange->again_ms) { /* what became due meanwhile */
        exchange->again_ms = now_ms + 5000;
        look_again(exchange);
    }
    load(step);
    if (exchange->state == ONLINE && now_ms - exchange->heard_ms > SILENCE_MS &&
        now_ms - exchange->asked_ms > SILENCE_MS) {
        exchange->asked_ms = now_ms;
        ask_back(step);
    }
}

static void on_prekeys_changed(struct step *step)
{
    struct exchange *exchange = step->exchange;
    size_t count = step->event->count;
    bool same = false;

    if (count > UP_PREKEYS_PER_MEMBER_MAX)
        count = UP_PREKEYS_PER_MEMBER_MAX;
    same = count == exchange->prekey_count;
    for (size_t i = 0; same && i < count; i++)
        same =
            memcmp(exchange->prekeys[i].prekey.key.bytes, step->event->prekeys[i].prekey.key.bytes,
                   sizeof exchange->prekeys[i].prekey.key.bytes) == 0;
    keys_wipe(exchange->prekeys, sizeof exchange->prekeys);
    if (count > 0)
        memcpy(exchange->prekeys, step->event->prekeys, count * sizeof *exchange->prekeys);
    exchange->prekey_count = count;
    if (!same && exchange->state == ONLINE)
        publish(step);
}

/* Prekeys were checked against the identity keys of the directory before. */
static void on_roster(struct step *step)
{
    struct exchange *exchange = step->exchange;

    exchange->config.roster = step->event->roster;
    for (size_t i = 0; i < exchange->peer_count; i++)
        peer_forget(exchange->peers[i]);
    look_again(exchange);
    load(step);
}

enum up_err exchange_step(struct exchange *exchange, const struct exchange_event *event,
                          struct arena *arena, struct exchange_actions *ret_actions)
{
    struct step step = {.exchange = exchange, .event = event, .arena = arena};

    switch (event->kind) {
    case EXCHANGE_CONNECTED:
        on_connected(&step);
        break;
    case EXCHANGE_DISCONNECTED:
        lost(&step);
        break;
    case EXCHANGE_TICK:
        on_tick(&step);
        break;
    case EXCHANGE_WANT:
        exchange->more = true;
        load(&step);
        break;
    case EXCHANGE_FRAME:
        on_frame(&step);
        break;
    case EXCHANGE_LOADED:
        on_loaded(&step);
        break;
    case EXCHANGE_CHECKED:
        on_checked(&step);
        break;
    case EXCHANGE_COMMITTED:
        on_committed(&step);
        break;
    case EXCHANGE_ROSTER:
        on_roster(&step);
        break;
    case EXCHANGE_PREKEYS:
        on_prekeys_changed(&step);
        break;
    }
    if (step.no_memory)
        return UP_NO_MEMORY;
    *ret_actions = step.actions;
    return UP_OK;
}
