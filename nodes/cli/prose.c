/* SPDX-License-Identifier: MIT */
#include "nodes/cli/prose.h"

#include <string.h>

#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/disclosure/entitlement.h"
#include "upstander/agreement.h"
#include "upstander/limits.h"

static const char *role_people(Up__Role__Code role)
{
    switch (entitlement_role(role)) {
    case ROLE_POLICE:
        return "police forces";
    case ROLE_COUNCIL:
        return "councils";
    case ROLE_CASEWORK:
        return "casework teams of councils";
    case ROLE_CHARITY:
        return "charities";
    case ROLE_GOVERNANCE:
        return "governance bodies";
    case ROLE_UNKNOWN:
        break;
    }
    return "organisations";
}

static const char *member_name(const Up__Roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->n_members; i++) {
        if (strcmp(roster->members[i]->id, id) == 0 && roster->members[i]->name[0] != '\0')
            return roster->members[i]->name;
    }
    return id;
}

/* "a", "a and b", "a, b and c". */
static void join(FILE *out, size_t index, size_t count)
{
    if (index > 0)
        (void)fputs(index + 1 == count ? " and " : ", ", out);
}

static void members(FILE *out, const Up__Roster *roster, char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        join(out, i, count);
        print_safe(out, member_name(roster, ids[i]), 0);
    }
}

static void words(FILE *out, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        join(out, i, count);
        print_safe(out, list[i], 0);
    }
}

static void side(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement, bool from)
{
    char *const *list = from ? agreement->from_members : agreement->to_members;
    size_t count = from ? agreement->n_from_members : agreement->n_to_members;

    Up__Role__Code role = from ? agreement->from_role : agreement->to_role;

    if (count > 0)
        members(out, roster, list, count);
    else
        (void)fputs(role_people(role), out);
    if (count > 0 && role != UP__ROLE__CODE__NOT_STATED)
        (void)fprintf(out, " (as %s)", role_people(role));
}

static const char *level_sentence(enum level level)
{
    switch (level) {
    case LEVEL_IDENTIFIED:
        return "everything, with the person's name and how to reach them, if the person agreed";
    case LEVEL_PSEUDONYMISED:
        return "what happened, without who the person is, if the person agreed";
    case LEVEL_ANONYMISED:
        return "only releases, in which nobody can be picked out";
    case LEVEL_COUNTED:
        return "only counts";
    case LEVEL_WITHHELD:
        break;
    }
    return "nothing";
}

static void groups(FILE *out, unsigned withheld)
{
    static const char *const names[] = {"how to reach the person",
                                        "who the person is by background", "who did it",
                                        "the place below the local authority"};
    size_t count = 0;
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++)
        count += withheld >> i & 1;
    for (unsigned i = 0; i < 4; i++) {
        if (!(withheld >> i & 1))
            continue;
        join(out, at++, count);
        (void)fputs(names[i], out);
    }
}

/* What no agreement can pass is no promise of this one: of several kinds of recipients, the most that any may have. */
static struct entitlement ceiling_of(const Up__Roster *roster, const Up__Agreement *agreement)
{
    struct entitlement most = {LEVEL_WITHHELD, GROUPS_ALL};

    for (size_t i = 0; i < roster->n_members; i++) {
        struct entitlement hard =
            entitlement_hard_ceiling(entitlement_role(roster->members[i]->role));

        if (!agreement_receives(agreement, roster->members[i]))
            continue;
        most.level = hard.level > most.level ? hard.level : most.level;
        most.withheld &= hard.withheld;
    }
    if (agreement->to_role != UP__ROLE__CODE__NOT_STATED)
        most = entitlement_hard_ceiling(entitlement_role(agreement->to_role));
    return entitlement_meet(entitlement_read(agreement->ceiling), most);
}

static void ceiling(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement)
{
    struct entitlement e = ceiling_of(roster, agreement);

    (void)fputs("From ", out);
    side(out, roster, agreement, true);
    (void)fputs(" to ", out);
    side(out, roster, agreement, false);
    (void)fprintf(out, ": %s", level_sentence(e.level));
    if (e.withheld != 0 && e.level >= LEVEL_PSEUDONYMISED) {
        (void)fputs("; never ", out);
        groups(out, e.withheld);
    }
    (void)fputs(".\n", out);
    if (agreement->n_kinds > 0) {
        (void)fputs("Only messages of these kinds go: ", out);
        words(out, agreement->kinds, agreement->n_kinds);
        (void)fputs(".\n", out);
    }
    if (agreement->n_areas == 0) {
        (void)fputs("It lists no area, so nothing goes.\n", out);
    } else {
        (void)fputs("For what happened in ", out);
        words(out, agreement->areas, agreement->n_areas);
        (void)fputs(".\n", out);
    }
}

