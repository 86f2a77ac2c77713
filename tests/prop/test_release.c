/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* The laws of releases (disclosure.md 5) over random reports, late reports, withdrawals and closings. The test knows each
 * incident, which the engine never sees; what the audience received is held against them, all revisions together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/release.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum {
    INCIDENTS_MAX = 240,
    CASES_DEFAULT = 200000, /* incidents */
    ROUNDS_MAX = 14,
    ORIGINATORS = 3,
    CELLS = 48,
    UNKNOWN = 1000 /* number of the victim that nobody knows */
};

/* One incident, and what became of it. */
struct one {
    unsigned cell;
    unsigned originator;
    unsigned victim;
    unsigned arrives;   /* round */
    unsigned withdrawn; /* round in which it is; ROUNDS_MAX: never */
    unsigned batch;     /* 0: not counted yet */
    bool told_withdrawn;
    uint32_t rows[ROUNDS_MAX]; /* in which it stands after each closing; 0: none */
};

struct world {
    struct gen gen;
    uint64_t seed;
    struct one list[INCIDENTS_MAX];
    size_t count;
    Up__Cell *cells[CELLS];
    unsigned k;
    unsigned rounds;
    bool statistics;
    bool distinct; /* each incident has its own victim */
    Up__ReleaseWindow__Code window;
    Up__Ledger ledger;
    Up__Ledger twin; /* told the same in another order */
    char month[RELEASE_PERIOD_MAX];
};

static struct areas *areas;
static struct arena *arena;
static char own_area[] = "E06000061";
static char *own[] = {own_area};

static char *text(const char *of)
{
    return arena_text(arena, up_view_of(of, strlen(of)));
}

/* Few attributes, so that cells fill; some know only the year or the police area, some lie outside the audience's. */
static Up__Cell *gen_cell(struct gen *gen)
{
    static const char *const codes[] = {"E06000061", "E06000062", "E23000022"};
    Up__Cell *cell = arena_alloc(arena, sizeof *cell);
    char period[8];

    up__cell__init(cell);
    cell->strands = arena_alloc(arena, 2 * sizeof *cell->strands);
    cell->types = arena_alloc(arena, sizeof *cell->types);
    cell->strands[0] = (Up__Strand__Code)(2 + gen_below(gen, 3));
    cell->strands[1] = UP__STRAND__CODE__OTHER;
    cell->n_strands = gen_chance(gen, 85) ? 1 : gen_below(gen, 3);
    cell->types[0] = (Up__IncidentType__Code)(1 + gen_below(gen, 2));
    cell->n_types = gen_chance(gen, 80);
    cell->place = (Up__PlaceKind__Group)gen_below(gen, 3);
    cell->area = text(codes[gen_chance(gen, 65) ? 0 : gen_below(gen, 3)]);
    (void)snprintf(period, sizeof period, "2026-%02u", 1 + gen_below(gen, 12));
    cell->period = text(gen_chance(gen, 95) ? period : "2026");
    return cell;
}

static void gen_world(struct world *world)
{
    struct gen *gen = &world->gen;

    world->k = 3 + gen_below(gen, 4);
    world->rounds = 3 + gen_below(gen, ROUNDS_MAX - 3);
    world->statistics = gen_chance(gen, 30);
    world->distinct = gen_chance(gen, 40);
    world->window = (Up__ReleaseWindow__Code)(1 + gen_below(gen, 3));
    world->count = 20 + gen_below(gen, INCIDENTS_MAX - 20);
    for (size_t i = 0; i < CELLS; i++)
        world->cells[i] = gen_cell(gen);
    for (size_t i = 0; i < world->count; i++) {
        struct one *one = &world->list[i];
        unsigned cells =
            gen_chance(gen, 50) ? CELLS : 4; /* some cells are full, some nearly empty */
        unsigned cell = gen_below(gen, cells);

        memset(one, 0, sizeof *one);
        while (release_cell_compare(world->cells[one->cell], world->cells[cell]) != 0)
            one->cell++; /* the first of those that are alike */
        one->originator = gen_below(gen, ORIGINATORS);
        one->victim = gen_chance(gen, 85) ? gen_below(gen, 60) : UNKNOWN;
        if (world->distinct)
            one->victim = (unsigned)i;
        one->arrives = gen_below(gen, world->rounds);
        one->withdrawn = gen_chance(gen, 12) ? gen_below(gen, world->rounds) : ROUNDS_MAX;
    }
}

