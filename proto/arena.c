/* SPDX-License-Identifier: MIT
 * A bump allocator in blocks that double: a budget is a ceiling, not a reservation. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "upstander/limits.h"
#include "upstander/message.h"

enum { BLOCK_LEN_FIRST = 16 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t len; /* of data */
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

struct arena {
    struct block *blocks; /* newest first */
    size_t budget;
    size_t taken; /* bytes in all blocks */
};

enum up_err arena_new(size_t budget, struct arena **ret_arena)
{
    struct arena *arena = NULL;

    if (budget > UP_ARENA_LEN_MAX)
        return UP_TOO_LARGE;
    arena = calloc(1, sizeof *arena);
    if (!arena)
        return UP_NO_MEMORY;
    arena->budget = budget;
    *ret_arena = arena;
    return UP_OK;
}

static bool block_add(struct arena *arena, size_t len)
{
    size_t want = arena->blocks ? arena->blocks->len * 2 : BLOCK_LEN_FIRST;
    size_t left = arena->budget - arena->taken;
    struct block *block = NULL;

    if (want < len)
        want = len;
    if (want > left)
        want = left;
    if (want < len)
        return false;
    block = calloc(1, sizeof *block + want);
    if (!block)
        return false;
    block->len = want;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->taken += want;
    return true;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    struct block *block = arena->blocks;
    size_t need = 0;
    void *memory = NULL;

    if (len > arena->budget)
        return NULL;
    need = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (need == 0)
        need = ALIGNMENT;
    if (!block || block->len - block->used < need) {
        if (!block_add(arena, need))
            return NULL;
        block = arena->blocks;
    }
    memory = block->data + block->used;
    block->used += need;
    return memory;
}

char *arena_text(struct arena *arena, struct up_view text)
{
    char *copy = text.len < SIZE_MAX ? arena_alloc(arena, text.len + 1) : NULL;

    if (copy && text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

void arena_reset(struct arena *arena)
{
    /* The oldest block stays: most uses never need a second. */
    while (arena->blocks && arena->blocks->next) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        arena->taken -= block->len;
        sodium_memzero(block->data, block->used);
        free(block);
    }
    if (arena->blocks) {
        sodium_memzero(arena->blocks->data, arena->blocks->used);
        arena->blocks->used = 0;
    }
}

void arena_destroy(struct arena **arena_p)
{
    struct arena *arena = *arena_p;

    if (!arena)
        return;
    arena_reset(arena);
    free(arena->blocks);
    free(arena);
    *arena_p = NULL;
}
