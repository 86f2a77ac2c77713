/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* A key file. Deriving a key from a passphrase takes a tenth of a second, so a locked file is only
 * opened without one. */
#include <string.h>

#include "tests/lib/fuzz.h"
#include "upstander/keys.h"

enum { HEAD_LEN = 16, LOCKED_LEN = 16 + 16 + 24 + 96 + 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct up_view bytes = up_view_of(data, len);
    struct keyfile keyfile = {.kind = 0};
    struct keyfile again = {.kind = 0};
    struct up_bytes formatted = {0};
    bool locked = len == LOCKED_LEN && data[HEAD_LEN - 1] == 1;
    enum up_err err = UP_OK;

    fuzz_require(keys_init() == UP_OK);
    err = keyfile_parse(bytes, up_view_of(NULL, 0), &keyfile);
    fuzz_require((err == UP_OK) == (keyfile.kind != 0));
    fuzz_require(err == UP_OK || err == UP_MALFORMED || (locked && err == UP_WRONG_KEY));
    if (locked)
        return 0;
    fuzz_require(keyfile_parse(bytes, up_view_of("passphrase", 10), &again) == err);
    if (err)
        return 0;
    fuzz_require(memcmp(&keyfile, &again, sizeof again) == 0);
    fuzz_require(keyfile_format(&keyfile, up_view_of(NULL, 0), &formatted) == UP_OK);
    fuzz_require(formatted.len == len && memcmp(formatted.data, data, len) == 0);
    up_bytes_wipe(&formatted);
    keyfile_clear(&keyfile);
    keyfile_clear(&again);
    return 0;
}
