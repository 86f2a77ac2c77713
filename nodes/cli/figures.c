/* SPDX-License-Identifier: MIT
 * Nothing here is a total of what is held: that would give it away. */
#include "nodes/cli/figures.h"

#include <inttypes.h>
#include <string.h>

#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "upstander/message.h"

enum { WORDS_MAX = 1024, SUMS_MAX = 4, ROUND_TO = 5 };

/* What release and return have in common. */
struct view {
    const Up__InboxItem *item;
    bool statistics;
    const char *area;
    const char *year;
    unsigned k;
    unsigned revision;
    const char *closed_through;
    Up__ReleaseRow *const *rows;
    size_t count;
};

static struct view view_of(const Up__InboxItem *item)
{
    const Up__Release *release = item->release;
    const Up__StatisticsReturn *statistics = item->statistics;

    if (release)
        return (struct view){.item = item,
                             .area = release->area,
                             .year = release->year,
                             .k = release->k,
                             .revision = release->revision,
                             .closed_through = release->closed_through,
                             .rows = release->rows,
                             .count = release->n_rows};
    return (struct view){.item = item,
                         .statistics = true,
                         .area = statistics->area,
                         .year = statistics->year,
                         .k = statistics->k,
                         .revision = statistics->revision,
                         .closed_through = statistics->closed_through,
                         .rows = statistics->rows,
                         .count = statistics->n_rows};
}

bool figures_is(const Up__InboxItem *item)
{
    return item->release || item->statistics;
}

static const char *area_name(const struct view *view, const char *code)
{
    for (size_t i = 0; i < view->item->n_area_names; i++) {
        if (strcmp(view->item->area_names[i]->code, code) == 0)
            return view->item->area_names[i]->name;
    }
    return code;
}

/* Is the row of a whole police area, neighbours included? */
static bool is_wide(const Up__ReleaseRow *row)
{
    return row->rung >= UP__RUNG__CODE__POLICE_AREA;
}

/* Enum values joined: "race+religion". */
static void codes_join(const ProtobufCEnumDescriptor *descriptor, const int *codes, size_t count,
                       const char *between, char ret_text[static WORDS_MAX])
{
    size_t at = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < count && at + NAMES_LEN_MAX + 4 < WORDS_MAX; i++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(descriptor, codes[i]);
        char words[NAMES_LEN_MAX];

        names_enum(value ? value->name : "unknown", words);
        at += (size_t)snprintf(ret_text + at, WORDS_MAX - at, "%s%s", i > 0 ? between : "", words);
    }
}

static void strands_words(const Up__ReleaseRow *row, const char *between,
                          char ret_text[static WORDS_MAX])
{
    if (row->rung == UP__RUNG__CODE__ANY_STRAND)
        (void)snprintf(ret_text, WORDS_MAX, "hate incident");
    else
        codes_join(&up__strand__code__descriptor, (const int *)row->cell->strands,
                   row->cell->n_strands, between, ret_text);
}

static void types_words(const Up__ReleaseRow *row, const char *between,
                        char ret_text[static WORDS_MAX])
{
    codes_join(&up__incident_type__code__descriptor, (const int *)row->cell->types,
               row->cell->n_types, between, ret_text);
}

static void place_words(const Up__ReleaseRow *row, char ret_text[static WORDS_MAX])
{
    const int place = (int)row->cell->place;

    ret_text[0] = '\0';
    if (row->rung == UP__RUNG__CODE__FULL && place != 0)
        codes_join(&up__place_kind__group__descriptor, &place, 1, "", ret_text);
    if (strncmp(ret_text, "group ", 6) == 0)
        memmove(ret_text, ret_text + 6, strlen(ret_text + 6) + 1);
}

static const char *grain_word(const Up__ReleaseRow *row)
{
    switch (strlen(row->cell->period)) {
    case 7:
        return row->cell->period[5] == 'Q' ? "quarter" : "month";
    default:
        return "year";
    }
}

/* --- as text -------------------------------------------------------------------------------- */

