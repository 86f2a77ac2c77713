/* SPDX-License-Identifier: MIT */
#include "nodes/cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "nodes/cli/print.h"

struct table {
    const char *const *headings;
    size_t columns;
    char *text; /* cells one after another, row by row, each with its NUL */
    size_t text_len;
    size_t text_room;
    size_t rows;
    size_t widths[TABLE_COLUMNS_MAX];
};

enum up_err table_new(const char *const *headings, size_t columns, struct table **ret_table)
{
    struct table *table = calloc(1, sizeof *table);

    up_assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    if (!table)
        return UP_NO_MEMORY;
    table->headings = headings;
    table->columns = columns;
    for (size_t i = 0; i < columns; i++)
        table->widths[i] = print_width(headings[i]);
    *ret_table = table;
    return UP_OK;
}

void table_destroy(struct table **table_p)
{
    struct table *table = *table_p;

    if (!table)
        return;
    free(table->text);
    free(table);
    *table_p = NULL;
}

enum up_err table_add(struct table *table, const char *const *cells)
{
    size_t need = table->text_len;

    if (table->rows == TABLE_ROWS_MAX)
        return UP_TOO_LARGE;
    for (size_t i = 0; i < table->columns; i++)
        need += strlen(cells[i]) + 1;
    if (need > table->text_room) {
        char *grown = realloc(table->text, need * 2);

        if (!grown)
            return UP_NO_MEMORY;
        table->text = grown;
        table->text_room = need * 2;
    }
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = print_width(cells[i]);
        size_t size = strlen(cells[i]) + 1;

        memcpy(table->text + table->text_len, cells[i], size);
        table->text_len += size;
        if (width > table->widths[i])
            table->widths[i] = width;
    }
    table->rows++;
    return UP_OK;
}

static void row_print(const struct table *table, const char *const *cells, FILE *out)
{
    size_t last = table->columns;

    while (last > 1 && cells[last - 1][0] == '\0') /* no blanks at the end of a line */
        last--;
    for (size_t i = 0; i < last; i++) {
        char flat[2048];
        size_t width = print_width(cells[i]);

        (void)snprintf(flat, sizeof flat, "%s", cells[i]);
        for (char *at = flat; *at != '\0'; at++) {
            if (*at == '\n' || *at == '\r')
                *at = ' ';
        }
        print_safe(out, flat, 0);
        if (i + 1 < last)
            (void)fprintf(out, "%*s", (int)(table->widths[i] - width + 2), "");
    }
    (void)fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
    const char *at = table->text;

    row_print(table, table->headings, out);
    for (size_t i = 0; i < table->columns; i++) {
        for (size_t j = 0; j < table->widths[i]; j++)
            (void)fputc('-', out);
        (void)fputs(i + 1 < table->columns ? "  " : "\n", out);
    }
    for (size_t i = 0; i < table->rows; i++) {
        const char *cells[TABLE_COLUMNS_MAX] = {0};

        for (size_t j = 0; j < table->columns; j++) {
            cells[j] = at;
            at += strlen(at) + 1;
        }
        row_print(table, cells, out);
    }
}
