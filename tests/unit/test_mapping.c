/* SPDX-License-Identifier: MIT */
/* rooms: intake base proto */
/* Every statement of docs/mapping.md, and every refusal with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "nodes/intake/mapping.h"

static struct mapping *mapping;
static struct arena *arena;
static struct up_why why;
static struct mapping_fault fault;
static Up__Report *report;

static int set_up(void **state)
{
    (void)state;
    memset(&why, 0, sizeof why);
    return arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mapping_destroy(&mapping);
    mapping_destroy(&mapping); /* none: fine */
    arena_destroy(&arena);
    return 0;
}

static enum up_err parse(const char *text)
{
    mapping_destroy(&mapping);
    memset(&why, 0, sizeof why);
    return mapping_parse(up_view_of(text, strlen(text)), &mapping, &why);
}

static struct csv_row row_of(const char *const *cells, size_t count)
{
    static struct up_view fields[16];

    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        fields[i] = up_view_of(cells[i], strlen(cells[i]));
    return (struct csv_row){.line = 1, .count = count, .fields = fields};
}

static enum up_err bind(const char *const *cells, size_t count)
{
    struct csv_row heading = row_of(cells, count);

    return mapping_bind(mapping, &heading, &why);
}

static enum up_err apply(const char *const *cells, size_t count)
{
    struct csv_row row = row_of(cells, count);

    report = NULL;
    memset(&fault, 0, sizeof fault);
    return mapping_apply(mapping, &row, arena, &report, &fault);
}

/* A mapping of the columns "A" and "B"; its first line is the version's. */
static void use(const char *text)
{
    static const char *const heading[] = {"A", "B"};
    char all[4000];

    (void)snprintf(all, sizeof all, "mapping 1\n%s", text);
    if (parse(all) || bind(heading, 2))
        fail_msg("%s", why.text);
}

static void must_take(const char *a, const char *b)
{
    const char *cells[] = {a, b};

    if (apply(cells, 2))
        fail_msg("%s: %s", fault.column, fault.reason);
    assert_non_null(report->incident);
}

static void must_refuse(const char *a, const char *b, const char *column, const char *reason)
{
    const char *cells[] = {a, b};

    assert_int_equal(apply(cells, 2), UP_INVALID);
    assert_null(report);
    assert_string_equal(fault.column, column);
    if (!strstr(fault.reason, reason))
        fail_msg("\"%s\" does not say \"%s\"", fault.reason, reason);
}

/* The text is no mapping; the reason names the line and says a part. */
static void must_not_parse(unsigned line, const char *part, const char *text)
{
    char place[32];

    (void)snprintf(place, sizeof place, "mapping, line %u: ", line);
    assert_int_equal(parse(text), UP_INVALID);
    assert_null(mapping);
    if (strncmp(why.text, place, strlen(place)) != 0 || !strstr(why.text, part))
        fail_msg("\"%s\" should say \"%s%s\"", why.text, place, part);
}

/* One statement in line 2. */
static void must_not_take(const char *part, const char *statement)
{
    char all[2000];

    (void)snprintf(all, sizeof all, "mapping 1\n%s\n", statement);
    must_not_parse(2, part, all);
}

/* --- the file
 * --------------------------------------------------------------------------------------- */

static void the_version_stands_first_and_once(void **state)
{
    (void)state;
    assert_int_equal(parse("# ours\n\n   # indented\nmapping 1\n"), UP_OK);
    assert_int_equal(parse("mapping 1\r\nset channel = IMPORT\r\n"), UP_OK);
    must_not_parse(0, "must stand first", "");
    must_not_parse(1, "must stand first", "set channel = IMPORT\n");
    must_not_parse(1, "stands once", "mapping 2\n");
    must_not_parse(1, "stands once", "mapping\n");
    must_not_parse(1, "stands once", "mapping \"1\"\n");
    must_not_parse(2, "stands once", "mapping 1\nmapping 1\n");
}

