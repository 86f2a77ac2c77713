/* SPDX-License-Identifier: MIT */
#include "tests/lib/account_gen.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTENCE_MAX = 8192, VALUE_MAX = 160, TEXT_MAX = 64 * 1024, CAST = 3, UK_TIMES = 4 };

struct person {
    char given[32];
    char family[32];
};

/* One sentence while it is written. */
struct writer {
    struct account_gen *gen;
    struct account_sample *sample;
    struct person cast[CAST]; /* who stands in the report: who reports, a suspect, a witness */
    bool used[CAST];
    char text[SENTENCE_MAX];
    size_t len;
};

static const char *const givens[] = {
    "Sarah",    "Mohammed", "Aisha",     "Tomasz",  "Agnieszka", "Priya", "Harpreet", "José",
    "Zoë",      "Siân",     "Oluwaseun", "Chidi",   "Fatima",    "Yusuf", "Wei",      "Li",
    "Jo",       "Bo",       "Kieran",    "Siobhán", "Mairéad",   "Dave",  "Kev",      "Gary",
    "Will",     "Grace",    "May",       "Mark",    "Rose",      "Hope",  "Amber",    "Faith",
    "Mary-Ann", "Jean-Luc", "Abdul",     "Nasreen", "Rebecca",   "Moshe", "Miriam",   "Ionuț",
    "Łukasz",   "Björn",    "Ngozi",     "Tariq",   "Simran",    "Ravi",  "Deepa",    "Callum",
    "Chloe",    "Liam",     "Olena",     "Dmytro",  "Hùng",      "Thảo",  "Sanjay",   "Wojciech",
};
static const char *const families[] = {
    "Khan",       "Begum",        "O'Brien",  "McDonald", "Smith",      "Singh",
    "Kaur",       "Patel",        "Kowalski", "Nowak",    "Al-Hassan",  "Smith-Jones",
    "García",     "Müller",       "Young",    "Brown",    "White",      "King",
    "Baker",      "Hussain",      "Ahmed",    "Adeyemi",  "Okafor",     "Nguyen",
    "Wong",       "Cohen",        "Goldberg", "Popescu",  "Ștefănescu", "Ó Súilleabháin",
    "MacLeod",    "Fitzgerald",   "Campbell", "Taylor",   "Whitfield",  "Braithwaite",
    "Osei-Bonsu", "van der Berg", "De Souza", "Begović",  "Rashid",     "Sharma",
    "Chowdhury",  "Mbeki",        "Yılmaz",   "Øster",    "Strauß",     "Hughes",
    "Pritchard",
};
/* Everyday words as well: nobody can tell them from names in small letters. */
static const char *const ambiguous[] = {
    "Will",  "Grace", "May",   "Mark", "Rose", "Hope", "Amber", "Faith",  "Young", "Brown",
    "White", "King",  "Baker", "Jo",   "Bo",   "Li",   "Wei",   "Taylor", "Dave"};
static const char *const streets[] = {
    "Acacia Avenue",  "Station Road",   "High Street",      "Saxby Street",      "Narborough Road",
    "Church Lane",    "Mill Close",     "St Peter's Road",  "Green Lane",        "Victoria Terrace",
    "Evington Drive", "Belgrave Gate",  "Queen's Crescent", "The Paddocks",      "Windmill Hill",
    "Orchard Way",    "Kingsley Court", "Fosse Mews",       "Uppingham Gardens", "Melton Grove",
};
static const char *const towns[] = {"Leicester",    "Northampton", "Corby",          "Kettering",
                                    "Loughborough", "Hinckley",    "Wellingborough", "Daventry"};
static const char *const counties[] = {"Leicestershire", "Northamptonshire", "Rutland"};
static const char *const countries[] = {"Poland",  "Pakistan", "Nigeria", "Ireland", "Syria",
                                        "Romania", "Wales",    "Jamaica", "Ukraine", "Vietnam"};
static const char *const nationalities[] = {
    "Polish",   "Pakistani", "Nigerian", "Irish",     "Syrian",  "Romanian",    "Welsh",
    "Jamaican", "Indian",    "Somali",   "Ukrainian", "Chinese", "Bangladeshi", "Afghan"};
static const char *const nations[] = {"Poles",     "Pakistanis", "Nigerians", "Syrians",
                                      "Romanians", "Somalis",    "Afghans",   "Indians",
                                      "Jamaicans", "Albanians"};
static const char *const religions[] = {"Muslim",    "Jewish",   "Sikh",    "Hindu",
                                        "Christian", "Catholic", "Buddhist"};
static const char *const believers[] = {"Muslims",    "Jews",      "Sikhs",    "Hindus",
                                        "Christians", "Catholics", "Buddhists"};
static const char *const jobs[] = {"shop worker", "nurse", "cleaner", "bus driver", "teacher"};
static const char *const companies[] = {"the corner shop",  "the job centre",  "the leisure centre",
                                        "the town library", "a delivery firm", "the college"};
static const char *const days[] = {"Monday", "Tuesday", "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const titles[] = {
    "Mr", "Mrs", "Ms",        "Miss",       "Dr",        "PC",   "Cllr", "Imam", "Rabbi",  "Rev",
    "DC", "Sgt", "Professor", "Councillor", "Inspector", "PCSO", "Mr.",  "Dr.",  "Father", "Sir"};
