/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Drafts of accounts: each kind, what only looks like it, what stands elsewhere in the report, what stays; and how much
 * of the personal data in British sentences is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/account_measure.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static struct arena *arena; /* of one case */
static struct arena *held;

static int set_up(void **state)
{
    (void)state;
    return arena_new(UP_ARENA_LEN_MAX, &arena) || arena_new(UP_ARENA_LEN_MAX, &held) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    arena_destroy(&held);
    return 0;
}

static char *copy(const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

struct expectation {
    const char *narrative;
    const char *draft; /* NULL: the narrative itself */
};

static void must_draft(const Up__Incident *report, const struct expectation *list, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        const char *expected = list[i].draft ? list[i].draft : list[i].narrative;
        Up__Incident incident = *report;
        struct account_draft draft = {0};

        incident.narrative = copy(list[i].narrative);
        assert_int_equal(account_draft(&incident, arena, &draft), UP_OK);
        if (strcmp(draft.text, expected) != 0) {
            print_error("of     %s\ndraft  %s\nnot    %s\n", list[i].narrative, draft.text,
                        expected);
            wrong++;
        }
        arena_reset(arena);
    }
    assert_int_equal(wrong, 0);
}

#define MUST_DRAFT(report, list) must_draft(report, list, sizeof(list) / sizeof((list)[0]))

static void numbers_to_ring(void **state)
{
    static const Up__Incident empty = UP__INCIDENT__INIT;
    static const struct expectation list[] = {
        {"Ring 07700 900123.", "Ring [telephone]."},
        {"Ring 07700900123 or 0116 496 0123", "Ring [telephone] or [telephone]"},
        {"(0116) 496 0123", "[telephone]"},
        {"+44 7700 900123, +44(0)7700 900123, +447700900123",
         "[telephone], [telephone], [telephone]"},
        {"0044 20 7946 0123 / (+44) 20 7946 0123", "[telephone] / [telephone]"},
        {"077 00 90 01 23; 07700-900-123; 07700.900.123", "[telephone]; [telephone]; [telephone]"},
        {"020 7946 0123 and 03069 990123 and 0909 879 0123",
         "[telephone] and [telephone] and [telephone]"},
        {"0808 157 0123, 0800 1111", "[telephone], [telephone]"},
        {"in Paris +33 1 23 45 67 89", "in Paris [telephone]"},
        {"call me on 7700 900 123", "call me on [telephone]"},
        {"ring 496 0123", "ring [telephone]"},
        /* nobody's own, or no number to ring */
        {"I rang 999, then 101 and 111, 112 as well.", NULL},
        {"on 01/02/2026 10:30", NULL}, /* ten digits that begin like a place */
        {"on 03/11/2026 14:25 and 2026-11-03 09:10", NULL},
        {"£1,250,000.50 in 20261103-17", NULL},
        {"aged 15 to 17, 20 of them, at 18:30", NULL},
        {"reference 4471000, room 0123", NULL},
        {"0000", NULL},
    };

    (void)state;
    MUST_DRAFT(&empty, list);
}

static void addresses_on_the_net(void **state)
{
    static const Up__Incident empty = UP__INCIDENT__INIT;
    static const struct expectation list[] = {
        {"Write to a.b+c@mail.example.co.uk.", "Write to [e-mail]."},
        {"JOSÉ@EXAMPLE.COM", "[e-mail]"},
        {"sarah (at) example (dot) org", "[e-mail]"},
        {"see https://example.com/a?b=c#d, then", "see [web address], then"},
        {"(www.example.org)", "([web address])"},
        {"on facebook.com/groups/x and t.me/abc", "on [web address] and [web address]"},
        {"example.co.uk!", "[web address]!"},
        {"@kev_88. and @a.b", "[handle]. and [handle]"},
        {"on insta: kev.real", "on insta: [handle]"},
        {"https://example.com/?q=a@example.com", "[web address]"},
        /* none */
        {"He stopped.Then he left. e.g. this, i.e. that, 3.5 and 10.30", NULL},
        {"@ 5 o'clock, meet me @home? 12@7", "@ 5 o'clock, meet me [handle]? 12@7"},
        {"and/or, he/she", NULL},
    };

    (void)state;
    MUST_DRAFT(&empty, list);
}

