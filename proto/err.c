/* SPDX-License-Identifier: MIT */
#include "upstander/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *up_err_text(enum up_err err)
{
#define ERR_TEXT(code, text) text,
    static const char *const texts[] = {UP_ERR_LIST(ERR_TEXT)};
#undef ERR_TEXT

    return (unsigned)err < UP_ERR_COUNT ? texts[err] : "an unknown error";
}

enum up_err up_why_set(struct up_why *why, enum up_err err, const char *format, ...)
{
    va_list arguments;

    if (!why)
        return err;
    why->err = err;
    va_start(arguments, format);
    (void)vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return err;
}

void up_assert_failed(const char *file, int line)
{
    (void)fprintf(stderr, "internal error at %s:%d\n", file, line);
    abort();
}