static const char *const he_titles[] = {"Mr", "Mr.", "Dr", "Sir", "Father", "PC"};
static const char *const she_titles[] = {"Mrs", "Ms", "Miss", "Dr.", "Ms.", "Lady"};

#define PICK(gen, list) (list)[gen_below(gen, sizeof(list) / sizeof((list)[0]))]

static void add(struct writer *out, const char *text)
{
    size_t len = strlen(text);

    if (out->len + len + 1 > sizeof out->text)
        abort();
    memcpy(out->text + out->len, text, len + 1);
    out->len += len;
}

static void add_part(struct writer *out, const char *text, enum account_gen_what what,
                     const char *kind)
{
    struct account_sample *sample = out->sample;

    if (sample->count == ACCOUNT_GEN_PARTS_MAX)
        abort();
    sample->parts[sample->count++] = (struct account_gen_part){
        .offset = out->len, .len = strlen(text), .what = what, .kind = kind};
    add(out, text);
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

static void upper(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)toupper((unsigned char)*text);
}

static void digits(struct gen *gen, char *ret_text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ret_text[i] = (char)('0' + gen_below(gen, 10));
    ret_text[count] = '\0';
}

/* Digits in groups such as "5 3 3", with a separator between; what is left over forms the last. */
static void grouped(const char *from, const char *groups, const char *separator, char *ret_text)
{
    size_t left = strlen(from);
    size_t at = 0;

    for (; left > 0; groups += *groups != '\0') {
        size_t take = *groups == '\0' ? left : (size_t)(*groups - '0');

        take = take > left ? left : take;
        if (at > 0)
            at += (size_t)sprintf(ret_text + at, "%s", separator);
        memcpy(ret_text + at, from, take);
        at += take;
        from += take;
        left -= take;
    }
    ret_text[at] = '\0';
}

/* --- telephones: https://www.ofcom.org.uk "Telephone numbers for use in TV and radio drama programmes" ------------ */

struct range {
    const char *code;  /* with its 0 */
    const char *fixed; /* digits after the code */
    unsigned free;     /* digits after those, at will */
};
static const struct range drama[] = {
    {"01632", "960", 3},   {"0116", "4960", 3},   {"0121", "4960", 3},  {"0113", "4960", 3},
    {"0161", "4960", 3},   {"020", "79460", 3},   {"0191", "49800", 2}, {"028", "964960", 2},
    {"029", "201800", 2},  {"07700", "900", 3},   {"07700", "900", 3},  {"07700", "900", 3},
    {"0808", "157000", 1}, {"0909", "879000", 1}, {"03069", "990", 3}};
static const struct range real[] = {
    {"0116", "2", 6}, {"01604", "", 6}, {"01536", "4", 5}, {"0115", "9", 6}, {"020", "8", 7},
    {"07", "4", 8},   {"07", "7", 8},   {"07", "5", 8},    {"07", "9", 8},   {"0300", "", 7},
    {"0345", "", 7},  {"0800", "", 7},  {"0845", "", 7},   {"055", "", 8},   {"01858", "", 6},
    {"0870", "", 7},  {"070", "", 8},   {"015396", "", 5}, {"029", "2", 7}};

static void telephone(struct gen *gen, char ret_text[static VALUE_MAX])
{
    const struct range *range = gen_chance(gen, 60) ? &PICK(gen, drama) : &PICK(gen, real);
    static const char *const separators[] = {" ", " ", " ", "-", ".", " - "};
    static const char *const mobile_groups[] = {"36", "333", "2222", "423", "234"};
    const char *separator = PICK(gen, separators);
    char rest[16];
    char number[32];
    char tail[48];
    const char *code = range->code;

    digits(gen, rest, range->free);
    (void)snprintf(number, sizeof number, "%s%s", range->fixed, rest);
    if (code[1] == '7' && code[2] == '\0') { /* 07xxx xxxxxx */
        static char full[6];

        (void)snprintf(full, sizeof full, "07%.3s", number);
        memmove(number, number + 3, strlen(number + 3) + 1);
        code = full;
    }
    switch (gen_below(gen, 3)) {
    case 0:
        (void)snprintf(tail, sizeof tail, "%s", number);
        break;
    case 1:
        grouped(number, "34", separator, tail);
        break;
    default:
        grouped(number, PICK(gen, mobile_groups), separator, tail);
        break;
    }
    switch (gen_below(gen, 12)) {
    case 0:
        (void)snprintf(ret_text, VALUE_MAX, "%s%s", code, number);
        break;
    case 1:
        (void)snprintf(ret_text, VALUE_MAX, "(%s) %s", code, tail);
        break;
    case 2:
        (void)snprintf(ret_text, VALUE_MAX, "+44 %s %s", code + 1, tail);
        break;
    case 3:
        (void)snprintf(ret_text, VALUE_MAX, "+44%s%s", code + 1, number);
        break;
    case 4:
        (void)snprintf(ret_text, VALUE_MAX, "+44 (0)%s %s", code + 1, tail);
        break;
    case 5:
        (void)snprintf(ret_text, VALUE_MAX, "0044 %s %s", code + 1, tail);
        break;
    case 6:
        (void)snprintf(ret_text, VALUE_MAX, "0044%s%s", code + 1, number);
        break;
    case 7:
        (void)snprintf(ret_text, VALUE_MAX, "(+44) %s %s", code + 1, tail);
        break;
    case 8:
        (void)snprintf(ret_text, VALUE_MAX, "%s/%s", code, number);
        break;
    default:
        (void)snprintf(ret_text, VALUE_MAX, "%s%s%s", code, separator, tail);
        break;
    }
}

