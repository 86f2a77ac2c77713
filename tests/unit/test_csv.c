/* SPDX-License-Identifier: MIT */
/* rooms: intake base proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/intake/csv.h"

static struct csv *csv;
static struct csv_row row;
static struct up_why why;

/* The text is copied to its exact length, so that a read past its end is found. */
static uint8_t *text;

static void read_bytes(const void *bytes, size_t len)
{
    csv_destroy(&csv);
    free(text);
    text = malloc(len > 0 ? len : 1);
    assert_non_null(text);
    if (len > 0)
        memcpy(text, bytes, len);
    assert_int_equal(csv_new(up_view_of(text, len), &csv), UP_OK);
}

static void read_text(const char *from)
{
    read_bytes(from, strlen(from));
}

static int tear_down(void **state)
{
    (void)state;
    csv_destroy(&csv);
    csv_destroy(&csv); /* none: fine */
    free(text);
    text = NULL;
    return 0;
}

/* The next row's fields, joined by '|'. */
static void must_row(unsigned line, const char *expected)
{
    char joined[600] = "";

    memset(&why, 0, sizeof why);
    if (csv_next(csv, &row, &why))
        fail_msg("%s", why.text);
    for (size_t i = 0; i < row.count; i++) {
        if (i > 0)
            strcat(joined, "|");
        strncat(joined, (const char *)row.fields[i].data, row.fields[i].len);
    }
    assert_string_equal(joined, expected);
    assert_int_equal(row.line, line);
}

static void must_end(void)
{
    assert_int_equal(csv_next(csv, &row, &why), UP_NOT_FOUND);
    assert_int_equal(csv_next(csv, &row, &why), UP_NOT_FOUND);
}

static void must_bad(unsigned line, enum up_err err, const char *part)
{
    memset(&why, 0, sizeof why);
    assert_int_equal(csv_next(csv, &row, &why), err);
    assert_int_equal(row.line, line);
    assert_int_equal(row.count, 0);
    if (!strstr(why.text, part))
        fail_msg("\"%s\" does not say \"%s\"", why.text, part);
}

static void must_raw(const char *expected)
{
    assert_int_equal(row.raw.len, strlen(expected));
    assert_memory_equal(row.raw.data, expected, row.raw.len);
}

static void rows_and_fields(void **state)
{
    (void)state;
    read_text("a,b,c\n1,,3\n,,\n");
    must_row(1, "a|b|c");
    must_raw("a,b,c\n");
    must_row(2, "1||3");
    must_row(3, "||");
    must_end();
    read_text("one");
    must_row(1, "one");
    must_raw("one");
    must_end();
    read_text("");
    must_end();
}

static void quotes(void **state)
{
    (void)state;
    read_text("a,b\n\"x,y\",\"say "
              "\"\"hello\"\"\"\n\"\",\"\"\"\"\n\"two\nlines\",\"and\r\nthree\n\"\nlast,\n");
    must_row(1, "a|b");
    must_row(2, "x,y|say \"hello\"");
    must_row(3, "|\"");
    must_row(4, "two\nlines|and\r\nthree\n");
    must_raw("\"two\nlines\",\"and\r\nthree\n\"\n");
    must_row(8, "last|");
    must_end();
}

static void line_ends(void **state)
{
    (void)state;
    read_text("a,b\r\n1,2\r\n\r\n\n\"q\",\"r\"\r\n3,4");
    must_row(1, "a|b");
    must_raw("a,b\r\n");
    must_row(2, "1|2");
    must_row(5, "q|r");
    must_row(6, "3|4");
    must_end();
}

static void a_byte_order_mark_is_skipped_at_the_top_only(void **state)
{
    (void)state;
    read_text("\xEF\xBB\xBF"
              "a,b\n\xEF\xBB\xBF"
              "1,2\n");
    must_row(1, "a|b");
    must_row(2, "\xEF\xBB\xBF"
                "1|2");
    read_text("\xEF\xBB\xBF\"a\",b\n");
    must_row(1, "a|b");
    read_text("\xEF\xBB\xBF");
    must_end();
}

