/* SPDX-License-Identifier: MIT */
/* rooms: broker base proto */
/* The relay on the store in memory, with the members and a stranger talking to it: a byte says what
 * happens, what follows it belongs to that. The part of the shell is played here. Nobody may be
 * given another one's mail, or the same twice in one session. */
#include <string.h>

#include "broker/relay.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "upstander/limits.h"

enum { PEERS = FEDERATION_MEMBERS + 1, GIVEN_MAX = 512, EVENTS_MAX = 200, SEALED_LEN = 4096 };

enum happening {
    FRAME,
    HELLO,
    SEND,
    CREDIT,
    ACK,
    CLOSED,
    ROSTER,
    PREKEYS,
    FETCH,
    EXPIRE,
    DISK,
    HAPPENINGS
};

struct peer {
    connection id;
    const char *member;
    delivery_number given[GIVEN_MAX]; /* on this connection */
    size_t given_count;
    size_t acked;
};

static struct hub {
    const struct fuzz_world *world;
    struct relay *relay;
    struct mailstore *store;
    struct arena *arena;
    struct fuzz_input input;
    struct peer peers[PEERS];
    connection last;
    int64_t now_s;
    bool disk_fails;
    unsigned stores; /* asked for and not yet answered to the sender */
} hub;

static void step(const struct relay_event *event);

static void connect_peer(struct peer *peer)
{
    peer->id = ++hub.last;
    peer->given_count = peer->acked = 0;
}

static struct peer *peer_of(connection id)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (hub.peers[i].id == id)
            return &hub.peers[i];
    }
    return NULL;
}

static void delivered(struct peer *peer, const Up__Delivery *delivery)
{
    struct envelope_header header;
    struct up_view unused[2];

    fuzz_require(envelope_peek(up_view_of(delivery->envelope.data, delivery->envelope.len), &header,
                               &unused[0], &unused[1]) == UP_OK);
    fuzz_require(strcmp(header.recipient.text, peer->member) == 0);
    for (size_t i = 0; i < peer->given_count; i++)
        fuzz_require(peer->given[i] != delivery->number);
    if (peer->given_count < GIVEN_MAX)
        peer->given[peer->given_count++] = delivery->number;
}

static void heard(const struct relay_action *action)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    const Up__Frame *frame = NULL;
    struct peer *peer = peer_of(action->to);

    fuzz_require(peer && arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    fuzz_require(message_unpack(&up__frame__descriptor, action->frame, arena, &message) == UP_OK);
    frame = (const Up__Frame *)message;
    fuzz_require(frame->body_case == UP__FRAME__BODY_FAILURE ||
                 strcmp(peer->member, "nobody-here") != 0);
    if (frame->body_case == UP__FRAME__BODY_ACCEPTED) {
        fuzz_require(hub.stores > 0);
        hub.stores--;
    }
    if (frame->body_case == UP__FRAME__BODY_WELCOME) /* a second Hello begins a session anew */
        peer->given_count = peer->acked = 0;
    for (size_t i = 0;
         frame->body_case == UP__FRAME__BODY_DELIVER && i < frame->deliver->n_deliveries; i++)
        delivered(peer, frame->deliver->deliveries[i]);
    arena_destroy(&arena);
}

static void store(const struct relay_action *action)
{
    struct mailstore_item wanted[UP_FRAME_ENVELOPES_MAX];
    enum mailstore_result all[UP_FRAME_ENVELOPES_MAX] = {0};
    enum mailstore_result results[UP_FRAME_ENVELOPES_MAX] = {0};
    size_t places[UP_FRAME_ENVELOPES_MAX];
    size_t count = 0;
    enum up_err err = hub.disk_fails ? UP_IO : UP_OK;

    fuzz_require(action->count > 0 && action->count <= UP_FRAME_ENVELOPES_MAX);
    for (size_t i = 0; i < action->count; i++) {
        if (action->items[i].envelope.len == 0)
            continue;
        fuzz_require(strcmp(action->items[i].header.sender.text, action->member) == 0);
        places[count] = i;
        wanted[count++] = action->items[i];
    }
    if (!err && count > 0)
        fuzz_require(mailstore_append(hub.store, wanted, count, results) == UP_OK);
    for (size_t i = 0; i < count; i++)
        all[places[i]] = results[i];
    hub.stores++;
    step(&(struct relay_event){.kind = RELAY_STORED,
                               .from = action->to,
                               .seq = action->seq,
                               .results = err ? NULL : all,
                               .items = action->items,
                               .count = action->count,
                               .err = err});
}