/* --- the other values ---------------------------------------------------------------------------------- */

static void ascii_of(const char *name, char *ret_text)
{
    for (; *name != '\0'; name++) {
        if (isalpha((unsigned char)*name) && (unsigned char)*name < 0x80)
            *ret_text++ = (char)tolower((unsigned char)*name);
    }
    *ret_text = '\0';
}

static void email(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const char *const hosts[] = {"example.com",        "example.org",
                                        "mail.example.co.uk", "uni.example.ac.uk",
                                        "my-firm.example",    "example.net"};
    char given[40];
    char family[40];
    char number[8] = "";

    ascii_of(PICK(gen, givens), given);
    ascii_of(PICK(gen, families), family);
    if (gen_chance(gen, 40))
        digits(gen, number, 2);
    (void)snprintf(ret_text, VALUE_MAX, "%s%s%s%s@%s", given,
                   PICK(gen, ((const char *const[]){".", "_", "", "-", "+"})), family, number,
                   PICK(gen, hosts));
    if (gen_chance(gen, 10))
        upper(ret_text);
    else if (gen_chance(gen, 15))
        ret_text[0] = (char)toupper((unsigned char)ret_text[0]);
}

static void web_address(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const char *const hosts[] = {"example.com", "www.example.org", "forum.example.co.uk",
                                        "www.shop.example.com", "news.example.net"};
    static const char *const paths[] = {"",
                                        "/",
                                        "/groups/48213?tab=photos",
                                        "/user/kev88",
                                        "/p/CxY_12-z",
                                        "/a/very/long/path.html#c4",
                                        "/watch?v=dQ4w9WgXcQ&t=12"};
    static const char *const bare[] = {"facebook.com/groups/keepitours",
                                       "fb.me/2abcXYZ",
                                       "t.me/our_streets",
                                       "youtu.be/dQ4w9WgXcQ",
                                       "ourstreets.example.org.uk",
                                       "bit.ly/3xYzAb",
                                       "khan-barbers.co.uk",
                                       "gofundme.com/f/help-us"};

    if (gen_chance(gen, 30))
        (void)snprintf(ret_text, VALUE_MAX, "%s", PICK(gen, bare));
    else
        (void)snprintf(
            ret_text, VALUE_MAX, "%s%s%s",
            PICK(gen, ((const char *const[]){"https://", "http://", "HTTPS://", "https://"})),
            PICK(gen, hosts), PICK(gen, paths));
    if (gen_chance(gen, 10) && strncmp(ret_text, "https://www.", 12) == 0)
        memmove(ret_text, ret_text + 8, strlen(ret_text + 8) + 1);
}

static void handle(struct gen *gen, char ret_text[static VALUE_MAX])
{
    char given[40];
    char number[8];

    ascii_of(PICK(gen, givens), given);
    digits(gen, number, 2);
    (void)snprintf(ret_text, VALUE_MAX, "@%s%s%s", given,
                   PICK(gen, ((const char *const[]){"_", ".", "", "_real_", "TheLad"})), number);
}

static void postcode(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const char *const areas[] = {"LE", "NN", "NG", "B",  "M",  "L", "SW", "EC", "W",  "CV",
                                        "DE", "PE", "LS", "BT", "CF", "G", "EH", "SE", "HP", "MK"};
    static const char letters[] = "ABDEFGHJLNPQRSTUWXYZ";
    const char *area = PICK(gen, areas);
    char out[8];
    char in[4] = {(char)('0' + gen_below(gen, 10)), letters[gen_below(gen, 20)],
                  letters[gen_below(gen, 20)], '\0'};

    if (strcmp(area, "EC") == 0)
        (void)snprintf(out, sizeof out, "EC%u%c", 1 + gen_below(gen, 4),
                       "AMNPRVY"[gen_below(gen, 7)]);
    else if (strcmp(area, "W") == 0 && gen_chance(gen, 50))
        (void)snprintf(out, sizeof out, "W1%c", "ABCDFGHJKSTUW"[gen_below(gen, 13)]);
    else
        (void)snprintf(out, sizeof out, "%s%u", area, 1 + gen_below(gen, 19));
    (void)snprintf(ret_text, VALUE_MAX, "%s%s%s", out,
                   PICK(gen, ((const char *const[]){" ", " ", " ", "", "  ", "-"})), in);
    if (gen_chance(gen, 25))
        lower(ret_text);
    else if (gen_chance(gen, 10))
        ret_text[1] = (char)tolower((unsigned char)ret_text[1]);
}

