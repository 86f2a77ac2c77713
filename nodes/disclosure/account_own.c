/* SPDX-License-Identifier: MIT
 * Looks for what stands elsewhere in the report. Values are squeezed to letters and digits, so that spacing, hyphens,
 * apostrophes, capitals and marks don't matter: "O’BRIEN", "O Brien" and "obrien" are one. */
#include <stdlib.h>
#include <string.h>

#include "nodes/disclosure/account_private.h"
#include "proto/scan.h"

enum {
    SQUEEZED_MAX = 96, /* bytes of a value that is looked for as one */
    RUN_WORDS_MAX = 8, /* words of a value that are combined */
    TELEPHONE_MIN = 6, /* digits: fewer may be anything */
    CODE_MIN = 4,      /* letters and digits of a part of an identifier */
};

struct term {
    const char *squeezed;
    size_t len;
    enum account_kind kind;
    bool capital; /* only where the text has a capital letter */
    bool part;    /* one word of a name */
    bool address; /* compared with "rd" read as "road" */
};

struct account_own {
    struct arena *arena;
    struct term *terms; /* sorted once all are there */
    size_t term_count;
    size_t term_room;
    size_t squeezed_len_max;
    const char **telephones; /* digits */
    size_t telephone_count;
    size_t telephone_room;
    const char *birth;
};

/* Doubles a list in the arena when it is full. */
static bool list_grow(struct arena *arena, void **list, size_t count, size_t *room, size_t item_len)
{
    size_t want = *room ? *room * 2 : 32;
    void *grown = NULL;

    if (count < *room)
        return true;
    grown = arena_alloc(arena, want * item_len);
    if (!grown)
        return false;
    if (count > 0)
        memcpy(grown, *list, count * item_len);
    *list = grown;
    *room = want;
    return true;
}

enum up_err account_spans_add(struct account_spans *spans, size_t start, size_t end,
                              enum account_kind kind)
{
    void *list = spans->list;

    if (!list_grow(spans->arena, &list, spans->count, &spans->room, sizeof *spans->list))
        return UP_NO_MEMORY;
    spans->list = list;
    spans->list[spans->count++] =
        (struct account_span){.offset = start, .len = end - start, .kind = kind};
    return UP_OK;
}

/* "12 Acacia Ave" is "12 Acacia Avenue". */
static const char *street_word(const char *fold)
{
    static const char *const pairs[][2] = {
        {"rd", "road"},      {"st", "street"}, {"ave", "avenue"}, {"av", "avenue"},
        {"ln", "lane"},      {"cl", "close"},  {"dr", "drive"},   {"cres", "crescent"},
        {"gdns", "gardens"}, {"ct", "court"},  {"sq", "square"},  {"terr", "terrace"},
        {"pl", "place"},     {"gr", "grove"},  {"pk", "park"}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(fold, pairs[i][0]) == 0)
            return pairs[i][1];
    }
    return fold;
}

/* Words from first on, count of them, as one; false when that is too long. */
static bool run_squeeze(const struct account_words *words, size_t first, size_t count, bool address,
                        char ret_squeezed[static SQUEEZED_MAX + 1])
{
    size_t len = 0;

    for (size_t i = first; i < first + count; i++) {
        const char *fold = address ? street_word(words->list[i].fold) : words->list[i].fold;
        size_t add = strlen(fold);

        if (len + add > SQUEEZED_MAX)
            return false;
        memcpy(ret_squeezed + len, fold, add);
        len += add;
    }
    ret_squeezed[len] = '\0';
    return len > 0;
}

static enum up_err term_add(struct account_own *own, const struct account_words *words,
                            size_t first, size_t count, struct term term)
{
    char squeezed[SQUEEZED_MAX + 1];
    void *list = own->terms;

    if (!run_squeeze(words, first, count, term.address, squeezed))
        return UP_OK;
    term.len = strlen(squeezed);
    term.squeezed = arena_text(own->arena, up_view_of(squeezed, term.len));
    if (!term.squeezed ||
        !list_grow(own->arena, &list, own->term_count, &own->term_room, sizeof *own->terms))
        return UP_NO_MEMORY;
    own->terms = list;
    own->terms[own->term_count++] = term;
    if (term.len > own->squeezed_len_max)
        own->squeezed_len_max = term.len;
    return UP_OK;
}

static enum up_err words_of(struct account_own *own, const char *value, size_t len,
                            struct account_words *ret_words)
{
    struct up_view text = up_view_of(value, len);

