/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* An area table, then climbing from every code in it. */
#include <string.h>

#include "nodes/disclosure/areas.h"
#include "tests/lib/fuzz.h"

static void climb(const struct areas *areas, const char *code)
{
    enum area_kind kind = areas_kind(areas, code);
    const char *police = areas_climb(areas, code, AREA_POLICE);

    const char *own = areas_climb(areas, code, kind);
    const char *authority = areas_climb(areas, code, AREA_LOCAL_AUTHORITY);

    fuzz_require((kind == AREA_UNKNOWN) == (areas_name(areas, code) == NULL));
    if (kind == AREA_UNKNOWN) {
        fuzz_require(!police && !authority && areas_since(areas, code) == 0);
        return;
    }
    /* every chain ends in a police area, but for an authority that was split across two */
    fuzz_require(police || (kind == AREA_LOCAL_AUTHORITY && !own));
    fuzz_require(!police || areas_kind(areas, police) == AREA_POLICE);
    if (own && strcmp(own, code) !=
                   0) { /* abolished: its successor is one of today, in the same police area */
        fuzz_require(kind == AREA_LOCAL_AUTHORITY && areas_since(areas, code) == 0);
        fuzz_require(strcmp(areas_climb(areas, own, AREA_LOCAL_AUTHORITY), own) == 0);
        fuzz_require(strcmp(areas_climb(areas, own, AREA_POLICE), police) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct areas *areas = NULL;
    struct up_why why = {0};
    enum up_err err = areas_parse(up_view_of(data, len), &areas, &why);

    fuzz_require((err == UP_OK) == (areas != NULL));
    fuzz_require(why.err == err && (!err || why.text[0] != '\0'));
    if (!areas)
        return 0;
    climb(areas, "");
    climb(areas, "E06000016");
    for (size_t i = 0; i + 9 <= len && i < 2000; i++) {
        char code[10] = "";

        memcpy(code, data + i, 9);
        if (i == 0 || data[i - 1] == '\n' || data[i - 1] == ',')
            climb(areas, code);
    }
    areas_destroy(&areas);
    return 0;
}