static void words_and_quotes(void **state)
{
    (void)state;
    use("set narrative = \"two  words\" # a remark\nset support_offered = a#b\n");
    must_take("", "");
    assert_string_equal(report->incident->narrative, "two  words");
    assert_string_equal(report->incident->support_offered[0], "a#b");
    must_not_take("never closed", "set narrative = \"x");
    must_not_take("middle of a word", "set narrative = x\"y");
    must_not_take("follows a closing quote", "set narrative = \"x\"y");
    must_not_take("no statement is called \"sett\"", "sett narrative = x");
    must_not_take("belongs below a table or a choice", " A = B");
}

static void the_file_has_bounds(void **state)
{
    char *text = malloc(70000);
    size_t at = 0;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', 65537);
    text[65537] = '\0';
    assert_int_equal(parse(text), UP_TOO_LARGE);
    at = (size_t)sprintf(text, "mapping 1\n");
    for (int i = 0; i < 1025; i++)
        at += (size_t)sprintf(text + at, "set victim = x\n");
    must_not_parse(1026, "too many statements", text);
    at = (size_t)sprintf(text, "mapping 1\nhash victim = A over");
    for (int i = 0; i < 300; i++)
        at += (size_t)sprintf(text + at, " x");
    must_not_parse(2, "too many words", text);
    assert_int_equal(mapping_parse(up_view_of("mapping 1\n\0", 11), &mapping, &why), UP_BAD_TEXT);
    assert_int_equal(mapping_parse(up_view_of("# \xff\n", 4), &mapping, &why), UP_BAD_TEXT);
    free(text);
}

/* --- columns
 * ---------------------------------------------------------------------------------------- */

static void columns_are_found_once(void **state)
{
    static const char *const good[] = {"x", " B ", "A"};
    static const char *const none[] = {"A", "C"};
    static const char *const two[] = {"A", "B", "B"};
    static const char *const other_two[] = {"A", "B", "C", "C"};
    const char *cells[] = {"", "b", "a"};

    (void)state;
    assert_int_equal(parse("mapping 1\ncopy victim = A\ncopy narrative = B\n"), UP_OK);
    assert_int_equal(bind(none, 2), UP_INVALID);
    assert_non_null(strstr(why.text, "no column \"B\""));
    assert_int_equal(bind(two, 3), UP_INVALID);
    assert_non_null(strstr(why.text, "more than one column \"B\""));
    assert_int_equal(bind(other_two, 4), UP_OK); /* nobody asks for C */
    assert_int_equal(bind(good, 3), UP_OK);
    assert_int_equal(apply(cells, 3), UP_OK);
    assert_string_equal(report->victim, "a");
    assert_string_equal(report->incident->narrative, "b");
    must_not_take("name of a column is missing", "copy victim = \"\"");
}

/* --- bad
 * -------------------------------------------------------------------------------------------- */

static void bad_rows(void **state)
{
    (void)state;
    use("bad A = x \"y z\" \"\" : left out, as agreed\nbad B contains ?? ; : unclear\n");
    must_take("a", "b");
    must_refuse("x", "", "A", "left out, as agreed");
    must_refuse(" y z ", "", "A", "left out, as agreed");
    must_refuse("", "", "A", "left out");
    must_take("xx", "?");
    must_refuse("a", "is it ?? so", "B", "unclear");
    must_refuse("a", "a;b", "B", "unclear");
    must_not_take("name of a column", "bad");
    must_not_take("not \"bad COLUMN", "bad A");
    must_not_take("not \"bad COLUMN", "bad A is x : why");
    must_not_take("reason is missing", "bad A = x");
    must_not_take("reason is missing", "bad A = x :");
    must_not_take("a value is missing", "bad A = : why");
}

/* --- set, copy, hash
 * -------------------------------------------------------------------------------- */

