/* SPDX-License-Identifier: MIT */
/* rooms: intake base proto */
/* The rows of the demo's table through its mapping, beside reading the rows alone. No row without
 * the mapping. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "nodes/intake/mapping.h"
#include "tests/lib/bench.h"

enum { FILE_LEN_MAX = 1 << 24, ROUNDS = 9, ROUND_MS = 60 };

static const char table_path[] = "deploy/demo/data/toronto_hate_crimes_2018_2023.csv";
static const char mapping_path[] = "deploy/demo/toronto.mapping";

static struct up_bytes table;
static struct mapping *mapping;
static struct arena *arena;

/* All rows once, through the mapping or not; how many there are, and how many the mapping takes. */
static unsigned rows(bool through, unsigned *ret_good)
{
    struct csv *csv = NULL;
    struct csv_row row = {0};
    struct up_why why = {0};
    unsigned count = 0;
    enum up_err err = csv_new(up_bytes_view(&table), &csv);

    bench_require(!err && csv_next(csv, &row, &why) == UP_OK);
    if (through && mapping_bind(mapping, &row, &why)) {
        (void)fprintf(stderr, "%s: %s\n", mapping_path, why.text);
        exit(1);
    }
    *ret_good = 0;
    while ((err = csv_next(csv, &row, &why)) != UP_NOT_FOUND) {
        Up__Report *report = NULL;
        struct mapping_fault fault = {0};

        bench_require(!err);
        count++;
        if (!through)
            continue;
        err = mapping_apply(mapping, &row, arena, &report, &fault);
        bench_require(!err || err == UP_INVALID);
        *ret_good += !err;
        arena_reset(arena);
    }
    csv_destroy(&csv);
    return count;
}

static void run_rows(void *context, unsigned long calls)
{
    unsigned good = 0;

    for (unsigned long i = 0; i < calls; i++)
        bench_require(rows(*(const bool *)context, &good) > 0);
}

#define ALONE "read the rows of a CSV file"

int main(void)
{
    static bool ways[] = {false, true};
    static struct bench_case cases[] = {
        {.name = ALONE, .run = run_rows, .context = &ways[0]},
        {.name = "import rows through a mapping",
         .limit = ALONE,
         .run = run_rows,
         .context = &ways[1]},
    };
    struct up_bytes text = {0};
    struct up_why why = {0};
    unsigned good = 0;
    enum up_err err = file_read(mapping_path, FILE_LEN_MAX, &text, &why);

    if (err == UP_NOT_FOUND) {
        (void)fprintf(stderr, "no row for imports: there is no %s\n", mapping_path);
        return 0;
    }
    if (!err)
        err = mapping_parse(up_bytes_view(&text), &mapping, &why);
    if (!err)
        err = file_read(table_path, FILE_LEN_MAX, &table, &why);
    if (err) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    bench_require(arena_new(1 << 20, &arena) == UP_OK);
    cases[0].items = cases[1].items = rows(true, &good);
    bench_require(good > 0);
    bench_run(cases, sizeof cases / sizeof cases[0], ROUNDS, ROUND_MS);
    arena_destroy(&arena);
    mapping_destroy(&mapping);
    up_bytes_wipe(&text);
    up_bytes_wipe(&table);
    return 0;
}
