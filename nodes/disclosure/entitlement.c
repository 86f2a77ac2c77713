/* SPDX-License-Identifier: MIT
 * The meet. Everything that can't be read is the bottom of the lattice. */
#include "nodes/disclosure/entitlement.h"

#include <string.h>

#include "nodes/disclosure/generalise.h"
#include "upstander/limits.h"

static const struct entitlement bottom = {LEVEL_WITHHELD, GROUPS_ALL};

struct entitlement entitlement_meet(struct entitlement a, struct entitlement b)
{
    return (struct entitlement){
        .level = a.level < b.level ? a.level : b.level,
        .withheld = a.withheld | b.withheld,
    };
}

bool entitlement_le(struct entitlement a, struct entitlement b)
{
    return a.level <= b.level && (a.withheld & b.withheld) == b.withheld;
}

static bool level_read(Up__Entitlement__Level from, enum level *ret_level)
{
    switch ((int)from) {
    case UP__ENTITLEMENT__LEVEL__WITHHELD:
        *ret_level = LEVEL_WITHHELD;
        return true;
    case UP__ENTITLEMENT__LEVEL__COUNTED:
        *ret_level = LEVEL_COUNTED;
        return true;
    case UP__ENTITLEMENT__LEVEL__ANONYMISED:
        *ret_level = LEVEL_ANONYMISED;
        return true;
    case UP__ENTITLEMENT__LEVEL__PSEUDONYMISED:
        *ret_level = LEVEL_PSEUDONYMISED;
        return true;
    case UP__ENTITLEMENT__LEVEL__IDENTIFIED:
        *ret_level = LEVEL_IDENTIFIED;
        return true;
    default:
        return false;
    }
}

struct entitlement entitlement_read(const Up__Entitlement *from)
{
    struct entitlement e = {.level = LEVEL_WITHHELD};

    if (!from || !level_read(from->level, &e.level))
        return bottom;
    for (size_t i = 0; i < from->n_withheld; i++) {
        int group = (int)from->withheld[i];

        if (group < UP__ENTITLEMENT__GROUP__CONTACT || group > UP__ENTITLEMENT__GROUP__PLACE)
            return bottom;
        e.withheld |= 1u << (group - 1);
    }
    return e;
}

enum role entitlement_role(Up__Role__Code role)
{
    switch ((int)role) {
    case UP__ROLE__CODE__POLICE:
        return ROLE_POLICE;
    case UP__ROLE__CODE__COUNCIL:
        return ROLE_COUNCIL;
    case UP__ROLE__CODE__CASEWORK:
        return ROLE_CASEWORK;
    case UP__ROLE__CODE__CHARITY:
        return ROLE_CHARITY;
    case UP__ROLE__CODE__GOVERNANCE:
        return ROLE_GOVERNANCE;
    default:
        return ROLE_UNKNOWN;
    }
}

struct entitlement entitlement_hard_ceiling(enum role role)
{
    switch (role) {
    case ROLE_POLICE:
    case ROLE_CHARITY:
        return (struct entitlement){LEVEL_IDENTIFIED, 0};
    case ROLE_CASEWORK:
        return (struct entitlement){LEVEL_IDENTIFIED, GROUP_SUSPECT};
    case ROLE_COUNCIL:
        return (struct entitlement){LEVEL_PSEUDONYMISED, GROUP_SUSPECT};
    case ROLE_GOVERNANCE:
        return (struct entitlement){LEVEL_COUNTED, GROUP_SUSPECT};
    case ROLE_UNKNOWN:
        break;
    }
    return bottom;
}

const char *entitlement_level_text(enum level level)
{
    static const char *const texts[] = {"WITHHELD", "COUNTED", "ANONYMISED", "PSEUDONYMISED",
                                        "IDENTIFIED"};

    return (unsigned)level <= LEVEL_IDENTIFIED ? texts[level] : "WITHHELD";
}

