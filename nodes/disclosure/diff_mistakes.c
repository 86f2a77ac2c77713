/* SPDX-License-Identifier: MIT
 * What is probably not meant: a directory that nobody can accept, people left without anybody, protection taken away. */
#include "nodes/disclosure/diff.h"

#include <string.h>

#include "upstander/agreement.h"

struct found {
    struct diff_mistake *list;
    size_t max;
    size_t count;
};

static void add(struct found *found, const struct diff_mistake *mistake)
{
    for (size_t i = 0; i < found->count && i < found->max; i++) {
        const struct diff_mistake *other = &found->list[i];

        if (other->kind == mistake->kind && other->role == mistake->role &&
            strcmp(other->subject, mistake->subject) == 0 &&
            strcmp(other->other, mistake->other) == 0 && strcmp(other->area, mistake->area) == 0)
            return;
    }
    if (found->count < found->max)
        found->list[found->count] = *mistake;
    found->count++;
}

/* --- signatories ------------------------------------------------------------------------------ */

static bool is_steward(const Up__Roster *roster, const Up__Steward *steward)
{
    for (size_t i = 0; i < roster->n_stewards; i++) {
        if (roster->stewards[i]->key.len == steward->key.len &&
            memcmp(roster->stewards[i]->key.data, steward->key.data, steward->key.len) == 0)
            return true;
    }
    return false;
}

/* A directory is taken when the threshold of the one before signed it too (SPEC 5); only its own signatories sign. */
static void signatories(const struct diff_inputs *inputs, struct found *found)
{
    size_t left = 0;

    for (size_t i = 0; i < inputs->before->n_stewards; i++) {
        const Up__Steward *steward = inputs->before->stewards[i];
        bool stays = is_steward(inputs->after, steward);

        left += stays;
        if (!stays)
            add(found, &(struct diff_mistake){.kind = DIFF_SIGNATORY_GONE,
                                              .subject = steward->name,
                                              .other = "",
                                              .area = ""});
    }
    if (left < inputs->before->threshold)
        add(found, &(struct diff_mistake){
                       .kind = DIFF_LOCKED_OUT, .subject = "", .other = "", .area = ""});
}

/* --- areas ------------------------------------------------------------------------------------ */

static bool lists(char *const *codes, size_t count, const char *code)
{
    return agreement_names(codes, count, code);
}

/* May this member receive anything at all from anybody, under an agreement that both signed? */
static bool receives(const Up__Roster *roster, const Up__Member *member, const char *today,
                     const char *code)
{
    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (entitlement_read(agreement->ceiling).level == LEVEL_WITHHELD ||
            (code && !lists(agreement->areas, agreement->n_areas, code)))
            continue;
        for (size_t j = 0; j < roster->n_members; j++) {
            const Up__Member *sender = roster->members[j];

            if (sender != member && sender->status == UP__MEMBER__STATUS__ACTIVE &&
                entitlement_state(agreement, sender, member, today) == AGREEMENT_IN_FORCE)
                return true;
        }
    }
    return false;
}

/* Has the area somebody of this role? By the area of the member, or by that of the agreement. */
static bool is_served(const struct diff_inputs *inputs, const Up__Roster *roster, enum role role,
                      const char *code, bool by_agreement)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];

        if (entitlement_role(member->role) != role || member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        if (!by_agreement && !lists(member->areas, member->n_areas, code))
            continue;
        if (receives(roster, member, inputs->today, by_agreement ? code : NULL))
            return true;
    }
    return false;
}

static void area_check(const struct diff_inputs *inputs, struct found *found, const char *code,
                       bool by_agreement)
{
    static const enum role roles[] = {ROLE_POLICE, ROLE_COUNCIL};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (is_served(inputs, inputs->before, roles[i], code, by_agreement) &&
            !is_served(inputs, inputs->after, roles[i], code, by_agreement))
            add(found, &(struct diff_mistake){.kind = DIFF_AREA_CUT_OFF,
                                              .subject = code,
                                              .other = "",
                                              .area = code,
                                              .role = roles[i]});
    }
}

static void areas_check(const struct diff_inputs *inputs, struct found *found)
{
    for (size_t i = 0; i < inputs->before->n_members; i++) {
        const Up__Member *member = inputs->before->members[i];

        for (size_t j = 0; j < member->n_areas; j++)
            area_check(inputs, found, member->areas[j], false);
    }
    for (size_t i = 0; i < inputs->before->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->before->agreements[i];

        for (size_t j = 0; j < agreement->n_areas; j++)
            area_check(inputs, found, agreement->areas[j], true);
    }
}

/* --- protection ------------------------------------------------------------------------------- */

static const Up__Member *member_find(const Up__Roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        if (strcmp(roster->members[i]->id, id) == 0)
            return roster->members[i];
    }
    return NULL;
}

/* Ceiling between two members in an area as it is written in agreements; false when none is in force. */
static bool ceiling_read(const Up__Roster *roster, const Up__Member *pair[static 2],
                         const char *today, const char *code, struct entitlement *ret_ceiling)
{
    struct entitlement e = {LEVEL_IDENTIFIED, 0};
    bool any = false;

    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (entitlement_state(agreement, pair[0], pair[1], today) != AGREEMENT_IN_FORCE ||
            !lists(agreement->areas, agreement->n_areas, code))
            continue;
        any = true;
        e = entitlement_meet(e, entitlement_read(agreement->ceiling));
    }
    *ret_ceiling = e;
    return any;
}

static void pair_check(const struct diff_inputs *inputs, struct found *found,
                       const Up__Member *before[static 2], const char *code)
{
    const Up__Member *after[2] = {member_find(inputs->after, before[0]->id),
                                  member_find(inputs->after, before[1]->id)};
    struct diff_mistake mistake = {.kind = DIFF_CEILING_RAISED,
                                   .subject = before[0]->id,
                                   .other = before[1]->id,
                                   .area = code};

    if (!after[0] || !after[1] ||
        !ceiling_read(inputs->before, before, inputs->today, code, &mistake.ceilings[0]) ||
        !ceiling_read(inputs->after, after, inputs->today, code, &mistake.ceilings[1]))
        return;
    if (!entitlement_le(mistake.ceilings[1], mistake.ceilings[0]))
        add(found, &mistake);
    mistake.k[0] = entitlement_k(inputs->before, before[0], before[1], inputs->today);
    mistake.k[1] = entitlement_k(inputs->after, after[0], after[1], inputs->today);
    mistake.kind = DIFF_K_LOWERED;
    mistake.area = "";
    if (mistake.k[1] < mistake.k[0])
        add(found, &mistake);
}

static void protection(const struct diff_inputs *inputs, struct found *found)
{
    const Up__Roster *roster = inputs->before;

    for (size_t a = 0; a < roster->n_agreements; a++) {
        const Up__Agreement *agreement = roster->agreements[a];

        for (size_t i = 0; i < roster->n_members; i++) {
            for (size_t j = 0; j < roster->n_members; j++) {
                const Up__Member *pair[2] = {roster->members[i], roster->members[j]};

                if (i == j || entitlement_state(agreement, pair[0], pair[1], inputs->today) !=
                                  AGREEMENT_IN_FORCE)
                    continue;
                for (size_t c = 0; c < agreement->n_areas; c++)
                    pair_check(inputs, found, pair, agreement->areas[c]);
            }
        }
    }
}

size_t diff_mistakes(const struct diff_inputs *inputs, struct diff_mistake *ret_list, size_t max)
{
    struct found found = {.list = ret_list, .max = max};

    signatories(inputs, &found);
    areas_check(inputs, &found);
    protection(inputs, &found);
    return found.count;
}
