/* SPDX-License-Identifier: MIT
 * A sorted array for each list. What the schema has as an enum is checked against its descriptor. */
#include "nodes/disclosure/codes.h"

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>
#include <string.h>

#include "incident.pb-c.h"
#include "upstander/limits.h"

enum { FIELDS = 7 };

struct list {
    struct code *rows; /* by code */
    size_t count;
    char *text; /* the whole file, cut by NULs */
};

struct codes {
    struct list lists[CODES_LIST_COUNT];
};

static const struct {
    const char *file;
    const ProtobufCEnumDescriptor *values; /* NULL: text in the schema */
} kinds[CODES_LIST_COUNT] = {
    [CODES_STRANDS] = {"strands.csv", &up__strand__code__descriptor},
    [CODES_INCIDENT_TYPES] = {"incident-types.csv", &up__incident_type__code__descriptor},
    [CODES_PLACE_KINDS] = {"place-kinds.csv", &up__place_kind__code__descriptor},
    [CODES_CHANNELS] = {"channels.csv", &up__channel__code__descriptor},
    [CODES_REPORTER_ROLES] = {"reporter-roles.csv", &up__reporter_role__code__descriptor},
    [CODES_VICTIM_KINDS] = {"victim-kinds.csv", &up__victim_kind__code__descriptor},
    [CODES_ETHNICITIES] = {"ethnicities.csv", &up__ethnicity__code__descriptor},
    [CODES_CLASSIFICATIONS] = {"police-classifications.csv", NULL},
    [CODES_OUTCOMES] = {"outcomes.csv", NULL},
    [CODES_LAWFUL_BASES] = {"lawful-bases.csv", NULL},
    [CODES_SPECIAL_CONDITIONS] = {"special-conditions.csv", NULL},
};

const char *codes_file(enum codes_list list)
{
    return kinds[list].file;
}

static int code_compare(const void *a, const void *b)
{
    return strcmp(((const struct code *)a)->code, ((const struct code *)b)->code);
}

static const struct code *row_find(const struct list *list, const char *code)
{
    struct code key = {.code = code};

    if (list->count == 0)
        return NULL;
    return bsearch(&key, list->rows, list->count, sizeof *list->rows, code_compare);
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static bool code_is_formed(const char *code)
{
    size_t len = strlen(code);

    for (size_t i = 0; i < len; i++) {
        bool letter = (code[i] >= 'a' && code[i] <= 'z') || (code[i] >= 'A' && code[i] <= 'Z');

        if (!letter && (code[i] < '0' || code[i] > '9') && code[i] != '-' && code[i] != '_')
            return false;
    }
    return len > 0 && len <= UP_CODE_LEN_MAX;
}

static bool version_parse(const char *from, unsigned *ret_version)
{
    unsigned version = 0;

    for (size_t i = 0; from[i] != '\0'; i++) {
        if (from[i] < '0' || from[i] > '9' || i == 6)
            return false;
        version = version * 10 + (unsigned)(from[i] - '0');
    }
    *ret_version = version;
    return version > 0;
}

static bool day_is_formed(const char *day)
{
    static const char pattern[] = "dddd-dd-dd";

    if (day[0] == '\0')
        return true;
    if (strlen(day) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        if (pattern[i] == 'd' ? day[i] < '0' || day[i] > '9' : day[i] != '-')
            return false;
    }
    return true;
}

/* One line, already NUL-terminated in place. NULL when it is well formed, else what is wrong. */
static const char *line_parse(char *line, struct code *ret_row)
{
    char *fields[FIELDS] = {line};
    struct code row = {.version = 0};

    for (size_t i = 1; i < FIELDS; i++) {
        char *comma = strchr(fields[i - 1], ',');

        if (!comma)
            return "not \"version,code,name,valid from,valid to,successor,plain text\"";
        *comma = '\0';
        fields[i] = comma + 1;
    }
    row.code = fields[1];
    row.name = fields[2];
    row.valid_from = fields[3];
    row.valid_to = fields[4];
    row.successor = fields[5];
    row.plain = fields[6];
    if (!version_parse(fields[0], &row.version))
        return "the version is no number from 1 to 999999";
    if (!code_is_formed(row.code))
        return "a code is 1 to 64 letters, digits, - and _";
    if (row.name[0] == '\0')
        return "the name is missing";
    if (!day_is_formed(row.valid_from) || !day_is_formed(row.valid_to))
        return "a day is written 2026-11-03";
    *ret_row = row;
    return NULL;
}

static enum up_err lines_parse(struct list *list, const char *file, struct up_why *why)
{
    char *line = list->text;
    unsigned number = 0;

    while (*line != '\0') {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        const char *fault = NULL;

        number++;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (*line != '\0' && *line != '#') {
            if (list->count == UP_CODES_MAX)
                return up_why_set(why, UP_TOO_LARGE, "%s: more than %u codes", file, UP_CODES_MAX);
            fault = line_parse(line, &list->rows[list->count]);
            if (fault)
                return up_why_set(why, UP_MALFORMED, "%s, line %u: %s", file, number, fault);
            list->count++;
        }
        if (last)
            break;
        line = end + 1;
    }
    return UP_OK;
}

/* Every code once; every successor known; from each a way that ends. */
static enum up_err rows_check(const struct list *list, const char *file, struct up_why *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct code *row = &list->rows[i];
        const struct code *at = row;
        size_t steps = 0;

        if (i > 0 && strcmp(row->code, list->rows[i - 1].code) == 0)
            return up_why_set(why, UP_MALFORMED, "%s: %s stands there twice", file, row->code);
        while (at && at->successor[0] != '\0' && steps++ <= list->count)
            at = row_find(list, at->successor);
        if (!at || at->successor[0] != '\0')
            return up_why_set(why, UP_MALFORMED,
                              "%s: %s has a successor that is not there, or that leads back to it",
                              file, row->code);
    }
    return UP_OK;
}

