/* SPDX-License-Identifier: MIT */
/* rooms: broker base proto */
/* The relay on the store in memory. A small shell of the test does the actions in order; what it must not do before
 * the store has answered shows in the order of what a member hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker/relay.h"
#include "tests/lib/federation.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1, COUNCIL = 2, HEARD_MAX = 64 };

static struct federation fed;
static struct roster *roster;
static struct mailstore *store;
static struct relay *relay;
static struct arena *arena;
static bool disk_fails;

/* What members were told, in order. Frames live in the arena. */
static struct heard {
    connection to;
    Up__Frame *frame; /* NULL: the connection was closed */
} heard[HEARD_MAX];
static size_t heard_count;
static char refusals[512];

static void step(const struct relay_event *event);

static void do_store(const struct relay_action *action)
{
    struct mailstore_item wanted[64];
    enum mailstore_result all[64] = {0};
    enum mailstore_result results[64] = {0};
    size_t places[64];
    size_t count = 0;
    enum up_err err = UP_OK;

    for (size_t i = 0; i < action->count; i++) {
        if (action->items[i].envelope.len > 0) {
            places[count] = i;
            wanted[count++] = action->items[i];
        }
    }
    if (disk_fails)
        err = UP_IO;
    else if (count > 0)
        err = mailstore_append(store, wanted, count, results);
    for (size_t i = 0; i < count; i++)
        all[places[i]] = results[i];
    step(&(struct relay_event){.kind = RELAY_STORED,
                               .now_s = NOW,
                               .from = action->to,
                               .seq = action->seq,
                               .results = err ? NULL : all,
                               .items = action->items,
                               .count = action->count,
                               .err = err});
}

static void do_load(const struct relay_action *action)
{
    const struct mailstore_query query = {.member = action->member,
                                          .limit = action->limit,
                                          .urgent = action->urgent,
                                          .after = action->after};
    struct mailstore_mail *mail = NULL;
    size_t count = 0;

    assert_int_equal(mailstore_load(store, &query, arena, &mail, &count), UP_OK);
    step(&(struct relay_event){.kind = RELAY_LOADED,
                               .now_s = NOW,
                               .from = action->to,
                               .urgent = action->urgent,
                               .mail = mail,
                               .count = count});
}

static void hear(connection to, struct up_view bytes)
{
    ProtobufCMessage *message = NULL;

    assert_true(heard_count < HEARD_MAX);
    if (bytes.len > 0)
        assert_int_equal(message_unpack(&up__frame__descriptor, bytes, arena, &message), UP_OK);
    heard[heard_count++] = (struct heard){.to = to, .frame = (Up__Frame *)message};
}

static void do_notices(const struct relay_action *action)
{
    const struct mailstore_query query = {.member = action->member, .limit = action->limit};
    struct mailstore_notice *notices = NULL;
    size_t count = 0;

    assert_int_equal(mailstore_notices(store, &query, arena, &notices, &count), UP_OK);
    step(&(struct relay_event){.kind = RELAY_NOTICES,
                               .now_s = NOW,
                               .from = action->to,
                               .notices = notices,
                               .count = count});
}

static void do_action(const struct relay_action *action)
{
    struct up_view set = {0};

    switch (action->kind) {
    case RELAY_SEND:
        hear(action->to, action->frame);
        break;
    case RELAY_CLOSE:
        hear(action->to, up_view_of(NULL, 0));
        break;
    case RELAY_STORE:
        do_store(action);
        break;
    case RELAY_LOAD:
        do_load(action);
        break;
    case RELAY_REMOVE:
        assert_int_equal(mailstore_remove(store, action->member, action->numbers, action->count),
                         UP_OK);
        break;
    case RELAY_PUT_PREKEYS:
        assert_int_equal(mailstore_prekeys_put(store, action->member, action->frame), UP_OK);
        break;
    case RELAY_GET_PREKEYS:
        if (mailstore_prekeys_get(store, action->member, arena, &set))
            set = up_view_of(NULL, 0);
        step(&(struct relay_event){.kind = RELAY_PREKEYS,
                                   .now_s = NOW,
                                   .from = action->to,
                                   .member = action->member,
                                   .bytes = set});
        break;
    case RELAY_LOAD_NOTICES:
        do_notices(action);
        break;
    case RELAY_NOTICES_DONE:
        assert_int_equal(mailstore_notices_done(store, action->notices, action->count), UP_OK);
        break;
    case RELAY_PURGE:
        assert_int_equal(mailstore_purge(store, action->member), UP_OK);
        break;
    case RELAY_REFUSED:
        (void)snprintf(refusals + strlen(refusals), sizeof refusals - strlen(refusals), "%s ",
                       action->why);
        break;
    }
}

