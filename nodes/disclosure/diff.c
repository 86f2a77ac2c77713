/* SPDX-License-Identifier: MIT
 * Nothing is derived from how agreements differ: the one decision function is asked, for every case. */
#include "nodes/disclosure/diff.h"

#include <string.h>

#include "upstander/limits.h"

struct entitlement diff_case_choice(unsigned index)
{
    return (struct entitlement){(enum level)(index / 16), index % 16};
}

static const Up__Member *member_find(const Up__Roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        if (strcmp(roster->members[i]->id, id) == 0)
            return roster->members[i];
    }
    return NULL;
}

/* An incident that could happen anywhere, and a person who says what the case says. */
struct scene {
    Up__Incident incident;
    Up__Place place;
    Up__Entitlement own;
    Up__SharingChoice choice;
    Up__RoleChoice role;
    Up__MemberChoice member;
    Up__RoleChoice *roles[1];
    Up__MemberChoice *members[1];
    Up__Entitlement chosen;
    Up__Entitlement__Group groups[4];
    char area[10];
};

static void scene_place(struct scene *scene, const char *area, enum area_kind kind)
{
    memcpy(scene->area, area, sizeof scene->area - 1);
    up__incident__init(&scene->incident);
    up__place__init(&scene->place);
    up__entitlement__init(&scene->own);
    scene->own.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    scene->incident.entitlement = &scene->own;
    scene->incident.place = &scene->place;
    if (kind == AREA_POLICE)
        scene->place.police_area = scene->area;
    else
        scene->place.local_authority = scene->area;
}

static void scene_case(struct scene *scene, const Up__Member *recipient, unsigned index)
{
    struct entitlement e = diff_case_choice(index);

    scene->incident.channel =
        index == DIFF_NOT_ASKED_OWN ? UP__CHANNEL__CODE__CALL_101 : UP__CHANNEL__CODE__TELEPHONE;
    if (index >= DIFF_CHOICES)
        return;
    up__sharing_choice__init(&scene->choice);
    up__role_choice__init(&scene->role);
    up__member_choice__init(&scene->member);
    up__entitlement__init(&scene->chosen);
    scene->chosen.level = (Up__Entitlement__Level)((int)e.level + 1);
    scene->chosen.withheld = scene->groups;
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld >> group & 1)
            scene->groups[scene->chosen.n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    scene->role.role = recipient->role;
    scene->role.entitlement = &scene->chosen;
    scene->roles[0] = &scene->role;
    scene->choice.roles = scene->roles;
    scene->choice.n_roles = 1;
    scene->member.member = recipient->id; /* casework teams are asked for by name */
    scene->member.entitlement = &scene->chosen;
    scene->members[0] = &scene->member;
    scene->choice.members = scene->members;
    scene->choice.n_members = 1;
}

static struct verdict decide(const struct diff_inputs *inputs, const Up__Roster *roster,
                             const struct diff_place *place, unsigned index)
{
    struct scene scene;
    const Up__Member *recipient = member_find(roster, place->recipient->id);
    struct entitlement_inputs question = {.incident = &scene.incident,
                                          .roster = roster,
                                          .sender = member_find(roster, place->sender->id),
                                          .recipient = recipient,
                                          .areas = inputs->areas,
                                          .today = inputs->today};

    if (!question.sender || !recipient || question.sender->status != UP__MEMBER__STATUS__ACTIVE)
        return (struct verdict){.entitlement = {LEVEL_WITHHELD, GROUPS_ALL},
                                .decided_by = BY_NOT_ACTIVE};
    memset(&scene, 0, sizeof scene);
    scene_place(&scene, place->area, areas_kind(inputs->areas, place->area));
    scene_case(&scene, recipient, index);
    question.choice = index < DIFF_CHOICES ? &scene.choice : NULL;
    return entitlement_decide(&question);
}

/* At WITHHELD nothing leaves, whatever is in the set. */
static bool is_same(struct entitlement a, struct entitlement b)
{
    return a.level == b.level && (a.level == LEVEL_WITHHELD || a.withheld == b.withheld);
}

static bool gives_more(struct entitlement before, struct entitlement after)
{
    if (after.level == LEVEL_WITHHELD)
        return false;
    return before.level == LEVEL_WITHHELD || !entitlement_le(after, before);
}

static void place_compare(const struct diff_inputs *inputs, struct diff_place *place,
                          struct diff_count *count, diff_found *found, void *context)
{
    uint64_t changed = count->changed;

    for (unsigned i = 0; i < DIFF_CASES; i++) {
        struct entitlement before;
        struct entitlement after;

        place->before[i] = decide(inputs, inputs->before, place, i);
        place->after[i] = decide(inputs, inputs->after, place, i);
        before = place->before[i].entitlement;
        after = place->after[i].entitlement;
        count->compared++;
        if (is_same(before, after))
            continue;
        count->changed++;
        count->raised += gives_more(before, after);
        count->lowered += gives_more(after, before);
    }
    if (count->changed > changed)
        found(context, place);
}

static bool covers(const struct diff_inputs *inputs, const Up__Roster *roster, const char *id,
                   const char *area)
{
    const Up__Member *member = member_find(roster, id);

    return member && entitlement_covers(member->areas, member->n_areas, area, inputs->areas);
}

static void pair_compare(const struct diff_inputs *inputs, struct diff_place *place,
                         struct diff_count *count, diff_found *found, void *context)
{
    const char *area = NULL;

    for (size_t i = 0; (area = areas_code(inputs->areas, i)) != NULL; i++) {
        enum area_kind kind = areas_kind(inputs->areas, area);

        if (kind != AREA_LOCAL_AUTHORITY && kind != AREA_POLICE)
            continue;
        if (!covers(inputs, inputs->before, place->recipient->id, area) &&
            !covers(inputs, inputs->after, place->recipient->id, area))
            continue;
        place->area = area;
        place_compare(inputs, place, count, found, context);
    }
}

/* The members of both directories, each once: those of the new one, then those that are gone. */
static const Up__Member *member_at(const struct diff_inputs *inputs, size_t index)
{
    size_t gone = index - inputs->after->n_members;

    if (index < inputs->after->n_members)
        return inputs->after->members[index];
    for (size_t i = 0; i < inputs->before->n_members; i++) {
        const Up__Member *member = inputs->before->members[i];

        if (!member_find(inputs->after, member->id) && gone-- == 0)
            return member;
    }
    return NULL;
}

struct diff_count diff_rosters(const struct diff_inputs *inputs, diff_found *found, void *context)
{
    struct diff_count count = {0};
    struct diff_place place = {0};

    for (size_t i = 0; (place.sender = member_at(inputs, i)) != NULL; i++) {
        for (size_t j = 0; (place.recipient = member_at(inputs, j)) != NULL; j++) {
            if (i != j)
                pair_compare(inputs, &place, &count, found, context);
        }
    }
    return count;
}
