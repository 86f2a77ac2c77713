/* SPDX-License-Identifier: MIT
 * The ladder and the ledger. Sorting before every grouping makes the output the same whatever the order of arrival. */
#include "nodes/disclosure/release.h"

#include <stdlib.h>
#include <string.h>

#include "nodes/disclosure/check.h"
#include "nodes/disclosure/entitlement.h"
#include "upstander/limits.h"

enum { GRAIN_NONE = 0, GRAIN_MONTH = 1, GRAIN_QUARTER = 2, GRAIN_YEAR = 3, STEPS_MAX = 8 };

/* One step of the ladder: what of a cell still tells rows apart. */
struct step {
    Up__Rung__Code rung;
    int grain;
    bool place;
    bool types;
    bool strands;
    bool police_area;
};

/* qsort takes no pointer of ours, so the step by which is compared stands beside the count. */
struct keyed {
    Up__LedgerCount *count;
    const struct step *step;
};

struct bundle;

/* All that a closing works with. */
struct closing {
    Up__Ledger *ledger;
    const struct release_config *config;
    struct arena *arena;
    Up__LedgerCount **order; /* of this step, sorted */
    size_t order_count;
    struct keyed *keyed; /* what it is sorted by; room for all counts, as in order and bundles */
    struct bundle *bundles;
    uint32_t revision;
};

/* Some of the order that would be one row. */
struct bundle {
    size_t first;
    size_t count;
    uint64_t incidents;
    uint64_t victims; /* no fewer than so many distinct ones */
};

/* --- cells ---------------------------------------------------------------------------------- */

static int sets_compare(const void *a, size_t a_count, const void *b, size_t b_count)
{
    const int *left = a;
    const int *right = b;

    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return (a_count > b_count) - (a_count < b_count);
}

static int attributes_compare(const Up__Cell *a, const Up__Cell *b, const struct step *step)
{
    int order = 0;

    if (step->strands)
        order = sets_compare(a->strands, a->n_strands, b->strands, b->n_strands);
    if (order == 0 && step->types)
        order = sets_compare(a->types, a->n_types, b->types, b->n_types);
    if (order == 0 && step->place)
        order = (a->place > b->place) - (a->place < b->place);
    return order;
}

int release_cell_compare(const Up__Cell *a, const Up__Cell *b)
{
    const struct step all = {.place = true, .types = true, .strands = true};
    int order = strcmp(a->area, b->area);

    if (order == 0)
        order = strcmp(a->period, b->period);
    return order != 0 ? order : attributes_compare(a, b, &all);
}

/* --- periods -------------------------------------------------------------------------------- */

static int grain_of(const char *period)
{
    switch (strlen(period)) {
    case 7:
        return period[5] == 'Q' ? GRAIN_QUARTER : GRAIN_MONTH;
    case 4:
        return GRAIN_YEAR;
    default:
        return GRAIN_NONE;
    }
}

/* A period made as coarse as the grain: a year is a prefix of its quarters and months. */
static void period_cut(const char *period, int grain, char ret_cut[static RELEASE_PERIOD_MAX])
{
    size_t len = grain == GRAIN_YEAR ? 4 : 7;

    memset(ret_cut, 0, RELEASE_PERIOD_MAX);
    memcpy(ret_cut, period, len);
    if (grain == GRAIN_QUARTER && grain_of(period) == GRAIN_MONTH) {
        int month = (period[5] - '0') * 10 + (period[6] - '0');

        ret_cut[5] = 'Q';
        ret_cut[6] = (char)('1' + (month - 1) / 3);
    }
}

/* The month in which a period ends. */
static void last_month(const char *period, char ret_month[static RELEASE_PERIOD_MAX])
{
    static const char *const ends[] = {"03", "06", "09", "12"};
    const char *end = NULL;

    size_t len = grain_of(period) == GRAIN_MONTH ? 7 : 4;

    memset(ret_month, 0, RELEASE_PERIOD_MAX);
    memcpy(ret_month, period, len);
    ret_month[4] = '-';
    if (grain_of(period) == GRAIN_QUARTER)
        end = ends[period[6] - '1'];
    else if (grain_of(period) == GRAIN_YEAR)
        end = "12";
    if (end) {
        ret_month[5] = end[0];
        ret_month[6] = end[1];
    }
}