static void step(const struct relay_event *event)
{
    struct relay_actions actions = {0};

    assert_int_equal(relay_step(relay, event, arena, &actions), UP_OK);
    for (size_t i = 0; i < actions.count; i++)
        do_action(&actions.list[i]);
}

static void say(connection from, int member, const Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    assert_int_equal(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes), UP_OK);
    step(&(struct relay_event){.kind = RELAY_FRAME,
                               .now_s = NOW,
                               .from = from,
                               .member = federation_names[member],
                               .bytes = up_bytes_view(&bytes)});
    up_bytes_wipe(&bytes);
}

static void say_hello(connection from, int member, uint64_t incarnation)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello hello = UP__HELLO__INIT;

    hello.protocol = 1;
    hello.incarnation = incarnation;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &hello;
    say(from, member, &frame);
}

static void say_credit(connection from, int member, unsigned envelopes)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Credit credit = UP__CREDIT__INIT;

    credit.envelopes = envelopes;
    frame.body_case = UP__FRAME__BODY_CREDIT;
    frame.credit = &credit;
    say(from, member, &frame);
}

static void say_ack(connection from, int member, uint64_t number)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Ack ack = UP__ACK__INIT;

    ack.numbers = &number;
    ack.n_numbers = 1;
    frame.body_case = UP__FRAME__BODY_ACK;
    frame.ack = &ack;
    say(from, member, &frame);
}

static struct up_bytes sealed(int sender, int recipient, bool urgent)
{
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = {0};
    struct envelope_id id;
    struct up_view message = up_view_of("message", 7);
    const struct prekey_owner owner = {.roster = roster,
                                       .member = federation_names[recipient],
                                       .identity = &fed.members[recipient].identity_secret};

    assert_int_equal(prekey_generate(&owner, NOW, &prekey, &secret), UP_OK);
    assert_int_equal(
        envelope_seal(&(struct envelope_seal_args){.roster = roster,
                                                   .sender = federation_names[sender],
                                                   .recipient = federation_names[recipient],
                                                   .identity = &fed.members[sender].identity_secret,
                                                   .prekey = &prekey,
                                                   .now_s = NOW,
                                                   .ttl_s = 86400,
                                                   .urgent = urgent,
                                                   .messages = &message,
                                                   .message_count = 1},
                      &id, &envelope),
        UP_OK);
    return envelope;
}

static void say_send(connection from, int member, const struct up_bytes *envelope)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Send sent = UP__SEND__INIT;
    ProtobufCBinaryData data = {.len = envelope->len, .data = envelope->data};

    sent.seq = 7;
    sent.envelopes = &data;
    sent.n_envelopes = 1;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &sent;
    say(from, member, &frame);
}

static int set_up(void **state)
{
    static const struct mailstore_quotas quotas = {
        .mailbox_messages_max = 3, .mailbox_bytes_max = 1 << 20, .sender_bytes_max = 1 << 20};

    (void)state;
    federation_init(&fed, NOW - 1000);
    roster = federation_roster(&fed);
    heard_count = 0;
    refusals[0] = '\0';
    disk_fails = false;
    return arena_new(UP_ARENA_LEN_MAX, &arena) || mailstore_mem_open(&quotas, &store) ||
           relay_new("broker-1", 8, roster, &relay);
}

static int tear_down(void **state)
{
    (void)state;
    relay_destroy(&relay);
    mailstore_close(&store);
    roster_destroy(&roster);
    arena_destroy(&arena);
    return 0;
}

static const Up__Frame *last(connection to)
{
    for (size_t i = heard_count; i > 0; i--) {
        if (heard[i - 1].to == to && heard[i - 1].frame)
            return heard[i - 1].frame;
    }
    fail_msg("nothing was heard");
    return NULL;
}

