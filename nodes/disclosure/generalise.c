/* SPDX-License-Identifier: MIT */
#include "nodes/disclosure/generalise.h"

#include <string.h>

/* A number of `len` digits; -1 when any is none. */
static int digits(const char *from, size_t len)
{
    int value = 0;

    for (size_t i = 0; i < len; i++) {
        if (from[i] < '0' || from[i] > '9')
            return -1;
        value = value * 10 + (from[i] - '0');
    }
    return value;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* The digits' places in "YYYY-MM-DDTHH:MM" one after the other; a time may stop after any of them. */
bool generalise_time_is_valid(const char *time)
{
    size_t len = strlen(time);
    int year = 0;
    int month = 0;

    if (len == 0)
        return true;
    if (len != 4 && len != 7 && len != 10 && len != 13 && len != 16)
        return false;
    year = digits(time, 4);
    if (year < 1900 || year > 2199)
        return false;
    if (len >= 7) {
        month = digits(time + 5, 2);
        if (time[4] != '-' || month < 1 || month > 12)
            return false;
    }
    if (len >= 10) {
        int day = digits(time + 8, 2);

        if (time[7] != '-' || day < 1 || day > month_days(year, month))
            return false;
    }
    if (len >= 13) {
        int hour = digits(time + 11, 2);

        if (time[10] != 'T' || hour < 0 || hour > 23)
            return false;
    }
    if (len == 16) {
        int minute = digits(time + 14, 2);

        if (time[13] != ':' || minute < 0 || minute > 59)
            return false;
    }
    return true;
}

bool generalise_date_is_valid(const char *date)
{
    size_t len = strlen(date);

    return (len == 0 || len == TIME_DAY_LEN) && generalise_time_is_valid(date);
}

Up__AgeBand__Code generalise_age(const Up__Incident *incident)
{
    const Up__Identity *identity = incident->identity;
    const char *born = NULL;
    const char *day = NULL;
    int years = 0;

    if (!identity)
        return UP__AGE_BAND__CODE__NOT_STATED;
    born = identity->date_of_birth;
    if (strlen(incident->occurred_from) >= TIME_DAY_LEN)
        day = incident->occurred_from;
    else if (strlen(incident->reported_at) >= TIME_DAY_LEN)
        day = incident->reported_at;
    if (born[0] == '\0' || !day || strncmp(born, day, TIME_DAY_LEN) > 0)
        return identity->age_band;
    years = digits(day, 4) - digits(born, 4) - (strncmp(day + 4, born + 4, 6) < 0);
    if (years < 10)
        return UP__AGE_BAND__CODE__UNDER_10;
    if (years < 18)
        return UP__AGE_BAND__CODE__FROM_10_TO_17;
    if (years < 25)
        return UP__AGE_BAND__CODE__FROM_18_TO_24;
    if (years < 35)
        return UP__AGE_BAND__CODE__FROM_25_TO_34;
    if (years < 45)
        return UP__AGE_BAND__CODE__FROM_35_TO_44;
    if (years < 55)
        return UP__AGE_BAND__CODE__FROM_45_TO_54;
    if (years < 65)
        return UP__AGE_BAND__CODE__FROM_55_TO_64;
    return UP__AGE_BAND__CODE__FROM_65;
}

Up__Ethnicity__Code generalise_ethnicity(Up__Ethnicity__Code code)
{
    /* The 18+1 codes are numbered by their group: 11..15 ASIAN, 21..23 BLACK, ... */
    return (int)code > 10 ? (Up__Ethnicity__Code)((int)code / 10) : code;
}

Up__PlaceKind__Group generalise_place_kind(Up__PlaceKind__Code kind)
{
    switch ((int)kind) {
    case UP__PLACE_KIND__CODE__HOME:
        return UP__PLACE_KIND__GROUP__GROUP_HOME;
    case UP__PLACE_KIND__CODE__PUB_RESTAURANT:
    case UP__PLACE_KIND__CODE__SHOP:
    case UP__PLACE_KIND__CODE__PARK:
    case UP__PLACE_KIND__CODE__PUBLIC_TRANSPORT:
    case UP__PLACE_KIND__CODE__STREET:
    case UP__PLACE_KIND__CODE__PUBLIC_SEX_ENVIRONMENT:
    case UP__PLACE_KIND__CODE__SPORTS:
    case UP__PLACE_KIND__CODE__NIGHT_TIME:
        return UP__PLACE_KIND__GROUP__GROUP_PUBLIC;
    case UP__PLACE_KIND__CODE__EDUCATION:
    case UP__PLACE_KIND__CODE__CARE:
    case UP__PLACE_KIND__CODE__WORK:
    case UP__PLACE_KIND__CODE__PLACE_OF_WORSHIP:
    case UP__PLACE_KIND__CODE__PUBLIC_BUILDING:
    case UP__PLACE_KIND__CODE__REFUGEE_ACCOMMODATION:
        return UP__PLACE_KIND__GROUP__GROUP_INSTITUTION;
    case UP__PLACE_KIND__CODE__ONLINE:
        return UP__PLACE_KIND__GROUP__GROUP_ONLINE;
    default:
        return UP__PLACE_KIND__GROUP__GROUP_NOT_STATED;
    }
}

const char *generalise_authority(const Up__Place *place, const struct areas *areas)
{
    const char *found = NULL;

    if (!place)
        return NULL;
    found = areas_climb(areas, place->lsoa, AREA_LOCAL_AUTHORITY);
    if (!found)
        found = areas_climb(areas, place->ward, AREA_LOCAL_AUTHORITY);
    if (!found)
        found = areas_climb(areas, place->local_authority, AREA_LOCAL_AUTHORITY);
    return found;
}

const char *generalise_police_area(const Up__Place *place, const struct areas *areas)
{
    const char *authority = generalise_authority(place, areas);

    const char *police = NULL;

    if (authority)
        return areas_climb(areas, authority, AREA_POLICE);
    if (!place)
        return NULL;
    /* one that was split among others of one police area */
    police = areas_climb(areas, place->local_authority, AREA_POLICE);
    return police ? police : areas_climb(areas, place->police_area, AREA_POLICE);
}

uint32_t generalise_vintage(const Up__Place *place, const struct areas *areas)
{
    unsigned since = 0;

    if (!place)
        return 0;
    since = areas_since(areas, generalise_authority(place, areas));
    /* a year that nobody stated is not made up; nor does it tell that an older code stood here */
    return place->vintage != 0 && place->vintage < since ? since : place->vintage;
}

/* Codes as an ascending set without 0. count_max of them fit. */
static size_t set_add(int *set, size_t count, size_t count_max, int code)
{
    size_t at = 0;

    while (at < count && set[at] < code)
        at++;
    if (code == 0 || count == count_max || (at < count && set[at] == code))
        return count;
    memmove(set + at + 1, set + at, (count - at) * sizeof *set);
    set[at] = code;
    return count + 1;
}

/* protobuf-c keeps repeated enums as int-sized values. */
_Static_assert(sizeof(Up__Strand__Code) == sizeof(int), "enum arrays are arrays of int");

Up__Cell *generalise_cell(const Up__Incident *incident, const struct areas *areas,
                          struct arena *arena)
{
    enum { SET_MAX = 32 }; /* more codes than either list has */
    Up__Cell *cell = arena_alloc(arena, sizeof *cell);
    int *strands = arena_alloc(arena, SET_MAX * sizeof *strands);
    int *types = arena_alloc(arena, SET_MAX * sizeof *types);
    const char *authority = generalise_authority(incident->place, areas);
    const char *area = authority ? authority : generalise_police_area(incident->place, areas);
    const char *when = incident->occurred_from[0] ? incident->occurred_from : incident->reported_at;
    size_t when_len = strlen(when);

    if (!cell || !strands || !types)
        return NULL;
    up__cell__init(cell);
    for (size_t i = 0; i < incident->n_strands; i++)
        cell->n_strands =
            set_add(strands, cell->n_strands, SET_MAX, (int)incident->strands[i]->code);
    for (size_t i = 0; i < incident->n_types; i++)
        cell->n_types = set_add(types, cell->n_types, SET_MAX, (int)incident->types[i]);
    cell->strands = (Up__Strand__Code *)strands;
    cell->types = (Up__IncidentType__Code *)types;
    cell->place = generalise_place_kind(incident->place_kind);
    cell->area = arena_text(arena, up_view_of(area, area ? strlen(area) : 0));
    cell->period =
        arena_text(arena, up_view_of(when, when_len < TIME_MONTH_LEN ? when_len : TIME_MONTH_LEN));
    if (area)
        cell->vintage = generalise_vintage(incident->place, areas);
    return cell->area && cell->period ? cell : NULL;
}
