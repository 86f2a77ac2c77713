/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Releases over generated cells: at least k distinct victims in each row, every incident once, the same output
 * whatever the order. Counted here a second time, by comparing every pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/release.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum { ITEMS_MAX = 60, CASES_DEFAULT = 3000 };

static struct areas *areas;
static struct arena *arena;

static size_t gen_items(struct gen *gen, struct release_item *items)
{
    static const char *const periods[] = {"2026-01", "2026-02", "2026-03", "2026-04", "2026", ""};
    static const char *const codes[] = {"E06000016", "E06000062", "E23000021"};
    size_t count = gen_below(gen, ITEMS_MAX);

    for (size_t i = 0; i < count; i++) {
        Up__Cell *cell = arena_alloc(arena, sizeof *cell);
        char victim[8];

        up__cell__init(cell);
        cell->strands = arena_alloc(arena, 2 * sizeof *cell->strands);
        cell->n_strands = gen_below(gen, 3);
        for (size_t j = 0; j < cell->n_strands; j++)
            cell->strands[j] =
                (Up__Strand__Code)(1 + j + gen_below(gen, 2) * (cell->n_strands - 1));
        if (cell->n_strands == 2 && cell->strands[1] <= cell->strands[0])
            cell->n_strands = 1;
        cell->area =
            arena_text(arena, up_view_of(codes[gen_chance(gen, 70) ? 0 : gen_below(gen, 3)], 9));
        cell->period = arena_text(arena, up_view_of("2026-01", 7));
        if (gen_chance(gen, 60)) {
            const char *period = periods[gen_below(gen, 6)];

            cell->period = arena_text(arena, up_view_of(period, strlen(period)));
        }
        (void)snprintf(victim, sizeof victim, "v%u", gen_below(gen, 12));
        items[i] = (struct release_item){
            .cell = cell,
            .victim =
                gen_chance(gen, 80) ? arena_text(arena, up_view_of(victim, strlen(victim))) : NULL,
            .index = i};
    }
    return count;
}

static bool same_strands(const Up__Cell *a, const Up__Cell *b)
{
    return a->n_strands == b->n_strands &&
           (a->n_strands == 0 ||
            memcmp(a->strands, b->strands, a->n_strands * sizeof *a->strands) == 0);
}

static bool in_window(const struct release_item *item, const char *area)
{
    return strcmp(item->cell->area, area) == 0 && strncmp(item->cell->period, "2026-0", 6) == 0 &&
           item->cell->period[6] >= '1' && item->cell->period[6] <= '3';
}

/* Distinct victims of one row, by comparing every pair; all unknown ones are one. */
static unsigned victims_of(const struct release_item *items, size_t count, const Up__Cell *row,
                           const char *area, unsigned *ret_incidents)
{
    unsigned victims = 0;
    bool unknown = false;

    *ret_incidents = 0;
    for (size_t i = 0; i < count; i++) {
        bool seen = false;

        if (!in_window(&items[i], area) || !same_strands(items[i].cell, row))
            continue;
        (*ret_incidents)++;
        if (!items[i].victim) {
            unknown = true;
            continue;
        }
        for (size_t j = 0; j < i; j++)
            seen |= in_window(&items[j], area) && same_strands(items[j].cell, row) &&
                    items[j].victim && strcmp(items[j].victim, items[i].victim) == 0;
        victims += !seen;
    }
    return victims + unknown;
}

static void shuffle(struct gen *gen, struct release_item *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = gen_below(gen, (unsigned)i);
        struct release_item swap = items[i - 1];

        items[i - 1] = items[j];
        items[j] = swap;
    }
}

