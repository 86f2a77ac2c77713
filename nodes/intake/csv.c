/* SPDX-License-Identifier: MIT
 * One pass over the bytes. A row is copied, without its quotes, into a buffer of fixed length. */
#include "nodes/intake/csv.h"

#include <stdlib.h>
#include <string.h>

#include "proto/scan.h"

struct csv {
    struct up_view text;
    size_t at;
    unsigned line;  /* of at */
    size_t columns; /* of the first row; 0 before it */
    size_t used;    /* of buffer */
    size_t count;
    bool passing; /* reads on to the end of a bad row, and keeps nothing */
    struct up_view fields[UP_CSV_COLUMNS_MAX];
    uint8_t buffer[UP_CSV_ROW_LEN_MAX];
};

enum up_err csv_new(struct up_view text, struct csv **ret_csv)
{
    struct csv *csv = calloc(1, sizeof *csv);

    if (!csv)
        return UP_NO_MEMORY;
    csv->text = text;
    csv->line = 1;
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        csv->at = 3;
    *ret_csv = csv;
    return UP_OK;
}

void csv_destroy(struct csv **csv_p)
{
    struct up_bytes all = {.data = (uint8_t *)*csv_p, .len = sizeof **csv_p};

    if (!*csv_p)
        return;
    up_bytes_wipe(&all);
    *csv_p = NULL;
}

static int peek(const struct csv *csv)
{
    return csv->at < csv->text.len ? csv->text.data[csv->at] : -1;
}

/* Length of the line end at the reader's place: 0 when there is none. */
static size_t line_end(const struct csv *csv)
{
    if (peek(csv) == '\n')
        return 1;
    if (peek(csv) == '\r' && csv->at + 1 < csv->text.len && csv->text.data[csv->at + 1] == '\n')
        return 2;
    return 0;
}

static enum up_err put(struct csv *csv, int byte, struct up_why *why)
{
    if (csv->passing)
        return UP_OK;
    if (csv->used == sizeof csv->buffer)
        return up_why_set(why, UP_TOO_LARGE, "the row is longer than %u bytes", UP_CSV_ROW_LEN_MAX);
    csv->buffer[csv->used++] = (uint8_t)byte;
    return UP_OK;
}

static enum up_err field_quoted(struct csv *csv, struct up_why *why)
{
    enum up_err err = UP_OK;

    csv->at++;
    while (!err) {
        int byte = peek(csv);

        if (byte < 0)
            return up_why_set(why, UP_MALFORMED, "a quote that is never closed");
        csv->at++;
        if (byte == '\n')
            csv->line++;
        if (byte == '"') {
            if (peek(csv) != '"')
                break;
            csv->at++;
        }
        err = put(csv, byte, why);
    }
    if (!err && peek(csv) >= 0 && peek(csv) != ',' && line_end(csv) == 0)
        err = up_why_set(why, UP_MALFORMED, "something follows a closing quote");
    return err;
}

static enum up_err field_plain(struct csv *csv, struct up_why *why)
{
    enum up_err err = UP_OK;

    while (!err && peek(csv) >= 0 && peek(csv) != ',' && line_end(csv) == 0) {
        int byte = peek(csv);

        if (byte == '"')
            return up_why_set(why, UP_MALFORMED, "a quote inside a field that begins with none");
        if (byte == '\r')
            return up_why_set(why, UP_MALFORMED, "a carriage return inside a field");
        csv->at++;
        err = put(csv, byte, why);
    }
    return err;
}

static enum up_err field_read(struct csv *csv, struct up_why *why)
{
    size_t from = csv->used;
    struct up_view field = {0};
    enum up_err err = UP_OK;

    if (csv->passing)
        return peek(csv) == '"' ? field_quoted(csv, why) : field_plain(csv, why);
    if (csv->count == UP_CSV_COLUMNS_MAX)
        return up_why_set(why, UP_TOO_LARGE, "more than %u fields", UP_CSV_COLUMNS_MAX);
    err = peek(csv) == '"' ? field_quoted(csv, why) : field_plain(csv, why);
    if (err)
        return err;
    field = up_view_of(csv->buffer + from, csv->used - from);
    if (!scan_text(field))
        return up_why_set(why, UP_BAD_TEXT, "%s", up_err_text(UP_BAD_TEXT));
    csv->fields[csv->count++] = field;
    return UP_OK;
}

static enum up_err row_read(struct csv *csv, struct up_why *why)
{
    csv->used = 0;
    csv->count = 0;
    for (;;) {
        enum up_err err = field_read(csv, why);
        size_t end = 0;

        if (err)
            return err;
        if (peek(csv) == ',') {
            csv->at++;
            continue;
        }
        end = line_end(csv);
        csv->at += end;
        csv->line += end > 0;
        return UP_OK;
    }
}

/* After a bad row: behind it, when its quotes tell where it ends; what stands on the lines inside a
 * quote is never taken for rows. Else to the line after the one on which it began: a quote that was
 * never closed must not take the rest of the file with it. */
static void resume(struct csv *csv, size_t start, unsigned line)
{
    const uint8_t *end = memchr(csv->text.data + start, '\n', csv->text.len - start);
    enum up_err err = UP_OK;

    csv->at = start;
    csv->line = line;
    csv->passing = true;
    err = row_read(csv, NULL);
    csv->passing = false;
    if (!err)
        return;
    csv->at = end ? (size_t)(end - csv->text.data) + 1 : csv->text.len;
    csv->line = line + 1;
}

enum up_err csv_next(struct csv *csv, struct csv_row *ret_row, struct up_why *why)
{
    struct csv_row row = {0};
    size_t start = 0;
    enum up_err err = UP_OK;

    while (line_end(csv) > 0) {
        csv->at += line_end(csv);
        csv->line++;
    }
    if (peek(csv) < 0)
        return UP_NOT_FOUND;
    start = csv->at;
    row.line = csv->line;
    err = row_read(csv, why);
    if (err)
        resume(csv, start, row.line);
    else if (csv->columns == 0)
        csv->columns = csv->count;
    else if (csv->count != csv->columns)
        err = up_why_set(why, UP_MALFORMED, "%zu fields, but the heading has %zu", csv->count,
                         csv->columns);
    row.raw = up_view_of(csv->text.data + start, csv->at - start);
    if (!err) {
        row.count = csv->count;
        row.fields = csv->fields;
    }
    *ret_row = row;
    return err;
}
