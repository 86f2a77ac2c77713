/* SPDX-License-Identifier: MIT
 * Memory that runs out at the chosen allocation of our own code. Only in tests named
 * tests/fault/test_oom_*: the Makefile links those with --wrap. Allocations inside shared libraries
 * are not counted. */
#ifndef TESTS_LIB_OOM_H
#define TESTS_LIB_OOM_H

#include <stdbool.h>

enum oom_kind { OOM_ONCE, OOM_FROM_THERE };

/* oom_arm: the nth allocation from now on fails (counted from 1), alone or with all after it. */
void oom_arm(unsigned long nth, enum oom_kind kind);
/* oom_disarm: all is well again. Was an allocation refused since oom_arm? */
bool oom_disarm(void);

#endif
