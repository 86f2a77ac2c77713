/* SPDX-License-Identifier: MIT */
/* rooms: broker disclosure exchange base proto */
/* A whole bus on virtual time from one seed: four nodes, the relay core, the mail store in memory.
 * Connections break, nodes and the broker crash at any moment between two frames, deliveries come
 * twice, mailboxes are full, the broker's disk fails. Nodes keep in a crash what they committed,
 * the broker what it stored.
 *
 *   always             a message is kept at its recipient only, byte for byte, and never twice
 *   once faults stop   every message that was taken is kept, and its sender has the receipt; no
 * outbox holds anything
 *
 * A failure prints its seed: SEED=n CASES=1 repeats it. CASES counts as in the laws; one in a
 * thousand is played, for a play takes as long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/bus.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum {
    CASES_DEFAULT = 30000,
    CASES_PER_PLAY = 1000,
    STEPS = 1500,
    SENT_MAX = 400,
    ROUNDS_MAX = 3000
};

struct sent {
    int from;
    int to;
    struct message_id id;
};

static struct gen gen;
static uint64_t seed;
static unsigned long step;
static struct sent sent[SENT_MAX];
static size_t sent_count;
static struct {
    unsigned long plays, messages, drops, crashes, broker_crashes, twice, keeps, repeats;
} sums;

#define HOLDS(condition, what)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s; step %lu; SEED=%llu CASES=1", what, step, (unsigned long long)seed);     \
    } while (0)

static const struct sent *sent_find(const struct message_id *id)
{
    for (size_t i = 0; i < sent_count; i++) {
        if (memcmp(&sent[i].id, id, sizeof *id) == 0)
            return &sent[i];
    }
    return NULL;
}

/* Called for each KEEP, before it is committed. */
static void kept(struct bus *bus, int node, const struct exchange_message *message)
{
    const struct sent *one = sent_find(&message->id);
    const struct bus_row *row = NULL;

    HOLDS(one != NULL, "something was kept that nobody sent");
    HOLDS(one->to == node, "kept at another than its recipient");
    HOLDS(strcmp(federation_names[one->from], message->sender.text) == 0,
          "kept under another sender");
    row = bus_row_find(bus->nodes[one->from].disk, &message->id);
    HOLDS(row && row->bytes.len == message->bytes.len &&
              memcmp(row->bytes.data, message->bytes.data, message->bytes.len) == 0,
          "other bytes were kept than were sent");
    HOLDS(!bus_seen_find(bus->nodes[node].now, message->sender.text, &message->id),
          "kept a second time");
    sums.keeps++;
}

static void submit(struct bus *bus)
{
    struct sent *one = &sent[sent_count];

    if (sent_count == SENT_MAX)
        return;
    one->from = (int)gen_below(&gen, FEDERATION_MEMBERS);
    one->to = (int)gen_below(&gen, FEDERATION_MEMBERS - 1);
    one->to += one->to >= one->from;
    /* known to the test before it can arrive */
    keys_random(one->id.bytes, sizeof one->id.bytes);
    sent_count++;
    sums.messages++;
    bus_status_under(bus, one->from, one->to, gen_chance(&gen, 20), &one->id);
    bus_commit(bus, one->from); /* the operator was told that it is saved */
}

/* The front frame of the queue to a node arrives twice, as from a broker that forgot that it said
 * it. */
static void twice(struct bus *bus, int node)
{
    struct bus_queue *queue = &bus->nodes[node].down;
    struct bus_frame frame = {0};

    if (queue->count == 0)
        return;
    frame = queue->frames[queue->first];
    bus_feed_bytes(bus, node, up_view_of(frame.data, frame.len));
    sums.twice++;
}

static void fault(struct bus *bus, int node)
{
    switch (gen_below(&gen, 12)) {
    case 0:
        bus_crash(bus, node);
        sums.crashes++;
        break;
    case 1:
        bus_crash_broker(bus);
        sums.broker_crashes++;
        break;
    case 2:
        bus->disk_fails = !bus->disk_fails;
        break;
    case 3:
    case 4:
    case 5:
        if (bus->nodes[node].connection != 0) {
            bus_disconnect(bus, node);
            sums.drops++;
        }
        break;
    default:
        twice(bus, node);
        break;
    }
}

