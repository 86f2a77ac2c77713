/* SPDX-License-Identifier: MIT
 * Counts how much of the personal data in sentences the drafter of accounts replaces, and how much else. */
#ifndef TESTS_LIB_ACCOUNT_MEASURE_H
#define TESTS_LIB_ACCOUNT_MEASURE_H

#include "nodes/disclosure/account.h"
#include "tests/lib/account_gen.h"

enum { ACCOUNT_MEASURE_ROWS_MAX = 48 };

/* Recall: of the places where this stands, how many were replaced to their last letter and digit. Precision: of the
 * pieces replaced as this kind, how many touch a place of this kind. */
struct account_measure_row {
    const char *kind;
    enum account_gen_what what;
    unsigned long places;
    unsigned long found;
};
struct account_measure {
    struct account_measure_row rows[ACCOUNT_MEASURE_ROWS_MAX]; /* by kind and what */
    size_t row_count;
    unsigned long drafted[ACCOUNT_KIND_COUNT]; /* pieces replaced as the kind */
    unsigned long right[ACCOUNT_KIND_COUNT];
    unsigned long strands;
    unsigned long strands_touched;
    unsigned long sentences;
    void (*missed)(const struct account_sample *sample, size_t part, const char *draft); /* may be NULL */
    void (*wrong)(const struct account_sample *sample, const struct account_span *span);  /* may be NULL */
};

/* account_measure_add: draft for one sample and count. */
void account_measure_add(struct account_measure *measure, const struct account_sample *sample,
                         struct arena *arena);
/* account_measure_uk: so many sentences from the templates below tests/data/text. False: they can't be read. */
bool account_measure_uk(struct account_measure *measure, unsigned long sentences, uint64_t seed);
/* account_measure_recall, _precision: 0 to 1; over all rows of a kind, NULL: any, that are `what`. 1 where there is
 * nothing. ret_places may be NULL. */
double account_measure_recall(const struct account_measure *measure, const char *kind,
                              enum account_gen_what what, unsigned long *ret_places);
double account_measure_precision(const struct account_measure *measure, enum account_kind kind);

#endif
