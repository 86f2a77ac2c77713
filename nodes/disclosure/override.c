/* SPDX-License-Identifier: MIT */
#include "nodes/disclosure/override.h"

#include <string.h>

#include "nodes/disclosure/generalise.h"

bool override_excludes(const Up__SharingChoice *choice, const char *member)
{
    for (size_t i = 0; choice && i < choice->n_members; i++) {
        if (strcmp(choice->members[i]->member, member) == 0 &&
            entitlement_read(choice->members[i]->entitlement).level == LEVEL_WITHHELD)
            return true;
    }
    return false;
}

static bool is_for(const struct override *override, const struct entitlement_inputs *inputs)
{
    return strcmp(override->member, inputs->recipient->id) == 0 &&
           entitlement_role(inputs->recipient->role) == ROLE_POLICE &&
           inputs->recipient->status == UP__MEMBER__STATUS__ACTIVE;
}

static bool has_ended(const struct override *override, const char *today)
{
    return override->ends_on[0] == '\0' || !generalise_date_is_valid(override->ends_on) ||
           strcmp(override->ends_on, today) < 0;
}

struct verdict override_apply(struct verdict verdict, const struct override *override,
                              const struct entitlement_inputs *inputs)
{
    struct entitlement raised =
        entitlement_meet(entitlement_hard_ceiling(ROLE_POLICE),
                         (struct entitlement){LEVEL_IDENTIFIED, override->withheld & GROUPS_ALL});
    struct entitlement before = verdict.entitlement;

    if (before.level < LEVEL_PSEUDONYMISED)
        before.withheld = GROUPS_ALL; /* below, nothing that a group holds is told */
    if (!is_for(override, inputs) || has_ended(override, inputs->today) ||
        (override_excludes(inputs->choice, override->member) && !override->exclusion_overridden) ||
        !entitlement_le(before, raised) || entitlement_le(raised, before))
        return verdict;
    return (struct verdict){.entitlement = raised, .decided_by = BY_OVERRIDE};
}

/* The number-th field of a line without quotes; empty where there is none. */
static struct up_view field_of(struct up_view line, unsigned number)
{
    size_t at = 0;

    for (size_t end = 0; end <= line.len; end++) {
        if (end < line.len && line.data[end] != ',')
            continue;
        if (number == 0)
            return up_view_of(line.data + at, end - at);
        number--;
        at = end + 1;
    }
    return up_view_of("", 0);
}

static bool is_text(struct up_view field, const char *text)
{
    return field.len == strlen(text) && memcmp(field.data, text, field.len) == 0;
}

bool override_reason_next(struct up_view list, size_t *offset, struct override_reason *ret_reason)
{
    while (*offset < list.len) {
        const uint8_t *start = list.data + *offset;
        const uint8_t *end = memchr(start, '\n', list.len - *offset);
        struct up_view line = up_view_of(start, end ? (size_t)(end - start) : list.len - *offset);
        struct override_reason reason = {.code = field_of(line, 1), .name = field_of(line, 2)};
        struct up_view version = field_of(line, 0);

        *offset += line.len + (end ? 1 : 0);
        if (reason.code.len == 0 || line.data[0] == '#')
            continue;
        for (size_t i = 0; i < version.len && i < 4; i++)
            reason.version = reason.version * 10 + (version.data[i] - (unsigned)'0') % 10;
        reason.alone = is_text(field_of(line, 6), "yes");
        *ret_reason = reason;
        return true;
    }
    return false;
}

enum up_err override_reason_find(struct up_view list, const char *code,
                                 struct override_reason *ret_reason)
{
    struct override_reason reason;
    size_t offset = 0;

    while (override_reason_next(list, &offset, &reason)) {
        if (is_text(reason.code, code)) {
            *ret_reason = reason;
            return UP_OK;
        }
    }
    return UP_NOT_FOUND;
}
