/* SPDX-License-Identifier: MIT
 * A sorted array and binary search: the table is read once and never changes. */
#include "nodes/disclosure/areas.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

#define CODE_LEN 9

struct area {
    char code[CODE_LEN + 1];
    char parent[CODE_LEN + 1]; /* empty: a police area */
    char *name;                /* into names */
};

struct areas {
    struct area *rows;
    size_t count;
    char *names; /* the whole text, cut by NULs */
};

static int area_compare(const void *a, const void *b)
{
    return strcmp(((const struct area *)a)->code, ((const struct area *)b)->code);
}

static const struct area *area_find(const struct areas *areas, const char *code)
{
    struct area key = {.code = ""};
    size_t len = code ? strlen(code) : 0;

    if (!areas || len != CODE_LEN || areas->count == 0)
        return NULL;
    memcpy(key.code, code, CODE_LEN + 1);
    return bsearch(&key, areas->rows, areas->count, sizeof *areas->rows, area_compare);
}

static bool code_parse(const char *from, size_t len, char ret_code[static CODE_LEN + 1])
{
    if (len != CODE_LEN || !strchr("EWSN", from[0]) || from[0] == '\0')
        return false;
    for (size_t i = 1; i < CODE_LEN; i++) {
        if (from[i] < '0' || from[i] > '9')
            return false;
    }
    memcpy(ret_code, from, CODE_LEN);
    ret_code[CODE_LEN] = '\0';
    return true;
}

/* One line, already NUL-terminated in place: code,parent,name. */
static bool line_parse(char *line, struct area *ret_area)
{
    char *comma = strchr(line, ',');
    char *second = comma ? strchr(comma + 1, ',') : NULL;
    struct area area = {.parent = ""};

    if (!second || second[1] == '\0' || !code_parse(line, (size_t)(comma - line), area.code))
        return false;
    if (second != comma + 1 && !code_parse(comma + 1, (size_t)(second - comma - 1), area.parent))
        return false;
    area.name = second + 1;
    *ret_area = area;
    return true;
}

static enum up_err lines_parse(struct areas *areas, size_t row_max, struct up_why *why)
{
    char *line = areas->names;
    unsigned number = 0;

    while (*line != '\0') {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';

        number++;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (*line != '\0' && *line != '#') {
            if (areas->count == row_max)
                return up_why_set(why, UP_TOO_LARGE, "area table: more than %zu rows", row_max);
            if (!line_parse(line, &areas->rows[areas->count]))
                return up_why_set(why, UP_MALFORMED,
                                  "area table, line %u: not \"code,parent,name\"", number);
            areas->count++;
        }
        if (last)
            break;
        line = end + 1;
    }
    return UP_OK;
}

/* Every code once, every parent known, and no chain longer than LSOA or ward, authority, police area. */
static enum up_err rows_check(const struct areas *areas, struct up_why *why)
{
    for (size_t i = 0; i < areas->count; i++) {
        const struct area *row = &areas->rows[i];
        unsigned steps = 0;

        if (i > 0 && strcmp(row->code, areas->rows[i - 1].code) == 0)
            return up_why_set(why, UP_MALFORMED, "area table: %s stands there twice", row->code);
        for (const struct area *up = row; up->parent[0] != '\0'; steps++) {
            up = area_find(areas, up->parent);
            if (!up || steps == 2)
                return up_why_set(why, UP_MALFORMED,
                                  "area table: %s has no known parent, or too many above it",
                                  row->code);
        }
    }
    return UP_OK;
}

enum up_err areas_parse(struct up_view text, struct areas **ret_areas, struct up_why *why)
{
    enum up_err err = UP_OK;
    size_t lines = 1;
    struct areas *areas = calloc(1, sizeof *areas);

    if (!areas)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0') {
            err = up_why_set(why, UP_MALFORMED, "area table: holds a NUL");
            goto out;
        }
        lines += text.data[i] == '\n';
    }
    if (lines > UP_AREAS_MAX)
        lines = UP_AREAS_MAX;
    areas->rows = calloc(lines, sizeof *areas->rows);
    areas->names = malloc(text.len + 1);
    if (!areas->rows || !areas->names) {
        err = UP_NO_MEMORY;
        goto out;
    }
    if (text.len > 0)
        memcpy(areas->names, text.data, text.len);
    areas->names[text.len] = '\0';
    err = lines_parse(areas, lines, why);
    if (err)
        goto out;
    qsort(areas->rows, areas->count, sizeof *areas->rows, area_compare);
    err = rows_check(areas, why);
    if (err)
        goto out;
    *ret_areas = areas;
    areas = NULL;
out:
    areas_destroy(&areas);
    return err;
}

void areas_destroy(struct areas **areas_p)
{
    struct areas *areas = *areas_p;

    if (!areas)
        return;
    free(areas->rows);
    free(areas->names);
    free(areas);
    *areas_p = NULL;
}

enum area_kind areas_kind(const struct areas *areas, const char *code)
{
    const struct area *row = area_find(areas, code);

    if (!row)
        return AREA_UNKNOWN;
    if (row->parent[0] == '\0')
        return AREA_POLICE;
    if (strncmp(row->code + 1, "01", 2) == 0)
        return AREA_LSOA;
    if (strncmp(row->code + 1, "05", 2) == 0)
        return AREA_WARD;
    return AREA_LOCAL_AUTHORITY;
}

const char *areas_climb(const struct areas *areas, const char *code, enum area_kind kind)
{
    const struct area *row = area_find(areas, code);

    while (row && areas_kind(areas, row->code) != kind)
        row = row->parent[0] == '\0' ? NULL : area_find(areas, row->parent);
    return row ? row->code : NULL;
}

const char *areas_name(const struct areas *areas, const char *code)
{
    const struct area *row = area_find(areas, code);

    return row ? row->name : NULL;
}