static Up__Accepted__Result last_result(connection to)
{
    const Up__Frame *frame = last(to);

    assert_int_equal(frame->body_case, UP__FRAME__BODY_ACCEPTED);
    assert_int_equal(frame->accepted->seq, 7);
    assert_int_equal(frame->accepted->n_results, 1);
    return frame->accepted->results[0];
}

static void must_fail(connection to, Up__Failure__Code code)
{
    assert_int_equal(last(to)->body_case, UP__FRAME__BODY_FAILURE);
    assert_int_equal(last(to)->failure->code, code);
}

static void an_envelope_goes_through(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);
    uint64_t number = 0;

    (void)state;
    say_hello(1, CHARITY, 1);
    assert_int_equal(last(1)->body_case, UP__FRAME__BODY_WELCOME);
    assert_true(last(1)->welcome->signed_roster.len > 0);
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__STORED);
    say_hello(2, FORCE, 1);
    assert_int_equal(last(2)->body_case, UP__FRAME__BODY_WELCOME); /* no credit, no mail */
    say_credit(2, FORCE, 10);
    assert_int_equal(last(2)->body_case, UP__FRAME__BODY_DELIVER);
    assert_int_equal(last(2)->deliver->n_deliveries, 1);
    assert_int_equal(last(2)->deliver->deliveries[0]->envelope.len, envelope.len);
    assert_memory_equal(last(2)->deliver->deliveries[0]->envelope.data, envelope.data,
                        envelope.len);
    number = last(2)->deliver->deliveries[0]->number;
    assert_int_equal(mailstore_waiting(store, "a-force"), 1);
    say_ack(2, FORCE, number);
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__DUPLICATE);
    up_bytes_wipe(&envelope);
}

static void what_is_stored_while_connected_comes_at_once(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    say_hello(2, FORCE, 1);
    say_credit(2, FORCE, 1);
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last(2)->body_case, UP__FRAME__BODY_DELIVER);
    up_bytes_wipe(&envelope);
}

static void not_acked_comes_again_on_a_new_connection(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    say_hello(2, FORCE, 1);
    say_credit(2, FORCE, 5);
    say_send(1, CHARITY, &envelope);
    step(&(struct relay_event){.kind = RELAY_CLOSED, .now_s = NOW, .from = 2});
    say_hello(3, FORCE, 1);
    say_credit(3, FORCE, 5);
    assert_int_equal(last(3)->body_case, UP__FRAME__BODY_DELIVER);
    up_bytes_wipe(&envelope);
}

static void nothing_is_accepted_that_is_not_on_disk(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    disk_fails = true;
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__TRY_LATER);
    disk_fails = false;
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__STORED);
    up_bytes_wipe(&envelope);
}

static void another_senders_envelope_is_refused(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, COUNCIL, 1);
    say_send(1, COUNCIL, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__NOT_PERMITTED);
    assert_string_equal(refusals, "claims-another-sender ");
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    up_bytes_wipe(&envelope);
}

static void a_stranger_hears_only_that(void **state)
{
    (void)state;
    step(&(struct relay_event){.kind = RELAY_FRAME, .now_s = NOW, .from = 9, .member = NULL});
    must_fail(9, UP__FAILURE__CODE__NOT_IN_ROSTER);
    step(&(struct relay_event){.kind = RELAY_FRAME, .now_s = NOW, .from = 8, .member = "x-nobody"});
    must_fail(8, UP__FAILURE__CODE__NOT_IN_ROSTER);
    assert_string_equal(refusals, "not-in-roster not-in-roster ");
}

static void a_revoked_members_live_connection_ends(void **state)
{
    struct federation next = fed;
    struct roster *other = NULL;
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    say_hello(2, FORCE, 1);
    say_send(1, CHARITY, &envelope);
    next.version = 2;
    next.revoked = 1u << CHARITY | 1u << FORCE;
    other = federation_roster(&next);
    step(&(struct relay_event){.kind = RELAY_ROSTER, .now_s = NOW, .roster = other});
    must_fail(1, UP__FAILURE__CODE__NOT_IN_ROSTER);
    assert_int_equal(mailstore_waiting(store, "a-force"), 0); /* its mailbox was purged */
    say_send(1, CHARITY,
             &envelope); /* the transport may still be up: judged by the roster in force */
    must_fail(1, UP__FAILURE__CODE__NOT_IN_ROSTER);
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    roster_destroy(&roster);
    roster = other;
    up_bytes_wipe(&envelope);
}