    return scan_text(text) ? account_words_make(text, own->arena, ret_words) : UP_INVALID;
}

/* --- names --------------------------------------------------------------------------------------------- */

static bool is_name_word(const struct account_word *word)
{
    enum account_word_class class = account_word_class(word->fold);

    return class == ACCOUNT_WORD_PLAIN || class == ACCOUNT_WORD_EVERYDAY;
}

static enum up_err name_part_add(struct account_own *own, const struct account_words *words,
                                 size_t at)
{
    const struct account_word *word = &words->list[at];
    struct term term = {.kind = ACCOUNT_NAME, .part = true};

    if (word->fold_len < 2 || !is_name_word(word))
        return UP_OK;
    term.capital = word->fold_len == 2 || account_word_class(word->fold) == ACCOUNT_WORD_EVERYDAY;
    return term_add(own, words, at, 1, term);
}

/* The words from split on, then those before. */
static enum up_err turned_add(struct account_own *own, const struct account_words *words,
                              size_t split)
{
    struct account_word list[RUN_WORDS_MAX];
    struct account_words turned = {.list = list, .count = words->count};

    for (size_t i = 0; i < words->count; i++)
        list[i] = words->list[(i + split) % words->count];
    return term_add(own, &turned, 0, turned.count, (struct term){.kind = ACCOUNT_NAME});
}

/* A name: the whole, each word, and each run of words ("van der Berg" of "Anna van der Berg"). */
static enum up_err name_add(struct account_own *own, const char *value)
{
    struct account_words words = {0};
    struct term run = {.kind = ACCOUNT_NAME};
    bool capitals = false;
    enum up_err err = words_of(own, value, strlen(value), &words);

    for (size_t i = 0; i < words.count; i++)
        capitals |= words.list[i].capital;
    for (size_t i = 0; !err && i < words.count; i++) {
        bool named = false;

        /* of "Dave (surname not known)" only what has a capital letter is a name */
        if (!capitals || words.list[i].capital)
            err = name_part_add(own, &words, i);
        for (size_t count = 1; !err && count <= RUN_WORDS_MAX && i + count <= words.count;
             count++) {
            const struct account_word *last = &words.list[i + count - 1];

            named |= is_name_word(last) && last->fold_len > 1 && (!capitals || last->capital);
            if (count > 1 && named && account_word_class(words.list[i].fold) != ACCOUNT_WORD_TITLE)
                err = term_add(own, &words, i, count, run);
        }
    }
    /* the whole, even where it is a word such as "Christian" or has no letter that is known here */
    for (size_t split = 1; !err && split < words.count && words.count <= RUN_WORDS_MAX; split++)
        err = turned_add(own, &words, split); /* "Khan, Sarah" */
    if (!err && words.count > 0 && !is_name_word(&words.list[0]) && words.count == 1)
        run.capital = true;
    if (!err && words.count > 0 &&
        (words.count > 1 || account_word_class(words.list[0].fold) != ACCOUNT_WORD_FUNCTION))
        err = term_add(own, &words, 0, words.count, run);
    return err;
}

/* Names inside of a sentence such as an officer preference: what follows a title, and capitals within. */
static enum up_err name_hints_add(struct account_own *own, const char *value)
{
    struct account_words words = {0};
    enum up_err err = words_of(own, value, strlen(value), &words);

    for (size_t i = 1; !err && i < words.count; i++) {
        if (words.list[i].capital)
            err = name_part_add(own, &words, i);
    }
    return err;
}

/* --- addresses ----------------------------------------------------------------------------------------- */

/* "LE1 7RH" at the end of a line is found by itself. */
static size_t without_postcode(const struct account_words *words)
{
    size_t count = words->count;
    const struct account_word *last = count > 0 ? &words->list[count - 1] : NULL;

    if (count >= 3 && last->fold_len == 3 && last->number && words->list[count - 2].number &&
        words->list[count - 2].fold_len <= 4)
        return count - 2;
    if (count >= 2 && last->number && last->fold_len >= 5 && last->fold_len <= 7 &&
        !(last->fold[0] >= '0' && last->fold[0] <= '9'))
        return count - 1;
    return count;
}