static void what_is_malformed_costs_its_row_only(void **state)
{
    (void)state;
    read_text("a,b\nx\"y,2\n1,2\n\"x\"y,2\n1,2\nx\ry,2\n1,2\n\"x\"\r,2\n1,2\n");
    must_row(1, "a|b");
    must_bad(2, UP_MALFORMED, "a quote inside");
    must_raw("x\"y,2\n");
    must_row(3, "1|2");
    must_bad(4, UP_MALFORMED, "follows a closing quote");
    must_row(5, "1|2");
    must_bad(6, UP_MALFORMED, "carriage return");
    must_row(7, "1|2");
    must_bad(8, UP_MALFORMED, "follows a closing quote");
    must_row(9, "1|2");
    must_end();
}

static void a_quote_that_is_never_closed_takes_its_line(void **state)
{
    (void)state;
    read_text("a,b\n1,\"open\n3,4\n5,6\n");
    must_row(1, "a|b");
    must_bad(2, UP_MALFORMED, "never closed");
    must_raw("1,\"open\n");
    must_row(3, "3|4");
    must_row(4, "5|6");
    must_end();
    read_text("a,b\n1,\"open");
    must_row(1, "a|b");
    must_bad(2, UP_MALFORMED, "never closed");
    must_end();
}

static void each_row_has_as_many_fields_as_the_first(void **state)
{
    (void)state;
    read_text("a,b\n1\n1,2,3\n1,2\n");
    must_row(1, "a|b");
    must_bad(2, UP_MALFORMED, "1 fields, but the heading has 2");
    must_bad(3, UP_MALFORMED, "3 fields, but the heading has 2");
    must_row(4, "1|2");
    must_end();
}

static void text_is_utf8_without_nul(void **state)
{
    static const char bytes[] =
        "a,b\n1,x\0y\n1,\xff\n1,\xC0\xAF\n1,\xED\xA0\x80\n1,\xC3\xA9\n1,\xC3";

    (void)state;
    read_bytes(bytes, sizeof bytes - 1);
    must_row(1, "a|b");
    must_bad(2, UP_BAD_TEXT, "UTF-8");
    must_bad(3, UP_BAD_TEXT, "UTF-8");
    must_bad(4, UP_BAD_TEXT, "UTF-8");
    must_bad(5, UP_BAD_TEXT, "UTF-8");
    must_row(6, "1|\xC3\xA9");
    must_bad(7, UP_BAD_TEXT, "UTF-8");
    must_end();
}

/* What a person wrote inside quotes must never be read as rows, whatever is wrong with it. */
static void lines_inside_a_bad_field_are_no_rows(void **state)
{
    (void)state;
    read_text("a,b\n1,\"\xff\nx,y\nz,\"\"w\"\"\n\"\n3,4\n");
    must_row(1, "a|b");
    must_bad(2, UP_BAD_TEXT, "UTF-8");
    must_raw("1,\"\xff\nx,y\nz,\"\"w\"\"\n\"\n");
    must_row(6, "3|4");
    must_end();
}

/* "a,b" and then a row whose second field has len bytes of its own; behind it "3,4". */
static void read_long(size_t len, bool quoted)
{
    static const uint8_t evil[] = {'\n', 'e', 'v', 'i', 'l', ',', '2', '\n'};
    char *all = calloc(1, len + 64);
    size_t at = 0;

    assert_non_null(all);
    at += (size_t)sprintf(all, "a,b\n1,%s", quoted ? "\"" : "");
    memset(all + at, 'x', len);
    if (quoted && len > 10)
        memcpy(all + at + 1, evil, sizeof evil);
    at += len;
    (void)sprintf(all + at, "%s\n3,4\n", quoted ? "\"" : "");
    read_text(all);
    free(all);
}

