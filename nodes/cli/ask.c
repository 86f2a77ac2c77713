/* SPDX-License-Identifier: MIT */
#include "nodes/cli/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LEN_MAX = 4096 };

bool ask_is_terminal(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

enum up_err ask_input(size_t len_max, struct up_bytes *ret_bytes)
{
    struct up_bytes bytes = {0};
    size_t used = 0;
    enum up_err err = up_bytes_new(len_max + 1, &bytes);

    if (err)
        return err;
    while (used < bytes.len && !feof(stdin) && !ferror(stdin))
        used += fread(bytes.data + used, 1, bytes.len - used, stdin);
    if (ferror(stdin))
        err = UP_IO;
    else if (used > len_max)
        err = UP_TOO_LARGE;
    else
        err = up_bytes_copy(up_view_of(bytes.data, used), ret_bytes);
    up_bytes_wipe(&bytes);
    return err;
}

/* A line that is longer is read to its end and cut. */
static bool line_read(char *ret_line, size_t len_max)
{
    int next = 0;

    (void)fflush(stdout);
    if (!fgets(ret_line, (int)len_max, stdin))
        return false;
    if (!strchr(ret_line, '\n')) {
        while (next != '\n' && next != EOF)
            next = fgetc(stdin);
    }
    ret_line[strcspn(ret_line, "\r\n")] = '\0';
    return true;
}

bool ask_text(const char *question, char *ret_text, size_t len_max)
{
    (void)printf("%s: ", question);
    return line_read(ret_text, len_max);
}

bool ask_long(const char *question, char *ret_text, size_t len_max)
{
    char line[LINE_LEN_MAX];
    size_t at = 0;

    (void)printf("%s\n(as many lines as you like; a line with only a full stop ends it)\n",
                 question);
    ret_text[0] = '\0';
    for (;;) {
        size_t len = 0;

        if (!line_read(line, sizeof line))
            return false;
        if (strcmp(line, ".") == 0)
            break;
        len = strlen(line);
        if (at + len + 2 > len_max) {
            (void)puts("That is as long as it can be; the last line was not kept.");
            break;
        }
        if (at > 0)
            ret_text[at++] = '\n';
        memcpy(ret_text + at, line, len + 1);
        at += len;
    }
    return true;
}

int ask_yes(const char *question, int fallback)
{
    char line[LINE_LEN_MAX];

    for (;;) {
        (void)printf("%s (%s): ", question, fallback == 1 ? "Y/n" : fallback == 0 ? "y/N" : "y/n");
        if (!line_read(line, sizeof line))
            return -1;
        if (line[0] == '\0' && fallback >= 0)
            return fallback;
        if (line[0] == 'y' || line[0] == 'Y')
            return 1;
        if (line[0] == 'n' || line[0] == 'N')
            return 0;
        (void)puts("Please type y or n.");
    }
}

static void options_print(const char *const *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)printf("  %2zu  %s\n", i + 1, options[i]);
}

int ask_choice(const char *question, const char *const *options, size_t count)
{
    char line[LINE_LEN_MAX];

    for (;;) {
        char *end = NULL;
        unsigned long number = 0;

        (void)printf("%s\n", question);
        options_print(options, count);
        (void)printf("Number (Enter: leave open): ");
        if (!line_read(line, sizeof line))
            return -1;
        if (line[0] == '\0')
            return 0;
        number = strtoul(line, &end, 10);
        if (line[0] >= '0' && line[0] <= '9' && *end == '\0' && number >= 1 && number <= count)
            return (int)number;
        (void)printf("Please type a number from 1 to %zu.\n", count);
    }
}

bool ask_many(const char *question, const char *const *options, size_t count,
              unsigned long *ret_chosen)
{
    char line[LINE_LEN_MAX];

    for (;;) {
        const char *at = line;
        unsigned long chosen = 0;
        bool good = true;

        (void)printf("%s\n", question);
        options_print(options, count);
        (void)printf("Numbers, with blanks between (Enter: leave open): ");
        if (!line_read(line, sizeof line))
            return false;
        at += strspn(at, " ,");
        while (good && *at != '\0') {
            char *end = NULL;
            unsigned long number = strtoul(at, &end, 10);

            good = *at >= '0' && *at <= '9' && number >= 1 && number <= count;
            if (good)
                chosen |= 1ul << (number - 1);
            at = end + strspn(end, " ,");
        }
        if (good) {
            *ret_chosen = chosen;
            return true;
        }
        (void)printf("Please type numbers from 1 to %zu.\n", count);
    }
}