/* One line: the whole, and what is left without its first words ("Acacia Avenue" of "Flat 2, 12a Acacia Avenue"). */
static enum up_err address_line_add(struct account_own *own, const char *line, size_t len)
{
    struct account_words words = {0};
    struct term term = {.kind = ACCOUNT_ADDRESS, .address = true};
    enum up_err err = words_of(own, line, len, &words);
    size_t count = without_postcode(&words);

    for (size_t i = 0; !err && i < count; i++) {
        const struct account_word *word = &words.list[i];
        enum account_word_class class = account_word_class(word->fold);

        if (count - i == 1 && (word->number || i > 0 || class == ACCOUNT_WORD_FUNCTION ||
                               class == ACCOUNT_WORD_STRAND || word->fold_len < 3))
            break;
        /* "at" of "works at The Paddocks" begins no address; what follows a number does */
        if (i > 0 && class == ACCOUNT_WORD_FUNCTION && !words.list[i - 1].number &&
            strcmp(word->fold, "the") != 0 && strcmp(word->fold, "st") != 0)
            continue;
        term.capital = count - i == 1 && class != ACCOUNT_WORD_PLAIN;
        err = term_add(own, &words, i, count - i, term);
    }
    return err;
}

static enum up_err address_add(struct account_own *own, const char *value)
{
    enum up_err err = UP_OK;

    while (!err && *value != '\0') {
        size_t len = strcspn(value, ",;\r\n");

        if (len > 0)
            err = address_line_add(own, value, len);
        value += len;
        value += strspn(value, ",;\r\n");
    }
    return err;
}

/* --- codes and numbers --------------------------------------------------------------------------------- */

/* The whole, and each part that is a code of its own ("AB12 CDE" of "blue Fiesta, AB12 CDE"). */
static enum up_err code_add(struct account_own *own, const char *value, enum account_kind kind)
{
    struct account_words words = {0};
    struct term term = {.kind = kind};
    char squeezed[SQUEEZED_MAX + 1];
    enum up_err err = words_of(own, value, strlen(value), &words);

    if (!err && words.count > 0 && run_squeeze(&words, 0, words.count, false, squeezed) &&
        strlen(squeezed) >= CODE_MIN && (words.count > 1 || is_name_word(&words.list[0])))
        err = term_add(own, &words, 0, words.count, term);
    for (size_t i = 0; !err && i < words.count; i++) {
        for (size_t count = 1; !err && count <= 2 && i + count <= words.count; count++) {
            bool number = words.list[i].number || words.list[i + count - 1].number;
            bool starts = words.list[i].fold_len <= 4 || count == 1;

            if (number && starts && run_squeeze(&words, i, count, false, squeezed) &&
                strlen(squeezed) >= CODE_MIN)
                err = term_add(own, &words, i, count, term);
        }
    }
    return err;
}

static enum up_err telephone_add(struct account_own *own, const char *value)
{
    char digits[32];
    void *list = own->telephones;
    size_t count = account_numbers_digits(up_view_of(value, strlen(value)), digits, sizeof digits);

    if (!scan_text(up_view_of(value, strlen(value))))
        return UP_INVALID;
    if (count < TELEPHONE_MIN)
        return UP_OK;
    if (!list_grow(own->arena, &list, own->telephone_count, &own->telephone_room,
                   sizeof *own->telephones))
        return UP_NO_MEMORY;
    own->telephones = list;
    own->telephones[own->telephone_count] = arena_text(own->arena, up_view_of(digits, count));
    return own->telephones[own->telephone_count++] ? UP_OK : UP_NO_MEMORY;
}

/* The part before the @ is often a name elsewhere too. */
static enum up_err email_add(struct account_own *own, const char *value)
{
    struct account_words words = {0};
    struct term whole = {.kind = ACCOUNT_EMAIL};
    struct term part = {.kind = ACCOUNT_HANDLE};
    size_t local = strcspn(value, "@");
    char squeezed[SQUEEZED_MAX + 1];
    enum up_err err = words_of(own, value, strlen(value), &words);

    if (!err && words.count > 0)
        err = term_add(own, &words, 0, words.count, whole);
    if (!err && value[local] == '@')
        err = words_of(own, value, local, &words);
    if (!err && words.count > 0 && value[local] == '@' &&
        run_squeeze(&words, 0, words.count, false, squeezed) && strlen(squeezed) > CODE_MIN &&
        account_word_class(squeezed) == ACCOUNT_WORD_PLAIN)
        err = term_add(own, &words, 0, words.count, part);
    return err;
}

/* --- the report ---------------------------------------------------------------------------------------- */

