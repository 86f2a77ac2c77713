/* SPDX-License-Identifier: MIT
 * Drafts a text for sharing from a narrative: what looks like personal data, and what stands elsewhere in the report,
 * gives way to placeholders such as [telephone] (disclosure.md 8). Assistance, not anonymisation: a name that stands
 * nowhere else and has no title before it is not found, and a person always approves. Pure. */
#ifndef NODES_DISCLOSURE_ACCOUNT_H
#define NODES_DISCLOSURE_ACCOUNT_H

#include <stddef.h>

#include "incident.pb-c.h"
#include "upstander/err.h"
#include "upstander/message.h"

enum account_kind {
    ACCOUNT_WEB = 0,
    ACCOUNT_EMAIL,
    ACCOUNT_HANDLE,
    ACCOUNT_IBAN,
    ACCOUNT_CARD,
    ACCOUNT_NHS,
    ACCOUNT_NI,
    ACCOUNT_TELEPHONE,
    ACCOUNT_BIRTH,
    ACCOUNT_VEHICLE,
    ACCOUNT_POSTCODE,
    ACCOUNT_ADDRESS,
    ACCOUNT_NAME,
    ACCOUNT_IDENTIFIER,
    ACCOUNT_KIND_COUNT,
};

/* One piece of the narrative that was replaced by "[kind]". */
struct account_span {
    size_t offset; /* bytes */
    size_t len;
    enum account_kind kind;
};

struct account_draft {
    const char *text; /* NUL-terminated, in the arena */
    const struct account_span *spans; /* ascending, apart from each other; in the arena */
    size_t span_count;
};

/* account_draft: the draft for incident->narrative. The same input gives the same draft.
 *   arena   takes all memory, that of the pattern matcher too: 1 MiB and 80 times the narrative is enough
 *   UP_INVALID    the narrative, or a field that is looked for in it, is not UTF-8
 *   UP_TOO_LARGE  longer than UP_NARRATIVE_LEN_MAX, or made so that a search would take too long: there is no half
 *                 draft
 *   UP_NO_MEMORY */
UP_CHECKED enum up_err account_draft(const Up__Incident *incident, struct arena *arena,
                                     struct account_draft *ret_draft);

/* account_kind_text: what stands between the brackets, such as "date of birth". */
const char *account_kind_text(enum account_kind kind);

#endif
