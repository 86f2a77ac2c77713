/* SPDX-License-Identifier: MIT */
/* rooms: store base proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/store/vault.h"

enum { PLAIN_LEN = 37, SEALED_LEN = PLAIN_LEN + VAULT_OVERHEAD };

static struct store_key store_key;
static struct vault_key key;
static uint8_t id[VAULT_ID_LEN];
static const uint8_t plain[PLAIN_LEN] = "the account of a person, 36 letters.";

static int set_up(void **state)
{
    (void)state;
    if (keys_init())
        return -1;
    keys_store_generate(&store_key);
    vault_key_new(&key, id);
    return 0;
}

static struct up_view place(const char *text)
{
    return up_view_of(text, strlen(text));
}

static void a_key_is_wrapped_for_its_id(void **state)
{
    uint8_t wrapped[VAULT_WRAPPED_LEN];
    uint8_t again[VAULT_WRAPPED_LEN];
    struct vault_key out = {.bytes = {0}};
    struct store_key other_store;
    struct vault_key other;
    uint8_t other_id[VAULT_ID_LEN];

    (void)state;
    vault_wrap(&store_key, id, &key, wrapped);
    vault_wrap(&store_key, id, &key, again);
    assert_memory_not_equal(wrapped, again, sizeof wrapped); /* a nonce of its own each time */
    assert_int_equal(vault_unwrap(&store_key, id, up_view_of(wrapped, sizeof wrapped), &out),
                     UP_OK);
    assert_memory_equal(&out, &key, sizeof key);
    vault_key_new(&other, other_id);
    assert_memory_not_equal(other_id, id, sizeof id);
    assert_memory_not_equal(&other, &key, sizeof key);
    assert_int_equal(vault_unwrap(&store_key, other_id, up_view_of(wrapped, sizeof wrapped), &out),
                     UP_WRONG_KEY);
    keys_store_generate(&other_store);
    assert_int_equal(vault_unwrap(&other_store, id, up_view_of(wrapped, sizeof wrapped), &out),
                     UP_WRONG_KEY);
}

static void a_changed_wrapped_key_is_refused(void **state)
{
    uint8_t wrapped[VAULT_WRAPPED_LEN + 1] = {0};
    struct vault_key out;

    (void)state;
    vault_wrap(&store_key, id, &key, wrapped);
    for (size_t bit = 0; bit / 8 < VAULT_WRAPPED_LEN; bit++) {
        wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(vault_unwrap(&store_key, id, up_view_of(wrapped, VAULT_WRAPPED_LEN), &out),
                         UP_WRONG_KEY);
        wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit / 8 < VAULT_ID_LEN; bit++) {
        id[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(vault_unwrap(&store_key, id, up_view_of(wrapped, VAULT_WRAPPED_LEN), &out),
                         UP_WRONG_KEY);
        id[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len <= sizeof wrapped; len++)
        assert_int_equal(vault_unwrap(&store_key, id, up_view_of(wrapped, len), &out),
                         len == VAULT_WRAPPED_LEN ? UP_OK : UP_WRONG_KEY);
}

static void a_record_opens_in_its_place_only(void **state)
{
    uint8_t sealed[SEALED_LEN];
    uint8_t out[PLAIN_LEN];
    struct vault_key other;
    uint8_t other_id[VAULT_ID_LEN];
    struct up_view view = up_view_of(sealed, sizeof sealed);

    (void)state;
    vault_seal(&key, place("1/A"), up_view_of(plain, sizeof plain), sealed);
    assert_int_equal(vault_open(&key, place("1/A"), view, out), UP_OK);
    assert_memory_equal(out, plain, sizeof plain);
    assert_int_equal(vault_open(&key, place("1/B"), view, out), UP_WRONG_KEY);
    assert_int_equal(vault_open(&key, place("1/"), view, out), UP_WRONG_KEY);
    assert_int_equal(vault_open(&key, place(""), view, out), UP_WRONG_KEY);
    vault_key_new(&other, other_id);
    assert_int_equal(vault_open(&other, place("1/A"), view, out), UP_WRONG_KEY);
}

static void a_changed_record_is_refused(void **state)
{
    uint8_t sealed[SEALED_LEN];
    uint8_t out[PLAIN_LEN];

    (void)state;
    vault_seal(&key, place("1/A"), up_view_of(plain, sizeof plain), sealed);
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(vault_open(&key, place("1/A"), up_view_of(sealed, sizeof sealed), out),
                         UP_WRONG_KEY);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_int_equal(vault_open(&key, place("1/A"), up_view_of(sealed, len), out),
                         UP_WRONG_KEY);
}

static void nothing_of_the_text_is_seen(void **state)
{
    uint8_t sealed[SEALED_LEN];

    (void)state;
    vault_seal(&key, place("1/A"), up_view_of(plain, sizeof plain), sealed);
    for (size_t i = 0; i + 4 <= sizeof sealed; i++)
        assert_memory_not_equal(sealed + i, "acco", 4);
}

static void an_empty_record_is_one(void **state)
{
    uint8_t sealed[VAULT_OVERHEAD];
    uint8_t out[1];

    (void)state;
    vault_seal(&key, place("1/A"), up_view_of(NULL, 0), sealed);
    assert_int_equal(vault_open(&key, place("1/A"), up_view_of(sealed, sizeof sealed), out), UP_OK);
    sealed[VAULT_OVERHEAD - 1] ^= 1;
    assert_int_equal(vault_open(&key, place("1/A"), up_view_of(sealed, sizeof sealed), out),
                     UP_WRONG_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_wrapped_for_its_id),
        cmocka_unit_test(a_changed_wrapped_key_is_refused),
        cmocka_unit_test(a_record_opens_in_its_place_only),
        cmocka_unit_test(a_changed_record_is_refused),
        cmocka_unit_test(nothing_of_the_text_is_seen),
        cmocka_unit_test(an_empty_record_is_one),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