static void national_insurance(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const char first[] = "ABCEGHJKLMNOPRSTWXYZ";
    static const char second[] = "ABCEGHJKLMNPRSTWXYZ";
    static const char *const never[] = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"};
    char prefix[3] = "";
    char number[8];
    char spaced[16];
    bool bad = true;

    while (bad) {
        prefix[0] = first[gen_below(gen, sizeof first - 1)];
        prefix[1] = second[gen_below(gen, sizeof second - 1)];
        bad = false;
        for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
            bad |= memcmp(never[i], prefix, 2) == 0;
    }
    digits(gen, number, 6);
    switch (gen_below(gen, 5)) {
    case 0:
        (void)snprintf(ret_text, VALUE_MAX, "%s%s%c", prefix, number,
                       'A' + (char)gen_below(gen, 4));
        break;
    case 1:
        (void)snprintf(ret_text, VALUE_MAX, "%s %s %c", prefix, number,
                       'A' + (char)gen_below(gen, 4));
        break;
    case 2:
        grouped(number, "22", "-", spaced);
        (void)snprintf(ret_text, VALUE_MAX, "%s-%s-%c", prefix, spaced,
                       'A' + (char)gen_below(gen, 4));
        break;
    default:
        grouped(number, "22", " ", spaced);
        (void)snprintf(ret_text, VALUE_MAX, "%s %s %c", prefix, spaced,
                       'A' + (char)gen_below(gen, 4));
        break;
    }
    if (gen_chance(gen, 20))
        lower(ret_text);
}

static void nhs_number(struct gen *gen, char ret_text[static VALUE_MAX])
{
    char number[12];
    unsigned check = 10;

    while (check == 10) {
        unsigned sum = 0;

        digits(gen, number, 9);
        number[0] = (char)('4' + gen_below(gen, 4)); /* those in use begin with 4 to 7 */
        for (unsigned i = 0; i < 9; i++)
            sum += (unsigned)(number[i] - '0') * (10 - i);
        check = (11 - sum % 11) % 11;
    }
    number[9] = (char)('0' + check);
    number[10] = '\0';
    grouped(number, "33", PICK(gen, ((const char *const[]){" ", " ", "-", ""})), ret_text);
}

static void vehicle(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const char letters[] = "ABCDEFGHJKLMNOPRSTUVWXY";
    static const char years[] = "ABCDEFGHJKLMNPRSTVWXY";
    const char *space = gen_chance(gen, 60) ? " " : "";
    char three[4] = {letters[gen_below(gen, 23)], letters[gen_below(gen, 23)],
                     letters[gen_below(gen, 23)], '\0'};
    unsigned kind = gen_below(gen, 100);

    if (kind < 65) { /* since 2001: two letters, the half-year, three letters */
        unsigned year = 2 + gen_below(gen, 24);

        (void)snprintf(ret_text, VALUE_MAX, "%c%c%02u%s%s", letters[gen_below(gen, 23)],
                       letters[gen_below(gen, 23)], gen_chance(gen, 50) ? year : year + 50, space,
                       three);
    } else if (kind < 80) { /* 1983 to 2001 */
        (void)snprintf(ret_text, VALUE_MAX, "%c%u%s%s", years[gen_below(gen, 21)],
                       1 + gen_below(gen, 999), space, three);
    } else if (kind < 88) { /* 1963 to 1983 */
        (void)snprintf(ret_text, VALUE_MAX, "%s%s%u%c", three, space, 1 + gen_below(gen, 999),
                       years[gen_below(gen, 21)]);
    } else if (kind < 94) { /* Northern Ireland */
        (void)snprintf(ret_text, VALUE_MAX, "%c%s%s%u", letters[gen_below(gen, 23)],
                       PICK(gen, ((const char *const[]){"EZ", "AZ", "IG", "IL", "UI", "FZ"})),
                       space, 1000 + gen_below(gen, 8999));
    } else { /* without a date */
        (void)snprintf(ret_text, VALUE_MAX, "%u%s%.2s", 10 + gen_below(gen, 990), space, three);
    }
    if (gen_chance(gen, 15))
        lower(ret_text);
}

