/* SPDX-License-Identifier: MIT */
#include "nodes/cli/choices.h"

#include <string.h>

#include "nodes/disclosure/entitlement.h"
#include "upstander/json.h"

enum { DAYS_MAX = 3650 };

/* The file is part of the program: it can't be missing or be that of another version. */
__asm__(".pushsection .rodata\n"
        ".global choices_presets_begin\n"
        "choices_presets_begin:\n"
        ".incbin \"deploy/presets/presets.json\"\n"
        ".global choices_presets_end\n"
        "choices_presets_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const uint8_t choices_presets_begin[];
extern const uint8_t choices_presets_end[];

struct up_view choices_builtin(void)
{
    return up_view_of(choices_presets_begin, (size_t)(choices_presets_end - choices_presets_begin));
}

static const char *const wordings[] = {[CHOICES_PLAIN] = "plain",
                                       [CHOICES_EASY_READ] = "easy-read",
                                       [CHOICES_BSL_GLOSS] = "bsl-gloss"};

enum up_err choices_wording_parse(const char *word, enum choices_wording *ret_wording)
{
    for (int i = CHOICES_PLAIN; i <= CHOICES_BSL_GLOSS; i++) {
        if (strcmp(wordings[i], word) == 0) {
            *ret_wording = (enum choices_wording)i;
            return UP_OK;
        }
    }
    return UP_INVALID;
}

const char *choices_wording_text(enum choices_wording wording)
{
    return wordings[wording];
}

const char *choices_sentence(const Up__Wording *from, enum choices_wording wording)
{
    return wording == CHOICES_EASY_READ   ? from->easy_read
           : wording == CHOICES_BSL_GLOSS ? from->bsl_gloss
                                          : from->plain;
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool is_worded(const Up__Wording *wording)
{
    return wording && wording->plain[0] != '\0' && wording->easy_read[0] != '\0' &&
           wording->bsl_gloss[0] != '\0';
}

/* A preset states what its recipient gets in the end: above the hard ceiling it would promise too much, or hide that
 * the suspect never goes. */
static const char *preset_fault(const Up__PresetRole *role, size_t index)
{
    const Up__Preset *preset = role->presets[index];
    struct entitlement e = entitlement_read(preset->entitlement);
    bool nothing = e.level == LEVEL_WITHHELD;

    if (preset->code[0] == '\0')
        return "a preset has no code";
    if (!is_worded(preset->wording))
        return "it lacks one of its three sentences";
    if (!preset->entitlement || preset->entitlement->level == UP__ENTITLEMENT__LEVEL__NOT_STATED)
        return "it states no level";
    if (!nothing && !entitlement_le(e, entitlement_hard_ceiling(entitlement_role(role->role))))
        return "it gives more than this kind of organisation may have";
    if (role->role == UP__ROLE__CODE__CASEWORK && !nothing && e.level < LEVEL_PSEUDONYMISED)
        return "casework teams get no counts and no figures";
    if ((index + 1 == role->n_presets) != nothing)
        return "the last one, and no other, gives nothing";
    if (preset->expires_after_days > DAYS_MAX)
        return "it runs out after more than ten years";
    for (size_t i = 0; i < index; i++) {
        if (strcmp(role->presets[i]->code, preset->code) == 0)
            return "its code stands there twice";
    }
    return NULL;
}

static enum up_err role_check(const Up__PresetList *list, size_t index, struct up_why *why)
{
    const Up__PresetRole *role = list->roles[index];

    if (entitlement_role(role->role) == ROLE_UNKNOWN)
        return up_why_set(why, UP_INVALID, "roles[%zu]: no role is stated", index);
    for (size_t i = 0; i < index; i++) {
        if (list->roles[i]->role == role->role)
            return up_why_set(why, UP_INVALID, "roles[%zu]: the role stands there twice", index);
    }
    if (!is_worded(role->question))
        return up_why_set(why, UP_INVALID,
                          "roles[%zu]: the question lacks one of its three sentences", index);
    if (role->n_presets < 2 || role->n_presets > CHOICES_PER_ROLE_MAX)
        return up_why_set(why, UP_INVALID, "roles[%zu]: there are two to five presets", index);
    for (size_t i = 0; i < role->n_presets; i++) {
        const char *fault = preset_fault(role, i);

        if (fault)
            return up_why_set(why, UP_INVALID, "roles[%zu].presets[%zu] (%.40s): %s", index, i,
                              role->presets[i]->code, fault);
    }
    return UP_OK;
}

enum up_err choices_parse(struct up_view json, struct arena *arena, Up__PresetList **ret_list,
                          struct up_why *why)
{
    ProtobufCMessage *message = NULL;
    Up__PresetList *list = NULL;
    enum up_err err = json_parse(&up__preset_list__descriptor, json, arena, &message, why);

    if (err)
        return err;
    list = (Up__PresetList *)message;
    if (list->version[0] == '\0' || list->n_roles == 0)
        err = up_why_set(why, UP_INVALID, "presets need a version and at least one role");
    for (size_t i = 0; !err && i < list->n_roles; i++)
        err = role_check(list, i, why);
    if (!err)
        *ret_list = list;
    return err;
}