static void figures(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement)
{
    static const char *const windows[] = {"month", "month", "quarter", "year"};
    size_t window = (size_t)agreement->window < 4 ? (size_t)agreement->window : 0;
    unsigned k = agreement->k == 0 ? UP_K_DEFAULT : agreement->k;

    (void)fprintf(out, "Figures are released by %s and stand for %u people or more.\n",
                  windows[window], k < UP_K_MIN ? UP_K_MIN : k);
    if (agreement->publisher[0] != '\0') {
        (void)fputs("Figures of these areas are published by ", out);
        print_safe(out, member_name(roster, agreement->publisher), 0);
        (void)fputs(" alone.\n", out);
    }
    if (agreement->standing) {
        struct entitlement e = entitlement_read(agreement->standing->entitlement);

        (void)fprintf(
            out,
            "Where nobody asked the person, reports that a sender took itself may add to %s: %s. "
            "What the person said always wins.\n",
            e.level >= LEVEL_ANONYMISED ? "releases and counts"
            : e.level == LEVEL_COUNTED  ? "counts"
                                        : "nothing",
            agreement->standing->basis == UP__STANDING__BASIS__STATUTORY_FUNCTION
                ? "it is a statutory function"
                : "the data is depersonalised");
    }
}

static void terms(FILE *out, const Up__Agreement *agreement)
{
    if (agreement->n_purposes > 0) {
        (void)fputs("Its purpose: ", out);
        words(out, agreement->purposes, agreement->n_purposes);
        (void)fputs(".\n", out);
    }
    if (agreement->retention_days > 0)
        (void)fprintf(out, "Whoever receives it may keep it for %u days.\n",
                      agreement->retention_days);
    (void)fputs("It holds from ", out);
    print_safe(out, agreement->valid_from, 0);
    if (agreement->ends_on[0] != '\0') {
        (void)fputs(" to ", out);
        print_safe(out, agreement->ends_on, 0);
    } else {
        (void)fputs(" with no end", out);
    }
    if (agreement->review_on[0] != '\0') {
        (void)fputs(", and is to be reviewed by ", out);
        print_safe(out, agreement->review_on, 0);
    }
    (void)fputs(".\n", out);
    if (agreement->contact[0] != '\0') {
        (void)fputs("Questions go to ", out);
        print_safe(out, agreement->contact, 0);
        (void)fputs(".\n", out);
    }
    if (agreement->suspended)
        (void)fputs("SUSPENDED: nothing goes under it.\n", out);
}

static bool is_party(const Up__Agreement *agreement, const Up__Member *member)
{
    return member->status == UP__MEMBER__STATUS__ACTIVE &&
           (agreement_sends(agreement, member) || agreement_receives(agreement, member));
}

static void signatures(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement)
{
    size_t missing = 0;
    size_t at = 0;

    if (agreement->n_signed_by == 0) {
        (void)fputs("Nobody has signed it yet; until both sides have, nothing goes.\n", out);
        return;
    }
    (void)fputs("Signed by ", out);
    members(out, roster, agreement->signed_by, agreement->n_signed_by);
    (void)fputs(".\n", out);
    for (size_t i = 0; i < roster->n_members; i++)
        missing +=
            is_party(agreement, roster->members[i]) &&
            !agreement_names(agreement->signed_by, agreement->n_signed_by, roster->members[i]->id);
    if (missing > 0)
        (void)fputs("Not signed, and so not bound: ", out);
    for (size_t i = 0; i < roster->n_members; i++) {
        if (!is_party(agreement, roster->members[i]) ||
            agreement_names(agreement->signed_by, agreement->n_signed_by, roster->members[i]->id))
            continue;
        join(out, at++, missing);
        print_safe(out, member_name(roster, roster->members[i]->id), 0);
    }
    if (missing > 0)
        (void)fputs(".\n", out);
    if (agreement->n_suspended_by > 0) {
        (void)fputs("SUSPENDED by ", out);
        members(out, roster, agreement->suspended_by, agreement->n_suspended_by);
        (void)fputs(": nothing goes to or from them under it.\n", out);
    }
}

void prose_agreement(FILE *out, const Up__Roster *roster, const Up__Agreement *agreement)
{
    (void)fputs("Agreement ", out);
    print_safe(out, agreement->id, 0);
    (void)fputs("\n", out);
    ceiling(out, roster, agreement);
    figures(out, roster, agreement);
    terms(out, agreement);
    signatures(out, roster, agreement);
}
