/* SPDX-License-Identifier: MIT
 * The meet. Everything that can't be read is the bottom of the lattice. */
#include "nodes/disclosure/entitlement.h"

#include <string.h>

#include "nodes/disclosure/generalise.h"
#include "upstander/agreement.h"
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
        [BY_NOT_NAMED] = "the person did not ask for this very team by name",
        [BY_STATUTORY] = "nobody asked the person; by the agreement, for a statutory function",
        [BY_DEPERSONALISED] = "nobody asked the person; by the agreement, as depersonalised data",
        [BY_NO_FEEDS] = "a casework team gets single reports, never figures",
        [BY_OVERRIDE] = "a safeguarding override, not what the person chose",
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

const char *entitlement_reason(const struct verdict *verdict)
{
    static const char *const lacks[] = {
        [AGREEMENT_NONE] = "no sharing agreement is in force: none names both organisations",
        [AGREEMENT_ELSEWHERE] = "no sharing agreement is in force: none covers the place",
        [AGREEMENT_NOT_YET] = "no sharing agreement is in force: it begins later",
        [AGREEMENT_ENDED] = "no sharing agreement is in force: it has ended",
        [AGREEMENT_UNSIGNED] =
            "no sharing agreement is in force: this organisation has not signed it",
        [AGREEMENT_UNSIGNED_BY_OTHER] =
            "no sharing agreement is in force: the other organisation has not signed it",
        [AGREEMENT_SUSPENDED] = "no sharing agreement is in force: it is suspended",
    };

    return verdict->decided_by == BY_NO_AGREEMENT && (unsigned)verdict->lack < AGREEMENT_IN_FORCE
               ? lacks[verdict->lack]
               : entitlement_decided_text(verdict->decided_by);
}

/* --- agreements ------------------------------------------------------------------------------- */

static bool has_signed(const Up__Agreement *agreement, const Up__Member *member)
{
    return agreement_names(agreement->signed_by, agreement->n_signed_by, member->id);
}

static bool has_suspended(const Up__Agreement *agreement, const Up__Member *member)
{
    return agreement_names(agreement->suspended_by, agreement->n_suspended_by, member->id);
}

enum agreement_lack entitlement_state(const Up__Agreement *agreement, const Up__Member *sender,
                                      const Up__Member *recipient, const char *today)
{
    if (entitlement_role(sender->role) == ROLE_UNKNOWN || !agreement_sends(agreement, sender) ||
        !agreement_receives(agreement, recipient))
        return AGREEMENT_NONE;
    if (agreement->valid_from[0] == '\0' || strcmp(agreement->valid_from, today) > 0)
        return AGREEMENT_NOT_YET;
    if (agreement->ends_on[0] != '\0' && strcmp(today, agreement->ends_on) > 0)
        return AGREEMENT_ENDED;
    if (!has_signed(agreement, sender))
        return AGREEMENT_UNSIGNED;
    if (!has_signed(agreement, recipient))
        return AGREEMENT_UNSIGNED_BY_OTHER;
    if (agreement->suspended || has_suspended(agreement, sender) ||
        has_suspended(agreement, recipient))
        return AGREEMENT_SUSPENDED;
    return AGREEMENT_IN_FORCE;
}

/* What all agreements together say about one incident and two members. */
struct agreed {
    struct entitlement ceiling;
    unsigned levels;          /* bit per level: what there is a kind of message for */
    enum agreement_lack lack; /* AGREEMENT_IN_FORCE, or of the nearest */
    struct entitlement standing;
    enum decided_by standing_by; /* BY_NOTHING: no standing basis */
};

/* Levels as they leave: an incident by itself, in a release, in a count (disclosure.md 1). */
static unsigned kinds_levels(const Up__Agreement *agreement)
{
    unsigned levels = 1u << LEVEL_WITHHELD;

    if (agreement->n_kinds == 0)
        return ~0u;
    if (agreement_names(agreement->kinds, agreement->n_kinds, "incident"))
        levels |= 1u << LEVEL_IDENTIFIED | 1u << LEVEL_PSEUDONYMISED;
    if (agreement_names(agreement->kinds, agreement->n_kinds, "release"))
        levels |= 1u << LEVEL_ANONYMISED;
    if (agreement_names(agreement->kinds, agreement->n_kinds, "statistics"))
        levels |= 1u << LEVEL_COUNTED;
    return levels;
}

static enum level level_within(enum level level, unsigned levels)
{
    while (level > LEVEL_WITHHELD && !(levels >> level & 1))
        level = (enum level)((int)level - 1);
    return level;
}

