/* SPDX-License-Identifier: MIT */
/* rooms: base proto */
/* The real broker process on loopback, spoken to over CURVE. BIN names the folder of the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "frame.pb-c.h"
#include "tests/lib/federation.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

enum { FORCE = 0, CHARITY = 1, COUNCIL = 2, WAIT_MS = 20000, LOG_LEN = 65536 };

static struct federation fed;
static struct roster *roster;
static struct arena *arena;
static char folder[64];
static pid_t broker;
static int broker_log = -1;
static char log_text[LOG_LEN]; /* all that the broker said since it was started */
static size_t log_len;
static char endpoint[128];
static void *context;
static void *sockets
    [8]; /* open ones: a test that failed left them so, and the context would wait for them */

static void write_file(const char *name, struct up_view bytes)
{
    char path[128];
    struct up_why why = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_write(path, bytes, 0600, &why))
        fail_msg("%s", why.text);
}

static void write_roster(void)
{
    struct up_bytes bytes = federation_signed(&fed, 2);

    write_file("roster", up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
}

static void write_config(void)
{
    struct digest stewards;
    struct up_bytes key_file = {0};
    char high[IDS_HEX_LEN + 1];
    char low[IDS_HEX_LEN + 1];
    char text[512];

    roster_stewards_digest(roster_content(roster), &stewards);
    ids_hex(stewards.bytes, high);
    ids_hex(stewards.bytes + 16, low);
    (void)snprintf(text, sizeof text,
                   "broker\n    id = test\n    endpoint = \"tcp://127.0.0.1:*\"\n    keys = keys\n"
                   "    roster = roster\n    store = mail.db\n    stewards = %s%s\n",
                   high, low);
    write_file("broker.conf", up_view_of(text, strlen(text)));
    assert_int_equal(keyfile_format(&fed.broker, up_view_of(NULL, 0), &key_file), UP_OK);
    write_file("keys", up_bytes_view(&key_file));
    up_bytes_wipe(&key_file);
}

/* Reads the broker's log until a word stands in it after `from`; fails when the broker ends or time runs out. */
static const char *log_wait(const char *word, size_t from)
{
    for (;;) {
        const char *found = strstr(log_text + from, word);
        zmq_pollitem_t item = {NULL, broker_log, ZMQ_POLLIN, 0};
        ssize_t got = 0;

        if (found)
            return found;
        if (zmq_poll(&item, 1, WAIT_MS) <= 0)
            fail_msg("the broker never said \"%s\"; it said:\n%s", word, log_text);
        got = read(broker_log, log_text + log_len, LOG_LEN - 1 - log_len);
        if (got <= 0)
            fail_msg("the broker ended before \"%s\"; it said:\n%s", word, log_text);
        log_len += (size_t)got;
        log_text[log_len] = '\0';
    }
}

static void broker_start(void)
{
    const char *bin = getenv("BIN") ? getenv("BIN") : "build/asan/bin";
    int ends[2];
    char program[256];
    char config[128];
    const char *said = NULL;

    (void)snprintf(program, sizeof program, "%s/upstander-broker", bin);
    (void)snprintf(config, sizeof config, "%s/broker.conf", folder);
    assert_int_equal(pipe(ends), 0);
    log_len = 0;
    log_text[0] = '\0';
    broker = fork();
    assert_true(broker >= 0);
    if (broker == 0) {
        (void)dup2(ends[1], 2);
        (void)close(ends[0]);
        (void)execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    if (broker_log >= 0)
        (void)close(broker_log);
    broker_log = ends[0];
    (void)log_wait("directory=", 0);
    said = strstr(log_text, "endpoint=");
    assert_non_null(said);
    assert_int_equal(sscanf(said, "endpoint=%127s", endpoint), 1);
}

static int broker_end(int number)
{
    int status = 0;

    assert_int_equal(kill(broker, number), 0);
    assert_int_equal(waitpid(broker, &status, 0), broker);
    broker = 0;
    return status;
}

static void hang_up(void *socket)
{
    for (size_t i = 0; socket && i < sizeof sockets / sizeof sockets[0]; i++) {
        if (sockets[i] == socket) {
            sockets[i] = NULL;
            (void)zmq_close(socket);
            return;
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (!mkdtemp(folder) || arena_new(UP_ARENA_LEN_MAX, &arena))
        return -1;
    federation_init(&fed, clock_wall_s() - 1000);
    roster = federation_roster(&fed);
    write_roster();
    write_config();
    context = zmq_ctx_new();
    broker_start();
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"roster",      "keys",        "broker.conf", "mail.db",
                                        "mail.db-wal", "mail.db-shm", "mail.db.lock"};

    (void)state;
    if (broker > 0)
        (void)broker_end(SIGKILL);
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++)
        hang_up(sockets[i]);
    (void)zmq_ctx_term(context);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];

        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    roster_destroy(&roster);
    arena_destroy(&arena);
    return rmdir(folder);
}

static void *dial(const struct keyfile *who)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int wait_ms = WAIT_MS;
    int none = 0;
    size_t place = 0;

    assert_non_null(socket);
    while (sockets[place])
        assert_true(++place < sizeof sockets / sizeof sockets[0]);
    sockets[place] = socket;
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, who->transport.bytes, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, who->transport_secret.bytes, 32),
                     0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, fed.broker.transport.bytes, 32),
                     0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none), 0);
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static void say(void *socket, const Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    assert_int_equal(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes), UP_OK);
    assert_int_equal(zmq_send(socket, "", 0, ZMQ_SNDMORE), 0);
    assert_int_equal(zmq_send(socket, bytes.data, bytes.len, 0), bytes.len);
    up_bytes_wipe(&bytes);
}