static void set_puts_a_value_of_the_fields_type(void **state)
{
    (void)state;
    use("set channel = IMPORT\nset place.vintage = 2021\nset place.public_spot = true\n"
        "set types = THREAT\nset types = GRAFFITI\nset place.latitude_microdegrees = -52000000\n"
        "set choice.given_by = person\nset reported_before = NOT_KNOWN\nset victim = v1\n"
        "set place.ward = E05000001\nset risk.safeguarding = \"a child\"\n");
    must_take("", "");
    assert_int_equal(report->incident->channel, UP__CHANNEL__CODE__IMPORT);
    assert_int_equal(report->incident->place->vintage, 2021);
    assert_true(report->incident->place->public_spot);
    assert_int_equal(report->incident->n_types, 2);
    assert_int_equal(report->incident->types[0], UP__INCIDENT_TYPE__CODE__THREAT);
    assert_int_equal(report->incident->types[1], UP__INCIDENT_TYPE__CODE__GRAFFITI);
    assert_int_equal(report->incident->place->latitude_microdegrees, -52000000);
    assert_string_equal(report->choice->given_by, "person");
    assert_int_equal(report->reported_before, UP__ANSWER__CODE__NOT_KNOWN);
    assert_string_equal(report->victim, "v1");
    assert_string_equal(report->incident->place->ward, "E05000001");
    assert_string_equal(report->incident->risk->safeguarding[0], "a child");
}

static void values_that_do_not_fit_are_refused_beforehand(void **state)
{
    (void)state;
    must_not_take("the field has no value \"FAX\"", "set channel = FAX");
    must_not_take("the field has no value \"import\"", "set channel = import");
    must_not_take("no value \"-1\"", "set place.vintage = -1");
    must_not_take("no value \"2021x\"", "set place.vintage = 2021x");
    must_not_take("no value \"4294967296\"", "set place.vintage = 4294967296");
    must_not_take("no value \"99999999999999999999\"", "set place.vintage = 99999999999999999999");
    must_not_take("no value \"\"", "set place.vintage = \"\"");
    must_not_take("no value \"2147483648\"", "set place.latitude_microdegrees = 2147483648");
    must_not_take("no value \"yes\"", "set place.public_spot = yes");
    must_not_take("no value \"NOWHERE\"", "hash place_kind = A over HOME NOWHERE");
    must_not_take("one value", "set channel = IMPORT IMPORT");
    must_not_take("not \"KEYWORD FIELD", "set channel");
    must_not_take("not \"KEYWORD FIELD", "set channel IMPORT =");
    use("set place.vintage = 4294967295\nset place.longitude_microdegrees = -2147483648\n");
}

static void fields_that_no_table_fills(void **state)
{
    (void)state;
    must_not_take("there is no field \"colour\"", "set colour = red");
    must_not_take("there is no field \"place.colour\"", "set place.colour = red");
    must_not_take("there is no field \"channel.x\"", "set channel.x = red");
    must_not_take("there is no field \"\"", "set \"\" = red");
    must_not_take("there is no field \"ref\"", "set ref = x");
    must_not_take("there is no field \"taken_by\"", "set taken_by = x");
    must_not_take("there is no field \"incident.channel\"", "set incident.channel = IMPORT");
    must_not_take("can't fill the field \"entitlement.level\"",
                  "set entitlement.level = IDENTIFIED");
    must_not_take("can't fill the field \"cell.area\"", "set cell.area = x");
    must_not_take("can't fill the field \"account.text\"", "set account.text = x");
    must_not_take("can't fill the field \"onward.expires\"", "set onward.expires = x");
    must_not_take("can't fill the field \"place\"", "set place = x");
    must_not_take("can't fill the field \"witnesses.name\"", "set witnesses.name = x");
    must_not_take("can't fill the field \"choice.roles.preset\"", "set choice.roles.preset = x");
    must_not_take("can't fill the field \"choice\"", "set choice = x");
    must_not_take(
        "there is no field \"aaaaaaaaaa",
        "set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = "
        "x");
}

static void copy_takes_a_cell_unless(void **state)
{
    (void)state;
    use("copy victim = A\ncopy place_kind = B unless None \"Not known\"\n");
    must_take("  v 7 ", "HOME");
    assert_string_equal(report->victim, "v 7");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__HOME);
    must_take("", "Not known");
    assert_string_equal(report->victim, "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__NOT_STATED);
    must_take("", "None");
    must_refuse("", "Nowhere", "B", "none of the values");
    must_not_take("name of a column", "copy victim = \"\"");
    must_not_take("unless VALUE", "copy victim = A B");
    must_not_take("a value is missing", "copy victim = A unless");
}