static void mail_to_a_revoked_member_is_told(void **state)
{
    struct federation next = fed;
    struct roster *other = NULL;
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    next.version = 2;
    next.revoked = 1u << FORCE;
    other = federation_roster(&next);
    step(&(struct relay_event){.kind = RELAY_ROSTER, .now_s = NOW, .roster = other});
    say_send(1, CHARITY, &envelope);
    assert_int_equal(last_result(1), UP__ACCEPTED__RESULT__UNKNOWN_RECIPIENT);
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    roster_destroy(&roster);
    roster = other;
    up_bytes_wipe(&envelope);
}

static void only_its_own_deliveries_can_be_acked(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);

    (void)state;
    say_hello(1, CHARITY, 1);
    say_send(1, CHARITY, &envelope);
    say_ack(1, CHARITY, 1);
    must_fail(1, UP__FAILURE__CODE__NOT_YOURS);
    say_hello(2, FORCE, 1);
    say_ack(2, FORCE, 1); /* its mail, but not delivered yet */
    must_fail(2, UP__FAILURE__CODE__NOT_YOURS);
    assert_int_equal(mailstore_waiting(store, "a-force"), 1);
    up_bytes_wipe(&envelope);
}

static void urgent_comes_first_and_credit_is_kept(void **state)
{
    struct up_bytes first = sealed(CHARITY, FORCE, false);
    struct up_bytes second = sealed(CHARITY, FORCE, true);
    struct envelope_header header;
    struct up_view head = {0};
    struct up_view rest = {0};

    (void)state;
    say_hello(1, CHARITY, 1);
    say_send(1, CHARITY, &first);
    say_send(1, CHARITY, &second);
    say_hello(2, FORCE, 1);
    say_credit(2, FORCE, 1);
    assert_int_equal(last(2)->deliver->n_deliveries, 1);
    assert_int_equal(envelope_peek(up_view_of(last(2)->deliver->deliveries[0]->envelope.data,
                                              last(2)->deliver->deliveries[0]->envelope.len),
                                   &header, &head, &rest),
                     UP_OK);
    assert_true(header.urgent);
    say_credit(2, FORCE, 1);
    assert_int_equal(last(2)->deliver->n_deliveries, 1);
    up_bytes_wipe(&first);
    up_bytes_wipe(&second);
}

static void a_full_mailbox_is_told(void **state)
{
    (void)state;
    say_hello(1, CHARITY, 1);
    for (int i = 0; i < 4; i++) {
        struct up_bytes envelope = sealed(CHARITY, FORCE, false);

        say_send(1, CHARITY, &envelope);
        assert_int_equal(last_result(1),
                         i < 3 ? UP__ACCEPTED__RESULT__STORED : UP__ACCEPTED__RESULT__MAILBOX_FULL);
        up_bytes_wipe(&envelope);
    }
}

static void hello_comes_first_and_the_newest_wins(void **state)
{
    (void)state;
    say_credit(1, FORCE, 1);
    must_fail(1, UP__FAILURE__CODE__HELLO_FIRST);
    say_hello(1, FORCE, 5);
    say_hello(2, FORCE, 4); /* a clone from an older copy */
    must_fail(2, UP__FAILURE__CODE__SUPERSEDED);
    say_hello(3, FORCE, 5);
    must_fail(1, UP__FAILURE__CODE__SUPERSEDED);
    assert_int_equal(last(3)->body_case, UP__FRAME__BODY_WELCOME);
}

static void malformed_bytes_are_told_and_counted(void **state)
{
    (void)state;
    say_hello(1, FORCE, 1);
    step(&(struct relay_event){.kind = RELAY_FRAME,
                               .now_s = NOW,
                               .from = 1,
                               .member = "a-force",
                               .bytes = up_view_of("\xff\xff\xff", 3)});
    must_fail(1, UP__FAILURE__CODE__MALFORMED);
    assert_string_equal(refusals, "malformed-frame ");
}

