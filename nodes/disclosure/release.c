/* SPDX-License-Identifier: MIT
 * Groups by strand set, counts distinct victims, lets through what holds at least k. Sorting first makes the
 * output the same whatever the order of arrival. */
#include "nodes/disclosure/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

struct entry {
    const struct release_item *item;
    size_t number; /* of the item among all */
};

struct group {
    size_t first;
    size_t count;   /* incidents */
    size_t victims; /* distinct */
    bool open;      /* may be shown */
};

static int strands_compare(const Up__Cell *a, const Up__Cell *b)
{
    for (size_t i = 0; i < a->n_strands && i < b->n_strands; i++) {
        if (a->strands[i] != b->strands[i])
            return a->strands[i] < b->strands[i] ? -1 : 1;
    }
    return (a->n_strands > b->n_strands) - (a->n_strands < b->n_strands);
}

/* By strand set, then by victim, unknown victims first. */
static int entry_compare(const void *left, const void *right)
{
    const struct release_item *a = ((const struct entry *)left)->item;
    const struct release_item *b = ((const struct entry *)right)->item;
    int order = strands_compare(a->cell, b->cell);

    if (order != 0)
        return order;
    if (!a->victim || !b->victim)
        return (a->victim != NULL) - (b->victim != NULL);
    return strcmp(a->victim, b->victim);
}

static bool same_victim(const struct release_item *a, const struct release_item *b)
{
    if (!a->victim || !b->victim)
        return a->victim == b->victim; /* all that are not known count together as one */
    return strcmp(a->victim, b->victim) == 0;
}

enum up_err release_quarter(const char *period, char ret_window[static 8])
{
    int month = 0;

    if (strlen(period) < strlen("2026-11") || period[4] != '-' || period[5] < '0' ||
        period[5] > '1' || period[6] < '0' || period[6] > '9')
        return UP_INVALID;
    month = (period[5] - '0') * 10 + (period[6] - '0');
    if (month < 1 || month > 12)
        return UP_INVALID;
    memcpy(ret_window, period, 4);
    ret_window[4] = '-';
    ret_window[5] = 'Q';
    ret_window[6] = (char)('1' + (month - 1) / 3);
    ret_window[7] = '\0';
    return UP_OK;
}

/* Items of this audience and window, sorted, and their groups. */
struct table {
    struct entry *entries;
    size_t entry_count;
    struct group *groups;
    size_t group_count;
};

static bool item_fits(const struct release_item *item, const struct release_config *config)
{
    char window[8] = "";
    const char *area =
        areas_climb(config->areas, item->cell->area, areas_kind(config->areas, config->area));

    return area && strcmp(area, config->area) == 0 &&
           release_quarter(item->cell->period, window) == UP_OK &&
           strcmp(window, config->window) == 0;
}

static enum up_err table_make(const struct release_items *items,
                              const struct release_config *config, struct arena *arena,
                              struct table *ret_table)
{
    struct table table = {0};
    unsigned k = config->k < UP_K_MIN ? UP_K_MIN : config->k;

    table.entries = arena_alloc(arena, (items->count + 1) * sizeof *table.entries);
    table.groups = arena_alloc(arena, (items->count + 1) * sizeof *table.groups);
    if (!table.entries || !table.groups)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < items->count; i++) {
        if (item_fits(&items->list[i], config))
            table.entries[table.entry_count++] =
                (struct entry){.item = &items->list[i], .number = i};
    }
    qsort(table.entries, table.entry_count, sizeof *table.entries, entry_compare);
    for (size_t i = 0; i < table.entry_count; i++) {
        const struct release_item *item = table.entries[i].item;
        const struct release_item *before = i > 0 ? table.entries[i - 1].item : NULL;
        struct group *group = NULL;

        if (!before || strands_compare(before->cell, item->cell) != 0) {
            table.groups[table.group_count++] = (struct group){.first = i};
            before = NULL;
        }
        group = &table.groups[table.group_count - 1];
        group->count++;
        group->victims += !before || !same_victim(before, item);
    }
    for (size_t i = 0; i < table.group_count; i++)
        table.groups[i].open = table.groups[i].victims >= k;
    *ret_table = table;
    return UP_OK;
}

static void table_take(const struct table *table, bool *taken)
{
    for (size_t i = 0; i < table->group_count; i++) {
        const struct group *group = &table->groups[i];

        for (size_t j = 0; group->open && j < group->count; j++)
            taken[table->entries[group->first + j].number] = true;
    }
}

