/* SPDX-License-Identifier: MIT */
/* rooms: broker exchange base proto */
/* The table at the top of nodes/exchange/exchange.h, row by row, on virtual time. Where two nodes
 * talk, they talk through the real relay core (tests/lib/bus.h); where a broker lies, the test
 * feeds the frames itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/bus.h"
#include "upstander/limits.h"

enum { FORCE = 0, CHARITY = 1, COUNCIL = 2 };

static struct bus *bus;

static int set_up(void **state)
{
    (void)state;
    bus = bus_new(1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_destroy(&bus);
    return 0;
}

static struct bus_node *node(int index)
{
    return &bus->nodes[index];
}

/* Connected through the relay, its first frames passed. */
static void online(int index)
{
    bus_connect(bus, index);
    bus_settle(bus);
    assert_true(exchange_is_online(node(index)->exchange));
}

/* --- frames as from a broker of the test's own
 * ------------------------------------------------------ */

static void feed_welcome(int index, unsigned send_max)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Welcome welcome = UP__WELCOME__INIT;

    welcome.protocol = 1;
    welcome.now_s = bus_now_s(bus);
    welcome.send_max = send_max;
    frame.body_case = UP__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    bus_feed(bus, index, &frame);
}

/* The next frame that is more than asking for a sign of life. */
static const Up__Frame *said(int index)
{
    const Up__Frame *frame = bus_take(bus, index);

    while (frame && frame->body_case == UP__FRAME__BODY_PREKEY_FETCH &&
           strcmp(frame->prekey_fetch->member, federation_names[index]) == 0)
        frame = bus_take(bus, index);
    return frame;
}

/* Everything that the node has to say up to now is heard and dropped. */
static void drain(int index)
{
    while (bus_take(bus, index))
        continue;
}

static void greeted(int index)
{
    bus_connect(bus, index);
    feed_welcome(index, 64);
    drain(index);
}

static const Up__Frame *take(int index, Up__Frame__BodyCase kind)
{
    const Up__Frame *frame = said(index);

    if (!frame)
        fail_msg("nothing was said");
    assert_int_equal(frame->body_case, kind);
    return frame;
}

static void feed_prekeys(int index, int of)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Prekeys set = UP__PREKEYS__INIT;
    Up__SignedPrekey prekeys[BUS_PREKEYS];
    Up__SignedPrekey *list[BUS_PREKEYS];
    char member[UP_MEMBER_LEN_MAX + 1];

    strcpy(member, federation_names[of]);
    for (size_t i = 0; i < node(of)->prekey_count; i++) {
        struct prekey *prekey = &node(of)->prekeys[i].prekey;

        up__signed_prekey__init(&prekeys[i]);
        prekeys[i].member = member;
        prekeys[i].key = (ProtobufCBinaryData){.len = 32, .data = prekey->key.bytes};
        prekeys[i].valid_from_s = prekey->valid_from_s;
        prekeys[i].valid_until_s = prekey->valid_until_s;
        prekeys[i].signature = (ProtobufCBinaryData){.len = 64, .data = prekey->signature};
        list[i] = &prekeys[i];
    }
    set.member = member;
    set.prekeys = list;
    set.n_prekeys = node(of)->prekey_count;
    frame.body_case = UP__FRAME__BODY_PREKEYS;
    frame.prekeys = &set;
    bus_feed(bus, index, &frame);
}

static void feed_accepted(int index, uint64_t seq, const Up__Accepted__Result *results,
                          size_t count)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Accepted accepted = UP__ACCEPTED__INIT;
    Up__Accepted__Result copy[64];

    for (size_t i = 0; i < count; i++)
        copy[i] = results[i];
    accepted.seq = seq;
    accepted.results = copy;
    accepted.n_results = count;
    frame.body_case = UP__FRAME__BODY_ACCEPTED;
    frame.accepted = &accepted;
    bus_feed(bus, index, &frame);
}

static void feed_delivery(int index, uint64_t number, const struct up_bytes *envelopes,
                          size_t count)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Deliver deliver = UP__DELIVER__INIT;
    Up__Delivery deliveries[16];
    Up__Delivery *list[16];

    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        up__delivery__init(&deliveries[i]);
        deliveries[i].number = number + i;
        deliveries[i].envelope =
            (ProtobufCBinaryData){.len = envelopes[i].len, .data = envelopes[i].data};
        list[i] = &deliveries[i];
    }
    deliver.deliveries = list;
    deliver.n_deliveries = count;
    frame.body_case = UP__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    bus_feed(bus, index, &frame);
}

static void feed_failure(int index, Up__Failure__Code code)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Failure failure = UP__FAILURE__INIT;

    failure.code = code;
    frame.body_case = UP__FRAME__BODY_FAILURE;
    frame.failure = &failure;
    bus_feed(bus, index, &frame);
}

/* --- messages and envelopes as from another member
 * -------------------------------------------------- */

static const struct roster *roster_in_force(void)
{
    return bus->rosters[bus->roster_count - 1];
}

static struct up_bytes sealed_under(const struct roster *roster, int from, int to,
                                    const struct up_view *messages, size_t count)
{
    struct envelope_id id;
    struct up_bytes envelope = {0};

    assert_int_equal(
        envelope_seal(
            &(struct envelope_seal_args){.roster = roster,
                                         .sender = federation_names[from],
                                         .recipient = federation_names[to],
                                         .identity = &bus->federation.members[from].identity_secret,
                                         .prekey = &node(to)->prekeys[0].prekey,
                                         .now_s = bus_now_s(bus),
                                         .ttl_s = 86400,
                                         .messages = messages,
                                         .message_count = count},
            &id, &envelope),
        UP_OK);
    return envelope;
}

static struct up_bytes sealed(int from, int to, const struct up_bytes *message)
{
    struct up_view view = up_bytes_view(message);

    return sealed_under(roster_in_force(), from, to, &view, 1);
}

/* A message of one of the kinds, under an id of equal bytes. */
struct made {
    Up__Message message;
    Up__StatusUpdate status;
    Up__IncidentDisclosure disclosure;
    Up__Incident incident;
    Up__Entitlement entitlement;
    Up__Release release;
    Up__StatisticsReturn statistics;
    Up__DeliveryReceipt receipt;
    Up__Refused refused;
    Up__Forwarded forwarded;
    Up__ActionItem action;
    Up__Done done;
    uint8_t id[16];
    uint8_t reference[16];
};

static void made_init(struct made *made, uint8_t id)
{
    memset(made, 0, sizeof *made);
    up__message__init(&made->message);
    up__status_update__init(&made->status);
    up__incident_disclosure__init(&made->disclosure);
    up__incident__init(&made->incident);
    up__entitlement__init(&made->entitlement);
    up__release__init(&made->release);
    up__statistics_return__init(&made->statistics);
    up__delivery_receipt__init(&made->receipt);
    up__refused__init(&made->refused);
    up__forwarded__init(&made->forwarded);
    up__action_item__init(&made->action);
    up__done__init(&made->done);
    memset(made->id, id, sizeof made->id);
    memset(made->reference, 0x77, sizeof made->reference);
    made->message.id = (ProtobufCBinaryData){.len = 16, .data = made->id};
    made->message.reference = (ProtobufCBinaryData){.len = 16, .data = made->reference};
    made->message.version = 1;
    made->status.status = UP__STATUS_UPDATE__STATUS__SEEN;
    made->entitlement.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    made->incident.entitlement = &made->entitlement;
    made->disclosure.incident = &made->incident;
    made->message.body_case = UP__MESSAGE__BODY_STATUS_UPDATE;
    made->message.status_update = &made->status;
}

static void made_disclosure(struct made *made)
{
    made->message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    made->message.incident_disclosure = &made->disclosure;
}

static struct up_bytes packed(const struct made *made)
{
    struct up_bytes bytes = {0};

    assert_int_equal(message_pack(&made->message.base, UP_BATCH_LEN_MAX, &bytes), UP_OK);
    return bytes;
}

/* The message comes from the charity to the force; the force is online with a broker of the test's.
 */
