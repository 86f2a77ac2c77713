/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "nodes/clean/clean.h"

#define SAVE_AS "save it as JPEG, PNG or PDF and attach that."

static bool has(struct up_view in, size_t at, const char *bytes, size_t len)
{
    return in.len >= at + len && memcmp(in.data + at, bytes, len) == 0;
}
#define HAS(in, at, text) has(in, at, text, sizeof(text) - 1)

/* the container of HEIC and of videos tells its brand */
static enum clean_kind boxed(struct up_view in)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "hevc",
                                     "hevx", "mif1", "msf1", "avif", "avis"};

    for (size_t i = 0; i < sizeof brands / sizeof brands[0]; i++) {
        if (has(in, 8, brands[i], 4))
            return CLEAN_HEIC;
    }
    return CLEAN_VIDEO;
}

enum clean_kind clean_kind_of(struct up_view in)
{
    if (HAS(in, 0, "\xff\xd8\xff"))
        return CLEAN_JPEG;
    if (HAS(in, 0, "\x89PNG\r\n\x1a\n"))
        return CLEAN_PNG;
    if (HAS(in, 0, "%PDF-"))
        return CLEAN_PDF;
    if (HAS(in, 4, "ftyp"))
        return boxed(in);
    if (HAS(in, 0, "\x1a\x45\xdf\xa3") || (HAS(in, 0, "RIFF") && HAS(in, 8, "AVI ")))
        return CLEAN_VIDEO;
    /* Office files, old and new; OpenDocument is a ZIP file, too */
    if (HAS(in, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") || HAS(in, 0, "PK\x03\x04") ||
        HAS(in, 0, "{\\rtf"))
        return CLEAN_WORD;
    return CLEAN_OTHER;
}

const char *clean_hint(enum clean_kind kind)
{
    switch (kind) {
    case CLEAN_JPEG:
    case CLEAN_PNG:
    case CLEAN_PDF:
        return NULL;
    case CLEAN_HEIC:
        return "HEIC and AVIF pictures are not taken: on the telephone share it as JPEG (\"most "
               "compatible\"), or " SAVE_AS;
    case CLEAN_WORD:
        return "Word files, other office files and ZIP files are not taken: in the program that "
               "made it choose \"export as PDF\" and attach that.";
    case CLEAN_VIDEO:
        return "Videos and sound are not taken: attach pictures of the moments that matter, saved "
               "as JPEG or PNG, and keep the recording for the police.";
    case CLEAN_OTHER:
    default:
        return "This kind of file is not taken: " SAVE_AS;
    }
}
