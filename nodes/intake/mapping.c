/* SPDX-License-Identifier: MIT
 * A row through the rules, in the order of the file. */
#include "nodes/intake/mapping.h"

#include <stdio.h>
#include <string.h>

#include "nodes/intake/mapping_private.h"

struct job {
    const struct csv_row *row;
    struct arena *arena;
    Up__Report *report;
    struct mapping_fault fault;
};

void mapping_destroy(struct mapping **mapping_p)
{
    struct arena *arena = NULL;

    if (!*mapping_p)
        return;
    arena = (*mapping_p)->arena;
    arena_destroy(&arena);
    *mapping_p = NULL;
}

static struct up_view trimmed(struct up_view text)
{
    static const char blanks[] = {' ', '\t', '\r', '\n'};

    while (text.len > 0 && memchr(blanks, text.data[0], sizeof blanks)) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && memchr(blanks, text.data[text.len - 1], sizeof blanks))
        text.len--;
    return text;
}

static bool equals(struct up_view text, const char *value)
{
    return strlen(value) == text.len && (text.len == 0 || memcmp(text.data, value, text.len) == 0);
}

static bool contains(struct up_view text, const char *value)
{
    size_t len = strlen(value);

    for (size_t i = 0; len > 0 && i + len <= text.len; i++) {
        if (memcmp(text.data + i, value, len) == 0)
            return true;
    }
    return false;
}

enum up_err mapping_bind(struct mapping *mapping, const struct csv_row *heading, struct up_why *why)
{
    for (struct rule *rule = mapping->rules; rule; rule = rule->next) {
        for (size_t i = 0; i < rule->column_count; i++) {
            size_t found = 0;

            for (size_t j = 0; j < heading->count; j++) {
                if (!equals(trimmed(heading->fields[j]), rule->columns[i].name))
                    continue;
                rule->columns[i].index = j;
                found++;
            }
            if (found != 1)
                return up_why_set(why, UP_INVALID, "the heading has %s column \"%.64s\"",
                                  found == 0 ? "no" : "more than one", rule->columns[i].name);
        }
    }
    return UP_OK;
}

static struct up_view cell(const struct job *job, const struct rule *rule, size_t index)
{
    return trimmed(job->row->fields[rule->columns[index].index]);
}

static enum up_err bad(struct job *job, const struct rule *rule, const char *reason)
{
    job->fault = (struct mapping_fault){
        .column = rule->column_count > 0 ? rule->columns[0].name : "", .reason = reason};
    return UP_INVALID;
}

static bool is_among(struct up_view text, const struct rule *rule)
{
    for (size_t i = 0; i < rule->value_count; i++) {
        if (equals(text, rule->values[i]))
            return true;
    }
    return false;
}

/* An empty cell says nothing: it holds only where "" itself is asked for. */
static bool holds(struct up_view text, const struct rule *rule)
{
    switch (rule->condition) {
    case CONDITION_UNLESS:
        return text.len > 0 && !is_among(text, rule);
    case CONDITION_IS:
        return is_among(text, rule);
    case CONDITION_CONTAINS:
        for (size_t i = 0; i < rule->value_count; i++) {
            if (contains(text, rule->values[i]))
                return true;
        }
        return false;
    case CONDITION_OTHERWISE:
        break;
    }
    return false;
}

static enum up_err put(struct job *job, const struct rule *rule, struct up_view text)
{
    enum up_err err = mapping_field_put(&rule->field, text, job->arena, &job->report->base);

    return err == UP_INVALID ? bad(job, rule, "none of the values that the field can have") : err;
}

static enum up_err put_text(struct job *job, const struct rule *rule, const char *text)
{
    return put(job, rule, up_view_of(text, strlen(text)));
}

/* FNV-1a, 64 bits: the same area for the same text on every machine. */
static uint64_t hash(struct up_view text)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ text.data[i]) * 1099511628211u;
    return sum;
}

static enum up_err apply_hash(struct job *job, const struct rule *rule)
{
    struct up_view text = cell(job, rule, 0);

    if (text.len == 0)
        return bad(job, rule, "empty");
    return put_text(job, rule, rule->values[hash(text) % rule->value_count]);
}