static void ledger_make(const struct world *world, Up__Ledger *ledger)
{
    up__ledger__init(ledger);
    ledger->area = text("E23000022");
    ledger->year = text("2026");
    ledger->statistics = world->statistics;
}

/* --- the originators ------------------------------------------------------------------------ */

/* Are there so many of that originator before i, of a batch, cell or victim? */
static bool victim_before(const struct world *world, size_t i, unsigned batch)
{
    const struct one *one = &world->list[i];

    for (size_t j = 0; j < world->count; j++) {
        const struct one *other = &world->list[j];

        if (other->originator != one->originator || other->victim != one->victim ||
            other->batch == 0)
            continue;
        if (other->batch < batch)
            return true;
        if (other->batch == batch &&
            (other->cell < one->cell || (other->cell == one->cell && j < i)))
            return true;
    }
    return false;
}

static bool victim_in_cell_before(const struct world *world, size_t i)
{
    const struct one *one = &world->list[i];

    for (size_t j = 0; j < i; j++) {
        const struct one *other = &world->list[j];

        if (other->originator == one->originator && other->victim == one->victim &&
            other->batch == one->batch && other->cell == one->cell)
            return true;
    }
    return false;
}

static void shuffle(struct gen *gen, void **list, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = gen_below(gen, (unsigned)i);
        void *swap = list[i - 1];

        list[i - 1] = list[j];
        list[j] = swap;
    }
}

static Up__PooledCounts *counts_make(struct world *world, unsigned originator, unsigned round)
{
    Up__PooledCounts *counts = arena_alloc(arena, sizeof *counts);
    Up__PooledCount *by_cell[CELLS] = {NULL};

    up__pooled_counts__init(counts);
    counts->k = world->k;
    counts->window = world->window;
    counts->counts = arena_alloc(arena, CELLS * sizeof(Up__PooledCount *));
    counts->withdrawals = arena_alloc(arena, INCIDENTS_MAX * sizeof(Up__PooledWithdrawal *));
    for (size_t i = 0; i < world->count; i++) {
        struct one *one = &world->list[i];

        if (one->originator != originator || one->arrives > round || one->batch != 0 ||
            one->withdrawn <= round ||
            !release_is_past(world->cells[one->cell]->period, world->month))
            continue;
        one->batch = round + 1;
    }
    for (size_t i = 0; i < world->count; i++) {
        struct one *one = &world->list[i];
        Up__PooledCount *count = by_cell[one->cell];

        if (one->originator != originator || one->batch != round + 1)
            continue;
        if (!count) {
            count = by_cell[one->cell] = arena_alloc(arena, sizeof *count);
            up__pooled_count__init(count);
            count->batch = one->batch;
            count->cell = world->cells[one->cell];
            counts->counts[counts->n_counts++] = count;
        }
        count->incidents++;
        count->victims += !victim_in_cell_before(world, i);
        count->victims_new += !victim_before(world, i, one->batch);
    }
    for (size_t i = 0; i < world->count; i++) {
        struct one *one = &world->list[i];
        Up__PooledWithdrawal *withdrawal = NULL;

        if (one->originator != originator || one->batch == 0 || one->withdrawn > round ||
            one->told_withdrawn)
            continue;
        one->told_withdrawn = true;
        withdrawal = arena_alloc(arena, sizeof *withdrawal);
        up__pooled_withdrawal__init(withdrawal);
        withdrawal->batch = one->batch;
        withdrawal->cell = world->cells[one->cell];
        withdrawal->incidents = 1;
        counts->withdrawals[counts->n_withdrawals++] = withdrawal;
    }
    return counts;
}

/* --- what the audience received ------------------------------------------------------------- */

