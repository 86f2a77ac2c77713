/* SPDX-License-Identifier: MIT
 * Numbers that say by themselves what they are: by range, length or check digit. */
#include <string.h>

#include "nodes/disclosure/account_private.h"

enum { CHARS_MAX = 48 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters and digits of a piece, capitals; how many there are before each of them ends a group. */
struct squeezed {
    char chars[CHARS_MAX + 1];
    size_t ends[CHARS_MAX]; /* where the piece would end after this one */
    bool last[CHARS_MAX];   /* a gap, or the end, comes after it */
    size_t count;
};

static void squeeze(const char *text, size_t start, size_t end, struct squeezed *ret)
{
    memset(ret, 0, sizeof *ret);
    for (size_t at = start; at < end && ret->count < CHARS_MAX; at++) {
        bool more = at + 1 < end && (is_digit(text[at + 1]) || is_letter(text[at + 1]));

        if (!is_digit(text[at]) && !is_letter(text[at]))
            continue;
        ret->chars[ret->count] =
            (char)(text[at] >= 'a' && text[at] <= 'z' ? text[at] - ('a' - 'A') : text[at]);
        ret->ends[ret->count] = at + 1;
        ret->last[ret->count] = !more;
        ret->count++;
    }
}

/* The end of the longest piece that ends with a group and passes; 0: none does. */
static size_t longest(const char *text, size_t start, size_t end,
                      bool (*passes)(const char *chars, size_t count))
{
    struct squeezed piece;

    squeeze(text, start, end, &piece);
    for (size_t count = piece.count; count > 0; count--) {
        if (piece.last[count - 1] && passes(piece.chars, count))
            return piece.ends[count - 1];
    }
    return 0;
}

/* --- telephones ---------------------------------------------------------------------------------------- */

/* Ofcom, "The National Telephone Numbering Plan" (ofcom.org.uk, numbering): what a number may begin with, and how many
 * digits it then has in all, the first 0 counted. 01: places, a few with one digit less. 02: wide areas. 03: one price
 * everywhere. 05: corporate and internet (055, 056). 07: mobiles, pagers, personal numbers. 08: free and special
 * services, 0800 1111 and 0845 46 4x among them. 09: premium rate. 999, 112, 101, 111 and other short numbers are
 * nobody's own and are never taken for one. */
static const struct {
    const char *begin;
    size_t shortest;
    size_t longest;
} ranges[] = {{"01", 10, 11},  {"02", 11, 11},     {"03", 11, 11},   {"055", 11, 11},
              {"056", 11, 11}, {"07", 11, 11},     {"0800", 10, 11}, {"08", 11, 11},
              {"09", 11, 11},  {"08001111", 8, 8}, {"084546", 8, 8}};
/* ITU-T E.164: country code and number together have at most 15 digits. */
enum { ABROAD_SHORTEST = 8, ABROAD_LONGEST = 15 };

static bool is_national(const char *digits, size_t count)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (strncmp(digits, ranges[i].begin, strlen(ranges[i].begin)) == 0 &&
            count >= ranges[i].shortest && count <= ranges[i].longest)
            return true;
    }
    return false;
}

/* 44 with an optional (0) to 0; count is drawn in with it. */
static void nationalise(char *digits, size_t *count, size_t code_len)
{
    size_t skip = code_len < *count && digits[code_len] == '0' ? code_len : code_len - 1;

    memmove(digits, digits + skip, *count - skip + 1);
    digits[0] = '0';
    *count -= skip;
}

static bool is_telephone(const char *chars, size_t count, bool plus)
{
    char digits[CHARS_MAX + 1] = "";

    memcpy(digits, chars, count);
    if (plus && strncmp(digits, "44", 2) == 0 && count > 2) {
        nationalise(digits, &count, 2);
        return is_national(digits, count);
    }
    if (strncmp(digits, "0044", 4) == 0 && count > 4) {
        nationalise(digits, &count, 4);
        return is_national(digits, count);
    }
    if (strncmp(digits, "00", 2) == 0)
        return count >= ABROAD_SHORTEST + 2 && count <= ABROAD_LONGEST + 2;
    if (plus)
        return count >= ABROAD_SHORTEST && count <= ABROAD_LONGEST;
    return is_national(digits, count);
}