static void card(struct gen *gen, char ret_text[static VALUE_MAX])
{
    bool amex = gen_chance(gen, 15);
    size_t count = amex ? 15 : 16;
    char number[20];
    unsigned sum = 0;

    digits(gen, number, count);
    memcpy(number, amex ? "37" : gen_chance(gen, 50) ? "4" : "5", amex ? 2 : 1);
    if (!amex && number[0] == '5')
        number[1] = (char)('1' + gen_below(gen, 5));
    number[count - 1] = '0';
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(number[count - 1 - i] - '0') * (i % 2 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    number[count - 1] = (char)('0' + (10 - sum % 10) % 10);
    grouped(number, amex ? "465" : "444", PICK(gen, ((const char *const[]){" ", " ", "", "-"})),
            ret_text);
}

static void iban(struct gen *gen, char ret_text[static VALUE_MAX])
{
    static const struct {
        const char *country;
        unsigned letters;
        unsigned digits;
    } forms[] = {{"GB", 4, 14}, {"GB", 4, 14}, {"GB", 4, 14}, {"DE", 0, 18}, {"IE", 4, 14},
                 {"PL", 0, 24}, {"RO", 4, 16}, {"FR", 0, 23}, {"ES", 0, 20}, {"NO", 0, 11}};
    size_t form = gen_below(gen, 10);
    char account[40];
    char rearranged[80];
    char number[48];
    size_t at = 0;
    unsigned rest = 0;

    for (unsigned i = 0; i < forms[form].letters; i++)
        account[at++] = (char)('A' + gen_below(gen, 26));
    digits(gen, account + at, forms[form].digits);
    (void)snprintf(rearranged, sizeof rearranged, "%s%s00", account, forms[form].country);
    for (const char *c = rearranged; *c != '\0'; c++) {
        if (isdigit((unsigned char)*c))
            rest = (rest * 10 + (unsigned)(*c - '0')) % 97;
        else
            rest = (rest * 100 + (unsigned)(*c - 'A') + 10) % 97;
    }
    (void)snprintf(number, sizeof number, "%s%02u%s", forms[form].country, 98 - rest, account);
    grouped(number, gen_chance(gen, 60) ? "44444444" : "", " ", ret_text);
    if (gen_chance(gen, 10))
        lower(ret_text);
}

/* --- dates of birth ----------------------------------------------------------------------------------- */

static void ordinal(unsigned day, char ret_text[static 8])
{
    (void)snprintf(ret_text, 8, "%u%s", day,
                   day % 10 == 1 && day != 11   ? "st"
                   : day % 10 == 2 && day != 12 ? "nd"
                   : day % 10 == 3 && day != 13 ? "rd"
                                                : "th");
}

static void date_write(struct gen *gen, unsigned year, unsigned month, unsigned day,
                       char ret_text[static VALUE_MAX])
{
    const char *name = months[month - 1];
    char nth[8];

    ordinal(day, nth);
    switch (gen_below(gen, 10)) {
    case 0:
        (void)snprintf(ret_text, VALUE_MAX, "%02u/%02u/%u", day, month, year);
        break;
    case 1:
        (void)snprintf(ret_text, VALUE_MAX, "%u/%u/%02u", day, month, year % 100);
        break;
    case 2:
        (void)snprintf(ret_text, VALUE_MAX, "%02u-%02u-%u", day, month, year);
        break;
    case 3:
        (void)snprintf(ret_text, VALUE_MAX, "%02u.%02u.%u", day, month, year);
        break;
    case 4:
        (void)snprintf(ret_text, VALUE_MAX, "%u-%02u-%02u", year, month, day);
        break;
    case 5:
        (void)snprintf(ret_text, VALUE_MAX, "%s %s %u", nth, name, year);
        break;
    case 6:
        (void)snprintf(ret_text, VALUE_MAX, "%u %.3s %u", day, name, year);
        break;
    case 7:
        (void)snprintf(ret_text, VALUE_MAX, "the %s of %s %u", nth, name, year);
        break;
    case 8:
        (void)snprintf(ret_text, VALUE_MAX, "%s %u, %u", name, day, year);
        break;
    default:
        (void)snprintf(ret_text, VALUE_MAX, "%u %s %u", day, name, year);
        break;
    }
}

/* Own: the date stands in the report, in its own form. */
static void date_of_birth(struct writer *out, bool hinted)
{
    struct gen *gen = &out->gen->gen;
    Up__Incident *incident = out->sample->incident;
    unsigned year = 1940 + gen_below(gen, 70);
    unsigned month = 1 + gen_below(gen, 12);
    unsigned day = 1 + gen_below(gen, 28);
    bool own = !hinted || gen_chance(gen, 50);
    char text[VALUE_MAX];
    char form[48];

    date_write(gen, year, month, day, text);
    if (strncmp(text, "the ", 4) == 0) {
        add(out, "the ");
        memmove(text, text + 4, strlen(text + 4) + 1);
    }
    if (own && (!incident->identity || incident->identity->date_of_birth[0] != '\0'))
        own = false;
    if (own) {
        (void)snprintf(form, sizeof form, "%u-%02u-%02u", year, month, day);
        incident->identity->date_of_birth = arena_text(gen->arena, up_view_of(form, strlen(form)));
    }
    add_part(out, text,
             own      ? ACCOUNT_GEN_OWN
             : hinted ? ACCOUNT_GEN_VALUE
                      : ACCOUNT_GEN_BARE,
             "date of birth");
}

/* --- names and addresses ------------------------------------------------------------------------------- */

static bool is_ambiguous(const char *name)
{
    for (size_t i = 0; i < sizeof ambiguous / sizeof ambiguous[0]; i++) {
        if (strcmp(name, ambiguous[i]) == 0)
            return true;
    }
    return false;
}

/* "Zoë" as "Zoe": letters with marks as they are typed on a plain keyboard. */
static void plain(char *text)
{
    static const char *const pairs[][2] = {
        {"é", "e"}, {"ë", "e"}, {"â", "a"},  {"á", "a"}, {"í", "i"}, {"ü", "u"}, {"ö", "o"},
        {"ț", "t"}, {"Ł", "L"}, {"Ș", "S"},  {"ă", "a"}, {"Ó", "O"}, {"ú", "u"}, {"ć", "c"},
        {"ı", "i"}, {"Ø", "O"}, {"ß", "ss"}, {"ù", "u"}, {"ả", "a"}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (char *at = strstr(text, pairs[i][0]); at; at = strstr(at, pairs[i][0])) {
            size_t to_len = strlen(pairs[i][1]);
            size_t from_len = strlen(pairs[i][0]);

            memcpy(at, pairs[i][1], to_len);
            memmove(at + to_len, at + from_len, strlen(at + from_len) + 1);
        }
    }
}

/* A name as people write it who don't look it up. */
static void name_bend(struct gen *gen, char *text)
{
    char *at = NULL;

    if (gen_chance(gen, 50))
        plain(text);
    switch (gen_below(gen, 14)) {
    case 0:
        upper(text);
        break;
    case 1:
        if (!is_ambiguous(text))
            lower(text);
        break;
    case 2: /* O'Brien as O Brien, Smith-Jones as Smith Jones */
        for (at = text; *at != '\0'; at++) {
            if (*at == '\'' || *at == '-')
                *at = ' ';
        }
        break;
    case 3: /* and as OBrien */
        at = strpbrk(text, "'-");
        if (at)
            memmove(at, at + 1, strlen(at + 1) + 1);
        break;
    case 4:
        at = strchr(text, '\'');
        if (at) {
            memmove(at + 3, at + 1, strlen(at + 1) + 1);
            memcpy(at, "’", 3);
        }
        break;
    default:
        break;
    }
}

static struct person person_make(struct gen *gen)
{
    struct person person;

    (void)snprintf(person.given, sizeof person.given, "%s", PICK(gen, givens));
    (void)snprintf(person.family, sizeof person.family, "%s", PICK(gen, families));
    return person;
}

static struct person person_pick(struct writer *out, bool *ret_own)
{
    struct gen *gen = &out->gen->gen;
    unsigned index = gen_below(gen, CAST);

    *ret_own = gen_chance(gen, 75);
    if (!*ret_own)
        return person_make(gen);
    out->used[index] = true;
    return out->cast[index];
}

static void name_whole(struct writer *out)
{
    struct gen *gen = &out->gen->gen;
    bool own = false;
    struct person person = person_pick(out, &own);
    char text[VALUE_MAX];

    switch (gen_below(gen, 10)) {
    case 0:
        (void)snprintf(text, sizeof text, "%s, %s", person.family, person.given);
        break;
    case 1:
        (void)snprintf(text, sizeof text, "%s  %s", person.given, person.family);
        break;
    case 2:
        (void)snprintf(text, sizeof text, "%s\n%s", person.given, person.family);
        break;
    default:
        (void)snprintf(text, sizeof text, "%s %s", person.given, person.family);
        break;
    }
    name_bend(gen, text);
    add_part(out, text, own ? ACCOUNT_GEN_OWN : ACCOUNT_GEN_BARE, "name");
}

static void name_part(struct writer *out, bool family)
{
    struct gen *gen = &out->gen->gen;
    bool own = false;
    struct person person = person_pick(out, &own);
    char text[VALUE_MAX];

    (void)snprintf(text, sizeof text, "%s", family ? person.family : person.given);
    name_bend(gen, text);
    add_part(out, text, own ? ACCOUNT_GEN_OWN : ACCOUNT_GEN_BARE, "name");
    if (own && gen_chance(gen, 10))
        add(out, gen_chance(gen, 50) ? "'s" : "’s");
}

/* "Mr Khan": the title and what follows it in the template are one thing. */
static const char *name_titled(struct writer *out, const char *title, const char *rest)
{
    struct gen *gen = &out->gen->gen;
    struct person person = person_make(gen);
    char text[VALUE_MAX];

    if (strncmp(rest, " {{last_name", 12) == 0) {
        (void)snprintf(text, sizeof text, "%s %s", title, person.family);
    } else if (strncmp(rest, " {{name", 7) == 0) {
        (void)snprintf(text, sizeof text, "%s %s %s", title, person.given, person.family);
    } else {
        add(out, title);
        return rest;
    }
    add_part(out, text, ACCOUNT_GEN_TITLED, "name");
    return strstr(rest, "}}") + 2;
}

/* Own: stands in contact.address or place.address, perhaps with more around it. */
static void address(struct writer *out, bool with_number)
{
    struct gen *gen = &out->gen->gen;
    Up__Incident *incident = out->sample->incident;
    const char *street = PICK(gen, streets);
    unsigned number = 1 + gen_below(gen, 180);
    char text[VALUE_MAX];
    char held[2 * VALUE_MAX];
    bool own = gen_chance(gen, 60);
    char **field = gen_chance(gen, 60) ? &incident->contact->address : &incident->place->address;

    if ((*field)[0] != '\0')
        own = false;
    (void)snprintf(held, sizeof held, "%u%s %s%s%s%s%s", number, gen_chance(gen, 20) ? "a" : "",
                   street, gen_chance(gen, 50) ? ", " : "\n", PICK(gen, towns),
                   gen_chance(gen, 30) ? ", " : "", "");
    if (held[strlen(held) - 2] == ',')
        held[strlen(held) - 2] = '\0';
    if (with_number)
        (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(held, ",\n"), held);
    else
        (void)snprintf(text, sizeof text, "%s", street);
    if (own)
        *field = arena_text(gen->arena, up_view_of(held, strlen(held)));
    if (gen_chance(gen, 10))
        lower(text);
    else if (gen_chance(gen, 10) && strstr(text, " Road"))
        memcpy(strstr(text, " Road"), " Rd", 4);
    add_part(out, text, own ? ACCOUNT_GEN_OWN : ACCOUNT_GEN_BARE, "address");
}

/* --- slots -------------------------------------------------------------------------------------------- */

/* A value with a form of its own; sometimes it stands in the report too, where it has a field. */
static void value(struct writer *out, const char *kind,
                  void (*make)(struct gen *, char[static VALUE_MAX]))
{
    char text[VALUE_MAX];

    make(&out->gen->gen, text);
    add_part(out, text, ACCOUNT_GEN_VALUE, kind);
}

static void number_word(struct writer *out, unsigned from, unsigned count)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", from + gen_below(&out->gen->gen, count));
    add(out, text);
}

