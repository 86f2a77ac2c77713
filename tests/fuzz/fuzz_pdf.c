/* SPDX-License-Identifier: MIT */
/* rooms: clean proto */
/* A PDF: refused with a sentence, or made anew into one that is taken again. */
#include <string.h>

#include "nodes/clean/clean.h"
#include "tests/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct up_bytes out = {0};
    struct up_bytes again = {0};
    struct up_why why = {0};

    if (len > 65536)
        return 0;
    if (clean_pdf(up_view_of(data, len), &out, &why) == UP_OK) {
        fuzz_require(out.len > 5 && memcmp(out.data, "%PDF-", 5) == 0);
        fuzz_require(clean_pdf(up_bytes_view(&out), &again, &why) == UP_OK);
    } else {
        fuzz_require(!out.data && why.text[0] != '\0');
    }
    up_bytes_wipe(&out);
    up_bytes_wipe(&again);
    return 0;
}
