/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api.pb-c.h"
#include "envelope.pb-c.h"
#include "frame.pb-c.h"
#include "roster.pb-c.h"
#include "tests/lib/incident_gen.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static struct up_view text_of(const char *text)
{
    return up_view_of(text, strlen(text));
}

/* --- both ways -------------------------------------------------------------------------------- */

struct golden {
    const ProtobufCMessageDescriptor *descriptor;
    const char *json;
    const char *bytes;
    size_t len;
};

#define GOLDEN(type, json, bytes)                                                                  \
    {                                                                                              \
        &up__##type##__descriptor, json, bytes, sizeof(bytes) - 1                                  \
    }

/* The bytes were worked out by hand from the wire format, not taken from this program. */
static const struct golden goldens[] = {
    GOLDEN(report, "{}", ""),
    GOLDEN(report, "{\"ref\":\"7F3K-9QTM\",\"urgent\":true}",
           "\x0a\x09"
           "7F3K-9QTM\x20\x01"),
    GOLDEN(report, "{\"incident\":{}}", "\x12\x00"),
    GOLDEN(report,
           "{\"incident\":{\"strands\":[{\"code\":\"RACE\"},{}]},\"reportedBefore\":\"YES\"}",
           "\x12\x06\x22\x02\x08\x02\x22\x00\x30\x01"),
    GOLDEN(place, "{\"latitudeMicrodegrees\":-1,\"longitudeMicrodegrees\":2147483647}",
           "\x18\x01\x20\xfe\xff\xff\xff\x0f"),
    GOLDEN(place, "{\"latitudeMicrodegrees\":-2147483648}", "\x18\xff\xff\xff\xff\x0f"),
    GOLDEN(place, "{\"vintage\":4294967295,\"publicSpot\":true}",
           "\x48\xff\xff\xff\xff\x0f\x50\x01"),
    GOLDEN(delivery, "{\"number\":\"18446744073709551615\",\"envelope\":\"AP/+\"}",
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x03\x00\xff\xfe"),
    GOLDEN(ack, "{\"numbers\":[\"0\",\"300\"]}", "\x0a\x03\x00\xac\x02"),
    GOLDEN(welcome, "{\"nowS\":\"-9223372036854775808\"}",
           "\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
    GOLDEN(welcome, "{\"nowS\":\"9223372036854775807\"}",
           "\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
    GOLDEN(envelope_header, "{\"id\":\"AQ==\",\"expiresAtS\":\"3600\"}",
           "\x0a\x01\x01\x21\x10\x0e\0\0\0\0\0\0"),
    GOLDEN(member, "{\"id\":\"abc\",\"telephone24h\":\"0100 000\"}",
           "\x0a\x03"
           "abc\x4a\x08"
           "0100 000"),
    GOLDEN(frame, "{\"credit\":{}}", "\x2a\x00"),
    GOLDEN(frame, "{\"failure\":{\"code\":\"HELLO_FIRST\",\"text\":\"\xc3\xa9\"}}",
           "\x72\x06\x08\x04\x12\x02\xc3\xa9"),
    GOLDEN(entitlement, "{\"level\":\"PSEUDONYMISED\",\"withheld\":[\"CONTACT\",\"PLACE\"]}",
           "\x08\x04\x12\x02\x01\x04"),
    GOLDEN(identity, "{\"name\":\"\\\"\\\\\\n\",\"identifiers\":[\"\",\"x\"]}",
           "\x0a\x03\"\\\n\x1a\x00\x1a\x01x"),
    GOLDEN(send, "{\"seq\":\"1\",\"envelopes\":[\"\",\"AAA=\"]}", "\x08\x01\x12\x00\x12\x02\0\0"),
};

static void golden_text_and_bytes(void **state)
{
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        const struct golden *golden = &goldens[i];
        ProtobufCMessage *message = NULL;
        struct up_bytes bytes = {0};
        struct up_bytes text = {0};
        struct up_why why = {0};

        if (json_parse(golden->descriptor, text_of(golden->json), arena, &message, &why))
            fail_msg("case %zu: %s", i, why.text);
        assert_int_equal(message_pack(message, 1000, &bytes), UP_OK);
        if (bytes.len != golden->len || memcmp(bytes.data, golden->bytes, bytes.len) != 0)
            fail_msg("case %zu: other bytes", i);
        assert_int_equal(message_unpack(golden->descriptor, up_bytes_view(&bytes), arena, &message),
                         UP_OK);
        assert_int_equal(json_format(message, false, &text), UP_OK);
        assert_string_equal(text.data, golden->json);
        assert_int_equal(text.len, strlen(golden->json));
        up_bytes_wipe(&bytes);
        up_bytes_wipe(&text);
        arena_reset(arena);
    }
    arena_destroy(&arena);
}

/* Other spellings that mean the same; the second is how it is written. */
static void other_spellings_are_read(void **state)
{
    static const struct {
        const ProtobufCMessageDescriptor *descriptor;
        const char *json;
        const char *canonical;
    } cases[] = {
        {&up__report__descriptor, " {\n\t\"call_was_made\" : true } ", "{\"callWasMade\":true}"},
        {&up__report__descriptor, "{\"reportedBefore\":1}", "{\"reportedBefore\":\"YES\"}"},
        {&up__report__descriptor, "{\"reportedBefore\":0,\"ref\":\"\",\"urgent\":false}", "{}"},
        {&up__report__descriptor, "{\"incident\":null,\"ref\":null}", "{}"},
        {&up__report__descriptor, "{\"incident\":{\"strands\":[]}}", "{\"incident\":{}}"},
        {&up__frame__descriptor, "{\"hello\":null,\"ack\":{}}", "{\"ack\":{}}"},
        {&up__delivery__descriptor, "{\"number\":12}", "{\"number\":\"12\"}"},
        {&up__welcome__descriptor, "{\"nowS\":-12,\"protocol\":\"1\"}",
         "{\"protocol\":1,\"nowS\":\"-12\"}"},
        {&up__member__descriptor, "{\"telephone_24h\":\"1\"}", "{\"telephone24h\":\"1\"}"},
        {&up__identity__descriptor, "{\"name\":\"\\u00e9\\ud83d\\ude00\"}",
         "{\"name\":\"\xc3\xa9\xf0\x9f\x98\x80\"}"},
    };
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ProtobufCMessage *message = NULL;
        struct up_bytes text = {0};
        struct up_why why = {0};

        if (json_parse(cases[i].descriptor, text_of(cases[i].json), arena, &message, &why))
            fail_msg("case %zu: %s", i, why.text);
        assert_int_equal(json_format(message, false, &text), UP_OK);
        assert_string_equal(text.data, cases[i].canonical);
        up_bytes_wipe(&text);
    }
    arena_destroy(&arena);
}

static void pretty_is_indented(void **state)
{
    Up__Report report = UP__REPORT__INIT;
    struct up_bytes text = {0};

    (void)state;
    report.urgent = true;
    assert_int_equal(json_format(&report.base, true, &text), UP_OK);
    assert_string_equal(text.data, "{\n  \"urgent\": true\n}");
    up_bytes_wipe(&text);
    report.ref = NULL; /* protobuf-c takes it for empty as well */
    assert_int_equal(json_format(&report.base, false, &text), UP_OK);
    assert_string_equal(text.data, "{\"urgent\":true}");
    up_bytes_wipe(&text);
}

static void an_unknown_enum_number_is_written_as_it_is(void **state)
{
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    struct up_bytes text = {0};

    (void)state;
    entitlement.level = (Up__Entitlement__Level)99;
    assert_int_equal(json_format(&entitlement.base, false, &text), UP_OK);
    assert_string_equal(text.data, "{\"level\":99}");
    up_bytes_wipe(&text);
}

/* --- refusals --------------------------------------------------------------------------------- */

struct refusal {
    const ProtobufCMessageDescriptor *descriptor;
    const char *json;
    enum up_err err;
    const char *says;
};

/* Where a value is at fault it holds "Zz": no sentence may repeat it. */
static const struct refusal refusals[] = {
    {&up__report__descriptor, "", UP_MALFORMED, "line 1"},
    {&up__report__descriptor, "\"Zz\"", UP_MALFORMED, "line 1"},
    {&up__report__descriptor, "[]", UP_INVALID, "the document: not an object"},
    {&up__report__descriptor, "{} Zz", UP_MALFORMED, "line 1"},
    {&up__report__descriptor, "{\n\n\"ref\": Zz}", UP_MALFORMED, "line 3, column"},
    {&up__report__descriptor, "{\"ref\": \"a\",}", UP_MALFORMED, "line 1, column"},
    {&up__report__descriptor, "{\"ref\": \"Zz\", \"ref\": \"Zz\"}", UP_MALFORMED, "given twice"},
    {&up__report__descriptor, "{\"call_was_made\": true, \"callWasMade\": true}", UP_INVALID,
     "callWasMade: given twice"},
    {&up__report__descriptor, "{\"Zz\": 1}", UP_INVALID, "no field of that name"},
    {&up__report__descriptor, "{\"incident\": {\"identity\": {\"Zz\": 1}}}", UP_INVALID,
     "incident.identity."},
    {&up__report__descriptor, "{\"URGENT\": true}", UP_INVALID, "no field of that name"},
    {&up__report__descriptor, "{\"urgent\": 1}", UP_INVALID, "urgent: not true or false"},
    {&up__report__descriptor, "{\"ref\": 1}", UP_INVALID, "ref: not a text"},
    {&up__report__descriptor, "{\"incident\": \"Zz\"}", UP_INVALID, "incident: not an object"},
    {&up__report__descriptor, "{\"incident\": []}", UP_INVALID, "incident: not an object"},
    {&up__report__descriptor, "{\"incident\": {\"strands\": {}}}", UP_INVALID,
     "incident.strands: not a list"},
    {&up__report__descriptor, "{\"incident\": {\"strands\": [{}, null]}}", UP_INVALID,
     "incident.strands[1]: not an object"},
    {&up__report__descriptor,
     "{\"incident\": {\"strands\": [{\"code\": \"RACE\"}, {\"code\": \"Zz\"}]}}", UP_INVALID,
     "incident.strands[1].code: no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": \"yes\"}", UP_INVALID, "no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": 99}", UP_INVALID, "no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": -1}", UP_INVALID, "no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": 4294967297}", UP_INVALID, "no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": \"1\"}", UP_INVALID, "no such value"},
    {&up__report__descriptor, "{\"reportedBefore\": \"UP__ANSWER__CODE__YES\"}", UP_INVALID,
     "no such value"},
    {&up__report__descriptor, "{\"ref\": \"Zz\\u0000\"}", UP_BAD_TEXT, "line 1"},
    {&up__report__descriptor, "{\"Zz\\u0000\": 1}", UP_BAD_TEXT, "line 1"},
    {&up__report__descriptor, "{\"ref\": \"Zz\xff\"}", UP_BAD_TEXT, "line 1"},
    {&up__report__descriptor, "{\"ref\": \"Zz\xed\xa0\x80\"}", UP_BAD_TEXT, "line 1"},
    {&up__report__descriptor, "{\"ref\": \"Zz\\ud800\"}", UP_MALFORMED, "line 1"},
    {&up__place__descriptor, "{\"vintage\": 4294967296}", UP_INVALID,
     "vintage: not a whole number"},
    {&up__place__descriptor, "{\"vintage\": -1}", UP_INVALID, "vintage: not a whole number"},
    {&up__place__descriptor, "{\"vintage\": 1.5}", UP_INVALID, "vintage: not a whole number"},
    {&up__place__descriptor, "{\"vintage\": true}", UP_INVALID, "vintage: not a whole number"},
    {&up__place__descriptor, "{\"latitudeMicrodegrees\": 2147483648}", UP_INVALID, "latitude"},
    {&up__place__descriptor, "{\"latitudeMicrodegrees\": -2147483649}", UP_INVALID, "latitude"},
    {&up__delivery__descriptor, "{\"number\": \"18446744073709551616\"}", UP_INVALID,
     "number: not"},
    {&up__delivery__descriptor, "{\"number\": 18446744073709551616}", UP_MALFORMED, "line 1"},
    {&up__delivery__descriptor, "{\"number\": \"-1\"}", UP_INVALID, "number: not"},
    {&up__delivery__descriptor, "{\"number\": \"\"}", UP_INVALID, "number: not"},
    {&up__delivery__descriptor, "{\"number\": \" 1\"}", UP_INVALID, "number: not"},
    {&up__delivery__descriptor, "{\"number\": \"1Zz\"}", UP_INVALID, "number: not"},
    {&up__delivery__descriptor, "{\"number\": \"0x1\"}", UP_INVALID, "number: not"},
    {&up__welcome__descriptor, "{\"nowS\": \"9223372036854775808\"}", UP_INVALID, "nowS: not"},
    {&up__welcome__descriptor, "{\"nowS\": \"-9223372036854775809\"}", UP_INVALID, "nowS: not"},
    {&up__welcome__descriptor, "{\"nowS\": \"-\"}", UP_INVALID, "nowS: not"},
    {&up__delivery__descriptor, "{\"envelope\": \"AP_-\"}", UP_INVALID, "envelope: not base64"},
    {&up__delivery__descriptor, "{\"envelope\": \"AA\"}", UP_INVALID, "envelope: not base64"},
    {&up__delivery__descriptor, "{\"envelope\": \"AB==Zz\"}", UP_INVALID, "envelope: not base64"},
    {&up__delivery__descriptor, "{\"envelope\": [1]}", UP_INVALID, "envelope: not base64"},
    {&up__frame__descriptor, "{\"hello\": {}, \"ack\": {}}", UP_INVALID, "another of this choice"},
};

