/* SPDX-License-Identifier: MIT */
/* rooms: exchange proto */
/* A node's exchange with memory running out at any place of a day's work. The shell makes a new
 * connection then, and all is sent and acknowledged on that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/exchange/exchange.h"
#include "tests/lib/federation.h"
#include "tests/lib/oom.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1, COUNCIL = 2, ROWS = 3, SENDS_MAX = 4 };

static struct federation fed;
static struct roster *roster;
static struct prekey prekeys[3];
static struct prekey_secret secrets[3];
static struct exchange_waiting rows[ROWS];
static struct up_bytes prekey_frames[3];
static struct up_bytes welcome_frame;
static struct up_bytes deliver_frame;

static struct exchange *exchange;
static struct arena *arena;
static struct exchange_actions done; /* of the last step */
static struct {
    uint64_t seq;
    size_t envelopes;
} sends[SENDS_MAX];
static size_t send_count;
static unsigned accepted;
static unsigned acked;

static struct up_bytes frame_of(Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    assert_int_equal(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes), UP_OK);
    return bytes;
}

static struct up_bytes prekeys_frame(unsigned member)
{
    struct prekey prekey = prekeys[member];
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
    return frame_of(&frame);
}

/* From the charity: a release, and something that is no message. */
static struct up_bytes delivery_frame(void)
{
    static const uint8_t junk[] = {0xff};
    uint8_t id[16] = {9};
    Up__Message message = UP__MESSAGE__INIT;
    Up__Release release = UP__RELEASE__INIT;
    struct up_bytes packed = {0};
    struct up_bytes envelope = {0};
    struct up_view messages[2];
    struct envelope_id envelope_id;
    Up__Frame frame = UP__FRAME__INIT;
    Up__Deliver deliver = UP__DELIVER__INIT;
    Up__Delivery one = UP__DELIVERY__INIT;
    Up__Delivery *list[1] = {&one};
    struct up_bytes bytes = {0};

    message.id = (ProtobufCBinaryData){.len = 16, .data = id};
    message.body_case = UP__MESSAGE__BODY_RELEASE;
    message.release = &release;
    assert_int_equal(message_pack(&message.base, 1000, &packed), UP_OK);
    messages[0] = up_bytes_view(&packed);
    messages[1] = up_view_of(junk, sizeof junk);
    assert_int_equal(
        envelope_seal(
            &(struct envelope_seal_args){.roster = roster,
                                         .sender = "b-charity",
                                         .recipient = "a-force",
                                         .identity = &fed.members[CHARITY].identity_secret,
                                         .prekey = &prekeys[FORCE],
                                         .now_s = NOW,
                                         .ttl_s = 86400,
                                         .messages = messages,
                                         .message_count = 2},
            &envelope_id, &envelope),
        UP_OK);
    one.number = 77;
    one.envelope = (ProtobufCBinaryData){.len = envelope.len, .data = envelope.data};
    deliver.deliveries = list;
    deliver.n_deliveries = 1;
    frame.body_case = UP__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    bytes = frame_of(&frame);
    up_bytes_wipe(&packed);
    up_bytes_wipe(&envelope);
    return bytes;
}

static int set_up(void **state)
{
    static const uint8_t text[20] = {0x0a, 0x00};
    Up__Frame frame = UP__FRAME__INIT;
    Up__Welcome welcome = UP__WELCOME__INIT;

    (void)state;
    federation_init(&fed, NOW - 1000);
    roster = federation_roster(&fed);
    for (unsigned i = 0; i < 3; i++) {
        const struct prekey_owner owner = {roster, federation_names[i],
                                           &fed.members[i].identity_secret};

        if (prekey_generate(&owner, NOW - 100, &prekeys[i], &secrets[i]))
            return -1;
        prekey_frames[i] = prekeys_frame(i);
        rows[i].number = i + 1;
        rows[i].id.bytes[0] = (uint8_t)(i + 1);
        rows[i].urgent = i == 1;
        rows[i].message = up_view_of(text, sizeof text);
        strcpy(rows[i].recipient, federation_names[i == 0 ? COUNCIL : CHARITY]);
    }
    frame.body_case = UP__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    welcome_frame = frame_of(&frame);
    deliver_frame = delivery_frame();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        up_bytes_wipe(&prekey_frames[i]);
    up_bytes_wipe(&welcome_frame);
    up_bytes_wipe(&deliver_frame);
    roster_destroy(&roster);
    return 0;
}

/* What was sent is looked at by hand: reading it must not take part in running out. */
static void look_at(const struct exchange_action *action)
{
    if (action->kind == EXCHANGE_ACCEPTED)
        accepted++;
    if (action->kind != EXCHANGE_SEND)
        return;
    acked += action->bytes.data[0] == (UP__FRAME__BODY_ACK << 3 | 2);
    if (action->bytes.data[0] == (UP__FRAME__BODY_SEND << 3 | 2)) {
        Up__Frame *frame = up__frame__unpack(NULL, action->bytes.len, action->bytes.data);

        assert_non_null(frame);
        assert_true(send_count < SENDS_MAX);
        sends[send_count].seq = frame->send->seq;
        sends[send_count++].envelopes = frame->send->n_envelopes;
        up__frame__free_unpacked(frame, NULL);
    }
}

static enum up_err step(struct exchange_event event)
{
    struct exchange_actions actions = {0};
    enum up_err err = UP_OK;