static void row_print(FILE *out, const struct view *view, const Up__ReleaseRow *row)
{
    char words[WORDS_MAX];

    (void)fprintf(out, "  %4u  %6u  ", row->number, row->incidents);
    print_safe(out, row->cell->period, 0);
    (void)fputs("  ", out);
    print_safe(out, area_name(view, row->cell->area), 0);
    strands_words(row, ", ", words);
    (void)fprintf(out, "  %s", words);
    types_words(row, ", ", words);
    if (words[0] != '\0')
        (void)fprintf(out, "; %s", words);
    place_words(row, words);
    if (words[0] != '\0')
        (void)fprintf(out, "; %s", words);
    if (row->n_remainder_of > 0)
        (void)fprintf(out, " (beyond %zu narrower row%s)", row->n_remainder_of,
                      row->n_remainder_of > 1 ? "s" : "");
    (void)fputc('\n', out);
}

struct sum {
    uint64_t narrow;
    uint64_t wide;
};

static struct sum sum_of(const struct view *view)
{
    struct sum sum = {0};

    for (size_t i = 0; i < view->count; i++) {
        if (view->rows[i]->cell)
            *(is_wide(view->rows[i]) ? &sum.wide : &sum.narrow) += view->rows[i]->incidents;
    }
    return sum;
}

void figures_print(FILE *out, const Up__InboxItem *item)
{
    struct view view = view_of(item);
    struct sum sum = sum_of(&view);

    (void)fputs(view.statistics ? "Counts for " : "Figures for ", out);
    print_safe(out, area_name(&view, view.area), 0);
    (void)fputs(", ", out);
    print_safe(out, view.year, 0);
    (void)fprintf(out, ", revision %u, months up to ", view.revision);
    print_safe(out, view.closed_through, 0);
    (void)fprintf(
        out,
        ". It replaces every earlier revision.\nEach row is of at least %u people, and no "
        "incident stands in two rows.\n\n   row   number  period, area, what\n",
        view.k);
    for (size_t i = 0; i < view.count; i++) {
        if (view.rows[i]->cell)
            row_print(out, &view, view.rows[i]);
    }
    if (!view.statistics)
        (void)fprintf(out, "        %6" PRIu64 "  in rows of single areas\n", sum.narrow);
    (void)fprintf(out, "        %6" PRIu64 "  in rows of all ", sum.wide);
    print_safe(out, area_name(&view, view.area), 0);
    (void)fprintf(
        out,
        "%s\n        %6" PRIu64 "  together\n"
        "What you miss: where a month, kind or area has no row, no more than %u people stand "
        "behind it there.\nThey are in the next wider row that fits: quarter, year, police "
        "area, any type of hostility; or they wait\nuntil that period is past; or they are "
        "fewer than %u even there, perhaps none, and stay out.\n",
        view.statistics ? "" : ", neighbours included", sum.narrow + sum.wide, view.k, view.k);
}

/* --- as files ------------------------------------------------------------------------------- */

