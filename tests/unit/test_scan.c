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
#include "frame.pb-c.h"
#include "envelope.pb-c.h"
#include "proto/scan.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

struct wire_case {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    const char *bytes;
    size_t len;
    enum up_err err;
};

/* The bytes stand in exactly sized memory, so that the sanitizer sees one byte too many being
 * read. */
static enum up_err scan_copy(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                             size_t len)
{
    struct up_bytes copy = {0};
    enum up_err err = UP_OK;

    if (len == 0)
        return scan_message(descriptor, up_view_of(NULL, 0));
    copy.data = malloc(len);
    assert_non_null(copy.data);
    copy.len = len;
    memcpy(copy.data, bytes, len);
    err = scan_message(descriptor, up_bytes_view(&copy));
    up_bytes_wipe(&copy);
    return err;
}

#define CASE(name, type, bytes, err)                                                               \
    {                                                                                              \
        name, &up__##type##__descriptor, bytes, sizeof(bytes) - 1, err                             \
    }

static const struct wire_case wire_cases[] = {
    CASE("nothing", incident, "", UP_OK),
    CASE("a number", incident, "\x18\x01", UP_OK),
    CASE("a number twice", incident, "\x18\x01\x18\x01", UP_MALFORMED),
    CASE("a number twice, another between", incident, "\x18\x01\x30\x01\x18\x01", UP_MALFORMED),
    CASE("a text twice", incident,
         "\x92\x01\x01"
         "a\x92\x01\x01"
         "a",
         UP_MALFORMED),
    CASE("a submessage twice", incident, "\x0a\x00\x0a\x00", UP_MALFORMED),
    CASE("a repeated submessage twice", incident, "\x22\x00\x22\x00", UP_OK),
    CASE("one of a choice", frame, "\x0a\x00", UP_OK),
    CASE("one of a choice twice", frame, "\x0a\x00\x0a\x00", UP_MALFORMED),
    CASE("two of a choice", frame, "\x0a\x00\x12\x00", UP_MALFORMED),
    CASE("an unknown field", incident, "\xf8\x07\x01", UP_UNKNOWN_FIELD),
    CASE("an unknown field below", incident, "\x0a\x03\xf8\x07\x01", UP_UNKNOWN_FIELD),
    CASE("field 0", incident, "\x00\x01", UP_MALFORMED),
    CASE("field 0, a text", incident, "\x02\x00", UP_MALFORMED),
    CASE("a tag of 33 bits", incident, "\x98\x80\x80\x80\x10\x01", UP_MALFORMED),
    CASE("a tag not in its shortest form", incident, "\x98\x00\x01", UP_MALFORMED),
    CASE("a group begins", incident, "\x1b\x1c", UP_MALFORMED),
    CASE("a group ends", incident, "\x1c", UP_MALFORMED),
    CASE("wire type 6", incident, "\x1e\x01", UP_MALFORMED),
    CASE("wire type 7", incident, "\x1f\x01", UP_MALFORMED),
    CASE("a number as bytes", incident, "\x1a\x01\x01", UP_MALFORMED),
    CASE("a number as 32 bits", incident, "\x1d\x01\x00\x00\x00", UP_MALFORMED),
    CASE("a number as 64 bits", incident, "\x19\x01\0\0\0\0\0\0\0", UP_MALFORMED),
    CASE("a text as a number", incident, "\x90\x01\x01", UP_MALFORMED),
    CASE("a submessage as a number", incident, "\x08\x01", UP_MALFORMED),
    CASE("a tag and no value", incident, "\x18", UP_MALFORMED),
    CASE("half a tag", incident, "\x98", UP_MALFORMED),
    CASE("half a number", incident, "\x18\x80", UP_MALFORMED),
    CASE("a number not in its shortest form", incident, "\x18\x81\x00", UP_MALFORMED),
    CASE("a length past the end", incident,
         "\x92\x01\x02"
         "a",
         UP_MALFORMED),
    CASE("a length of 2^64 - 1", incident, "\x92\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         UP_MALFORMED),
    CASE("a submessage past the end", incident, "\x0a\x01", UP_MALFORMED),
    CASE("past the end of the submessage", incident, "\x0a\x02\x08\x80\x01", UP_MALFORMED),
    CASE("a text past the end of its message", incident,
         "\x52\x03\x0a\x05"
         "abcde",
         UP_MALFORMED),
    CASE("64 bits", frame, "\x2a\x00", UP_OK),
    CASE("64 bits, all", send, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", UP_OK),
    CASE("65 bits", send, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", UP_MALFORMED),
    CASE("eleven bytes", send, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", UP_MALFORMED),
    CASE("32 bits, all", incident, "\x18\xff\xff\xff\xff\x0f", UP_OK),
    CASE("33 bits", incident, "\x18\x80\x80\x80\x80\x10", UP_MALFORMED),
    CASE("true", incident_disclosure, "\x10\x01", UP_OK),
    CASE("truer than true", incident_disclosure, "\x10\x02", UP_MALFORMED),
    CASE("an unknown enum number", entitlement, "\x08\x63", UP_OK),
    CASE("a negative enum number", entitlement, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         UP_OK),
    CASE("an enum number of 33 bits", entitlement, "\x08\x80\x80\x80\x80\x10", UP_MALFORMED),
    CASE("an enum number just past 31 bits", entitlement, "\x08\x80\x80\x80\x80\x08", UP_MALFORMED),
    CASE("a negative zigzag", place, "\x18\x01", UP_OK),
    CASE("packed", entitlement, "\x12\x02\x01\x02", UP_OK),
    CASE("packed, nothing", entitlement, "\x12\x00", UP_OK),
    CASE("unpacked", entitlement, "\x10\x01\x10\x02", UP_OK),
    CASE("packed in two parts", entitlement, "\x12\x01\x01\x12\x01\x02", UP_OK),
    CASE("packed, half a number", entitlement, "\x12\x02\x01\x80", UP_MALFORMED),
    CASE("packed, over its end", entitlement, "\x12\x01\x80\x01", UP_MALFORMED),
    CASE("packed where one is expected", entitlement, "\x0a\x01\x01", UP_MALFORMED),
    CASE("fixed", envelope_header, "\x21\x01\x02\x03\x04\x05\x06\x07\x08", UP_OK),
    CASE("fixed, cut", envelope_header, "\x21\x01\x02\x03\x04\x05\x06\x07", UP_MALFORMED),
    CASE("fixed, as a number", envelope_header, "\x20\x01", UP_MALFORMED),
    CASE("bytes hold anything", envelope, "\x0a\x03\x00\xff\xfe", UP_OK),
    CASE("text holds a NUL", incident,
         "\x92\x01\x03"
         "a\0b",
         UP_BAD_TEXT),
    CASE("text is not UTF-8", incident, "\x92\x01\x01\xff", UP_BAD_TEXT),
    CASE("text below is not UTF-8", incident, "\x52\x03\x0a\x01\xff", UP_BAD_TEXT),
    CASE("text of a list is not UTF-8", contact, "\x0a\x01\x80", UP_BAD_TEXT),
};

static void each_form_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wire_cases / sizeof wire_cases[0]; i++) {
        const struct wire_case *one = &wire_cases[i];
        enum up_err err = scan_copy(one->descriptor, one->bytes, one->len);

        if (err != one->err)
            fail_msg("%s: %s", one->name, up_err_text(err));
    }
}

static void text_is_utf8_in_shortest_form(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "x\xe2\x82\xacy"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2z",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xe0\xa0",
                                      "\xe0\xa0z",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf0\x90\x80z",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff",
                                      "ok\xc3"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!scan_text(up_view_of(good[i], strlen(good[i]))))
            fail_msg("good case %zu is refused", i);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t *copy = malloc(strlen(bad[i])); /* exactly: reading on is seen */

        assert_non_null(copy);
        memcpy(copy, bad[i], strlen(bad[i]));
        if (scan_text(up_view_of(copy, strlen(bad[i]))))
            fail_msg("bad case %zu is taken", i);
        free(copy);
    }
    assert_false(scan_text(up_view_of("a\0", 2)));
}

