/* SPDX-License-Identifier: MIT
 * disclose: the part of an incident that one recipient may see, built field by field (disclosure.md 3, 4). Pure. */
#ifndef NODES_DISCLOSURE_DISCLOSE_H
#define NODES_DISCLOSURE_DISCLOSE_H

#include "nodes/disclosure/areas.h"
#include "nodes/disclosure/codes.h"
#include "nodes/disclosure/entitlement.h"
#include "upstander/message.h"

struct disclose_rules {
    const struct areas *areas;
    const struct codes *codes; /* NULL reads as empty lists: what is a code as text stays at IDENTIFIED */
    struct up_why *why; /* may be NULL; disclose fills it when the input is malformed */
};

/* disclose: a new Incident in the arena, its own level and withheld set stated in it.
 *   The result's entitlement is the meet of the incident's own and `entitlement`.
 *   ANONYMISED: only the cell. COUNTED, WITHHELD: only the level.
 *   Malformed input (bad date, enum value, area contradiction): a WITHHELD result, rules->why
 *   filled with the field's path, UP_OK returned. UP_NO_MEMORY is the only error. */
UP_CHECKED enum up_err disclose(const Up__Incident *incident, struct entitlement entitlement,
                                const struct disclose_rules *rules, struct arena *arena,
                                Up__Incident **ret_disclosure);

/* What became of one field, for the preview. */
enum field_fate { FATE_KEPT, FATE_GENERALISED, FATE_DROPPED };
struct field_note {
    const char *path;       /* "identity.name" */
    const char *class_name; /* "identity" */
    enum field_fate fate;
};
/* disclose_explain: every field set in the incident, in schema order, and what the disclosure did with it.
 *   ret_notes lives in the arena. */
UP_CHECKED enum up_err disclose_explain(const Up__Incident *incident,
                                        const Up__Incident *disclosure, struct arena *arena,
                                        const struct field_note **ret_notes, size_t *ret_count);

/* disclose_check: is an incident well formed? UP_INVALID with the field's path in why. Used at intake. */
UP_CHECKED enum up_err disclose_check(const Up__Incident *incident,
                                      const struct disclose_rules *rules, struct up_why *why);

#endif