static void rows_hold_k_victims(void **state)
{
    uint64_t seed = gen_seed("rows_hold_k_victims");
    unsigned long cases = gen_cases(CASES_DEFAULT);
    struct release_config config = {.area = "E06000016", .window = "2026-Q1", .areas = areas};
    unsigned long released = 0;

    (void)state;
    for (unsigned long c = 0; c < cases; c++) {
        struct gen gen = {.state = seed + c, .arena = arena};
        struct release_item items[ITEMS_MAX];
        size_t count = gen_items(&gen, items);
        const struct release_items all = {.list = items, .count = count};
        Up__Release *release = NULL;
        Up__Release *again = NULL;
        bool *taken = NULL;
        struct up_bytes before = {0};
        struct up_bytes after = {0};
        unsigned flags = 0;

        config.k = 3 + gen_below(&gen, 4);
        assert_int_equal(release_make(&all, &config, arena, &release, &taken), UP_OK);
        for (size_t i = 0; i < release->n_rows; i++) {
            unsigned incidents = 0;

            if (victims_of(items, count, release->rows[i]->cell, config.area, &incidents) <
                config.k)
                fail_msg("a row below k; SEED=%llu CASES=1", (unsigned long long)(seed + c));
            assert_int_equal(release->rows[i]->incidents, incidents);
            for (size_t j = 0; j < i; j++)
                assert_false(same_strands(release->rows[i]->cell, release->rows[j]->cell));
        }
        for (size_t i = 0; i < count; i++)
            flags += taken[i];
        assert_int_equal(flags, release->released);
        released += release->released;
        shuffle(&gen, items, count);
        assert_int_equal(release_make(&all, &config, arena, &again, &taken), UP_OK);
        assert_int_equal(message_pack(&release->base, UP_JSON_LEN_MAX, &before), UP_OK);
        assert_int_equal(message_pack(&again->base, UP_JSON_LEN_MAX, &after), UP_OK);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, before.len);
        up_bytes_wipe(&before);
        up_bytes_wipe(&after);
        arena_reset(arena);
    }
    printf("rows_hold_k_victims: %lu cases, %lu incidents released\n", cases, released);
    assert_true(released > 0);
}

static void no_single_row_is_suppressed_alone(void **state)
{
    uint64_t seed = gen_seed("no_single_row_is_suppressed_alone");
    unsigned long cases = gen_cases(CASES_DEFAULT);
    struct release_config config = {
        .area = "E23000021", .window = "2026-Q1", .k = 5, .areas = areas};

    (void)state;
    for (unsigned long c = 0; c < cases; c++) {
        struct gen gen = {.state = seed + c, .arena = arena};
        struct release_item items[ITEMS_MAX];
        size_t count = gen_items(&gen, items);
        const struct release_items all = {.list = items, .count = count};
        Up__StatisticsReturn *out = NULL;
        bool *taken = NULL;
        size_t suppressed = 0;

        assert_int_equal(release_statistics(&all, &config, arena, &out, &taken), UP_OK);
        for (size_t i = 0; i < out->n_rows; i++) {
            suppressed += out->rows[i]->suppressed ? 1 : 0;
            assert_true(out->rows[i]->suppressed ? out->rows[i]->incidents == 0
                                                 : out->rows[i]->incidents >= 5);
        }
        if (suppressed == 1 && out->n_rows > 1)
            fail_msg("one row alone is suppressed; SEED=%llu CASES=1",
                     (unsigned long long)(seed + c));
        arena_reset(arena);
    }
}

static void quarters(void **state)
{
    char window[8];

    (void)state;
    assert_int_equal(release_quarter("2026-11", window), UP_OK);
    assert_string_equal(window, "2026-Q4");
    assert_int_equal(release_quarter("2026-03-31T10", window), UP_OK);
    assert_string_equal(window, "2026-Q1");
    assert_int_equal(release_quarter("2026", window), UP_INVALID);
    assert_int_equal(release_quarter("2026-00", window), UP_INVALID);
    assert_int_equal(release_quarter("2026-13", window), UP_INVALID);
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return arena_new(UP_ARENA_LEN_MAX, &arena) ? -1 : 0;
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
        cmocka_unit_test(rows_hold_k_victims),
        cmocka_unit_test(no_single_row_is_suppressed_alone),
        cmocka_unit_test(quarters),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