static void what_is_wrong_is_said(void **state)
{
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ProtobufCMessage *message = NULL;
        struct up_why why = {.err = UP_CONFIG, .text = "of an earlier error"};
        enum up_err err =
            json_parse(refusals[i].descriptor, text_of(refusals[i].json), arena, &message, &why);

        if (err != refusals[i].err || why.err != err || !strstr(why.text, refusals[i].says))
            fail_msg("case %zu: %s; %s", i, up_err_text(err), why.text);
        assert_null(strstr(why.text, "Zz"));
        assert_null(message);
        assert_int_equal(
            json_parse(refusals[i].descriptor, text_of(refusals[i].json), arena, &message, NULL),
            err);
    }
    arena_destroy(&arena);
}

static void nothing_is_unbounded(void **state)
{
    struct arena *arena = NULL;
    struct up_bytes text = {0};
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};
    size_t at = 0;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    assert_int_equal(up_bytes_new(UP_JSON_LEN_MAX + 1, &text), UP_OK);
    memset(text.data, ' ', text.len);
    memcpy(text.data, "{}", 2);
    assert_int_equal(json_parse(&up__report__descriptor, up_view_of(text.data, UP_JSON_LEN_MAX),
                                arena, &message, &why),
                     UP_OK);
    assert_int_equal(
        json_parse(&up__report__descriptor, up_bytes_view(&text), arena, &message, &why),
        UP_TOO_LARGE);
    memset(text.data, '[', text.len);
    assert_int_equal(json_parse(&up__report__descriptor, up_view_of(text.data, UP_JSON_LEN_MAX),
                                arena, &message, &why),
                     UP_TOO_DEEP);
    /* more numbers than a message of bytes may hold: it would be taken here and refused elsewhere
     */
    at = (size_t)snprintf((char *)text.data, text.len, "{\"numbers\":[1");
    for (unsigned i = 0; i < UP_MESSAGE_FIELDS_MAX; i++) {
        memcpy(text.data + at, ",1", 2);
        at += 2;
    }
    memcpy(text.data + at, "]}", 2);
    assert_int_equal(
        json_parse(&up__ack__descriptor, up_view_of(text.data, at + 2), arena, &message, &why),
        UP_TOO_LARGE);
    arena_destroy(&arena);
    up_bytes_wipe(&text);
}