/* Date by its pattern of Y, M and D; true when it is a day of the calendar. */
static bool date_read(struct up_view text, const char *pattern, char ret_date[static 11])
{
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = 0, month = 0, day = 0;

    if (strlen(pattern) != text.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned *part = pattern[i] == 'Y'   ? &year
                         : pattern[i] == 'M' ? &month
                         : pattern[i] == 'D' ? &day
                                             : NULL;

        if (!part && text.data[i] != (uint8_t)pattern[i])
            return false;
        if (part && (text.data[i] < '0' || text.data[i] > '9'))
            return false;
        if (part)
            *part = *part * 10 + (text.data[i] - (unsigned)'0');
    }
    if (year < 1900 || year > 2199 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return false;
    (void)snprintf(ret_date, 11, "%04u-%02u-%02u", year % 10000, month % 100, day % 100);
    return true;
}

/* "1757", "127" (01:27), "0" (midnight: its leading noughts were lost in a spreadsheet), "17:57". */
static bool clock_read(struct up_view text, char ret_clock[static 6])
{
    unsigned number = 0;
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ':' && i > 0 && i + 3 == text.len)
            continue;
        if (text.data[i] < '0' || text.data[i] > '9' || ++digits > 4)
            return false;
        number = number * 10 + (text.data[i] - (unsigned)'0');
    }
    if (digits == 0 || number / 100 > 23 || number % 100 > 59)
        return false;
    (void)snprintf(ret_clock, 6, "%02u:%02u", number / 100, number % 100);
    return true;
}

static enum up_err apply_time(struct job *job, const struct rule *rule)
{
    struct up_view date = cell(job, rule, 0);
    struct up_view clock = {0};
    char text[17] = "";

    if (date.len == 0)
        return UP_OK;
    if (!date_read(date, rule->text, text))
        return bad(job, rule, "not a date of the form that the mapping says");
    if (rule->column_count > 1)
        clock = cell(job, rule, 1);
    if (clock.len > 0) {
        if (!clock_read(clock, text + 11)) {
            (void)bad(job, rule, "not a time of day such as 1425");
            job->fault.column = rule->columns[1].name;
            return UP_INVALID;
        }
        text[10] = 'T';
    }
    return put_text(job, rule, text);
}

static const struct entry *entry_find(const struct entry *entries, struct up_view text)
{
    for (const struct entry *entry = entries; entry; entry = entry->next) {
        if (!entry->range && (!entry->key || equals(text, entry->key)))
            return entry;
    }
    return NULL;
}

static enum up_err apply_look(struct job *job, const struct rule *rule)
{
    const struct entry *entry = entry_find(rule->entries, cell(job, rule, 0));

    if (!entry || !entry->value)
        return bad(job, rule, "a value that the mapping's table does not list");
    return entry->value[0] == '\0' ? UP_OK : put_text(job, rule, entry->value);
}

static enum up_err strand_add(struct job *job, const struct rule *rule, struct up_view detail)
{
    Up__Incident *incident = job->report->incident;
    Up__Strand **grown = arena_alloc(job->arena, (incident->n_strands + 1) * sizeof(void *));
    Up__Strand *strand = arena_alloc(job->arena, sizeof *strand);

    if (!grown || !strand)
        return UP_NO_MEMORY;
    if (incident->n_strands > 0)
        memcpy(grown, incident->strands, incident->n_strands * sizeof(void *));
    up__strand__init(strand);
    strand->code = rule->code;
    if (detail.len > 0)
        strand->sub_strand = arena_text(job->arena, detail);
    grown[incident->n_strands++] = strand;
    incident->strands = grown;
    return strand->sub_strand ? UP_OK : UP_NO_MEMORY;
}

/* A strand stands once, whatever number of columns say so; their values are its detail. */
static enum up_err apply_strand(struct job *job, const struct rule *rule)
{
    char *detail = NULL;
    size_t len = 0;
    size_t len_max = 0;
    bool any = false;

    if (rule->condition == CONDITION_OTHERWISE)
        return job->report->incident->n_strands > 0 ? UP_OK
                                                    : strand_add(job, rule, (struct up_view){0});
    for (size_t i = 0; i < job->report->incident->n_strands; i++) {
        if (job->report->incident->strands[i]->code == rule->code)
            return UP_OK;
    }
    for (size_t i = 0; i < rule->column_count; i++)
        len_max += cell(job, rule, i).len + 2;
    detail = arena_alloc(job->arena, len_max);
    if (!detail)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < rule->column_count; i++) {
        struct up_view text = cell(job, rule, i);

        if (!holds(text, rule))
            continue;
        any = true;
        if (!rule->detail || text.len == 0)
            continue;
        if (len > 0) {
            detail[len++] = ';';
            detail[len++] = ' ';
        }
        memcpy(detail + len, text.data, text.len);
        len += text.len;
    }
    return any ? strand_add(job, rule, up_view_of(detail, len)) : UP_OK;
}

