/* SPDX-License-Identifier: MIT
 * What the files of the drafter share; for nodes/disclosure/account*.c only. */
#ifndef NODES_DISCLOSURE_ACCOUNT_PRIVATE_H
#define NODES_DISCLOSURE_ACCOUNT_PRIVATE_H

#include <stdbool.h>

#include "nodes/disclosure/account.h"

/* --- words (account_words.c) ------------------------------------------------------------------------- */

/* A run of letters and digits, folded: small letters, no marks ("Zoë" is zoe, "Strauß" strauss). */
struct account_word {
    size_t offset; /* bytes in the text */
    size_t len;
    const char *fold;  /* NUL-terminated */
    size_t fold_len;
    bool capital; /* begins with a capital letter */
    bool number;  /* holds a digit */
    bool joined; /* an apostrophe or hyphen alone stands between it and the word before */
};
struct account_words {
    struct up_view text;
    struct account_word *list;
    size_t count;
};

/* account_words_make: the words of a text that is UTF-8. Lives in the arena. UP_NO_MEMORY. */
UP_CHECKED enum up_err account_words_make(struct up_view text, struct arena *arena,
                                          struct account_words *ret_words);

enum account_word_class {
    ACCOUNT_WORD_PLAIN,    /* tells of nothing but a name */
    ACCOUNT_WORD_EVERYDAY, /* "grace", "young": a name only where it has a capital letter */
    ACCOUNT_WORD_FUNCTION, /* "the", "van", "unknown": never a name by itself */
    ACCOUNT_WORD_STRAND,   /* a nationality or religion: stays */
    ACCOUNT_WORD_TITLE,    /* "mr", "cllr" */
};
/* account_word_class: of a folded word. */
enum account_word_class account_word_class(const char *fold);
/* account_word_is_month: "may" and its like, which also stand in dates. */
bool account_word_is_month(const char *fold);

/* --- numbers with a form of their own (account_numbers.c) ---------------------------------------------- */

/* Each looks at the piece from start to end of the text, and says where the number in it ends: there, or at a gap
 * between groups of digits or letters. 0: it is no such number. */
size_t account_numbers_telephone(const char *text, size_t start, size_t end);
size_t account_numbers_card(const char *text, size_t start, size_t end);
size_t account_numbers_iban(const char *text, size_t start, size_t end);
size_t account_numbers_nhs(const char *text, size_t start, size_t end);
/* account_numbers_digits: the digits alone, 0044 and +44 as 0; at most len_max - 1 of them. */
size_t account_numbers_digits(struct up_view text, char *ret_digits, size_t len_max);

/* --- what stands elsewhere in the report (account_own.c) ------------------------------------------------ */

struct account_spans {
    struct account_span *list;
    size_t count;
    size_t room;
    struct arena *arena;
};
/* account_spans_add: UP_NO_MEMORY. */
UP_CHECKED enum up_err account_spans_add(struct account_spans *spans, size_t start, size_t end,
                                         enum account_kind kind);

/* Values of the report to be looked for. */
struct account_own;
/* account_own_make: UP_INVALID when a value is not UTF-8, UP_NO_MEMORY. Lives in the arena. */
UP_CHECKED enum up_err account_own_make(const Up__Incident *incident, struct arena *arena,
                                        struct account_own **ret_own);
/* account_own_find: every place of the words where one stands, whole or in part. */
UP_CHECKED enum up_err account_own_find(const struct account_own *own,
                                        const struct account_words *words,
                                        struct account_spans *spans);
/* account_own_telephone: are these digits, or their end, a telephone number of the report? */
bool account_own_telephone(const struct account_own *own, const char *digits);
/* account_own_birth: "YYYY-MM-DD", or "". */
const char *account_own_birth(const struct account_own *own);

#endif