static void hash_is_the_same_everywhere(void **state)
{
    char first[20];

    (void)state;
    use("hash place.local_authority = A over E06000015 E06000016 E07000129\n");
    must_take("North Park (3)", "");
    (void)snprintf(first, sizeof first, "%s", report->incident->place->local_authority);
    assert_string_equal(first, "E07000129"); /* FNV-1a, 64 bits, by hand */
    must_take(" North Park (3) ", "");
    assert_string_equal(report->incident->place->local_authority, first);
    must_refuse("", "", "A", "empty");
    must_not_take("over CODE", "hash place.ward = A in x");
    must_not_take("a value is missing", "hash place.ward = A over");
}

/* --- time
 * ------------------------------------------------------------------------------------------- */

static void must_time(const char *a, const char *b, const char *expected)
{
    must_take(a, b);
    assert_string_equal(report->incident->occurred_from, expected);
}

static void times_are_read_by_their_pattern(void **state)
{
    (void)state;
    use("time occurred_from = A B\n");
    must_time("2024-02-29", "", "2024-02-29");
    must_time("2024-02-29", "1757", "2024-02-29T17:57");
    must_time("2024-02-29", "17:57", "2024-02-29T17:57");
    must_time("2024-02-29", "127", "2024-02-29T01:27");
    must_time("2024-02-29", "0", "2024-02-29T00:00");
    must_time("", "1757", "");
    must_refuse("2023-02-29", "", "A", "not a date");
    must_refuse("2100-02-29", "", "A", "not a date");
    must_refuse("2024-13-01", "", "A", "not a date");
    must_refuse("2024-00-01", "", "A", "not a date");
    must_refuse("2024-04-31", "", "A", "not a date");
    must_refuse("1899-04-30", "", "A", "not a date");
    must_refuse("2024-4-3", "", "A", "not a date");
    must_refuse("2024-04-0x", "", "A", "not a date");
    must_refuse("2024-04-03", "2400", "B", "not a time of day");
    must_refuse("2024-04-03", "1260", "B", "not a time of day");
    must_refuse("2024-04-03", "12345", "B", "not a time of day");
    must_refuse("2024-04-03", "5pm", "B", "not a time of day");
    must_refuse("2024-04-03", ":", "B", "not a time of day");
    use("time occurred_from = A as DD/MM/YYYY\n");
    must_time("03/04/2024", "1757", "2024-04-03");
    must_refuse("2024-04-03", "", "A", "not a date");
    use("time occurred_from = A B as YYYYMMDD\n");
    must_time("20240403", "9:05", "2024-04-03T09:05");
    must_not_take("YYYY, MM and DD", "time occurred_from = A as DD/MM/YY");
    must_not_take("YYYY, MM and DD", "time occurred_from = A as \"DD / MM / YYYY\"");
    must_not_take("as PATTERN", "time occurred_from = A B C");
    must_not_take("as PATTERN", "time occurred_from = A as");
    must_not_take("as PATTERN", "time occurred_from = A B as YYYY-MM-DD x");
    must_not_take("the field has no value", "time place_kind = A");
    must_not_take("the field has no value", "time place.vintage = A");
}

/* --- table and look
 * --------------------------------------------------------------------------------- */