static void deliver_made(const struct made *made, uint64_t number)
{
    struct up_bytes message = packed(made);
    struct up_bytes envelope = sealed(CHARITY, FORCE, &message);

    feed_delivery(FORCE, number, &envelope, 1);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

/* The newest answer in a node's outbox, unpacked. */
static const Up__Message *last_answer(int index)
{
    const struct bus_disk *disk = node(index)->disk;
    ProtobufCMessage *message = NULL;

    for (size_t i = disk->row_count; i > 0; i--) {
        if (!disk->rows[i - 1].answer)
            continue;
        assert_int_equal(message_unpack(&up__message__descriptor, disk->rows[i - 1].bytes,
                                        bus->relay_arena, &message),
                         UP_OK);
        return (const Up__Message *)message;
    }
    fail_msg("there is no answer");
    return NULL;
}

static enum bus_row_state row_state(int index, const struct message_id *id)
{
    const struct bus_row *row = bus_row_find(node(index)->disk, id);

    return row ? row->state : BUS_GONE;
}

/* --- greeting
 * --------------------------------------------------------------------------------------- */

static void hello_comes_first(void **state)
{
    const Up__Frame *frame = NULL;

    (void)state;
    assert_false(exchange_is_online(node(FORCE)->exchange));
    bus_connect(bus, FORCE);
    frame = take(FORCE, UP__FRAME__BODY_HELLO);
    assert_int_equal(frame->hello->protocol, 1);
    assert_int_equal(frame->hello->roster_version, 1);
    assert_int_equal(frame->hello->incarnation, 1);
    assert_null(said(FORCE));
    assert_false(exchange_is_online(node(FORCE)->exchange));
    feed_welcome(FORCE, 64);
    assert_true(exchange_is_online(node(FORCE)->exchange));
    frame = take(FORCE, UP__FRAME__BODY_PREKEY_PUBLISH);
    assert_int_equal(frame->prekey_publish->n_prekeys, 1);
    assert_string_equal(frame->prekey_publish->prekeys[0]->member, "a-force");
    assert_memory_equal(frame->prekey_publish->prekeys[0]->key.data,
                        node(FORCE)->prekeys[0].prekey.key.bytes, 32);
    frame = take(FORCE, UP__FRAME__BODY_CREDIT);
    assert_true(frame->credit->envelopes > 0);
    assert_int_equal(node(FORCE)->loads, 1);
}

static void a_broker_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    bus_connect(bus, FORCE);
    bus->now_ms += 10000;
    bus_tick(bus, FORCE);
    assert_false(node(FORCE)->lost);
    bus->now_ms += 1;
    bus_tick(bus, FORCE);
    assert_true(node(FORCE)->lost);
    assert_string_equal(node(FORCE)->log, "broker-does-not-answer ");
    drain(FORCE);
    feed_welcome(FORCE, 64); /* too late: the connection is given up */
    assert_false(exchange_is_online(node(FORCE)->exchange));
    bus_tick(bus, FORCE);
    assert_null(said(FORCE));
}

static void a_newer_directory_in_the_welcome_is_handed_on(void **state)
{
    struct federation next = bus->federation;

    (void)state;
    next.version = 2;
    bus_roster(bus, -1, &next); /* in force at the broker */
    online(FORCE);
    assert_int_equal(node(FORCE)->rosters, 1);
}

/* A broker that was started again knows nobody, and a node that only waits for mail would never notice; nor that one
 * is gone without a word. */
static void a_broker_that_says_nothing_is_asked_then_left(void **state)
{
    const Up__Frame *frame = NULL;

    (void)state;
    greeted(FORCE);
    bus->now_ms += 1000;
    bus_tick(bus, FORCE);
    assert_null(bus_take(bus, FORCE));
    bus->now_ms += 5000;
    bus_tick(bus, FORCE);
    frame = bus_take(bus, FORCE);
    assert_non_null(frame);
    assert_int_equal(frame->body_case, UP__FRAME__BODY_PREKEY_FETCH);
    assert_string_equal(frame->prekey_fetch->member, "a-force");
    assert_null(bus_take(bus, FORCE));
    feed_prekeys(FORCE, FORCE); /* it is there */
    bus->now_ms += 10000;
    bus_tick(bus, FORCE);
    assert_false(node(FORCE)->lost);
    bus->now_ms += 6000;
    bus_tick(bus, FORCE);
    assert_true(node(FORCE)->lost);
}

static void only_a_welcome_is_heard_before_it(void **state)
{
    struct made made;
    Up__Accepted__Result stored = UP__ACCEPTED__RESULT__STORED;

    (void)state;
    made_init(&made, 1);
    bus_connect(bus, FORCE);
    drain(FORCE);
    deliver_made(&made, 1);
    feed_accepted(FORCE, 0, &stored, 1);
    feed_prekeys(FORCE, CHARITY);
    assert_int_equal(node(FORCE)->keeps, 0);
    assert_null(said(FORCE));
    assert_false(exchange_is_online(node(FORCE)->exchange));
    feed_welcome(FORCE, 64);
    assert_true(exchange_is_online(node(FORCE)->exchange));
    drain(FORCE);
    feed_welcome(FORCE, 64); /* a second one changes nothing */
    assert_null(said(FORCE));
}

static void offline_nothing_is_said(void **state)
{
    (void)state;
    (void)bus_status(bus, FORCE, CHARITY, false);
    bus_tick(bus, FORCE);
    feed_welcome(FORCE, 64);
    feed_failure(FORCE, UP__FAILURE__CODE__SUPERSEDED);
    assert_null(said(FORCE));
    assert_int_equal(node(FORCE)->loads, 0);
    assert_false(node(FORCE)->lost);
}

/* --- through the relay
 * ------------------------------------------------------------------------------ */

static void a_message_goes_through_and_its_receipt_comes_back(void **state)
{
    struct message_id id;

    (void)state;
    online(FORCE);
    online(CHARITY);
    id = bus_status(bus, CHARITY, FORCE, false);
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    bus_settle(bus);
    assert_true(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    assert_int_equal(row_state(CHARITY, &id), BUS_DELIVERED);
    assert_int_equal(node(FORCE)->keeps, 1);
    assert_int_equal(node(CHARITY)->receipts, 1);
    assert_int_equal(node(CHARITY)->answers, 0); /* a receipt is not answered */
    assert_int_equal(bus_waiting(node(FORCE)->disk),
                     0); /* an answer is forgotten when the broker has it */
    assert_int_equal(mailstore_waiting(bus->store, "a-force"), 0);
    assert_int_equal(mailstore_waiting(bus->store, "b-charity"), 0);
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 0);
    assert_non_null(bus_seen_find(node(FORCE)->disk, "b-charity", &id));
}

static void a_message_waits_for_its_recipients_first_connection(void **state)
{
    struct message_id id;

    (void)state;
    online(CHARITY);
    id = bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_WAITING);
    bus->now_ms += 5000;
    bus_tick(bus, CHARITY);
    assert_null(said(CHARITY)); /* asked again not before 15 s */
    online(FORCE);
    bus->now_ms += 10000;
    bus_tick(bus, CHARITY);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_DELIVERED);
}

static void a_message_to_nobody_is_said_to_be_that(void **state)
{
    struct federation next = bus->federation;
    struct message_id id;

    (void)state;
    next.version = 2;
    next.revoked = 1u << FORCE;
    online(CHARITY);
    bus_roster(bus, CHARITY, &next);
    id = bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_CANT);
    assert_non_null(strstr(node(CHARITY)->log, "the recipient is not in the directory"));
}

/* --- sealing
 * ---------------------------------------------------------------------------------------- */

static struct envelope_header header_of(const ProtobufCBinaryData *envelope)
{
    struct envelope_header header;
    struct up_view bytes = {0};
    struct up_view box = {0};

    assert_int_equal(
        envelope_peek(up_view_of(envelope->data, envelope->len), &header, &bytes, &box), UP_OK);
    return header;
}

static size_t messages_in(int recipient, const ProtobufCBinaryData *envelope)
{
    struct envelope_header header;
    Up__Batch *batch = NULL;
    const struct exchange_prekey *own = &node(recipient)->prekeys[0];
    struct envelope_open_args args = {.roster = bus->rosters[0],
                                      .recipient = federation_names[recipient],
                                      .prekey = &own->prekey.key,
                                      .secret = &own->secret,
                                      .now_s = bus_now_s(bus)};

    assert_int_equal(envelope_open(up_view_of(envelope->data, envelope->len), &args,
                                   bus->relay_arena, &header, &batch),
                     UP_OK);
    return batch->n_messages;
}

/* Waiting rows before the connection; prekeys of both recipients are known after it. */
static void sealed_once_known(void)
{
    bus_connect(bus, CHARITY);
    feed_welcome(CHARITY, 64);
    drain(CHARITY);
    feed_prekeys(CHARITY, COUNCIL);
    drain(CHARITY);
}

