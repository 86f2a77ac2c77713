/* SPDX-License-Identifier: MIT */
/* rooms: base proto */
/* The real broker process on loopback, one sender and one recipient, envelopes of 4 KiB that were
 * sealed before; beside fdatasync in the broker's folder, and beside CURVE alone: the same pattern
 * through a ROUTER that keeps nothing. BIN names the folder of the programs. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/file.h"
#include "frame.pb-c.h"
#include "tests/lib/bench.h"
#include "tests/lib/federation.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

enum {
    FORCE = 0,
    CHARITY = 1,
    WAIT_MS = 20000,
    POOL = 64,    /* sealed envelopes, sent again and again under fresh ids */
    CREDIT = 128, /* as a node gives */
    ROUNDS = 7,
    ROUND_MS = 350,
    TIMES_MAX = 1 << 18,
    MORE_MAX = 1024, /* frames taken from a socket before the other has its turn */
};

static struct federation fed;
static struct roster *roster;
static struct arena *arena;
static void *context;
static pid_t broker;
static char endpoint[128];
static void *sender;
static void *recipient;
static struct up_bytes pool[POOL];
static uint8_t *pool_ids[POOL];    /* where the id stands in each */
static double times_ns[TIMES_MAX]; /* from Send to Accepted, one in flight */
static size_t time_count;

/* How much is under way at once. */
struct load {
    unsigned in_flight;
    unsigned per_frame;
    bool timed;
};

/* --- the broker
 * ----------------------------------------------------------------------------------- */

static void write_file(const char *name, struct up_view bytes)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", bench_folder(), name);
    bench_require(file_write(path, bytes, 0600, NULL) == UP_OK);
}

static void write_files(void)
{
    struct up_bytes directory = federation_signed(&fed, 2);
    struct up_bytes key_file = {0};
    struct digest stewards;
    char high[IDS_HEX_LEN + 1];
    char low[IDS_HEX_LEN + 1];
    char text[512];

    roster_stewards_digest(roster_content(roster), &stewards);
    ids_hex(stewards.bytes, high);
    ids_hex(stewards.bytes + 16, low);
    (void)snprintf(text, sizeof text,
                   "broker\n    id = bench\n    endpoint = \"tcp://127.0.0.1:*\"\n    keys = keys\n"
                   "    roster = roster\n    store = mail.db\n    stewards = %s%s\n",
                   high, low);
    write_file("broker.conf", up_view_of(text, strlen(text)));
    bench_require(keyfile_format(&fed.broker, up_view_of(NULL, 0), &key_file) == UP_OK);
    write_file("keys", up_bytes_view(&key_file));
    write_file("roster", up_bytes_view(&directory));
    up_bytes_wipe(&key_file);
    up_bytes_wipe(&directory);
}

static void broker_end(void)
{
    if (broker > 0) {
        (void)kill(broker, SIGTERM);
        (void)waitpid(broker, NULL, 0);
        broker = 0;
    }
}

/* What the broker says first holds its endpoint; what it says later is little and stays in the
 * pipe. */
static void broker_start(void)
{
    const char *bin = getenv("BIN") ? getenv("BIN") : "build/release/bin";
    char program[300];
    char config[300];
    char said[4096] = "";
    const char *found = NULL;
    size_t len = 0;
    int ends[2];

    (void)snprintf(program, sizeof program, "%s/upstander-broker", bin);
    (void)snprintf(config, sizeof config, "%s/broker.conf", bench_folder());
    bench_require(pipe(ends) == 0);
    broker = fork();
    bench_require(broker >= 0);
    if (broker == 0) {
        (void)dup2(ends[1], 2);
        (void)close(ends[0]);
        (void)execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
    (void)atexit(broker_end);
    (void)close(ends[1]);
    while (!found || !strchr(found, '\n')) {
        ssize_t got = read(ends[0], said + len, sizeof said - 1 - len);

        if (got <= 0)
            (void)fprintf(stderr, "the broker said:\n%s", said);
        bench_require(got > 0);
        len += (size_t)got;
        said[len] = '\0';
        found = strstr(said, "endpoint=");
    }
    bench_require(sscanf(found, "endpoint=%127s", endpoint) == 1);
}

/* --- talking to it
 * -------------------------------------------------------------------------------- */

static void *dial(const char *to, const struct keyfile *who)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int wait_ms = WAIT_MS;
    int none = 0;

    bench_require(socket);
    bench_require(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, who->transport.bytes, 32) == 0);
    bench_require(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, who->transport_secret.bytes, 32) ==
                  0);
    bench_require(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, fed.broker.transport.bytes, 32) == 0);
    bench_require(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) == 0);
    bench_require(zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms) == 0);
    bench_require(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0);
    bench_require(zmq_connect(socket, to) == 0);
    return socket;
}

