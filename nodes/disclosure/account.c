/* SPDX-License-Identifier: MIT
 * Patterns, and the draft made of what they and the report's own values find. The one home of PCRE2. */
#include "nodes/disclosure/account.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/disclosure/account_private.h"
#include "proto/scan.h"
#include "upstander/limits.h"

enum {
    /* Of one search from one place. The patterns repeat nothing without a bound, and need a few hundred. */
    MATCH_STEPS_MAX = 200000,
    MATCH_DEPTH_MAX = 20000,
    MATCH_HEAP_KIB_MAX = 256,
    SQUEEZED_LEN = 64,
};

/* --- patterns ------------------------------------------------------------------------------------------ */

/* Pieces of patterns. In all of them a class or group repeats a bounded number of times. */
#define NO_WORD_BEFORE "(?<![\\w])"
#define NO_WORD_AFTER "(?!\\w)"
#define HINT_BEFORE "(?<![\\w\\[])" /* not the name of a placeholder */
#define MONTH                                                                                      \
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"             \
    "sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?"
#define DAY "[0-3]?[0-9](?:st|nd|rd|th)?"
#define DATE                                                                                       \
    "(?:[12][0-9]{3}[-/.][01]?[0-9][-/.][0-3]?[0-9]"                                               \
    "|[0-3]?[0-9][ ]?[-/.][ ]?[01]?[0-9][ ]?[-/.][ ]?(?:[12][0-9]{3}|[0-9]{2})"                    \
    "|[0-3]?[0-9] [01]?[0-9] (?:19|20)[0-9]{2}"                                                    \
    "|" DAY "(?:\\s{1,2}of)?[\\s,/-]{0,2}" MONTH "[\\s,/-]{0,2}(?:[12][0-9]{3}|[0-9]{2})"          \
    "|" MONTH "\\s{1,2}(?:the\\s)?" DAY ",?\\s{1,2}[12][0-9]{3})(?![0-9])"
/* The 124 postcode areas (Royal Mail, "Postcode Address File"). */
#define POSTCODE_AREA                                                                              \
    "(?:A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]" \
    "|"                                                                                            \
    "JE|K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|"         \
    "T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE)"
#define TITLE                                                                                      \
    "(?:(?i:mr|mrs|ms|mx|dr|prof|professor|cllr|councillor|rev|reverend|pcso|sgt|sergeant|rabbi|"  \
    "imam|sheikh|shaykh|maulana|mufti|pastor|pandit|giani|granthi|detective|inspector|insp|"       \
    "constable|superintendent|supt|doctor|bishop|vicar|canon|nurse|judge|officer|captain)|"        \
    "PC|WPC|DC|DS|DI|DCI|DSI|MP|Miss|MISS|Sir|Dame|Lord|Lady|Father|Fr|Sister|Brother|Uncle|Aunt|" \
    "Auntie)"
#define PARTICLE                                                                                   \
    "(?:[Vv]an|[Vv]on|[Dd]e|[Dd]er|[Dd]en|[Dd]a|[Dd]el|[Dd]i|[Dd]os|[Ll]a|[Ll]e|[Bb]in|[Ii]bn|"    \
    "[Aa]l|[Ee]l|[Uu]l|[Aa]p|Mac|Mc|St\\.?|Ó|O)"
/* Words with a capital letter that begin a clause, and no name. */
#define NOT_A_NAME                                                                                 \
    "(?!(?:I|He|She|They|We|It|You|The|A|An|And|But|When|Then|On|In|At|To|Of|For|From|With|Who|"   \
    "Was|Were|Is|Has|Had|My|His|Her|Our|Their|This|That|There|No|Not|So|If|As|By|Please|World|"    \
    "Christmas|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Police|Tel|Email)\\b)"