static void a_table_says_what_a_value_becomes(void **state)
{
    (void)state;
    use("table kinds\n  House = HOME\n  \"Bus stop\" = STREET # by agreement\n  Unknown = nothing\n"
        "  Moon = bad\nlook place_kind = A in kinds\n");
    must_take("House", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__HOME);
    must_take("Bus stop", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__STREET);
    must_take("Unknown", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__NOT_STATED);
    must_refuse("Moon", "", "A", "does not list");
    must_refuse("house", "", "A", "does not list");
    must_refuse("", "", "A", "does not list");
    use("table kinds\n\tHouse = HOME\n\tother = OTHER\nlook place_kind = A in kinds\n"
        "look place_kind = B in kinds\n");
    must_take("Moon", "House");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__HOME);
    must_take("House", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__OTHER);
    use("table words\n a = \"nothing\"\n b = \"bad\"\n \"other\" = x\nlook narrative = A in "
        "words\n");
    must_take("a", "");
    assert_string_equal(report->incident->narrative, "nothing");
    must_take("b", "");
    assert_string_equal(report->incident->narrative, "bad");
    must_refuse("c", "", "A", "does not list"); /* "other" in quotes is a value like any */
}

static void tables_are_checked(void **state)
{
    (void)state;
    must_not_take("not \"table NAME\"", "table");
    must_not_take("not \"table NAME\"", "table a b");
    must_not_parse(4, "already a table \"a\"", "mapping 1\ntable a\n x = y\ntable a\n x = y\n");
    must_not_parse(3, "nothing stands below", "mapping 1\ntable a\nset victim = x\n");
    must_not_parse(2, "nothing stands below", "mapping 1\ntable a\n");
    must_not_parse(3, "not \"VALUE = ", "mapping 1\ntable a\n x\n");
    must_not_parse(3, "not \"VALUE = ", "mapping 1\ntable a\n x y\n");
    must_not_parse(3, "one value", "mapping 1\ntable a\n x = y z\n");
    must_not_parse(4, "stands above already", "mapping 1\ntable a\n x = y\n x = z\n");
    must_not_parse(4, "nothing may follow \"other\"", "mapping 1\ntable a\n other = y\n x = z\n");
    must_not_parse(5, "belongs below", "mapping 1\ntable a\n x = y\nset victim = v\n z = y\n");
    must_not_take("no table \"a\"", "look place_kind = A in a");
    must_not_parse(
        2, "no table \"a\"",
        "mapping 1\nlook place_kind = A in a\ntable a\n x = HOME\n"); /* below is too late */
    must_not_take("in TABLE", "look place_kind = A");
    must_not_take("in TABLE", "look place_kind = A of a");
    must_not_parse(4, "the field has no value \"CAVE\"",
                   "mapping 1\ntable a\n x = CAVE\nlook place_kind = A in a\n");
}

/* --- strand
 * ----------------------------------------------------------------------------------------- */

static void must_strands(const char *a, const char *b, const char *expected)
{
    char found[200] = "";

    must_take(a, b);
    for (size_t i = 0; i < report->incident->n_strands; i++) {
        const Up__Strand *strand = report->incident->strands[i];
        size_t len = strlen(found);

        (void)snprintf(found + len, sizeof found - len, "%d(%s) ", (int)strand->code,
                       strand->sub_strand);
    }
    assert_string_equal(found, expected);
}

static void strands_follow_from_columns(void **state)
{
    (void)state;
    use("strand RACE = A unless None\n");
    must_strands("Asian", "", "2() ");
    must_strands("None", "", "");
    must_strands("", "", "");
    use("strand RACE = A B unless None detail\n");
    must_strands("Asian", "Polish", "2(Asian; Polish) ");
    must_strands("None", "Polish", "2(Polish) ");
    must_strands("None", "None", "");
    use("strand RELIGION = A is Yes \"\"\n");
    must_strands("Yes", "", "3() ");
    must_strands("", "", "3() ");
    must_strands("No", "", "");
    use("strand DISABILITY = A contains wheel deaf detail\nstrand SEX = B is 1\nstrand OTHER "
        "otherwise\n");
    must_strands("a wheelchair", "1", "1(a wheelchair) 6() ");
    must_strands("", "1", "6() ");
    must_strands("", "", "9() ");
    use("strand RACE = A is x detail\nstrand RACE = B is y detail\n");
    must_strands("x", "y", "2(x) "); /* a strand stands once */
    use("strand RACE = \"A\" B unless \"unless\"\n");
    must_strands("unless", "unless", "");
}