/* False when the pipe is full, which only a wait of nothing can find. */
static bool say(void *socket, const Up__Frame *frame, int flags)
{
    zmq_msg_t part;
    size_t len = up__frame__get_packed_size(frame);

    if (zmq_send(socket, "", 0, ZMQ_SNDMORE | flags) < 0)
        return false;
    bench_require(zmq_msg_init_size(&part, len) == 0);
    (void)up__frame__pack(frame, zmq_msg_data(&part));
    bench_require(zmq_msg_send(&part, socket, 0) == (int)len);
    return true;
}

/* NULL when nothing waits, which only a wait of nothing can find. */
static Up__Frame *hear(void *socket, int flags)
{
    zmq_msg_t part;
    ProtobufCMessage *message = NULL;

    (void)zmq_msg_init(&part);
    if (zmq_msg_recv(&part, socket, flags) < 0)
        return NULL;
    bench_require(zmq_msg_recv(&part, socket, 0) >= 0);
    arena_reset(arena);
    bench_require(message_unpack(&up__frame__descriptor,
                                 up_view_of(zmq_msg_data(&part), zmq_msg_size(&part)), arena,
                                 &message) == UP_OK);
    (void)zmq_msg_close(&part);
    return (Up__Frame *)message;
}

static void *hello(int member)
{
    void *socket = dial(endpoint, &fed.members[member]);
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello body = UP__HELLO__INIT;
    const Up__Frame *answer = NULL;

    body.protocol = 1;
    body.incarnation = 1;
    body.roster_version = roster_version(roster);
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &body;
    bench_require(say(socket, &frame, 0));
    answer = hear(socket, 0);
    bench_require(answer && answer->body_case == UP__FRAME__BODY_WELCOME);
    return socket;
}

static void send_credit(unsigned envelopes)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Credit body = UP__CREDIT__INIT;

    body.envelopes = envelopes;
    frame.body_case = UP__FRAME__BODY_CREDIT;
    frame.credit = &body;
    bench_require(say(recipient, &frame, 0));
}

static void pool_make(void)
{
    static uint8_t bytes[1024];
    struct up_view message = up_view_of(bytes, sizeof bytes);
    struct prekey prekey;
    struct prekey_secret secret;
    int64_t now_s = clock_wall_s();

    bench_require(prekey_generate(
                      &(const struct prekey_owner){.roster = roster,
                                                   .member = "a-force",
                                                   .identity = &fed.members[FORCE].identity_secret},
                      now_s - 10, &prekey, &secret) == UP_OK);
    for (size_t i = 0; i < POOL; i++) {
        struct envelope_id id;
        struct envelope_header header;
        struct up_view header_bytes;
        struct up_view sealed;

        bench_require(
            envelope_seal(
                &(struct envelope_seal_args){.roster = roster,
                                             .sender = "b-charity",
                                             .recipient = "a-force",
                                             .identity = &fed.members[CHARITY].identity_secret,
                                             .prekey = &prekey,
                                             .now_s = now_s,
                                             .ttl_s = 86400,
                                             .messages = &message,
                                             .message_count = 1},
                &id, &pool[i]) == UP_OK);
        bench_require(envelope_peek(up_bytes_view(&pool[i]), &header, &header_bytes, &sealed) ==
                          UP_OK &&
                      sealed.len == 4096);
        pool_ids[i] = pool[i].data + (header_bytes.data - pool[i].data) + 2; /* tag, length */
        bench_require(memcmp(pool_ids[i], id.bytes, 16) == 0);
    }
}

static bool send_some(unsigned count)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Send body = UP__SEND__INIT;
    ProtobufCBinaryData list[POOL];

    for (unsigned i = 0; i < count; i++) {
        keys_random(pool_ids[i], 16);
        list[i] = (ProtobufCBinaryData){.data = pool[i].data, .len = pool[i].len};
    }
    body.seq = 1;
    body.envelopes = list;
    body.n_envelopes = count;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &body;
    return say(sender, &frame, ZMQ_DONTWAIT);
}

static unsigned take_accepted(void)
{
    unsigned count = 0;
    const Up__Frame *frame = NULL;

    for (unsigned i = 0; i < MORE_MAX && (frame = hear(sender, ZMQ_DONTWAIT)) != NULL; i++) {
        bench_require(frame->body_case == UP__FRAME__BODY_ACCEPTED);
        for (size_t j = 0; j < frame->accepted->n_results; j++)
            bench_require(frame->accepted->results[j] == UP__ACCEPTED__RESULT__STORED);
        count += (unsigned)frame->accepted->n_results;
    }
    return count;
}