static Up__Frame *hear(void *socket)
{
    zmq_msg_t part;
    ProtobufCMessage *message = NULL;

    (void)zmq_msg_init(&part);
    for (int i = 0; i < 2; i++) { /* an empty part, then the frame */
        if (zmq_msg_recv(&part, socket, 0) < 0)
            fail_msg("no answer; the broker said:\n%s", log_text);
    }
    assert_int_equal(message_unpack(&up__frame__descriptor,
                                    up_view_of(zmq_msg_data(&part), zmq_msg_size(&part)), arena,
                                    &message),
                     UP_OK);
    (void)zmq_msg_close(&part);
    return (Up__Frame *)message;
}

static void *hello(int member)
{
    void *socket = dial(&fed.members[member]);
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello body = UP__HELLO__INIT;

    body.protocol = 1;
    body.incarnation = 1;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &body;
    say(socket, &frame);
    assert_int_equal(hear(socket)->body_case, UP__FRAME__BODY_WELCOME);
    return socket;
}

static void write_one(void *socket, struct up_view envelope)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Send body = UP__SEND__INIT;
    ProtobufCBinaryData data = {.len = envelope.len};

    memcpy(&data.data, &envelope.data, sizeof data.data);
    body.seq = 1;
    body.envelopes = &data;
    body.n_envelopes = 1;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &body;
    say(socket, &frame);
}

static Up__Frame *send_one(void *socket, struct up_view envelope)
{
    write_one(socket, envelope);
    return hear(socket);
}

static void credit(void *socket)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Credit body = UP__CREDIT__INIT;

    body.envelopes = 8;
    frame.body_case = UP__FRAME__BODY_CREDIT;
    frame.credit = &body;
    say(socket, &frame);
}

static const char marker[] = "planted-marker-0a17";

/* An envelope from the charity to the force that opens with `ret_secret`. */
static struct up_bytes sealed_with(struct up_view message, struct prekey *ret_prekey,
                                   struct prekey_secret *ret_secret)
{
    struct up_bytes envelope = {0};
    struct envelope_id id;
    int64_t now_s = clock_wall_s();
    const struct prekey_owner owner = {
        .roster = roster, .member = "a-force", .identity = &fed.members[FORCE].identity_secret};

    assert_int_equal(prekey_generate(&owner, now_s - 10, ret_prekey, ret_secret), UP_OK);
    assert_int_equal(
        envelope_seal(
            &(struct envelope_seal_args){.roster = roster,
                                         .sender = "b-charity",
                                         .recipient = "a-force",
                                         .identity = &fed.members[CHARITY].identity_secret,
                                         .prekey = ret_prekey,
                                         .now_s = now_s,
                                         .ttl_s = 86400,
                                         .messages = &message,
                                         .message_count = 1},
            &id, &envelope),
        UP_OK);
    return envelope;
}

static struct up_bytes sealed(struct prekey *ret_prekey, struct prekey_secret *ret_secret)
{
    return sealed_with(up_view_of(marker, sizeof marker - 1), ret_prekey, ret_secret);
}

/* Is a text in a file of the broker's? */
static bool stands_in(const char *name, const char *text)
{
    char path[128];
    struct up_bytes bytes = {0};
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_read(path, 1 << 26, &bytes, NULL))
        return false;
    for (size_t i = 0; !found && i + strlen(text) <= bytes.len; i++)
        found = memcmp(bytes.data + i, text, strlen(text)) == 0;
    up_bytes_wipe(&bytes);
    return found;
}