static void senders_hear_what_ran_out(void **state)
{
    struct up_bytes envelope = sealed(CHARITY, FORCE, false);
    size_t count = 0;

    (void)state;
    say_hello(1, CHARITY, 1);
    say_send(1, CHARITY, &envelope);
    assert_int_equal(mailstore_expire(store, NOW + 100000, 10, &count), UP_OK);
    say_hello(3, CHARITY, 1);
    assert_int_equal(last(3)->body_case, UP__FRAME__BODY_EXPIRED);
    assert_string_equal(last(3)->expired->envelopes[0]->recipient, "a-force");
    up_bytes_wipe(&envelope);
}

static void prekeys_are_published_by_their_owner(void **state)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyPublish publish = UP__PREKEY_PUBLISH__INIT;
    Up__PrekeyFetch fetch = UP__PREKEY_FETCH__INIT;
    Up__SignedPrekey one = UP__SIGNED_PREKEY__INIT;
    Up__SignedPrekey *list[1] = {&one};
    struct prekey prekey;
    struct prekey_secret secret;
    char member[] = "a-force";
    const struct prekey_owner owner = {
        .roster = roster, .member = member, .identity = &fed.members[FORCE].identity_secret};

    (void)state;
    assert_int_equal(prekey_generate(&owner, NOW, &prekey, &secret), UP_OK);
    one.member = member;
    one.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    one.valid_from_s = prekey.valid_from_s;
    one.valid_until_s = prekey.valid_until_s;
    one.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    publish.prekeys = list;
    publish.n_prekeys = 1;
    frame.body_case = UP__FRAME__BODY_PREKEY_PUBLISH;
    frame.prekey_publish = &publish;
    say_hello(1, CHARITY, 1);
    say(1, CHARITY, &frame);
    must_fail(1, UP__FAILURE__CODE__NOT_YOURS);
    say_hello(2, FORCE, 1);
    say(2, FORCE, &frame);
    fetch.member = member;
    frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
    frame.prekey_fetch = &fetch;
    say(1, CHARITY, &frame);
    assert_int_equal(last(1)->body_case, UP__FRAME__BODY_PREKEYS);
    assert_int_equal(last(1)->prekeys->n_prekeys, 1);
    assert_memory_equal(last(1)->prekeys->prekeys[0]->key.data, prekey.key.bytes, 32);
}

/* It is by far the largest answer to a small question. */
static void a_roster_copy_goes_once_to_a_connection(void **state)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__RosterFetch fetch = UP__ROSTER_FETCH__INIT;

    (void)state;
    frame.body_case = UP__FRAME__BODY_ROSTER_FETCH;
    frame.roster_fetch = &fetch;
    say_hello(1, CHARITY, 1);
    assert_true(last(1)->welcome->signed_roster.len > 0);
    say(1, CHARITY, &frame);
    must_fail(1, UP__FAILURE__CODE__MALFORMED);
    say_hello(1, CHARITY, 1);
    assert_int_equal(last(1)->welcome->signed_roster.len, 0);
    say_hello(2, CHARITY, 2);
    assert_true(last(2)->welcome->signed_roster.len > 0);
    assert_non_null(strstr(refusals, "roster-asked-twice"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_envelope_goes_through),
        TEST(what_is_stored_while_connected_comes_at_once),
        TEST(not_acked_comes_again_on_a_new_connection),
        TEST(nothing_is_accepted_that_is_not_on_disk),
        TEST(another_senders_envelope_is_refused),
        TEST(a_stranger_hears_only_that),
        TEST(a_revoked_members_live_connection_ends),
        TEST(mail_to_a_revoked_member_is_told),
        TEST(only_its_own_deliveries_can_be_acked),
        TEST(urgent_comes_first_and_credit_is_kept),
        TEST(a_full_mailbox_is_told),
        TEST(hello_comes_first_and_the_newest_wins),
        TEST(malformed_bytes_are_told_and_counted),
        TEST(senders_hear_what_ran_out),
        TEST(prekeys_are_published_by_their_owner),
        TEST(a_roster_copy_goes_once_to_a_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