typedef enum up_err (*adder)(struct account_own *own, const char *value);

static enum up_err identifier_add(struct account_own *own, const char *value)
{
    return code_add(own, value, ACCOUNT_IDENTIFIER);
}

static enum up_err vehicle_add(struct account_own *own, const char *value)
{
    return code_add(own, value, ACCOUNT_VEHICLE);
}

static enum up_err postcode_add(struct account_own *own, const char *value)
{
    return code_add(own, value, ACCOUNT_POSTCODE);
}

static enum up_err web_add(struct account_own *own, const char *value)
{
    return code_add(own, value, ACCOUNT_WEB);
}

/* A witness's contact is one text: a number, an address to write to, or where the person lives. */
static enum up_err contact_add(struct account_own *own, const char *value)
{
    enum up_err err = telephone_add(own, value);

    if (!err && strchr(value, '@'))
        return email_add(own, value);
    return err ? err : address_add(own, value);
}

static enum up_err each_add(struct account_own *own, char *const *values, size_t count, adder add)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < count; i++)
        err = add(own, values[i]);
    return err;
}

static enum up_err person_add(struct account_own *own, const Up__Incident *incident)
{
    const Up__Identity *identity = incident->identity;
    const Up__Contact *contact = incident->contact;
    const Up__Safety *safety = incident->safety;
    enum up_err err = UP_OK;

    if (identity) {
        own->birth = identity->date_of_birth;
        err = name_add(own, identity->name);
        if (!err)
            err = each_add(own, identity->identifiers, identity->n_identifiers, identifier_add);
    }
    if (!err && contact) {
        err = each_add(own, contact->telephones, contact->n_telephones, telephone_add);
        if (!err)
            err = each_add(own, contact->emails, contact->n_emails, email_add);
        if (!err)
            err = address_add(own, contact->address);
        if (!err)
            err = postcode_add(own, contact->postcode);
    }
    if (!err && safety) {
        err = name_hints_add(own, safety->officer_preference);
        if (!err)
            err = name_hints_add(own, safety->contact_instructions);
    }
    return err;
}

static enum up_err others_add(struct account_own *own, const Up__Incident *incident)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < incident->n_suspects; i++) {
        const Up__Suspect *suspect = incident->suspects[i];

        err = each_add(own, suspect->names, suspect->n_names, name_add);
        if (!err)
            err = vehicle_add(own, suspect->vehicle);
    }
    for (size_t i = 0; !err && i < incident->n_witnesses; i++) {
        err = name_add(own, incident->witnesses[i]->name);
        if (!err)
            err = contact_add(own, incident->witnesses[i]->contact);
    }
    if (!err && incident->place) {
        err = address_add(own, incident->place->address);
        if (!err)
            err = postcode_add(own, incident->place->postcode);
        if (!err)
            err = web_add(own, incident->place->url);
    }
    return err;
}

static int term_order(const void *a, const void *b)
{
    return strcmp(((const struct term *)a)->squeezed, ((const struct term *)b)->squeezed);
}

enum up_err account_own_make(const Up__Incident *incident, struct arena *arena,
                             struct account_own **ret_own)
{
    struct account_own *own = arena_alloc(arena, sizeof *own);
    enum up_err err = own ? UP_OK : UP_NO_MEMORY;

    if (err)
        return err;
    own->arena = arena;
    own->birth = "";
    err = person_add(own, incident);
    if (!err)
        err = others_add(own, incident);
    if (!err && own->term_count > 0)
        qsort(own->terms, own->term_count, sizeof *own->terms, term_order);
    if (!err)
        *ret_own = own;
    return err;
}

const char *account_own_birth(const struct account_own *own)
{
    return own->birth;
}

bool account_own_telephone(const struct account_own *own, const char *digits)
{
    size_t len = strlen(digits);

    for (size_t i = 0; i < own->telephone_count; i++) {
        size_t own_len = strlen(own->telephones[i]);

        if (len >= TELEPHONE_MIN && len <= own_len &&
            strcmp(own->telephones[i] + own_len - len, digits) == 0)
            return true;
    }
    return false;
}

/* --- finding ------------------------------------------------------------------------------------------- */

/* May two words with this between them be one value? */
static bool gap_is_narrow(struct up_view text, size_t from, size_t to)
{
    return to - from <= 4 && !memchr(text.data + from, '[', to - from) &&
           !memchr(text.data + from, ']', to - from) && !memchr(text.data + from, '"', to - from) &&
           !memchr(text.data + from, '!', to - from) && !memchr(text.data + from, '?', to - from);
}