enum up_err codes_new(struct codes **ret_codes)
{
    struct codes *codes = calloc(1, sizeof *codes);

    if (!codes)
        return UP_NO_MEMORY;
    *ret_codes = codes;
    return UP_OK;
}

static void list_clear(struct list *list)
{
    free(list->rows);
    free(list->text);
    *list = (struct list){.count = 0};
}

enum up_err codes_add(struct codes *codes, enum codes_list list, struct up_view text,
                      struct up_why *why)
{
    const char *file = kinds[list].file;
    struct list made = {.count = 0};
    enum up_err err = UP_OK;

    if (codes->lists[list].text)
        return up_why_set(why, UP_DUPLICATE, "%s: given twice", file);
    if (text.len > UP_CODES_LEN_MAX)
        return up_why_set(why, UP_TOO_LARGE, "%s: larger than %u bytes", file, UP_CODES_LEN_MAX);
    if (text.len > 0 && memchr(text.data, '\0', text.len))
        return up_why_set(why, UP_MALFORMED, "%s: holds a NUL", file);
    made.rows = calloc(UP_CODES_MAX, sizeof *made.rows);
    made.text = malloc(text.len + 1);
    if (!made.rows || !made.text) {
        err = UP_NO_MEMORY;
        goto out;
    }
    if (text.len > 0)
        memcpy(made.text, text.data, text.len);
    made.text[text.len] = '\0';
    err = lines_parse(&made, file, why);
    if (err)
        goto out;
    qsort(made.rows, made.count, sizeof *made.rows, code_compare);
    err = rows_check(&made, file, why);
    if (err)
        goto out;
    codes->lists[list] = made;
    made = (struct list){.count = 0};
out:
    list_clear(&made);
    return err;
}

enum up_err codes_check(const struct codes *codes, struct up_why *why)
{
    for (int i = 0; i < CODES_LIST_COUNT; i++) {
        const struct list *list = &codes->lists[i];
        const ProtobufCEnumDescriptor *values = kinds[i].values;

        if (list->count == 0)
            return up_why_set(why, UP_INVALID, "%s: holds no code", kinds[i].file);
        /* value 0 is "not stated" */
        for (unsigned j = 0; values && j < values->n_values; j++) {
            if (values->values[j].value != 0 && !row_find(list, values->values[j].name))
                return up_why_set(why, UP_INVALID, "%s: %s is missing", kinds[i].file,
                                  values->values[j].name);
        }
        for (size_t j = 0; values && j < list->count; j++) {
            if (!protobuf_c_enum_descriptor_get_value_by_name(values, list->rows[j].code))
                return up_why_set(why, UP_INVALID, "%s: this program does not know %s",
                                  kinds[i].file, list->rows[j].code);
        }
    }
    return UP_OK;
}

void codes_destroy(struct codes **codes_p)
{
    struct codes *codes = *codes_p;

    if (!codes)
        return;
    for (int i = 0; i < CODES_LIST_COUNT; i++)
        list_clear(&codes->lists[i]);
    free(codes);
    *codes_p = NULL;
}

/* --- asking ----------------------------------------------------------------------------------------------- */

unsigned codes_version(const struct codes *codes)
{
    unsigned version = 0;

    for (int i = 0; codes && i < CODES_LIST_COUNT; i++) {
        for (size_t j = 0; j < codes->lists[i].count; j++) {
            if (codes->lists[i].rows[j].version > version)
                version = codes->lists[i].rows[j].version;
        }
    }
    return version;
}

const struct code *codes_find(const struct codes *codes, enum codes_list list, const char *code)
{
    return codes ? row_find(&codes->lists[list], code) : NULL;
}

bool codes_is_valid(const struct code *code, const char *day)
{
    return (code->valid_from[0] == '\0' || strcmp(code->valid_from, day) <= 0) &&
           (code->valid_to[0] == '\0' || strcmp(day, code->valid_to) <= 0);
}

/* Letters to put in, leave out or change; of longer texts only the beginning counts. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[UP_CODE_LEN_MAX + 1];
    size_t a_len = strlen(a) < UP_CODE_LEN_MAX ? strlen(a) : UP_CODE_LEN_MAX;
    size_t b_len = strlen(b) < UP_CODE_LEN_MAX ? strlen(b) : UP_CODE_LEN_MAX;

    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned less = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < less ? change : less;
        }
    }
    return row[b_len];
}

size_t codes_near(const struct codes *codes, enum codes_list list, const char *text,
                  const char *day, const char *ret_near[static CODES_NEAR_MAX])
{
    unsigned distances[CODES_NEAR_MAX];
    size_t count = 0;

    for (size_t i = 0; codes && i < codes->lists[list].count; i++) {
        const struct code *row = &codes->lists[list].rows[i];
        unsigned far = distance(text, row->code);
        size_t at = count < CODES_NEAR_MAX ? count : CODES_NEAR_MAX - 1;

        if (!codes_is_valid(row, day) || (count == CODES_NEAR_MAX && far >= distances[at]))
            continue;
        for (; at > 0 && far < distances[at - 1]; at--) {
            distances[at] = distances[at - 1];
            ret_near[at] = ret_near[at - 1];
        }
        distances[at] = far;
        ret_near[at] = row->code;
        count += count < CODES_NEAR_MAX;
    }
    return count;
}