static void rows_have_a_bound(void **state)
{
    (void)state;
    for (int quoted = 0; quoted < 2; quoted++) {
        read_long(UP_CSV_ROW_LEN_MAX - 1, quoted);
        must_row(1, "a|b");
        assert_int_equal(csv_next(csv, &row, &why), UP_OK);
        assert_int_equal(row.fields[1].len, UP_CSV_ROW_LEN_MAX - 1);
        read_long(UP_CSV_ROW_LEN_MAX, quoted);
        must_row(1, "a|b");
        must_bad(2, UP_TOO_LARGE, "longer than 65536");
        must_row(quoted ? 5 : 3, "3|4"); /* and not the lines inside the quotes */
        must_end();
    }
}

static void an_open_quote_in_a_long_file_takes_its_line(void **state)
{
    enum { ROWS = 20000 };
    char *all = calloc(1, ROWS * 8 + 64);
    size_t at = 0;

    (void)state;
    assert_non_null(all);
    at += (size_t)sprintf(all, "a,b\n1,\"open\n");
    for (int i = 0; i < ROWS; i++)
        at += (size_t)sprintf(all + at, "3,4\n");
    read_text(all);
    must_row(1, "a|b");
    must_bad(2, UP_TOO_LARGE, "longer");
    for (unsigned i = 0; i < ROWS; i++)
        must_row(i + 3, "3|4");
    must_end();
    free(all);
}

static void columns_have_a_bound(void **state)
{
    char all[UP_CSV_COLUMNS_MAX * 2 + 20];

    (void)state;
    memset(all, ',', UP_CSV_COLUMNS_MAX - 1);
    strcpy(all + UP_CSV_COLUMNS_MAX - 1, "\n");
    read_text(all);
    assert_int_equal(csv_next(csv, &row, &why), UP_OK);
    assert_int_equal(row.count, UP_CSV_COLUMNS_MAX);
    memset(all, ',', UP_CSV_COLUMNS_MAX);
    strcpy(all + UP_CSV_COLUMNS_MAX, "\na,b\n");
    read_text(all);
    must_bad(1, UP_TOO_LARGE, "more than 256");
    must_row(2, "a|b");
    must_end();
}

/* Whatever the bytes are: the reader ends, each byte is in one row at most, and lines rise. */
static void any_bytes_end(void **state)
{
    static const char letters[] = "a,\"\n\r\xC3\xA9 ";
    uint32_t random = 12345;
    uint8_t bytes[64];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len = 0;
        const uint8_t *upto = NULL;
        unsigned line = 0;

        random = random * 1103515245 + 12345;
        len = (random >> 16) % sizeof bytes;
        for (size_t i = 0; i < len; i++) {
            random = random * 1103515245 + 12345;
            bytes[i] = (uint8_t)letters[(random >> 16) % (sizeof letters - 1)];
        }
        read_bytes(bytes, len);
        upto = text;
        while (csv_next(csv, &row, &why) != UP_NOT_FOUND) {
            assert_true(row.raw.len > 0 && row.raw.data >= upto);
            upto = row.raw.data + row.raw.len;
            assert_true(upto <= text + len);
            assert_true(row.line > line);
            line = row.line;
        }
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_and_fields),
        TEST(quotes),
        TEST(line_ends),
        TEST(a_byte_order_mark_is_skipped_at_the_top_only),
        TEST(what_is_malformed_costs_its_row_only),
        TEST(a_quote_that_is_never_closed_takes_its_line),
        TEST(each_row_has_as_many_fields_as_the_first),
        TEST(text_is_utf8_without_nul),
        TEST(lines_inside_a_bad_field_are_no_rows),
        TEST(rows_have_a_bound),
        TEST(an_open_quote_in_a_long_file_takes_its_line),
        TEST(columns_have_a_bound),
        TEST(any_bytes_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