/* No schema is recursive; this one is, so that there is something to bound. */
struct recursive {
    ProtobufCMessageDescriptor descriptor;
    ProtobufCFieldDescriptor fields[2]; /* incident, urgent */
};

static void recursive_init(struct recursive *recursive)
{
    recursive->descriptor = up__incident_disclosure__descriptor;
    memcpy(recursive->fields, recursive->descriptor.fields, sizeof recursive->fields);
    recursive->fields[0].descriptor = &recursive->descriptor;
    recursive->descriptor.fields = recursive->fields;
}

/* levels messages in one another, each of which holds the next and nothing else. */
static struct up_bytes nested(size_t levels)
{
    uint8_t *backwards = malloc(levels * 6);
    struct up_bytes bytes = {0};
    size_t len = 0;

    assert_non_null(backwards);
    for (size_t i = 1; i < levels; i++) {
        uint8_t prefix[6];
        size_t prefix_len = 0;
        size_t left = len;

        prefix[prefix_len++] = 0x0a;
        for (; left >= 0x80; left >>= 7)
            prefix[prefix_len++] = (uint8_t)(left | 0x80);
        prefix[prefix_len++] = (uint8_t)left;
        while (prefix_len > 0)
            backwards[len++] = prefix[--prefix_len];
    }
    assert_int_equal(up_bytes_new(len, &bytes), UP_OK);
    for (size_t i = 0; i < len; i++)
        bytes.data[i] = backwards[len - 1 - i];
    free(backwards);
    return bytes;
}

