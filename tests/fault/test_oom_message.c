/* SPDX-License-Identifier: MIT */
/* rooms: proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "api.pb-c.h"
#include "tests/lib/oom.h"
#include "upstander/json.h"
#include "upstander/limits.h"

/* Names and texts longer than the 16 bytes that jansson starts a token with. */
static const char json[] =
    "{\"ref\":\"7F3K-9QTM\",\"incident\":{\"strands\":[{\"code\":\"RACE\"},{\"code\":\"AGE\"}],"
    "\"narrative\":\"a text of more than thirty-two bytes, so that its buffer grows twice\","
    "\"place\":{\"latitudeMicrodegrees\":52000000}},\"urgent\":true}";

static struct up_bytes packed; /* the same report as bytes */
static ProtobufCMessage *report;
static struct arena *report_arena;

static int report_init(void **state)
{
    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &report_arena), UP_OK);
    assert_int_equal(json_parse(&up__report__descriptor, up_view_of(json, sizeof json - 1),
                                report_arena, &report, NULL),
                     UP_OK);
    assert_int_equal(message_pack(report, 1000, &packed), UP_OK);
    return 0;
}

static int report_clear(void **state)
{
    (void)state;
    arena_destroy(&report_arena);
    up_bytes_wipe(&packed);
    return 0;
}

static enum up_err attempt_bytes(void)
{
    struct up_bytes a = {0};
    struct up_bytes b = {0};
    enum up_err err = up_bytes_new(100, &a);

    if (!err)
        err = up_bytes_copy(up_bytes_view(&a), &b);
    if (err)
        assert_null(b.data);
    up_bytes_wipe(&a);
    up_bytes_wipe(&b);
    return err;
}

static enum up_err attempt_pack(void)
{
    struct up_bytes bytes = {0};
    enum up_err err = message_pack(report, 1000, &bytes);

    if (err) {
        assert_null(bytes.data);
        return err;
    }
    assert_int_equal(bytes.len, packed.len);
    assert_memory_equal(bytes.data, packed.data, packed.len);
    up_bytes_wipe(&bytes);
    return UP_OK;
}

static enum up_err attempt_unpack(void)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = message_unpack(&up__report__descriptor, up_bytes_view(&packed), arena, &message);
    assert_true((err == UP_OK) == (message != NULL));
    if (!err)
        assert_int_equal(protobuf_c_message_get_packed_size(message), packed.len);
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_json_parse(void)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (err)
        return err;
    err = json_parse(&up__report__descriptor, up_view_of(json, sizeof json - 1), arena, &message,
                     &why);
    assert_true((err == UP_OK) == (message != NULL));
    assert_int_equal(why.err, err);
    if (!err) { /* nothing may have got lost on the way */
        uint8_t again[1000];

        assert_int_equal(protobuf_c_message_get_packed_size(message), packed.len);
        (void)protobuf_c_message_pack(message, again);
        assert_memory_equal(again, packed.data, packed.len);
    }
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_json_format(void)
{
    struct up_bytes text = {0};
    enum up_err err = json_format(report, false, &text);

    if (err) {
        assert_null(text.data);
        return err;
    }
    assert_true(text.len > 100);
    assert_int_equal(strlen((const char *)text.data), text.len);
    up_bytes_wipe(&text);
    return UP_OK;
}

static void bytes_run_out(void **state)
{
    (void)state;
    oom_each(attempt_bytes, 2);
}

static void packing_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_pack, 1);
}

static void unpacking_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_unpack, 2);
}

static void json_reading_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_json_parse, 30);
}

/* A text whose closing quote is the 16th byte of its token: growing jansson's buffer for it may
 * fail, and then nothing marks where the text ends. The failure must not be followed by an
 * allocation that works. */
static enum up_err attempt_closing_quote(void)
{
    static const char text[] = "{\"ref\":\"abcdefghijklmn\"}";
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (err)
        return err;
    err = json_parse(&up__report__descriptor, up_view_of(text, sizeof text - 1), arena, &message,
                     NULL);
    if (!err)
        assert_string_equal(((const Up__Report *)message)->ref, "abcdefghijklmn");
    arena_destroy(&arena);
    return err;
}

static void a_closing_quote_is_not_lost(void **state)
{
    (void)state;
    oom_each(attempt_closing_quote, 8);
}

static void json_writing_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_json_format, 20);
}

/* The other way to run out. */
static enum up_err attempt_unpack_in(struct arena *arena)
{
    ProtobufCMessage *message = NULL;
    enum up_err err =
        message_unpack(&up__report__descriptor, up_bytes_view(&packed), arena, &message);

    assert_true((err == UP_OK) == (message != NULL));
    return err;
}

static enum up_err attempt_json_in(struct arena *arena)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = json_parse(&up__report__descriptor, up_view_of(json, sizeof json - 1), arena,
                                 &message, NULL);

    assert_true((err == UP_OK) == (message != NULL));
    return err;
}

static void budgets_run_out(void **state)
{
    (void)state;
    oom_budgets(attempt_unpack_in, 500);
    oom_edges(attempt_unpack_in, 10);
    oom_budgets(attempt_json_in, 500);
}

static void an_arena_keeps_its_budget(void **state)
{
    struct arena *arena = NULL;
    char *text = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX + 1, &arena), UP_TOO_LARGE);
    assert_int_equal(arena_new(40000, &arena), UP_OK);
    assert_null(arena_alloc(arena, 40001));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 8));
    for (unsigned round = 0; round < 3; round++) {
        size_t total = 0;

        for (uint8_t *p = NULL; (p = arena_alloc(arena, 100)); total += 100) {
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < 100; i++)
                assert_int_equal(p[i], 0); /* zeroed, after a reset too */
            memset(p, 0xa5, 100);
        }
        assert_in_range(total, 30000, 40000);
        arena_reset(arena);
    }
    text = arena_text(arena, up_view_of("abc", 2));
    assert_string_equal(text, "ab");
    assert_string_equal(arena_text(arena, up_view_of(NULL, 0)), "");
    arena_destroy(&arena);
    assert_null(arena);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_run_out),
        cmocka_unit_test(packing_runs_out),
        cmocka_unit_test(unpacking_runs_out),
        cmocka_unit_test(json_reading_runs_out),
        cmocka_unit_test(a_closing_quote_is_not_lost),
        cmocka_unit_test(json_writing_runs_out),
        cmocka_unit_test(budgets_run_out),
        cmocka_unit_test(an_arena_keeps_its_budget),
    };

    return cmocka_run_group_tests(tests, report_init, report_clear);
}
