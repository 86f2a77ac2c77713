/* SPDX-License-Identifier: MIT */
/* rooms: disclosure base proto */
/* Plays incidents round by round through the ladder and the ledger, counted as a node counts them, and writes what the
 * audience received: a line of JSON for each revision. Apart from it the truth, which no audience has: which incidents
 * stand in which row.
 *
 *   release_run areas=FILE truth=FILE own=CODE,CODE k=5 window=month first=2026-01 rounds=14 [mode=...] [statistics=1]
 *
 * Round r closes the month that lies r after `first`. Standard input, one incident a line, sorted by nothing:
 *   id round originator area period strands types place victim withdrawn
 * strands and types are numbers with commas, or "-"; victim "-" is one that nobody knows; withdrawn is a round or "-".
 * mode=ladder     the product
 * mode=naive      no ladder: each round the whole tables of every grain, cells of fewer than k victims left out
 * mode=minus-one  the ladder, but one who withdraws is taken out alone, and a row below k is given again coarser */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "nodes/disclosure/entitlement.h"
#include "nodes/disclosure/release.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum {
    WORD_MAX = 48,
    SET_MAX = 16,
    OWN_MAX = 64,
    LEDGERS_MAX = 64,
    ORIGINATORS_MAX = 16,
    KEY_MAX = 160,
    NEVER = 1 << 30
};

enum mode { LADDER, NAIVE, MINUS_ONE };

struct one {
    unsigned long id;
    int arrives;
    int withdrawn; /* round; NEVER */
    char originator[WORD_MAX];
    char area[RELEASE_AREA_MAX];
    char period[RELEASE_PERIOD_MAX];
    char victim[WORD_MAX]; /* empty: not known */
    Up__Strand__Code strands[SET_MAX];
    Up__IncidentType__Code types[SET_MAX];
    Up__Cell cell; /* into these */
    struct release_scope scope;
    uint32_t batch; /* 0: not counted yet */
    uint32_t row;   /* now; 0: none */
    bool gone;      /* counted and taken out again, and that was told */
    bool leaves;    /* ... in this round */
    bool first;     /* of its victim, as far as its originator sees in this round */
    char key[KEY_MAX];
};

struct book {
    Up__Ledger ledger;
    struct arena *arena;
};

static struct {
    struct areas *areas;
    struct one *list;
    size_t count;
    struct one **order;   /* scratch, as long as the list */
    struct one **by_stay; /* those that stay longest first */
    char originators[ORIGINATORS_MAX][WORD_MAX];
    size_t originator_count;
    struct book books[LEDGERS_MAX];
    size_t book_count;
    char *own[OWN_MAX];
    size_t own_count;
    unsigned k;
    Up__ReleaseWindow__Code window;
    enum mode mode;
    bool statistics;
    int year; /* of the first round */
    int month;
    int rounds;
    FILE *truth;
    uint64_t close_ns;
    size_t cells_most;
} run;

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "release_run: %s: %s\n", what, why);
    exit(1);
}

static void must(enum up_err err, const char *what)
{
    if (err)
        fail(what, up_err_text(err));
}

static void *must_have(void *memory)
{
    if (!memory)
        fail("memory", up_err_text(UP_NO_MEMORY));
    return memory;
}

static void copy_word(char *to, size_t size, const char *from)
{
    if ((size_t)snprintf(to, size, "%s", from) >= size)
        fail("too long", from);
}

/* --- reading -------------------------------------------------------------------------------- */

static int number_of(const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);

    if (end == text || *end != '\0' || value < 0 || value >= NEVER)
        fail("not a number", text);
    return (int)value;
}

/* Numbers with commas, ascending. */
static size_t set_of(char *text, int *ret_set)
{
    size_t count = 0;
    char *rest = NULL;

    if (strcmp(text, "-") == 0)
        return 0;
    for (char *at = strtok_r(text, ",", &rest); at; at = strtok_r(NULL, ",", &rest)) {
        if (count == SET_MAX)
            fail("too many codes", at);
        ret_set[count++] = number_of(at);
    }
    return count;
}

_Static_assert(sizeof(Up__Strand__Code) == sizeof(int), "enum arrays are arrays of int");