/* Which of a count stand in the row nobody says, so those that stay longest are taken to. */
static void stand(struct world *world, const Up__LedgerCount *count, unsigned round)
{
    uint32_t left = count->shown;

    for (unsigned until = ROUNDS_MAX + 1; until > 0 && left > 0; until--) {
        for (size_t i = 0; i < world->count && left > 0; i++) {
            struct one *one = &world->list[i];

            if (one->withdrawn != until - 1 || one->batch != count->batch ||
                count->originator[0] != (char)('a' + one->originator) ||
                release_cell_compare(world->cells[one->cell], count->cell) != 0)
                continue;
            one->rows[round] = count->row;
            left--;
            if (one->withdrawn <= round)
                fail_msg("a withdrawn incident stands in row %u; SEED=%llu CASES=1", count->row,
                         (unsigned long long)world->seed);
        }
    }
    assert_int_equal(left, 0);
}

static unsigned victims_where(const struct world *world, const bool *among)
{
    unsigned found = 0;

    for (size_t i = 0; i < world->count; i++) {
        bool seen = !among[i];

        for (size_t j = 0; j < i && !seen; j++)
            seen = among[j] && world->list[j].originator == world->list[i].originator &&
                   world->list[j].victim == world->list[i].victim;
        found += !seen;
    }
    return found;
}

/* Everything that can be cut out of all that was received is a union of these: incidents that stood in the same row after
 * each closing. */
static void atoms_check(const struct world *world)
{
    bool done[INCIDENTS_MAX] = {false};

    for (size_t i = 0; i < world->count; i++) {
        bool among[INCIDENTS_MAX] = {false};
        bool any = false;

        for (unsigned r = 0; r < world->rounds; r++)
            any |= world->list[i].rows[r] != 0;
        if (done[i] || !any)
            continue;
        for (size_t j = i; j < world->count; j++) {
            among[j] =
                memcmp(world->list[i].rows, world->list[j].rows, sizeof world->list[i].rows) == 0;
            done[j] |= among[j];
        }
        if (victims_where(world, among) < world->k)
            fail_msg("%u victims can be told from all others, k is %u; SEED=%llu CASES=1",
                     victims_where(world, among), world->k, (unsigned long long)world->seed);
    }
}

/* An incident never stands in two rows, at once or one after the other. */
static void rows_check(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        uint32_t row = 0;
        bool gone = false;

        for (unsigned r = 0; r < world->rounds; r++) {
            uint32_t now = world->list[i].rows[r];

            if (now != 0 && (gone || (row != 0 && row != now)))
                fail_msg("an incident stands in two rows; SEED=%llu CASES=1",
                         (unsigned long long)world->seed);
            gone |= row != 0 && now == 0;
            row = now != 0 ? now : row;
        }
    }
}

static void sums_check(struct world *world, unsigned round, Up__ReleaseRow *const *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t found = 0;

        for (size_t j = 0; j < world->count; j++)
            found += world->list[j].rows[round] == rows[i]->number;
        if (found != rows[i]->incidents)
            fail_msg("row %u says %u and holds %u; SEED=%llu CASES=1", rows[i]->number,
                     rows[i]->incidents, found, (unsigned long long)world->seed);
        for (size_t j = 0; j < rows[i]->n_remainder_of; j++)
            assert_true(rows[i]->remainder_of[j] < rows[i]->number);
    }
}

/* Where each has its own victim, what is still in no row once the year is past is fewer than k; and where a statistic
 * began, nothing of that period stays behind that a total would show. */
static void nothing_is_held_in_vain(const struct world *world)
{
    uint64_t held = 0;

    if (!world->distinct || strcmp(world->month, "2026-12") < 0)
        return;
    for (size_t i = 0; i < world->ledger.n_counts; i++) {
        const Up__LedgerCount *count = world->ledger.counts[i];

        held += count->row == 0 ? count->incidents - count->withdrawn : 0;
    }
    if (held >= world->k)
        fail_msg("%llu are held though k is %u; SEED=%llu CASES=1", (unsigned long long)held,
                 world->k, (unsigned long long)world->seed);
}

static void twin_check(const struct world *world)
{
    struct up_bytes one = {0};
    struct up_bytes other = {0};

    assert_int_equal(message_pack(&world->ledger.base, UP_ARENA_LEN_MAX, &one), UP_OK);
    assert_int_equal(message_pack(&world->twin.base, UP_ARENA_LEN_MAX, &other), UP_OK);
    if (one.len != other.len || memcmp(one.data, other.data, one.len) != 0)
        fail_msg("the order of arrival shows; SEED=%llu CASES=1", (unsigned long long)world->seed);
    up_bytes_wipe(&one);
    up_bytes_wipe(&other);
}