const char *entitlement_decided_text(enum decided_by by)
{
    static const char *const texts[BY_COUNT] = {
        [BY_NOTHING] = "the person agreed, and nothing limits it",
        [BY_NO_CHOICE] = "the person's choice is not on record",
        [BY_ROLE_NOT_ASKED] = "the person was not asked about this kind of organisation",
        [BY_ROLE_CHOICE] = "the person's choice for this kind of organisation",
        [BY_MEMBER_CHOICE] = "the person's choice for this very organisation",
        [BY_CHOICE_EXPIRED] = "the person's choice has run out",
        [BY_NO_AGREEMENT] = "no sharing agreement is in force",
        [BY_AGREEMENT] = "the sharing agreement allows no more",
        [BY_HARD_CEILING] = "no organisation of this kind may have more",
        [BY_NODE_CEILING] = "this organisation's own limit",
        [BY_RECEIVED] = "this organisation holds no more itself",
        [BY_ONWARD] = "the terms that it came with",
        [BY_ROLE_UNKNOWN] = "its kind of organisation is not known here",
        [BY_MALFORMED] = "something in the report or the choice can't be read",
        [BY_NOT_IN_AREA] = "it happened outside this organisation's area",
        [BY_NOT_ACTIVE] = "the organisation is not an active member",
    };

    return (unsigned)by < BY_COUNT ? texts[by] : texts[BY_MALFORMED];
}

const char *entitlement_area(const Up__Incident *incident, const struct areas *areas)
{
    const Up__Place *place = incident->place;
    const char *found = NULL;

    if (incident->cell && !place) {
        found = areas_climb(areas, incident->cell->area, AREA_LOCAL_AUTHORITY);
        return found ? found : areas_climb(areas, incident->cell->area, AREA_POLICE);
    }
    if (!place)
        return NULL;
    found = areas_climb(areas, place->local_authority, AREA_LOCAL_AUTHORITY);
    if (!found)
        found = areas_climb(areas, place->lsoa, AREA_LOCAL_AUTHORITY);
    if (!found)
        found = areas_climb(areas, place->ward, AREA_LOCAL_AUTHORITY);
    if (!found) /* one that was split among others of one police area */
        found = areas_climb(areas, place->local_authority, AREA_POLICE);
    return found ? found : areas_climb(areas, place->police_area, AREA_POLICE);
}

bool entitlement_covers(char *const *codes, size_t code_count, const char *area,
                        const struct areas *areas)
{
    const char *police = areas_climb(areas, area, AREA_POLICE);

    for (size_t i = 0; i < code_count; i++) {
        if (strcmp(codes[i], area) == 0 || (police && strcmp(codes[i], police) == 0))
            return true;
    }
    return false;
}

static bool agreement_in_force(const Up__Agreement *agreement, const Up__Member *sender,
                               const Up__Member *recipient, const char *today)
{
    return entitlement_role(agreement->from_role) != ROLE_UNKNOWN &&
           agreement->from_role == sender->role && agreement->to_role == recipient->role &&
           !agreement->suspended && agreement->valid_from[0] != '\0' &&
           strcmp(agreement->valid_from, today) <= 0 &&
           (agreement->ends_on[0] == '\0' || strcmp(today, agreement->ends_on) <= 0);
}

struct entitlement entitlement_agreement(const struct entitlement_inputs *inputs)
{
    struct entitlement e = {LEVEL_IDENTIFIED, 0};
    const char *area = entitlement_area(inputs->incident, inputs->areas);
    bool any = false;

    if (!area)
        return bottom;
    for (size_t i = 0; i < inputs->roster->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->roster->agreements[i];

        if (!agreement_in_force(agreement, inputs->sender, inputs->recipient, inputs->today))
            continue;
        if (!entitlement_covers(agreement->areas, agreement->n_areas, area, inputs->areas))
            continue;
        any = true;
        e = entitlement_meet(e, entitlement_read(agreement->ceiling));
    }
    return any ? e : bottom;
}

