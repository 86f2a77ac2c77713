/* SPDX-License-Identifier: MIT
 * What a person is asked about sharing: for each role of recipient at most five sentences, each
 * with what it means (disclosure rules, section 1). The wording is versioned; change a sentence,
 * raise the version. Used inside nodes/cli only. */
#ifndef NODES_CLI_CHOICES_H
#define NODES_CLI_CHOICES_H

#include <stddef.h>

#include "incident.pb-c.h"

#define CHOICES_WORDING_VERSION "1"
enum { CHOICES_PER_ROLE_MAX = 5, CHOICES_ROLE_COUNT = 5, CHOICES_GROUPS_MAX = 4 };

struct choices_preset {
    const char *code; /* kept with the answer */
    const char *sentence;
    Up__Entitlement__Level level;
    Up__Entitlement__Group withheld[CHOICES_GROUPS_MAX];
    size_t withheld_count;
};

struct choices_role {
    Up__Role__Code role;
    const char *question;
    struct choices_preset presets[CHOICES_PER_ROLE_MAX];
    size_t preset_count;
};

extern const struct choices_role choices_roles[CHOICES_ROLE_COUNT];

#endif
