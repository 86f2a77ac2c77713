/* SPDX-License-Identifier: MIT */
/* rooms: exchange proto */
/* A node between its broker, its outbox and its members, told what to hear: a byte says what
 * happens, what follows it belongs to that. The part of the shell is played here; it is held to
 * what the core promises it. */
#include <string.h>

#include "nodes/exchange/exchange.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "upstander/limits.h"

enum { ROWS_MAX = 64, NUMBERS_MAX = 64, EVENTS_MAX = 200 };

enum happening {
    CONNECTED,
    DISCONNECTED,
    TICK,
    WANT,
    FRAME,
    DELIVERY,
    LOADED,
    COMMITTED,
    ROSTER,
    OWN_PREKEYS,
    PREKEYS,
    WELCOME,
    ACCEPTED,
    HAPPENINGS
};

static struct node {
    const struct fuzz_world *world;
    struct exchange *exchange;
    struct arena *arena;
    struct fuzz_input input;
    int64_t now_s;
    bool connected;
    bool asked; /* a LOAD is under way */
    size_t limit;
    uint64_t last; /* number in the outbox */
    uint64_t seq;  /* of the last Send */
    delivery_number numbers[NUMBERS_MAX];
    size_t number_count;
    enum exchange_event_kind doing;
} node;

static void step(const struct exchange_event *event);

static void gone(void)
{
    node.connected = node.asked = false;
    node.number_count = 0;
}

static void sent(struct up_view bytes)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    const Up__Frame *frame = NULL;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    fuzz_require(message_unpack(&up__frame__descriptor, bytes, arena, &message) == UP_OK);
    frame = (const Up__Frame *)message;
    fuzz_require(frame->body_case != UP__FRAME__BODY__NOT_SET);
    if (frame->body_case == UP__FRAME__BODY_SEND) {
        fuzz_require(frame->send->n_envelopes > 0 &&
                     frame->send->n_envelopes <= UP_FRAME_ENVELOPES_MAX);
        node.seq = frame->send->seq;
    }
    arena_destroy(&arena);
}

static void answered(const struct exchange_action *action)
{
    ProtobufCMessage *message = NULL;
    struct member_id member;
    const Up__Message *answer = NULL;
    enum up_err err = message_unpack(&up__message__descriptor, action->bytes, node.arena, &message);

    if (err == UP_NO_MEMORY)
        return;
    fuzz_require(err == UP_OK);
    answer = (const Up__Message *)message;
    fuzz_require(ids_member_parse(up_view_of(action->member, strlen(action->member)), &member) ==
                 UP_OK);
    fuzz_require(answer->body_case == UP__MESSAGE__BODY_DELIVERY_RECEIPT ||
                 answer->body_case == UP__MESSAGE__BODY_REFUSED);
    fuzz_require(answer->id.len == 16 && memcmp(answer->id.data, action->id.bytes, 16) == 0);
}

static void received(const struct exchange_message *message)
{
    fuzz_require(message->message && message->message->id.len == 16);
    fuzz_require(roster_find(node.world->rosters[0], message->sender.text));
    step(&(struct exchange_event){
        .kind = EXCHANGE_CHECKED, .message = message, .outcome = fuzz_byte(&node.input) % 4u});
}

static void act(const struct exchange_action *action)
{
    switch (action->kind) {
    case EXCHANGE_SEND:
        sent(action->bytes);
        break;
    case EXCHANGE_LOAD:
        fuzz_require(!node.asked && action->limit > 0 && exchange_is_online(node.exchange));
        node.asked = true;
        node.limit = action->limit;
        break;
    case EXCHANGE_RECEIVED:
        fuzz_require(node.doing == EXCHANGE_FRAME);
        received(&action->message);
        break;
    case EXCHANGE_DELIVERED:
        if (node.number_count < NUMBERS_MAX)
            node.numbers[node.number_count++] = action->number;
        break;
    case EXCHANGE_KEEP:
    case EXCHANGE_STATUS:
    case EXCHANGE_RECEIPT:
    case EXCHANGE_TURNED_DOWN:
    case EXCHANGE_SAW:
        fuzz_require(action->message.message != NULL);
        break;
    case EXCHANGE_ASIDE:
        fuzz_require(action->message.sender.text[0] != '\0');
        break;
    case EXCHANGE_ANSWER:
        answered(action);
        break;
    case EXCHANGE_ACCEPTED:
    case EXCHANGE_GONE:
        fuzz_require(node.doing == EXCHANGE_FRAME); /* only a broker can say so */
        break;
    case EXCHANGE_CANT_SEND:
    case EXCHANGE_LOG:
        fuzz_require(action->why && action->why[0] != '\0');
        break;
    case EXCHANGE_LOST:
        gone();
        break;
    case EXCHANGE_RETRY:
    case EXCHANGE_NEWER_ROSTER:
        break;
    }
}