static bool slot_is(const char *slot, const char *name)
{
    return strncmp(slot, name, strlen(name)) == 0;
}

static bool slot_value(struct writer *out, const char *slot)
{
    static const struct {
        const char *slot;
        const char *kind;
        void (*make)(struct gen *, char[static VALUE_MAX]);
    } table[] = {
        {"phone_number}}", "telephone", telephone}, {"email}}", "e-mail", email},
        {"url}}", "web address", web_address},      {"handle}}", "handle", handle},
        {"postcode}}", "postcode", postcode},       {"zipcode}}", "postcode", postcode},
        {"ni}}", "NI number", national_insurance},  {"ssn}}", "NI number", national_insurance},
        {"nhs}}", "NHS number", nhs_number},        {"vehicle}}", "vehicle", vehicle},
        {"credit_card_number}}", "card", card},     {"iban}}", "IBAN", iban}};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slot_is(slot, table[i].slot)) {
            value(out, table[i].kind, table[i].make);
            return true;
        }
    }
    return false;
}

static bool slot_word(struct writer *out, const char *slot)
{
    struct gen *gen = &out->gen->gen;

    if (slot_is(slot, "nationality") || slot_is(slot, "nation_woman"))
        add_part(out, PICK(gen, nationalities), ACCOUNT_GEN_STRAND, "strand");
    else if (slot_is(slot, "nation_plural"))
        add_part(out, PICK(gen, nations), ACCOUNT_GEN_STRAND, "strand");
    else if (slot_is(slot, "religion_plural"))
        add_part(out, PICK(gen, believers), ACCOUNT_GEN_STRAND, "strand");
    else if (slot_is(slot, "religion"))
        add_part(out, PICK(gen, religions), ACCOUNT_GEN_STRAND, "strand");
    else if (slot_is(slot, "country"))
        add(out, PICK(gen, countries));
    else if (slot_is(slot, "city"))
        add_part(out, PICK(gen, towns), ACCOUNT_GEN_BARE, "town");
    else if (slot_is(slot, "state_abbr"))
        add(out, PICK(gen, counties));
    else if (slot_is(slot, "organization"))
        add(out, PICK(gen, companies));
    else if (slot_is(slot, "job"))
        add(out, PICK(gen, jobs));
    else if (slot_is(slot, "day_of_week"))
        add(out, PICK(gen, days));
    else
        return false;
    return true;
}