unsigned entitlement_k(const Up__Roster *roster, const Up__Member *sender,
                       const Up__Member *recipient, const char *today)
{
    unsigned k = 0;

    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (agreement_in_force(agreement, sender, recipient, today) && agreement->k > k)
            k = agreement->k;
    }
    if (k == 0)
        return UP_K_DEFAULT;
    return k < UP_K_MIN ? UP_K_MIN : k;
}

bool entitlement_publisher(const struct entitlement_inputs *inputs, const char **ret_member)
{
    const char *area = entitlement_area(inputs->incident, inputs->areas);
    const char *publisher = NULL;

    for (size_t i = 0; area && i < inputs->roster->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->roster->agreements[i];

        if (!agreement_in_force(agreement, inputs->sender, inputs->recipient, inputs->today) ||
            !entitlement_covers(agreement->areas, agreement->n_areas, area, inputs->areas) ||
            agreement->publisher[0] == '\0')
            continue;
        if (publisher && strcmp(publisher, agreement->publisher) != 0)
            return false;
        publisher = agreement->publisher;
    }
    *ret_member = publisher;
    return true;
}

Up__ReleaseWindow__Code entitlement_window(const Up__Roster *roster, const Up__Member *sender,
                                           const Up__Member *recipient, const char *today)
{
    Up__ReleaseWindow__Code window = UP__RELEASE_WINDOW__CODE__MONTH;

    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (agreement_in_force(agreement, sender, recipient, today) && agreement->window > window)
            window = agreement->window;
    }
    return window > UP__RELEASE_WINDOW__CODE__YEAR ? UP__RELEASE_WINDOW__CODE__YEAR : window;
}

/* Each input is remembered as it is met, so that what explains a decision can't say another one. Past the room, which
 * only a choice that names one member many times could pass, the last one stands for the rest. */
static void remember(struct verdict *verdict, struct entitlement by, enum decided_by name)
{
    struct entitlement_part *last = &verdict->parts[ENTITLEMENT_PARTS_MAX - 1];

    if (by.level == LEVEL_IDENTIFIED && by.withheld == 0)
        return;
    if (verdict->part_count < ENTITLEMENT_PARTS_MAX)
        verdict->parts[verdict->part_count++] = (struct entitlement_part){name, by};
    else
        last->allows = entitlement_meet(last->allows, by);
}

/* Lower a verdict by one input; remember the input that lowered the level last. */
static void lower(struct verdict *verdict, struct entitlement by, enum decided_by name)
{
    struct entitlement e = entitlement_meet(verdict->entitlement, by);

    remember(verdict, by, name);
    if (e.level < verdict->entitlement.level ||
        (e.withheld != verdict->entitlement.withheld && verdict->decided_by == BY_NOTHING))
        verdict->decided_by = name;
    verdict->entitlement = e;
}

static void lower_by_role_choice(struct verdict *verdict, const Up__RoleChoice *asked,
                                 const char *today)
{
    if (!generalise_date_is_valid(
            asked->expires_on)) /* the last day can't be read: it may be past */
        lower(verdict, bottom, BY_MALFORMED);
    if (asked->expires_on[0] != '\0' && strcmp(asked->expires_on, today) < 0)
        lower(verdict, bottom, BY_CHOICE_EXPIRED);
    lower(verdict, entitlement_read(asked->entitlement), BY_ROLE_CHOICE);
}