/* --- a run ---------------------------------------------------------------------------------- */

static void deliver(struct world *world, Up__Ledger *ledger, Up__PooledCounts **counts)
{
    unsigned order[ORIGINATORS];
    void *pointers[ORIGINATORS];

    for (unsigned i = 0; i < ORIGINATORS; i++) {
        order[i] = i;
        pointers[i] = &order[i];
    }
    shuffle(&world->gen, pointers, ORIGINATORS);
    for (unsigned i = 0; i < ORIGINATORS; i++) {
        unsigned from = *(unsigned *)pointers[i];
        char name[] = {(char)('a' + from), '\0'};

        shuffle(&world->gen, (void **)counts[from]->counts, counts[from]->n_counts);
        assert_int_equal(release_merge(ledger, name, counts[from], areas, arena), UP_OK);
    }
}

static void round_run(struct world *world, unsigned round)
{
    struct release_config config = {
        .areas = areas, .own = own, .own_count = 1, .closed_through = world->month};
    Up__PooledCounts *counts[ORIGINATORS];
    Up__Release *release = NULL;
    Up__StatisticsReturn *statistics = NULL;
    bool changed = false;
    bool twin_changed = false;

    for (unsigned i = 0; i < ORIGINATORS; i++)
        counts[i] = counts_make(world, i, round);
    deliver(world, &world->ledger, counts);
    deliver(world, &world->twin, counts);
    assert_int_equal(release_close(&world->ledger, &config, arena, &changed), UP_OK);
    assert_int_equal(release_close(&world->twin, &config, arena, &twin_changed), UP_OK);
    assert_int_equal(changed, twin_changed);
    twin_check(world);
    for (size_t i = 0; i < world->ledger.n_counts; i++)
        stand(world, world->ledger.counts[i], round);
    if (world->statistics) {
        assert_int_equal(release_statistics_of(&world->ledger, arena, &statistics), UP_OK);
        sums_check(world, round, statistics->rows, statistics->n_rows);
    } else {
        assert_int_equal(release_of(&world->ledger, arena, &release), UP_OK);
        sums_check(world, round, release->rows, release->n_rows);
    }
    nothing_is_held_in_vain(world);
}

/* Did some of a row go? */
static bool was_lowered(const Up__Ledger *ledger, uint32_t row)
{
    for (size_t i = 0; i < ledger->n_counts; i++) {
        if (ledger->counts[i]->row == row &&
            ledger->counts[i]->shown < ledger->counts[i]->incidents)
            return true;
    }
    return false;
}

static void no_difference_isolates_fewer_than_k(void **state)
{
    uint64_t seed = gen_seed("no_difference_isolates_fewer_than_k");
    unsigned long cases = gen_cases(CASES_DEFAULT);
    static struct world world;
    unsigned long incidents = 0;
    unsigned long runs = 0;
    unsigned long rows = 0;
    unsigned long lowered = 0;

    (void)state;
    while (incidents < cases) {
        memset(&world, 0, sizeof world);
        world.gen = (struct gen){.state = seed + runs, .arena = arena};
        world.seed = seed + runs++;
        gen_world(&world);
        ledger_make(&world, &world.ledger);
        ledger_make(&world, &world.twin);
        for (unsigned round = 0; round < world.rounds; round++) {
            unsigned month = (round + 1) * 13 / world.rounds;

            (void)snprintf(world.month, sizeof world.month, month > 12 ? "2027-%02u" : "2026-%02u",
                           month > 12  ? 1
                           : month < 1 ? 1
                                       : month);
            round_run(&world, round);
        }
        incidents += world.count;
        rows_check(&world);
        atoms_check(&world);
        rows += world.ledger.n_rows;
        for (size_t i = 0; i < world.ledger.n_rows; i++)
            lowered += was_lowered(&world.ledger, world.ledger.rows[i]->number);
        arena_reset(arena);
    }
    printf("%lu incidents in %lu federations, %lu rows, %lu of them lowered\n", incidents, runs,
           rows, lowered);
    assert_true(runs < 100 || (rows > runs && lowered > runs / 10));
}

/* --- by hand -------------------------------------------------------------------------------- */