/* What follows the slot. */
static const char *slot_fill(struct writer *out, const char *slot)
{
    struct gen *gen = &out->gen->gen;
    const char *rest = strstr(slot, "}}") + 2;
    static const char *const born[] = {"orn ", "irth", "DOB", "dob"};
    bool hinted = false;

    if (slot_is(slot, "prefix_male"))
        return name_titled(out, PICK(gen, he_titles), rest);
    if (slot_is(slot, "prefix_female"))
        return name_titled(out, PICK(gen, she_titles), rest);
    if (slot_is(slot, "prefix") || slot_is(slot, "title"))
        return name_titled(out, PICK(gen, titles), rest);
    if (slot_value(out, slot) || slot_word(out, slot))
        return rest;
    if (slot_is(slot, "date_of_birth")) {
        for (size_t i = 0; i < sizeof born / sizeof born[0]; i++)
            hinted |= strstr(out->text, born[i]) != NULL;
        date_of_birth(out, hinted);
    } else if (slot_is(slot, "name") || slot_is(slot, "person")) {
        name_whole(out);
    } else if (slot_is(slot, "first_name")) {
        name_part(out, false);
    } else if (slot_is(slot, "last_name")) {
        name_part(out, true);
    } else if (slot_is(slot, "address")) {
        address(out, true);
    } else if (slot_is(slot, "street_name")) {
        address(out, false);
    } else if (slot_is(slot, "building_number")) {
        number_word(out, 1, 200);
    } else if (slot_is(slot, "secondary_address")) {
        add(out, "Flat ");
        number_word(out, 1, 40);
    } else if (slot_is(slot, "age")) {
        number_word(out, 9, 80);
    } else if (slot_is(slot, "year")) {
        number_word(out, 1970, 55);
    } else if (slot_is(slot, "date_time")) {
        number_word(out, 1, 28);
        add(out, " March 2019");
    } else if (slot_is(slot, "ip_address")) {
        add(out, "203.0.113.7");
    } else if (slot_is(slot, "us_driver_license")) {
        add_part(out, "KHANS 805159 S99XX", ACCOUNT_GEN_VALUE, "identifier");
    } else {
        abort();
    }
    return rest;
}

