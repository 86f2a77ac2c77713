/* SPDX-License-Identifier: MIT */
#include "tests/lib/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "upstander/limits.h"

enum { NTH_MAX = 5000, BLOCK_LEN = 16 * 1024 }; /* of an arena's first block */

/* The linker's --wrap gives the names in quotes. */
void *real_malloc(size_t len) __asm__("__real_malloc");
void *real_calloc(size_t items, size_t len) __asm__("__real_calloc");
void *real_realloc(void *memory, size_t len) __asm__("__real_realloc");
void *wrap_malloc(size_t len) __asm__("__wrap_malloc");
void *wrap_calloc(size_t items, size_t len) __asm__("__wrap_calloc");
void *wrap_realloc(void *memory, size_t len) __asm__("__wrap_realloc");

static unsigned long fail_at; /* 0: never */
static unsigned long count;
static enum oom_kind kind_armed;
static bool refused_one;

static bool refuse(void)
{
    bool now = false;

    if (fail_at == 0)
        return false;
    count++;
    now = count == fail_at || (count > fail_at && kind_armed == OOM_FROM_THERE);
    refused_one = refused_one || now;
    return now;
}

void oom_arm(unsigned long nth, enum oom_kind kind)
{
    fail_at = nth;
    kind_armed = kind;
    count = 0;
    refused_one = false;
}

bool oom_disarm(void)
{
    fail_at = 0;
    return refused_one;
}

void *wrap_malloc(size_t len)
{
    return refuse() ? NULL : real_malloc(len);
}

void *wrap_calloc(size_t items, size_t len)
{
    return refuse() ? NULL : real_calloc(items, len);
}

void *wrap_realloc(void *memory, size_t len)
{
    return refuse() ? NULL : real_realloc(memory, len);
}

void oom_each(enum up_err (*attempt)(void), unsigned long allocations_min)
{
    static const enum oom_kind kinds[] = {OOM_ONCE, OOM_FROM_THERE};

    for (size_t i = 0; i < 2; i++) {
        unsigned long nth = 1;
        bool refused = true;

        for (; refused && nth < NTH_MAX; nth++) {
            enum up_err err = UP_OK;

            oom_arm(nth, kinds[i]);
            err = attempt();
            refused = oom_disarm();
            assert_int_equal(err, refused ? UP_NO_MEMORY : UP_OK);
        }
        assert_false(refused);
        assert_true(nth > allocations_min);
    }
}

void oom_budgets(enum up_err (*attempt)(struct arena *), size_t budget_min)
{
    enum up_err err = UP_NO_MEMORY;
    size_t budget = 0;

    for (; err && budget < UP_ARENA_LEN_MAX; budget += 16 + budget / 1024 * 16) {
        struct arena *arena = NULL;

        assert_int_equal(arena_new(budget, &arena), UP_OK);
        err = attempt(arena);
        assert_true(err == UP_OK || err == UP_NO_MEMORY);
        arena_destroy(&arena);
    }
    assert_int_equal(err, UP_OK);
    assert_true(budget > budget_min);
}

void oom_edges(enum up_err (*attempt)(struct arena *), unsigned edges_min)
{
    unsigned edges = 0;

    for (size_t left = 0; left < BLOCK_LEN; left += 16) {
        struct arena *arena = NULL;
        enum up_err err = UP_OK;
        bool refused = false;

        assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
        assert_non_null(arena_alloc(arena, BLOCK_LEN - left));
        oom_arm(1, OOM_ONCE);
        err = attempt(arena);
        refused = oom_disarm();
        assert_int_equal(err, refused ? UP_NO_MEMORY : UP_OK);
        edges += refused;
        arena_destroy(&arena);
    }
    assert_true(edges > edges_min);
}
