/* SPDX-License-Identifier: MIT */
/* rooms: clean proto */
/* A PNG picture: what comes out has the five chunks only, and is taken again to the same bytes. */
#include <string.h>

#include "nodes/clean/clean.h"
#include "tests/lib/fuzz.h"

static void must_be_bare(struct up_view view)
{
    static const char kept[][5] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
    size_t at = 8;

    while (at + 12 <= view.len) {
        const uint8_t *chunk = view.data + at;
        unsigned known = 0;

        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            known += memcmp(chunk + 4, kept[i], 4) == 0;
        fuzz_require(known == 1);
        at += 12 +
              ((size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3]);
    }
    fuzz_require(at == view.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct up_bytes out = {0};
    struct up_bytes again = {0};
    struct up_why why = {0};

    if (len > 65536)
        return 0;
    if (clean_png(up_view_of(data, len), &out, &why) == UP_OK) {
        must_be_bare(up_bytes_view(&out));
        fuzz_require(clean_png(up_bytes_view(&out), &again, &why) == UP_OK);
        fuzz_require(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
    } else {
        fuzz_require(!out.data && why.text[0] != '\0');
    }
    up_bytes_wipe(&out);
    up_bytes_wipe(&again);
    return 0;
}