static Up__PooledCounts *counts_of(const Up__Cell *cell, uint32_t batch, uint32_t incidents)
{
    Up__PooledCounts *counts = arena_alloc(arena, sizeof *counts);
    Up__PooledCount *count = arena_alloc(arena, sizeof *count);

    up__pooled_counts__init(counts);
    up__pooled_count__init(count);
    count->batch = batch;
    count->cell = up_lent(cell);
    count->incidents = count->victims = count->victims_new = incidents;
    counts->k = 5;
    counts->counts = arena_alloc(arena, sizeof(Up__PooledCount *));
    counts->counts[counts->n_counts++] = count;
    return counts;
}

static Up__Cell *cell_of(const char *area, const char *period, int strand, int type)
{
    Up__Cell *cell = arena_alloc(arena, sizeof *cell);

    up__cell__init(cell);
    cell->area = text(area);
    cell->period = text(period);
    cell->strands = arena_alloc(arena, sizeof *cell->strands);
    cell->strands[cell->n_strands++] = (Up__Strand__Code)strand;
    cell->types = arena_alloc(arena, sizeof *cell->types);
    cell->types[cell->n_types++] = (Up__IncidentType__Code)type;
    cell->place = UP__PLACE_KIND__GROUP__GROUP_PUBLIC;
    return cell;
}

static void merge(Up__Ledger *ledger, const char *from, const Up__PooledCounts *counts)
{
    assert_int_equal(release_merge(ledger, from, counts, areas, arena), UP_OK);
}

static void close_through(Up__Ledger *ledger, const char *month)
{
    struct release_config config = {
        .areas = areas, .own = own, .own_count = 1, .closed_through = month};
    bool changed = false;

    assert_int_equal(release_close(ledger, &config, arena, &changed), UP_OK);
}

static void the_ladder_in_its_order(void **state)
{
    struct world world = {.statistics = false};
    Up__Ledger ledger;
    Up__Release *release = NULL;

    (void)state;
    ledger_make(&world, &ledger);
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 2, 1), 1, 6)); /* as it is */
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-02", 2, 1), 1, 4)); /* ... with */
    merge(&ledger, "b",
          counts_of(cell_of("E06000061", "2026-02", 2, 2), 1, 2)); /* ... another type */
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 3, 1), 1, 5)); /* ... a quarter */
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-03", 3, 1), 1, 1));
    merge(&ledger, "a",
          counts_of(cell_of("E06000061", "2026-05", 4, 1), 1, 5)); /* ... the county */
    merge(&ledger, "b", counts_of(cell_of("E06000062", "2026-07", 4, 1), 1, 1));
    merge(&ledger, "b",
          counts_of(cell_of("E06000062", "2026-07", 2, 1), 1, 9)); /* not the audience's */
    close_through(&ledger, "2026-02");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 2);
    assert_int_equal(release->rows[0]->rung, UP__RUNG__CODE__FULL);
    assert_int_equal(release->rows[1]->rung, UP__RUNG__CODE__STRANDS);
    assert_int_equal(release->rows[1]->cell->n_types, 0);
    close_through(&ledger, "2026-03");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 3);
    assert_int_equal(release->rows[2]->rung, UP__RUNG__CODE__QUARTER);
    assert_string_equal(release->rows[2]->cell->period, "2026-Q1");
    close_through(&ledger, "2026-12");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 5);
    assert_int_equal(release->rows[3]->rung, UP__RUNG__CODE__POLICE_AREA);
    assert_string_equal(release->rows[3]->cell->area, "E23000022");
    assert_int_equal(release->rows[3]->incidents, 9); /* race: those of the neighbours alone */
    assert_int_equal(release->rows[3]->n_remainder_of, 2);
    assert_int_equal(release->rows[4]->incidents, 6);
    arena_reset(arena);
}

/* With k 3: if a month were told of from 3 on, a quarter of 6 could only be 2, 2 and 2. A month of 3 waits too, so that the
 * same 6 may be 3 and 3. */
