/* SPDX-License-Identifier: MIT
 * A sorted array and binary search: the table is read once and never changes. */
#include "nodes/disclosure/areas.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

#define CODE_LEN 9

struct area {
    char code[CODE_LEN + 1];
    char parent[CODE_LEN + 1];    /* empty: a police area, or abolished */
    char *name;                   /* into names */
    char *successors;             /* of an abolished authority, with blanks between; else NULL */
    unsigned ended;               /* its last year; 0: not known */
    unsigned since;               /* the last year in which one was merged into this */
    bool resolved;                /* of an abolished one: the two below hold */
    const struct area *authority; /* its only successor of today; NULL: split */
    const struct area *police;    /* what its successors share; NULL: nothing */
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

/* "2021-04-01" to its year, "" to 0. */
static bool ended_parse(const char *from, unsigned *ret_year)
{
    static const char pattern[] = "dddd-dd-dd";
    unsigned year = 0;

    if (from[0] != '\0' && strlen(from) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; from[i] != '\0'; i++) {
        if (pattern[i] == 'd' ? from[i] < '0' || from[i] > '9' : from[i] != '-')
            return false;
        if (i < 4)
            year = year * 10 + (unsigned)(from[i] - '0');
    }
    *ret_year = year;
    return true;
}

/* "E06000061 E06000062" */
static bool successors_are_formed(const char *from)
{
    char code[CODE_LEN + 1];
    size_t count = 0;

    do {
        if (count++ == UP_AREA_SUCCESSORS_MAX || !code_parse(from, strcspn(from, " "), code))
            return false;
        from += CODE_LEN;
    } while (*from++ == ' ');
    return true;
}

/* Cuts the field off and gives what stands behind it; NULL when it was the last. */
static char *field_cut(char *field)
{
    char *comma = strchr(field, ',');

    if (!comma)
        return NULL;
    *comma = '\0';
    return comma + 1;
}

/* One line, already NUL-terminated in place: code,parent,name or code,,name,successors,ended. */
static bool line_parse(char *line, struct area *ret_area)
{
    char *parent = field_cut(line);
    char *name = parent ? field_cut(parent) : NULL;
    char *successors = name ? field_cut(name) : NULL;
    char *ended = successors ? field_cut(successors) : NULL;
    struct area area = {.name = name, .successors = successors};

    if (!name || name[0] == '\0' || !code_parse(line, strlen(line), area.code) ||
        (parent[0] != '\0' && !code_parse(parent, strlen(parent), area.parent)))
        return false;
    if (successors && (parent[0] != '\0' || !ended || !successors_are_formed(successors) ||
                       !ended_parse(ended, &area.ended)))
        return false;
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
                                  "area table, line %u: not \"code,parent,name\", nor "
                                  "\"code,,name,successors,ended\"",
                                  number);
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
            if (!up || up->successors || steps == 2)
                return up_why_set(why, UP_MALFORMED,
                                  "area table: %s has no known parent, or too many above it",
                                  row->code);
        }
    }
    return UP_OK;
}

static enum area_kind row_kind(const struct area *row)
{
    if (row->successors)
        return AREA_LOCAL_AUTHORITY;
    if (row->parent[0] == '\0')
        return AREA_POLICE;
    if (strncmp(row->code + 1, "01", 2) == 0)
        return AREA_LSOA;
    if (strncmp(row->code + 1, "05", 2) == 0)
        return AREA_WARD;
    return AREA_LOCAL_AUTHORITY;
}

/* What all successors of one share, once each of them is resolved: row->resolved tells. */
static enum up_err successors_resolve(const struct areas *areas, struct area *row,
                                      struct up_why *why)
{
    const struct area *authority = NULL;
    const struct area *police = NULL;
    bool first = true;

    for (const char *at = row->successors;; at += CODE_LEN + 1) {
        char code[CODE_LEN + 1] = "";
        const struct area *to = NULL;
        const struct area *to_authority = NULL;
        const struct area *to_police = NULL;

        memcpy(code, at, CODE_LEN);
        to = area_find(areas, code);
        if (!to || row_kind(to) != AREA_LOCAL_AUTHORITY)
            return up_why_set(
                why, UP_MALFORMED,
                "area table: %s has the successor %s, which is no local authority in it", row->code,
                code);
        if (to->successors && !to->resolved)
            return UP_OK;
        to_authority = to->successors ? to->authority : to;
        to_police = to->successors ? to->police : area_find(areas, to->parent);
        authority = first || authority == to_authority ? to_authority : NULL;
        police = first || police == to_police ? to_police : NULL;
        first = false;
        if (at[CODE_LEN] == '\0')
            break;
    }
    row->authority = authority;
    row->police = police;
    row->resolved = true;
    return UP_OK;
}

/* Step by step from what stands today: what is not reached after UP_AREA_STEPS_MAX goes in a circle, or too far. */
static enum up_err abolished_resolve(struct areas *areas, struct up_why *why)
{
    const struct area *open = NULL;

    for (unsigned step = 0; step < UP_AREA_STEPS_MAX; step++) {
        open = NULL;
        for (size_t i = 0; i < areas->count; i++) {
            struct area *row = &areas->rows[i];

            if (!row->successors || row->resolved)
                continue;
            if (successors_resolve(areas, row, why))
                return UP_MALFORMED;
            open = row->resolved ? open : row;
        }
        if (!open)
            break;
    }
    if (open)
        return up_why_set(
            why, UP_MALFORMED,
            "area table: the successors of %s go round in a circle, or on for too long",
            open->code);
    return UP_OK;
}

/* An authority is what it is since the last one was merged into it. */
static void since_note(struct areas *areas)
{
    for (size_t i = 0; i < areas->count; i++) {
        const struct area *row = &areas->rows[i];
        struct area *to = NULL;

        if (!row->successors || !row->authority)
            continue;
        to = &areas->rows[row->authority - areas->rows];
        if (row->ended > to->since)
            to->since = row->ended;
    }
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
    if (!err)
        err = abolished_resolve(areas, why);
    if (err)
        goto out;
    since_note(areas);
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

    return row ? row_kind(row) : AREA_UNKNOWN;
}

const char *areas_climb(const struct areas *areas, const char *code, enum area_kind kind)
{
    const struct area *row = area_find(areas, code);

    if (row && row->successors)
        row = kind == AREA_POLICE ? row->police : row->authority;
    while (row && row_kind(row) != kind)
        row = row->parent[0] == '\0' ? NULL : area_find(areas, row->parent);
    return row ? row->code : NULL;
}

const char *areas_code(const struct areas *areas, size_t index)
{
    return areas && index < areas->count ? areas->rows[index].code : NULL;
}

const char *areas_name(const struct areas *areas, const char *code)
{
    const struct area *row = area_find(areas, code);

    return row ? row->name : NULL;
}

unsigned areas_since(const struct areas *areas, const char *code)
{
    const struct area *row = area_find(areas, code);

    return row ? row->since : 0;
}