static void turn(struct bus *bus, bool faults)
{
    int node = (int)gen_below(&gen, FEDERATION_MEMBERS);
    struct bus_node *self = &bus->nodes[node];
    unsigned what = gen_below(&gen, 100);

    if (self->lost && self->connection != 0)
        bus_disconnect(bus, node);
    if (self->connection == 0 && gen_chance(&gen, 30)) {
        bus_connect(bus, node);
    } else if (what < 35) {
        (void)bus_pass_up(bus, node);
    } else if (what < 70) {
        (void)bus_pass_down(bus, node);
    } else if (what < 82) {
        bus_commit(bus, node);
    } else if (what < 92) {
        bus->now_ms += gen_below(&gen, 2000);
        bus_tick(bus, node);
    } else if (what < 97 || !faults) {
        submit(bus);
    } else {
        fault(bus, node);
    }
}

static bool is_settled(struct bus *bus)
{
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        if (bus_waiting(bus->nodes[i].disk) > 0 || bus->nodes[i].up.count > 0 ||
            bus->nodes[i].down.count > 0 || mailstore_waiting(bus->store, federation_names[i]) > 0)
            return false;
    }
    return true;
}

static void calm(struct bus *bus)
{
    size_t rounds = 0;

    bus->disk_fails = false;
    bus_crash_broker(
        bus); /* a broker that said things twice does not believe the acks: start anew */
    while (!is_settled(bus)) {
        HOLDS(++rounds < ROUNDS_MAX, "not everything arrived after the faults had stopped");
        for (int i = 0; i < FEDERATION_MEMBERS; i++) {
            if (bus->nodes[i].lost && bus->nodes[i].connection != 0)
                bus_disconnect(bus, i);
            if (bus->nodes[i].connection == 0)
                bus_connect(bus, i);
            bus_commit(bus, i);
            bus_tick(bus, i);
        }
        bus_settle(bus);
        for (int i = 0; i < FEDERATION_MEMBERS; i++)
            bus_commit(bus, i);
        bus_settle(bus);
        bus->now_ms += 2000;
    }
}

static void play(uint64_t with)
{
    struct bus *bus = NULL;

    seed = with;
    gen.state = with;
    bus_repeatable(with);
    sent_count = 0;
    bus = bus_new(3 + gen_below(&gen, 40));
    bus->kept = kept;
    for (int i = 0; i < FEDERATION_MEMBERS; i++)
        bus->nodes[i].holds_commits = true;
    for (step = 0; step < STEPS; step++)
        turn(bus, true);
    calm(bus);
    for (size_t i = 0; i < sent_count; i++) {
        const struct bus_row *row = bus_row_find(bus->nodes[sent[i].from].disk, &sent[i].id);

        HOLDS(
            bus_seen_find(bus->nodes[sent[i].to].disk, federation_names[sent[i].from], &sent[i].id),
            "a message was lost");
        HOLDS(row && row->state == BUS_DELIVERED, "a sender has no receipt");
    }
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        sums.repeats += bus->nodes[i].answers;
        HOLDS(bus->nodes[i].disk->aside_count == 0, "something was set aside");
    }
    sums.repeats -= sent_count;
    bus_destroy(&bus);
    sums.plays++;
}

static void everything_arrives_once(void **state)
{
    uint64_t first = gen_seed("test_exchange");
    unsigned long plays = gen_cases(CASES_DEFAULT) / CASES_PER_PLAY;

    (void)state;
    for (unsigned long i = 0; i < (plays > 0 ? plays : 1); i++)
        play(first + i);
    print_message(
        "%lu plays: %lu messages, %lu kept (some again after a crash), %lu answers to repeats; %lu "
        "connections broken, %lu nodes and %lu brokers crashed, %lu frames twice\n",
        sums.plays, sums.messages, sums.keeps, sums.repeats, sums.drops, sums.crashes,
        sums.broker_crashes, sums.twice);
    assert_true(sums.messages > 0);
}

/* What a seed gives, it gives again. */
static void a_seed_repeats_its_play(void **state)
{
    unsigned long keeps[2];
    unsigned long repeats[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(&sums, 0, sizeof sums);
        play(4711);
        keeps[i] = sums.keeps;
        repeats[i] = sums.repeats;
    }
    assert_int_equal(keeps[0], keeps[1]);
    assert_int_equal(repeats[0], repeats[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives_once),
        cmocka_unit_test(a_seed_repeats_its_play),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