#define NAME_WORD NOT_A_NAME "\\p{Lu}(?:[\\p{L}\\p{M}]|['’-](?=\\p{L}{2})){0,30}(?<!['’-])"
#define NAME_WORDS                                                                                 \
    "(?:" PARTICLE "[ '’-]){0,3}" NAME_WORD "(?:[ ]{1,2}(?:" PARTICLE "[ '’-]){0,3}" NAME_WORD     \
    "|[ ]\\p{Lu}\\.(?=[ ]\\p{Lu})){0,3}"
#define KIN                                                                                        \
    "(?:sister|brother|uncle|aunt|auntie|cousin|husband|wife|son|daughter|mum|mother|dad|father|"  \
    "friend|neighbour|partner|colleague|mate|manager|boss|landlord|landlady|carer)"
#define MARK_HINT                                                                                  \
    HINT_BEFORE                                                                                    \
    "(?:reg|registration|registered|plates?|vrm|car|van|lorry|truck|taxi|cab|motorbike|"           \
    "vehicle|drove\\soff\\sin)\\b[^.\\n\\[]{0,40}?(?<![\\w£])"
#define MARK "[A-HJ-PR-Z]" /* a letter of registration marks: neither I nor Q */

struct search; /* below */
/* Where what was found really ends; 0: it is no such thing. */
typedef size_t (*passes)(const struct search *search, size_t start, size_t end);
static size_t pass_web(const struct search *search, size_t start, size_t end);
static size_t pass_handle(const struct search *search, size_t start, size_t end);
static size_t pass_iban(const struct search *search, size_t start, size_t end);
static size_t pass_card(const struct search *search, size_t start, size_t end);
static size_t pass_nhs(const struct search *search, size_t start, size_t end);
static size_t pass_telephone(const struct search *search, size_t start, size_t end);
static size_t pass_own_telephone(const struct search *search, size_t start, size_t end);
static size_t pass_own_birth(const struct search *search, size_t start, size_t end);
static size_t pass_postcode(const struct search *search, size_t start, size_t end);
static size_t pass_mark(const struct search *search, size_t start, size_t end);
static size_t pass_hinted_mark(const struct search *search, size_t start, size_t end);
static size_t pass_name(const struct search *search, size_t start, size_t end);