static void one_read(char *line, struct one *one)
{
    enum { FIELDS = 10 };
    char *field[FIELDS];
    char *rest = NULL;

    for (size_t i = 0; i < FIELDS; i++) {
        field[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
        if (!field[i])
            fail("a line is too short", i > 0 ? field[0] : "");
    }
    one->id = (unsigned long)number_of(field[0]);
    one->arrives = number_of(field[1]);
    copy_word(one->originator, sizeof one->originator, field[2]);
    copy_word(one->area, sizeof one->area, field[3]);
    copy_word(one->period, sizeof one->period, field[4]);
    up__cell__init(&one->cell);
    one->cell.n_strands = set_of(field[5], (int *)one->strands);
    one->cell.n_types = set_of(field[6], (int *)one->types);
    one->cell.place = (Up__PlaceKind__Group)number_of(field[7]);
    copy_word(one->victim, sizeof one->victim, strcmp(field[8], "-") == 0 ? "" : field[8]);
    one->withdrawn = strcmp(field[9], "-") == 0 ? NEVER : number_of(field[9]);
}

static void originator_add(const char *name)
{
    for (size_t i = 0; i < run.originator_count; i++) {
        if (strcmp(run.originators[i], name) == 0)
            return;
    }
    if (run.originator_count == ORIGINATORS_MAX)
        fail("too many originators", name);
    copy_word(run.originators[run.originator_count++], WORD_MAX, name);
}

static struct book *book_of(const struct release_scope *scope)
{
    struct book *book = run.books;
    static uint8_t id[LEDGERS_MAX][16];

    for (; book < run.books + run.book_count; book++) {
        if (strcmp(book->ledger.area, scope->area) == 0 &&
            strcmp(book->ledger.year, scope->year) == 0)
            return book;
    }
    if (run.book_count == LEDGERS_MAX)
        fail("too many areas and years", scope->year);
    run.book_count++;
    must(arena_new(UP_ARENA_LEN_MAX, &book->arena), "arena");
    up__ledger__init(&book->ledger);
    book->ledger.area =
        must_have(arena_text(book->arena, up_view_of(scope->area, strlen(scope->area))));
    book->ledger.year =
        must_have(arena_text(book->arena, up_view_of(scope->year, strlen(scope->year))));
    id[run.book_count - 1][0] = (uint8_t)run.book_count;
    book->ledger.release_id = (ProtobufCBinaryData){.len = 16, .data = id[run.book_count - 1]};
    book->ledger.statistics = run.statistics;
    return book;
}

static int by_stay(const void *left, const void *right)
{
    const struct one *a = *(const struct one *const *)left;
    const struct one *b = *(const struct one *const *)right;

    if (a->withdrawn != b->withdrawn)
        return a->withdrawn > b->withdrawn ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static void read_all(void)
{
    char line[512];
    size_t room = 0;

    while (fgets(line, sizeof line, stdin)) {
        if (run.count == room) {
            room = room == 0 ? 1024 : room * 2;
            run.list = must_have(realloc(run.list, room * sizeof *run.list));
        }
        memset(&run.list[run.count], 0, sizeof *run.list);
        one_read(line, &run.list[run.count++]);
    }
    if (run.count == 0)
        fail("standard input", "no incidents");
    run.order = must_have(calloc(run.count, sizeof(struct one *)));
    run.by_stay = must_have(calloc(run.count, sizeof(struct one *)));
    for (size_t i = 0; i < run.count; i++) { /* they do not move any more */
        struct one *one = run.by_stay[i] = &run.list[i];

        one->cell.area = one->area;
        one->cell.period = one->period;
        one->cell.strands = one->strands;
        one->cell.types = one->types;
        must(release_scope(&one->cell, run.areas, &one->scope), one->area);
        (void)book_of(&one->scope);
        originator_add(one->originator);
    }
    qsort(run.by_stay, run.count, sizeof(struct one *), by_stay);
}

/* --- counting, as nodes/service_publish.c does ------------------------------------------------ */

static int scope_compare(const struct one *a, const struct one *b)
{
    int order = strcmp(a->scope.area, b->scope.area);

    return order != 0 ? order : strcmp(a->scope.year, b->scope.year);
}

static int cell_compare(const struct one *a, const struct one *b)
{
    if (a->batch != b->batch)
        return a->batch < b->batch ? -1 : 1;
    return release_cell_compare(&a->cell, &b->cell);
}

/* What can't be told any more is not opened, so nobody knows whose it was. */
static const char *victim_now(const struct one *one)
{
    return one->leaves ? "" : one->victim;
}

static int by_victim(const void *left, const void *right)
{
    const struct one *a = *(const struct one *const *)left;
    const struct one *b = *(const struct one *const *)right;
    int order = scope_compare(a, b);

    if (order == 0)
        order = strcmp(victim_now(a), victim_now(b));
    if (order == 0)
        order = cell_compare(a, b);
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static int by_cell(const void *left, const void *right)
{
    const struct one *a = *(const struct one *const *)left;
    const struct one *b = *(const struct one *const *)right;
    int order = scope_compare(a, b);

    if (order == 0)
        order = cell_compare(a, b);
    if (order == 0)
        order = strcmp(victim_now(a), victim_now(b));
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

/* All that an originator has pooled or pools in this round, by cell; each that is the first of its victim is marked. */
static size_t pool_fill(const char *originator, int round, const char *through)
{
    uint32_t batch = (uint32_t)round + 1;
    size_t count = 0;

    for (size_t i = 0; i < run.count; i++) {
        struct one *one = &run.list[i];

        if (strcmp(one->originator, originator) != 0 || one->gone)
            continue;
        if (one->batch == 0 && (one->arrives > round || one->withdrawn <= round ||
                                !release_is_past(one->period, through)))
            continue;
        one->leaves = one->batch > 0 && one->withdrawn <= round;
        if (one->batch == 0)
            one->batch = batch;
        run.order[count++] = one;
    }
    qsort(run.order, count, sizeof(struct one *), by_victim);
    for (size_t i = 0; i < count; i++)
        run.order[i]->first = i == 0 || scope_compare(run.order[i - 1], run.order[i]) != 0 ||
                              strcmp(victim_now(run.order[i - 1]), victim_now(run.order[i])) != 0;
    qsort(run.order, count, sizeof(struct one *), by_cell);
    return count;
}

static void pool_merge(const char *originator, const Up__PooledCounts *counts)
{
    for (size_t i = 0; i < run.book_count; i++)
        must(release_merge(&run.books[i].ledger, originator, counts, run.areas, run.books[i].arena),
             "merging");
}

static void pool_count(const char *originator, int round, const char *through)
{
    size_t count = pool_fill(originator, round, through);
    Up__PooledCounts counts = UP__POOLED_COUNTS__INIT;
    Up__PooledCount *list = must_have(calloc(count + 1, sizeof *list));
    Up__PooledWithdrawal *gone = must_have(calloc(count + 1, sizeof *gone));

    counts.k = run.k;
    counts.window = run.window;
    counts.counts = must_have(calloc(count + 1, sizeof(Up__PooledCount *)));
    counts.withdrawals = must_have(calloc(count + 1, sizeof(Up__PooledWithdrawal *)));
    for (size_t i = 0; i < count; i++) {
        struct one *one = run.order[i];
        const struct one *before = i > 0 ? run.order[i - 1] : NULL;
        bool same_cell = before && !before->leaves && scope_compare(before, one) == 0 &&
                         cell_compare(before, one) == 0;

        if (one->leaves) {
            Up__PooledWithdrawal *to = &gone[counts.n_withdrawals];

            up__pooled_withdrawal__init(to);
            to->batch = one->batch;
            to->cell = &one->cell;
            to->incidents = 1;
            counts.withdrawals[counts.n_withdrawals++] = to;
            one->gone = true;
        } else if (one->batch == (uint32_t)round + 1) {
            Up__PooledCount *to = &list[counts.n_counts - same_cell];

            if (!same_cell) {
                up__pooled_count__init(to);
                to->batch = one->batch;
                to->cell = &one->cell;
                counts.counts[counts.n_counts++] = to;
            }
            to->incidents++;
            to->victims += !same_cell || strcmp(before->victim, one->victim) != 0;
            to->victims_new += one->first;
        }
    }
    if (counts.n_counts > 0 || counts.n_withdrawals > 0)
        pool_merge(originator, &counts);
    free(counts.counts);
    free(counts.withdrawals);
    free(list);
    free(gone);
}

/* --- what is told, and the truth beside it ------------------------------------------------------ */

static bool of_book(const struct one *one, const struct book *book)
{
    return strcmp(one->scope.area, book->ledger.area) == 0 &&
           strcmp(one->scope.year, book->ledger.year) == 0;
}

static void tell(const ProtobufCMessage *message)
{
    struct up_bytes text = {0};

    must(json_format(message, false, &text), "json");
    printf("%s\n", (const char *)text.data);
    up_bytes_wipe(&text);
}

/* Which incidents of a count stand in its row nobody says: those that stay longest are taken to. */
static void truth_of_ledger(const struct book *book, int round)
{
    const Up__Ledger *ledger = &book->ledger;
    uint32_t *used = must_have(calloc(ledger->n_counts + 1, sizeof *used));
    const char *comma = "";

    fprintf(run.truth, "{\"round\":%d,\"area\":\"%s\",\"year\":\"%s\",\"revision\":%u,\"stands\":[",
            round, ledger->area, ledger->year, ledger->revision);
    for (size_t i = 0; i < run.count; i++) {
        struct one *one = run.by_stay[i];
        struct release_place place = {one->originator, one->batch, &one->cell};
        size_t at = 0;

        if (one->batch == 0 || !of_book(one, book) || !release_find(ledger, &place, &at) ||
            used[at] >= ledger->counts[at]->shown)
            continue;
        used[at]++;
        fprintf(run.truth, "%s[%lu,%u]", comma, one->id, ledger->counts[at]->row);
        comma = ",";
        if (one->withdrawn <= round)
            fail("the engine", "one who withdrew is still told of");
    }
    fprintf(run.truth, "]}\n");
    for (size_t i = 0; i < ledger->n_counts; i++) {
        if (used[i] != ledger->counts[i]->shown)
            fail("the engine", "more are told of than there are");
    }
    free(used);
}

static void tell_ledger(const struct book *book, int round)
{
    Up__Release *release = NULL;
    Up__StatisticsReturn *statistics = NULL;
    struct arena *arena = NULL;

    must(arena_new(UP_ARENA_LEN_MAX, &arena), "arena");
    if (run.statistics) {
        must(release_statistics_of(&book->ledger, arena, &statistics), "statistics");
        tell(&statistics->base);
    } else {
        must(release_of(&book->ledger, arena, &release), "release");
        tell(&release->base);
    }
    arena_destroy(&arena);
    truth_of_ledger(book, round);
}

/* --- no ladder ---------------------------------------------------------------------------------- */

struct grain {
    Up__Rung__Code rung;
    int months; /* 1, 3 or 12 */
    bool place, types, strands, police_area;
};

static void period_of(const char *period, int months, char ret_period[static RELEASE_PERIOD_MAX])
{
    static const char quarters[4][3] = {"Q1", "Q2", "Q3", "Q4"};

    (void)snprintf(ret_period, RELEASE_PERIOD_MAX, "%s", period);
    if (months == 12)
        ret_period[4] = '\0';
    else if (months == 3 && ret_period[4] != '\0')
        memcpy(ret_period + 5, quarters[(number_of(period + 5) - 1) / 3], 3);
}

static void set_print(FILE *to, const int *set, size_t count)
{
    fputc('|', to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%d,", set[i]);
}

/* The cell of an incident at that grain, as a text. */
static void key_make(struct one *one, const struct grain *grain)
{
    char period[RELEASE_PERIOD_MAX];
    FILE *key = must_have(fmemopen(one->key, sizeof one->key, "w"));

    period_of(one->period, grain->months, period);
    fprintf(key, "%s|%s", grain->police_area ? one->scope.area : one->area, period);
    set_print(key, (const int *)one->strands, grain->strands ? one->cell.n_strands : 0);
    set_print(key, (const int *)one->types, grain->types ? one->cell.n_types : 0);
    fprintf(key, "|%d", grain->place ? (int)one->cell.place : 0);
    if (fclose(key) != 0)
        fail("a key", "too long");
}

static int by_key(const void *left, const void *right)
{
    const struct one *a = *(const struct one *const *)left;
    const struct one *b = *(const struct one *const *)right;
    int order = strcmp(a->key, b->key);

    if (order == 0)
        order = strcmp(a->originator, b->originator);
    if (order == 0)
        order = strcmp(a->victim, b->victim);
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static size_t grain_fill(const struct book *book, const struct grain *grain, const char *through)
{
    size_t count = 0;

    for (size_t i = 0; i < run.count; i++) {
        struct one *one = &run.list[i];
        char period[RELEASE_PERIOD_MAX];

        period_of(one->period, grain->months, period);
        if (one->batch == 0 || one->gone || !of_book(one, book) ||
            !release_is_past(period, through) || (strlen(one->period) == 4 && grain->months < 12) ||
            (!grain->police_area &&
             !entitlement_covers(run.own, run.own_count, one->area, run.areas)))
            continue;
        key_make(one, grain);
        run.order[count++] = one;
    }
    qsort(run.order, count, sizeof(struct one *), by_key);
    return count;
}

static Up__ReleaseRow *naive_row(const struct one *one, const struct grain *grain,
                                 struct arena *arena)
{
    Up__ReleaseRow *row = must_have(arena_alloc(arena, sizeof *row));
    Up__Cell *cell = must_have(arena_alloc(arena, sizeof *cell));
    char period[RELEASE_PERIOD_MAX];

    period_of(one->period, grain->months, period);
    up__release_row__init(row);
    up__cell__init(cell);
    *cell = one->cell;
    if (grain->police_area)
        cell->area = up_lent(one->scope.area);
    cell->period = must_have(arena_text(arena, up_view_of(period, strlen(period))));
    cell->n_strands = grain->strands ? cell->n_strands : 0;
    cell->n_types = grain->types ? cell->n_types : 0;
    cell->place = grain->place ? cell->place : UP__PLACE_KIND__GROUP__GROUP_NOT_STATED;
    row->cell = cell;
    row->rung = grain->rung;
    return row;
}

/* One table; the order is sorted by cell and victim. */
static void naive_table(Up__Release *release, const struct grain *grain, size_t count,
                        struct arena *arena, const char **comma)
{
    for (size_t from = 0, next = 0; from < count; from = next) {
        unsigned victims = 0;
        Up__ReleaseRow *row = NULL;

        for (next = from; next < count && strcmp(run.order[from]->key, run.order[next]->key) == 0;
             next++)
            victims += next == from ||
                       strcmp(run.order[next - 1]->originator, run.order[next]->originator) != 0 ||
                       strcmp(run.order[next - 1]->victim, run.order[next]->victim) != 0;
        if (victims < run.k)
            continue;
        row = naive_row(run.order[from], grain, arena);
        row->incidents = (uint32_t)(next - from);
        row->number = (uint32_t)release->n_rows + 1;
        row->revision = release->revision;
        release->rows[release->n_rows++] = row;
        for (size_t i = from; i < next; i++) {
            fprintf(run.truth, "%s[%lu,%u]", *comma, run.order[i]->id, row->number);
            *comma = ",";
        }
    }
}

static void naive_tell(struct book *book, int round, const char *through)
{
    int base = run.window == UP__RELEASE_WINDOW__CODE__QUARTER ? 3
               : run.window == UP__RELEASE_WINDOW__CODE__YEAR  ? 12
                                                               : 1;
    const struct grain grains[] = {
        {UP__RUNG__CODE__FULL, base, true, true, true, false},
        {UP__RUNG__CODE__TYPES, base, false, true, true, false},
        {UP__RUNG__CODE__STRANDS, base, false, false, true, false},
        {UP__RUNG__CODE__QUARTER, 3, false, false, true, false},
        {UP__RUNG__CODE__YEAR, 12, false, false, true, false},
        {UP__RUNG__CODE__POLICE_AREA, 12, false, false, true, true},
        {UP__RUNG__CODE__ANY_STRAND, 12, false, false, false, true},
    };
    Up__Release release = UP__RELEASE__INIT;
    struct arena *arena = NULL;
    const char *comma = "";

    must(arena_new(UP_ARENA_LEN_MAX, &arena), "arena");
    release.release_id = book->ledger.release_id;
    release.revision = ++book->ledger.revision;
    release.area = book->ledger.area;
    release.year = book->ledger.year;
    release.k = run.k;
    release.window = run.window;
    release.closed_through = up_lent(through);
    release.rows =
        must_have(calloc(run.count * (sizeof grains / sizeof grains[0]), sizeof(Up__ReleaseRow *)));
    fprintf(run.truth, "{\"round\":%d,\"area\":\"%s\",\"year\":\"%s\",\"revision\":%u,\"stands\":[",
            round, release.area, release.year, release.revision);
    for (size_t i = 0; i < sizeof grains / sizeof grains[0]; i++) {
        if (i > 0 && grains[i].months == 3 && base > 1)
            continue; /* the base is that already */
        naive_table(&release, &grains[i], grain_fill(book, &grains[i], through), arena, &comma);
    }
    fprintf(run.truth, "]}\n");
    tell(&release.base);
    free(release.rows);
    arena_destroy(&arena);
}

/* --- the ladder that shows each one --------------------------------------------------------------- */

static unsigned row_victims(const struct book *book, uint32_t number)
{
    unsigned victims = 0;

    for (size_t i = 0; i < run.count; i++) {
        bool seen = false;

        if (!of_book(&run.list[i], book) || run.list[i].row != number || run.list[i].gone)
            continue;
        for (size_t j = 0; j < i && !seen; j++)
            seen = of_book(&run.list[j], book) && run.list[j].row == number && !run.list[j].gone &&
                   strcmp(run.list[j].originator, run.list[i].originator) == 0 &&
                   strcmp(run.list[j].victim, run.list[i].victim) == 0;
        victims += !seen;
    }
    return victims;
}

/* Takes out of the rows those that withdrew, and nobody else; a row below k is dissolved for the ladder to place. */
static bool minus_one(struct book *book)
{
    Up__Ledger *ledger = &book->ledger;
    bool changed = false;

    for (size_t i = 0; i < run.count; i++) {
        struct release_place place = {run.list[i].originator, run.list[i].batch, &run.list[i].cell};
        size_t at = 0;

        run.list[i].row = 0;
        if (run.list[i].batch > 0 && of_book(&run.list[i], book) &&
            release_find(ledger, &place, &at))
            run.list[i].row = ledger->counts[at]->row;
    }
    for (size_t i = 0; i < ledger->n_rows; i++) {
        Up__ReleaseRow *row = ledger->rows[i];
        uint32_t left = 0;
        bool dissolve = false;

        for (size_t j = 0; j < ledger->n_counts; j++) {
            if (ledger->counts[j]->row == row->number)
                left += ledger->counts[j]->incidents - ledger->counts[j]->withdrawn;
        }
        if (left == row->incidents)
            continue;
        changed = true;
        dissolve = row_victims(book, row->number) < run.k;
        for (size_t j = 0; j < ledger->n_counts; j++) {
            Up__LedgerCount *count = ledger->counts[j];

            if (count->row != row->number)
                continue;
            count->shown = dissolve ? 0 : count->incidents - count->withdrawn;
            count->row = dissolve ? 0 : count->row;
        }
        row->incidents = dissolve ? 0 : left;
        row->revision = ledger->revision + 1;
    }
    return changed;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void book_close(struct book *book, int round, const char *through)
{
    const struct release_config config = {
        .areas = run.areas, .own = run.own, .own_count = run.own_count, .closed_through = through};
    bool lowered = run.mode == MINUS_ONE && minus_one(book);
    bool changed = false;
    uint64_t begin = now_ns();

    must(release_close(&book->ledger, &config, book->arena, &changed), "closing");
    run.close_ns += now_ns() - begin;
    if (book->ledger.n_counts > run.cells_most)
        run.cells_most = book->ledger.n_counts;
    book->ledger.revision += lowered && !changed;
    if (changed || lowered)
        tell_ledger(book, round);
}

static void round_run(int round)
{
    char through[RELEASE_PERIOD_MAX + 16];
    int month = run.month - 1 + round;

    (void)snprintf(through, sizeof through, "%04d-%02d", run.year + month / 12, month % 12 + 1);
    for (size_t i = 0; i < run.originator_count; i++)
        pool_count(run.originators[i], round, through);
    for (size_t i = 0; i < run.book_count; i++) {
        if (strncmp(run.books[i].ledger.year, through, 4) > 0)
            continue;
        if (run.mode == NAIVE)
            naive_tell(&run.books[i], round, through);
        else
            book_close(&run.books[i], round, through);
    }
}

static const char *value_of(const char *argument, const char *name)
{
    size_t len = strlen(name);

    return strncmp(argument, name, len) == 0 && argument[len] == '=' ? argument + len + 1 : NULL;
}

static void areas_read(const char *path)
{
    struct up_bytes text = {0};

    must(file_read(path, 64u << 20, &text, NULL), path);
    must(areas_parse(up_bytes_view(&text), &run.areas, NULL), path);
    up_bytes_wipe(&text);
}

static void own_read(char *list)
{
    char *rest = NULL;

    for (char *at = strtok_r(list, ",", &rest); at; at = strtok_r(NULL, ",", &rest)) {
        if (run.own_count == OWN_MAX)
            fail("too many areas", at);
        run.own[run.own_count++] = at;
    }
}

/* "2026-01" */
static void first_read(const char *value)
{
    char year[5] = "";

    if (strlen(value) != 7 || value[4] != '-')
        fail("not a month", value);
    memcpy(year, value, sizeof year - 1);
    run.year = number_of(year);
    run.month = number_of(value + 5);
}

static void option_read(char *argument)
{
    const char *value = NULL;

    if ((value = value_of(argument, "areas")) != NULL) {
        areas_read(value);
    } else if ((value = value_of(argument, "truth")) != NULL) {
        run.truth = fopen(value, "w");
        if (!run.truth)
            fail(value, strerror(errno));
    } else if ((value = value_of(argument, "own")) != NULL) {
        own_read(argument + (value - argument));
    } else if ((value = value_of(argument, "k")) != NULL) {
        run.k = (unsigned)number_of(value);
    } else if ((value = value_of(argument, "window")) != NULL) {
        run.window = strcmp(value, "month") == 0     ? UP__RELEASE_WINDOW__CODE__MONTH
                     : strcmp(value, "quarter") == 0 ? UP__RELEASE_WINDOW__CODE__QUARTER
                                                     : UP__RELEASE_WINDOW__CODE__YEAR;
    } else if ((value = value_of(argument, "first")) != NULL) {
        first_read(value);
    } else if ((value = value_of(argument, "rounds")) != NULL) {
        run.rounds = number_of(value);
    } else if ((value = value_of(argument, "statistics")) != NULL) {
        run.statistics = number_of(value) != 0;
    } else if ((value = value_of(argument, "mode")) != NULL) {
        run.mode = strcmp(value, "naive") == 0       ? NAIVE
                   : strcmp(value, "minus-one") == 0 ? MINUS_ONE
                                                     : LADDER;
    } else {
        fail("no such option", argument);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        option_read(argv[i]);
    if (!run.areas || !run.truth || run.own_count == 0 || run.k == 0 || run.rounds == 0 ||
        run.year == 0)
        fail("missing", "areas, truth, own, k, first and rounds are needed");
    read_all();
    for (int round = 0; round < run.rounds; round++)
        round_run(round);
    fprintf(stderr, "%zu incidents, at most %zu cells of an area and year, closings took %.1f ms\n",
            run.count, run.cells_most, (double)run.close_ns / 1e6);
    for (size_t i = 0; i < run.book_count; i++)
        arena_destroy(&run.books[i].arena);
    areas_destroy(&run.areas);
    free(run.list);
    free(run.order);
    free(run.by_stay);
    return fclose(run.truth) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