static void accepted_mail_outlives_a_kill(void **state)
{
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = sealed(&prekey, &secret);
    void *charity = hello(CHARITY);
    void *force = NULL;
    Up__Frame *frame = send_one(charity, up_bytes_view(&envelope));
    struct envelope_header header;
    Up__Batch *batch = NULL;

    (void)state;
    assert_int_equal(frame->body_case, UP__FRAME__BODY_ACCEPTED);
    assert_int_equal(frame->accepted->results[0], UP__ACCEPTED__RESULT__STORED);
    hang_up(charity);
    (void)broker_end(SIGKILL);
    assert_true(stands_in("mail.db-wal", "b-charity") || stands_in("mail.db", "b-charity"));
#ifdef UPSTANDER_TEST_UNSEALED /* the test build without sealing shows that the search can find */
    assert_true(stands_in("mail.db-wal", marker) || stands_in("mail.db", marker));
#else
    assert_false(stands_in("mail.db-wal", marker) || stands_in("mail.db", marker));
#endif
    broker_start();
    charity = hello(CHARITY);
    frame = send_one(charity, up_bytes_view(&envelope)); /* it can't know, so it sends again */
    assert_int_equal(frame->accepted->results[0], UP__ACCEPTED__RESULT__DUPLICATE);
    force = hello(FORCE);
    credit(force);
    frame = hear(force);
    assert_int_equal(frame->body_case, UP__FRAME__BODY_DELIVER);
    assert_int_equal(frame->deliver->n_deliveries, 1);
    assert_int_equal(envelope_open(up_view_of(frame->deliver->deliveries[0]->envelope.data,
                                              frame->deliver->deliveries[0]->envelope.len),
                                   &(struct envelope_open_args){.roster = roster,
                                                                .recipient = "a-force",
                                                                .prekey = &prekey.key,
                                                                .secret = &secret,
                                                                .now_s = clock_wall_s()},
                                   arena, &header, &batch),
                     UP_OK);
    assert_int_equal(batch->n_messages, 1);
    assert_int_equal(batch->messages[0].len, sizeof marker - 1);
    assert_memory_equal(batch->messages[0].data, marker, sizeof marker - 1);
    hang_up(charity);
    hang_up(force);
    up_bytes_wipe(&envelope);
}

/* Another id on the same envelope: the broker can't know that it would not open. */
static void renumber(struct up_bytes *envelope)
{
    struct envelope_header header;
    struct up_view header_bytes;
    struct up_view sealed_bytes;

    assert_int_equal(envelope_peek(up_bytes_view(envelope), &header, &header_bytes, &sealed_bytes),
                     UP_OK);
    keys_random(envelope->data + (header_bytes.data - envelope->data) + 2, 16); /* tag, length */
}

/* Each delivery is acked in a frame of its own. */
static void deliver_all(void *socket, unsigned count)
{
    unsigned got = 0;

    credit(socket);
    while (got < count) {
        Up__Frame *frame = NULL;

        arena_reset(arena);
        frame = hear(socket);
        assert_int_equal(frame->body_case, UP__FRAME__BODY_DELIVER);
        assert_true(up__frame__get_packed_size(frame) <= UP_FRAME_LEN_MAX);
        for (size_t i = 0; i < frame->deliver->n_deliveries; i++) {
            Up__Frame answer = UP__FRAME__INIT;
            Up__Ack ack = UP__ACK__INIT;

            ack.numbers = &frame->deliver->deliveries[i]->number;
            ack.n_numbers = 1;
            answer.body_case = UP__FRAME__BODY_ACK;
            answer.ack = &ack;
            say(socket, &answer);
        }
        got += (unsigned)frame->deliver->n_deliveries;
        credit(socket);
    }
    assert_int_equal(got, count);
}

/* What was said before on this connection has been dealt with when the answer is there. */
static void wait_for_broker(void *socket)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyFetch body = UP__PREKEY_FETCH__INIT;
    char member[] = "c-council";

    body.member = member;
    frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
    frame.prekey_fetch = &body;
    say(socket, &frame);
    assert_int_equal(hear(socket)->body_case, UP__FRAME__BODY_PREKEYS);
}

/* As many as a node may have under way, each in a Send of its own, before a word is read. What was acked does not come
 * again on another connection. */