/* What is found is the last group of the pattern, or all of it. */
static const struct pattern {
    enum account_kind kind;
    bool caseless;
    const char *regex;
    passes passes; /* NULL: the form is enough */
} patterns[] = {
    {ACCOUNT_EMAIL, true,
     "(?<![\\w.+-])[\\w.+%'-]{1,64}(?:@|\\s?[(\\[]at[)\\]]\\s?)[\\w-]{1,63}"
     "(?:(?:\\.|\\s?[(\\[]dot[)\\]]\\s?)[\\w-]{1,63}){1,6}",
     NULL},
    {ACCOUNT_WEB, true, NO_WORD_BEFORE "(?:(?:https?|ftp)://|www\\.)[^\\s<>\"“”]{2,2000}",
     pass_web},
    /* without http: names that only web addresses end in; those that are words too need a path */
    {ACCOUNT_WEB, true,
     "(?<![\\w@.-])(?:[\\w-]{1,63}\\.){1,5}"
     "(?:(?:com|org|net|info|biz|uk|eu|ie|io|tv|app|online|shop|site|club|xyz|wales|scot|london|"
     "example)"
     "(?:/[^\\s<>\"“”]{0,2000}|(?![\\w-]))"
     "|[a-z]{2}/[^\\s<>\"“”]{1,2000})",
     pass_web},
    {ACCOUNT_HANDLE, true, "(?<![\\w@./\\]])@[\\w][\\w.]{1,29}", pass_handle},
    {ACCOUNT_HANDLE, true,
     HINT_BEFORE
     "(?:snapchat|snap|instagram|insta|twitter|tiktok|telegram|discord|facebook)"
     "(?:\\s(?:name|handle|user|username|account|id))?(?:\\sis|\\s?[:=])\\s{0,2}([\\w.]{3,30})",
     pass_handle},
    {ACCOUNT_HANDLE, true, "(?<![\\w/])/?u/[\\w-]{3,30}", NULL},
    {ACCOUNT_IBAN, true,
     NO_WORD_BEFORE
     "[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?" NO_WORD_AFTER,
     pass_iban},
    {ACCOUNT_CARD, false, NO_WORD_BEFORE "[2-6](?:[ -]{0,2}[0-9]){11,30}" NO_WORD_AFTER, pass_card},
    {ACCOUNT_NHS, false, NO_WORD_BEFORE "[0-9]{3}[ -]{0,2}[0-9]{3}[ -]{0,2}[0-9]{4}" NO_WORD_AFTER,
     pass_nhs},
    /* HMRC, National Insurance Manual NIM39110: letters that are never used, and prefixes that are not */
    {ACCOUNT_NI, true,
     NO_WORD_BEFORE
     "(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
     "(?:(?:[ -]{0,2}[0-9]{2}){3}[ -]{0,2}[A-D]|(?:[ -]{1,2}[0-9]{2}){3})" NO_WORD_AFTER,
     NULL},
    {ACCOUNT_TELEPHONE, false,
     "(?<![0-9A-Z£$€+])(?<![0-9][.,])(?:\\(?\\+[ ]?|\\()?[0-9](?:[ "
     ".()/–-]{0,3}[0-9]){7,24}" NO_WORD_AFTER,
     pass_telephone},
    {ACCOUNT_TELEPHONE, false,
     "(?<![\\w])[+(]{0,2}[0-9](?:[ .()/–-]{0,3}[0-9]){5,24}" NO_WORD_AFTER, pass_own_telephone},
    /* without its 0, or without its area, after a word that says what it is */
    {ACCOUNT_TELEPHONE, true,
     HINT_BEFORE "(?:phone|telephone|tel|mobile|mob|ring|rang|call|called|text|texted|whatsapp)"
                 "(?:\\s(?:me|us|him|her|them|number|no|is|on|at)){0,3}[.:]?\\s{0,2}"
                 "(7[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}|[2-9][0-9]{2}[ -]?[0-9]{3,4})" NO_WORD_AFTER,
     NULL},
    {ACCOUNT_BIRTH, true,
     HINT_BEFORE
     "(?:born|d\\.?o\\.?b|date\\s+of\\s+birth|birth\\s?day|birth\\s?date)\\b[^0-9\\n\\[]{0,24}?"
     "(?<![0-9])(" DATE ")",
     NULL},
    {ACCOUNT_BIRTH, true,
     HINT_BEFORE "born\\s{1,2}(?:in\\s)?((?:" MONTH "\\s)?(?:19|20)[0-9]{2})(?![0-9])", NULL},
    {ACCOUNT_BIRTH, true, "(?<![\\w/.-])" DATE, pass_own_birth},
    /* DVLA INF104: since 2001, with the half-year; 1983 to 2001; 1963 to 1983; Northern Ireland */
    {ACCOUNT_VEHICLE, true,
     NO_WORD_BEFORE MARK "{2}(?!0[01])[0-9]{2}[ -]{0,2}" MARK "{3}" NO_WORD_AFTER, pass_mark},
    {ACCOUNT_VEHICLE, true, NO_WORD_BEFORE MARK "[0-9]{1,3}[ -]{0,2}" MARK "{3}" NO_WORD_AFTER,
     pass_mark},
    {ACCOUNT_VEHICLE, true, NO_WORD_BEFORE MARK "{3}[ -]{0,2}[0-9]{1,3}" MARK NO_WORD_AFTER,
     pass_mark},
    {ACCOUNT_VEHICLE, false,
     NO_WORD_BEFORE "[A-Z](?:[A-Z]Z|I[A-Z]|[JOUX]I)[ -]?[0-9]{3,4}" NO_WORD_AFTER, pass_mark},
    /* those without a date could be anything: only in a sentence about something that has one */
    {ACCOUNT_VEHICLE, true,
     MARK_HINT "((?-i:[0-9]{1,4}[ -]?" MARK "{1,3}|" MARK "{2,3}[ -]?[0-9]{2,4}))" NO_WORD_AFTER,
     pass_hinted_mark},
    {ACCOUNT_VEHICLE, true,
     MARK_HINT "(" MARK "[0-9]{1,3}[ -]?" MARK "{3}|" MARK "{3}[ -]?[0-9]{1,3}" MARK
               "|[A-Z](?:[A-Z]Z|I[A-Z]|[JOUX]I)[ -]?[0-9]{1,4})" NO_WORD_AFTER,
     pass_hinted_mark},
    /* DVLA INF45: the number of a driving licence */
    {ACCOUNT_IDENTIFIER, true,
     NO_WORD_BEFORE "[A-Z9]{5}[ -]?[0-9]{6}[ -]?[A-Z9]{2}[0-9A-Z][A-Z]{2}" NO_WORD_AFTER, NULL},
    {ACCOUNT_POSTCODE, true,
     NO_WORD_BEFORE POSTCODE_AREA
     "(?:[0-9]{1,2}|[0-9][A-HJKMNP-Y])[\\h-]{0,3}[0-9][ABD-HJLNP-UW-Z]{2}" NO_WORD_AFTER,
     pass_postcode},
    {ACCOUNT_NAME, false, NO_WORD_BEFORE "(?:" TITLE "\\.?[ ]{1,2}){1,3}" NAME_WORDS, pass_name},
    /* in small letters only after what can be nothing else */
    {ACCOUNT_NAME, true, NO_WORD_BEFORE "(?:mr|mrs|ms)\\.?[ ]{1,2}[\\p{L}'’-]{2,30}", pass_name},
    {ACCOUNT_NAME, false,
     HINT_BEFORE "(?i:my|his|her|our|their|the)[ ]{1,2}(?i:" KIN ")[ ]{1,2}(" NAME_WORDS ")",
     pass_name},
    {ACCOUNT_NAME, false,
     HINT_BEFORE "(?i:name\\s?is|name['’]s|name\\swas|(?:man|woman|boy|girl|lad|person|guy)\\s(?:"
                 "called|named))[ ]{1,2}"
                 "(" NAME_WORDS ")",
     pass_name},
    {ACCOUNT_ADDRESS, false,
     NO_WORD_BEFORE
     "(?:(?i:flat|apartment|apt|unit)\\.?[ ]?[0-9]{1,4}[a-zA-Z]?,?[ ])?[0-9]{1,4}[a-zA-Z]?,?[ ]"
     "(?:\\p{Lu}[\\p{L}'’.-]{0,30}[ ]){1,3}"
     "(?:Road|Rd|Street|St|Avenue|Ave|Lane|Ln|Close|Drive|Dr|Crescent|Cres|Terrace|Court|Gardens|"
     "Grove|Place|Way|Square|Mews|Walk|Hill|Row|Gate|Parade|Rise)" NO_WORD_AFTER,
     NULL},
};
enum { PATTERN_COUNT = sizeof patterns / sizeof patterns[0] };

