/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* How much personal data the drafter of accounts replaces, by kind: recall and precision in per cent. On British
 * sentences, where recall has a floor, and on 1,000 sentences of presidio-research, which are hardly British and have no
 * report beside them, so that most names there have no hint. And what a draft costs. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/account_measure.h"
#include "tests/lib/bench.h"
#include "upstander/limits.h"

enum { SENTENCES = 5400, PLACES_MIN = 200, ROUNDS = 7, ROUND_MS = 60 };

static const char *const pattern_kinds[] = {"telephone", "e-mail",     "web address",  "postcode",
                                            "NI number", "NHS number", "card",         "IBAN",
                                            "vehicle",   "handle",     "date of birth"};

static bool below;

/* floor 0: none. */
static void line(const char *where, const char *what, double share, double floor)
{
    if (floor > 0)
        (void)printf("%s: %s\t%%\t%.2f\tfloor\t%.0f\t%.4f\n", where, what, 100 * share, 100 * floor,
                     share / floor);
    else
        (void)printf("%s: %s\t%%\t%.2f\t\t\t\n", where, what, 100 * share);
    below |= share < floor;
}

static void recall_line(const struct account_measure *measure, const char *where, const char *kind,
                        enum account_gen_what what, double floor)
{
    static const char *const whats[] = {[ACCOUNT_GEN_VALUE] = "",
                                        [ACCOUNT_GEN_OWN] = " of the report",
                                        [ACCOUNT_GEN_TITLED] = " with a title",
                                        [ACCOUNT_GEN_BARE] = ", no hint"};
    unsigned long places = 0;
    double recall = account_measure_recall(measure, kind, what, &places);
    char text[80];

    if (places == 0)
        return;
    (void)snprintf(text, sizeof text, "found, %s%s (%lu)", kind ? kind : "all", whats[what],
                   places);
    line(where, text, recall, floor);
    below |= floor > 0 && places < PLACES_MIN;
}

static void precision_lines(const struct account_measure *measure, const char *where)
{
    for (int kind = 0; kind < ACCOUNT_KIND_COUNT; kind++) {
        char text[80];

        if (measure->drafted[kind] == 0)
            continue;
        (void)snprintf(text, sizeof text, "right, %s (%lu)",
                       account_kind_text((enum account_kind)kind), measure->drafted[kind]);
        line(where, text, account_measure_precision(measure, (enum account_kind)kind), 0);
    }
}

static void strands_line(const struct account_measure *measure, const char *where)
{
    (void)printf("%s: nationalities and religions touched, of %lu\t\t%lu\t\t\t\n", where,
                 measure->strands, measure->strands_touched);
    below |= measure->strands_touched > 0;
}

/* --- sentences of others -------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    const char *kind;
} types[] = {{"PERSON", "name"},
             {"STREET_ADDRESS", "address"},
             {"CREDIT_CARD", "card"},
             {"PHONE_NUMBER", "telephone"},
             {"EMAIL_ADDRESS", "e-mail"},
             {"ZIP_CODE", "postcode"},
             {"DOMAIN_NAME", "web address"},
             {"IBAN_CODE", "IBAN"},
             {"US_SSN", "US SSN"},
             {"IP_ADDRESS", "IP address"},
             {"DATE_TIME", "date of birth"},
             {"US_DRIVER_LICENSE", "US licence"},
             {"NRP", "strand"}};

/* Bytes of so many code points. */
static size_t bytes_of(const char *text, size_t points)
{
    size_t at = 0;

    while (points > 0 && text[at] != '\0') {
        at++;
        while ((text[at] & 0xc0) == 0x80)
            at++;
        points--;
    }
    return at;
}