static void one_envelope_per_recipient_and_lane_urgent_first(void **state)
{
    const Up__Frame *frame = NULL;
    struct envelope_header header;

    (void)state;
    (void)bus_status(bus, CHARITY, FORCE, false);
    (void)bus_status(bus, CHARITY, FORCE, false);
    (void)bus_status(bus, CHARITY, FORCE, true);
    (void)bus_status(bus, CHARITY, FORCE, false);
    greeted(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    assert_int_equal(frame->send->n_envelopes, 2);
    header = header_of(&frame->send->envelopes[0]);
    assert_true(header.urgent);
    assert_int_equal(messages_in(FORCE, &frame->send->envelopes[0]), 1);
    header = header_of(&frame->send->envelopes[1]);
    assert_false(header.urgent);
    assert_int_equal(messages_in(FORCE, &frame->send->envelopes[1]), 3);
    assert_string_equal(header.recipient.text, "a-force");
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 4);
    assert_null(said(CHARITY));
    bus_tick(bus, CHARITY); /* what is under way is not sent again */
    bus->now_ms += 6000;
    bus_tick(bus, CHARITY);
    assert_null(said(CHARITY));
}

static void each_recipient_has_its_own_envelope(void **state)
{
    const Up__Frame *frame = NULL;

    (void)state;
    (void)bus_status(bus, CHARITY, FORCE, false);
    (void)bus_status(bus, CHARITY, COUNCIL, false);
    sealed_once_known();
    feed_prekeys(CHARITY, FORCE);
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    assert_int_equal(frame->send->n_envelopes, 1); /* the council's is under way already */
    assert_string_equal(header_of(&frame->send->envelopes[0]).recipient.text, "a-force");
}

static void a_batch_is_as_full_as_it_gets(void **state)
{
    const Up__Frame *frame = NULL;
    size_t messages = 0;
    size_t envelopes = 0;

    (void)state;
    for (int i = 0; i < 300; i++)
        (void)bus_status(bus, CHARITY, FORCE, false);
    greeted(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    while ((frame = said(CHARITY)) != NULL) {
        assert_int_equal(frame->body_case, UP__FRAME__BODY_SEND);
        for (size_t i = 0; i < frame->send->n_envelopes; i++)
            messages += messages_in(FORCE, &frame->send->envelopes[i]);
        envelopes += frame->send->n_envelopes;
    }
    assert_int_equal(messages, 300);
    assert_int_equal(envelopes, 2); /* 256 and 44 */
}

static void a_large_message_does_not_hold_others_up(void **state)
{
    struct message_id id;
    struct message_id large;
    uint8_t *body = calloc(1, UP_BATCH_LEN_MAX + 1);
    const Up__Frame *frame = NULL;
    size_t messages = 0;

    (void)state;
    assert_non_null(body);
    memset(large.bytes, 9, sizeof large.bytes);
    greeted(CHARITY);
    bus_row(bus, CHARITY,
            &(struct bus_letter){
                .to = FORCE, .id = large, .bytes = up_view_of(body, UP_BATCH_LEN_MAX + 1)});
    id = bus_status(bus, CHARITY, FORCE, false);
    for (uint8_t i = 1; i < 4; i++) { /* each fills an envelope by itself, nearly */
        struct message_id half;

        memset(half.bytes, i, sizeof half.bytes);
        bus_row(bus, CHARITY,
                &(struct bus_letter){.to = FORCE, .id = half, .bytes = up_view_of(body, 150000)});
    }
    drain(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    assert_int_equal(row_state(CHARITY, &large), BUS_CANT);
    assert_int_equal(row_state(CHARITY, &id), BUS_WAITING);
    while ((frame = said(CHARITY)) != NULL) {
        assert_int_equal(frame->body_case, UP__FRAME__BODY_SEND);
        for (size_t i = 0; i < frame->send->n_envelopes; i++)
            messages += messages_in(FORCE, &frame->send->envelopes[i]);
    }
    assert_int_equal(messages, 4);
    free(body);
}

static void the_brokers_bound_of_a_send_is_kept(void **state)
{
    const Up__Frame *frame = NULL;
    size_t frames = 0;

    (void)state;
    for (int i = 0; i < 6; i++)
        (void)bus_status(bus, CHARITY, i % 3 == 0 ? FORCE : i % 3 == 1 ? COUNCIL : 3, i > 2);
    bus_connect(bus, CHARITY);
    feed_welcome(CHARITY, 2);
    drain(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    feed_prekeys(CHARITY, COUNCIL);
    feed_prekeys(CHARITY, 3);
    drain(CHARITY);
    bus_disconnect(bus, CHARITY); /* all is known now; all is sent again at once */
    bus_connect(bus, CHARITY);
    feed_welcome(CHARITY, 2);
    while ((frame = said(CHARITY)) != NULL) {
        if (frame->body_case != UP__FRAME__BODY_SEND)
            continue;
        assert_int_equal(frame->send->n_envelopes, 2);
        assert_int_equal(frame->send->seq, 3 + frames);
        frames++;
    }
    assert_int_equal(frames, 3);
}

/* A shell that gives more rows than were asked for must not break the bound of what is under way.
 */
static void no_more_is_under_way_than_the_bound(void **state)
{
    enum { COUNT = UP_OUTBOX_IN_FLIGHT_MAX + 700 };
    struct exchange_waiting *rows = calloc(COUNT, sizeof *rows);
    struct exchange_actions actions = {0};
    uint8_t body[20] = {0x0a, 16};

    (void)state;
    assert_non_null(rows);
    greeted(CHARITY);
    (void)bus_status(bus, CHARITY, FORCE, false);
    feed_prekeys(CHARITY, FORCE);
    drain(CHARITY);
    for (size_t i = 0; i < COUNT; i++) {
        rows[i].number = i + 10;
        rows[i].id.bytes[0] =
            (uint8_t)(i & 3); /* the set of what is under way must bear a bad spread */
        rows[i].id.bytes[2] = (uint8_t)(i >> 8);
        rows[i].id.bytes[3] = (uint8_t)i;
        strcpy(rows[i].recipient, "a-force");
        rows[i].message = up_view_of(body, sizeof body);
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(exchange_step(node(CHARITY)->exchange,
                                       &(struct exchange_event){.kind = EXCHANGE_LOADED,
                                                                .now_s = bus_now_s(bus),
                                                                .now_ms = bus->now_ms,
                                                                .waiting = rows,
                                                                .count = COUNT},
                                       bus->arena, &actions),
                         UP_OK);
        assert_int_equal(exchange_under_way(node(CHARITY)->exchange), UP_OUTBOX_IN_FLIGHT_MAX);
        for (size_t i = 0; i < actions.count; i++)
            assert_int_not_equal(actions.list[i].kind, EXCHANGE_LOAD); /* there is no room */
    }
    free(rows);
}

/* --- what the broker says to a Send
 * ----------------------------------------------------------------- */

static struct message_id one_sent(uint64_t *ret_seq)
{
    struct message_id id;

    greeted(CHARITY);
    id = bus_status(bus, CHARITY, FORCE, false);
    drain(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    *ret_seq = take(CHARITY, UP__FRAME__BODY_SEND)->send->seq;
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 1);
    return id;
}

static void every_result_has_its_consequence(void **state)
{
    static const struct {
        Up__Accepted__Result result;
        enum bus_row_state expected;
        int64_t due_s; /* from now; -1: soon */
    } cases[] = {
        {UP__ACCEPTED__RESULT__STORED, BUS_ACCEPTED, 86400},
        {UP__ACCEPTED__RESULT__DUPLICATE, BUS_ACCEPTED, 86400},
        {UP__ACCEPTED__RESULT__UNKNOWN_RECIPIENT, BUS_CANT, 300},
        {UP__ACCEPTED__RESULT__NOT_PERMITTED, BUS_CANT, 300},
        {UP__ACCEPTED__RESULT__TOO_LARGE, BUS_CANT, 300},
        {UP__ACCEPTED__RESULT__EXPIRED, BUS_CANT, 300},
        {UP__ACCEPTED__RESULT__MALFORMED, BUS_CANT, 300},
        {UP__ACCEPTED__RESULT__MAILBOX_FULL, BUS_WAITING, -1},
        {UP__ACCEPTED__RESULT__TRY_LATER, BUS_WAITING, -1},
        {UP__ACCEPTED__RESULT__NOT_STATED, BUS_WAITING, -1},
        {(Up__Accepted__Result)99, BUS_WAITING, -1},
        {(Up__Accepted__Result)-5, BUS_WAITING, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_id id;
        uint64_t seq = 0;
        const struct bus_row *row = NULL;

        bus_destroy(&bus);
        bus = bus_new(1000);
        id = one_sent(&seq);
        feed_accepted(CHARITY, seq, &cases[i].result, 1);
        assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 0);
        row = bus_row_find(node(CHARITY)->disk, &id);
        assert_int_equal(row->state, cases[i].expected);
        if (cases[i].due_s >= 0)
            assert_int_equal(row->due_s, bus_now_s(bus) + cases[i].due_s);
        else
            assert_in_range(row->due_s, bus_now_s(bus) + 1, bus_now_s(bus) + 2);
        assert_false(node(CHARITY)->lost);
    }
}

static void a_broker_that_lies_about_results_loses_nothing(void **state)
{
    Up__Accepted__Result results[3] = {UP__ACCEPTED__RESULT__STORED,
                                       UP__ACCEPTED__RESULT__TOO_LARGE,
                                       UP__ACCEPTED__RESULT__TOO_LARGE};
    struct message_id id;
    uint64_t seq = 0;

    (void)state;
    id = one_sent(&seq);
    feed_accepted(CHARITY, seq + 7, results, 3); /* never sent */
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 1);
    feed_accepted(CHARITY, seq, results, 3); /* more than there were */
    assert_int_equal(row_state(CHARITY, &id), BUS_ACCEPTED);
    feed_accepted(CHARITY, seq, results + 1, 1); /* said already */
    assert_int_equal(row_state(CHARITY, &id), BUS_ACCEPTED);
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 0);
}

static void fewer_results_than_envelopes_are_tried_again(void **state)
{
    struct message_id id;
    uint64_t seq = 0;

    (void)state;
    id = one_sent(&seq);
    feed_accepted(CHARITY, seq, NULL, 0);
    assert_int_equal(row_state(CHARITY, &id), BUS_WAITING);
    assert_true(bus_row_find(node(CHARITY)->disk, &id)->due_s > bus_now_s(bus));
}

/* Rounds of "mailbox full" for `count` messages at once: the pauses, in ms. */
static void pauses_of(size_t count, int64_t *ret_pauses, size_t rounds)
{
    Up__Accepted__Result full = UP__ACCEPTED__RESULT__MAILBOX_FULL;
    const Up__Frame *frame = NULL;

    greeted(CHARITY);
    for (size_t i = 0; i < count; i++)
        (void)bus_status(bus, CHARITY, FORCE, false);
    drain(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    for (size_t round = 0; round < rounds; round++) {
        int64_t from = bus->now_ms;

        assert_int_equal(frame->body_case, UP__FRAME__BODY_SEND);
        assert_int_equal(frame->send->n_envelopes, 1);
        feed_accepted(CHARITY, frame->send->seq, &full, 1);
        while (!(frame = said(CHARITY))) {
            bus->now_ms += 500;
            feed_prekeys(CHARITY, CHARITY); /* the broker lives */
            bus_tick(bus, CHARITY);
            assert_true(bus->now_ms - from < 400000);
        }
        ret_pauses[round] = bus->now_ms - from;
    }
    feed_accepted(CHARITY, frame->send->seq, &full, 1);
}

static void pauses_grow_are_capped_and_reset(void **state)
{
    enum { ROUNDS = 12 };
    int64_t pauses[ROUNDS];
    Up__Accepted__Result stored = UP__ACCEPTED__RESULT__STORED;
    Up__Accepted__Result full = UP__ACCEPTED__RESULT__MAILBOX_FULL;
    int64_t expected = 1000;
    const Up__Frame *frame = NULL;
    struct message_id id;

    (void)state;
    pauses_of(1, pauses, ROUNDS);
    for (size_t i = 0; i < ROUNDS; i++) {
        /* the row's due time is in whole seconds, and the outbox is gone through every five */
        assert_in_range(pauses[i], expected * 3 / 4, expected + 6500);
        expected = expected * 2 > UP_RETRY_PAUSE_MS_MAX ? UP_RETRY_PAUSE_MS_MAX : expected * 2;
    }
    while (!(frame = said(CHARITY))) {
        bus->now_ms += 500;
        feed_prekeys(CHARITY, CHARITY);
        bus_tick(bus, CHARITY);
    }
    feed_accepted(CHARITY, frame->send->seq, &stored, 1);
    id = bus_status(bus, CHARITY, FORCE, false); /* sent at once: the mailbox took something */
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    feed_accepted(CHARITY, frame->send->seq, &full, 1);
    assert_in_range(bus_row_find(node(CHARITY)->disk, &id)->due_s, bus_now_s(bus) + 1,
                    bus_now_s(bus) + 2);
}

static void the_pause_grows_once_for_all_that_was_sent_together(void **state)
{
    int64_t pauses[3];

    (void)state;
    pauses_of(40, pauses, 3);
    assert_in_range(pauses[0], 750, 7500);
    assert_in_range(pauses[2], 3000, 10500);
}

static void no_word_about_a_send_ends_the_connection(void **state)
{
    struct message_id id;
    uint64_t seq = 0;

    (void)state;
    id = one_sent(&seq);
    bus->now_ms += UP_RESEND_AFTER_MS;
    feed_prekeys(CHARITY, CHARITY); /* it lives, and answers other things */
    bus_tick(bus, CHARITY);
    assert_false(node(CHARITY)->lost);
    bus->now_ms += 1;
    bus_tick(bus, CHARITY);
    assert_true(node(CHARITY)->lost);
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 0);
    assert_non_null(strstr(node(CHARITY)->log, "broker-accepts-nothing"));
    assert_int_equal(row_state(CHARITY, &id), BUS_WAITING);
    bus_disconnect(bus, CHARITY);
    greeted(CHARITY);
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange),
                     1); /* sent again, prekey still known */
}

