/* SPDX-License-Identifier: MIT
 * Place, time, age and category made coarser (disclosure.md 3). Pure. */
#ifndef NODES_DISCLOSURE_GENERALISE_H
#define NODES_DISCLOSURE_GENERALISE_H

#include <stdbool.h>

#include "incident.pb-c.h"
#include "nodes/disclosure/areas.h"
#include "upstander/message.h"

/* generalise_time_is_valid: "", "YYYY", "YYYY-MM", "YYYY-MM-DD", "YYYY-MM-DDTHH" or "YYYY-MM-DDTHH:MM" of
 * a real day in 1900..2199. */
bool generalise_time_is_valid(const char *time);
/* generalise_date_is_valid: "" or "YYYY-MM-DD". */
bool generalise_date_is_valid(const char *date);
/* Lengths to cut a time to. */
enum { TIME_YEAR_LEN = 4, TIME_MONTH_LEN = 7, TIME_DAY_LEN = 10, TIME_HOUR_LEN = 13 };
/* generalise_age: the band on the day the incident began (or was reported, where that day is not known);
 * the stated band where there is no date of birth or no day. */
Up__AgeBand__Code generalise_age(const Up__Incident *incident);
Up__Ethnicity__Code generalise_ethnicity(Up__Ethnicity__Code code);
Up__PlaceKind__Group generalise_place_kind(Up__PlaceKind__Code kind);
/* generalise_authority: the place's local authority as the table knows it, climbing from LSOA or ward; NULL
 * when unknown. generalise_police_area likewise. Borrowed from the table. */
const char *generalise_authority(const Up__Place *place, const struct areas *areas);
const char *generalise_police_area(const Up__Place *place, const struct areas *areas);
/* generalise_vintage: year of the codes that these two give: the place's own, or that from which its authority is what it
 * is, where that is later. 0: not stated. */
uint32_t generalise_vintage(const Up__Place *place, const struct areas *areas);
/* generalise_cell: the cell of an incident that is held at PSEUDONYMISED or above; in the arena. NULL: no memory. */
Up__Cell *generalise_cell(const Up__Incident *incident, const struct areas *areas,
                          struct arena *arena);

#endif