static void codes(void **state)
{
    static const Up__Incident empty = UP__INCIDENT__INIT;
    static const struct expectation list[] = {
        {"LE1 7RH, le17rh, Le1  7rh, EC1A 1BB, W1A-1HQ, M1 1AE",
         "[postcode], [postcode], [postcode], [postcode], [postcode], [postcode]"},
        {"AB 12 34 56 C and ab123456c and AB-12-34-56-C",
         "[NI number] and [NI number] and [NI number]"},
        {"943 476 5919, 9434765919, 943-476-5919", "[NHS number], [NHS number], [NHS number]"},
        {"AB12 CDE, ab12cde, ab12 cde, A123 BCD, ABC 123D, AEZ 1234",
         "[vehicle], [vehicle], [vehicle], [vehicle], [vehicle], [vehicle]"},
        {"his car, 123 AB", "his car, [vehicle]"},
        {"4111 1111 1111 1111; 4111111111111111; 3782-822463-10005", "[card]; [card]; [card]"},
        {"card 4111 1111 1111 1111 12/27", "card [card] 12/27"},
        {"GB82 WEST 1234 5698 7654 32 or gb82west12345698765432 is it", "[IBAN] or [IBAN] is it"},
        {"KHANS 805159 S99XX", "[identifier]"},
        /* look-alikes: a wrong check digit, a prefix that is never given, roads, buses, sizes */
        {"943 476 5918 and 123 456 7890", NULL},
        {"4111 1111 1111 1112", NULL},
        {"GB83 WEST 1234 5698 7654 32", NULL},
        {"BG 12 34 56 C, GB123456A, DA 12 34 56 C", NULL},
        {"the A46 and the M1, A1 the, M25 AND, junction M1 2nd exit", NULL},
        {"the 48A bus, BUS 48A, at 10 AM in my car", NULL},
        {"T20 and B12, size XL 42, Year 10, Covid 19, H1N1", NULL},
        {"XY1 1AA QZ99 9ZZ", NULL},
    };

    (void)state;
    MUST_DRAFT(&empty, list);
}

static void births_and_titles(void **state)
{
    static const Up__Incident empty = UP__INCIDENT__INIT;
    static const struct expectation list[] = {
        {"born on 3 March 1990, DOB 03/03/90", "born on [date of birth], DOB [date of birth]"},
        {"date of birth: 1990-03-03; d.o.b. 3rd of March 1990",
         "date of birth: [date of birth]; d.o.b. [date of birth]"},
        {"born in 1985", "born in [date of birth]"},
        {"My birthday is the 4th of May 2001", "My birthday is the [date of birth]"},
        {"Mr Khan and Mrs. O'Brien", "[name] and [name]"},
        {"PC Dixon, Cllr Smith-Jones, Imam Yusuf Ali said", "[name], [name], [name] said"},
        {"Dr van der Berg's surgery", "[name]'s surgery"},
        {"Detective Sergeant Brown", "[name]"},
        {"mr khan shouted", "[name] shouted"},
        {"my brother Tariq and his wife Aisha", "my brother [name] and his wife [name]"},
        {"a man called Gary", "a man called [name]"},
        {"My name is Sarah Khan.", "My name is [name]."},
        /* none */
        {"on 3 March 2026 they came", NULL},
        {"I miss Leicester, the doctor said, the officer was kind", NULL},
        {"Sir, the man called me names. My friend I told.", NULL},
        {"Dr Who", NULL},
    };

    (void)state;
    MUST_DRAFT(&empty, list);
}

/* A report in which much stands. */
static const char full_report[] =
    "{\"identity\":{\"name\":\"Zoë Grace "
    "Al-Hassan\",\"dateOfBirth\":\"1990-03-04\",\"identifiers\":[\"HO-7731-X\"]},"
    "\"contact\":{\"telephones\":[\"(0116) 254 9999\"],\"emails\":[\"zhassan77@example.org\"],"
    "\"address\":\"Flat 2, 12a St Peter's Road\\nCorby\",\"postcode\":\"NN17 1AA\"},"
    "\"safety\":{\"officerPreference\":\"A woman; not Dixon\"},"
    "\"suspects\":[{\"names\":[\"Will O'Brien\",\"Dave (surname not known)\"],\"vehicle\":\"blue "
    "Corsa, 77 AB\"}],"
    "\"witnesses\":[{\"name\":\"May Li\",\"contact\":\"works at The Paddocks, 01604 555 123\"}],"
    "\"place\":{\"address\":\"Melton Grove Mosque\"}}";

static const Up__Incident *report_of(const char *json)
{
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};

    if (json_parse(&up__incident__descriptor, up_view_of(json, strlen(json)), held, &message, &why))
        fail_msg("%s", why.text);
    return (const Up__Incident *)message;
}

