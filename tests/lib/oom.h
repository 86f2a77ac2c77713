/* SPDX-License-Identifier: MIT
 * Memory that runs out at the chosen allocation of our own code. Only in tests named
 * tests/fault/test_oom_*: the Makefile links those with --wrap. Allocations inside shared libraries
 * are not counted. */
#ifndef TESTS_LIB_OOM_H
#define TESTS_LIB_OOM_H

#include <stdbool.h>

#include "upstander/message.h"

enum oom_kind { OOM_ONCE, OOM_FROM_THERE };

/* oom_arm: the nth allocation from now on fails (counted from 1), alone or with all after it. */
void oom_arm(unsigned long nth, enum oom_kind kind);
/* oom_disarm: all is well again. Was an allocation refused since oom_arm? */
bool oom_disarm(void);

/* oom_each: every allocation of the attempt fails in turn, alone and with all after it; the attempt must then say
 * UP_NO_MEMORY, and UP_OK once enough is there. It frees what it made, checks what a failure must leave alone, and may
 * disarm and go on, to show that what it used still works. allocations_min: fewer mean that the linker did not put us
 * in between. */
void oom_each(enum up_err (*attempt)(void), unsigned long allocations_min);
/* oom_budgets: the attempt gets an arena of every budget from nothing, in steps of 16 bytes that grow
 * past the first thousand, until one is enough. */
void oom_budgets(enum up_err (*attempt)(struct arena *), size_t budget_min);
/* oom_edges: an arena is nearly full, and what it then asks for fails once; so that every allocation from the arena
 * fails in turn with the ones after it good. For attempts that allocate from the arena alone. */
void oom_edges(enum up_err (*attempt)(struct arena *), unsigned edges_min);

#endif