/* --- samples ------------------------------------------------------------------------------------------ */

static void *make(struct gen *gen, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = arena_alloc(gen->arena, descriptor->sizeof_message);

    if (!message)
        abort();
    descriptor->message_init(message);
    return message;
}

static char *name_text(struct gen *gen, const struct person *person)
{
    char text[80];

    (void)snprintf(text, sizeof text, "%s %s", person->given, person->family);
    return arena_text(gen->arena, up_view_of(text, strlen(text)));
}

static void cast_write(struct writer *out)
{
    struct gen *gen = &out->gen->gen;
    Up__Incident *incident = out->sample->incident;
    Up__Suspect *suspect = make(gen, &up__suspect__descriptor);
    Up__Witness *witness = make(gen, &up__witness__descriptor);

    incident->identity->name = name_text(gen, &out->cast[0]);
    suspect->names = arena_alloc(gen->arena, sizeof(char *));
    suspect->names[suspect->n_names++] = name_text(gen, &out->cast[1]);
    witness->name = name_text(gen, &out->cast[2]);
    incident->suspects = arena_alloc(gen->arena, sizeof(void *));
    incident->witnesses = arena_alloc(gen->arena, sizeof(void *));
    if (out->used[1])
        incident->suspects[incident->n_suspects++] = suspect;
    if (out->used[2])
        incident->witnesses[incident->n_witnesses++] = witness;
    if (!out->used[0])
        incident->identity->name = arena_text(gen->arena, up_view_of("", 0));
}

/* A town is a line of an address of the report, or nothing that has to go. */
static void towns_settle(struct account_sample *sample)
{
    size_t count = 0;

    for (size_t i = 0; i < sample->count; i++) {
        struct account_gen_part part = sample->parts[i];
        char town[64];

        if (strcmp(part.kind, "town") == 0) {
            (void)snprintf(town, sizeof town, "%.*s", (int)part.len,
                           sample->incident->narrative + part.offset);
            if (!strstr(sample->incident->contact->address, town) &&
                !strstr(sample->incident->place->address, town))
                continue;
            part.what = ACCOUNT_GEN_OWN;
            part.kind = "address";
        }
        sample->parts[count++] = part;
    }
    sample->count = count;
}

void account_gen_sample(struct account_gen *gen, struct account_sample *ret_sample)
{
    const char *at = gen->templates[gen->next];
    static struct writer out; /* too large for a stack frame */

    gen->next = (gen->next + 1) % gen->template_count;
    memset(ret_sample, 0, sizeof *ret_sample);
    memset(&out, 0, sizeof out);
    out.gen = gen;
    out.sample = ret_sample;
    for (size_t i = 0; i < CAST; i++)
        out.cast[i] = person_make(&gen->gen);
    ret_sample->incident = make(&gen->gen, &up__incident__descriptor);
    ret_sample->incident->identity = make(&gen->gen, &up__identity__descriptor);
    ret_sample->incident->contact = make(&gen->gen, &up__contact__descriptor);
    ret_sample->incident->place = make(&gen->gen, &up__place__descriptor);
    while (*at != '\0') {
        if (at[0] == '{' && at[1] == '{') {
            at = slot_fill(&out, at + 2);
        } else if (at[0] == '\\' && at[1] == 'n') {
            add(&out, "\n");
            at += 2;
        } else {
            add(&out, (const char[]){*at++, '\0'});
        }
    }
    cast_write(&out);
    ret_sample->incident->narrative = arena_text(gen->gen.arena, up_view_of(out.text, out.len));
    if (!ret_sample->incident->narrative)
        abort();
    towns_settle(ret_sample);
}

static bool append(const char *folder, const char *name, char *text, size_t *len)
{
    char path[256];
    FILE *file = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (!file)
        return false;
    *len += fread(text + *len, 1, TEXT_MAX - 1 - *len, file);
    return fclose(file) == 0;
}

bool account_gen_open(struct account_gen *gen, const char *folder, uint64_t seed)
{
    size_t len = 0;
    bool good = false;

    memset(gen, 0, sizeof *gen);
    gen->gen.state = seed;
    gen->text = calloc(1, TEXT_MAX);
    good = gen->text && arena_new(1 << 20, &gen->gen.arena) == UP_OK &&
           append(folder, "presidio_research_templates.txt", gen->text, &len) &&
           append(folder, "uk_templates.txt", gen->text, &len);
    for (unsigned i = 1; good && i < UK_TIMES; i++)
        good = append(folder, "uk_templates.txt", gen->text, &len);
    if (!good) {
        account_gen_close(gen);
        return false;
    }
    for (char *line = strtok(gen->text, "\n"); line; line = strtok(NULL, "\n")) {
        if (gen->template_count < ACCOUNT_GEN_TEMPLATES_MAX)
            gen->templates[gen->template_count++] = line;
    }
    return gen->template_count > 0;
}

void account_gen_close(struct account_gen *gen)
{
    free(gen->text);
    gen->text = NULL;
    arena_destroy(&gen->gen.arena);
}
