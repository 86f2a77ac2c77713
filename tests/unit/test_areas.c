/* SPDX-License-Identifier: MIT */
/* rooms: disclosure base proto */
/* The table of areas: climbing, authorities that were merged or split, and what a wrong table is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "nodes/disclosure/areas.h"
#include "nodes/disclosure/disclose.h"
#include "nodes/disclosure/entitlement.h"
#include "nodes/disclosure/generalise.h"

#define TODAY                                                                                      \
    "E23000001,,First force\nE23000002,,Second force\nE06000001,E23000001,One\n"                   \
    "E06000002,E23000001,Two\nE06000003,E23000002,Three\nE01000001,E06000001,Quarter\n"

static struct areas *table(const char *more)
{
    char text[2000];
    struct areas *areas = NULL;
    struct up_why why = {0};

    (void)snprintf(text, sizeof text, "%s%s", TODAY, more);
    if (areas_parse(up_view_of(text, strlen(text)), &areas, &why))
        fail_msg("%s", why.text);
    return areas;
}

static void climbs_to(const struct areas *areas, const char *code, const char *authority,
                      const char *police)
{
    const char *found = areas_climb(areas, code, AREA_LOCAL_AUTHORITY);

    assert_int_equal(found != NULL, authority != NULL);
    if (found)
        assert_string_equal(found, authority);
    found = areas_climb(areas, code, AREA_POLICE);
    assert_int_equal(found != NULL, police != NULL);
    if (found)
        assert_string_equal(found, police);
}

static void a_merged_authority_climbs_to_its_successor(void **state)
{
    struct areas *areas = table("E07000001,,Old one,E06000001,2021-04-01\n"
                                "E07000002,,Older one,E07000001,2019-03-31\n"
                                "E07000003,,Renumbered,E06000003,\n");

    (void)state;
    climbs_to(areas, "E07000001", "E06000001", "E23000001");
    climbs_to(areas, "E07000002", "E06000001", "E23000001");
    climbs_to(areas, "E07000003", "E06000003", "E23000002");
    climbs_to(areas, "E01000001", "E06000001", "E23000001");
    assert_int_equal(areas_kind(areas, "E07000002"), AREA_LOCAL_AUTHORITY);
    assert_string_equal(areas_name(areas, "E07000002"), "Older one");
    assert_int_equal(areas_since(areas, "E06000001"), 2021);
    assert_int_equal(areas_since(areas, "E06000002"), 0);
    assert_int_equal(areas_since(areas, "E06000003"), 0);
    areas_destroy(&areas);
}

static void a_split_authority_climbs_to_what_is_shared(void **state)
{
    struct areas *areas = table("E10000001,,County,E06000001 E06000002,2021-04-01\n"
                                "E10000002,,Across,E06000001 E06000003,2021-04-01\n"
                                "E10000003,,Both back in one,E07000001 E06000001,2021-04-01\n"
                                "E07000001,,Part,E06000001,2022-04-01\n"
                                "E10000004,,Split of the split,E10000001 E06000002,2010-01-01\n");

    (void)state;
    climbs_to(areas, "E10000001", NULL, "E23000001");
    climbs_to(areas, "E10000002", NULL, NULL);
    climbs_to(areas, "E10000003", "E06000001", "E23000001");
    climbs_to(areas, "E10000004", NULL, "E23000001");
    areas_destroy(&areas);
}

static void a_wrong_table_is_told(void **state)
{
    static const struct {
        const char *more;
        const char *why;
    } cases[] = {
        {"E07000001,E23000001,Old,E06000001,2021-04-01\n", "line 7: not"},
        {"E07000001,,Old,E06000001\n", "line 7: not"},
        {"E07000001,,Old,,2021-04-01\n", "line 7: not"},
        {"E07000001,,Old,E06000001,1.4.2021\n", "line 7: not"},
        {"E07000001,,Old,E06000001 E0600,2021-04-01\n", "line 7: not"},
        {"E07000001,,Old,E06000001E06000002,\n", "line 7: not"},
        {"E07000001,,Old,E06000099,\n", "E07000001 has the successor E06000099"},
        {"E07000001,,Old,E23000001,\n", "E07000001 has the successor E23000001"},
        {"E07000001,,Old,E01000001,\n", "E07000001 has the successor E01000001"},
        {"E07000001,,Old,E07000001,\n", "round in a circle"},
        {"E07000001,,Old,E07000002,\nE07000002,,Other,E07000001,\n", "round in a circle"},
        {"E07000001,,Old,E06000001,\nE01000002,E07000001,Quarter\n",
         "E01000002 has no known parent"},
        {"E06000001,,Old,E06000002,\n", "E06000001 stands there twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2000];
        struct areas *areas = NULL;
        struct up_why why = {0};

        (void)snprintf(text, sizeof text, "%s%s", TODAY, cases[i].more);
        assert_int_equal(areas_parse(up_view_of(text, strlen(text)), &areas, &why), UP_MALFORMED);
        if (!strstr(why.text, cases[i].why))
            fail_msg("\"%s\" is not told: %s", cases[i].why, why.text);
    }
}

static Up__Place place_of(char *authority)
{
    Up__Place place = UP__PLACE__INIT;

    place.local_authority = authority;
    place.vintage = 2015;
    return place;
}

static const Up__Place *told(const Up__Incident *incident, struct entitlement e,
                             const struct areas *areas, struct arena *arena)
{
    const struct disclose_rules rules = {.areas = areas};
    Up__Incident *disclosure = NULL;

    assert_int_equal(disclose(incident, e, &rules, arena, &disclosure), UP_OK);
    assert_non_null(disclosure->place);
    return disclosure->place;
}

/* The code as it was taken goes to who may see everything; to all others what it became, and since when. */
static void what_is_told_of_corby(Up__Incident *incident, Up__Place *place,
                                  const struct areas *areas)
{
    Up__Entitlement whole = UP__ENTITLEMENT__INIT;
    struct arena *arena = NULL;
    const Up__Place *out = NULL;

    assert_int_equal(arena_new(1 << 16, &arena), UP_OK);
    whole.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident->entitlement = &whole;
    place->vintage = 2015;
    out = told(incident, (struct entitlement){LEVEL_IDENTIFIED, 0}, areas, arena);
    assert_string_equal(out->local_authority, "E07000150");
    assert_int_equal(out->vintage, 2015);
    out = told(incident, (struct entitlement){LEVEL_IDENTIFIED, GROUP_PLACE}, areas, arena);
    assert_string_equal(out->local_authority, "E06000061");
    assert_int_equal(out->vintage, 2021);
    out = told(incident, (struct entitlement){LEVEL_PSEUDONYMISED, 0}, areas, arena);
    assert_string_equal(out->local_authority, "E06000061");
    assert_string_equal(out->police_area, "E23000022");
    assert_int_equal(out->vintage, 2021);
    incident->entitlement = NULL; /* it ends here */
    arena_destroy(&arena);
}