static Up__Entitlement *entitlement_copy(const Up__Entitlement *from, struct arena *arena)
{
    Up__Entitlement *copy = arena_alloc(arena, sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *from;
    copy->withheld = arena_alloc(arena, (from->n_withheld + 1) * sizeof *copy->withheld);
    if (copy->withheld && from->n_withheld > 0)
        memcpy(copy->withheld, from->withheld, from->n_withheld * sizeof *copy->withheld);
    return copy->withheld ? copy : NULL;
}

static enum up_err choice_add(struct job *job, Up__Role__Code role, const Up__Entitlement *entitled)
{
    Up__SharingChoice *choice = job->report->choice;
    Up__RoleChoice *made = arena_alloc(job->arena, sizeof *made);
    Up__RoleChoice **grown = NULL;

    if (!choice) {
        choice = arena_alloc(job->arena, sizeof *choice);
        if (!choice)
            return UP_NO_MEMORY;
        up__sharing_choice__init(choice);
        job->report->choice = choice;
    }
    grown = arena_alloc(job->arena, (choice->n_roles + 1) * sizeof(void *));
    if (!made || !grown)
        return UP_NO_MEMORY;
    up__role_choice__init(made);
    made->role = role;
    made->entitlement = entitlement_copy(entitled, job->arena);
    if (!made->entitlement)
        return UP_NO_MEMORY;
    if (choice->n_roles > 0)
        memcpy(grown, choice->roles, choice->n_roles * sizeof(void *));
    grown[choice->n_roles++] = made;
    choice->roles = grown;
    return UP_OK;
}

/* Remainder of a whole number of any length by the modulus. */
static bool remainder_read(struct up_view text, unsigned modulo, unsigned *ret_remainder)
{
    uint64_t remainder = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        remainder = (remainder * 10 + (text.data[i] - (unsigned)'0')) % modulo;
    }
    *ret_remainder = (unsigned)remainder;
    return text.len > 0;
}

static enum up_err apply_choice(struct job *job, const struct rule *rule)
{
    const struct entry *entry = rule->entries;
    struct up_view text = cell(job, rule, 0);
    enum up_err err = UP_OK;

    if (rule->modulo > 0) {
        unsigned remainder = 0;

        if (!remainder_read(text, rule->modulo, &remainder))
            return bad(job, rule, "not a whole number");
        while (entry && (!entry->range || remainder < entry->from || remainder > entry->to))
            entry = entry->next;
    } else {
        entry = entry_find(rule->entries, text);
    }
    if (!entry || !entry->entitled)
        return bad(job, rule, "the mapping says no choice for this value");
    for (int role = 1; !err && role <= UP__ROLE__CODE__GOVERNANCE; role++) {
        if (rule->roles >> role & 1)
            err = choice_add(job, (Up__Role__Code)role, entry->entitled);
    }
    return err;
}

static enum up_err apply_grant(struct job *job, const struct rule *rule)
{
    Up__SharingChoice *choice = job->report->choice;
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && choice && i < choice->n_roles; i++)
        err = mapping_field_put(&rule->field, up_view_of(rule->text, strlen(rule->text)),
                                job->arena, &choice->roles[i]->base);
    return err;
}

static enum up_err apply(struct job *job, const struct rule *rule)
{
    switch (rule->kind) {
    case RULE_BAD:
        return holds(cell(job, rule, 0), rule) ? bad(job, rule, rule->text) : UP_OK;
    case RULE_SET:
        return put_text(job, rule, rule->text);
    case RULE_COPY:
        return holds(cell(job, rule, 0), rule) ? put(job, rule, cell(job, rule, 0)) : UP_OK;
    case RULE_HASH:
        return apply_hash(job, rule);
    case RULE_TIME:
        return apply_time(job, rule);
    case RULE_LOOK:
        return apply_look(job, rule);
    case RULE_STRAND:
        return apply_strand(job, rule);
    case RULE_CHOICE:
        return apply_choice(job, rule);
    case RULE_GRANT:
        return apply_grant(job, rule);
    case RULE_TABLE:
        break;
    }
    return UP_OK;
}

enum up_err mapping_apply(const struct mapping *mapping, const struct csv_row *row,
                          struct arena *arena, Up__Report **ret_report,
                          struct mapping_fault *ret_fault)
{
    struct job job = {.row = row, .arena = arena};
    enum up_err err = UP_OK;

    job.report = arena_alloc(arena, sizeof *job.report);
    if (!job.report)
        return UP_NO_MEMORY;
    up__report__init(job.report);
    job.report->incident = arena_alloc(arena, sizeof *job.report->incident);
    if (!job.report->incident)
        return UP_NO_MEMORY;
    up__incident__init(job.report->incident);
    for (const struct rule *rule = mapping->rules; !err && rule; rule = rule->next)
        err = apply(&job, rule);
    if (err == UP_INVALID)
        *ret_fault = job.fault;
    if (!err)
        *ret_report = job.report;
    return err;
}