static void not_accepted_is_sent_again_after_a_disconnection(void **state)
{
    struct message_id id;
    uint64_t seq = 0;

    (void)state;
    id = one_sent(&seq);
    bus_disconnect(bus, CHARITY);
    assert_false(exchange_is_online(node(CHARITY)->exchange));
    bus_connect(bus, CHARITY);
    bus_disconnect(bus, CHARITY); /* while it greets */
    assert_int_equal(exchange_under_way(node(CHARITY)->exchange), 0);
    bus_disconnect(bus, CHARITY); /* twice */
    online(FORCE);
    online(CHARITY);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_DELIVERED);
}

static void sealed_again_when_no_receipt_comes(void **state)
{
    Up__Accepted__Result stored = UP__ACCEPTED__RESULT__STORED;
    struct message_id id;
    uint64_t seq = 0;
    const Up__Frame *frame = NULL;

    (void)state;
    id = one_sent(&seq);
    feed_accepted(CHARITY, seq, &stored, 1);
    bus->now_ms += UP_RESEAL_AFTER_MS - 2000;
    feed_prekeys(CHARITY, CHARITY);
    bus_tick(bus, CHARITY);
    assert_null(said(CHARITY));
    bus->now_ms += 7000;
    bus_tick(bus, CHARITY);
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    assert_int_equal(messages_in(FORCE, &frame->send->envelopes[0]), 1);
    assert_int_equal(row_state(CHARITY, &id), BUS_ACCEPTED);
}

/* --- prekeys
 * ---------------------------------------------------------------------------------------- */

static void a_prekey_that_is_not_its_members_is_not_used(void **state)
{
    (void)state;
    greeted(CHARITY);
    (void)bus_status(bus, CHARITY, FORCE, false);
    assert_string_equal(take(CHARITY, UP__FRAME__BODY_PREKEY_FETCH)->prekey_fetch->member,
                        "a-force");
    feed_prekeys(CHARITY, COUNCIL); /* nobody asked for them */
    assert_false(exchange_knows(node(CHARITY)->exchange, "c-council", bus_now_s(bus)));
    node(FORCE)->prekeys[0].prekey.signature[3] ^= 1;
    feed_prekeys(CHARITY, FORCE);
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    assert_string_equal(node(CHARITY)->log, "prekey-refused ");
    assert_null(said(CHARITY));
    node(FORCE)->prekeys[0].prekey.signature[3] ^= 1;
    feed_prekeys(CHARITY, FORCE);
    (void)take(CHARITY, UP__FRAME__BODY_SEND);
}