static void strands_are_checked(void **state)
{
    (void)state;
    must_not_take("no strand is called \"GREEN\"", "strand GREEN = A is x");
    must_not_take("no strand is called \"NOT_STATED\"", "strand NOT_STATED = A is x");
    must_not_take("no strand is called \"\"", "strand");
    must_not_take("not \"strand CODE", "strand RACE");
    must_not_take("not \"strand CODE", "strand RACE otherwise x");
    must_not_take("not \"strand CODE", "strand RACE = is x");
    must_not_take("not \"strand CODE", "strand RACE = A");
    must_not_take("a value is missing", "strand RACE = A unless");
    must_not_take("a value is missing", "strand RACE = A unless detail");
    must_not_take("too many columns", "strand RACE = A A A A A A A A A is x");
}

/* --- choice and grant
 * ------------------------------------------------------------------------------- */

static const Up__RoleChoice *choice_of(Up__Role__Code role)
{
    for (size_t i = 0; report->choice && i < report->choice->n_roles; i++) {
        if (report->choice->roles[i]->role == role)
            return report->choice->roles[i];
    }
    return NULL;
}

static void must_choose(Up__Role__Code role, Up__Entitlement__Level level, unsigned withheld)
{
    const Up__RoleChoice *choice = choice_of(role);
    unsigned found = 0;

    assert_non_null(choice);
    assert_int_equal(choice->entitlement->level, level);
    for (size_t i = 0; i < choice->entitlement->n_withheld; i++) {
        assert_true(i == 0 ||
                    choice->entitlement->withheld[i - 1] < choice->entitlement->withheld[i]);
        found |= 1u << choice->entitlement->withheld[i];
    }
    assert_int_equal(found, withheld);
}

static void choices_per_row(void **state)
{
    (void)state;
    use("choice POLICE COUNCIL = A\n"
        "  full = IDENTIFIED\n"
        "  quiet = IDENTIFIED without PLACE CONTACT\n"
        "  no = WITHHELD\n"
        "  unclear = bad\n"
        "choice GOVERNANCE = B\n"
        "  other = COUNTED\n"
        "grant lawful_basis = \"public task\"\n"
        "grant expires_on = 2030-01-31\n");
    must_take("full", "");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED, 0);
    must_choose(UP__ROLE__CODE__COUNCIL, UP__ENTITLEMENT__LEVEL__IDENTIFIED, 0);
    must_choose(UP__ROLE__CODE__GOVERNANCE, UP__ENTITLEMENT__LEVEL__COUNTED, 0);
    assert_null(choice_of(UP__ROLE__CODE__CHARITY));
    assert_int_equal(report->choice->n_roles, 3);
    assert_string_equal(choice_of(UP__ROLE__CODE__POLICE)->lawful_basis, "public task");
    assert_string_equal(choice_of(UP__ROLE__CODE__GOVERNANCE)->expires_on, "2030-01-31");
    must_take("quiet", "x");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED,
                1u << UP__ENTITLEMENT__GROUP__PLACE | 1u << UP__ENTITLEMENT__GROUP__CONTACT);
    must_take("no", "x");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__WITHHELD, 0);
    must_refuse("unclear", "x", "A", "says no choice");
    must_refuse("", "x", "A", "says no choice"); /* nothing is ever assumed */
    must_refuse("FULL", "x", "A", "says no choice");
}

/* Two rows never share what one of them might change. */
static void each_row_has_its_own_choice(void **state)
{
    Up__Entitlement *first = NULL;

    (void)state;
    use("choice POLICE COUNCIL = A\n other = IDENTIFIED without SUSPECT\n");
    must_take("x", "");
    first = choice_of(UP__ROLE__CODE__POLICE)->entitlement;
    assert_ptr_not_equal(first, choice_of(UP__ROLE__CODE__COUNCIL)->entitlement);
    first->level = UP__ENTITLEMENT__LEVEL__WITHHELD;
    first->withheld[0] = UP__ENTITLEMENT__GROUP__PLACE;
    must_choose(UP__ROLE__CODE__COUNCIL, UP__ENTITLEMENT__LEVEL__IDENTIFIED,
                1u << UP__ENTITLEMENT__GROUP__SUSPECT);
    must_take("x", "");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED,
                1u << UP__ENTITLEMENT__GROUP__SUSPECT);
}

