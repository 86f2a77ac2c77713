/* SPDX-License-Identifier: MIT
 * Generated incidents: the same seed gives the same incident. */
#ifndef TESTS_LIB_INCIDENT_GEN_H
#define TESTS_LIB_INCIDENT_GEN_H

#include "incident.pb-c.h"
#include "nodes/disclosure/areas.h"
#include "nodes/disclosure/codes.h"
#include "nodes/disclosure/entitlement.h"
#include "upstander/message.h"

struct gen {
    uint64_t state;
    struct arena *arena;
};

uint64_t gen_next(struct gen *gen);
unsigned gen_below(struct gen *gen, unsigned bound);
bool gen_chance(struct gen *gen, unsigned percent);
char *gen_word(struct gen *gen);
/* gen_message: every field at random, by descriptor. */
ProtobufCMessage *gen_message(struct gen *gen, const ProtobufCMessageDescriptor *descriptor);
/* gen_incident: a well-formed incident as an originator or, in one of five, a recipient holds it. */
Up__Incident *gen_incident(struct gen *gen);
struct entitlement gen_entitlement(struct gen *gen);
Up__Entitlement *gen_entitlement_message(struct gen *gen, struct entitlement e);
/* gen_areas: a small table: two police areas, three authorities, LSOAs and wards, and authorities that were merged or
 * split. */
struct areas *gen_areas(void);
/* gen_codes: the lists of police classifications, lawful bases and special conditions, a few of each. */
struct codes *gen_codes(void);
/* An LSOA (or ward) of an authority of that table. */
const char *gen_lsoa_of(struct gen *gen, const char *authority);
const char *gen_ward_of(struct gen *gen, const char *authority);
/* gen_seed: from SEED in the environment, else from the clock; gen_cases: CASES, else the default. Both print. */
uint64_t gen_seed(const char *test);
unsigned long gen_cases(unsigned long fallback);

#endif
