/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* A draft for any incident: it comes to an end, its pieces fit together, and the same input gives the same draft. */
#include <string.h>

#include "nodes/disclosure/account.h"
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"

static void check(const char *narrative, const struct account_draft *draft)
{
    const char *to = draft->text;
    size_t from = 0;

    for (size_t i = 0; i < draft->span_count; i++) {
        const struct account_span *span = &draft->spans[i];
        const char *kind = account_kind_text(span->kind);
        size_t len = strlen(kind);

        fuzz_require(span->len > 0 && span->offset >= from);
        fuzz_require(span->offset + span->len <= strlen(narrative));
        fuzz_require(memcmp(to, narrative + from, span->offset - from) == 0);
        to += span->offset - from;
        fuzz_require(to[0] == '[' && memcmp(to + 1, kind, len) == 0 && to[len + 1] == ']');
        to += len + 2;
        from = span->offset + span->len;
    }
    fuzz_require(strcmp(to, narrative + from) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    struct account_draft draft = {0};
    struct account_draft again = {0};

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_unpack(&up__incident__descriptor, up_view_of(data, len), arena, &message) ==
        UP_OK) {
        const Up__Incident *incident = (const Up__Incident *)message;

        if (account_draft(incident, arena, &draft) == UP_OK) {
            check(incident->narrative, &draft);
            if (account_draft(incident, arena, &again) == UP_OK) /* or the arena is full */
                fuzz_require(strcmp(draft.text, again.text) == 0);
        }
    }
    arena_destroy(&arena);
    return 0;
}