/* "03/11/2026 14", "2026-11-03": a day, not a number to ring. */
static bool looks_like_date(const char *text, size_t start, size_t end)
{
    size_t lens[3] = {0};
    size_t at = start;

    for (size_t i = 0; i < 3; i++) {
        while (at < end && is_digit(text[at])) {
            lens[i]++;
            at++;
        }
        if (i < 2 && (at == end || !strchr("./-", text[at])))
            return false;
        if (i < 2)
            at++;
    }
    return (lens[0] <= 2 && lens[1] <= 2 && (lens[2] == 4 || lens[2] == 2)) ||
           (lens[0] == 4 && text[start] != '0' && lens[1] <= 2 && lens[2] <= 2);
}

size_t account_numbers_telephone(const char *text, size_t start, size_t end)
{
    struct squeezed piece;
    bool plus = text[start] == '+' || text[start + 1] == '+';

    squeeze(text, start, end, &piece);
    if (looks_like_date(text, start, end))
        return 0;
    for (size_t count = piece.count; count > 0; count--) {
        if (piece.last[count - 1] && is_telephone(piece.chars, count, plus))
            return piece.ends[count - 1];
    }
    return 0;
}

size_t account_numbers_digits(struct up_view text, char *ret_digits, size_t len_max)
{
    size_t count = 0;
    bool plus = memchr(text.data, '+', text.len) != NULL;

    for (size_t i = 0; i < text.len && count + 1 < len_max; i++) {
        if (is_digit((char)text.data[i]))
            ret_digits[count++] = (char)text.data[i];
    }
    ret_digits[count] = '\0';
    if (plus && count > 2 && strncmp(ret_digits, "44", 2) == 0)
        nationalise(ret_digits, &count, 2);
    else if (count > 4 && strncmp(ret_digits, "0044", 4) == 0)
        nationalise(ret_digits, &count, 4);
    return count;
}

/* --- cards, accounts, health service ------------------------------------------------------------------- */

/* ISO/IEC 7812: 12 to 19 digits, the last a check digit (Luhn); payment cards begin with 2 to 6. */
static bool is_card(const char *chars, size_t count)
{
    unsigned sum = 0;

    if (count < 12 || count > 19 || chars[0] < '2' || chars[0] > '6')
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(chars[count - 1 - i] - '0') * (i % 2 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

size_t account_numbers_card(const char *text, size_t start, size_t end)
{
    return longest(text, start, end, is_card);
}

/* ISO 13616: country, two check digits, 11 to 30 more; moved to the end, the whole is 1 modulo 97. */
static bool is_iban(const char *chars, size_t count)
{
    unsigned rest = 0;

    if (count < 15 || count > 34)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = chars[(i + 4) % count];

        rest = is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97
                           : (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
    }
    return rest == 1;
}

size_t account_numbers_iban(const char *text, size_t start, size_t end)
{
    return longest(text, start, end, is_iban);
}

/* NHS Data Dictionary, "NHS NUMBER": ten digits, the last one 11 minus the weighted sum of the others modulo 11. */
static bool is_nhs(const char *chars, size_t count)
{
    unsigned sum = 0;

    if (count != 10)
        return false;
    for (unsigned i = 0; i < 9; i++)
        sum += (unsigned)(chars[i] - '0') * (10 - i);
    return (11 - sum % 11) % 11 == (unsigned)(chars[9] - '0') && sum > 0;
}

size_t account_numbers_nhs(const char *text, size_t start, size_t end)
{
    return longest(text, start, end, is_nhs);
}
