/* SPDX-License-Identifier: MIT */
/* rooms: cli base */
/* Figures as files: their names and columns stay, their sums add up, and nothing says how many are held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/cli/figures.h"
#include "upstander/json.h"

static const char json[] =
    "{\"line\":{\"ref\":\"7F3K-9QTM\",\"from\":\"a-force\",\"kind\":\"release\"},"
    "\"release\":{\"releaseId\":\"AgECAwQFBgcICQoLDA0ODw==\",\"revision\":2,\"area\":\"E23000022\","
    "\"year\":\"2026\",\"k\":5,\"closedThrough\":\"2026-12\",\"rows\":["
    "{\"cell\":{\"strands\":[\"RACE\",\"RELIGION\"],\"types\":[\"THREAT\"],\"place\":\"GROUP_"
    "PUBLIC\","
    "\"area\":\"E06000062\",\"period\":\"2026-11\"},\"incidents\":7,\"number\":1,\"revision\":1,"
    "\"rung\":\"FULL\"},"
    "{\"cell\":{\"strands\":[\"RACE\"],\"area\":\"E06000062\",\"period\":\"2026-Q4\"},"
    "\"incidents\":13,"
    "\"number\":2,\"revision\":2,\"rung\":\"QUARTER\"},"
    "{\"cell\":{\"area\":\"E23000022\",\"period\":\"2026\"},\"incidents\":5,\"number\":4,"
    "\"revision\":2,"
    "\"rung\":\"ANY_STRAND\",\"remainderOf\":[1,2]}]},"
    "\"areaNames\":[{\"code\":\"E06000062\",\"name\":\"West \\\"N\\\"\"},"
    "{\"code\":\"E23000022\",\"name\":\"=Northants\"}]}";

static struct arena *arena;
static Up__InboxItem *item;

static char *written(void (*write)(FILE *out, const Up__InboxItem *of))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    write(out, item);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void columns_stay(void **state)
{
    static const char expected[] =
        "kind,row,revision,grain,period,area,area_name,hostility,what,place,incidents,"
        "incidents_rounded,remainder_of,meaning\n"
        "row,1,1,month,\"2026-11\",\"E06000062\",\"West \"\"N\"\"\",\"race+religion\",\"threat\","
        "\"public\",7,5,\"\",\"\"\n"
        "row,2,2,quarter,\"2026-Q4\",\"E06000062\",\"West "
        "\"\"N\"\"\",\"race\",\"\",\"\",13,15,\"\",\"\"\n"
        "row,4,2,year,\"2026\",\"E23000022\",\"'=Northants\",\"hate incident\",\"\",\"\",5,5,\"1 "
        "2\",\"\"\n"
        "sum,,2,year,\"2026\",\"E23000022\",\"'=Northants\",\"\",\"\",\"\",20,20,\"\","
        "\"in rows of single areas\"\n"
        "sum,,2,year,\"2026\",\"E23000022\",\"'=Northants\",\"\",\"\",\"\",5,5,\"\","
        "\"in rows of the whole police area, neighbours included\"\n"
        "sum,,2,year,\"2026\",\"E23000022\",\"'=Northants\",\"\",\"\",\"\",25,25,\"\",\"in all "
        "rows\"\n"
        "held,,2,year,\"2026\",\"E23000022\",\"'=Northants\",\"\",\"\",\"\",,,\"\","
        "\"waiting until its period is past, or fewer than 5 people even in the widest row; "
        "perhaps "
        "none\"\n";
    char *text = written(figures_csv);

    (void)state;
    assert_string_equal(text, expected);
    free(text);
}

static void a_person_reads_why_something_is_missing(void **state)
{
    char *text = written(figures_print);

    (void)state;
    assert_non_null(
        strstr(text, "Figures for =Northants, 2026, revision 2, months up to 2026-12."));
    assert_non_null(strstr(text, "  2026-11  West \"N\"  race, religion; threat; public\n"));
    assert_non_null(strstr(text, "hate incident (beyond 2 narrower rows)\n"));
    assert_non_null(strstr(text, "no more than 5 people stand behind it there"));
    assert_non_null(strstr(text, "    25  together\n"));
    free(text);
}

static void sums_stand_in_the_json(void **state)
{
    Up__Figures *figures = NULL;

    (void)state;
    assert_int_equal(figures_make(item, arena, &figures), UP_OK);
    assert_int_equal(figures->n_sums, 3);
    assert_int_equal(figures->sums[0]->incidents, 20);
    assert_int_equal(figures->sums[1]->incidents, 5);
    assert_int_equal(figures->sums[2]->incidents, 25);
    assert_null(strpbrk(figures->held, "012346789")); /* k alone is a number */
}

static void names_stay_and_lead_nowhere_else(void **state)
{
    char name[FIGURES_NAME_MAX];

    (void)state;
    assert_true(figures_name(item, name));
    assert_string_equal(name, "figures-a-force-E23000022-2026");
    item->release->area[0] = '/';
    assert_false(figures_name(item, name));
    item->release->area[0] = 'E';
}

static int set_up(void **state)
{
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};

    (void)state;
    if (arena_new(UINT32_C(1) << 20, &arena) ||
        json_parse(&up__inbox_item__descriptor, up_view_of(json, sizeof json - 1), arena, &message,
                   &why))
        return -1;
    item = (Up__InboxItem *)message;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stay),
        cmocka_unit_test(a_person_reads_why_something_is_missing),
        cmocka_unit_test(sums_stand_in_the_json),
        cmocka_unit_test(names_stay_and_lead_nowhere_else),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