static void depth_is_bounded(void **state)
{
    static const struct {
        size_t levels;
        enum up_err err;
    } cases[] = {{1, UP_OK},
                 {UP_MESSAGE_DEPTH_MAX, UP_OK},
                 {UP_MESSAGE_DEPTH_MAX + 1, UP_TOO_DEEP},
                 {10000, UP_TOO_DEEP},
                 {300000, UP_TOO_DEEP}};
    struct recursive recursive;

    (void)state;
    recursive_init(&recursive);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct up_bytes bytes = nested(cases[i].levels);

        assert_int_equal(scan_message(&recursive.descriptor, up_bytes_view(&bytes)), cases[i].err);
        up_bytes_wipe(&bytes);
    }
}

static void fields_are_counted(void **state)
{
    size_t most = UP_MESSAGE_FIELDS_MAX;
    uint8_t *bytes = malloc(2 * (most + 1));

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i <= most; i++) {
        bytes[2 * i] = 0x22; /* strands: an empty one */
        bytes[2 * i + 1] = 0;
    }
    assert_int_equal(scan_message(&up__incident__descriptor, up_view_of(bytes, 2 * most)), UP_OK);
    assert_int_equal(scan_message(&up__incident__descriptor, up_view_of(bytes, 2 * most + 2)),
                     UP_TOO_LARGE);
    /* packed elements count as well, one for the field itself */
    bytes[0] = 0x12;
    bytes[1] = 0xff;
    bytes[2] = 0xff;
    bytes[3] = 0x03;
    memset(bytes + 4, 1, most - 1);
    assert_int_equal(scan_message(&up__entitlement__descriptor, up_view_of(bytes, most + 3)),
                     UP_OK);
    bytes[1] = 0x80;
    bytes[2] = 0x80;
    bytes[3] = 0x04;
    bytes[most + 3] = 1;
    assert_int_equal(scan_message(&up__entitlement__descriptor, up_view_of(bytes, most + 4)),
                     UP_TOO_LARGE);
    free(bytes);
}

static void cut_anywhere_is_no_crash(void **state)
{
    struct gen gen = {.state = gen_seed("cut_anywhere")};

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &gen.arena), UP_OK);
    for (unsigned i = 0; i < 20; i++) {
        Up__Report report = UP__REPORT__INIT;
        struct up_bytes bytes = {0};

        report.incident = gen_incident(&gen);
        assert_int_equal(message_pack(&report.base, UP_JSON_LEN_MAX, &bytes), UP_OK);
        assert_int_equal(scan_copy(&up__report__descriptor, bytes.data, bytes.len), UP_OK);
        for (size_t len = 1; len < bytes.len; len++) /* only the whole has the length it states */
            assert_int_equal(scan_copy(&up__report__descriptor, bytes.data, len), UP_MALFORMED);
        up_bytes_wipe(&bytes);
        arena_reset(gen.arena);
    }
    arena_destroy(&gen.arena);
}

/* What the scan lets through protobuf-c reads, and writes as bytes that the scan lets through. */
static void what_passes_is_read(void **state)
{
    struct gen gen = {.state = gen_seed("what_passes")};
    struct arena *arena = NULL;
    unsigned passed = 0;

    (void)state;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &gen.arena), UP_OK);
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &arena), UP_OK);
    for (unsigned i = 0; i < 5000; i++) {
        Up__Report report = UP__REPORT__INIT;
        struct up_bytes bytes = {0};
        struct up_bytes again = {0};
        ProtobufCMessage *message = NULL;

        report.incident = gen_incident(&gen);
        assert_int_equal(message_pack(&report.base, UP_JSON_LEN_MAX, &bytes), UP_OK);
        for (unsigned j = gen_below(&gen, 4); j > 0; j--)
            bytes.data[gen_below(&gen, (unsigned)bytes.len)] = (uint8_t)gen_next(&gen);
        if (scan_copy(&up__report__descriptor, bytes.data, bytes.len) == UP_OK) {
            passed++;
            assert_int_equal(
                message_unpack(&up__report__descriptor, up_bytes_view(&bytes), arena, &message),
                UP_OK);
            assert_int_equal(message_pack(message, UP_JSON_LEN_MAX, &again), UP_OK);
            assert_int_equal(scan_copy(&up__report__descriptor, again.data, again.len), UP_OK);
        }
        up_bytes_wipe(&bytes);
        up_bytes_wipe(&again);
        arena_reset(arena);
        arena_reset(gen.arena);
    }
    assert_true(passed > 500); /* or the case says nothing */
    arena_destroy(&arena);
    arena_destroy(&gen.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_has_its_verdict),
        cmocka_unit_test(text_is_utf8_in_shortest_form),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(fields_are_counted),
        cmocka_unit_test(cut_anywhere_is_no_crash),
        cmocka_unit_test(what_passes_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
