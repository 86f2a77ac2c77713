/* SPDX-License-Identifier: MIT */
/* rooms: proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/federation.h"
#include "upstander/limits.h"

enum { NOW = 1800000000 };

static void pin(struct up_view bytes, struct digest *ret_pinned)
{
    struct arena *arena = NULL;
    Up__Roster *roster = NULL;

    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    assert_int_equal(roster_peek(bytes, arena, &roster), UP_OK);
    roster_stewards_digest(roster, ret_pinned);
    arena_destroy(&arena);
}

static enum up_err open_one(const struct federation *fed, unsigned signatures,
                            const struct roster *held)
{
    struct up_bytes bytes = federation_signed(fed, signatures);
    struct digest pinned;
    struct roster *roster = NULL;
    enum up_err err = UP_OK;

    pin(up_bytes_view(&bytes), &pinned);
    err = roster_open(up_bytes_view(&bytes), held, held ? NULL : &pinned, &roster);
    roster_destroy(&roster);
    up_bytes_wipe(&bytes);
    return err;
}

static void two_of_three_must_sign(void **state)
{
    struct federation fed;

    (void)state;
    federation_init(&fed, NOW);
    assert_int_equal(open_one(&fed, 0, NULL), UP_NOT_ENOUGH_SIGNATURES);
    assert_int_equal(open_one(&fed, 1, NULL), UP_NOT_ENOUGH_SIGNATURES);
    assert_int_equal(open_one(&fed, 2, NULL), UP_OK);
    assert_int_equal(open_one(&fed, 3, NULL), UP_OK);
}

static void every_changed_byte_is_noticed(void **state)
{
    struct federation fed;
    struct up_bytes bytes = {0};
    struct digest pinned;
    struct roster *roster = NULL;

    (void)state;
    federation_init(&fed, NOW);
    bytes = federation_signed(&fed, 2);
    pin(up_bytes_view(&bytes), &pinned);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 4;
        assert_int_not_equal(roster_open(up_bytes_view(&bytes), NULL, &pinned, &roster), UP_OK);
        bytes.data[i] ^= 4;
    }
    up_bytes_wipe(&bytes);
}

static void versions_only_rise_and_federations_do_not_mix(void **state)
{
    struct federation fed;
    struct federation next;
    struct roster *held = NULL;

    (void)state;
    federation_init(&fed, NOW);
    fed.version = 5;
    held = federation_roster(&fed);
    next = fed;
    assert_int_equal(open_one(&next, 2, held), UP_ROLLBACK);
    next.version = 4;
    assert_int_equal(open_one(&next, 2, held), UP_ROLLBACK);
    next.version = 6;
    assert_int_equal(open_one(&next, 2, held), UP_OK);
    next.exercise = false;
    assert_int_equal(open_one(&next, 2, held), UP_WRONG_FEDERATION);
    next = fed;
    next.version = 6;
    next.id[3] ^= 1;
    assert_int_equal(open_one(&next, 2, held), UP_WRONG_FEDERATION);
    roster_destroy(&held);
}

/* New stewards alone can't take a federation over. */
static void old_stewards_sign_new_ones_in(void **state)
{
    struct federation fed;
    struct federation next;
    struct roster *held = NULL;
    struct up_bytes bytes = {0};
    struct up_bytes more = {0};
    struct roster *opened = NULL;

    (void)state;
    federation_init(&fed, NOW);
    held = federation_roster(&fed);
    next = fed;
    next.version = 2;
    keyfile_generate(KEYFILE_STEWARD, &next.stewards[0]);
    keyfile_generate(KEYFILE_STEWARD, &next.stewards[1]);
    assert_int_equal(open_one(&next, 2, held), UP_NOT_ENOUGH_SIGNATURES);
    next = fed;
    next.version = 2;
    keyfile_generate(KEYFILE_STEWARD, &next.stewards[2]);
    bytes = federation_signed(&next, 2);
    assert_int_equal(roster_open(up_bytes_view(&bytes), held, NULL, &opened), UP_OK);
    roster_destroy(&opened);
    assert_int_equal(roster_sign(up_bytes_view(&bytes), &next.stewards[0].identity_secret, &more),
                     UP_DUPLICATE);
    assert_int_equal(roster_sign(up_bytes_view(&bytes), &fed.stewards[2].identity_secret, &more),
                     UP_NOT_PERMITTED);
    up_bytes_wipe(&bytes);
    roster_destroy(&held);
}

static void expiry_has_thirty_days_of_grace(void **state)
{
    struct federation fed;
    struct roster *roster = NULL;

    (void)state;
    federation_init(&fed, NOW);
    roster = federation_roster(&fed);
    assert_false(roster_is_expired(roster, fed.expires_at_s - 1));
    assert_true(roster_is_expired(roster, fed.expires_at_s));
    assert_true(roster_is_usable(roster, fed.expires_at_s + INT64_C(29) * 86400));
    assert_false(roster_is_usable(roster, fed.expires_at_s + INT64_C(30) * 86400));
    roster_destroy(&roster);
}

static void key_files(void **state)
{
    struct keyfile made;
    struct keyfile read;
    struct up_bytes bytes = {0};
    struct up_view pass = up_view_of("correct horse", 13);
    struct up_view wrong = up_view_of("battery staple", 14);

    (void)state;
    assert_int_equal(keys_init(), UP_OK);
    keyfile_generate(KEYFILE_NODE, &made);
    assert_int_equal(keyfile_format(&made, up_view_of(NULL, 0), &bytes), UP_OK);
    assert_int_equal(keyfile_parse(up_bytes_view(&bytes), up_view_of(NULL, 0), &read), UP_OK);
    assert_memory_equal(&made, &read, sizeof made);
    up_bytes_wipe(&bytes);
    assert_int_equal(keyfile_format(&made, pass, &bytes), UP_OK);
    assert_int_equal(keyfile_parse(up_bytes_view(&bytes), up_view_of(NULL, 0), &read),
                     UP_WRONG_KEY);
    assert_int_equal(keyfile_parse(up_bytes_view(&bytes), wrong, &read), UP_WRONG_KEY);
    memset(&read, 0, sizeof read);
    assert_int_equal(keyfile_parse(up_bytes_view(&bytes), pass, &read), UP_OK);
    assert_memory_equal(&made, &read, sizeof made);
    assert_int_equal(keyfile_parse(up_view_of(bytes.data, 20), pass, &read), UP_MALFORMED);
    up_bytes_wipe(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_three_must_sign),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(versions_only_rise_and_federations_do_not_mix),
        cmocka_unit_test(old_stewards_sign_new_ones_in),
        cmocka_unit_test(expiry_has_thirty_days_of_grace),
        cmocka_unit_test(key_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