/* Each Deliver is answered as a node does: an Ack of all in it, and credit for as many. */
static unsigned take_delivered(void)
{
    unsigned count = 0;
    const Up__Frame *frame = NULL;

    for (unsigned i = 0; i < MORE_MAX && (frame = hear(recipient, ZMQ_DONTWAIT)) != NULL; i++) {
        Up__Frame answer = UP__FRAME__INIT;
        Up__Ack ack = UP__ACK__INIT;
        uint64_t numbers[UP_CREDIT_MAX];

        bench_require(frame->body_case == UP__FRAME__BODY_DELIVER &&
                      frame->deliver->n_deliveries <= UP_CREDIT_MAX);
        for (size_t j = 0; j < frame->deliver->n_deliveries; j++)
            numbers[j] = frame->deliver->deliveries[j]->number;
        ack.numbers = numbers;
        ack.n_numbers = frame->deliver->n_deliveries;
        answer.body_case = UP__FRAME__BODY_ACK;
        answer.ack = &ack;
        bench_require(say(recipient, &answer, 0));
        send_credit((unsigned)ack.n_numbers);
        count += (unsigned)ack.n_numbers;
    }
    return count;
}

/* `calls` envelopes, until all are accepted and delivered. */
static void run_relay(void *load_p, unsigned long calls)
{
    const struct load *load = load_p;
    unsigned long sent = 0;
    unsigned long accepted = 0;
    unsigned long delivered = 0;
    uint64_t sent_ns = 0;

    while (accepted < calls || delivered < calls) {
        zmq_pollitem_t items[] = {{sender, 0, ZMQ_POLLIN, 0}, {recipient, 0, ZMQ_POLLIN, 0}};
        bool open = true;

        while (open && sent < calls && sent - accepted + load->per_frame <= load->in_flight) {
            unsigned count =
                calls - sent < load->per_frame ? (unsigned)(calls - sent) : load->per_frame;

            sent_ns = bench_now_ns();
            open = send_some(count);
            sent += open ? count : 0;
        }
        bench_require(zmq_poll(items, 2, WAIT_MS) > 0);
        if (items[0].revents) {
            accepted += take_accepted();
            if (load->timed && accepted == sent && time_count < TIMES_MAX)
                times_ns[time_count++] = (double)(bench_now_ns() - sent_ns);
        }
        if (items[1].revents)
            delivered += take_delivered();
    }
}

/* --- CURVE alone
 * ---------------------------------------------------------------------------------- */

static void *echo_context;
static char echo_endpoint[128];
static void *echo_sender;
static void *echo_recipient;

/* Passes each message of the sender on to the recipient and tells the sender so, until its context
 * ends. The first message of all is the recipient's. */
static void *echo_run(void *router)
{
    uint8_t names[2][256]; /* recipient, sender */
    int lens[2] = {0, 0};
    zmq_msg_t body;
    int none = 0;

    (void)zmq_msg_init(&body);
    for (;;) {
        int which = lens[0] > 0;

        lens[which] = zmq_recv(router, names[which], sizeof names[which], 0);
        if (lens[which] < 0 || zmq_msg_recv(&body, router, 0) < 0)
            break;
        if (which == 1) {
            (void)zmq_send(router, names[0], (size_t)lens[0], ZMQ_SNDMORE);
            (void)zmq_msg_send(&body, router, 0);
        }
        (void)zmq_send(router, names[which], (size_t)lens[which], ZMQ_SNDMORE);
        (void)zmq_send(router, "y", 1, 0);
    }
    (void)zmq_msg_close(&body);
    (void)zmq_setsockopt(router, ZMQ_LINGER, &none, sizeof none);
    (void)zmq_close(router);
    return NULL;
}

static pthread_t echo_start(void)
{
    void *router = NULL;
    int yes = 1;
    char byte = 0;
    size_t len = sizeof echo_endpoint;
    pthread_t thread;

    echo_context = zmq_ctx_new();
    bench_require(echo_context);
    router = zmq_socket(echo_context, ZMQ_ROUTER);
    bench_require(router && zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0);
    bench_require(
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, fed.broker.transport_secret.bytes, 32) == 0);
    bench_require(zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes) == 0);
    bench_require(zmq_bind(router, "tcp://127.0.0.1:*") == 0);
    bench_require(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, echo_endpoint, &len) == 0);
    bench_require(pthread_create(&thread, NULL, echo_run, router) == 0);
    echo_recipient = dial(echo_endpoint, &fed.members[FORCE]);
    bench_require(zmq_send(echo_recipient, "x", 1, 0) == 1);
    bench_require(zmq_recv(echo_recipient, &byte, 1, 0) == 1);
    echo_sender = dial(echo_endpoint, &fed.members[CHARITY]);
    return thread;
}