static void lower_by_choice(struct verdict *verdict, const struct entitlement_inputs *inputs)
{
    const Up__SharingChoice *choice = inputs->choice;
    const Up__RoleChoice *asked = NULL;

    if (!choice) {
        lower(verdict, bottom, BY_NO_CHOICE);
        return;
    }
    for (size_t i = 0; i < choice->n_roles; i++) {
        if (choice->roles[i]->role != inputs->recipient->role)
            continue;
        if (asked) { /* two answers to one question: neither is trusted */
            lower(verdict, bottom, BY_MALFORMED);
            break;
        }
        asked = choice->roles[i];
    }
    if (asked)
        lower_by_role_choice(verdict, asked, inputs->today);
    else
        lower(verdict, bottom, BY_ROLE_NOT_ASKED);
    for (size_t i = 0; i < choice->n_members; i++) {
        if (strcmp(choice->members[i]->member, inputs->recipient->id) == 0)
            lower(verdict, entitlement_read(choice->members[i]->entitlement), BY_MEMBER_CHOICE);
    }
}

static void lower_by_onward(struct verdict *verdict, const struct entitlement_inputs *inputs)
{
    const Up__Onward *onward = inputs->incident->onward;
    struct entitlement ceiling = bottom;
    bool permitted = false;

    for (size_t i = 0; onward && i < onward->n_permitted_members; i++)
        permitted |= strcmp(onward->permitted_members[i], inputs->recipient->id) == 0;
    for (size_t i = 0; permitted && i < onward->n_ceilings; i++) {
        if (onward->ceilings[i]->role == inputs->recipient->role)
            ceiling = entitlement_read(onward->ceilings[i]->entitlement);
    }
    lower(verdict, ceiling, BY_ONWARD);
    if (onward && onward->expires[0] != '\0' &&
        strncmp(onward->expires, inputs->today, strlen("2026-11")) < 0)
        lower(verdict, bottom, BY_CHOICE_EXPIRED);
}

/* Does it happen in the recipient's area; or, for rows of a whole police area, in the police area of one of its areas? */
static bool in_area(const struct entitlement_inputs *inputs, const char *area)
{
    const Up__Member *recipient = inputs->recipient;
    const char *police = area ? areas_climb(inputs->areas, area, AREA_POLICE) : NULL;

    if (area && entitlement_covers(recipient->areas, recipient->n_areas, area, inputs->areas))
        return true;
    for (size_t i = 0; inputs->wide && police && i < recipient->n_areas; i++) {
        const char *own = areas_climb(inputs->areas, recipient->areas[i], AREA_POLICE);

        if (own && strcmp(own, police) == 0)
            return true;
    }
    return false;
}

struct verdict entitlement_decide(const struct entitlement_inputs *inputs)
{
    struct verdict verdict = {.entitlement = {LEVEL_IDENTIFIED, 0}, .decided_by = BY_NOTHING};
    enum role role = entitlement_role(inputs->recipient->role);
    const char *area = entitlement_area(inputs->incident, inputs->areas);

    if (inputs->wide)
        lower(&verdict, (struct entitlement){LEVEL_ANONYMISED, 0}, BY_NOT_IN_AREA);
    if (role == ROLE_UNKNOWN)
        lower(&verdict, bottom, BY_ROLE_UNKNOWN);
    if (inputs->recipient->status != UP__MEMBER__STATUS__ACTIVE)
        lower(&verdict, bottom, BY_NOT_ACTIVE);
    if (!in_area(inputs, area))
        lower(&verdict, bottom, BY_NOT_IN_AREA);
    lower(&verdict, entitlement_read(inputs->incident->entitlement), BY_RECEIVED);
    if (inputs->received)
        lower_by_onward(&verdict, inputs);
    else
        lower_by_choice(&verdict, inputs);
    {
        struct entitlement agreed = entitlement_agreement(inputs);

        lower(&verdict, agreed, agreed.level == LEVEL_WITHHELD ? BY_NO_AGREEMENT : BY_AGREEMENT);
    }
    lower(&verdict, entitlement_hard_ceiling(role), BY_HARD_CEILING);
    if (inputs->ceilings_by_role)
        lower(&verdict, inputs->ceilings_by_role[role], BY_NODE_CEILING);
    return verdict;
}