/* --- what a pattern alone can't say ------------------------------------------------------------------- */

/* One draft while it is made. */
struct search {
    const Up__Incident *incident;
    const char *text;
    struct up_view view;
    struct account_words words;
    struct account_own *own;
    struct account_spans spans;
    struct arena *arena;
    pcre2_compile_context *compiling;
    pcre2_match_context *matching;
    pcre2_match_data *match;
};

static bool ends_with(const struct search *search, size_t start, size_t end, const char *tail)
{
    size_t len = strlen(tail);

    return end - start >= len && memcmp(search->text + end - len, tail, len) == 0;
}

/* What closes the sentence is no part of an address. */
static size_t pass_web(const struct search *search, size_t start, size_t end)
{
    static const char *const closes[] = {".", ",", ";", ":", "!", "?",
                                         ")", "]", "}", "'", "’", "*"};
    bool cut = true;

    while (cut) {
        cut = false;
        for (size_t i = 0; i < sizeof closes / sizeof closes[0]; i++) {
            if (ends_with(search, start, end, closes[i])) {
                end -= strlen(closes[i]);
                cut = true;
            }
        }
    }
    return end > start ? end : 0;
}

static size_t pass_handle(const struct search *search, size_t start, size_t end)
{
    bool letter = false;

    while (end > start && search->text[end - 1] == '.')
        end--;
    for (size_t i = start; i < end; i++)
        letter |= (unsigned char)search->text[i] >= 'A';
    return letter && end - start > 2 ? end : 0;
}

