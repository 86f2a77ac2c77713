/* SPDX-License-Identifier: MIT */
#include "nodes/cli/wordiff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/cli/print.h"

enum {
    /* Words of both texts multiplied, after what is equal at both ends: beyond that all between counts as changed. A
     * quarter of a byte each. */
    CELLS_MAX = 64 << 20
};

struct words {
    const char **begin;
    size_t *len;
    size_t count;
};

static void words_clear(struct words *words)
{
    free(words->begin);
    free(words->len);
}

/* What stands between blanks. */
static enum up_err words_read(const char *text, struct words *ret_words)
{
    struct words words = {0};
    size_t most = strlen(text) / 2 + 1;

    words.begin = calloc(most, sizeof *words.begin);
    words.len = calloc(most, sizeof *words.len);
    if (!words.begin || !words.len) {
        words_clear(&words);
        return UP_NO_MEMORY;
    }
    for (text += strspn(text, " \t\r\n"); *text != '\0'; text += strspn(text, " \t\r\n")) {
        words.begin[words.count] = text;
        words.len[words.count] = strcspn(text, " \t\r\n");
        text += words.len[words.count++];
    }
    *ret_words = words;
    return UP_OK;
}

static bool is_same(const struct words *a, size_t i, const struct words *b, size_t j)
{
    return a->len[i] == b->len[j] && memcmp(a->begin[i], b->begin[j], a->len[i]) == 0;
}

/* Which way the longest common subsequence goes from each pair of places, two bits each. */
enum way { WAY_SAME = 1, WAY_TAKEN_OUT, WAY_PUT_IN };
struct ways {
    uint8_t *bits;
    size_t columns;
};

static void way_put(struct ways *ways, size_t i, size_t j, enum way way)
{
    size_t cell = i * ways->columns + j;

    ways->bits[cell / 4] |= (uint8_t)((unsigned)way << (cell % 4 * 2));
}

static enum way way_at(const struct ways *ways, size_t i, size_t j)
{
    size_t cell = i * ways->columns + j;

    return (enum way)(ways->bits[cell / 4] >> (cell % 4 * 2) & 3);
}

/* From the end to the beginning, so that it is read forwards. */
static enum up_err ways_find(const struct words *a, const struct words *b, size_t same,
                             struct ways *ways)
{
    size_t rows = a->count - same;
    size_t columns = b->count - same;
    uint32_t *below = calloc(2 * (columns + 1), sizeof *below);
    uint32_t *here = below ? below + columns + 1 : NULL;

    ways->columns = columns;
    ways->bits = calloc(rows * columns / 4 + 1, 1);
    if (!below || !ways->bits) {
        free(below);
        return UP_NO_MEMORY;
    }
    for (size_t i = rows; i-- > 0;) {
        here[columns] = 0;
        for (size_t j = columns; j-- > 0;) {
            if (is_same(a, same + i, b, same + j)) {
                here[j] = below[j + 1] + 1;
                way_put(ways, i, j, WAY_SAME);
            } else if (below[j] >= here[j + 1]) {
                here[j] = below[j];
                way_put(ways, i, j, WAY_TAKEN_OUT);
            } else {
                here[j] = here[j + 1];
                way_put(ways, i, j, WAY_PUT_IN);
            }
        }
        memcpy(below, here, (columns + 1) * sizeof *below);
    }
    free(below);
    return UP_OK;
}

struct printer {
    FILE *out;
    bool colour;
    enum way way; /* of the last word; 0: none yet */
};

static const char *opening(const struct printer *printer, enum way way)
{
    if (way == WAY_TAKEN_OUT)
        return printer->colour ? "\033[31m[-" : "[-";
    return way == WAY_PUT_IN ? (printer->colour ? "\033[32m{+" : "{+") : "";
}

static const char *closing(const struct printer *printer, enum way way)
{
    if (way == WAY_TAKEN_OUT)
        return printer->colour ? "-]\033[0m" : "-]";
    return way == WAY_PUT_IN ? (printer->colour ? "+}\033[0m" : "+}") : "";
}

/* What stands before the word: its own line breaks, unless it was taken out. */
static void gap_print(struct printer *printer, const char *word, const char *text, enum way way)
{
    const char *gap = word;
    bool breaks = false;

    while (gap > text && strchr(" \t\r\n", gap[-1]))
        gap--;
    for (; gap < word && way != WAY_TAKEN_OUT; gap++) {
        if (*gap == '\n')
            (void)fputc('\n', printer->out);
        breaks |= *gap == '\n';
    }
    if (!breaks && printer->way != 0)
        (void)fputc(' ', printer->out);
}

static enum up_err word_print(struct printer *printer, const char *text, const struct words *words,
                              size_t at, enum way way)
{
    char *copy = calloc(words->len[at] + 1, 1);

    if (!copy)
        return UP_NO_MEMORY;
    memcpy(copy, words->begin[at], words->len[at]);
    if (way != printer->way)
        (void)fputs(closing(printer, printer->way), printer->out);
    gap_print(printer, words->begin[at], text, way);
    if (way != printer->way)
        (void)fputs(opening(printer, way), printer->out);
    print_safe(printer->out, copy, 0);
    printer->way = way;
    free(copy);
    return UP_OK;
}

enum up_err wordiff_print(FILE *out, const char *before, const char *after, bool colour)
{
    struct printer printer = {.out = out, .colour = colour};
    struct words a = {0};
    struct words b = {0};
    struct ways ways = {0};
    size_t same = 0;
    size_t tail = 0;
    size_t i = 0;
    size_t j = 0;
    enum up_err err = words_read(before, &a);

    if (!err)
        err = words_read(after, &b);
    if (err)
        goto out;
    while (same < a.count && same < b.count && is_same(&a, same, &b, same))
        same++;
    while (tail < a.count - same && tail < b.count - same &&
           is_same(&a, a.count - 1 - tail, &b, b.count - 1 - tail))
        tail++;
    a.count -= tail;
    b.count -= tail;
    if (b.count == same || (a.count - same) <= CELLS_MAX / (b.count - same))
        err = ways_find(&a, &b, same, &ways);
    while (!err && (i < a.count || j < b.count + tail)) {
        enum way way = WAY_SAME;

        if (i >= same && i < a.count)
            way = j < b.count && ways.bits ? way_at(&ways, i - same, j - same) : WAY_TAKEN_OUT;
        else if (i >= same && j < b.count)
            way = WAY_PUT_IN;
        if (way == WAY_TAKEN_OUT)
            err = word_print(&printer, before, &a, i, way);
        else
            err = word_print(&printer, after, &b, j, way);
        i += way != WAY_PUT_IN && i < a.count;
        j += way != WAY_TAKEN_OUT;
    }
    (void)fprintf(out, "%s\n", closing(&printer, printer.way));
out:
    free(ways.bits);
    words_clear(&a);
    words_clear(&b);
    return err;
}
