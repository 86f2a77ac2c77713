/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* Envelopes, directories, prekeys and key files with memory running out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/federation.h"
#include "tests/lib/oom.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1 };

static struct federation fed;
static struct roster *roster;
static struct prekey_owner owner;
static struct prekey prekey;
static struct prekey_secret secret;
static struct up_bytes envelope; /* a good one */
static struct up_bytes signed_once;
static struct up_bytes signed_twice;
static struct digest pinned;

static enum up_err seal(struct envelope_id *ret_id, struct up_bytes *ret_envelope)
{
    static const uint8_t text[300] = {0x0a, 0x00};
    const struct up_view messages[2] = {up_view_of(text, 2), up_view_of(text, sizeof text)};
    const struct envelope_seal_args args = {.roster = roster,
                                            .sender = "b-charity",
                                            .recipient = "a-force",
                                            .identity = &fed.members[CHARITY].identity_secret,
                                            .prekey = &prekey,
                                            .now_s = NOW,
                                            .ttl_s = 86400,
                                            .messages = messages,
                                            .message_count = 2};

    return envelope_seal(&args, ret_id, ret_envelope);
}

static int set_up(void **state)
{
    struct envelope_id id;

    (void)state;
    federation_init(&fed, NOW - 1000);
    roster = federation_roster(&fed);
    owner = (struct prekey_owner){roster, "a-force", &fed.members[FORCE].identity_secret};
    roster_stewards_digest(roster_content(roster), &pinned);
    signed_once = federation_signed(&fed, 1);
    signed_twice = federation_signed(&fed, 2);
    if (prekey_generate(&owner, NOW - 100, &prekey, &secret))
        return -1;
    return seal(&id, &envelope) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    up_bytes_wipe(&envelope);
    up_bytes_wipe(&signed_once);
    up_bytes_wipe(&signed_twice);
    roster_destroy(&roster);
    return 0;
}

static enum up_err attempt_seal(void)
{
    struct envelope_id id = {.bytes = {0}};
    struct envelope_id none = {.bytes = {0}};
    struct up_bytes sealed = {0};
    enum up_err err = seal(&id, &sealed);

    assert_true((err == UP_OK) == (sealed.data != NULL));
    assert_true((err == UP_OK) == (memcmp(&id, &none, sizeof id) != 0));
    if (!err)
        assert_int_equal(sealed.len, envelope.len);
    up_bytes_wipe(&sealed);
    return err;
}

static enum up_err attempt_peek(void)
{
    struct envelope_header header = {.urgent = true};
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    enum up_err err = envelope_peek(up_bytes_view(&envelope), &header, &header_bytes, &sealed);

    assert_true((err == UP_OK) == (sealed.data != NULL));
    assert_true((err == UP_OK) == !header.urgent);
    return err;
}

static enum up_err open_in(struct arena *arena)
{
    const struct envelope_open_args args = {.roster = roster,
                                            .recipient = "a-force",
                                            .prekey = &prekey.key,
                                            .secret = &secret,
                                            .now_s = NOW};
    struct envelope_header header;
    Up__Batch *batch = NULL;
    enum up_err err = envelope_open(up_bytes_view(&envelope), &args, arena, &header, &batch);

    assert_true((err == UP_OK) == (batch != NULL));
    if (!err) {
        assert_int_equal(batch->n_messages, 2);
        assert_int_equal(batch->messages[1].len, 300);
    }
    return err;
}

static enum up_err attempt_open(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = open_in(arena);
    if (err == UP_NO_MEMORY && arena) { /* the same arena is good for the next */
        (void)oom_disarm();
        arena_reset(arena);
        assert_int_equal(open_in(arena), UP_OK);
    }
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_roster_open(void)
{
    struct roster *opened = NULL;
    enum up_err err = roster_open(up_bytes_view(&signed_twice), NULL, &pinned, &opened);

    assert_true((err == UP_OK) == (opened != NULL));
    if (!err)
        assert_non_null(roster_find_active(opened, "c-council"));
    roster_destroy(&opened);
    return err;
}

static enum up_err attempt_roster_sign(void)
{
    struct up_bytes bytes = {0};
    enum up_err err =
        roster_sign(up_bytes_view(&signed_once), &fed.stewards[1].identity_secret, &bytes);

    assert_true((err == UP_OK) == (bytes.data != NULL));
    if (!err) {
        assert_int_equal(bytes.len, signed_twice.len);
        assert_memory_equal(bytes.data, signed_twice.data, bytes.len);
    }
    up_bytes_wipe(&bytes);
    return err;
}

static enum up_err roster_peek_in(struct arena *arena)
{
    Up__Roster *draft = NULL;
    enum up_err err = roster_peek(up_bytes_view(&signed_once), arena, &draft);

    assert_true((err == UP_OK) == (draft != NULL));
    if (!err)
        assert_int_equal(roster_check(draft, NULL), UP_OK);
    return err;
}

static enum up_err attempt_roster_peek(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = roster_peek_in(arena);
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_keyfile(void)
{
    struct up_bytes bytes = {0};
    struct keyfile again = {.kind = 0};
    enum up_err err = keyfile_format(&fed.members[FORCE], up_view_of(NULL, 0), &bytes);

    assert_true((err == UP_OK) == (bytes.data != NULL));
    if (!err) {
        err = keyfile_parse(up_bytes_view(&bytes), up_view_of(NULL, 0), &again);
        assert_memory_equal(&again, &fed.members[FORCE], sizeof again);
    }
    keyfile_clear(&again);
    up_bytes_wipe(&bytes);
    return err;
}

static void sealing_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_seal, 6);
}

static void opening_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_peek, 2);
    oom_each(attempt_open, 5);
    oom_budgets(open_in, 4096);
}

static void directories_run_out(void **state)
{
    (void)state;
    oom_each(attempt_roster_open, 4);
    oom_each(attempt_roster_sign, 3);
    oom_each(attempt_roster_peek, 2);
    oom_budgets(roster_peek_in, 500);
    oom_edges(roster_peek_in, 10);
}

static void key_files_run_out(void **state)
{
    (void)state;
    oom_each(attempt_keyfile, 1);
}

/* Nothing to run out of. */
static void prekeys_need_no_memory(void **state)
{
    struct prekey made;
    struct prekey opened;
    struct prekey_secret made_secret;
    struct member_id name = {.text = "a-force"};
    Up__SignedPrekey message = UP__SIGNED_PREKEY__INIT;
    enum up_err errs[2];

    (void)state;
    oom_arm(1, OOM_FROM_THERE);
    errs[0] = prekey_generate(&owner, NOW, &made, &made_secret);
    message.member = name.text;
    message.key = (ProtobufCBinaryData){.len = 32, .data = made.key.bytes};
    message.valid_from_s = made.valid_from_s;
    message.valid_until_s = made.valid_until_s;
    message.signature = (ProtobufCBinaryData){.len = 64, .data = made.signature};
    errs[1] = prekey_open(&message, roster, &opened);
    assert_false(oom_disarm());
    assert_int_equal(errs[0], UP_OK);
    assert_int_equal(errs[1], UP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_runs_out),       cmocka_unit_test(opening_runs_out),
        cmocka_unit_test(directories_run_out),    cmocka_unit_test(key_files_run_out),
        cmocka_unit_test(prekeys_need_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