static void load(const struct relay_action *action)
{
    struct relay_event event = {.kind = RELAY_LOADED, .from = action->to, .urgent = action->urgent};
    struct mailstore_mail *mail = NULL;

    fuzz_require(strcmp(action->member, peer_of(action->to)->member) == 0);
    if (mailstore_load(hub.store,
                       &(struct mailstore_query){.member = action->member,
                                                 .limit = action->limit,
                                                 .urgent = action->urgent,
                                                 .after = action->after},
                       hub.arena, &mail, &event.count))
        return;
    event.mail = mail;
    step(&event);
}

static void told(const struct relay_action *action)
{
    struct relay_event event = {.kind = RELAY_NOTICES, .from = action->to};
    struct mailstore_notice *notices = NULL;

    if (mailstore_notices(
            hub.store, &(struct mailstore_query){.member = action->member, .limit = action->limit},
            hub.arena, &notices, &event.count))
        return;
    event.notices = notices;
    step(&event);
}

static void removed(const struct relay_action *action)
{
    const struct peer *peer = peer_of(action->to);

    for (size_t i = 0; i < action->count; i++) {
        size_t at = 0;

        while (at < peer->given_count && peer->given[at] != action->numbers[i])
            at++;
        fuzz_require(at < peer->given_count || peer->given_count == GIVEN_MAX);
    }
    fuzz_require(mailstore_remove(hub.store, action->member, action->numbers, action->count) ==
                 UP_OK);
}

static void act(const struct relay_action *action)
{
    struct relay_event event = {
        .kind = RELAY_PREKEYS, .from = action->to, .member = action->member};

    switch (action->kind) {
    case RELAY_SEND:
        heard(action);
        break;
    case RELAY_CLOSE:
        step(&(struct relay_event){.kind = RELAY_CLOSED, .from = action->to});
        connect_peer(peer_of(action->to));
        break;
    case RELAY_STORE:
        store(action);
        break;
    case RELAY_LOAD:
        load(action);
        break;
    case RELAY_REMOVE:
        removed(action);
        break;
    case RELAY_PUT_PREKEYS:
        fuzz_require(strcmp(action->member, peer_of(action->to)->member) == 0);
        fuzz_require(mailstore_prekeys_put(hub.store, action->member, action->frame) == UP_OK);
        break;
    case RELAY_GET_PREKEYS:
        (void)!mailstore_prekeys_get(hub.store, action->member, hub.arena, &event.bytes);
        step(&event);
        break;
    case RELAY_LOAD_NOTICES:
        told(action);
        break;
    case RELAY_NOTICES_DONE:
        fuzz_require(mailstore_notices_done(hub.store, action->notices, action->count) == UP_OK);
        break;
    case RELAY_PURGE:
        fuzz_require(mailstore_purge(hub.store, action->member) == UP_OK);
        break;
    case RELAY_REFUSED:
        fuzz_require(action->why && action->why[0] != '\0');
        break;
    }
}

static void step(const struct relay_event *happened)
{
    struct relay_event event = *happened;
    struct relay_actions actions = {0};
    enum up_err err = UP_OK;

    event.now_s = hub.now_s;
    err = relay_step(hub.relay, &event, hub.arena, &actions);
    fuzz_require(err == UP_OK || err == UP_NO_MEMORY);
    for (size_t i = 0; !err && i < actions.count; i++)
        act(&actions.list[i]);
}

