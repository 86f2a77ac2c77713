/* SPDX-License-Identifier: MIT */
#include "nodes/cli/print.h"

#include <stdarg.h>
#include <stdint.h>

/* One code point of text that json_parse found to be UTF-8; a stray byte counts as one of its
 * own. */
static uint32_t point_read(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    unsigned extra = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
    uint32_t point = extra == 0 ? at[0] : at[0] & (0x3fu >> extra);

    for (unsigned i = 1; i <= extra; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *text += 1;
            return 0xfffd;
        }
        point = point << 6 | (at[i] & 0x3f);
    }
    *text += extra + 1;
    return point;
}

/* Control characters, and marks that make a line read otherwise than it stands. */
static bool is_unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x2069) || point == 0xfeff || point == 0xfffd;
}

void print_safe(FILE *out, const char *text, unsigned indent)
{
    while (*text != '\0') {
        const char *begin = text;
        uint32_t point = point_read(&text);

        if (point == '\n') {
            (void)fprintf(out, "\n%*s", (int)indent, "");
        } else if (point == '\r' && *text == '\n') {
            continue;
        } else if (is_unsafe(point)) {
            (void)fputc(point == '\t' ? ' ' : '?', out);
        } else {
            (void)fwrite(begin, 1, (size_t)(text - begin), out);
        }
    }
}

size_t print_width(const char *text)
{
    size_t width = 0;

    while (*text != '\0') {
        (void)point_read(&text);
        width++;
    }
    return width;
}

int print_fault(const char *format, ...)
{
    char line[1024];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    (void)fputs("upstander: ", stderr);
    print_safe(stderr, line, 4);
    (void)fputc('\n', stderr);
    return CLI_FAILED;
}

int print_why(enum up_err err, const struct up_why *why)
{
    return print_fault("%s", why && why->text[0] != '\0' ? why->text : up_err_text(err));
}

void print_banner(struct cli *cli, FILE *out, bool exercise)
{
    if (exercise && !cli->banner_shown)
        (void)fputs(PRINT_BANNER "\n\n", out);
    cli->banner_shown = true;
}

void print_json(struct up_view text)
{
    (void)fwrite(text.data, 1, text.len, stdout);
    (void)fputc('\n', stdout);
}