static void step(const struct exchange_event *happened)
{
    struct exchange_event event = *happened;
    struct exchange_actions actions = {0};
    enum up_err err = UP_OK;

    event.now_s = node.now_s;
    event.now_ms = (node.now_s - FUZZ_NOW_S) * 1000;
    err = exchange_step(node.exchange, &event, node.arena, &actions);
    fuzz_require(err == UP_OK || err == UP_NO_MEMORY);
    fuzz_require(exchange_under_way(node.exchange) <= UP_OUTBOX_IN_FLIGHT_MAX);
    fuzz_require(event.kind == EXCHANGE_CHECKED ||
                 exchange_is_online(node.exchange) <= node.connected);
    if (err) { /* as the shell does: another connection */
        event.kind = EXCHANGE_DISCONNECTED;
        fuzz_require(exchange_step(node.exchange, &event, node.arena, &actions) == UP_OK);
        gone();
        return;
    }
    for (size_t i = 0; i < actions.count; i++) {
        node.doing = event.kind;
        act(&actions.list[i]);
    }
}

static void frame_step(const Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    fuzz_require(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
    step(&(struct exchange_event){.kind = EXCHANGE_FRAME, .bytes = up_bytes_view(&bytes)});
    up_bytes_wipe(&bytes);
}

/* A batch of any bytes, well sealed and signed by a member. */
static void delivery(void)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Deliver deliver = UP__DELIVER__INIT;
    Up__Delivery one = UP__DELIVERY__INIT;
    Up__Delivery *list[1] = {&one};
    unsigned sender = fuzz_byte(&node.input) % (unsigned)FEDERATION_MEMBERS;
    struct up_view batch = fuzz_bytes(&node.input);
    struct up_bytes header = fuzz_header(sender, FUZZ_FORCE, (uint8_t)node.number_count);
    struct up_bytes inside = fuzz_signed(sender, FUZZ_FORCE, up_bytes_view(&header), batch);
    struct up_bytes envelope =
        fuzz_sealed(FUZZ_FORCE, up_bytes_view(&header), up_bytes_view(&inside), true);

    one.number = ++node.last;
    one.envelope = (ProtobufCBinaryData){.len = envelope.len, .data = envelope.data};
    deliver.deliveries = list;
    deliver.n_deliveries = 1;
    frame.body_case = UP__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    frame_step(&frame);
    up_bytes_wipe(&header);
    up_bytes_wipe(&inside);
    up_bytes_wipe(&envelope);
}

/* Rows of the outbox: a byte each. */
static void loaded(void)
{
    static const uint8_t text[2000] = {0x0a, 0x00};
    struct exchange_waiting rows[ROWS_MAX] = {{0}};
    size_t count = fuzz_byte(&node.input) % (unsigned)ROWS_MAX;

    if (!node.asked)
        return;
    if (count > node.limit)
        count = node.limit;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = fuzz_byte(&node.input);
        const char *recipient = (byte & 3) == 0 ? "nobody-here" : federation_names[byte & 3];

        rows[i].number = ++node.last;
        memcpy(rows[i].id.bytes, &rows[i].number, sizeof rows[i].number);
        strcpy(rows[i].recipient, recipient);
        rows[i].urgent = byte & 4;
        rows[i].answer = byte & 8;
        rows[i].message = up_view_of(text, (size_t)(byte >> 4) * 130);
    }
    node.asked = false;
    step(&(struct exchange_event){.kind = EXCHANGE_LOADED, .waiting = rows, .count = count});
}

