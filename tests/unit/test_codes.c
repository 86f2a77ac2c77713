/* SPDX-License-Identifier: MIT */
/* rooms: disclosure base proto */
/* Lists of codes: what a file may hold, what is told of one that does not hold, the lists of this release, and that the
 * schema's enums and their lists are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "incident.pb-c.h"
#include "nodes/disclosure/codes.h"
#include "upstander/limits.h"

static enum up_err add(const char *text, struct codes **ret_codes, struct up_why *why)
{
    enum up_err err = codes_new(ret_codes);

    assert_int_equal(err, UP_OK);
    err = codes_add(*ret_codes, CODES_LAWFUL_BASES, up_view_of(text, strlen(text)), why);
    if (err)
        codes_destroy(ret_codes);
    return err;
}

static void what_a_file_holds_is_found(void **state)
{
    static const char text[] = "# Source: a test.\r\n\n"
                               "1,oldest,an older one,,2020-12-31,old,\r\n"
                               "1,old,an old one,,2024-12-31,new,\r\n"
                               "3,new,a new one,2025-01-01,,,A sentence, with a comma.";
    struct codes *codes = NULL;
    const struct code *found = NULL;

    (void)state;
    assert_int_equal(add(text, &codes, NULL), UP_OK);
    assert_int_equal(codes_version(codes), 3);
    found = codes_find(codes, CODES_LAWFUL_BASES, "new");
    assert_non_null(found);
    assert_string_equal(found->name, "a new one");
    assert_string_equal(found->plain, "A sentence, with a comma.");
    assert_false(codes_is_valid(found, "2024-12-31"));
    assert_true(codes_is_valid(found, "2025-01-01"));
    found = codes_find(codes, CODES_LAWFUL_BASES, "old");
    assert_string_equal(found->successor, "new");
    assert_true(codes_is_valid(found, "2024-12-31"));
    assert_false(codes_is_valid(found, "2025-01-01"));
    assert_null(codes_find(codes, CODES_LAWFUL_BASES, "ne"));
    assert_null(codes_find(codes, CODES_OUTCOMES, "new"));
    assert_null(codes_find(NULL, CODES_OUTCOMES, "new"));
    assert_int_equal(codes_version(NULL), 0);
    codes_destroy(&codes);
    codes_destroy(&codes);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"1,a,name,,,,\n2,b\n", "lawful-bases.csv, line 2: not"},
        {"#\n0,a,name,,,,", "line 2: the version"},
        {"x,a,name,,,,", "line 1: the version"},
        {"1,a b,name,,,,", "line 1: a code is"},
        {"1,,name,,,,", "line 1: a code is"},
        {"1,a,,,,,", "line 1: the name"},
        {"1,a,name,1.1.2026,,,", "line 1: a day"},
        {"1,a,name,,2026-1-1,,", "line 1: a day"},
        {"1,a,one,,,,\n1,a,two,,,,", "a stands there twice"},
        {"1,a,name,,,b,", "a has a successor that is not there"},
        {"1,a,name,,,b,\n1,b,name,,,a,", "leads back to it"},
        {"1,a,name,,,a,", "leads back to it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct codes *codes = NULL;
        struct up_why why = {0};

        assert_int_equal(add(cases[i].text, &codes, &why), UP_MALFORMED);
        if (!strstr(why.text, cases[i].why))
            fail_msg("\"%s\" is not told of %s", cases[i].why, why.text);
    }
}

static void what_is_bounded(void **state)
{
    static char many[(UP_CODES_MAX + 1) * 16];
    static char large[UP_CODES_LEN_MAX + 2];
    struct codes *codes = NULL;
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i <= UP_CODES_MAX; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, "1,c%u,n,,,,\n", i);
    assert_int_equal(add(many, &codes, NULL), UP_TOO_LARGE);
    many[len - strlen("1,c512,n,,,,\n")] = '\0';
    assert_int_equal(add(many, &codes, NULL), UP_OK);
    assert_int_equal(codes_add(codes, CODES_LAWFUL_BASES, up_view_of("", 0), NULL), UP_DUPLICATE);
    assert_int_equal(codes_add(codes, CODES_OUTCOMES, up_view_of("1,a,n,,\0,,", 10), NULL),
                     UP_MALFORMED);
    codes_destroy(&codes);
    memset(large, '\n', sizeof large - 1);
    assert_int_equal(add(large, &codes, NULL), UP_TOO_LARGE);
}

static void the_nearest_are_named(void **state)
{
    static const char text[] = "1,consent,c,,,,\n1,contract,c,,,,\n1,public-task,p,,,,\n"
                               "1,vital-interests,v,,,,\n1,concent,typed before,,2020-01-01,,\n";
    struct codes *codes = NULL;
    const char *near[CODES_NEAR_MAX] = {NULL};
    char long_word[300];

    (void)state;
    assert_int_equal(add(text, &codes, NULL), UP_OK);
    assert_int_equal(codes_near(codes, CODES_LAWFUL_BASES, "concent", "2026-01-01", near), 3);
    assert_string_equal(near[0], "consent");
    assert_string_equal(near[1], "contract");
    assert_int_equal(codes_near(codes, CODES_LAWFUL_BASES, "public task", "2026-01-01", near), 3);
    assert_string_equal(near[0], "public-task");
    assert_int_equal(codes_near(codes, CODES_OUTCOMES, "x", "2026-01-01", near), 0);
    memset(long_word, 'c', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_int_equal(codes_near(codes, CODES_LAWFUL_BASES, long_word, "2026-01-01", near), 3);
    codes_destroy(&codes);
}

static struct codes *release(enum codes_list leave_out)
{
    struct codes *codes = NULL;

    assert_int_equal(codes_new(&codes), UP_OK);
    for (int list = 0; list < CODES_LIST_COUNT; list++) {
        char path[64];
        struct up_bytes text = {0};
        struct up_why why = {0};

        if (list == (int)leave_out)
            continue;
        (void)snprintf(path, sizeof path, "deploy/codes/%s", codes_file((enum codes_list)list));
        if (file_read(path, UP_CODES_LEN_MAX, &text, &why) ||
            codes_add(codes, (enum codes_list)list, up_bytes_view(&text), &why))
            fail_msg("%s: %s", path, why.text);
        if (text.len < 10 || memcmp(text.data, "# Source: ", 10) != 0)
            fail_msg("%s does not begin with its source", path);
        up_bytes_wipe(&text);
    }
    return codes;
}

static void the_lists_of_this_release_hold(void **state)
{
    struct codes *codes = release(CODES_LIST_COUNT);
    struct up_why why = {0};

    (void)state;
    if (codes_check(codes, &why))
        fail_msg("%s", why.text);
    for (int number = 1; number <= 22; number++) {
        char code[16];
        const struct code *outcome = NULL;

        (void)snprintf(code, sizeof code, "%d", number);
        outcome = codes_find(codes, CODES_OUTCOMES, code);
        if (!outcome || outcome->plain[0] == '\0')
            fail_msg("outcome %d has no plain text", number);
    }
    codes_destroy(&codes);
    codes = release(CODES_OUTCOMES);
    assert_int_equal(codes_check(codes, &why), UP_INVALID);
    assert_non_null(strstr(why.text, "outcomes.csv: holds no code"));
    codes_destroy(&codes);
}

/* One code more or less than the enum is no list of this program's. */
static void an_enum_and_its_list_are_the_same(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {{"1,PERSON,p,,,,\n1,FAMILY,f,,,,\n1,BUSINESS,b,,,,\n1,COMMUNITY,c,,,,\n"
                  "1,PROPERTY,p,,,,\n",
                  "victim-kinds.csv: PUBLIC_SERVANT is missing"},
                 {"1,PERSON,p,,,,\n1,FAMILY,f,,,,\n1,BUSINESS,b,,,,\n1,COMMUNITY,c,,,,\n"
                  "1,PROPERTY,p,,,,\n1,PUBLIC_SERVANT,s,,,,\n1,ANIMAL,a,,,,\n",
                  "victim-kinds.csv: this program does not know ANIMAL"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct codes *codes = release(CODES_VICTIM_KINDS);
        struct up_why why = {0};

        assert_int_equal(codes_add(codes, CODES_VICTIM_KINDS,
                                   up_view_of(cases[i].text, strlen(cases[i].text)), &why),
                         UP_OK);
        assert_int_equal(codes_check(codes, &why), UP_INVALID);
        assert_string_equal(why.text, cases[i].why);
        codes_destroy(&codes);
    }
}

/* Every enum that an incident can hold is in a list, or is the engine's own. */
static void enums_seen(const ProtobufCMessageDescriptor *message, unsigned depth)
{
    static const char *const lists[] = {
        "up.Strand.Code",       "up.IncidentType.Code", "up.PlaceKind.Code", "up.Channel.Code",
        "up.ReporterRole.Code", "up.VictimKind.Code",   "up.Ethnicity.Code"};
    static const char *const engine[] = {
        "up.Entitlement.Level", "up.Entitlement.Group", "up.Strand.Basis",   "up.PlaceKind.Group",
        "up.Answer.Code",       "up.AgeBand.Code",      "up.Role.Code",      "up.ContactRule.Code",
        "up.Injury.Code",       "up.Risk.Now",          "up.Attachment.Kind"};

    assert_true(depth < UP_MESSAGE_DEPTH_MAX);
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        bool found = false;

        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            enums_seen(field->descriptor, depth + 1);
        if (field->type != PROTOBUF_C_TYPE_ENUM)
            continue;
        for (size_t j = 0; j < sizeof lists / sizeof lists[0]; j++)
            found |=
                strcmp(((const ProtobufCEnumDescriptor *)field->descriptor)->name, lists[j]) == 0;
        for (size_t j = 0; j < sizeof engine / sizeof engine[0]; j++)
            found |=
                strcmp(((const ProtobufCEnumDescriptor *)field->descriptor)->name, engine[j]) == 0;
        if (!found)
            fail_msg("%s.%s is in no list", message->name, field->name);
    }
}

static void every_enum_of_an_incident_has_a_place(void **state)
{
    (void)state;
    enums_seen(&up__incident__descriptor, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_holds_is_found),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_is_bounded),
        cmocka_unit_test(the_nearest_are_named),
        cmocka_unit_test(the_lists_of_this_release_hold),
        cmocka_unit_test(an_enum_and_its_list_are_the_same),
        cmocka_unit_test(every_enum_of_an_incident_has_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
