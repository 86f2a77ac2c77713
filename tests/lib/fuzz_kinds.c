/* SPDX-License-Identifier: MIT */
#include "tests/lib/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.pb-c.h"
#include "envelope.pb-c.h"
#include "frame.pb-c.h"
#include "message.pb-c.h"
#include "roster.pb-c.h"
#include "upstander/json.h"
#include "upstander/limits.h"

void fuzz_failed(const char *file, int line)
{
    fprintf(stderr, "property broken at %s:%d\n", file, line);
    abort();
}

/* Seeds name a kind by its place: add at the end, or make them again (make_corpus.c). */
const ProtobufCMessageDescriptor *fuzz_kind(uint8_t byte)
{
    static const ProtobufCMessageDescriptor *const kinds[FUZZ_KINDS] = {
        &up__message__descriptor,         &up__batch__descriptor,
        &up__signed_batch__descriptor,    &up__incident__descriptor,
        &up__sharing_choice__descriptor,  &up__report__descriptor,
        &up__inbox_item__descriptor,      &up__roster__descriptor,
        &up__signed_roster__descriptor,   &up__envelope__descriptor,
        &up__envelope_header__descriptor, &up__import_request__descriptor,
        &up__export_batch__descriptor,    &up__node_status__descriptor,
        &up__frame__descriptor,           &up__audit_list__descriptor,
    };

    return kinds[byte % FUZZ_KINDS];
}

static void require_same(const ProtobufCMessage *message, const struct up_bytes *bytes)
{
    struct up_bytes again = {0};

    fuzz_require(message_pack(message, UP_FRAME_LEN_MAX, &again) == UP_OK);
    fuzz_require(again.len == bytes->len);
    fuzz_require(memcmp(again.data, bytes->data, bytes->len) == 0);
    up_bytes_wipe(&again);
}

void fuzz_round(const ProtobufCMessage *message)
{
    struct arena *arena = NULL;
    ProtobufCMessage *again = NULL;
    struct up_bytes bytes = {0};
    struct up_bytes text = {0};
    enum up_err err = UP_OK;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    if (message_pack(message, UP_FRAME_LEN_MAX, &bytes))
        goto out;
    err = message_unpack(message->descriptor, up_bytes_view(&bytes), arena, &again);
    fuzz_require(err == UP_OK || err == UP_NO_MEMORY);
    if (err)
        goto out;
    require_same(again, &bytes);
    fuzz_require(json_format(message, true, &text) == UP_OK);
    fuzz_require(text.data[text.len] == '\0');
    arena_reset(arena);
    err = json_parse(message->descriptor, up_bytes_view(&text), arena, &again, NULL);
    /* An enum number without a name is written and not read; whitespace may take the text past its
     * limit. */
    fuzz_require(err == UP_OK || err == UP_INVALID || err == UP_TOO_LARGE || err == UP_NO_MEMORY);
    if (!err)
        require_same(again, &bytes);
out:
    up_bytes_wipe(&bytes);
    up_bytes_wipe(&text);
    arena_destroy(&arena);
}