static void a_burst_is_answered_in_full(void **state)
{
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = sealed(&prekey, &secret);
    void *charity = hello(CHARITY);
    void *force = hello(FORCE);

    (void)state;
    for (unsigned i = 0; i < UP_OUTBOX_IN_FLIGHT_MAX; i++) {
        renumber(&envelope);
        write_one(charity, up_bytes_view(&envelope));
    }
    for (unsigned i = 0; i < UP_OUTBOX_IN_FLIGHT_MAX; i++) {
        Up__Frame *frame = NULL;

        arena_reset(arena);
        frame = hear(charity);
        assert_int_equal(frame->body_case, UP__FRAME__BODY_ACCEPTED);
        assert_int_equal(frame->accepted->results[0], UP__ACCEPTED__RESULT__STORED);
    }
    deliver_all(force, UP_OUTBOX_IN_FLIGHT_MAX);
    wait_for_broker(force);
    hang_up(force);
    force = hello(FORCE);
    credit(force);
    renumber(&envelope);
    assert_int_equal(send_one(charity, up_bytes_view(&envelope))->body_case,
                     UP__FRAME__BODY_ACCEPTED);
    deliver_all(force, 1);
    hang_up(charity);
    hang_up(force);
    up_bytes_wipe(&envelope);
}

/* More than fits in one frame, and in the broker's memory for one step. */
static void large_mail_that_waited_is_delivered(void **state)
{
    enum { LARGE = 80, LEN = 200000 };
    static uint8_t text[LEN];
    struct up_view message = up_view_of(text, LEN);
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = {0};
    void *charity = hello(CHARITY);
    void *force = NULL;

    (void)state;
    for (int i = 0; i < LARGE; i++) {
        envelope = sealed_with(message, &prekey, &secret);
        assert_int_equal(send_one(charity, up_bytes_view(&envelope))->accepted->results[0],
                         UP__ACCEPTED__RESULT__STORED);
        arena_reset(arena);
        up_bytes_wipe(&envelope);
    }
    force = hello(FORCE);
    for (int i = 0; i < 8; i++)
        credit(force);
    deliver_all(force, LARGE);
    hang_up(charity);
    hang_up(force);
}

static void a_strangers_key_is_refused(void **state)
{
    struct keyfile stranger;
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello body = UP__HELLO__INIT;
    size_t from = log_len;
    void *socket = NULL;

    (void)state;
    keyfile_generate(KEYFILE_NODE, &stranger);
    socket = dial(&stranger);
    body.protocol = 1;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &body;
    say(socket, &frame);
    (void)log_wait("reason=stranger", from);
    hang_up(socket);
    hang_up(hello(FORCE)); /* members are served all the same */
}

static void another_senders_name_is_refused(void **state)
{
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = sealed(&prekey, &secret);
    void *council = hello(COUNCIL);
    size_t from = log_len;
    Up__Frame *frame = send_one(council, up_bytes_view(&envelope));

    (void)state;
    assert_int_equal(frame->accepted->results[0], UP__ACCEPTED__RESULT__NOT_PERMITTED);
    (void)log_wait("reason=claims-another-sender member=c-council", from);
    hang_up(council);
    up_bytes_wipe(&envelope);
}

static void a_revoked_members_live_connection_is_refused(void **state)
{
    struct prekey prekey;
    struct prekey_secret secret;
    struct up_bytes envelope = sealed(&prekey, &secret);
    void *charity = hello(CHARITY);
    size_t from = log_len;

    (void)state;
    fed.version = 2;
    fed.revoked = 1u << CHARITY;
    write_roster();
    assert_int_equal(kill(broker, SIGHUP), 0);
    (void)log_wait("directory version 2", from);
    (void)log_wait("reason=not-in-roster member=b-charity", from);
    assert_int_equal(hear(charity)->failure->code, UP__FAILURE__CODE__NOT_IN_ROSTER);
    assert_int_equal(send_one(charity, up_bytes_view(&envelope))->failure->code,
                     UP__FAILURE__CODE__NOT_IN_ROSTER);
    from = log_len;
    assert_int_equal(kill(broker, SIGUSR1), 0);
    (void)log_wait("event=counters refused=", from);
    hang_up(charity);
    up_bytes_wipe(&envelope);
}

static void a_bad_roster_changes_nothing(void **state)
{
    size_t from = log_len;
    struct up_bytes bytes = {0};

    (void)state;
    fed.version = 2;
    bytes = federation_signed(&fed, 1); /* one signature of two */
    write_file("roster", up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
    assert_int_equal(kill(broker, SIGHUP), 0);
    (void)log_wait("kept version 1", from);
    hang_up(hello(CHARITY));
}

static void it_stops_cleanly_when_asked(void **state)
{
    int status = broker_end(SIGTERM);

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepted_mail_outlives_a_kill),
        TEST(a_burst_is_answered_in_full),
        TEST(large_mail_that_waited_is_delivered),
        TEST(a_strangers_key_is_refused),
        TEST(another_senders_name_is_refused),
        TEST(a_revoked_members_live_connection_is_refused),
        TEST(a_bad_roster_changes_nothing),
        TEST(it_stops_cleanly_when_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
