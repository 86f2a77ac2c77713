/* SPDX-License-Identifier: MIT */
#include "tests/lib/account_measure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct account_measure_row *row_of(struct account_measure *measure, const char *kind,
                                          enum account_gen_what what)
{
    struct account_measure_row *row = NULL;

    for (size_t i = 0; i < measure->row_count; i++) {
        row = &measure->rows[i];
        if (row->what == what && strcmp(row->kind, kind) == 0)
            return row;
    }
    if (measure->row_count == ACCOUNT_MEASURE_ROWS_MAX)
        abort();
    row = &measure->rows[measure->row_count++];
    *row = (struct account_measure_row){.kind = kind, .what = what};
    return row;
}

static bool is_covered(const struct account_draft *draft, size_t at)
{
    for (size_t i = 0; i < draft->span_count; i++) {
        if (at >= draft->spans[i].offset && at < draft->spans[i].offset + draft->spans[i].len)
            return true;
    }
    return false;
}

/* Every letter and digit of it; not blanks and brackets. */
static bool is_replaced(const struct account_draft *draft, const char *text,
                        const struct account_gen_part *part)
{
    for (size_t i = part->offset; i < part->offset + part->len; i++) {
        bool tells = isalnum((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80;

        if (tells && !is_covered(draft, i) && strncmp(text + i, "’", 3) != 0)
            return false;
        if (strncmp(text + i, "’", 3) == 0)
            i += 2;
    }
    return true;
}

static bool touches(const struct account_span *span, const struct account_gen_part *part)
{
    return span->offset < part->offset + part->len && part->offset < span->offset + span->len;
}

void account_measure_add(struct account_measure *measure, const struct account_sample *sample,
                         struct arena *arena)
{
    struct account_draft draft = {0};
    const char *text = sample->incident->narrative;

    if (account_draft(sample->incident, arena, &draft))
        abort();
    measure->sentences++;
    for (size_t i = 0; i < sample->count; i++) {
        const struct account_gen_part *part = &sample->parts[i];
        bool touched = false;

        for (size_t j = 0; j < draft.span_count; j++)
            touched |= touches(&draft.spans[j], part);
        if (part->what == ACCOUNT_GEN_STRAND) {
            measure->strands++;
            measure->strands_touched += touched;
        } else {
            struct account_measure_row *row = row_of(measure, part->kind, part->what);
            bool found = is_replaced(&draft, text, part);

            row->places++;
            row->found += found;
            if (!found && measure->missed)
                measure->missed(sample, i, draft.text);
        }
    }
    for (size_t j = 0; j < draft.span_count; j++) {
        const struct account_span *span = &draft.spans[j];
        bool right = false;

        for (size_t i = 0; i < sample->count; i++)
            right |= sample->parts[i].what != ACCOUNT_GEN_STRAND &&
                     touches(span, &sample->parts[i]) &&
                     strcmp(sample->parts[i].kind, account_kind_text(span->kind)) == 0;
        measure->drafted[span->kind]++;
        measure->right[span->kind] += right;
        if (!right && measure->wrong)
            measure->wrong(sample, span);
    }
}

bool account_measure_uk(struct account_measure *measure, unsigned long sentences, uint64_t seed)
{
    struct account_gen gen;
    struct arena *arena = NULL;

    if (!account_gen_open(&gen, "tests/data/text", seed))
        return false;
    if (arena_new(8 << 20, &arena))
        abort();
    for (unsigned long i = 0; i < sentences; i++) {
        struct account_sample sample;

        account_gen_sample(&gen, &sample);
        account_measure_add(measure, &sample, arena);
        arena_reset(arena);
        arena_reset(gen.gen.arena);
    }
    arena_destroy(&arena);
    account_gen_close(&gen);
    return true;
}

double account_measure_recall(const struct account_measure *measure, const char *kind,
                              enum account_gen_what what, unsigned long *ret_places)
{
    unsigned long places = 0;
    unsigned long found = 0;

    for (size_t i = 0; i < measure->row_count; i++) {
        const struct account_measure_row *row = &measure->rows[i];

        if (row->what != what || (kind && strcmp(row->kind, kind) != 0))
            continue;
        places += row->places;
        found += row->found;
    }
    if (ret_places)
        *ret_places = places;
    return places ? (double)found / (double)places : 1;
}

double account_measure_precision(const struct account_measure *measure, enum account_kind kind)
{
    return measure->drafted[kind] ? (double)measure->right[kind] / (double)measure->drafted[kind]
                                  : 1;
}