static void echo_end(pthread_t thread)
{
    (void)zmq_close(echo_sender);
    (void)zmq_close(echo_recipient);
    (void)zmq_ctx_term(echo_context);
    (void)pthread_join(thread, NULL);
}

static unsigned echo_take(void *socket)
{
    static uint8_t body[UP_SEALED_LEN_MAX];
    unsigned count = 0;

    while (count < MORE_MAX && zmq_recv(socket, body, sizeof body, ZMQ_DONTWAIT) >= 0)
        count++;
    return count;
}

/* As run_relay; a message is as long as the envelopes of a Send are together. */
static void run_echo(void *load_p, unsigned long calls)
{
    static uint8_t body[POOL * (4096 + 256)];
    const struct load *load = load_p;
    size_t len = pool[0].len * load->per_frame;
    unsigned long frames = (calls + load->per_frame - 1) / load->per_frame;
    unsigned long window = load->in_flight / load->per_frame;
    unsigned long sent = 0;
    unsigned long accepted = 0;
    unsigned long delivered = 0;

    while (accepted < frames || delivered < frames) {
        zmq_pollitem_t items[] = {{echo_sender, 0, ZMQ_POLLIN, 0},
                                  {echo_recipient, 0, ZMQ_POLLIN, 0}};

        while (sent < frames && sent - accepted < window &&
               zmq_send(echo_sender, body, len, ZMQ_DONTWAIT) >= 0)
            sent++;
        bench_require(zmq_poll(items, 2, WAIT_MS) > 0);
        accepted += items[0].revents ? echo_take(echo_sender) : 0;
        delivered += items[1].revents ? echo_take(echo_recipient) : 0;
    }
}

/* --------------------------------------------------------------------------------------------------
 */

#define SYNC "fdatasync of 4 KiB"
#define ECHO_64 "CURVE alone, 64 in flight"
#define ECHO_1024 "CURVE alone, 1,024 in flight"
#define ECHO_BULK "CURVE alone, 1,024 in flight, 64 a frame"

int main(void)
{
    static unsigned block = 1;
    static struct load loads[] = {{.in_flight = 1, .per_frame = 1, .timed = true},
                                  {.in_flight = 64, .per_frame = 1},
                                  {.in_flight = 1024, .per_frame = 1},
                                  {.in_flight = 1024, .per_frame = 64}};
    static struct bench_case cases[] = {
        {.name = SYNC, .run = bench_sync, .context = &block},
        {.name = "relay, 1 in flight", .limit = SYNC, .run = run_relay, .context = &loads[0]},
        {.name = "CURVE alone, 1 in flight", .run = run_echo, .context = &loads[0]},
        {.name = ECHO_64, .run = run_echo, .context = &loads[1]},
        {.name = "relay, 64 in flight", .limit = ECHO_64, .run = run_relay, .context = &loads[1]},
        {.name = ECHO_1024, .run = run_echo, .context = &loads[2]},
        {.name = "relay, 1,024 in flight",
         .limit = ECHO_1024,
         .run = run_relay,
         .context = &loads[2]},
        {.name = ECHO_BULK, .run = run_echo, .context = &loads[3]},
        {.name = "relay, 1,024 in flight, 64 a frame",
         .limit = ECHO_BULK,
         .run = run_relay,
         .context = &loads[3]},
    };
    pthread_t echo;

    federation_init(&fed, clock_wall_s() - 1000);
    roster = federation_roster(&fed);
    bench_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    pool_make();
    write_files();
    broker_start();
    context = zmq_ctx_new();
    bench_require(context);
    sender = hello(CHARITY);
    recipient = hello(FORCE);
    send_credit(CREDIT);
    echo = echo_start();
    bench_run(cases, sizeof cases / sizeof cases[0], ROUNDS, ROUND_MS);
    (void)bench_median(times_ns, time_count);
    bench_line("relay, send to accepted, 1 in flight: median", BENCH_US,
               bench_part(times_ns, time_count, 0.5) / 1e3);
    bench_line("relay, send to accepted, 1 in flight: p99", BENCH_US,
               bench_part(times_ns, time_count, 0.99) / 1e3);
    echo_end(echo);
    (void)zmq_close(sender);
    (void)zmq_close(recipient);
    (void)zmq_ctx_term(context);
    for (size_t i = 0; i < POOL; i++)
        up_bytes_wipe(&pool[i]);
    arena_destroy(&arena);
    roster_destroy(&roster);
    return 0;
}