static void part_add(struct account_sample *sample, const json_t *span, const char *text)
{
    const char *type = json_string_value(json_object_get(span, "entity_type"));
    size_t start = (size_t)json_integer_value(json_object_get(span, "start_position"));
    size_t end = (size_t)json_integer_value(json_object_get(span, "end_position"));
    struct account_gen_part *part = &sample->parts[sample->count];

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].type, type) != 0)
            continue;
        bench_require(sample->count < ACCOUNT_GEN_PARTS_MAX);
        part->offset = bytes_of(text, start);
        part->len = bytes_of(text, end) - part->offset;
        part->kind = types[i].kind;
        part->what = strcmp(types[i].kind, "strand") == 0 ? ACCOUNT_GEN_STRAND : ACCOUNT_GEN_BARE;
        sample->count++;
    }
}

static void presidio(struct account_measure *measure, struct arena *arena)
{
    json_t *list =
        json_load_file("tests/data/text/presidio_research_synth_two_thirds.json", 0, NULL);
    size_t i = 0;
    json_t *one = NULL;

    bench_require(list && json_array_size(list) > 0);
    json_array_foreach(list, i, one)
    {
        struct account_sample sample = {0};
        const char *text = json_string_value(json_object_get(one, "full_text"));
        size_t j = 0;
        json_t *span = NULL;
        Up__Incident incident = UP__INCIDENT__INIT;

        incident.narrative = arena_text(arena, up_view_of(text, strlen(text)));
        sample.incident = &incident;
        json_array_foreach(json_object_get(one, "spans"), j, span) part_add(&sample, span, text);
        account_measure_add(measure, &sample, arena);
        arena_reset(arena);
    }
    json_decref(list);
}

/* --- cost ------------------------------------------------------------------------------------------------ */

static const Up__Incident *timed;
static struct arena *timed_arena;

static void run_draft(void *context, unsigned long calls)
{
    (void)context;
    for (unsigned long i = 0; i < calls; i++) {
        struct account_draft draft = {0};

        bench_require(account_draft(timed, timed_arena, &draft) == UP_OK && draft.span_count > 0);
        arena_reset(timed_arena);
    }
}

static void cost(void)
{
    static struct bench_case cases[] = {
        {.name = "draft of a 1 KiB narrative", .unit = BENCH_US, .run = run_draft}};
    static const char piece[] = "Mr Khan rang me on 07700 900123 ";
    static char text[1025];
    Up__Incident incident = UP__INCIDENT__INIT;

    for (size_t at = 0; at + sizeof piece < sizeof text; at += sizeof piece - 1)
        memcpy(text + at, piece, sizeof piece);
    incident.narrative = text;
    timed = &incident;
    bench_run(cases, 1, ROUNDS, ROUND_MS);
}

int main(void)
{
    static struct account_measure uk;
    static struct account_measure others;

    bench_require(arena_new(UP_ARENA_LEN_MAX, &timed_arena) == UP_OK);
    bench_require(account_measure_uk(&uk, SENTENCES, 1));
    recall_line(&uk, "uk", NULL, ACCOUNT_GEN_OWN, 0.97);
    for (size_t i = 0; i < sizeof pattern_kinds / sizeof pattern_kinds[0]; i++) {
        bool must = strcmp(pattern_kinds[i], "date of birth") != 0;

        recall_line(&uk, "uk", pattern_kinds[i], ACCOUNT_GEN_VALUE, must ? 0.95 : 0);
    }
    recall_line(&uk, "uk", "name", ACCOUNT_GEN_TITLED, 0.95);
    recall_line(&uk, "uk", "name", ACCOUNT_GEN_BARE, 0);
    recall_line(&uk, "uk", "address", ACCOUNT_GEN_BARE, 0);
    precision_lines(&uk, "uk");
    strands_line(&uk, "uk");
    presidio(&others, timed_arena);
    for (size_t i = 0; i < others.row_count; i++)
        recall_line(&others, "presidio", others.rows[i].kind, others.rows[i].what, 0);
    precision_lines(&others, "presidio");
    strands_line(&others, "presidio");
    cost();
    arena_destroy(&timed_arena);
    if (below)
        (void)fputs("bench_account: below a floor\n", stderr);
    return below;
}
