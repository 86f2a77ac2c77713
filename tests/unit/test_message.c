/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api.pb-c.h"
#include "tests/lib/incident_gen.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static enum up_err unpack(const void *bytes, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    enum up_err err = UP_OK;

    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    err = message_unpack(&up__incident__descriptor, up_view_of(bytes, len), arena, &message);
    arena_destroy(&arena);
    return err;
}

static void what_protobuf_would_accept_is_refused(void **state)
{
    (void)state;
    assert_int_equal(unpack("\x18\x01", 2), UP_OK);                /* codes_version */
    assert_int_equal(unpack("\x18\x01\x18\x02", 4), UP_MALFORMED); /* twice */
    assert_int_equal(unpack("\xf8\x07\x01", 3), UP_UNKNOWN_FIELD); /* field 127 */
    assert_int_equal(unpack("\x92\x01\x03"
                            "a\0b",
                            6),
                     UP_BAD_TEXT);                                        /* NUL in occurred_from */
    assert_int_equal(unpack("\x92\x01\x02\xc0\xaf", 5), UP_BAD_TEXT);     /* overlong UTF-8 */
    assert_int_equal(unpack("\x92\x01\x03\xed\xa0\x80", 6), UP_BAD_TEXT); /* a surrogate */
    assert_int_equal(unpack("\x92\x01\x7f"
                            "a",
                            4),
                     UP_MALFORMED);                                 /* past the end */
    assert_int_equal(unpack("\x18\x81\x00", 3), UP_MALFORMED);      /* not the shortest varint */
    assert_int_equal(unpack("\x18\xff\xff\xff\xff\x0f", 6), UP_OK); /* the largest 32 bits */
    assert_int_equal(unpack("\x18\x80\x80\x80\x80\x10", 6), UP_MALFORMED); /* one more */
    assert_int_equal(unpack("\x1b", 1), UP_MALFORMED);                     /* a group */
    assert_int_equal(unpack("\x00\x01", 2), UP_MALFORMED);                 /* field 0 */
    assert_int_equal(unpack("\x1a\x01\x01", 3), UP_MALFORMED);             /* wrong wire type */
}

static void amplification_is_bounded(void **state)
{
    size_t len = (size_t)2 * (UP_MESSAGE_FIELDS_MAX + 10);
    uint8_t *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += 2) {
        bytes[i] = 0x22; /* strands: an empty one */
        bytes[i + 1] = 0;
    }
    assert_int_equal(unpack(bytes, len), UP_TOO_LARGE);
    free(bytes);
}

static void budget_is_kept(void **state)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;

    (void)state;
    assert_int_equal(arena_new(64, &arena), UP_OK);
    assert_int_equal(
        message_unpack(&up__incident__descriptor, up_view_of("\x18\x01", 2), arena, &message),
        UP_NO_MEMORY);
    arena_destroy(&arena);
}

static void mutated_bytes_never_crash(void **state)
{
    struct gen gen = {.state = gen_seed("mutated_bytes")};

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &gen.arena), UP_OK);
    for (unsigned i = 0; i < 3000; i++) {
        Up__Incident *incident = gen_incident(&gen);
        struct up_bytes bytes = {0};
        ProtobufCMessage *message = NULL;

        assert_int_equal(message_pack(&incident->base, UP_JSON_LEN_MAX, &bytes), UP_OK);
        assert_int_equal(
            message_unpack(&up__incident__descriptor, up_bytes_view(&bytes), gen.arena, &message),
            UP_OK);
        for (unsigned j = 0; j < 5 && bytes.len > 0; j++)
            bytes.data[gen_below(&gen, (unsigned)bytes.len)] = (uint8_t)gen_next(&gen);
        if (message_unpack(&up__incident__descriptor,
                           up_view_of(bytes.data, gen_below(&gen, (unsigned)bytes.len + 1)),
                           gen.arena, &message))
            message = NULL;
        up_bytes_wipe(&bytes);
        arena_reset(gen.arena);
    }
    arena_destroy(&gen.arena);
}

static void json_and_bytes_go_both_ways(void **state)
{
    struct gen gen = {.state = gen_seed("json_and_bytes")};

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &gen.arena), UP_OK);
    for (unsigned i = 0; i < 2000; i++) {
        Up__Incident *incident = gen_incident(&gen);
        struct up_bytes before = {0};
        struct up_bytes text = {0};
        struct up_bytes after = {0};
        ProtobufCMessage *message = NULL;
        struct up_why why = {0};

        assert_int_equal(message_pack(&incident->base, UP_JSON_LEN_MAX, &before), UP_OK);
        assert_int_equal(json_format(&incident->base, i % 2, &text), UP_OK);
        if (json_parse(&up__incident__descriptor, up_bytes_view(&text), gen.arena, &message, &why))
            fail_msg("%s", why.text);
        assert_int_equal(message_pack(message, UP_JSON_LEN_MAX, &after), UP_OK);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, before.len);
        up_bytes_wipe(&before);
        up_bytes_wipe(&text);
        up_bytes_wipe(&after);
        arena_reset(gen.arena);
    }
    arena_destroy(&gen.arena);
}

static void json_says_where(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{\"incident\": {\"strands\": [{\"code\": \"RACE\"}, {\"code\": \"NOSUCH\"}]}}",
         "line 1, incident.strands[1].code: no such value; there are DISABILITY RACE"},
        {"{\"incident\": {\n\"narrative\": \"a \\\" {[\\n\",\n\"strands\": [\n{\"code\": "
         "\"RACE\"},\n\n{\"sub_strand\": 1}]}}",
         "line 6, incident.strands[1].subStrand: not a text"},
        {"{\"incident\":\n {\"place\": {\"lsoa\": \"\"},\n \"police\": {},\n\"noSuch\": [[1], "
         "{}]}}",
         "line 4, incident.(unknown): no field"},
        {"{\"urgent\": true, \"urgent\": false}", "line 1, column"},
        {"{\"reported_before\": 1, \"reportedBefore\": 2}", "line 1, reportedBefore: given twice"},
        {"{\"nosuch\": 1}", "(unknown): no field of that name exists here"},
        {"{\n\"urgent\": tru}", "line 2"},
        {"{\"incident\": {\"narrative\": \"a\\u0000b\"}}", "line 1"},
        {"{\"urgent\": \"yes\"}", "urgent: not true or false"},
        {"{\"incident\": {\"codesVersion\": -1}}", "not a whole number from 0"},
        {"{\"incident\": {\"codesVersion\": \"99999999999999999999\"}}",
         "not a whole number from 0"},
        {"[]", "the document: not an object"},
    };
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ProtobufCMessage *message = NULL;
        struct up_why why = {0};

        assert_int_not_equal(json_parse(&up__report__descriptor,
                                        up_view_of(cases[i].text, strlen(cases[i].text)), arena,
                                        &message, &why),
                             UP_OK);
        if (!strstr(why.text, cases[i].says))
            fail_msg("case %zu says: %s", i, why.text);
        assert_null(strstr(why.text, "NOSUCH"));
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_protobuf_would_accept_is_refused),
        cmocka_unit_test(amplification_is_bounded),
        cmocka_unit_test(budget_is_kept),
        cmocka_unit_test(mutated_bytes_never_crash),
        cmocka_unit_test(json_and_bytes_go_both_ways),
        cmocka_unit_test(json_says_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