static void standing_add(struct agreed *agreed, const Up__Standing *standing)
{
    static const struct entitlement most = {LEVEL_ANONYMISED, 0};
    enum decided_by by = BY_NOTHING;

    if (!standing)
        return;
    if (standing->basis == UP__STANDING__BASIS__STATUTORY_FUNCTION)
        by = BY_STATUTORY;
    else if (standing->basis == UP__STANDING__BASIS__DEPERSONALISED_DATA)
        by = BY_DEPERSONALISED;
    if (by == BY_NOTHING)
        return; /* a basis that is not known here is none */
    if (agreed->standing_by == BY_NOTHING) {
        agreed->standing = most;
        agreed->standing_by = by;
    }
    agreed->standing = entitlement_meet(agreed->standing, entitlement_read(standing->entitlement));
}

static struct agreed agreed_read(const struct entitlement_inputs *inputs)
{
    struct agreed agreed = {.ceiling = {LEVEL_IDENTIFIED, 0}, .levels = ~0u};
    const char *area = entitlement_area(inputs->incident, inputs->areas);
    bool any = false;
    bool stopped = false;

    for (size_t i = 0; i < inputs->roster->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->roster->agreements[i];
        enum agreement_lack lack =
            entitlement_state(agreement, inputs->sender, inputs->recipient, inputs->today);

        if (lack == AGREEMENT_NONE)
            continue;
        if (!area || !entitlement_covers(agreement->areas, agreement->n_areas, area, inputs->areas))
            lack = AGREEMENT_ELSEWHERE;
        if (lack > agreed.lack)
            agreed.lack = lack;
        stopped |= lack == AGREEMENT_SUSPENDED;
        if (lack != AGREEMENT_IN_FORCE)
            continue;
        any = true;
        agreed.ceiling = entitlement_meet(agreed.ceiling, entitlement_read(agreement->ceiling));
        agreed.levels &= kinds_levels(agreement);
        standing_add(&agreed, agreement->standing);
    }
    if (stopped)
        agreed.lack = AGREEMENT_SUSPENDED;
    if (!any || stopped)
        agreed.ceiling = bottom;
    return agreed;
}

struct entitlement entitlement_agreement(const struct entitlement_inputs *inputs)
{
    struct agreed agreed = agreed_read(inputs);

    agreed.ceiling.level = level_within(agreed.ceiling.level, agreed.levels);
    return agreed.ceiling;
}

unsigned entitlement_k(const Up__Roster *roster, const Up__Member *sender,
                       const Up__Member *recipient, const char *today)
{
    unsigned k = 0;

    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (entitlement_state(agreement, sender, recipient, today) >= AGREEMENT_SUSPENDED &&
            agreement->k > k)
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

        if (entitlement_state(agreement, inputs->sender, inputs->recipient, inputs->today) !=
                AGREEMENT_IN_FORCE ||
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

        if (entitlement_state(agreement, sender, recipient, today) == AGREEMENT_IN_FORCE &&
            agreement->window > window)
            window = agreement->window;
    }
    return window > UP__RELEASE_WINDOW__CODE__YEAR ? UP__RELEASE_WINDOW__CODE__YEAR : window;
}

/* --- the decision ----------------------------------------------------------------------------- */

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

/* Reports that a police or council member took itself: its calls, its own forms, a force's own records. Anything else
 * may have come from a charity, or from somebody who was promised to be asked. */
static bool taken_itself(const struct entitlement_inputs *inputs)
{
    enum role role = entitlement_role(inputs->sender->role);

    if (inputs->received || (role != ROLE_POLICE && role != ROLE_COUNCIL))
        return false;
    switch ((int)inputs->incident->channel) {
    case UP__CHANNEL__CODE__CALL_101:
    case UP__CHANNEL__CODE__CALL_999:
    case UP__CHANNEL__CODE__OWN_FORM:
        return true;
    case UP__CHANNEL__CODE__IMPORT:
        return role == ROLE_POLICE;
    default:
        return false;
    }
}

/* Nobody asked for this role. A choice on record that lists no role, or one that is not known here, is an answer. */
static bool nobody_asked(const Up__SharingChoice *choice)
{
    for (size_t i = 0; choice && i < choice->n_roles; i++) {
        if (entitlement_role(choice->roles[i]->role) == ROLE_UNKNOWN)
            return false;
    }
    return !choice || choice->n_roles > 0;
}

static void lower_by_standing(struct verdict *verdict, const struct entitlement_inputs *inputs,
                              const struct agreed *agreed, enum decided_by otherwise)
{
    if (agreed->standing_by == BY_NOTHING || !taken_itself(inputs) || !nobody_asked(inputs->choice))
        lower(verdict, bottom, otherwise);
    else
        lower(verdict, agreed->standing, agreed->standing_by);
}

/* A choice for a member by name lowers; a casework team is asked for by name or gets nothing. */
static void lower_by_name(struct verdict *verdict, const struct entitlement_inputs *inputs)
{
    const Up__SharingChoice *choice = inputs->choice;
    bool named = false;

    for (size_t i = 0; choice && i < choice->n_members; i++) {
        if (strcmp(choice->members[i]->member, inputs->recipient->id) != 0)
            continue;
        named = true;
        lower(verdict, entitlement_read(choice->members[i]->entitlement), BY_MEMBER_CHOICE);
    }
    if (!named && entitlement_role(inputs->recipient->role) == ROLE_CASEWORK)
        lower(verdict, bottom, BY_NOT_NAMED);
}

