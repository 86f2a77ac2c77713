/* SPDX-License-Identifier: MIT */
#include "nodes/cli/wrap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nodes/cli/print.h"

enum { WIDTH_MIN = 20, WIDTH_MAX = 1000, WIDTH_USUAL = 80, WORD_LEN_MAX = 512 };

unsigned wrap_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size = {0};
    unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;

    if (width == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width == 0)
        width = WIDTH_USUAL;
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
}

void wrap_print(FILE *out, const char *before, const char *text, unsigned width)
{
    size_t indent = print_width(before);
    size_t column = indent;
    bool first = true;

    print_safe(out, before, 0);
    while (*text != '\0') {
        char word[WORD_LEN_MAX];
        size_t len = strcspn(text, " \n\t\r");
        size_t wide = 0;

        (void)snprintf(word, sizeof word, "%.*s", (int)len, text);
        wide = print_width(word);
        text += len;
        text += strspn(text, " \n\t\r");
        if (wide == 0)
            continue;
        if (!first && column + 1 + wide > width) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            (void)fputc(' ', out);
            column++;
        }
        print_safe(out, word, 0);
        column += wide;
        first = false;
    }
    (void)fputc('\n', out);
}