static size_t pass_iban(const struct search *search, size_t start, size_t end)
{
    return account_numbers_iban(search->text, start, end);
}

static size_t pass_card(const struct search *search, size_t start, size_t end)
{
    return account_numbers_card(search->text, start, end);
}

static size_t pass_nhs(const struct search *search, size_t start, size_t end)
{
    return account_numbers_nhs(search->text, start, end);
}

static size_t pass_telephone(const struct search *search, size_t start, size_t end)
{
    return account_numbers_telephone(search->text, start, end);
}

static size_t pass_own_telephone(const struct search *search, size_t start, size_t end)
{
    char digits[32];

    (void)account_numbers_digits(up_view_of(search->text + start, end - start), digits,
                                 sizeof digits);
    return account_own_telephone(search->own, digits) ? end : 0;
}

static unsigned number_at(const char **at)
{
    unsigned value = 0;

    for (; **at >= '0' && **at <= '9' && value < 10000; (*at)++)
        value = value * 10 + (unsigned)(**at - '0');
    return value;
}

static unsigned month_named(const char *at)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    for (unsigned month = 0; month < 12; month++) {
        bool same = true;

        for (unsigned i = 0; i < 3; i++)
            same &= (at[i] | 0x20) == names[3 * month + i];
        if (same)
            return month + 1;
    }
    return 0;
}