static void say(const struct peer *peer, const Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    fuzz_require(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
    step(&(struct relay_event){.kind = RELAY_FRAME,
                               .from = peer->id,
                               .member = peer->member,
                               .bytes = up_bytes_view(&bytes)});
    up_bytes_wipe(&bytes);
}

/* Envelopes are told in two bytes each: whose, to whom, when it ends, which lane; the id. */
static void say_send(const struct peer *peer)
{
    static uint8_t sealed[SEALED_LEN];
    Up__Frame frame = UP__FRAME__INIT;
    Up__Send sent = UP__SEND__INIT;
    struct up_bytes envelopes[4] = {{0}};
    ProtobufCBinaryData list[4];

    sent.n_envelopes = fuzz_byte(&hub.input) % 5u;
    for (size_t i = 0; i < sent.n_envelopes; i++) {
        uint8_t byte = fuzz_byte(&hub.input);
        uint8_t id[16] = {fuzz_byte(&hub.input)};
        struct member_id names[2] = {{""}, {""}};
        Up__EnvelopeHeader header = UP__ENVELOPE_HEADER__INIT;
        Up__Envelope envelope = UP__ENVELOPE__INIT;
        struct up_bytes packed = {0};

        strcpy(names[0].text, byte & 128 ? "d-governance" : peer->member);
        strcpy(names[1].text, federation_names[byte & 3]);
        header.id = (ProtobufCBinaryData){.len = 16, .data = id};
        header.sender = names[0].text;
        header.recipient = names[1].text;
        header.prekey_id = (ProtobufCBinaryData){.len = 8, .data = id};
        header.expires_at_s = (uint64_t)(FUZZ_NOW_S / 3600 + (byte >> 2 & 7)) * 3600;
        header.urgent = byte & 64;
        fuzz_require(message_pack(&header.base, UP_HEADER_LEN_MAX, &packed) == UP_OK);
        envelope.header = (ProtobufCBinaryData){.len = packed.len, .data = packed.data};
        envelope.sealed = (ProtobufCBinaryData){.len = SEALED_LEN - (byte == 255), .data = sealed};
        fuzz_require(message_pack(&envelope.base, UP_FRAME_LEN_MAX, &envelopes[i]) == UP_OK);
        list[i] = (ProtobufCBinaryData){.len = envelopes[i].len, .data = envelopes[i].data};
        up_bytes_wipe(&packed);
    }
    sent.envelopes = list;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &sent;
    say(peer, &frame);
    for (size_t i = 0; i < 4; i++)
        up_bytes_wipe(&envelopes[i]);
}

static void say_ack(struct peer *peer)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Ack ack = UP__ACK__INIT;
    uint8_t byte = fuzz_byte(&hub.input);
    uint64_t numbers[8];

    for (size_t i = 0; i < byte % 8u && peer->acked < peer->given_count; i++)
        numbers[ack.n_numbers++] = peer->given[peer->acked++];
    if (byte & 128)
        numbers[ack.n_numbers++] = byte; /* most likely not its own */
    ack.numbers = numbers;
    frame.body_case = UP__FRAME__BODY_ACK;
    frame.ack = &ack;
    say(peer, &frame);
}

static void say_prekeys(const struct peer *peer)
{
    unsigned member = fuzz_byte(&hub.input) % (unsigned)FEDERATION_MEMBERS;
    struct prekey prekey = hub.world->prekeys[member];
    struct member_id name = {.text = ""};
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyPublish publish = UP__PREKEY_PUBLISH__INIT;
    Up__SignedPrekey one = UP__SIGNED_PREKEY__INIT;
    Up__SignedPrekey *list[1] = {&one};

    strcpy(name.text, federation_names[member]);
    one.member = name.text;
    one.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    one.valid_from_s = prekey.valid_from_s;
    one.valid_until_s = prekey.valid_until_s;
    one.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    publish.prekeys = list;
    publish.n_prekeys = 1;
    frame.body_case = UP__FRAME__BODY_PREKEY_PUBLISH;
    frame.prekey_publish = &publish;
    say(peer, &frame);
}