    event.now_s = NOW;
    event.now_ms = 1000;
    err = exchange_step(exchange, &event, arena, &actions);
    assert_true(err == UP_OK || err == UP_NO_MEMORY);
    assert_true(err == UP_OK || !actions.list);
    for (size_t i = 0; i < actions.count; i++)
        look_at(&actions.list[i]);
    done = actions;
    return err;
}

static enum up_err hear(const struct up_bytes *frame)
{
    return step((struct exchange_event){.kind = EXCHANGE_FRAME, .bytes = up_bytes_view(frame)});
}

static enum up_err load(void)
{
    return step((struct exchange_event){.kind = EXCHANGE_LOADED, .waiting = rows, .count = ROWS});
}

static enum up_err hear_accepted(uint64_t seq, size_t envelopes)
{
    uint8_t bytes[64];
    struct up_bytes frame = {.data = bytes};
    Up__Frame message = UP__FRAME__INIT;
    Up__Accepted answer = UP__ACCEPTED__INIT;
    Up__Accepted__Result results[4] = {UP__ACCEPTED__RESULT__STORED,
                                       UP__ACCEPTED__RESULT__DUPLICATE,
                                       UP__ACCEPTED__RESULT__STORED, UP__ACCEPTED__RESULT__STORED};

    assert_true(envelopes <= 4);
    answer.seq = seq;
    answer.results = results;
    answer.n_results = envelopes;
    message.body_case = UP__FRAME__BODY_ACCEPTED;
    message.accepted = &answer;
    frame.len = up__frame__pack(&message, bytes);
    return hear(&frame);
}

/* The messages of one delivery; what was answered to them must be there. */
static enum up_err take_delivery(void)
{
    static const delivery_number number = 77;
    struct exchange_actions given = {0};
    unsigned answers = 0;
    enum up_err err = hear(&deliver_frame);

    given = done;
    for (size_t i = 0; !err && i < given.count; i++) {
        answers += given.list[i].kind == EXCHANGE_ANSWER;
        if (given.list[i].kind != EXCHANGE_RECEIVED)
            continue;
        err = step(
            (struct exchange_event){.kind = EXCHANGE_CHECKED, .message = &given.list[i].message});
        if (err)
            return err;
        assert_int_equal(done.count, 3);
        assert_int_equal(done.list[0].kind, EXCHANGE_KEEP);
        assert_int_equal(done.list[1].kind, EXCHANGE_SAW);
        assert_int_equal(done.list[2].kind, EXCHANGE_ANSWER);
        assert_true(done.list[2].bytes.len > 0);
    }
    if (err)
        return err;
    if (given.count == 0 || given.list[given.count - 1].kind != EXCHANGE_DELIVERED)
        return UP_NO_MEMORY; /* left for another connection */
    assert_int_equal(answers, 1);
    return step(
        (struct exchange_event){.kind = EXCHANGE_COMMITTED, .numbers = &number, .count = 1});
}

static enum up_err day(void)
{
    struct exchange_prekey own = {.prekey = prekeys[FORCE], .secret = secrets[FORCE]};
    enum up_err err = step((struct exchange_event){.kind = EXCHANGE_CONNECTED});

    accepted = acked = 0;
    send_count = 0;
    if (!err)
        err = step((struct exchange_event){.kind = EXCHANGE_PREKEYS, .prekeys = &own, .count = 1});
    if (!err)
        err = hear(&welcome_frame);
    if (!err)
        err = load(); /* asks for prekeys where it has none */
    for (unsigned i = CHARITY; !err && i <= COUNCIL; i++)
        err = hear(&prekey_frames[i]);
    if (!err)
        err = load();
    for (size_t i = 0; !err && i < send_count; i++)
        err = hear_accepted(sends[i].seq, sends[i].envelopes);
    if (!err)
        err = take_delivery();
    if (err)
        return err;
    assert_int_equal(accepted, ROWS);
    assert_int_equal(acked, 1);
    assert_int_equal(exchange_under_way(exchange), 0);
    return UP_OK;
}

static enum up_err day_in(struct arena *own)
{
    const struct exchange_config config = {.member = "a-force",
                                           .identity = &fed.members[FORCE].identity_secret,
                                           .roster = roster,
                                           .incarnation = 1};
    enum up_err err = exchange_new(&config, &exchange);

    assert_true((err == UP_OK) == (exchange != NULL));
    if (err)
        return err;
    arena = own;
    err = day();
    if (err == UP_NO_MEMORY) {
        struct arena *enough = NULL;

        (void)oom_disarm();
        assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &enough), UP_OK);
        arena = enough;
        assert_int_equal(step((struct exchange_event){.kind = EXCHANGE_DISCONNECTED}), UP_OK);
        assert_false(exchange_is_online(exchange));
        assert_int_equal(exchange_under_way(exchange), 0);
        assert_int_equal(day(), UP_OK);
        arena_destroy(&enough);
    }
    exchange_destroy(&exchange);
    return err;
}

static enum up_err attempt_day(void)
{
    struct arena *own = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &own);

    if (!err)
        err = day_in(own);
    arena_destroy(&own);
    return err;
}

static void a_day_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_day, 20);
}

/* The steps of a day share one arena here, so that every one of them comes to its end. */
static void a_day_in_every_budget(void **state)
{
    (void)state;
    oom_budgets(day_in, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_runs_out),
        cmocka_unit_test(a_day_in_every_budget),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
