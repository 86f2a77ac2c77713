/* SPDX-License-Identifier: MIT
 * What became of the fields of a report, in sentences: "Not shared, because it may not see who: name, date of birth."
 * Read from the notes of disclose_explain, which compares report and disclosure. Pure. */
#ifndef NODES_DISCLOSURE_WHYFIELDS_H
#define NODES_DISCLOSURE_WHYFIELDS_H

#include "nodes/disclosure/disclose.h"

enum { WHYFIELDS_MAX = 16 };

/* whyfields_make: at most WHYFIELDS_MAX sentences, in the arena. At WITHHELD there is none. UP_NO_MEMORY is the only
 * error. */
UP_CHECKED enum up_err whyfields_make(const Up__Incident *incident, const Up__Incident *disclosure,
                                      struct arena *arena, const char *const **ret_sentences,
                                      size_t *ret_count);

/* whyfields_words: "identity.date_of_birth" to "date of birth"; empty for what is no field to people. A path that has no
 * words of its own gets those of its last part. */
void whyfields_words(const char *path, char ret_words[static 64]);

#endif