static const struct term *term_find(const struct account_own *own, const char *squeezed,
                                    bool address, bool capital)
{
    size_t low = 0;
    size_t high = own->term_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(own->terms[middle].squeezed, squeezed) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < own->term_count && strcmp(own->terms[low].squeezed, squeezed) == 0; low++) {
        if (own->terms[low].address == address && (capital || !own->terms[low].capital))
            return &own->terms[low];
    }
    return NULL;
}

static bool is_number(const struct account_word *word)
{
    return word->fold[0] >= '0' && word->fold[0] <= '9';
}

/* "in May", "3 May", "May 2026"; "Will you", "May I": not the person of that name. */
static bool is_other_use(const struct account_words *words, size_t at)
{
    static const char *const before[] = {"in",   "of", "since", "last", "next", "this",  "until",
                                         "till", "by", "early", "late", "mid",  "during"};
    static const char *const after[] = {"i",   "you",   "he",    "she",   "they", "we",
                                        "it",  "the",   "my",    "this",  "that", "be",
                                        "not", "there", "these", "anyone"};
    const char *fold = words->list[at].fold;
    const struct account_word *prior = at > 0 ? &words->list[at - 1] : NULL;
    const struct account_word *next = at + 1 < words->count ? &words->list[at + 1] : NULL;

    if (next && next->joined)
        return false; /* "May's" */
    if (next && (next->offset - words->list[at].offset - words->list[at].len != 1 ||
                 words->text.data[next->offset - 1] != ' '))
        next = NULL;
    if (account_word_is_month(fold)) {
        if ((prior && is_number(prior)) || (next && is_number(next)))
            return true;
        for (size_t i = 0; prior && i < sizeof before / sizeof before[0]; i++) {
            if (strcmp(prior->fold, before[i]) == 0)
                return true;
        }
    }
    for (size_t i = 0; next && i < sizeof after / sizeof after[0]; i++) {
        if ((strcmp(fold, "will") == 0 || strcmp(fold, "may") == 0) &&
            strcmp(next->fold, after[i]) == 0)
            return true;
    }
    return false;
}

/* "Sarahs house": the apostrophe is often left out. */
static const struct term *possessive_find(const struct account_own *own, char *squeezed, size_t len,
                                          bool capital)
{
    const struct term *term = NULL;

    if (len < 4 || (len == 4 && !capital) || squeezed[len - 1] != 's')
        return NULL;
    squeezed[len - 1] = '\0';
    term = term_find(own, squeezed, false, capital);
    squeezed[len - 1] = 's';
    return term && term->part ? term : NULL;
}

/* The longest value that begins with this word; the words it takes. */
static const struct term *longest_find(const struct account_own *own,
                                       const struct account_words *words, size_t first,
                                       bool address, size_t *ret_count)
{
    const struct term *best = NULL;
    char squeezed[SQUEEZED_MAX + 3];
    size_t len = 0;
    bool capital = words->list[first].capital;

    for (size_t at = first; at < words->count; at++) {
        const struct account_word *word = &words->list[at];
        const char *fold = address ? street_word(word->fold) : word->fold;
        size_t add = strlen(fold);
        size_t end = at > first ? word[-1].offset + word[-1].len : 0;
        const struct term *found = NULL;

        if (len + add > own->squeezed_len_max + 1 ||
            (at > first && !gap_is_narrow(words->text, end, word->offset)))
            break;
        memcpy(squeezed + len, fold, add + 1);
        len += add;
        found = term_find(own, squeezed, address, capital);
        if (!found && !address && at == first)
            found = possessive_find(own, squeezed, len, capital);
        if (found && (!found->part || !is_other_use(words, first))) {
            best = found;
            *ret_count = at - first + 1;
        }
    }
    return best;
}

enum up_err account_own_find(const struct account_own *own, const struct account_words *words,
                             struct account_spans *spans)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < 2 * words->count; i++) {
        size_t first = i / 2;
        size_t count = 0;
        const struct term *term = longest_find(own, words, first, i % 2 == 1, &count);

        if (term) {
            const struct account_word *last = &words->list[first + count - 1];

            err = account_spans_add(spans, words->list[first].offset, last->offset + last->len,
                                    term->kind);
        }
    }
    return err;
}
