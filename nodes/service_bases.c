/* SPDX-License-Identifier: MIT
 * On what each preset relies: from the organisation's information-governance lead, never from whoever takes a report
 * (disclosure.md 1). */
#include <string.h>

#include "nodes/disclosure/entitlement.h"
#include "nodes/service_private.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static bool is_among(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], word) == 0)
            return true;
    }
    return false;
}

static const char *basis_fault(const Up__PresetBasis *basis)
{
    /* UK GDPR article 6(1); part 3 of the Data Protection Act 2018 */
    static const char *const lawful[] = {"consent",
                                         "contract",
                                         "legal-obligation",
                                         "vital-interests",
                                         "public-task",
                                         "legitimate-interests",
                                         "recognised-legitimate-interest",
                                         "law-enforcement"};
    /* article 9(2) with schedule 1; schedule 8 */
    static const char *const special[] = {"explicit-consent",
                                          "employment-and-social-protection",
                                          "vital-interests",
                                          "not-for-profit",
                                          "made-public",
                                          "legal-claims",
                                          "substantial-public-interest",
                                          "health-or-social-care",
                                          "public-health",
                                          "archiving-or-research",
                                          "law-enforcement"};

    if (entitlement_role(basis->role) == ROLE_UNKNOWN)
        return "no role is stated";
    if (basis->preset[0] == '\0')
        return "no preset is stated";
    if (!is_among(basis->lawful_basis, lawful, sizeof lawful / sizeof lawful[0]))
        return "lawfulBasis is no code of article 6";
    if (!is_among(basis->special_condition, special, sizeof special / sizeof special[0]))
        return "specialCondition is no code of article 9";
    return NULL;
}

static const Up__PresetBasis *basis_find(const Up__PresetBases *bases, size_t count,
                                         Up__Role__Code role, const char *preset)
{
    for (size_t i = 0; i < count; i++) {
        if (bases->bases[i]->role == role && strcmp(bases->bases[i]->preset, preset) == 0)
            return bases->bases[i];
    }
    return NULL;
}

enum up_err service_bases_parse(struct up_view json, struct arena *arena,
                                Up__PresetBases **ret_bases, struct up_why *why)
{
    ProtobufCMessage *message = NULL;
    Up__PresetBases *bases = NULL;
    enum up_err err = json_parse(&up__preset_bases__descriptor, json, arena, &message, why);

    if (err)
        return err;
    bases = (Up__PresetBases *)message;
    if (bases->approved_by[0] == '\0' || bases->approved_on[0] == '\0')
        return up_why_set(why, UP_INVALID, "approvedBy and approvedOn are both needed");
    for (size_t i = 0; i < bases->n_bases; i++) {
        const char *fault = basis_fault(bases->bases[i]);

        if (!fault && basis_find(bases, i, bases->bases[i]->role, bases->bases[i]->preset))
            fault = "the preset stands there twice";
        if (fault)
            return up_why_set(why, UP_INVALID, "bases[%zu]: %s", i, fault);
    }
    *ret_bases = bases;
    return UP_OK;
}

enum up_err service_bases_stamp(const struct service *service, const Up__SharingChoice *choice,
                                struct arena *arena, Up__SharingChoice **ret_choice)
{
    Up__SharingChoice *copy = arena_alloc(arena, sizeof *copy);
    static char none[] = "";

    if (!copy)
        return UP_NO_MEMORY;
    *copy = *choice;
    copy->roles = arena_alloc(arena, (choice->n_roles + 1) * sizeof(Up__RoleChoice *));
    if (!copy->roles)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < choice->n_roles; i++) {
        Up__RoleChoice *role = arena_alloc(arena, sizeof *role);
        const Up__PresetBasis *basis = basis_find(service->bases, service->bases->n_bases,
                                                  choice->roles[i]->role, choice->roles[i]->preset);

        if (!role)
            return UP_NO_MEMORY;
        *role = *choice->roles[i];
        role->lawful_basis = basis ? basis->lawful_basis : none;
        role->special_condition = basis ? basis->special_condition : none;
        copy->roles[i] = role;
    }
    *ret_choice = copy;
    return UP_OK;
}