/* The numbers of a date in the order they stand, a month's name as 100 and its number. */
static size_t date_read(const char *at, const char *end, unsigned ret_numbers[static 3])
{
    size_t count = 0;

    while (at < end && count < 3) {
        if (*at >= '0' && *at <= '9') {
            ret_numbers[count++] = number_at(&at);
        } else if (end - at >= 3 && month_named(at)) {
            ret_numbers[count++] = 100 + month_named(at);
            while (at < end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
                at++;
        } else {
            at++;
        }
    }
    return count;
}

static bool is_own_birth(const char *birth, const char *text, size_t len)
{
    unsigned own[3] = {0};
    unsigned found[3] = {0};
    unsigned year = 0;
    unsigned a = 0;
    unsigned b = 0;

    if (strlen(birth) != 10 || date_read(birth, birth + 10, own) != 3 ||
        date_read(text, text + len, found) != 3)
        return false;
    year = found[0] > 1000 && found[0] < 100000 ? found[0] : found[2];
    a = found[0] == year ? found[1] : found[0];
    b = found[0] == year ? found[2] : found[1];
    if (year != own[0] && (year >= 100 || year != own[0] % 100))
        return false;
    if (a > 100 || b > 100) /* a name says which is the month */
        return (a == 100 + own[1] && b == own[2]) || (b == 100 + own[1] && a == own[2]);
    return (a == own[1] && b == own[2]) || (b == own[1] && a == own[2]);
}

static size_t pass_own_birth(const struct search *search, size_t start, size_t end)
{
    return is_own_birth(account_own_birth(search->own), search->text + start, end - start) ? end
                                                                                           : 0;
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* "junction M1 2nd exit" is no postcode. */
static size_t pass_postcode(const struct search *search, size_t start, size_t end)
{
    static const char *const ordinals[] = {"st", "nd", "rd", "th"};

    for (size_t i = 0; i < sizeof ordinals / sizeof ordinals[0]; i++) {
        if (ends_with(search, start, end, ordinals[i]) && is_capital(search->text[start]))
            return 0;
    }
    return end;
}

/* Three letters that also make a word: "A46 THE", "the 48a bus". */
static bool is_small_word(const char *at)
{
    static const char words[] = " the and for was but not you all can her his had has him she who "
                                "did get got its our out day man men new now "
                                "old see two way any may say use ten one six off end too yet why "
                                "how car bus van cab taxi am pm mph km age aged "
                                "at on in to of it is he we no so st nd rd th or by my me be as if "
                                "up us do go mm cm kg lbs ft ";
    char word[8] = " ";
    size_t len = 1;

    for (; len < 5 && (is_small(*at) || is_capital(*at)); at++)
        word[len++] = (char)(*at | 0x20);
    word[len++] = ' ';
    word[len] = '\0';
    return strstr(words, word) != NULL;
}

static bool is_letter(char c)
{
    return is_small(c) || is_capital(c);
}

/* What is no mark even behind a word such as "registration": roads, buses, times of day. */
static size_t pass_hinted_mark(const struct search *search, size_t start, size_t end)
{
    const char *text = search->text;
    size_t capitals = 0;
    size_t small = 0;

    for (size_t i = start; i < end; i++) {
        capitals += is_capital(text[i]);
        small += is_small(text[i]);
    }
    for (size_t i = start; i < end; i++) {
        size_t len = 0;

        while (i + len < end && is_letter(text[i + len]))
            len++;
        /* the two letters of "KM62 PUT" are no word */
        if ((len >= 3 || (len > 0 && capitals + small <= 3)) && is_small_word(text + i))
            return 0;
        i += len;
    }
    return capitals == 0 || small == 0 ? end : 0;
}

/* In small letters with a gap "a1 abc" is too much like a road and a word; "ab12 cde" is not. */
static size_t pass_mark(const struct search *search, size_t start, size_t end)
{
    const char *text = search->text;
    bool gap = memchr(text + start, ' ', end - start) || memchr(text + start, '-', end - start);
    bool newer = is_letter(text[start + 1]) && text[start + 2] <= '9' && text[start + 3] <= '9';

    /* nothing else looks like "XS09 NEW" in capitals, whatever word it ends in */
    if (newer && is_capital(text[start]) && is_capital(text[end - 1]))
        return end;
    return !gap || newer || is_capital(text[start]) ? pass_hinted_mark(search, start, end) : 0;
}

/* Number of the first word that begins at an offset or after it. */
static size_t word_from(const struct account_words *words, size_t offset)
{
    size_t low = 0;
    size_t high = words->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (words->list[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What follows a title must not be a nationality or religion, which stay, or nothing but small words. */
static size_t pass_name(const struct search *search, size_t start, size_t end)
{
    const struct account_words *words = &search->words;

    for (size_t i = word_from(words, start); i < words->count && words->list[i].offset < end; i++) {
        switch (account_word_class(words->list[i].fold)) {
        case ACCOUNT_WORD_STRAND:
            return 0;
        case ACCOUNT_WORD_PLAIN:
        case ACCOUNT_WORD_EVERYDAY:
            return end;
        case ACCOUNT_WORD_TITLE:
        case ACCOUNT_WORD_FUNCTION:
            break;
        }
    }
    return 0;
}

/* --- searching ----------------------------------------------------------------------------------------- */

/* PCRE2 takes what it needs from the arena, where nothing is given back one by one. */
static void *take(PCRE2_SIZE len, void *arena)
{
    return arena_alloc(arena, len);
}

static void give_back(void *memory, void *arena)
{
    (void)memory;
    (void)arena;
}

static enum up_err search_begin(struct search *search)
{
    pcre2_general_context *general = pcre2_general_context_create(take, give_back, search->arena);

    if (!general)
        return UP_NO_MEMORY;
    search->compiling = pcre2_compile_context_create(general);
    search->matching = pcre2_match_context_create(general);
    search->match = pcre2_match_data_create(4, general);
    if (!search->compiling || !search->matching || !search->match)
        return UP_NO_MEMORY;
    (void)pcre2_set_match_limit(search->matching, MATCH_STEPS_MAX);
    (void)pcre2_set_depth_limit(search->matching, MATCH_DEPTH_MAX);
    (void)pcre2_set_heap_limit(search->matching, MATCH_HEAP_KIB_MAX);
    return UP_OK;
}

static size_t after_point(const struct search *search, size_t at)
{
    do {
        at++;
    } while (at < search->view.len && (search->text[at] & 0xc0) == 0x80);
    return at;
}

static enum up_err run(struct search *search, const struct pattern *pattern, const pcre2_code *code)
{
    size_t at = 0;

    while (at < search->view.len) {
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(search->match);
        int groups = pcre2_match(code, search->view.data, search->view.len, at, PCRE2_NO_UTF_CHECK,
                                 search->match, search->matching);
        size_t start = 0;
        size_t end = 0;

        if (groups == PCRE2_ERROR_NOMATCH)
            break;
        if (groups == PCRE2_ERROR_NOMEMORY)
            return UP_NO_MEMORY;
        if (groups < 1)
            return UP_TOO_LARGE;
        start = found[groups > 1 ? 2 : 0];
        end = found[groups > 1 ? 3 : 1];
        if (pattern->passes)
            end = pattern->passes(search, start, end);
        if (end > 0) {
            if (account_spans_add(&search->spans, start, end, pattern->kind))
                return UP_NO_MEMORY;
            at = end > at ? end : after_point(search, at);
        } else {
            at = after_point(search, found[0] >= at ? found[0] : at);
        }
    }
    return UP_OK;
}

static enum up_err patterns_find(struct search *search)
{
    enum up_err err = search_begin(search);

    for (size_t i = 0; !err && i < PATTERN_COUNT; i++) {
        uint32_t options = PCRE2_UTF | PCRE2_UCP | (patterns[i].caseless ? PCRE2_CASELESS : 0);
        int code_error = 0;
        PCRE2_SIZE where = 0;
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)patterns[i].regex, PCRE2_ZERO_TERMINATED,
                                         options, &code_error, &where, search->compiling);

        up_assert(code ||
                  code_error == PCRE2_ERROR_HEAP_FAILED); /* our own patterns are well formed */
        err = code ? run(search, &patterns[i], code) : UP_NO_MEMORY;
    }
    return err;
}

/* --- the draft ----------------------------------------------------------------------------------------- */

static const char *const kind_texts[] = {
    [ACCOUNT_WEB] = "web address",     [ACCOUNT_EMAIL] = "e-mail",
    [ACCOUNT_HANDLE] = "handle",       [ACCOUNT_IBAN] = "IBAN",
    [ACCOUNT_CARD] = "card",           [ACCOUNT_NHS] = "NHS number",
    [ACCOUNT_NI] = "NI number",        [ACCOUNT_TELEPHONE] = "telephone",
    [ACCOUNT_BIRTH] = "date of birth", [ACCOUNT_VEHICLE] = "vehicle",
    [ACCOUNT_POSTCODE] = "postcode",   [ACCOUNT_ADDRESS] = "address",
    [ACCOUNT_NAME] = "name",           [ACCOUNT_IDENTIFIER] = "identifier"};
_Static_assert(sizeof kind_texts / sizeof kind_texts[0] == ACCOUNT_KIND_COUNT, "a text for each");

const char *account_kind_text(enum account_kind kind)
{
    return kind < ACCOUNT_KIND_COUNT ? kind_texts[kind] : "";
}

/* Where they begin; the longer first; then the one that says more. */
static int span_order(const void *a, const void *b)
{
    const struct account_span *x = a;
    const struct account_span *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* Does it lie in a placeholder that stands in the narrative already? */
static bool in_placeholder(const struct search *search, const struct account_span *span)
{
    size_t open = span->offset;
    size_t close = span->offset + span->len;

    while (open > 0 && span->offset - open < 16 && search->text[open - 1] != '[' &&
           search->text[open - 1] != ']')
        open--;
    while (close < search->view.len && close - span->offset < 32 && search->text[close] != ']' &&
           search->text[close] != '[')
        close++;
    if (open == 0 || search->text[open - 1] != '[' || search->text[close] != ']')
        return false;
    for (size_t kind = 0; kind < ACCOUNT_KIND_COUNT; kind++) {
        if (strlen(kind_texts[kind]) == close - open &&
            memcmp(kind_texts[kind], search->text + open, close - open) == 0)
            return true;
    }
    return false;
}

/* Two names with only a blank or a hyphen between are one. */
static bool is_one_name(const struct search *search, const struct account_span *before,
                        const struct account_span *next)
{
    size_t end = before->offset + before->len;

    return before->kind == ACCOUNT_NAME && next->kind == ACCOUNT_NAME && next->offset - end <= 2 &&
           strspn(search->text + end, " -.") >= next->offset - end;
}

/* Spans that overlap become one, of the kind of the longest. */
static void spans_resolve(struct search *search)
{
    struct account_spans *spans = &search->spans;
    size_t count = 0;
    size_t longest = 0;

    if (spans->count > 0)
        qsort(spans->list, spans->count, sizeof *spans->list, span_order);
    for (size_t i = 0; i < spans->count; i++) {
        struct account_span next = spans->list[i];
        struct account_span *last = count > 0 ? &spans->list[count - 1] : NULL;
        bool overlaps = last && next.offset < last->offset + last->len;

        if (in_placeholder(search, &next))
            continue;
        if (overlaps || (last && is_one_name(search, last, &next))) {
            if (next.len > longest)
                last->kind = next.kind;
            longest = next.len > longest ? next.len : longest;
            if (next.offset + next.len > last->offset + last->len)
                last->len = next.offset + next.len - last->offset;
            continue;
        }
        longest = next.len;
        spans->list[count++] = next;
    }
    spans->count = count;
}

static enum up_err draft_write(struct search *search, struct account_draft *ret_draft)
{
    const struct account_spans *spans = &search->spans;
    size_t len = search->view.len + 1;
    size_t from = 0;
    size_t to = 0;
    char *text = NULL;

    for (size_t i = 0; i < spans->count; i++)
        len += strlen(kind_texts[spans->list[i].kind]) + 2;
    text = arena_alloc(search->arena, len);
    if (!text)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < spans->count; i++) {
        const struct account_span *span = &spans->list[i];
        const char *kind = kind_texts[span->kind];

        memcpy(text + to, search->text + from, span->offset - from);
        to += span->offset - from;
        text[to++] = '[';
        memcpy(text + to, kind, strlen(kind) + 1); /* its NUL gives way at once */
        to += strlen(kind);
        text[to++] = ']';
        from = span->offset + span->len;
    }
    memcpy(text + to, search->text + from, search->view.len - from);
    *ret_draft =
        (struct account_draft){.text = text, .spans = spans->list, .span_count = spans->count};
    return UP_OK;
}

enum up_err account_draft(const Up__Incident *incident, struct arena *arena,
                          struct account_draft *ret_draft)
{
    size_t len = strlen(incident->narrative);
    struct search search = {.incident = incident,
                            .text = incident->narrative,
                            .view = up_view_of(incident->narrative, len),
                            .arena = arena,
                            .spans = {.arena = arena}};
    enum up_err err = UP_OK;

    if (len > UP_NARRATIVE_LEN_MAX)
        return UP_TOO_LARGE;
    if (!scan_text(search.view))
        return UP_INVALID;
    err = account_words_make(search.view, arena, &search.words);
    if (!err)
        err = account_own_make(incident, arena, &search.own);
    if (!err)
        err = account_own_find(search.own, &search.words, &search.spans);
    if (!err)
        err = patterns_find(&search);
    if (err)
        return err;
    spans_resolve(&search);
    return draft_write(&search, ret_draft);
}