static void prekeys(void)
{
    unsigned member = fuzz_byte(&node.input) % (unsigned)FEDERATION_MEMBERS;
    struct prekey prekey = node.world->prekeys[member];
    struct member_id name = {.text = ""};
    Up__Frame frame = UP__FRAME__INIT;
    Up__Prekeys set = UP__PREKEYS__INIT;
    Up__SignedPrekey one = UP__SIGNED_PREKEY__INIT;
    Up__SignedPrekey *list[1] = {&one};

    strcpy(name.text, federation_names[member]);
    one.member = set.member = name.text;
    one.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    one.valid_from_s = prekey.valid_from_s;
    one.valid_until_s = prekey.valid_until_s;
    one.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    set.prekeys = list;
    set.n_prekeys = 1;
    frame.body_case = UP__FRAME__BODY_PREKEYS;
    frame.prekeys = &set;
    frame_step(&frame);
}

static void accepted(void)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Accepted answer = UP__ACCEPTED__INIT;
    Up__Accepted__Result results[8];

    answer.seq = node.seq;
    answer.results = results;
    answer.n_results = fuzz_byte(&node.input) % 8u;
    for (size_t i = 0; i < answer.n_results; i++)
        results[i] = (Up__Accepted__Result)(fuzz_byte(&node.input) % 12);
    frame.body_case = UP__FRAME__BODY_ACCEPTED;
    frame.accepted = &answer;
    frame_step(&frame);
}

static void own_prekeys(void)
{
    struct exchange_prekey own = {.prekey = node.world->prekeys[FUZZ_FORCE],
                                  .secret = node.world->secrets[FUZZ_FORCE]};

    step(&(struct exchange_event){
        .kind = EXCHANGE_PREKEYS, .prekeys = &own, .count = fuzz_byte(&node.input) & 1u});
}

static void committed(void)
{
    struct exchange_event event = {
        .kind = EXCHANGE_COMMITTED, .numbers = node.numbers, .count = node.number_count};

    node.number_count = 0;
    step(&event);
}

static void connection_step(bool connects)
{
    if (node.connected)
        step(&(struct exchange_event){.kind = EXCHANGE_DISCONNECTED});
    gone();
    node.connected = connects;
    if (connects)
        step(&(struct exchange_event){.kind = EXCHANGE_CONNECTED});
}

static void happen(enum happening what)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Welcome welcome = UP__WELCOME__INIT;

    switch (what) {
    case CONNECTED:
    case DISCONNECTED:
        connection_step(what == CONNECTED);
        break;
    case TICK:
        node.now_s += fuzz_byte(&node.input);
        step(&(struct exchange_event){.kind = EXCHANGE_TICK});
        break;
    case WANT:
        step(&(struct exchange_event){.kind = EXCHANGE_WANT});
        break;
    case FRAME:
        step(&(struct exchange_event){.kind = EXCHANGE_FRAME, .bytes = fuzz_bytes(&node.input)});
        break;
    case DELIVERY:
        delivery();
        break;
    case LOADED:
        loaded();
        break;
    case COMMITTED:
        committed();
        break;
    case ROSTER:
        step(&(struct exchange_event){
            .kind = EXCHANGE_ROSTER,
            .roster = node.world->rosters[fuzz_byte(&node.input) % (unsigned)FUZZ_ROSTERS]});
        break;
    case OWN_PREKEYS:
        own_prekeys();
        break;
    case PREKEYS:
        prekeys();
        break;
    case WELCOME:
        frame.body_case = UP__FRAME__BODY_WELCOME;
        frame.welcome = &welcome;
        frame_step(&frame);
        break;
    case ACCEPTED:
        accepted();
        break;
    case HAPPENINGS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct exchange_config config = {.member = federation_names[FUZZ_FORCE], .incarnation = 1};

    node = (struct node){.world = fuzz_world(), .input = {data, len}, .now_s = FUZZ_NOW_S};
    config.identity = &node.world->federation.members[FUZZ_FORCE].identity_secret;
    config.roster = node.world->rosters[0];
    fuzz_require(exchange_new(&config, &node.exchange) == UP_OK);
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &node.arena) == UP_OK);
    for (unsigned i = 0; node.input.len > 0 && i < EVENTS_MAX; i++) {
        happen((enum happening)(fuzz_byte(&node.input) % HAPPENINGS));
        arena_reset(node.arena);
    }
    arena_destroy(&node.arena);
    exchange_destroy(&node.exchange);
    return 0;
}