static void choices_by_remainder(void **state)
{
    (void)state;
    use("choice POLICE = A modulo 10\n 0-3 = IDENTIFIED\n 4 = ANONYMISED\n 5-8 = bad\n");
    must_take("13", "");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED, 0);
    must_take("123456789012345678901234567890123456789012345678904", "");
    must_choose(UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__ANONYMISED, 0);
    must_refuse("7", "", "A", "says no choice");
    must_refuse("9", "", "A", "says no choice");
    must_refuse("-3", "", "A", "not a whole number");
    must_refuse("", "", "A", "not a whole number");
    must_refuse("1.5", "", "A", "not a whole number");
}

static void choices_are_checked(void **state)
{
    (void)state;
    must_not_take("not \"choice ROLE", "choice");
    must_not_take("not \"choice ROLE", "choice = A");
    must_not_take("no role is called \"ARMY\"", "choice ARMY = A");
    must_not_take("a role has its choice already", "choice POLICE POLICE = A");
    must_not_parse(4, "a role has its choice already",
                   "mapping 1\nchoice POLICE = A\n x = WITHHELD\nchoice POLICE = B\n");
    must_not_take("name of a column", "choice POLICE =");
    must_not_take("modulo NUMBER", "choice POLICE = A modulo");
    must_not_take("modulo NUMBER", "choice POLICE = A modulo 0");
    must_not_take("modulo NUMBER", "choice POLICE = A modulo 1000001");
    must_not_take("modulo NUMBER", "choice POLICE = A modulo 10x");
    must_not_take("modulo NUMBER", "choice POLICE = A B");
    must_not_take("nothing stands below", "choice POLICE = A");
    must_not_parse(3, "no level is called \"ALL\"", "mapping 1\nchoice POLICE = A\n x = ALL\n");
    must_not_parse(3, "no level is called \"nothing\"",
                   "mapping 1\nchoice POLICE = A\n x = nothing\n");
    must_not_parse(3, "without GROUP", "mapping 1\nchoice POLICE = A\n x = IDENTIFIED PLACE\n");
    must_not_parse(3, "without GROUP", "mapping 1\nchoice POLICE = A\n x = IDENTIFIED without\n");
    must_not_parse(3, "no group is called \"NAME\"",
                   "mapping 1\nchoice POLICE = A\n x = IDENTIFIED without NAME\n");
    must_not_parse(3, "not a number", "mapping 1\nchoice POLICE = A modulo 9\n other = WITHHELD\n");
    must_not_parse(3, "below the modulus",
                   "mapping 1\nchoice POLICE = A modulo 9\n 3-9 = WITHHELD\n");
    must_not_parse(3, "below the modulus",
                   "mapping 1\nchoice POLICE = A modulo 9\n 3-2 = WITHHELD\n");
    must_not_parse(3, "below the modulus",
                   "mapping 1\nchoice POLICE = A modulo 9\n 3x = WITHHELD\n");
    must_not_parse(3, "not a number", "mapping 1\nchoice POLICE = A modulo 9\n 3- = WITHHELD\n");
    must_not_parse(4, "overlaps",
                   "mapping 1\nchoice POLICE = A modulo 9\n 3-5 = WITHHELD\n 5 = COUNTED\n");
}

static void grants_are_checked(void **state)
{
    (void)state;
    must_not_take("below the choices", "grant lawful_basis = x");
    must_not_parse(4, "there is no field \"role\"",
                   "mapping 1\nchoice POLICE = A\n other = COUNTED\ngrant role = POLICE\n");
    must_not_parse(
        4, "there is no field \"entitlement.level\"",
        "mapping 1\nchoice POLICE = A\n other = COUNTED\ngrant entitlement.level = IDENTIFIED\n");
    must_not_parse(4, "one value",
                   "mapping 1\nchoice POLICE = A\n other = COUNTED\ngrant preset = a b\n");
}