static void what_stands_elsewhere(void **state)
{
    static const struct expectation list[] = {
        {"Zoë Grace Al-Hassan and ZOE or zoe or Zoe's", "[name] and [name] or [name] or [name]'s"},
        {"Al Hassan, Hassan, AlHassan, al-hassan", "[name], [name], [name], [name]"},
        {"Hassan, Zoë and Zoes bag", "[name], [name] and [name] bag"},
        {"O’Brien, O BRIEN, Obrien or Will O'Brien, and O'Brien, Will",
         "[name], [name], [name] or [name], and [name]"},
        {"Will hit me. Then Will ran. Grace cried.",
         "[name] hit me. Then [name] ran. [name] cried."},
        {"Will you stop? He will. May I? In May, on 3 May, with grace", NULL},
        {"May said so. It was Li, by May's door",
         "[name] said so. It was [name], by [name]'s door"},
        {"Dave did it; the surname is not known", "[name] did it; the surname is not known"},
        {"at 12a St Peters Rd or Flat 2", "at [address] or [address]"},
        {"in St Peter's Road, Corby, by Melton Grove Mosque",
         "in [address], [address], by [address]"},
        {"at the paddocks", "at [address]"},
        {"nn171aa", "[postcode]"},
        {"254 9999 or 0116 254 9999 or 2549999", "[telephone] or [telephone] or [telephone]"},
        {"01604555123, 555 123", "[telephone], [telephone]"},
        {"zhassan77 on games, ZHASSAN77@EXAMPLE.ORG", "[handle] on games, [e-mail]"},
        {"case HO 7731 X", "case [identifier]"},
        {"it was 77AB, a blue Corsa 77 AB", "it was [vehicle], a [vehicle]"},
        {"not Dixon again", "not [name] again"},
        {"04/03/1990, 4 March 1990, 4.3.90, March 4, 1990, 1990-03-04",
         "[date of birth], [date of birth], [date of birth], [date of birth], [date of birth]"},
        {"on 5 March 1990 and 4 March 1991", NULL},
        {"Hassanabad, Zoology, willing, graceful, Lily", NULL},
    };
    static const struct expectation birth_us[] = {{"03/04/1990", "[date of birth]"}};

    (void)state;
    MUST_DRAFT(report_of(full_report), list);
    MUST_DRAFT(report_of(full_report), birth_us);
}

static void nationality_and_religion_stay(void **state)
{
    static const struct expectation list[] = {
        {"He called me a dirty Polish Muslim, my sister Jewish, Mr Sikh", NULL},
        {"Christian women and Christian's friends", NULL},
        {"They hate Pakistanis, Jews, Hindus, Roma and gay people", NULL},
        {"Christian English hit me, the English too", "[name] hit me, the English too"},
    };

    (void)state;
    MUST_DRAFT(report_of("{\"identity\":{\"name\":\"Christian English\"}}"), list);
}

static void placeholders_stay(void **state)
{
    static const struct expectation list[] = {
        {"[card], [handle] and [date of birth]; Handle ran",
         "[card], [handle] and [date of birth]; [name] ran"},
    };

    (void)state;
    MUST_DRAFT(report_of("{\"identity\":{\"name\":\"Card Handle Birth\"}}"), list);
}

static void spans_say_what_was_replaced(void **state)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    struct account_draft draft = {0};

    (void)state;
    incident.narrative = copy("é Mr Khan: 07700 900123");
    assert_int_equal(account_draft(&incident, arena, &draft), UP_OK);
    assert_int_equal(draft.span_count, 2);
    assert_int_equal(draft.spans[0].offset, 3);
    assert_int_equal(draft.spans[0].len, 7);
    assert_int_equal(draft.spans[0].kind, ACCOUNT_NAME);
    assert_int_equal(draft.spans[1].offset, 12);
    assert_int_equal(draft.spans[1].len, 12);
    assert_int_equal(draft.spans[1].kind, ACCOUNT_TELEPHONE);
    incident.narrative = copy("");
    assert_int_equal(account_draft(&incident, arena, &draft), UP_OK);
    assert_string_equal(draft.text, "");
    assert_int_equal(draft.span_count, 0);
    arena_reset(arena);
}

static void what_is_no_text_is_refused(void **state)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Identity identity = UP__IDENTITY__INIT;
    struct account_draft draft = {.span_count = 77};
    char *text = arena_alloc(arena, UP_NARRATIVE_LEN_MAX + 2);

    (void)state;
    incident.narrative = copy("\xff");
    assert_int_equal(account_draft(&incident, arena, &draft), UP_INVALID);
    incident.narrative = copy("\xc3");
    assert_int_equal(account_draft(&incident, arena, &draft), UP_INVALID);
    incident.narrative = copy("fine");
    identity.name = copy("Sar\xe9");
    incident.identity = &identity;
    assert_int_equal(account_draft(&incident, arena, &draft), UP_INVALID);
    incident.identity = NULL;
    memset(text, 'a', UP_NARRATIVE_LEN_MAX + 1);
    incident.narrative = text;
    assert_int_equal(account_draft(&incident, arena, &draft), UP_TOO_LARGE);
    assert_int_equal(draft.span_count, 77);
    text[UP_NARRATIVE_LEN_MAX] = '\0';
    assert_int_equal(account_draft(&incident, arena, &draft), UP_OK);
    arena_reset(arena);
}