static void the_budget_holds(void **state)
{
    static const char json[] =
        "{\"ref\":\"7F3K-9QTM\",\"incident\":{\"strands\":[{\"code\":\"RACE\"}],"
        "\"narrative\":\"text\",\"contact\":{\"emails\":[\"a\",\"b\"]}}}";
    enum up_err err = UP_NO_MEMORY;
    size_t budget = 0;

    (void)state;
    for (; err && budget < 100000; budget += 16) {
        struct arena *arena = NULL;
        ProtobufCMessage *message = NULL;
        struct up_why why = {0};

        assert_int_equal(arena_new(budget, &arena), UP_OK);
        err = json_parse(&up__report__descriptor, text_of(json), arena, &message, &why);
        assert_int_equal(why.err, err);
        assert_true(err == UP_OK || err == UP_NO_MEMORY);
        assert_true((err == UP_OK) == (message != NULL));
        arena_destroy(&arena);
    }
    assert_int_equal(err, UP_OK);
    assert_true(budget > 500);
}

static void mutated_text_never_crashes(void **state)
{
    struct gen gen = {.state = gen_seed("mutated_text")};
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &gen.arena), UP_OK);
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (unsigned i = 0; i < 2000; i++) {
        static const char useful[] = "{}[]\",:\\0-e.tfnu \xc3\xff";
        Up__Report report = UP__REPORT__INIT;
        struct up_bytes text = {0};
        ProtobufCMessage *message = NULL;
        struct up_why why = {0};
        size_t len = 0;

        report.incident = gen_incident(&gen);
        assert_int_equal(json_format(&report.base, i % 2, &text), UP_OK);
        len = gen_chance(&gen, 20) ? gen_below(&gen, (unsigned)text.len) : text.len;
        for (unsigned j = gen_below(&gen, 4); j > 0; j--)
            text.data[gen_below(&gen, (unsigned)text.len)] =
                (uint8_t)useful[gen_below(&gen, sizeof useful - 1)];
        if (json_parse(&up__report__descriptor, up_view_of(text.data, len), arena, &message, &why))
            assert_true(why.text[0] != '\0');
        up_bytes_wipe(&text);
        arena_reset(arena);
        arena_reset(gen.arena);
    }
    arena_destroy(&arena);
    arena_destroy(&gen.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_text_and_bytes),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(pretty_is_indented),
        cmocka_unit_test(an_unknown_enum_number_is_written_as_it_is),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(nothing_is_unbounded),
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(mutated_text_never_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
