/* SPDX-License-Identifier: MIT */
#include "nodes/cli/sharing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/cli/ask.h"
#include "nodes/cli/names.h"
#include "nodes/disclosure/entitlement.h"
#include "upstander/ids.h"

enum { LEFT = -1, OPEN = 0, TEAM_LEN_MAX = 64 };

/* --- days ------------------------------------------------------------------------------------- */

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool sharing_day_after(const char *day, unsigned days, char ret_day[static 11])
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned date = 0;

    if (!names_date_is_formed(day))
        return false;
    year = (unsigned)strtoul(day, NULL, 10);
    month = (unsigned)strtoul(day + 5, NULL, 10);
    date = (unsigned)strtoul(day + 8, NULL, 10);
    if (month < 1 || month > 12 || date < 1 || date > month_days(year, month))
        return false;
    date += days;
    while (date > month_days(year, month)) {
        date -= month_days(year, month);
        month = month % 12 + 1;
        year += month == 1;
    }
    if (year > 9999)
        return false;
    (void)snprintf(ret_day, 11, "%04u-%02u-%02u", year % 10000, month % 100, date % 100);
    return true;
}

/* --- one answer ------------------------------------------------------------------------------- */

static Up__RoleChoice *choice_make(const Up__PresetRole *role, struct arena *arena)
{
    Up__RoleChoice *choice = arena_alloc(arena, sizeof *choice);
    Up__Entitlement *entitlement = arena_alloc(arena, sizeof *entitlement);

    if (!choice || !entitlement)
        return NULL;
    up__role_choice__init(choice);
    up__entitlement__init(entitlement);
    choice->role = role->role;
    choice->entitlement = entitlement;
    entitlement->withheld = arena_alloc(arena, NAMES_GROUPS_MAX * sizeof *entitlement->withheld);
    return entitlement->withheld ? choice : NULL;
}

static Up__RoleChoice *preset_take(const struct sharing *sharing, const Up__PresetRole *role,
                                   const Up__Preset *preset, struct arena *arena)
{
    Up__RoleChoice *choice = choice_make(role, arena);
    char last[11];

    if (!choice)
        return NULL;
    choice->preset = arena_text(arena, up_view_of(preset->code, strlen(preset->code)));
    choice->entitlement->level = preset->entitlement->level;
    for (size_t i = 0; i < preset->entitlement->n_withheld && i < NAMES_GROUPS_MAX; i++)
        choice->entitlement->withheld[choice->entitlement->n_withheld++] =
            preset->entitlement->withheld[i];
    if (preset->expires_after_days > 0 &&
        sharing_day_after(sharing->today, preset->expires_after_days, last))
        choice->expires_on = arena_text(arena, up_view_of(last, strlen(last)));
    return choice->preset && choice->expires_on ? choice : NULL;
}

/* One step deeper: a level by itself, groups by themselves, under the hard ceiling of the role. Counts and figures are
 * left to the presets: there is nothing to leave out of them. */
static int finer_take(const Up__PresetRole *role, struct arena *arena, Up__RoleChoice **ret_choice)
{
    static const char *const levels[] = {"What happened, without who the person is",
                                         "Everything, with name and contact"};
    static const char *const groups[] = {"how to reach the person",
                                         "background, faith, health and who the person is",
                                         "who did it", "the place below the local authority"};
    static char code[] = "finer";
    struct entitlement most = entitlement_hard_ceiling(entitlement_role(role->role));
    unsigned long left_out = 0;
    int level = ask_choice("How much?", levels, most.level >= LEVEL_IDENTIFIED ? 2 : 1);
    Up__RoleChoice *choice = NULL;

    if (level <= 0)
        return level;
    if (!ask_many("And what must be left out?", groups, 4, &left_out))
        return LEFT;
    choice = choice_make(role, arena);
    *ret_choice = choice;
    if (!choice)
        return 1;
    choice->preset = code;
    choice->entitlement->level =
        level == 2 ? UP__ENTITLEMENT__LEVEL__IDENTIFIED : UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    for (unsigned i = 0; i < 4; i++) {
        if ((left_out | most.withheld) >> i & 1)
            choice->entitlement->withheld[choice->entitlement->n_withheld++] =
                (Up__Entitlement__Group)(i + 1);
    }
    return 1;
}

