/* SPDX-License-Identifier: MIT */
/* rooms: proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "upstander/ids.h"

static struct up_view text_of(const char *text)
{
    return up_view_of(text, strlen(text));
}

static void member_ids_are_read(void **state)
{
    static const char *const good[] = {"abc",         "a-b", "a12",
                                       "kent-police", "a--", "abcdefghijklmnopqrstuvwxyz012345"};
    static const char *const bad[] = {"",    "ab",  "Abc",   "1bc",
                                      "-bc", "a_b", "a b",   "ab\xc3\xa9",
                                      "ab.", "ab/", "abc\n", "abcdefghijklmnopqrstuvwxyz0123456"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct member_id id;

        memset(&id, 0x55, sizeof id);
        assert_int_equal(ids_member_parse(text_of(good[i]), &id), UP_OK);
        assert_string_equal(id.text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct member_id id = {.text = "kept"};

        if (ids_member_parse(text_of(bad[i]), &id) != UP_MALFORMED)
            fail_msg("case %zu was taken", i);
        assert_string_equal(id.text, "kept");
    }
}

static void a_nul_ends_no_member_id(void **state)
{
    struct member_id id;

    (void)state;
    assert_int_equal(ids_member_parse(up_view_of("abc\0d", 5), &id), UP_MALFORMED);
    assert_int_equal(ids_member_parse(up_view_of(NULL, 0), &id), UP_MALFORMED);
}

static void member_ids_compare(void **state)
{
    struct member_id a = {0};
    struct member_id b = {0};

    (void)state;
    assert_int_equal(ids_member_parse(text_of("a-council"), &a), UP_OK);
    assert_int_equal(ids_member_parse(text_of("a-council"), &b), UP_OK);
    assert_true(ids_member_equal(&a, &b));
    assert_int_equal(ids_member_parse(text_of("a-council2"), &b), UP_OK);
    assert_false(ids_member_equal(&a, &b));
}

static void hex_goes_both_ways(void **state)
{
    uint8_t bytes[16];
    uint8_t back[16] = {0};
    char text[IDS_HEX_LEN + 1];

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(i * 17);
    ids_hex(bytes, text);
    assert_string_equal(text, "00112233445566778899aabbccddeeff");
    assert_int_equal(ids_unhex(text_of(text), back), UP_OK);
    assert_memory_equal(bytes, back, 16);
}

static void bad_hex_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "00112233445566778899aabbccddeef",
                                      "00112233445566778899aabbccddeeff0",
                                      "00112233445566778899AABBCCDDEEFF",
                                      "00112233445566778899aabbccddeefg",
                                      "0x112233445566778899aabbccddeeff",
                                      " 0112233445566778899aabbccddeeff"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[16] = {7};

        if (ids_unhex(text_of(bad[i]), bytes) != UP_MALFORMED)
            fail_msg("case %zu was taken", i);
        assert_int_equal(bytes[0], 7);
    }
}

static void errors_have_texts(void **state)
{
    struct up_why why = {0};
    char longer[400];

    (void)state;
    for (unsigned i = 0; i < UP_ERR_COUNT; i++)
        assert_true(strlen(up_err_text((enum up_err)i)) > 3);
    assert_non_null(up_err_text((enum up_err)9999));
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(up_why_set(&why, UP_CONFIG, "%s", longer), UP_CONFIG);
    assert_int_equal(why.err, UP_CONFIG);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    assert_int_equal(up_why_set(NULL, UP_IO, "nobody asks"), UP_IO);
}

static void bytes_are_owned_and_emptied(void **state)
{
    struct up_bytes bytes = {0};
    struct up_bytes copy = {0};

    (void)state;
    up_bytes_wipe(&bytes); /* an empty one */
    assert_int_equal(up_bytes_new(0, &bytes), UP_OK);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(up_bytes_copy(up_bytes_view(&bytes), &copy), UP_OK);
    up_bytes_wipe(&copy);
    up_bytes_wipe(&bytes);
    assert_null(bytes.data);
    assert_int_equal(up_bytes_copy(up_view_of("abc", 3), &copy), UP_OK);
    assert_memory_equal(copy.data, "abc", 3);
    up_bytes_wipe(&copy);
    assert_null(copy.data);
    assert_int_equal(copy.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_ids_are_read),         cmocka_unit_test(a_nul_ends_no_member_id),
        cmocka_unit_test(member_ids_compare),          cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(bad_hex_is_refused),          cmocka_unit_test(errors_have_texts),
        cmocka_unit_test(bytes_are_owned_and_emptied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
