/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* JSON as any of the message types: the first byte says which, the rest is the text. */
#include <string.h>

#include "tests/lib/fuzz.h"
#include "upstander/json.h"
#include "upstander/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};
    enum up_err err = UP_OK;

    if (len == 0)
        return 0;
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    err = json_parse(fuzz_kind(data[0]), up_view_of(data + 1, len - 1), arena, &message, &why);
    fuzz_require(why.err == err);
    fuzz_require((err == UP_OK) == (message != NULL));
    fuzz_require(err == UP_OK || why.text[0] != '\0');
    if (message)
        fuzz_round(message);
    arena_destroy(&arena);
    return 0;
}