/* 1: taken, *ret_choice NULL without memory. OPEN, LEFT. */
static int role_ask(const struct sharing *sharing, const Up__PresetRole *role, struct arena *arena,
                    Up__RoleChoice **ret_choice)
{
    const char *sentences[CHOICES_PER_ROLE_MAX + 1];
    struct entitlement most = entitlement_hard_ceiling(entitlement_role(role->role));
    size_t count = role->n_presets;
    int chosen = 0;

    for (size_t i = 0; i < count; i++)
        sentences[i] = choices_sentence(role->presets[i]->wording, sharing->wording);
    if (most.level >= LEVEL_PSEUDONYMISED)
        sentences[count++] = "(something finer)";
    (void)putchar('\n');
    chosen = ask_choice(choices_sentence(role->question, sharing->wording), sentences, count);
    if (chosen <= 0)
        return chosen;
    if ((size_t)chosen > role->n_presets)
        return finer_take(role, arena, ret_choice);
    *ret_choice = preset_take(sharing, role, role->presets[chosen - 1], arena);
    return 1;
}

/* --- a casework team is asked for by name ----------------------------------------------------- */

static int team_ask(const Up__RoleChoice *given, struct arena *arena, Up__MemberChoice **ret_team)
{
    char line[TEAM_LEN_MAX];
    struct member_id id;
    Up__MemberChoice *team = NULL;

    for (;;) {
        if (!ask_text("Which team? Its id in the directory (open: none, and nothing goes there)",
                      line, sizeof line))
            return LEFT;
        if (line[0] == '\0')
            return OPEN;
        if (ids_member_parse(up_view_of(line, strlen(line)), &id) == UP_OK)
            break;
        (void)puts("Please type its id: small letters, digits and hyphens, as `upstander roster "
                   "show` lists it.");
    }
    team = arena_alloc(arena, sizeof *team);
    *ret_team = team;
    if (!team)
        return 1;
    up__member_choice__init(team);
    team->member = arena_text(arena, up_view_of(line, strlen(line)));
    team->entitlement = given->entitlement;
    if (!team->member)
        *ret_team = NULL;
    return 1;
}

/* --- all of it -------------------------------------------------------------------------------- */

static char *version_text(const struct sharing *sharing, struct arena *arena)
{
    char text[160];
    int len = snprintf(text, sizeof text, "%.100s/%s", sharing->presets->version,
                       choices_wording_text(sharing->wording));

    return arena_text(arena, up_view_of(text, (size_t)len));
}

enum up_err sharing_ask(const struct sharing *sharing, struct arena *arena,
                        Up__SharingChoice **ret_choice, bool *ret_left)
{
    const Up__PresetList *presets = sharing->presets;
    Up__SharingChoice *choice = arena_alloc(arena, sizeof *choice);

    *ret_left = false;
    if (!choice)
        return UP_NO_MEMORY;
    up__sharing_choice__init(choice);
    choice->wording_version = version_text(sharing, arena);
    choice->roles = arena_alloc(arena, presets->n_roles * sizeof(Up__RoleChoice *));
    choice->members = arena_alloc(arena, presets->n_roles * sizeof(Up__MemberChoice *));
    if (!choice->wording_version || !choice->roles || !choice->members)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < presets->n_roles; i++) {
        Up__RoleChoice *given = NULL;
        Up__MemberChoice *team = NULL;
        int taken = role_ask(sharing, presets->roles[i], arena, &given);

        *ret_left = taken == LEFT;
        if (taken == LEFT)
            return UP_OK;
        if (taken == OPEN)
            continue;
        if (!given)
            return UP_NO_MEMORY;
        choice->roles[choice->n_roles++] = given;
        if (given->role != UP__ROLE__CODE__CASEWORK ||
            given->entitlement->level <= UP__ENTITLEMENT__LEVEL__WITHHELD)
            continue;
        taken = team_ask(given, arena, &team);
        *ret_left = taken == LEFT;
        if (taken == LEFT)
            return UP_OK;
        if (taken != OPEN && !team)
            return UP_NO_MEMORY;
        if (team)
            choice->members[choice->n_members++] = team;
    }
    *ret_choice = choice;
    return UP_OK;
}
