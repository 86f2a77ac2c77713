/* SPDX-License-Identifier: MIT
 * No field of the type can hold a person; what is written in the texts is for whoever approves. */
#include "nodes/disclosure/action.h"

#include <string.h>

#include "nodes/disclosure/generalise.h"
#include "upstander/limits.h"

static bool is_text(const char *text)
{
    return text[0] != '\0' && strlen(text) <= UP_ACTION_TEXT_LEN_MAX;
}

enum up_err action_check(const Up__ActionItem *item, const struct areas *areas, const char *today,
                         struct up_why *why)
{
    if (item->object < UP__ACTION_ITEM__OBJECT__GRAFFITI ||
        item->object > UP__ACTION_ITEM__OBJECT__OTHER)
        return up_why_set(why, UP_INVALID, "object: missing; what is there to be seen?");
    if (!is_text(item->what) || !is_text(item->place))
        return up_why_set(why, UP_INVALID, "what, place: each of 1 to %u signs",
                          UP_ACTION_TEXT_LEN_MAX);
    if (areas_kind(areas, item->local_authority) != AREA_LOCAL_AUTHORITY)
        return up_why_set(why, UP_INVALID, "localAuthority: no council's area has that code");
    if (item->seen_on[0] == '\0' || !generalise_date_is_valid(item->seen_on) ||
        (today && strcmp(item->seen_on, today) > 0))
        return up_why_set(why, UP_INVALID, "seenOn: the day, such as 2026-11-03, and not ahead");
    return UP_OK;
}

enum up_err action_done_check(const Up__Done *done, struct up_why *why)
{
    if (done->what < UP__DONE__WHAT__REMOVED || done->what > UP__DONE__WHAT__NOT_OURS)
        return up_why_set(why, UP_INVALID,
                          "what: removed, repaired, passed-on, not-found or not-ours");
    if (done->when[0] == '\0' || !generalise_date_is_valid(done->when))
        return up_why_set(why, UP_INVALID, "when: the day, such as 2026-11-03");
    if (strlen(done->remark) > UP_ACTION_TEXT_LEN_MAX)
        return up_why_set(why, UP_INVALID, "remark: at most %u signs", UP_ACTION_TEXT_LEN_MAX);
    return UP_OK;
}

static bool names_kind(const Up__Agreement *agreement)
{
    for (size_t i = 0; i < agreement->n_kinds; i++) {
        if (strcmp(agreement->kinds[i], "action") == 0)
            return true;
    }
    return agreement->n_kinds == 0;
}

/* What this node lets go to councils, and to this one: WITHHELD is nothing at all. */
static bool node_allows(const struct entitlement_inputs *inputs)
{
    bool allows =
        !inputs->ceilings_by_role || inputs->ceilings_by_role[ROLE_COUNCIL].level > LEVEL_WITHHELD;

    for (size_t i = 0; i < inputs->ceiling_by_member_count; i++) {
        if (strcmp(inputs->ceilings_by_member[i].member, inputs->recipient->id) == 0)
            allows &= inputs->ceilings_by_member[i].ceiling.level > LEVEL_WITHHELD;
    }
    return allows;
}

bool action_may_go(const Up__ActionItem *item, const struct entitlement_inputs *inputs)
{
    const Up__Member *to = inputs->recipient;
    const char *area = item->local_authority;
    bool any = false;

    if (!node_allows(inputs))
        return false;
    if (entitlement_role(to->role) != ROLE_COUNCIL || to->status != UP__MEMBER__STATUS__ACTIVE ||
        !entitlement_covers(to->areas, to->n_areas, area, inputs->areas))
        return false;
    for (size_t i = 0; i < inputs->roster->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->roster->agreements[i];
        enum agreement_lack lack = entitlement_state(agreement, inputs->sender, to, inputs->today);

        if (lack < AGREEMENT_SUSPENDED ||
            !entitlement_covers(agreement->areas, agreement->n_areas, area, inputs->areas))
            continue;
        if (lack == AGREEMENT_SUSPENDED) /* suspending one of two never gives more */
            return false;
        if (!names_kind(agreement) || entitlement_read(agreement->ceiling).level == LEVEL_WITHHELD)
            return false; /* each is met, as everywhere: another one never gives more */
        any = true;
    }
    return any;
}