/* Every text in quotes; a leading sign that a spreadsheet would compute with is kept from it. */
static void csv_text(FILE *out, const char *text)
{
    (void)fputs(text[0] != '\0' && strchr("=+-@", text[0]) ? ",\"'" : ",\"", out);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ')
            continue;
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static uint64_t rounded(uint64_t number)
{
    return (number + ROUND_TO / 2) / ROUND_TO * ROUND_TO;
}

static void csv_row(FILE *out, const struct view *view, const Up__ReleaseRow *row)
{
    char words[WORDS_MAX];

    (void)fprintf(out, "row,%u,%u,%s", row->number, row->revision, grain_word(row));
    csv_text(out, row->cell->period);
    csv_text(out, row->cell->area);
    csv_text(out, area_name(view, row->cell->area));
    strands_words(row, "+", words);
    csv_text(out, words);
    types_words(row, "+", words);
    csv_text(out, words);
    place_words(row, words);
    csv_text(out, words);
    (void)fprintf(out, ",%u,%" PRIu64 ",\"", row->incidents, rounded(row->incidents));
    for (size_t i = 0; i < row->n_remainder_of; i++)
        (void)fprintf(out, "%s%u", i > 0 ? " " : "", row->remainder_of[i]);
    (void)fputs("\",\"\"\n", out);
}

static void csv_sum(FILE *out, const struct view *view, const uint64_t *incidents,
                    const char *meaning)
{
    (void)fprintf(out, "%s,,%u,year", incidents ? "sum" : "held", view->revision);
    csv_text(out, view->year);
    csv_text(out, view->area);
    csv_text(out, area_name(view, view->area));
    (void)fputs(",\"\",\"\",\"\",", out);
    if (incidents)
        (void)fprintf(out, "%" PRIu64 ",%" PRIu64, *incidents, rounded(*incidents));
    else
        (void)fputc(',', out);
    (void)fputs(",\"\"", out);
    csv_text(out, meaning);
    (void)fputc('\n', out);
}

#define MEANING_NARROW "in rows of single areas"
#define MEANING_WIDE "in rows of the whole police area, neighbours included"
#define MEANING_ALL "in all rows"

static void held_words(const struct view *view, char ret_text[static WORDS_MAX])
{
    (void)snprintf(
        ret_text, WORDS_MAX,
        "waiting until its period is past, or fewer than %u people even in the widest row; "
        "perhaps none",
        view->k);
}

void figures_csv(FILE *out, const Up__InboxItem *item)
{
    struct view view = view_of(item);
    struct sum sum = sum_of(&view);
    uint64_t all = sum.narrow + sum.wide;
    char words[WORDS_MAX];

    (void)fputs("kind,row,revision,grain,period,area,area_name,hostility,what,place,incidents,"
                "incidents_rounded,remainder_of,meaning\n",
                out);
    for (size_t i = 0; i < view.count; i++) {
        if (view.rows[i]->cell)
            csv_row(out, &view, view.rows[i]);
    }
    if (!view.statistics)
        csv_sum(out, &view, &sum.narrow, MEANING_NARROW);
    csv_sum(out, &view, &sum.wide, MEANING_WIDE);
    csv_sum(out, &view, &all, MEANING_ALL);
    held_words(&view, words);
    csv_sum(out, &view, NULL, words);
}

static Up__FiguresSum *sum_make(uint64_t incidents, const char *meaning, struct arena *arena)
{
    Up__FiguresSum *sum = arena_alloc(arena, sizeof *sum);

    if (!sum)
        return NULL;
    up__figures_sum__init(sum);
    sum->incidents = incidents;
    sum->meaning = arena_text(arena, up_view_of(meaning, strlen(meaning)));
    return sum->meaning ? sum : NULL;
}

enum up_err figures_make(const Up__InboxItem *item, struct arena *arena, Up__Figures **ret_figures)
{
    struct view view = view_of(item);
    struct sum sum = sum_of(&view);
    Up__Figures *figures = arena_alloc(arena, sizeof *figures);
    char words[WORDS_MAX];

    if (!figures)
        return UP_NO_MEMORY;
    up__figures__init(figures);
    figures->item = up_lent(item);
    figures->sums = arena_alloc(arena, SUMS_MAX * sizeof(Up__FiguresSum *));
    if (!figures->sums)
        return UP_NO_MEMORY;
    if (!view.statistics)
        figures->sums[figures->n_sums++] = sum_make(sum.narrow, MEANING_NARROW, arena);
    figures->sums[figures->n_sums++] = sum_make(sum.wide, MEANING_WIDE, arena);
    figures->sums[figures->n_sums++] = sum_make(sum.narrow + sum.wide, MEANING_ALL, arena);
    for (size_t i = 0; i < figures->n_sums; i++) {
        if (!figures->sums[i])
            return UP_NO_MEMORY;
    }
    held_words(&view, words);
    figures->held = arena_text(arena, up_view_of(words, strlen(words)));
    if (!figures->held)
        return UP_NO_MEMORY;
    *ret_figures = figures;
    return UP_OK;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');

        if (!letter && (*text < '0' || *text > '9') && *text != '-')
            return false;
    }
    return true;
}

bool figures_name(const Up__InboxItem *item, char ret_name[static FIGURES_NAME_MAX])
{
    struct view view = view_of(item);
    int len = 0;

    if (!item->line || !is_plain(item->line->from) || !is_plain(view.area) || !is_plain(view.year))
        return false;
    len = snprintf(ret_name, FIGURES_NAME_MAX, "%s-%s-%s-%s",
                   view.statistics ? "counts" : "figures", item->line->from, view.area, view.year);
    return len > 0 && len < FIGURES_NAME_MAX;
}
