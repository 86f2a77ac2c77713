/* SPDX-License-Identifier: MIT */
/* rooms: clean proto */
/* A JPEG picture: what comes out is taken again and holds nothing but the picture. */
#include "nodes/clean/clean.h"
#include "tests/lib/fuzz.h"

/* Past the start there is one segment that is not the picture's: APP0, or for print APP14. */
static void must_be_bare(struct up_view view)
{
    size_t at = 2;
    unsigned applications = 0;

    while (at + 4 <= view.len && view.data[at + 1] != 0xda) {
        fuzz_require(view.data[at] == 0xff && view.data[at + 1] != 0xfe);
        if (view.data[at + 1] >= 0xe0 && view.data[at + 1] <= 0xef) {
            fuzz_require(view.data[at + 1] == 0xe0 || view.data[at + 1] == 0xee);
            applications++;
        }
        at += 2 + ((size_t)view.data[at + 2] << 8 | view.data[at + 3]);
    }
    fuzz_require(applications <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct up_bytes out = {0};
    struct up_bytes again = {0};
    struct up_bytes stripped = {0};
    struct up_why why = {0};

    if (len > 65536)
        return 0;
    if (clean_jpeg(up_view_of(data, len), &out, &why) == UP_OK) {
        must_be_bare(up_bytes_view(&out));
        fuzz_require(clean_jpeg(up_bytes_view(&out), &again, &why) == UP_OK);
    } else {
        fuzz_require(!out.data && why.text[0] != '\0');
    }
    if (clean_jpeg_strip(up_view_of(data, len), &stripped) == UP_OK)
        fuzz_require(stripped.len <= len);
    up_bytes_wipe(&out);
    up_bytes_wipe(&again);
    up_bytes_wipe(&stripped);
    return 0;
}