static void lower_by_choice(struct verdict *verdict, const struct entitlement_inputs *inputs,
                            const struct agreed *agreed)
{
    const Up__SharingChoice *choice = inputs->choice;
    const Up__RoleChoice *asked = NULL;

    for (size_t i = 0; choice && i < choice->n_roles; i++) {
        if (choice->roles[i]->role != inputs->recipient->role)
            continue;
        if (asked) { /* two answers to one question: neither is trusted */
            lower(verdict, bottom, BY_MALFORMED);
            break;
        }
        asked = choice->roles[i];
    }
    if (!asked) {
        lower_by_standing(verdict, inputs, agreed, choice ? BY_ROLE_NOT_ASKED : BY_NO_CHOICE);
        lower_by_name(verdict, inputs);
        return;
    }
    if (!generalise_date_is_valid(
            asked->expires_on)) /* the last day can't be read: it may be past */
        lower(verdict, bottom, BY_MALFORMED);
    if (asked->expires_on[0] != '\0' && strcmp(asked->expires_on, inputs->today) < 0)
        lower(verdict, bottom, BY_CHOICE_EXPIRED);
    lower(verdict, entitlement_read(asked->entitlement), BY_ROLE_CHOICE);
    lower_by_name(verdict, inputs);
}

static void lower_by_onward(struct verdict *verdict, const struct entitlement_inputs *inputs)
{
    const Up__Onward *onward = inputs->incident->onward;
    struct entitlement ceiling = bottom;
    bool permitted = false;
    bool found = false;

    for (size_t i = 0; onward && i < onward->n_permitted_members; i++)
        permitted |= strcmp(onward->permitted_members[i], inputs->recipient->id) == 0;
    for (size_t i = 0; permitted && i < onward->n_ceilings; i++) {
        struct entitlement one = entitlement_read(onward->ceilings[i]->entitlement);

        if (onward->ceilings[i]->role != inputs->recipient->role)
            continue;
        ceiling = found ? entitlement_meet(ceiling, one) : one;
        found = true;
    }
    lower(verdict, ceiling, BY_ONWARD);
    if (!permitted || onward->expires[0] == '\0')
        return;
    if (!generalise_time_is_valid(onward->expires) || strlen(onward->expires) != TIME_MONTH_LEN)
        lower(verdict, bottom, BY_MALFORMED); /* the last month can't be read: it may be past */
    if (strncmp(onward->expires, inputs->today, TIME_MONTH_LEN) < 0)
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

static void lower_by_node(struct verdict *verdict, const struct entitlement_inputs *inputs,
                          enum role role)
{
    if (inputs->ceilings_by_role)
        lower(verdict, inputs->ceilings_by_role[role], BY_NODE_CEILING);
    for (size_t i = 0; i < inputs->ceiling_by_member_count; i++) {
        if (strcmp(inputs->ceilings_by_member[i].member, inputs->recipient->id) == 0)
            lower(verdict, inputs->ceilings_by_member[i].ceiling, BY_NODE_CEILING);
    }
}

/* What is left of the level when there is no kind of message for it. Casework teams get no counts and no releases. */
static void lower_by_kind(struct verdict *verdict, enum role role, const struct agreed *agreed)
{
    static const unsigned feeds = 1u << LEVEL_COUNTED | 1u << LEVEL_ANONYMISED;
    enum level carried = level_within(verdict->entitlement.level, agreed->levels);

    if (carried < verdict->entitlement.level)
        lower(verdict, (struct entitlement){carried, 0}, BY_AGREEMENT);
    if (role == ROLE_CASEWORK && feeds >> verdict->entitlement.level & 1)
        lower(verdict, (struct entitlement){LEVEL_WITHHELD, 0}, BY_NO_FEEDS);
}

struct verdict entitlement_decide(const struct entitlement_inputs *inputs)
{
    struct verdict verdict = {.entitlement = {LEVEL_IDENTIFIED, 0}, .decided_by = BY_NOTHING};
    enum role role = entitlement_role(inputs->recipient->role);
    const char *area = entitlement_area(inputs->incident, inputs->areas);
    struct agreed agreed = agreed_read(inputs);

    if (inputs->wide)
        lower(&verdict, (struct entitlement){LEVEL_ANONYMISED, 0}, BY_NOT_IN_AREA);
    verdict.lack = agreed.lack;
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
        lower_by_choice(&verdict, inputs, &agreed);
    lower(&verdict, agreed.ceiling,
          agreed.lack == AGREEMENT_IN_FORCE ? BY_AGREEMENT : BY_NO_AGREEMENT);
    lower(&verdict, entitlement_hard_ceiling(role), BY_HARD_CEILING);
    lower_by_node(&verdict, inputs, role);
    lower_by_kind(&verdict, role, &agreed);
    return verdict;
}
