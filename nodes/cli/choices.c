/* SPDX-License-Identifier: MIT */
#include "nodes/cli/choices.h"

#define SUSPECT UP__ENTITLEMENT__GROUP__SUSPECT
#define CHARACTERISTIC UP__ENTITLEMENT__GROUP__CHARACTERISTIC
#define LEVEL(name) UP__ENTITLEMENT__LEVEL__##name

/* No preset passes the hard ceiling of its role, and a council's or governance body's never holds
 * the suspect. */
const struct choices_role choices_roles[CHOICES_ROLE_COUNT] = {
    {.role = UP__ROLE__CODE__POLICE,
     .question = "What may the police have?",
     .presets =
         {{"all", "Everything, with my name and how to reach me.", LEVEL(IDENTIFIED), {0}, 0},
          {"all-but-characteristics",
           "Everything, but nothing about my background, faith, health or who I am.",
           LEVEL(IDENTIFIED),
           {CHARACTERISTIC},
           1},
          {"no-name",
           "What happened, without who I am. Questions come back through you.",
           LEVEL(PSEUDONYMISED),
           {0},
           0},
          {"figures",
           "Only figures, in which nobody can be picked out.",
           LEVEL(ANONYMISED),
           {0},
           0},
          {"nothing", "Nothing.", LEVEL(WITHHELD), {0}, 0}},
     .preset_count = 5},
    {.role = UP__ROLE__CODE__COUNCIL,
     .question = "What may the council have?",
     .presets =
         {{"no-name",
           "What happened, without who I am and without who did it. Questions come back through "
           "you.",
           LEVEL(PSEUDONYMISED),
           {SUSPECT},
           1},
          {"figures",
           "Only figures, in which nobody can be picked out.",
           LEVEL(ANONYMISED),
           {SUSPECT},
           1},
          {"count", "Only that it is counted.", LEVEL(COUNTED), {SUSPECT}, 1},
          {"nothing", "Nothing.", LEVEL(WITHHELD), {0}, 0}},
     .preset_count = 4},
    {.role = UP__ROLE__CODE__CASEWORK,
     .question = "What may a council's housing, anti-social behaviour or safeguarding team have?",
     .presets =
         {{"all",
           "Everything, with my name and how to reach me, but not who did it.",
           LEVEL(IDENTIFIED),
           {SUSPECT},
           1},
          {"no-name",
           "What happened, without who I am and without who did it. Questions come back through "
           "you.",
           LEVEL(PSEUDONYMISED),
           {SUSPECT},
           1},
          {"nothing", "Nothing.", LEVEL(WITHHELD), {0}, 0}},
     .preset_count = 3},
    {.role = UP__ROLE__CODE__CHARITY,
     .question = "What may other charities that help have?",
     .presets =
         {{"all", "Everything, with my name and how to reach me.", LEVEL(IDENTIFIED), {0}, 0},
          {"no-name",
           "What happened, without who I am. Questions come back through you.",
           LEVEL(PSEUDONYMISED),
           {0},
           0},
          {"figures",
           "Only figures, in which nobody can be picked out.",
           LEVEL(ANONYMISED),
           {0},
           0},
          {"count", "Only that it is counted.", LEVEL(COUNTED), {0}, 0},
          {"nothing", "Nothing.", LEVEL(WITHHELD), {0}, 0}},
     .preset_count = 5},
    {.role = UP__ROLE__CODE__GOVERNANCE,
     .question = "What may the body that oversees the police have?",
     .presets = {{"count", "Only that it is counted.", LEVEL(COUNTED), {SUSPECT}, 1},
                 {"nothing", "Nothing.", LEVEL(WITHHELD), {0}, 0}},
     .preset_count = 2},
};