/* --- the whole
 * -------------------------------------------------------------------------------------- */

static void statements_run_in_the_order_of_the_file(void **state)
{
    (void)state;
    use("set place_kind = HOME\ncopy place_kind = A\nset narrative = x\nbad B = stop : stopped\n");
    must_take("SHOP", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__SHOP);
    must_take("", "");
    assert_int_equal(report->incident->place_kind, UP__PLACE_KIND__CODE__HOME);
    must_refuse("SHOP", "stop", "B", "stopped");
}

/* Each example of docs/mapping.md is a mapping, alone or below a choice. */
static void the_examples_of_the_manual_are_mappings(void **state)
{
    struct up_bytes manual = {0};
    char block[4000] = "";
    size_t blocks = 0;

    (void)state;
    if (file_read("docs/mapping.md", 1 << 20, &manual, &why))
        fail_msg("%s", why.text);
    for (size_t at = 0; at < manual.len;) {
        const char *line = (const char *)manual.data + at;
        const char *end = memchr(line, '\n', manual.len - at);
        size_t len = end ? (size_t)(end - line) + 1 : manual.len - at;
        bool inside = len > 4 && memcmp(line, "    ", 4) == 0;

        at += len;
        if (inside)
            strncat(block, line + 4, len - 4);
        else if (len == 1 && block[0] != '\0' && at < manual.len && manual.data[at] == ' ')
            continue; /* an empty line in an example */
        if (inside || block[0] == '\0')
            continue;
        if (strncmp(block, "upstander ", 10) != 0) {
            char all[5000];

            (void)snprintf(all, sizeof all, "%s%s",
                           strncmp(block, "mapping 1", 9) == 0
                               ? ""
                               : "mapping 1\nchoice CASEWORK = Z\n other = COUNTED\n",
                           block);
            if (parse(all))
                fail_msg("%s, in:\n%s", why.text, all);
            blocks++;
        }
        block[0] = '\0';
    }
    assert_true(blocks > 8);
    up_bytes_wipe(&manual);
}

static void without_memory_there_is_no_report(void **state)
{
    static const char *const cells[] = {"x", "y"};
    enum up_err err = UP_NO_MEMORY;

    (void)state;
    use("copy narrative = A\nstrand RACE = A unless None detail\nchoice POLICE = B\n other = "
        "COUNTED\n"
        "grant preset = p\nset place.ward = E05000001\nset types = THREAT\ntime occurred_from = "
        "A\n");
    for (size_t budget = 0; err == UP_NO_MEMORY; budget += 64) {
        struct csv_row row = row_of(cells, 2);
        struct arena *small = NULL;

        report = NULL;
        assert_true(budget < 65536);
        assert_int_equal(arena_new(budget, &small), UP_OK);
        err = mapping_apply(mapping, &row, small, &report, &fault);
        assert_null(report);
        arena_destroy(&small);
    }
    assert_int_equal(err, UP_INVALID); /* "x" is no date: every statement above was reached */
    assert_string_equal(fault.column, "A");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_version_stands_first_and_once),
        TEST(words_and_quotes),
        TEST(the_file_has_bounds),
        TEST(columns_are_found_once),
        TEST(bad_rows),
        TEST(set_puts_a_value_of_the_fields_type),
        TEST(values_that_do_not_fit_are_refused_beforehand),
        TEST(fields_that_no_table_fills),
        TEST(copy_takes_a_cell_unless),
        TEST(hash_is_the_same_everywhere),
        TEST(times_are_read_by_their_pattern),
        TEST(a_table_says_what_a_value_becomes),
        TEST(tables_are_checked),
        TEST(strands_follow_from_columns),
        TEST(strands_are_checked),
        TEST(choices_per_row),
        TEST(each_row_has_its_own_choice),
        TEST(choices_by_remainder),
        TEST(choices_are_checked),
        TEST(grants_are_checked),
        TEST(statements_run_in_the_order_of_the_file),
        TEST(the_examples_of_the_manual_are_mappings),
        TEST(without_memory_there_is_no_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