/* The installed table: Corby is North Northamptonshire now, and a report of it is that council's and that force's. */
static void corby_is_north_northamptonshire(void **state)
{
    char corby[] = "E07000150";
    char county[] = "E10000021";
    char force[] = "E23000022";
    char *covers[] = {force};
    struct up_bytes text = {0};
    struct up_why why = {0};
    struct areas *areas = NULL;
    Up__Place place = place_of(corby);
    Up__Incident incident = UP__INCIDENT__INIT;

    (void)state;
    assert_int_equal(file_read("deploy/areas/areas.csv", 1 << 20, &text, &why), UP_OK);
    assert_int_equal(areas_parse(up_bytes_view(&text), &areas, &why), UP_OK);
    up_bytes_wipe(&text);
    incident.place = &place;
    climbs_to(areas, corby, "E06000061", force);
    assert_string_equal(entitlement_area(&incident, areas), "E06000061");
    assert_true(entitlement_covers(covers, 1, entitlement_area(&incident, areas), areas));
    assert_int_equal(generalise_vintage(&place, areas), 2021);
    place.vintage = 2025;
    assert_int_equal(generalise_vintage(&place, areas), 2025);
    place.vintage = 0;
    assert_int_equal(generalise_vintage(&place, areas), 0);
    what_is_told_of_corby(&incident, &place, areas);
    place = place_of(county);
    climbs_to(areas, county, NULL, force);
    assert_string_equal(entitlement_area(&incident, areas), force);
    assert_string_equal(generalise_police_area(&place, areas), force);
    climbs_to(areas, "E07000190", "E06000066", "E23000036"); /* Taunton Deane, merged twice */
    areas_destroy(&areas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merged_authority_climbs_to_its_successor),
        cmocka_unit_test(a_split_authority_climbs_to_what_is_shared),
        cmocka_unit_test(a_wrong_table_is_told),
        cmocka_unit_test(corby_is_north_northamptonshire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
