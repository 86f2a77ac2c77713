/* SPDX-License-Identifier: MIT
 * Linked around the node's own objects (--wrap): its wall clock is off by CLOCK_OFFSET_S seconds. */
#include <stdlib.h>

#include "base/clock.h"

int64_t __real_clock_wall_s(void);
int64_t __wrap_clock_wall_s(void);

int64_t __wrap_clock_wall_s(void)
{
    const char *offset = getenv("CLOCK_OFFSET_S");

    return __real_clock_wall_s() + (offset ? atoll(offset) : 0);
}
