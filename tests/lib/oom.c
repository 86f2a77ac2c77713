/* SPDX-License-Identifier: MIT */
#include "tests/lib/oom.h"

#include <stddef.h>

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
static bool refused;

static bool refuse(void)
{
    bool now = false;

    if (fail_at == 0)
        return false;
    count++;
    now = count == fail_at || (count > fail_at && kind_armed == OOM_FROM_THERE);
    refused = refused || now;
    return now;
}

void oom_arm(unsigned long nth, enum oom_kind kind)
{
    fail_at = nth;
    kind_armed = kind;
    count = 0;
    refused = false;
}

bool oom_disarm(void)
{
    fail_at = 0;
    return refused;
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