/* As long as a narrative can be, and made to be searched from every place. */
static void hostile_texts_end(void **state)
{
    static const char *const pieces[] = {"a",
                                         "1",
                                         "@",
                                         "1 ",
                                         "Mr ",
                                         "Mr A ",
                                         "a.",
                                         "a-",
                                         "+1",
                                         "(1",
                                         "http://",
                                         "www.a",
                                         "born ",
                                         "born 1 ",
                                         "reg a ",
                                         "my son A ",
                                         "A'",
                                         "O'",
                                         "GB12 A",
                                         "1-",
                                         "0 ",
                                         "a@",
                                         "a@b.",
                                         "1 Aa Aa ",
                                         "Mr van ",
                                         "[name] ",
                                         "Sarah ",
                                         "S-",
                                         "ring me on ",
                                         "é",
                                         "\xe2\x80\x8b",
                                         "Sarah-"};
    Up__Identity identity = UP__IDENTITY__INIT;

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        Up__Incident incident = UP__INCIDENT__INIT;
        struct account_draft draft = {0};
        char *text = arena_alloc(arena, UP_NARRATIVE_LEN_MAX + 1);
        size_t len = strlen(pieces[i]);

        for (size_t at = 0; at + len <= UP_NARRATIVE_LEN_MAX; at += len)
            memcpy(text + at, pieces[i], len);
        identity.name = copy("Sarah Van S");
        identity.date_of_birth = copy("1990-03-04");
        incident.identity = &identity;
        incident.narrative = text;
        assert_int_equal(account_draft(&incident, arena, &draft), UP_OK);
        assert_non_null(draft.text);
        arena_reset(arena);
    }
}

/* Marks that can't be seen don't hide a name. */
static void hidden_names_are_found(void **state)
{
    static const struct expectation list[] = {
        {"Zoe\xcc\x88, \xef\xbc\xbaoe", "[name], [name]"}, /* a mark by itself, a wide letter */
        {"O\xe2\x80\x8b'Brien and Has\xc2\xadsan", "[name] and [name]"},
    };

    (void)state;
    MUST_DRAFT(report_of(full_report), list);
}

/* --- how much is found ---------------------------------------------------------------------------------- */

enum { SENTENCES = 5400, PLACES_MIN = 200 };

static void british_sentences(void **state)
{
    static const char *const kinds[] = {"telephone", "e-mail",     "web address", "postcode",
                                        "NI number", "NHS number", "card",        "IBAN",
                                        "vehicle",   "handle"};
    static struct account_measure measure;
    unsigned long places = 0;

    (void)state;
    assert_true(account_measure_uk(&measure, SENTENCES, 1));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double recall = account_measure_recall(&measure, kinds[i], ACCOUNT_GEN_VALUE, &places);

        if (recall < 0.95 || places < PLACES_MIN)
            fail_msg("%s: recall %.4f in %lu places", kinds[i], recall, places);
    }
    assert_true(account_measure_recall(&measure, NULL, ACCOUNT_GEN_OWN, &places) >= 0.97);
    assert_true(places >= PLACES_MIN);
    assert_true(account_measure_recall(&measure, NULL, ACCOUNT_GEN_TITLED, &places) >= 0.95);
    assert_true(places >= PLACES_MIN);
    for (int kind = 0; kind < ACCOUNT_KIND_COUNT; kind++)
        assert_true(account_measure_precision(&measure, (enum account_kind)kind) >= 0.95);
    assert_true(measure.strands >= PLACES_MIN);
    assert_int_equal(measure.strands_touched, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_to_ring),
        cmocka_unit_test(addresses_on_the_net),
        cmocka_unit_test(codes),
        cmocka_unit_test(births_and_titles),
        cmocka_unit_test(what_stands_elsewhere),
        cmocka_unit_test(nationality_and_religion_stay),
        cmocka_unit_test(placeholders_stay),
        cmocka_unit_test(spans_say_what_was_replaced),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(hostile_texts_end),
        cmocka_unit_test(hidden_names_are_found),
        cmocka_unit_test(british_sentences),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
