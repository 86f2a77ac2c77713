/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Disclosing one full incident to one recipient, packing and unpacking it; beside protobuf-c alone.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/disclosure/disclose.h"
#include "tests/lib/bench.h"
#include "tests/lib/incident_gen.h"

enum { ARENA_LEN = 1 << 20, PACKED_LEN = 1024, ROUNDS = 11, ROUND_MS = 25, SEEDS_MAX = 100000 };

static struct disclose_rules rules;
static struct arena *arena;
static const Up__Incident *incident;
static struct up_bytes packed;
static uint8_t buffer[2 * PACKED_LEN];

static bool is_full(const Up__Incident *one)
{
    return one->identity && one->contact && one->safety && one->characteristics && one->place &&
           one->account && one->risk && one->police && one->onward && one->n_strands > 1 &&
           one->n_suspects > 0 && one->n_witnesses > 0 && one->place->lsoa[0] != '\0' &&
           one->place->ward[0] != '\0' && strlen(one->occurred_from) == 16 &&
           entitlement_read(one->entitlement).level == LEVEL_IDENTIFIED &&
           entitlement_read(one->entitlement).withheld == 0 &&
           disclose_check(one, &rules, NULL) == UP_OK;
}

/* The first generated incident with every part in it, its narrative as long as fills a KiB. */
static const Up__Incident *incident_make(struct arena *own)
{
    for (uint64_t seed = 1; seed < SEEDS_MAX; seed++) {
        struct gen gen = {.state = seed, .arena = own};
        Up__Incident *one = NULL;
        size_t len = 0;

        arena_reset(own);
        one = gen_incident(&gen);
        one->narrative = NULL;
        one->narrative = arena_text(own, up_view_of("", 0));
        len = up__incident__get_packed_size(one);
        if (len + 4 >= PACKED_LEN || !is_full(one))
            continue;
        one->narrative = arena_alloc(own, PACKED_LEN);
        bench_require(one->narrative);
        memset(one->narrative, 'n',
               PACKED_LEN - len - 4); /* tag and length take up to four bytes */
        return one;
    }
    bench_failed(__FILE__, __LINE__);
}

static void run_disclose(void *context, unsigned long calls)
{
    struct entitlement entitlement = {.level = *(const enum level *)context};

    for (unsigned long i = 0; i < calls; i++) {
        Up__Incident *out = NULL;

        bench_require(disclose(incident, entitlement, &rules, arena, &out) == UP_OK);
        bench_require(entitlement_read(out->entitlement).level == entitlement.level);
        arena_reset(arena);
    }
}

static void run_pack(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++) {
        struct up_bytes bytes = {0};

        bench_require(message_pack(&incident->base, sizeof buffer, &bytes) == UP_OK);
        up_bytes_wipe(&bytes);
    }
}

static void run_unpack(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++) {
        ProtobufCMessage *message = NULL;

        bench_require(message_unpack(&up__incident__descriptor, up_bytes_view(&packed), arena,
                                     &message) == UP_OK);
        arena_reset(arena);
    }
}

static void run_plain_pack(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++) {
        bench_require(up__incident__get_packed_size(incident) <= sizeof buffer);
        bench_require(up__incident__pack(incident, buffer) == packed.len);
    }
}

static void run_plain_unpack(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++) {
        Up__Incident *message = up__incident__unpack(NULL, packed.len, packed.data);

        bench_require(message);
        up__incident__free_unpacked(message, NULL);
    }
}

static void run_plain_both(void *context, unsigned long calls)
{
    for (unsigned long i = 0; i < calls; i++) {
        run_plain_pack(context, 1);
        run_plain_unpack(context, 1);
    }
}

#define BOTH "protobuf-c pack and unpack, 1 KiB incident"

int main(void)
{
    static enum level levels[] = {LEVEL_IDENTIFIED, LEVEL_PSEUDONYMISED, LEVEL_ANONYMISED};
    static struct bench_case cases[] = {
        {.name = "protobuf-c pack", .unit = BENCH_US, .run = run_plain_pack},
        {.name = "pack", .limit = "protobuf-c pack", .run = run_pack},
        {.name = "protobuf-c unpack", .unit = BENCH_US, .run = run_plain_unpack},
        {.name = "unpack (scan and arena)", .limit = "protobuf-c unpack", .run = run_unpack},
        {.name = BOTH, .unit = BENCH_US, .run = run_plain_both},
        {.name = "disclose, IDENTIFIED", .limit = BOTH, .run = run_disclose, .context = &levels[0]},
        {.name = "disclose, PSEUDONYMISED",
         .limit = BOTH,
         .run = run_disclose,
         .context = &levels[1]},
        {.name = "disclose, ANONYMISED", .limit = BOTH, .run = run_disclose, .context = &levels[2]},
    };
    struct areas *areas = gen_areas();
    struct arena *own = NULL;

    rules.areas = areas;
    bench_require(arena_new(ARENA_LEN, &own) == UP_OK && arena_new(ARENA_LEN, &arena) == UP_OK);
    incident = incident_make(own);
    bench_require(message_pack(&incident->base, sizeof buffer, &packed) == UP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cases[i].unit = BENCH_US;
    bench_run(cases, sizeof cases / sizeof cases[0], ROUNDS, ROUND_MS);
    up_bytes_wipe(&packed);
    arena_destroy(&arena);
    arena_destroy(&own);
    areas_destroy(&areas);
    return 0;
}
