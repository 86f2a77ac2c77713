/* SPDX-License-Identifier: MIT */
#include "tests/lib/oom.h"

#include <stddef.h>

/* Names that the linker's --wrap gives. */
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *memory, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *memory, size_t len);

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

void *__wrap_malloc(size_t len)
{
    return refuse() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t items, size_t len)
{
    return refuse() ? NULL : __real_calloc(items, len);
}

void *__wrap_realloc(void *memory, size_t len)
{
    return refuse() ? NULL : __real_realloc(memory, len);
}