static char *copy_text(struct arena *arena, const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

static Up__Strand__Code *copy_strands(struct arena *arena, const Up__Cell *cell)
{
    Up__Strand__Code *copy = arena_alloc(arena, (cell->n_strands + 1) * sizeof *copy);

    if (copy && cell->n_strands > 0)
        memcpy(copy, cell->strands, cell->n_strands * sizeof *copy);
    return copy;
}

static Up__ReleaseRow *row_make(const struct table *table, const struct group *group,
                                const struct release_config *config, struct arena *arena)
{
    const Up__Cell *from = table->entries[group->first].item->cell;
    Up__ReleaseRow *row = arena_alloc(arena, sizeof *row);
    Up__Cell *cell = arena_alloc(arena, sizeof *cell);

    if (!row || !cell)
        return NULL;
    up__release_row__init(row);
    up__cell__init(cell);
    cell->n_strands = from->n_strands;
    cell->strands = copy_strands(arena, from);
    cell->area = copy_text(arena, config->area);
    cell->period = copy_text(arena, config->window);
    cell->vintage = from->vintage;
    row->cell = cell;
    row->incidents = (uint32_t)group->count;
    return cell->strands && cell->area && cell->period ? row : NULL;
}

enum up_err release_make(const struct release_items *items, const struct release_config *config,
                         struct arena *arena, Up__Release **ret_release, bool **ret_taken)
{
    struct table table = {0};
    Up__Release *release = arena_alloc(arena, sizeof *release);
    bool *taken = arena_alloc(arena, items->count + 1);
    enum up_err err = table_make(items, config, arena, &table);

    if (err || !release || !taken)
        return UP_NO_MEMORY;
    up__release__init(release);
    release->area = copy_text(arena, config->area);
    release->window = copy_text(arena, config->window);
    release->k = config->k < UP_K_MIN ? UP_K_MIN : config->k;
    release->rows = arena_alloc(arena, (table.group_count + 1) * sizeof(Up__ReleaseRow *));
    if (!release->area || !release->window || !release->rows)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < table.group_count; i++) {
        Up__ReleaseRow *row = NULL;

        if (!table.groups[i].open) {
            release->some_held = true;
            continue;
        }
        row = row_make(&table, &table.groups[i], config, arena);
        if (!row)
            return UP_NO_MEMORY;
        release->rows[release->n_rows++] = row;
        release->released += row->incidents;
    }
    table_take(&table, taken);
    *ret_release = release;
    *ret_taken = taken;
    return UP_OK;
}

/* One suppressed row alone could be had back from a known total: the smallest open one goes with it.
 * Ties go to the first strand set, so that a replay gives the same. */
static void complement(struct table *table)
{
    struct group *smallest = NULL;
    size_t closed = 0;

    for (size_t i = 0; i < table->group_count; i++) {
        struct group *group = &table->groups[i];

        closed += !group->open;
        if (group->open && (!smallest || group->count < smallest->count))
            smallest = group;
    }
    if (closed == 1 && smallest)
        smallest->open = false;
}

enum up_err release_statistics(const struct release_items *items,
                               const struct release_config *config, struct arena *arena,
                               Up__StatisticsReturn **ret_return, bool **ret_taken)
{
    struct table table = {0};
    Up__StatisticsReturn *out = arena_alloc(arena, sizeof *out);
    bool *taken = arena_alloc(arena, items->count + 1);
    enum up_err err = table_make(items, config, arena, &table);

    if (err || !out || !taken)
        return UP_NO_MEMORY;
    complement(&table);
    up__statistics_return__init(out);
    out->area = copy_text(arena, config->area);
    out->window = copy_text(arena, config->window);
    out->k = config->k < UP_K_MIN ? UP_K_MIN : config->k;
    out->rows = arena_alloc(arena, (table.group_count + 1) * sizeof(Up__StatisticsRow *));
    if (!out->area || !out->window || !out->rows)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < table.group_count; i++) {
        const struct group *group = &table.groups[i];
        Up__StatisticsRow *row = arena_alloc(arena, sizeof *row);

        if (!row)
            return UP_NO_MEMORY;
        up__statistics_row__init(row);
        row->n_strands = table.entries[group->first].item->cell->n_strands;
        row->strands = copy_strands(arena, table.entries[group->first].item->cell);
        row->incidents = group->open ? (uint32_t)group->count : 0;
        row->suppressed = !group->open;
        if (!row->strands)
            return UP_NO_MEMORY;
        out->rows[out->n_rows++] = row;
    }
    table_take(&table, taken);
    *ret_return = out;
    *ret_taken = taken;
    return UP_OK;
}
