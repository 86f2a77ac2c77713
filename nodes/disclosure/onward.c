/* SPDX-License-Identifier: MIT
 * A positive list: who was excluded stands nowhere, only who was not. */
#include "nodes/disclosure/onward.h"

#include <stdlib.h>
#include <string.h>

#include "nodes/disclosure/generalise.h"

struct job {
    const struct entitlement_inputs *inputs;
    struct entitlement recipient; /* what it gets itself */
    struct arena *arena;
    Up__Onward *onward;
    const char *ends_on; /* "YYYY-MM-DD"; empty: never */
};

static const Up__RoleChoice *choice_find(const Up__SharingChoice *choice, Up__Role__Code role)
{
    for (size_t i = 0; choice && i < choice->n_roles; i++) {
        if (choice->roles[i]->role == role)
            return choice->roles[i];
    }
    return NULL;
}

static struct entitlement ceiling_of(const struct job *job, const Up__RoleChoice *choice)
{
    enum role role = entitlement_role(choice->role);
    struct entitlement e = entitlement_meet(entitlement_read(choice->entitlement), job->recipient);

    e = entitlement_meet(e, entitlement_hard_ceiling(role));
    return job->inputs->ceilings_by_role ? entitlement_meet(e, job->inputs->ceilings_by_role[role])
                                         : e;
}

/* A member for whom the person chose less than for its role stays off the list: there is one ceiling for the role, and
 * to lower that one would take from all others what the person wants them to have. */
static bool is_permitted(const struct job *job, const Up__Member *member,
                         struct entitlement ceiling)
{
    const Up__SharingChoice *choice = job->inputs->choice;
    struct entitlement_inputs inputs = *job->inputs;

    if (strcmp(member->id, job->inputs->recipient->id) == 0 ||
        strcmp(member->id, job->inputs->sender->id) == 0)
        return false;
    for (size_t i = 0; i < choice->n_members; i++) {
        if (strcmp(choice->members[i]->member, member->id) == 0 &&
            !entitlement_le(ceiling, entitlement_read(choice->members[i]->entitlement)))
            return false;
    }
    for (size_t i = 0; i < inputs.ceiling_by_member_count; i++) {
        if (strcmp(inputs.ceilings_by_member[i].member, member->id) == 0 &&
            !entitlement_le(ceiling, inputs.ceilings_by_member[i].ceiling))
            return false;
    }
    inputs.recipient = member;
    return entitlement_decide(&inputs).entitlement.level > LEVEL_WITHHELD;
}

static void ends_earlier(struct job *job, const Up__RoleChoice *choice)
{
    if (choice->expires_on[0] != '\0' &&
        (job->ends_on[0] == '\0' || strcmp(choice->expires_on, job->ends_on) < 0))
        job->ends_on = choice->expires_on;
}

static enum up_err ceiling_add(struct job *job, Up__Role__Code role, struct entitlement e)
{
    Up__OnwardCeiling *ceiling = arena_alloc(job->arena, sizeof *ceiling);
    Up__Entitlement *entitlement = arena_alloc(job->arena, sizeof *entitlement);

    if (!ceiling || !entitlement)
        return UP_NO_MEMORY;
    up__onward_ceiling__init(ceiling);
    up__entitlement__init(entitlement);
    entitlement->level = (Up__Entitlement__Level)((int)e.level + 1);
    entitlement->withheld = arena_alloc(job->arena, 4 * sizeof *entitlement->withheld);
    if (!entitlement->withheld)
        return UP_NO_MEMORY;
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld & (1u << group))
            entitlement->withheld[entitlement->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    ceiling->role = role;
    ceiling->entitlement = entitlement;
    job->onward->ceilings[job->onward->n_ceilings++] = ceiling;
    return UP_OK;
}

static enum up_err role_add(struct job *job, Up__Role__Code role)
{
    const Up__Roster *roster = job->inputs->roster;
    const Up__RoleChoice *choice = choice_find(job->inputs->choice, role);
    Up__Onward *onward = job->onward;
    size_t before = onward->n_permitted_members;
    struct entitlement ceiling;

    if (!choice)
        return UP_OK;
    ceiling = ceiling_of(job, choice);
    if (ceiling.level == LEVEL_WITHHELD)
        return UP_OK;
    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];
        char *id = NULL;

        if (member->role != role || !is_permitted(job, member, ceiling))
            continue;
        id = arena_text(job->arena, up_view_of(member->id, strlen(member->id)));
        if (!id)
            return UP_NO_MEMORY;
        onward->permitted_members[onward->n_permitted_members++] = id;
    }
    if (onward->n_permitted_members == before)
        return UP_OK;
    ends_earlier(job, choice);
    return ceiling_add(job, role, ceiling);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum up_err onward_make(const struct entitlement_inputs *inputs, struct arena *arena,
                        Up__Onward **ret_onward)
{
    const ProtobufCEnumDescriptor *roles = &up__role__code__descriptor;
    struct job job = {.inputs = inputs, .arena = arena, .ends_on = ""};
    const Up__RoleChoice *own = choice_find(inputs->choice, inputs->recipient->role);
    enum up_err err = UP_OK;

    job.recipient = entitlement_decide(inputs).entitlement;
    if (job.recipient.level < LEVEL_PSEUDONYMISED || !own) {
        *ret_onward = NULL;
        return UP_OK;
    }
    job.onward = arena_alloc(arena, sizeof *job.onward);
    if (!job.onward)
        return UP_NO_MEMORY;
    up__onward__init(job.onward);
    job.onward->ceilings = arena_alloc(arena, (roles->n_values + 1) * sizeof(void *));
    job.onward->permitted_members =
        arena_alloc(arena, (inputs->roster->n_members + 1) * sizeof(void *));
    if (!job.onward->ceilings || !job.onward->permitted_members)
        return UP_NO_MEMORY;
    ends_earlier(&job, own);
    for (unsigned i = 0; !err && i < roles->n_values;
         i++) /* ascending, as the schema's compiler sorts them */
        err = role_add(&job, (Up__Role__Code)roles->values[i].value);
    if (!err && job.onward->n_ceilings == 0) {
        *ret_onward = NULL;
        return UP_OK;
    }
    if (!err && job.ends_on[0] != '\0') {
        job.onward->expires = arena_text(arena, up_view_of(job.ends_on, TIME_MONTH_LEN));
        err = job.onward->expires ? UP_OK : UP_NO_MEMORY;
    }
    if (err)
        return err;
    qsort((void *)job.onward->permitted_members, job.onward->n_permitted_members, sizeof(char *),
          by_text);
    *ret_onward = job.onward;
    return UP_OK;
}