static void the_prekey_that_ends_first_is_used(void **state)
{
    const Up__Frame *frame = NULL;
    struct envelope_header header;
    struct prekey_id expected;

    (void)state;
    bus_prekeys(bus, FORCE, BUS_START_S - 500000);
    bus_prekeys(bus, FORCE, BUS_START_S + 86400);
    bus_prekeys(bus, FORCE, BUS_START_S - 700000); /* over */
    greeted(CHARITY);
    (void)bus_status(bus, CHARITY, FORCE, false);
    drain(CHARITY);
    feed_prekeys(CHARITY, FORCE);
    frame = take(CHARITY, UP__FRAME__BODY_SEND);
    header = header_of(&frame->send->envelopes[0]);
    prekey_id_of(&node(FORCE)->prekeys[1].prekey.key, &expected);
    assert_memory_equal(&header.prekey_id, &expected, sizeof expected);
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", BUS_START_S + 90 * 86400));
}

static void new_prekeys_are_published_at_once(void **state)
{
    const Up__Frame *frame = NULL;

    (void)state;
    greeted(FORCE);
    bus_prekeys(bus, FORCE, BUS_START_S + 600000);
    frame = take(FORCE, UP__FRAME__BODY_PREKEY_PUBLISH);
    assert_int_equal(frame->prekey_publish->n_prekeys, 2);
    bus_disconnect(bus, FORCE);
    bus_prekeys(bus, FORCE, BUS_START_S + 1200000); /* with nobody to tell */
    assert_null(said(FORCE));
    bus_connect(bus, FORCE);
    (void)take(FORCE, UP__FRAME__BODY_HELLO);
    feed_welcome(FORCE, 64);
    frame = take(FORCE, UP__FRAME__BODY_PREKEY_PUBLISH);
    assert_int_equal(frame->prekey_publish->n_prekeys, 3);
}

static void dead_prekeys_are_not_published(void **state)
{
    (void)state;
    bus->now_ms += INT64_C(8) * 86400 * 1000;
    bus_connect(bus, FORCE);
    (void)take(FORCE, UP__FRAME__BODY_HELLO);
    feed_welcome(FORCE, 64);
    assert_int_equal(take(FORCE, UP__FRAME__BODY_PREKEY_PUBLISH)->prekey_publish->n_prekeys, 0);
}

/* A node that was set up again has other prekeys: what is sealed to the old ones is told, and the
 * sender takes the new ones. */
static void other_prekeys_are_fetched_when_the_recipient_cannot_open(void **state)
{
    struct message_id id;
    struct message_id again;

    (void)state;
    online(FORCE);
    online(CHARITY);
    id = bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_DELIVERED);
    bus_crash(bus, FORCE);
    node(FORCE)->prekey_count = 0;
    bus_prekeys(bus, FORCE, BUS_START_S - 7200);
    online(FORCE);
    again = bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &again), BUS_ACCEPTED);
    assert_int_equal(node(CHARITY)->turned_down, 1);
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    id = bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &id), BUS_DELIVERED);
    bus->now_ms += UP_RESEAL_AFTER_MS + 6000;
    feed_prekeys(CHARITY, CHARITY);
    feed_prekeys(FORCE, FORCE);
    bus_tick(bus, CHARITY);
    bus_settle(bus);
    assert_int_equal(row_state(CHARITY, &again), BUS_DELIVERED);
    assert_int_equal(node(CHARITY)->answers, 0);
}

/* --- what comes
 * ------------------------------------------------------------------------------------- */

static void a_repeat_is_answered_and_not_kept_again(void **state)
{
    struct made made;

    (void)state;
    made_init(&made, 1);
    greeted(FORCE);
    deliver_made(&made, 1);
    assert_int_equal(node(FORCE)->keeps, 1);
    assert_int_equal(last_answer(FORCE)->delivery_receipt->outcome,
                     UP__DELIVERY_RECEIPT__OUTCOME__STORED);
    deliver_made(&made, 2);
    deliver_made(&made, 2); /* the same number once more */
    assert_int_equal(node(FORCE)->keeps, 1);
    assert_int_equal(node(FORCE)->answers, 3);
    assert_int_equal(node(FORCE)->disk->row_count,
                     1); /* the answer's id is the same: it replaces */
    assert_int_equal(last_answer(FORCE)->delivery_receipt->outcome,
                     UP__DELIVERY_RECEIPT__OUTCOME__DUPLICATE);
}

