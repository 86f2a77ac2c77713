/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

static const char *log_program = "upstander";

void log_open(const char *program)
{
    log_program = program;
}

static void line(const char *level, const char *event, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void line(const char *level, const char *event, const char *format, va_list arguments)
{
    char text[400];
    char time[CLOCK_TEXT_LEN];

    (void)vsnprintf(text, sizeof text, format, arguments);
    clock_london(clock_wall_s(), time);
    (void)fprintf(stderr, "%s %s %s event=%s%s%s\n", time, log_program, level, event,
                  text[0] ? " " : "", text);
}

void log_info(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("info", event, format, arguments);
    va_end(arguments);
}

void log_warn(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("warning", event, format, arguments);
    va_end(arguments);
}

void log_error(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("error", event, format, arguments);
    va_end(arguments);
}