bool release_is_past(const char *period, const char *closed_through)
{
    char month[RELEASE_PERIOD_MAX];

    if (grain_of(period) == GRAIN_NONE)
        return false;
    last_month(period, month);
    return strcmp(month, closed_through) <= 0;
}

enum up_err release_month_before(const char *date, char ret_month[static RELEASE_PERIOD_MAX])
{
    int year = 0;
    int month = 0;

    if (strlen(date) < 7 || date[4] != '-')
        return UP_INVALID;
    for (size_t i = 0; i < 7; i++) {
        if (i != 4 && (date[i] < '0' || date[i] > '9'))
            return UP_INVALID;
    }
    year = (date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + (date[3] - '0');
    month = (date[5] - '0') * 10 + (date[6] - '0') - 1;
    if (month < 0 || month > 11 || year == 0)
        return UP_INVALID;
    if (month == 0) {
        month = 12;
        year--;
    }
    ret_month[0] = (char)('0' + year / 1000);
    ret_month[1] = (char)('0' + year / 100 % 10);
    ret_month[2] = (char)('0' + year / 10 % 10);
    ret_month[3] = (char)('0' + year % 10);
    ret_month[4] = '-';
    ret_month[5] = (char)('0' + month / 10);
    ret_month[6] = (char)('0' + month % 10);
    ret_month[7] = '\0';
    return UP_OK;
}

enum up_err release_scope(const Up__Cell *cell, const struct areas *areas,
                          struct release_scope *ret_scope)
{
    const char *police = areas_climb(areas, cell->area, AREA_POLICE);
    struct release_scope scope = {.area = ""};