static void the_same_id_of_another_sender_is_another_message(void **state)
{
    struct made made;
    struct up_bytes message = {0};
    struct up_bytes envelope = {0};

    (void)state;
    made_init(&made, 1);
    greeted(FORCE);
    deliver_made(&made, 1);
    message = packed(&made);
    envelope = sealed(COUNCIL, FORCE, &message);
    feed_delivery(FORCE, 2, &envelope, 1);
    assert_int_equal(node(FORCE)->keeps, 2);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

static void twice_in_one_batch_is_kept_once(void **state)
{
    struct made made;
    struct up_bytes message = {0};
    struct up_view twice[2];
    struct up_bytes envelope = {0};

    (void)state;
    made_init(&made, 1);
    message = packed(&made);
    twice[0] = twice[1] = up_bytes_view(&message);
    envelope = sealed_under(roster_in_force(), CHARITY, FORCE, twice, 2);
    greeted(FORCE);
    feed_delivery(FORCE, 1, &envelope, 1);
    assert_int_equal(node(FORCE)->keeps, 1);
    assert_int_equal(node(FORCE)->disk->seen_count, 1);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

static void acked_after_the_commit_only(void **state)
{
    struct made made;
    const Up__Frame *frame = NULL;

    (void)state;
    made_init(&made, 1);
    greeted(FORCE);
    node(FORCE)->holds_commits = true;
    deliver_made(&made, 31);
    assert_null(said(FORCE));
    bus_commit(bus, FORCE);
    frame = take(FORCE, UP__FRAME__BODY_ACK);
    assert_int_equal(frame->ack->n_numbers, 1);
    assert_int_equal(frame->ack->numbers[0], 31);
    assert_int_equal(take(FORCE, UP__FRAME__BODY_CREDIT)->credit->envelopes, 1);
}

static void what_was_given_on_another_connection_is_not_acked(void **state)
{
    struct made made;

    (void)state;
    made_init(&made, 1);
    greeted(FORCE);
    node(FORCE)->holds_commits = true;
    deliver_made(&made, 31);
    bus_disconnect(bus, FORCE);
    greeted(FORCE);
    bus_commit(bus, FORCE);
    while (true) {
        const Up__Frame *frame = said(FORCE);

        if (!frame)
            break;
        assert_int_not_equal(frame->body_case, UP__FRAME__BODY_ACK);
        assert_int_not_equal(frame->body_case, UP__FRAME__BODY_CREDIT);
    }
}

/* What is in a batch, and whether it is kept. */
static void must_be(struct made *made, bool kept)
{
    struct message_id id;
    unsigned keeps = node(FORCE)->keeps;
    size_t aside = node(FORCE)->disk->aside_count;

    deliver_made(made, 5);
    memcpy(id.bytes, made->id, 16);
    assert_int_equal(node(FORCE)->keeps, keeps + kept);
    assert_int_equal(node(FORCE)->disk->aside_count, aside + !kept);
    assert_non_null(bus_seen_find(node(FORCE)->disk, "b-charity", &id));
    if (kept) {
        assert_int_equal(last_answer(FORCE)->body_case, UP__MESSAGE__BODY_DELIVERY_RECEIPT);
        assert_memory_equal(last_answer(FORCE)->delivery_receipt->message_id.data, made->id, 16);
    } else {
        assert_int_equal(last_answer(FORCE)->body_case, UP__MESSAGE__BODY_REFUSED);
        assert_memory_equal(last_answer(FORCE)->refused->message_id.data, made->id, 16);
        assert_int_equal(last_answer(FORCE)->refused->reason, UP__REFUSED__REASON__NOT_UNDERSTOOD);
    }
}

static void what_is_understood_is_kept_the_rest_set_aside(void **state)
{
    struct made made;
    Up__AgreementNotice notice = UP__AGREEMENT_NOTICE__INIT;
    uint8_t digest[32] = {7};

    (void)state;
    greeted(FORCE);
    made_init(&made, 1);
    must_be(&made, true);
    made_init(&made, 2);
    made_disclosure(&made);
    must_be(&made, true);
    made_init(&made, 3);
    made.message.body_case = UP__MESSAGE__BODY_RELEASE;
    made.message.release = &made.release;
    must_be(&made, true);
    made_init(&made, 4);
    made.message.body_case = UP__MESSAGE__BODY_AGREEMENT;
    made.message.agreement = &notice;
    notice.digest = (ProtobufCBinaryData){.len = 31, .data = digest};
    notice.number = 1;
    must_be(&made, false);
    made.id[15]++;
    notice.digest.len = 32;
    must_be(&made, true);
    made.id[15]++;
    notice.number = 0;
    must_be(&made, false);
    made.id[15]++;
    made.message.body_case = UP__MESSAGE__BODY_STATISTICS_RETURN;
    made.message.statistics_return = &made.statistics;
    must_be(&made, true);
    made_init(&made, 5);
    made.message.body_case = UP__MESSAGE__BODY__NOT_SET;
    must_be(&made, false);
    made_init(&made, 6);
    made.message.reference.len = 15;
    must_be(&made, false);
    made_init(&made, 7);
    made_disclosure(&made);
    made.message.reference.len = 0;
    must_be(&made, false);
    made_init(&made, 8);
    made_disclosure(&made);
    made.message.version = 0;
    must_be(&made, false);
    made_init(&made, 9);
    made_disclosure(&made);
    made.disclosure.incident = NULL;
    must_be(&made, false);
    made_init(&made, 10);
    made_disclosure(&made);
    made.incident.entitlement = NULL;
    must_be(&made, false);
}

static void made_action(struct made *made, unsigned id, bool answer)
{
    made_init(made, (uint8_t)id);
    made->action.object = UP__ACTION_ITEM__OBJECT__POSTER;
    made->done.what = UP__DONE__WHAT__PASSED_ON;
    made->message.body_case = answer ? UP__MESSAGE__BODY_DONE : UP__MESSAGE__BODY_ACTION_ITEM;
    if (answer)
        made->message.done = &made->done;
    else
        made->message.action_item = &made->action;
}

/* What a newer version may call an object or an outcome is set aside, and its sender told. */
static void an_action_of_a_kind_that_is_known(void **state)
{
    struct made made;

    (void)state;
    greeted(FORCE);
    for (unsigned answer = 0; answer < 2; answer++) {
        made_action(&made, 1 + 10 * answer, answer == 1);
        must_be(&made, true);
        made_action(&made, 2 + 10 * answer, answer == 1);
        made.message.reference.len = 0;
        must_be(&made, false);
        made_action(&made, 3 + 10 * answer, answer == 1);
        made.message.version = 0;
        must_be(&made, false);
        made_action(&made, 4 + 10 * answer, answer == 1);
        made.action.object = (Up__ActionItem__Object)7;
        made.done.what = (Up__Done__What)6;
        must_be(&made, false);
        made_action(&made, 5 + 10 * answer, answer == 1);
        made.action.object = UP__ACTION_ITEM__OBJECT__NOT_STATED;
        made.done.what = UP__DONE__WHAT__NOT_STATED;
        must_be(&made, false);
    }
}

static void made_forwarded(struct made *made, uint8_t id)
{
    static char member[] = "c-council";

    made_init(made, id);
    made->message.body_case = UP__MESSAGE__BODY_FORWARDED;
    made->message.forwarded = &made->forwarded;
    made->forwarded.member = member;
    made->forwarded.role = UP__ROLE__CODE__COUNCIL;
    made->forwarded.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
}

static void who_was_told_onward_is_understood_whole_or_not_at_all(void **state)
{
    static char no_member[] = "No Member";
    struct made made;

    (void)state;
    greeted(FORCE);
    made_forwarded(&made, 1);
    must_be(&made, true);
    made_forwarded(&made, 2);
    made.message.reference.len = 0;
    must_be(&made, false);
    made_forwarded(&made, 3);
    made.forwarded.member = no_member;
    must_be(&made, false);
    made_forwarded(&made, 4);
    made.forwarded.role = UP__ROLE__CODE__NOT_STATED;
    must_be(&made, false);
    made_forwarded(&made, 5);
    made.forwarded.role = (Up__Role__Code)99;
    must_be(&made, false);
    made_forwarded(&made, 6);
    made.forwarded.level = UP__ENTITLEMENT__LEVEL__ANONYMISED; /* such a thing is not passed on */
    must_be(&made, false);
    made_forwarded(&made, 7);
    made.forwarded.level = (Up__Entitlement__Level)6;
    must_be(&made, false);
}

/* One incident is never sent by itself below PSEUDONYMISED. */
static void a_level_that_no_disclosure_has_is_refused(void **state)
{
    (void)state;
    greeted(FORCE);
    for (int level = -1; level <= 7; level++) {
        struct made made;

        made_init(&made, (uint8_t)(level + 20));
        made_disclosure(&made);
        made.entitlement.level = (Up__Entitlement__Level)level;
        must_be(&made, level == UP__ENTITLEMENT__LEVEL__PSEUDONYMISED ||
                           level == UP__ENTITLEMENT__LEVEL__IDENTIFIED);
    }
}

static void garbage_spoils_no_neighbour(void **state)
{
    uint8_t newer[24] = {0x0a, 16, 0x55};
    struct made made;
    struct up_bytes message = {0};
    struct up_view batch[4];
    struct up_bytes envelope = {0};
    struct envelope_header header;
    struct up_view head = {0};
    struct up_view box = {0};

    (void)state;
    newer[18] = 0xfa; /* field 111, which this version does not know, of 3 bytes */
    newer[19] = 0x06;
    newer[20] = 3;
    made_init(&made, 1);
    message = packed(&made);
    batch[0] = up_view_of("\xff\xff\xff", 3);
    batch[1] = up_bytes_view(&message);
    batch[2] = up_view_of(newer, sizeof newer);
    batch[3] = up_view_of("", 0);
    envelope = sealed_under(roster_in_force(), CHARITY, FORCE, batch, 4);
    assert_int_equal(envelope_peek(up_bytes_view(&envelope), &header, &head, &box), UP_OK);
    greeted(FORCE);
    feed_delivery(FORCE, 1, &envelope, 1);
    assert_int_equal(node(FORCE)->keeps, 1);
    assert_int_equal(node(FORCE)->disk->aside_count, 3);
    /* a receipt; a refusal that names the envelope, for both that have no id; one that names the
     * newer message */
    assert_int_equal(node(FORCE)->disk->row_count, 3);
    assert_memory_equal(last_answer(FORCE)->refused->message_id.data, newer + 2, 16);
    assert_int_equal(last_answer(FORCE)->refused->envelope_id.len, 0);
    (void)take(FORCE, UP__FRAME__BODY_ACK);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

static void answers_are_never_answered(void **state)
{
    struct made made;
    uint8_t digest[32] = {1};

    (void)state;
    greeted(FORCE);
    made_init(&made, 1);
    made.receipt.message_id = made.message.id;
    made.receipt.digest = (ProtobufCBinaryData){.len = 32, .data = digest};
    made.receipt.outcome = UP__DELIVERY_RECEIPT__OUTCOME__STORED;
    made.message.body_case = UP__MESSAGE__BODY_DELIVERY_RECEIPT;
    made.message.delivery_receipt = &made.receipt;
    deliver_made(&made, 1);
    deliver_made(&made, 2);
    assert_int_equal(node(FORCE)->receipts, 2);
    made_init(&made, 2);
    made.refused.message_id = made.message.id;
    made.refused.reason = UP__REFUSED__REASON__NOT_UNDERSTOOD;
    made.message.body_case = UP__MESSAGE__BODY_REFUSED;
    made.message.refused = &made.refused;
    deliver_made(&made, 3);
    assert_int_equal(node(FORCE)->turned_down, 1);
    assert_int_equal(node(FORCE)->answers, 0);
    assert_int_equal(node(FORCE)->disk->seen_count, 0);
}

static void malformed_answers_go_no_further(void **state)
{
    static const size_t lens[][2] = {{0, 32}, {15, 32}, {16, 0}, {16, 31}, {17, 32}};
    struct made made;
    uint8_t bytes[40] = {1};

    (void)state;
    greeted(FORCE);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        made_init(&made, (uint8_t)(i + 1));
        made.receipt.message_id = (ProtobufCBinaryData){.len = lens[i][0], .data = bytes};
        made.receipt.digest = (ProtobufCBinaryData){.len = lens[i][1], .data = bytes};
        made.receipt.outcome = UP__DELIVERY_RECEIPT__OUTCOME__STORED;
        made.message.body_case = UP__MESSAGE__BODY_DELIVERY_RECEIPT;
        made.message.delivery_receipt = &made.receipt;
        deliver_made(&made, i + 1);
    }
    made_init(&made, 20); /* an outcome that is none */
    made.receipt.message_id = made.message.id;
    made.receipt.digest = (ProtobufCBinaryData){.len = 32, .data = bytes};
    made.message.body_case = UP__MESSAGE__BODY_DELIVERY_RECEIPT;
    made.message.delivery_receipt = &made.receipt;
    deliver_made(&made, 20);
    made_init(&made, 21); /* a refusal of nothing */
    made.message.body_case = UP__MESSAGE__BODY_REFUSED;
    made.message.refused = &made.refused;
    deliver_made(&made, 21);
    made.refused.message_id = (ProtobufCBinaryData){.len = 3, .data = bytes};
    made.refused.envelope_id = made.message.id;
    deliver_made(&made, 22);
    assert_int_equal(node(FORCE)->receipts, 0);
    assert_int_equal(node(FORCE)->turned_down, 0);
    assert_int_equal(node(FORCE)->answers, 0);
    drain(FORCE);
}

/* A receipt that names the digest of other bytes says nothing of the message that was sent. */
static void a_receipt_names_the_bytes_that_came(void **state)
{
    struct made made;
    struct up_bytes message = {0};
    struct digest digest;

    (void)state;
    made_init(&made, 1);
    message = packed(&made);
    keys_digest(up_bytes_view(&message), &digest);
    greeted(FORCE);
    deliver_made(&made, 1);
    assert_int_equal(last_answer(FORCE)->delivery_receipt->digest.len, 32);
    assert_memory_equal(last_answer(FORCE)->delivery_receipt->digest.data, &digest, 32);
    up_bytes_wipe(&message);
}

/* --- envelopes that are none of ours
 * ---------------------------------------------------------------- */

/* The envelope is acked, nothing of it is kept; answered: to its sender, with CANNOT_OPEN. */
static void must_be_turned_away(const struct up_bytes *envelope, bool answered)
{
    unsigned keeps = node(FORCE)->keeps;
    unsigned answers = node(FORCE)->answers;

    drain(FORCE);
    feed_delivery(FORCE, 77, envelope, 1);
    assert_int_equal(node(FORCE)->keeps, keeps);
    assert_int_equal(node(FORCE)->answers, answers + answered);
    assert_int_equal(take(FORCE, UP__FRAME__BODY_ACK)->ack->numbers[0], 77);
    if (answered) {
        assert_int_equal(last_answer(FORCE)->refused->reason, UP__REFUSED__REASON__CANNOT_OPEN);
        assert_int_equal(last_answer(FORCE)->refused->envelope_id.len, 16);
    }
}

static void envelopes_that_cannot_be_opened(void **state)
{
    struct made made;
    struct up_bytes message = {0};
    struct up_bytes envelope = {0};

    (void)state;
    made_init(&made, 1);
    message = packed(&made);
    greeted(FORCE);
    envelope = sealed(CHARITY, FORCE, &message);
    envelope.data[envelope.len - 1] ^= 1;
    must_be_turned_away(&envelope, true);
    up_bytes_wipe(&envelope);
    envelope = sealed(CHARITY, COUNCIL, &message); /* for somebody else */
    must_be_turned_away(&envelope, true);
    up_bytes_wipe(&envelope);
    envelope = sealed(CHARITY, FORCE, &message); /* cut short */
    envelope.len -= 5;
    must_be_turned_away(&envelope, false);
    envelope.len += 5;
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

static void a_revoked_member_is_not_heard(void **state)
{
    struct federation next = bus->federation;
    struct made made;
    struct up_bytes message = {0};
    struct up_bytes envelope = {0};

    (void)state;
    made_init(&made, 1);
    message = packed(&made);
    envelope = sealed(CHARITY, FORCE, &message);
    greeted(FORCE);
    next.version = 2;
    next.revoked = 1u << CHARITY;
    bus_roster(bus, FORCE, &next);
    must_be_turned_away(&envelope, false);
    envelope.data[envelope.len - 1] ^= 1; /* nor told that it can't be opened */
    must_be_turned_away(&envelope, false);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

static void exercise_and_live_do_not_mix(void **state)
{
    struct federation live = bus->federation;
    struct roster *roster = NULL;
    struct made made;
    struct up_bytes message = {0};
    struct up_view view = {0};
    struct up_bytes envelope = {0};

    (void)state;
    live.exercise = !live.exercise;
    roster = federation_roster(&live);
    made_init(&made, 1);
    message = packed(&made);
    view = up_bytes_view(&message);
    envelope = sealed_under(roster, CHARITY, FORCE, &view, 1);
    greeted(FORCE);
    must_be_turned_away(&envelope, false);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
    roster_destroy(&roster);
}

static void what_ran_out_is_not_kept(void **state)
{
    struct made made;
    struct up_bytes message = {0};
    struct up_bytes envelope = {0};

    (void)state;
    made_init(&made, 1);
    message = packed(&made);
    envelope = sealed(CHARITY, FORCE, &message);
    bus->now_ms += INT64_C(2) * 86400 * 1000;
    greeted(FORCE);
    must_be_turned_away(&envelope, false);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

/* Deliveries were left; the node acks what it took (0: nothing) and then asks for another
 * connection. */
static void must_leave_after_acking(uint64_t number)
{
    if (number != 0)
        assert_int_equal(take(FORCE, UP__FRAME__BODY_ACK)->ack->numbers[0], number);
    while (node(FORCE)->up.count > 0)
        assert_int_not_equal(said(FORCE)->body_case, UP__FRAME__BODY_ACK);
    assert_false(node(FORCE)->lost);
    bus_tick(bus, FORCE);
    assert_true(node(FORCE)->lost);
    bus_disconnect(bus, FORCE);
    greeted(FORCE);
}

/* A member may fill an envelope with what takes a hundred times its size in memory. It costs its
 * own message, never what others sent. */
static void an_envelope_that_takes_too_much_memory_is_refused(void **state)
{
    enum { WITNESSES = 9000 };
    static Up__Witness witness;
    static Up__Witness *witnesses[WITNESSES];
    struct made made;
    struct up_bytes heavy = {0};
    struct up_view messages[6];
    struct up_bytes envelopes[3] = {{0}};

    (void)state;
    up__witness__init(&witness);
    for (size_t i = 0; i < WITNESSES; i++)
        witnesses[i] = &witness;
    made_init(&made, 1);
    made_disclosure(&made);
    made.incident.witnesses = witnesses;
    made.incident.n_witnesses = WITNESSES;
    heavy = packed(&made);
    for (size_t i = 0; i < 6; i++)
        messages[i] = up_bytes_view(&heavy);
    envelopes[1] = sealed_under(roster_in_force(), CHARITY, FORCE, messages, 6);
    up_bytes_wipe(&heavy);
    made_init(&made, 2);
    heavy = packed(&made);
    envelopes[0] = sealed(COUNCIL, FORCE, &heavy);
    up_bytes_wipe(&heavy);
    made_init(&made, 3);
    heavy = packed(&made);
    envelopes[2] = sealed(COUNCIL, FORCE, &heavy);
    up_bytes_wipe(&heavy);
    arena_destroy(&bus->arena);
    assert_int_equal(arena_new(3 << 20, &bus->arena), UP_OK);

    greeted(FORCE);
    feed_delivery(FORCE, 1, envelopes, 3);
    assert_int_equal(node(FORCE)->keeps, 1); /* what stood before it was taken and is acked */
    must_leave_after_acking(1);
    feed_delivery(FORCE, 2, envelopes + 1, 2); /* it has a step for itself: once more */
    assert_int_equal(node(FORCE)->answers, 1);
    must_leave_after_acking(0);
    feed_delivery(FORCE, 2, envelopes + 1, 2);
    assert_non_null(strstr(node(FORCE)->log, "envelope-holds-too-much"));
    assert_int_equal(last_answer(FORCE)->refused->envelope_id.len, 16);
    must_leave_after_acking(2);
    feed_delivery(FORCE, 3, envelopes + 2, 1);
    assert_int_equal(take(FORCE, UP__FRAME__BODY_ACK)->ack->numbers[0], 3);
    assert_int_equal(node(FORCE)->disk->seen_count, 2);
    for (size_t i = 0; i < 3; i++)
        up_bytes_wipe(&envelopes[i]);
}

/* --- rosters
 * ---------------------------------------------------------------------------------------- */

static void another_directory_forgets_prekeys(void **state)
{
    struct federation next = bus->federation;

    (void)state;
    online(FORCE);
    online(CHARITY);
    (void)bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_true(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    /* the force has another identity key: what the old one signed is not believed any more */
    keyfile_generate(KEYFILE_NODE, &next.members[FORCE]);
    next.version = 2;
    bus_roster(bus, CHARITY, &next);
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
    (void)bus_status(bus, CHARITY, FORCE, false);
    bus_settle(bus);
    assert_non_null(strstr(node(CHARITY)->log, "prekey-refused"));
    assert_false(exchange_knows(node(CHARITY)->exchange, "a-force", bus_now_s(bus)));
}

static void who_is_behind_asks_for_the_directory(void **state)
{
    struct federation next = bus->federation;
    struct roster *newer = NULL;
    struct made made;
    struct up_bytes message = {0};
    struct up_view view = {0};
    struct up_bytes envelope = {0};

    (void)state;
    next.version = 2;
    newer = federation_roster(&next);
    made_init(&made, 1);
    message = packed(&made);
    view = up_bytes_view(&message);
    envelope = sealed_under(newer, CHARITY, FORCE, &view, 1);
    greeted(FORCE);
    feed_delivery(FORCE, 1, &envelope, 1);
    assert_int_equal(take(FORCE, UP__FRAME__BODY_ROSTER_FETCH)->roster_fetch->version, 1);
    assert_int_equal(node(FORCE)->keeps, 1);
    drain(FORCE);
    feed_delivery(FORCE, 2, &envelope, 1); /* not with each envelope */
    assert_int_equal(take(FORCE, UP__FRAME__BODY_ACK)->ack->n_numbers, 1);
    roster_destroy(&newer);
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&message);
}

/* --- frames that are none
 * --------------------------------------------------------------------------- */

static void garbage_from_the_broker_is_passed_over(void **state)
{
    uint8_t bytes[300];

    (void)state;
    greeted(FORCE);
    bus_feed_bytes(bus, FORCE, up_view_of("\xff\xff\xff", 3));
    bus_feed_bytes(bus, FORCE, up_view_of(NULL, 0));
    for (unsigned i = 0; i < 2000; i++) {
        keys_random(bytes, sizeof bytes);
        bytes[0] = (uint8_t)((i % 14 + 1) << 3 | 2);
        bus_feed_bytes(bus, FORCE, up_view_of(bytes, i % sizeof bytes));
    }
    assert_true(exchange_is_online(node(FORCE)->exchange));
    assert_int_equal(node(FORCE)->keeps, 0);
    assert_int_equal(node(FORCE)->answers, 0);
}

static void failures_end_what_they_should(void **state)
{
    static const struct {
        int code;
        bool ends;
        const char *word;
    } cases[] = {
        {UP__FAILURE__CODE__NOT_IN_ROSTER, true, "not-in-the-broker's-directory "},
        {UP__FAILURE__CODE__SUPERSEDED, true, "another-node-of-this-member-took-over "},
        {UP__FAILURE__CODE__UNSUPPORTED_PROTOCOL, true, "broker-speaks-another-version "},
        {UP__FAILURE__CODE__HELLO_FIRST, true, "broker-started-again "},
        {UP__FAILURE__CODE__NOT_STATED, true, "broker-refused "},
        {99, true, "broker-refused "},
        {-1, true, "broker-refused "},
        {UP__FAILURE__CODE__NOT_YOURS, false, "broker-refused-a-frame "},
        {UP__FAILURE__CODE__MALFORMED, false, "broker-understood-nothing "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node(FORCE)->log[0] = '\0';
        greeted(FORCE);
        feed_failure(FORCE, (Up__Failure__Code)cases[i].code);
        assert_int_equal(node(FORCE)->lost, cases[i].ends);
        assert_int_equal(exchange_is_online(node(FORCE)->exchange), !cases[i].ends);
        assert_string_equal(node(FORCE)->log, cases[i].word);
        bus_disconnect(bus, FORCE);
    }
}

static void a_brokers_text_goes_into_no_log(void **state)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Expired expired = UP__EXPIRED__INIT;
    Up__ExpiredEnvelope one = UP__EXPIRED_ENVELOPE__INIT;
    Up__ExpiredEnvelope *list[1] = {&one};
    struct exchange_actions actions = {0};
    struct up_bytes bytes = {0};
    char evil[] = "x\nevent=forged";
    char member[] = "a-force";

    (void)state;
    greeted(CHARITY);
    expired.envelopes = list;
    expired.n_envelopes = 1;
    frame.body_case = UP__FRAME__BODY_EXPIRED;
    frame.expired = &expired;
    for (int round = 0; round < 2; round++) {
        one.recipient = round == 0 ? evil : member;
        assert_int_equal(message_pack(&frame.base, 1000, &bytes), UP_OK);
        assert_int_equal(exchange_step(node(CHARITY)->exchange,
                                       &(struct exchange_event){.kind = EXCHANGE_FRAME,
                                                                .now_s = bus_now_s(bus),
                                                                .now_ms = bus->now_ms,
                                                                .bytes = up_bytes_view(&bytes)},
                                       bus->arena, &actions),
                         UP_OK);
        assert_int_equal(actions.count, 1);
        assert_int_equal(actions.list[0].kind, EXCHANGE_LOG);
        assert_string_equal(actions.list[0].member, round == 0 ? "" : member);
        up_bytes_wipe(&bytes);
    }
}

static void without_memory_nothing_is_lost(void **state)
{
    struct message_id id;

    (void)state;
    online(FORCE);
    online(CHARITY);
    bus_disconnect(bus, CHARITY);
    id = bus_status(bus, CHARITY, FORCE, false);
    for (size_t budget = 1000; row_state(CHARITY, &id) != BUS_DELIVERED; budget += budget / 8) {
        assert_true(budget < 2000000);
        arena_destroy(&bus->arena);
        assert_int_equal(arena_new(budget, &bus->arena), UP_OK);
        for (int i = 0; i < 2; i++) {
            bus_disconnect(bus, i);
            bus_connect(bus, i);
        }
        bus_settle(bus);
    }
    assert_int_equal(node(FORCE)->keeps, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_comes_first),
        TEST(a_broker_that_does_not_answer_is_given_up),
        TEST(a_newer_directory_in_the_welcome_is_handed_on),
        TEST(a_broker_that_says_nothing_is_asked_then_left),
        TEST(only_a_welcome_is_heard_before_it),
        TEST(offline_nothing_is_said),
        TEST(a_message_goes_through_and_its_receipt_comes_back),
        TEST(a_message_waits_for_its_recipients_first_connection),
        TEST(a_message_to_nobody_is_said_to_be_that),
        TEST(one_envelope_per_recipient_and_lane_urgent_first),
        TEST(each_recipient_has_its_own_envelope),
        TEST(a_batch_is_as_full_as_it_gets),
        TEST(a_large_message_does_not_hold_others_up),
        TEST(the_brokers_bound_of_a_send_is_kept),
        TEST(no_more_is_under_way_than_the_bound),
        TEST(every_result_has_its_consequence),
        TEST(a_broker_that_lies_about_results_loses_nothing),
        TEST(fewer_results_than_envelopes_are_tried_again),
        TEST(pauses_grow_are_capped_and_reset),
        TEST(the_pause_grows_once_for_all_that_was_sent_together),
        TEST(no_word_about_a_send_ends_the_connection),
        TEST(not_accepted_is_sent_again_after_a_disconnection),
        TEST(sealed_again_when_no_receipt_comes),
        TEST(a_prekey_that_is_not_its_members_is_not_used),
        TEST(the_prekey_that_ends_first_is_used),
        TEST(new_prekeys_are_published_at_once),
        TEST(dead_prekeys_are_not_published),
        TEST(other_prekeys_are_fetched_when_the_recipient_cannot_open),
        TEST(a_repeat_is_answered_and_not_kept_again),
        TEST(the_same_id_of_another_sender_is_another_message),
        TEST(twice_in_one_batch_is_kept_once),
        TEST(acked_after_the_commit_only),
        TEST(what_was_given_on_another_connection_is_not_acked),
        TEST(what_is_understood_is_kept_the_rest_set_aside),
        TEST(who_was_told_onward_is_understood_whole_or_not_at_all),
        TEST(an_action_of_a_kind_that_is_known),
        TEST(a_level_that_no_disclosure_has_is_refused),
        TEST(garbage_spoils_no_neighbour),
        TEST(answers_are_never_answered),
        TEST(malformed_answers_go_no_further),
        TEST(a_receipt_names_the_bytes_that_came),
        TEST(envelopes_that_cannot_be_opened),
        TEST(a_revoked_member_is_not_heard),
        TEST(exercise_and_live_do_not_mix),
        TEST(what_ran_out_is_not_kept),
        TEST(an_envelope_that_takes_too_much_memory_is_refused),
        TEST(another_directory_forgets_prekeys),
        TEST(who_is_behind_asks_for_the_directory),
        TEST(garbage_from_the_broker_is_passed_over),
        TEST(failures_end_what_they_should),
        TEST(a_brokers_text_goes_into_no_log),
        TEST(without_memory_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
