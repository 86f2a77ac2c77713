/* SPDX-License-Identifier: MIT
 * What a person is asked about sharing: for each role of recipient at most five sentences, each with what it means
 * (disclosure.md 1). They are data: deploy/presets/presets.json, or a file of the organisation's own. Used inside
 * nodes/cli only. */
#ifndef NODES_CLI_CHOICES_H
#define NODES_CLI_CHOICES_H

#include "presets.pb-c.h"
#include "upstander/message.h"

enum { CHOICES_PER_ROLE_MAX = 5 };

enum choices_wording { CHOICES_PLAIN, CHOICES_EASY_READ, CHOICES_BSL_GLOSS };
/* choices_wording_parse: "plain", "easy-read", "bsl-gloss". UP_INVALID. choices_wording_text: the word. */
UP_CHECKED enum up_err choices_wording_parse(const char *word, enum choices_wording *ret_wording);
const char *choices_wording_text(enum choices_wording wording);
const char *choices_sentence(const Up__Wording *from, enum choices_wording wording);

/* choices_parse: presets from JSON, checked; an unknown or misspelt key is an error, and so is a preset above the hard
 * ceiling of its role. The list lives in the arena. why names line or preset. */
UP_CHECKED enum up_err choices_parse(struct up_view json, struct arena *arena,
                                     Up__PresetList **ret_list, struct up_why *why);
/* choices_builtin: the text of those that are part of the program. */
struct up_view choices_builtin(void);

#endif