static void a_sum_does_not_give_away_its_parts(void **state)
{
    struct world world = {.statistics = false};
    Up__Ledger ledger;
    Up__Release *release = NULL;
    static const uint32_t parts[] = {3, 3};

    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        ledger_make(&world, &ledger);
        ledger.statistics = statistics;
        for (size_t i = 0; i < 2; i++) {
            Up__PooledCounts *counts =
                counts_of(cell_of("E06000061", i == 0 ? "2026-01" : "2026-02", 2, 1), 1, parts[i]);

            counts->k = 3;
            merge(&ledger, "a", counts);
        }
        close_through(&ledger, "2026-02");
        assert_int_equal(ledger.n_rows, 0);
        close_through(&ledger, "2026-03");
        assert_int_equal(ledger.n_rows, 1);
        assert_int_equal(ledger.rows[0]->incidents, 6);
    }
    ledger_make(&world, &ledger); /* nothing is made of the last row, so k is enough for it */
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 2, 1), 1, 5));
    close_through(&ledger, "2026-11");
    assert_int_equal(ledger.n_rows, 0);
    close_through(&ledger, "2026-12");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 1);
    assert_int_equal(release->rows[0]->rung, UP__RUNG__CODE__ANY_STRAND);
    arena_reset(arena);
}

static void one_who_withdraws_is_not_shown_by_a_minus_one(void **state)
{
    struct world world = {.statistics = false};
    Up__Ledger ledger;
    Up__Release *release = NULL;
    Up__Cell *big = cell_of("E06000061", "2026-01", 2, 1);
    Up__Cell *small = cell_of("E06000061", "2026-02", 2, 1);
    Up__PooledCounts *back = arena_alloc(arena, sizeof *back);
    Up__PooledWithdrawal withdrawals[2] = {UP__POOLED_WITHDRAWAL__INIT,
                                           UP__POOLED_WITHDRAWAL__INIT};
    Up__PooledWithdrawal *list[] = {&withdrawals[0], &withdrawals[1]};

    (void)state;
    ledger_make(&world, &ledger);
    merge(&ledger, "a", counts_of(big, 1, 12));
    merge(&ledger, "a", counts_of(small, 1, 8));
    close_through(&ledger, "2026-02");
    up__pooled_counts__init(back);
    withdrawals[0].batch = withdrawals[1].batch = 1;
    withdrawals[0].incidents = withdrawals[1].incidents = 1;
    withdrawals[0].cell = big;
    withdrawals[1].cell = small;
    back->withdrawals = list;
    back->n_withdrawals = 2;
    merge(&ledger, "a", back);
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 2); /* only the next window shows it */
    close_through(&ledger, "2026-03");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->n_rows, 1);
    assert_int_equal(release->rows[0]->incidents, 7); /* five went, so that nobody knows who */
    assert_int_equal(release->revision, 2);
    merge(&ledger, "a", back); /* another of those that nobody can tell apart */
    close_through(&ledger, "2026-04");
    assert_int_equal(release_of(&ledger, arena, &release), UP_OK);
    assert_int_equal(release->rows[0]->incidents, 7);
    assert_int_equal(release->revision, 2);
    arena_reset(arena);
}

static void what_is_not_well_formed_changes_nothing(void **state)
{
    struct world world = {.statistics = false};
    Up__Ledger ledger;
    Up__Cell *cell = cell_of("E06000061", "2026-01", 2, 1);
    Up__PooledCounts *counts = counts_of(cell, 1, 5);

    (void)state;
    ledger_make(&world, &ledger);
    counts->counts[0]->victims = 6;
    assert_int_equal(release_merge(&ledger, "a", counts, areas, arena), UP_INVALID);
    counts->counts[0]->victims = 4;
    assert_int_equal(release_merge(&ledger, "a", counts, areas, arena), UP_INVALID);
    counts->counts[0]->victims_new = 4;
    counts->counts[0]->cell = NULL;
    assert_int_equal(release_merge(&ledger, "a", counts, areas, arena), UP_INVALID);
    counts->counts[0]->cell = cell;
    cell->period = text("2026-13");
    assert_int_equal(release_merge(&ledger, "a", counts, areas, arena), UP_INVALID);
    assert_int_equal(ledger.n_counts, 0);
    cell->period = text("2025-01"); /* of another ledger */
    merge(&ledger, "a", counts);
    assert_int_equal(ledger.n_counts, 0);
    cell->period = text("2026-01");
    merge(&ledger, "a", counts);
    merge(&ledger, "a", counts);
    assert_int_equal(ledger.n_counts, 1);
    counts->counts = arena_alloc(arena, 2 * sizeof(Up__PooledCount *));
    counts->counts[0] = counts->counts[1] = counts_of(cell, 2, 5)->counts[0];
    counts->n_counts = 2; /* twice in one message */
    merge(&ledger, "a", counts);
    assert_int_equal(ledger.n_counts, 2);
    arena_reset(arena);
}

