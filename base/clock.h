/* SPDX-License-Identifier: MIT
 * Time from the operating system, and Europe/London calendar text (no zone database needed: the rule is
 * last Sunday of March to last Sunday of October, 01:00 UTC, in force since 1996). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_s(void);       /* seconds since 1970 */
int64_t clock_monotonic_ms(void); /* never goes back */
#define CLOCK_TEXT_LEN 17
/* clock_london: "YYYY-MM-DDTHH:MM" */
void clock_london(int64_t wall_s, char ret_text[static CLOCK_TEXT_LEN]);

#endif
