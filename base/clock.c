/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

int64_t clock_wall_s(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Day of the month of the last Sunday, given the weekday (0 Sunday) of a day. March and October have 31 days. */
static bool summer(const struct tm *utc)
{
    int last_sunday = 31 - (utc->tm_wday + 31 - utc->tm_mday) % 7;
    bool after = utc->tm_mday > last_sunday || (utc->tm_mday == last_sunday && utc->tm_hour >= 1);

    if (utc->tm_mon == 2)
        return after;
    if (utc->tm_mon == 9)
        return !after;
    return utc->tm_mon > 2 && utc->tm_mon < 9;
}

void clock_london(int64_t wall_s, char ret_text[static CLOCK_TEXT_LEN])
{
    time_t time = (time_t)wall_s;
    struct tm utc = {0};

    (void)gmtime_r(&time, &utc);
    if (summer(&utc)) {
        time += 3600;
        (void)gmtime_r(&time, &utc);
    }
    (void)strftime(ret_text, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M", &utc);
}