/* One who pools with others can't lower what they are hidden by. */
static void nobody_undoes_k_or_the_window(void **state)
{
    struct world world = {.statistics = false};
    Up__Ledger ledger;
    Up__PooledCounts *counts = counts_of(cell_of("E06000061", "2026-01", 2, 1), 1, 5);
    Up__PooledCounts *other = counts_of(cell_of("E06000061", "2026-01", 3, 1), 1, 1);
    Up__Release *out = NULL;

    (void)state;
    ledger_make(&world, &ledger);
    counts->window = UP__RELEASE_WINDOW__CODE__YEAR;
    merge(&ledger, "a", counts);
    other->k = UINT32_MAX;
    assert_int_equal(release_merge(&ledger, "b", other, areas, arena), UP_INVALID);
    other->k = 3;
    other->window = (Up__ReleaseWindow__Code)99;
    assert_int_equal(release_merge(&ledger, "b", other, areas, arena), UP_INVALID);
    other->window = UP__RELEASE_WINDOW__CODE__MONTH;
    merge(&ledger, "b", other);
    ledger.k = UINT32_MAX; /* one that was written before */
    close_through(&ledger, "2026-12");
    assert_int_equal(release_of(&ledger, arena, &out), UP_OK);
    assert_int_equal(out->n_rows, 0);
    arena_reset(arena);
}

static void the_smallest_goes_with_one_that_is_suppressed(void **state)
{
    struct world world = {.statistics = true};
    Up__Ledger ledger;
    Up__StatisticsReturn *out = NULL;

    (void)state;
    ledger_make(&world, &ledger);
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 2, 1), 1, 40));
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 3, 1), 1, 6));
    merge(&ledger, "a", counts_of(cell_of("E06000061", "2026-01", 4, 1), 1, 2));
    close_through(&ledger, "2026-01");
    assert_int_equal(release_statistics_of(&ledger, arena, &out), UP_OK);
    assert_int_equal(out->n_rows, 2);
    assert_int_equal(out->rows[0]->incidents, 40);
    assert_int_equal(out->rows[1]->incidents, 8);
    assert_int_equal(out->rows[1]->rung, UP__RUNG__CODE__ANY_STRAND);
    assert_int_equal(out->rows[1]->cell->n_strands, 0);
    arena_reset(arena);
}

static void the_month_before(void **state)
{
    char month[RELEASE_PERIOD_MAX] = "";

    (void)state;
    assert_int_equal(release_month_before("2026-11-25", month), UP_OK);
    assert_string_equal(month, "2026-10");
    assert_int_equal(release_month_before("2026-01-01", month), UP_OK);
    assert_string_equal(month, "2025-12");
    assert_int_equal(release_month_before("2026", month), UP_INVALID);
    assert_int_equal(release_month_before("2026-00-01", month), UP_INVALID);
    assert_int_equal(release_month_before("2026-13-01", month), UP_INVALID);
    assert_true(release_is_past("2026-11", "2026-11"));
    assert_false(release_is_past("2026-12", "2026-11"));
    assert_false(release_is_past("2026", "2026-11"));
    assert_true(release_is_past("2026", "2026-12"));
    assert_true(release_is_past("2026-Q3", "2026-09"));
    assert_false(release_is_past("2026-Q3", "2026-08"));
    assert_false(release_is_past("", "2026-08"));
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return areas && arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    arena_destroy(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_difference_isolates_fewer_than_k),
        cmocka_unit_test(the_ladder_in_its_order),
        cmocka_unit_test(a_sum_does_not_give_away_its_parts),
        cmocka_unit_test(one_who_withdraws_is_not_shown_by_a_minus_one),
        cmocka_unit_test(what_is_not_well_formed_changes_nothing),
        cmocka_unit_test(nobody_undoes_k_or_the_window),
        cmocka_unit_test(the_smallest_goes_with_one_that_is_suppressed),
        cmocka_unit_test(the_month_before),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