    if (!police || strlen(police) >= sizeof scope.area || grain_of(cell->period) == GRAIN_NONE)
        return UP_INVALID;
    memcpy(scope.area, police, strlen(police));
    memcpy(scope.year, cell->period, 4);
    *ret_scope = scope;
    return UP_OK;
}

static bool in_scope(const Up__Ledger *ledger, const Up__Cell *cell, const struct areas *areas)
{
    struct release_scope scope;

    return release_scope(cell, areas, &scope) == UP_OK && strcmp(scope.area, ledger->area) == 0 &&
           strcmp(scope.year, ledger->year) == 0;
}

/* --- merging -------------------------------------------------------------------------------- */

static int count_compare(const void *left, const void *right)
{
    const Up__LedgerCount *a = *(const Up__LedgerCount *const *)left;
    const Up__LedgerCount *b = *(const Up__LedgerCount *const *)right;
    int order = release_cell_compare(a->cell, b->cell);

    if (order == 0)
        order = strcmp(a->originator, b->originator);
    return order != 0 ? order : (a->batch > b->batch) - (a->batch < b->batch);
}

bool release_find(const Up__Ledger *ledger, const struct release_place *place, size_t *ret_index)
{
    Up__LedgerCount key = UP__LEDGER_COUNT__INIT;
    const Up__LedgerCount *wanted = &key;
    Up__LedgerCount *const *found = NULL;

    key.originator = up_lent(place->originator); /* only compared */
    key.batch = place->batch;
    key.cell = up_lent(place->cell);
    if (ledger->n_counts > 0)
        found = bsearch(&wanted, ledger->counts, ledger->n_counts, sizeof(void *), count_compare);
    if (!found)
        return false;
    *ret_index = (size_t)(found - ledger->counts);
    return true;
}

static char *copy_text(struct arena *arena, const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

static void *copy_set(struct arena *arena, const void *values, size_t count)
{
    int *copy = arena_alloc(arena, (count + 1) * sizeof *copy);

    if (copy && count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

/* A cell as a step lets it through; the finest step lets all of it through. */
static Up__Cell *cell_make(const Up__Cell *from, const struct step *step, const char *area,
                           struct arena *arena)
{
    Up__Cell *cell = arena_alloc(arena, sizeof *cell);
    char period[RELEASE_PERIOD_MAX];

    if (!cell)
        return NULL;
    period_cut(from->period, step->grain, period);
    up__cell__init(cell);
    cell->area = copy_text(arena, area);
    cell->period = copy_text(arena, period);
    cell->vintage = from->vintage;
    cell->strands = copy_set(arena, from->strands, from->n_strands);
    cell->types = copy_set(arena, from->types, from->n_types);
    if (!cell->area || !cell->period || !cell->strands || !cell->types)
        return NULL;
    cell->n_strands = step->strands ? from->n_strands : 0;
    cell->n_types = step->types ? from->n_types : 0;
    cell->place = step->place ? from->place : UP__PLACE_KIND__GROUP__GROUP_NOT_STATED;
    return cell;
}

static Up__LedgerCount *count_make(const char *originator, const Up__PooledCount *from,
                                   struct arena *arena)
{
    const struct step all = {
        .grain = grain_of(from->cell->period), .place = true, .types = true, .strands = true};
    Up__LedgerCount *count = arena_alloc(arena, sizeof *count);

    if (!count)
        return NULL;
    up__ledger_count__init(count);
    count->originator = copy_text(arena, originator);
    count->cell = cell_make(from->cell, &all, from->cell->area, arena);
    count->batch = from->batch;
    count->incidents = from->incidents;
    count->victims = from->victims;
    count->victims_new = from->victims_new;
    return count->originator && count->cell ? count : NULL;
}

static enum up_err counts_check(const Up__PooledCounts *counts, const struct areas *areas)
{
    if (counts->k > UP_K_MAX || !protobuf_c_enum_descriptor_get_value(
                                    &up__release_window__code__descriptor, (int)counts->window))
        return UP_INVALID; /* it would raise the ledger's beyond what any agreement says */
    for (size_t i = 0; i < counts->n_counts; i++) {
        const Up__PooledCount *count = counts->counts[i];

        if (!count->cell || check_cell(count->cell, areas, NULL) || count->batch == 0 ||
            count->incidents == 0 || count->incidents > UP_RELEASE_INCIDENTS_MAX ||
            count->victims == 0 || count->victims > count->incidents ||
            count->victims_new > count->victims)
            return UP_INVALID;
    }
    for (size_t i = 0; i < counts->n_withdrawals; i++) {
        const Up__PooledWithdrawal *withdrawal = counts->withdrawals[i];

        if (!withdrawal->cell || check_cell(withdrawal->cell, areas, NULL))
            return UP_INVALID;
    }
    return UP_OK;
}

/* More than one column for the same thing can't come out of merging: order and search go by the key. */
static void counts_sort(Up__LedgerCount **list, size_t *count)
{
    size_t kept = 0;

    if (*count > 1)
        qsort(list, *count, sizeof(void *), count_compare);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || count_compare(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    }
    *count = kept;
}

static void withdraw(Up__Ledger *ledger, const char *originator,
                     const Up__PooledWithdrawal *withdrawal)
{
    const struct release_place place = {originator, withdrawal->batch, withdrawal->cell};
    Up__LedgerCount *found = NULL;
    size_t at = 0;

    if (!release_find(ledger, &place, &at))
        return;
    found = ledger->counts[at];
    found->withdrawn += withdrawal->incidents < found->incidents - found->withdrawn
                            ? withdrawal->incidents
                            : found->incidents - found->withdrawn;
}

enum up_err release_merge(Up__Ledger *ledger, const char *originator,
                          const Up__PooledCounts *counts, const struct areas *areas,
                          struct arena *arena)
{
    size_t total = ledger->n_counts;
    size_t room = ledger->n_counts + counts->n_counts + 1;
    Up__LedgerCount **list = NULL;

    if (counts_check(counts, areas))
        return UP_INVALID;
    if (room > UP_RELEASE_CELLS_MAX)
        return UP_TOO_LARGE;
    list = arena_alloc(arena, room * sizeof(Up__LedgerCount *));
    if (!list)
        return UP_NO_MEMORY;
    if (ledger->n_counts > 0)
        memcpy(list, ledger->counts, ledger->n_counts * sizeof(Up__LedgerCount *));
    for (size_t i = 0; i < counts->n_counts; i++) {
        const Up__PooledCount *from = counts->counts[i];
        const struct release_place place = {originator, from->batch, from->cell};
        Up__LedgerCount *made = NULL;
        size_t at = 0;

        if (!in_scope(ledger, from->cell, areas))
            continue;
        made = count_make(originator, from, arena);
        if (!made)
            return UP_NO_MEMORY;
        /* what the ledger has of that batch and cell stays as it is */
        if (!release_find(ledger, &place, &at))
            list[total++] = made;
    }
    counts_sort(list, &total);
    ledger->counts = list;
    ledger->n_counts = total;
    if (counts->k > ledger->k)
        ledger->k = counts->k;
    if (counts->window > ledger->window)
        ledger->window = counts->window;
    for (size_t i = 0; i < counts->n_withdrawals; i++) {
        if (in_scope(ledger, counts->withdrawals[i]->cell, areas))
            withdraw(ledger, originator, counts->withdrawals[i]);
    }
    return UP_OK;
}

/* --- small numbers -------------------------------------------------------------------------- */

static unsigned k_of(const Up__Ledger *ledger)
{
    if (ledger->k > UP_K_MAX)
        return UP_K_MAX;
    return ledger->k < UP_K_MIN ? UP_K_MIN : ledger->k;
}

/* From how many victims on a row is given: more than k; only the last row that there can be, from k on. Who knows this rule
 * knows the most that a finer cell without a row holds, and where a sum reaches all those bounds at once, they are what
 * is there: 6 in a quarter of months below 3 are 2, 2 and 2. So the bound must be no less than k. */
static unsigned enough(const Up__Ledger *ledger, bool last)
{
    return k_of(ledger) + (last ? 0 : 1);
}

/* No fewer than so many distinct victims are in `some` incidents of a count: each that is not among them may have taken
 * one victim with it. */
static uint64_t at_least(uint32_t victims, uint32_t incidents, uint64_t some)
{
    uint64_t others = incidents - some;

    return victims > others ? victims - others : 0;
}

/* The same over several counts: victims_new never counts one twice, over all cells of an originator; the victims of one
 * cell are distinct by themselves. Those of two originators are taken as different people. */
struct tally {
    const char *originator;
    uint64_t cell_most;
    uint64_t new_sum;
    uint64_t before; /* of other originators */
};

static uint64_t tally_sum(const struct tally *tally)
{
    return tally->before + (tally->cell_most > tally->new_sum ? tally->cell_most : tally->new_sum);
}

/* Counts come by originator. */
static void tally_add(struct tally *tally, const Up__LedgerCount *count, uint64_t some)
{
    uint64_t in_cell = at_least(count->victims, count->incidents, some);

    if (some == 0)
        return;
    if (!tally->originator || strcmp(tally->originator, count->originator) != 0) {
        *tally = (struct tally){.originator = count->originator, .before = tally_sum(tally)};
    }
    if (in_cell > tally->cell_most)
        tally->cell_most = in_cell;
    tally->new_sum += at_least(count->victims_new, count->incidents, some);
}

static uint32_t left_of(const Up__LedgerCount *count)
{
    return count->incidents - count->withdrawn;
}

/* --- taking back ---------------------------------------------------------------------------- */

static int by_originator(const void *left, const void *right)
{
    const Up__LedgerCount *a = *(const Up__LedgerCount *const *)left;
    const Up__LedgerCount *b = *(const Up__LedgerCount *const *)right;
    int order = strcmp(a->originator, b->originator);

    return order != 0 ? order : count_compare(left, right);
}

/* Those hidden before are withdrawn first: nobody was ever told which of a count they are. */
static uint32_t must_go(const Up__LedgerCount *count)
{
    return count->shown > left_of(count) ? count->shown - left_of(count) : 0;
}

/* Distinct victims, at least, in what goes of a row, or in what stays. */
static uint64_t parts_victims(const struct closing *closing, const uint32_t *go, bool stay)
{
    struct tally tally = {.originator = NULL};

    for (size_t i = 0; i < closing->order_count; i++)
        tally_add(&tally, closing->order[i], stay ? closing->order[i]->shown - go[i] : go[i]);
    return tally_sum(&tally);
}

/* Of the parts of a row, how many go: at least those that must, and so many that no fewer than k victims go together.
 * false: then no k victims would stay. */
static bool parts_choose(const struct closing *closing, uint32_t *go)
{
    unsigned k = k_of(closing->ledger);
    size_t next = 0;

    for (size_t i = 0; i < closing->order_count; i++)
        go[i] = must_go(closing->order[i]);
    while (next < closing->order_count && parts_victims(closing, go, false) < k) {
        if (go[next] < closing->order[next]->shown)
            go[next]++;
        else
            next++;
    }
    return parts_victims(closing, go, false) >= k && parts_victims(closing, go, true) >= k;
}

/* One row of which some were withdrawn. What goes with them is never released again: it would show who went. */
static enum up_err row_lower(struct closing *closing, Up__ReleaseRow *row)
{
    uint32_t *go = NULL;
    bool some_stay = false;

    closing->order_count = 0;
    for (size_t i = 0; i < closing->ledger->n_counts; i++) {
        if (closing->ledger->counts[i]->row == row->number)
            closing->order[closing->order_count++] = closing->ledger->counts[i];
    }
    go = arena_alloc(closing->arena, (closing->order_count + 1) * sizeof *go);
    if (!go)
        return UP_NO_MEMORY;
    qsort(closing->order, closing->order_count, sizeof(Up__LedgerCount *), by_originator);
    some_stay = parts_choose(closing, go);
    row->incidents = 0;
    for (size_t i = 0; i < closing->order_count; i++) {
        Up__LedgerCount *count = closing->order[i];

        count->shown = some_stay ? count->shown - go[i] : 0;
        row->incidents += count->shown;
    }
    row->revision = closing->revision;
    return UP_OK;
}

static enum up_err rows_lower(struct closing *closing, bool *changed)
{
    const Up__Ledger *ledger = closing->ledger;
    bool *lower = arena_alloc(closing->arena, (size_t)ledger->numbers_given + 1);
    enum up_err err = lower ? UP_OK : UP_NO_MEMORY;

    for (size_t i = 0; !err && i < ledger->n_counts; i++) {
        const Up__LedgerCount *count = ledger->counts[i];

        if (must_go(count) > 0 && count->row <= ledger->numbers_given)
            lower[count->row] = true;
    }
    for (size_t i = 0; !err && i < ledger->n_rows; i++) {
        if (ledger->rows[i]->number > ledger->numbers_given || !lower[ledger->rows[i]->number])
            continue;
        err = row_lower(closing, ledger->rows[i]);
        *changed = true;
    }
    return err;
}

/* --- the ladder ----------------------------------------------------------------------------- */

static size_t ladder_make(const Up__Ledger *ledger, struct step steps[static STEPS_MAX])
{
    int base = ledger->window == UP__RELEASE_WINDOW__CODE__QUARTER ? GRAIN_QUARTER
               : ledger->window == UP__RELEASE_WINDOW__CODE__YEAR  ? GRAIN_YEAR
                                                                   : GRAIN_MONTH;
    size_t count = 0;

    if (ledger->statistics) {
        for (int grain = base; grain <= GRAIN_YEAR; grain++)
            steps[count++] = (struct step){.rung = UP__RUNG__CODE__POLICE_AREA,
                                           .grain = grain,
                                           .strands = true,
                                           .police_area = true};
        return count;
    }
    steps[count++] = (struct step){UP__RUNG__CODE__FULL, base, true, true, true, false};
    steps[count++] = (struct step){UP__RUNG__CODE__TYPES, base, false, true, true, false};
    steps[count++] = (struct step){UP__RUNG__CODE__STRANDS, base, false, false, true, false};
    for (int grain = base + 1; grain <= GRAIN_YEAR; grain++)
        steps[count++] = (struct step){.rung = grain == GRAIN_QUARTER ? UP__RUNG__CODE__QUARTER
                                                                      : UP__RUNG__CODE__YEAR,
                                       .grain = grain,
                                       .strands = true};
    steps[count++] =
        (struct step){UP__RUNG__CODE__POLICE_AREA, GRAIN_YEAR, false, false, true, true};
    steps[count++] =
        (struct step){UP__RUNG__CODE__ANY_STRAND, GRAIN_YEAR, false, false, false, true};
    return count;
}

static int key_compare(const Up__Cell *a, const Up__Cell *b, const struct step *step)
{
    char of_a[RELEASE_PERIOD_MAX];
    char of_b[RELEASE_PERIOD_MAX];
    int order = step->police_area ? 0 : strcmp(a->area, b->area);

    if (order == 0) {
        period_cut(a->period, step->grain, of_a);
        period_cut(b->period, step->grain, of_b);
        order = strcmp(of_a, of_b);
    }
    return order != 0 ? order : attributes_compare(a, b, step);
}

static int keyed_compare(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    int order = key_compare(a->count->cell, b->count->cell, a->step);

    return order != 0 ? order : by_originator(&a->count, &b->count);
}

/* May a count stand in a row of this step at all? */
static bool fits(const struct closing *closing, const Up__LedgerCount *count,
                 const struct step *step)
{
    const struct release_config *config = closing->config;
    char period[RELEASE_PERIOD_MAX];

    if (count->row != 0 || left_of(count) == 0 || grain_of(count->cell->period) == GRAIN_NONE ||
        grain_of(count->cell->period) > step->grain)
        return false;
    period_cut(count->cell->period, step->grain, period);
    return release_is_past(period, config->closed_through) &&
           (step->police_area ||
            entitlement_covers(config->own, config->own_count, count->cell->area, config->areas));
}

/* What may stand in this step, sorted into groups. */
static size_t groups_make(struct closing *closing, const struct step *step)
{
    struct bundle *groups = closing->bundles;
    struct keyed *keyed = closing->keyed;
    struct tally tally = {.originator = NULL};
    size_t n = closing->ledger->n_counts;
    size_t count = 0;

    closing->order_count = 0;
    for (size_t i = 0; i < n; i++) {
        if (fits(closing, closing->ledger->counts[i], step))
            keyed[closing->order_count++] =
                (struct keyed){.count = closing->ledger->counts[i], .step = step};
    }
    if (closing->order_count > 1)
        qsort(keyed, closing->order_count, sizeof *keyed, keyed_compare);
    for (size_t i = 0; i < closing->order_count; i++) {
        Up__LedgerCount *now = closing->order[i] = keyed[i].count;

        if (i == 0 || key_compare(closing->order[i - 1]->cell, now->cell, step) != 0) {
            groups[count++] = (struct bundle){.first = i};
            tally = (struct tally){.originator = NULL};
        }
        groups[count - 1].count++;
        groups[count - 1].incidents += left_of(now);
        tally_add(&tally, now, left_of(now));
        groups[count - 1].victims = tally_sum(&tally);
    }
    return count;
}

/* A row of all that is given: [first, first + count) of the order. */
static enum up_err row_add(struct closing *closing, const struct step *step,
                           const struct bundle *group)
{
    Up__Ledger *ledger = closing->ledger;
    Up__LedgerCount **list = closing->order + group->first;
    const char *area = step->police_area ? ledger->area : list[0]->cell->area;
    Up__ReleaseRow *row = arena_alloc(closing->arena, sizeof *row);

    if (!row)
        return UP_NO_MEMORY;
    up__release_row__init(row);
    row->cell = cell_make(list[0]->cell, step, area, closing->arena);
    if (!row->cell)
        return UP_NO_MEMORY;
    row->number = ++ledger->numbers_given;
    row->revision = closing->revision;
    row->rung = step->rung;
    for (size_t i = 0; i < group->count; i++) {
        list[i]->row = row->number;
        list[i]->shown = left_of(list[i]);
        row->incidents += list[i]->shown;
        if (list[i]->cell->vintage > row->cell->vintage)
            row->cell->vintage = list[i]->cell->vintage;
    }
    ledger->rows[ledger->n_rows++] = row;
    return UP_OK;
}

/* There can't be more new rows than counts in none. */
static enum up_err rows_reserve(struct closing *closing)
{
    Up__Ledger *ledger = closing->ledger;
    Up__ReleaseRow **rows = arena_alloc(closing->arena, (ledger->n_rows + ledger->n_counts + 1) *
                                                            sizeof(Up__ReleaseRow *));

    if (!rows)
        return UP_NO_MEMORY;
    if (ledger->n_rows > 0)
        memcpy(rows, ledger->rows, ledger->n_rows * sizeof(Up__ReleaseRow *));
    ledger->rows = rows;
    return UP_OK;
}

static enum up_err step_release(struct closing *closing, const struct step *step)
{
    struct bundle *groups = closing->bundles;
    size_t count = groups_make(closing, step);
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < count; i++) {
        if (groups[i].victims >= enough(closing->ledger, step->rung == UP__RUNG__CODE__ANY_STRAND))
            err = row_add(closing, step, &groups[i]);
    }
    return err;
}

/* Of the groups of one period, those too small go into one row of any strand; if they are too small together, the
 * smallest other one goes with them, or a known total would give them away. Ties go to the first strand set. */
static enum up_err period_count(struct closing *closing, const struct step *step,
                                struct bundle *groups, size_t count)
{
    const struct step any = {
        .rung = UP__RUNG__CODE__ANY_STRAND, .grain = step->grain, .police_area = true};
    unsigned wanted = enough(closing->ledger, false);
    unsigned together = enough(closing->ledger, step->grain == GRAIN_YEAR);
    size_t smallest = count;
    size_t closed = 0;
    struct bundle rest = {.first = groups[0].first};
    Up__LedgerCount **moved =
        arena_alloc(closing->arena, (closing->order_count + 1) * sizeof(Up__LedgerCount *));
    struct tally tally = {.originator = NULL};
    enum up_err err = moved ? UP_OK : UP_NO_MEMORY;

    for (size_t i = 0; !err && i < count; i++) {
        if (groups[i].victims >= wanted) {
            if (smallest == count || groups[i].incidents < groups[smallest].incidents)
                smallest = i;
            continue;
        }
        memcpy(moved + closed, closing->order + groups[i].first,
               groups[i].count * sizeof(Up__LedgerCount *));
        closed += groups[i].count;
    }
    if (!err && closed > 0) {
        qsort(moved, closed, sizeof(Up__LedgerCount *), by_originator);
        for (size_t i = 0; i < closed; i++)
            tally_add(&tally, moved[i], left_of(moved[i]));
        if (tally_sum(&tally) < together && smallest < count) {
            memcpy(moved + closed, closing->order + groups[smallest].first,
                   groups[smallest].count * sizeof(Up__LedgerCount *));
            closed += groups[smallest].count;
            groups[smallest].victims = 0;
        } else if (tally_sum(&tally) < together) {
            closed = 0;
        }
    }
    for (size_t i = 0; !err && i < count; i++) {
        if (groups[i].victims >= wanted)
            err = row_add(closing, step, &groups[i]);
    }
    if (!err && closed > 0) {
        memcpy(closing->order + rest.first, moved, closed * sizeof(Up__LedgerCount *));
        rest.count = closed;
        err = row_add(closing, &any, &rest);
    }
    return err;
}

static enum up_err step_count(struct closing *closing, const struct step *step)
{
    struct bundle *groups = closing->bundles;
    size_t count = groups_make(closing, step);
    enum up_err err = UP_OK;

    for (size_t first = 0, next = 0; !err && first < count; first = next) {
        char period[RELEASE_PERIOD_MAX];
        char other[RELEASE_PERIOD_MAX];

        period_cut(closing->order[groups[first].first]->cell->period, step->grain, period);
        for (next = first; next < count; next++) {
            period_cut(closing->order[groups[next].first]->cell->period, step->grain, other);
            if (strcmp(period, other) != 0)
                break;
        }
        err = period_count(closing, step, groups + first, next - first);
    }
    return err;
}

enum up_err release_close(Up__Ledger *ledger, const struct release_config *config,
                          struct arena *arena, bool *ret_changed)
{
    struct closing closing = {
        .ledger = ledger, .config = config, .arena = arena, .revision = ledger->revision + 1};
    struct step steps[STEPS_MAX];
    size_t step_count_all = ladder_make(ledger, steps);
    uint32_t given = ledger->numbers_given;
    bool changed = false;
    char *through = copy_text(arena, config->closed_through);
    enum up_err err = UP_OK;

    closing.order = arena_alloc(arena, (ledger->n_counts + 1) * sizeof(Up__LedgerCount *));
    closing.keyed = arena_alloc(arena, (ledger->n_counts + 1) * sizeof *closing.keyed);
    closing.bundles = arena_alloc(arena, (ledger->n_counts + 1) * sizeof *closing.bundles);
    if (!closing.order || !closing.keyed || !closing.bundles || !through)
        return UP_NO_MEMORY;
    counts_sort(ledger->counts, &ledger->n_counts);
    err = rows_lower(&closing, &changed);
    if (!err)
        err = rows_reserve(&closing);
    for (size_t i = 0; !err && i < step_count_all; i++)
        err = ledger->statistics ? step_count(&closing, &steps[i])
                                 : step_release(&closing, &steps[i]);
    if (err)
        return err;
    changed |= ledger->numbers_given != given;
    ledger->closed_through = through;
    ledger->revision += changed;
    *ret_changed = changed;
    return UP_OK;
}

/* --- what the audience is told -------------------------------------------------------------- */

static struct step step_of(const Up__ReleaseRow *row)
{
    return (struct step){.rung = row->rung,
                         .grain = grain_of(row->cell->period),
                         .place = row->rung <= UP__RUNG__CODE__FULL,
                         .types = row->rung <= UP__RUNG__CODE__TYPES,
                         .strands = row->rung != UP__RUNG__CODE__ANY_STRAND,
                         .police_area = row->rung >= UP__RUNG__CODE__POLICE_AREA};
}

/* Could an incident of the finer row have stood in this one? */
static bool within(const Up__ReleaseRow *finer, const Up__ReleaseRow *row)
{
    struct step step = step_of(row);

    return finer->number < row->number && finer->rung <= row->rung &&
           grain_of(finer->cell->period) <= step.grain &&
           key_compare(finer->cell, row->cell, &step) == 0;
}

static int row_compare(const void *left, const void *right)
{
    const Up__ReleaseRow *a = *(const Up__ReleaseRow *const *)left;
    const Up__ReleaseRow *b = *(const Up__ReleaseRow *const *)right;
    int order = release_cell_compare(a->cell, b->cell);

    if (a->rung != b->rung)
        return a->rung < b->rung ? -1 : 1;
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static enum up_err rows_tell(const Up__Ledger *ledger, struct arena *arena,
                             Up__ReleaseRow ***ret_rows, size_t *ret_count)
{
    Up__ReleaseRow **rows = arena_alloc(arena, (ledger->n_rows + 1) * sizeof(Up__ReleaseRow *));
    uint32_t *finer = arena_alloc(arena, (ledger->n_rows + 1) * sizeof *finer);
    size_t count = 0;

    if (!rows || !finer)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < ledger->n_rows; i++) {
        if (ledger->rows[i]->incidents == 0)
            continue;
        rows[count] = arena_alloc(arena, sizeof **rows);
        if (!rows[count])
            return UP_NO_MEMORY;
        *rows[count++] = *ledger->rows[i];
    }
    if (count > 1)
        qsort(rows, count, sizeof(Up__ReleaseRow *), row_compare);
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;

        for (size_t j = 0; j < count; j++) {
            if (within(rows[j], rows[i]))
                finer[found++] = rows[j]->number;
        }
        rows[i]->remainder_of = copy_set(arena, finer, found);
        rows[i]->n_remainder_of = found;
        if (!rows[i]->remainder_of)
            return UP_NO_MEMORY;
    }
    *ret_rows = rows;
    *ret_count = count;
    return UP_OK;
}

enum up_err release_of(const Up__Ledger *ledger, struct arena *arena, Up__Release **ret_release)
{
    Up__Release *release = arena_alloc(arena, sizeof *release);
    enum up_err err = release ? UP_OK : UP_NO_MEMORY;

    if (err)
        return err;
    up__release__init(release);
    release->release_id = ledger->release_id;
    release->revision = ledger->revision;
    release->area = ledger->area;
    release->year = ledger->year;
    release->k = k_of(ledger);
    release->window = ledger->window;
    release->closed_through = ledger->closed_through;
    err = rows_tell(ledger, arena, &release->rows, &release->n_rows);
    if (!err)
        *ret_release = release;
    return err;
}

enum up_err release_statistics_of(const Up__Ledger *ledger, struct arena *arena,
                                  Up__StatisticsReturn **ret_return)
{
    Up__StatisticsReturn *out = arena_alloc(arena, sizeof *out);
    enum up_err err = out ? UP_OK : UP_NO_MEMORY;

    if (err)
        return err;
    up__statistics_return__init(out);
    out->release_id = ledger->release_id;
    out->revision = ledger->revision;
    out->area = ledger->area;
    out->year = ledger->year;
    out->k = k_of(ledger);
    out->window = ledger->window;
    out->closed_through = ledger->closed_through;
    err = rows_tell(ledger, arena, &out->rows, &out->n_rows);
    if (!err)
        *ret_return = out;
    return err;
}