static void say_hello(const struct peer *peer)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello hello = UP__HELLO__INIT;
    uint8_t byte = fuzz_byte(&hub.input);

    hello.protocol = byte == 255 ? 2 : 1;
    hello.incarnation = byte;
    hello.roster_version = byte & 3;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &hello;
    say(peer, &frame);
}

static void say_small(const struct peer *peer, enum happening what)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Credit credit = UP__CREDIT__INIT;
    Up__PrekeyFetch fetch = UP__PREKEY_FETCH__INIT;
    struct member_id name = {.text = ""};

    if (what == CREDIT) {
        credit.envelopes = fuzz_byte(&hub.input);
        frame.body_case = UP__FRAME__BODY_CREDIT;
        frame.credit = &credit;
    } else {
        strcpy(name.text, federation_names[fuzz_byte(&hub.input) % (unsigned)FEDERATION_MEMBERS]);
        fetch.member = name.text;
        frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
        frame.prekey_fetch = &fetch;
    }
    say(peer, &frame);
}

static void happen(enum happening what, struct peer *peer)
{
    size_t count = 0;

    switch (what) {
    case FRAME:
        step(&(struct relay_event){.kind = RELAY_FRAME,
                                   .from = peer->id,
                                   .member = peer->member,
                                   .bytes = fuzz_bytes(&hub.input)});
        break;
    case HELLO:
        say_hello(peer);
        break;
    case SEND:
        say_send(peer);
        break;
    case CREDIT:
    case FETCH:
        say_small(peer, what);
        break;
    case ACK:
        say_ack(peer);
        break;
    case CLOSED:
        step(&(struct relay_event){.kind = RELAY_CLOSED, .from = peer->id});
        connect_peer(peer);
        break;
    case ROSTER:
        step(&(struct relay_event){
            .kind = RELAY_ROSTER,
            .roster = hub.world->rosters[fuzz_byte(&hub.input) % (unsigned)FUZZ_ROSTERS]});
        break;
    case PREKEYS:
        say_prekeys(peer);
        break;
    case EXPIRE:
        hub.now_s += (int64_t)fuzz_byte(&hub.input) * 60;
        fuzz_require(mailstore_expire(hub.store, hub.now_s, 8, &count) == UP_OK);
        break;
    case DISK:
        hub.disk_fails = !hub.disk_fails;
        break;
    case HAPPENINGS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct mailstore_quotas quotas = {
        .mailbox_messages_max = 6, .mailbox_bytes_max = 1 << 20, .sender_bytes_max = 40000};

    hub = (struct hub){.world = fuzz_world(), .input = {data, len}, .now_s = FUZZ_NOW_S};
    for (size_t i = 0; i < PEERS; i++) {
        hub.peers[i].member = i < FEDERATION_MEMBERS ? federation_names[i] : "nobody-here";
        connect_peer(&hub.peers[i]);
    }
    fuzz_require(relay_new("broker", 3, hub.world->rosters[0], &hub.relay) == UP_OK);
    fuzz_require(mailstore_mem_open(&quotas, &hub.store) == UP_OK);
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &hub.arena) == UP_OK);
    for (unsigned i = 0; hub.input.len > 0 && i < EVENTS_MAX; i++) {
        uint8_t byte = fuzz_byte(&hub.input);

        happen((enum happening)((byte & 15) % HAPPENINGS), &hub.peers[(byte >> 4) % PEERS]);
        arena_reset(hub.arena);
    }
    arena_destroy(&hub.arena);
    mailstore_close(&hub.store);
    relay_destroy(&hub.relay);
    return 0;
}
