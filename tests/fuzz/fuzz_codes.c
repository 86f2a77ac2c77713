/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* A list of codes, then every word of it asked for. The first byte chooses the list. */
#include <string.h>

#include "nodes/disclosure/codes.h"
#include "tests/lib/fuzz.h"
#include "upstander/limits.h"

static void ask(const struct codes *codes, enum codes_list list, const char *word)
{
    const struct code *code = codes_find(codes, list, word);
    const char *near[CODES_NEAR_MAX] = {NULL};
    size_t count = codes_near(codes, list, word, "2026-11-24", near);

    fuzz_require(count <= CODES_NEAR_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct code *one = codes_find(codes, list, near[i]);

        fuzz_require(one && codes_is_valid(one, "2026-11-24"));
    }
    if (!code)
        return;
    fuzz_require(strcmp(code->code, word) == 0 && code->name[0] != '\0' && code->version > 0);
    fuzz_require(code->successor[0] == '\0' || codes_find(codes, list, code->successor));
    if (codes_is_valid(code, "2026-11-24")) /* it is the nearest to itself */
        fuzz_require(count > 0 && strcmp(near[0], word) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum codes_list list = (enum codes_list)(len > 0 ? data[0] % CODES_LIST_COUNT : 0);
    struct up_view text = len > 0 ? up_view_of(data + 1, len - 1) : up_view_of(NULL, 0);
    struct codes *codes = NULL;
    struct up_why why = {0};
    enum up_err err = codes_new(&codes);

    fuzz_require(!err);
    err = codes_add(codes, list, text, &why);
    fuzz_require(why.err == err && (!err || why.text[0] != '\0'));
    fuzz_require(!err || codes_version(codes) == 0);
    fuzz_require(err || codes_add(codes, list, text, NULL) == UP_DUPLICATE);
    fuzz_require(codes_check(codes, &why) == UP_INVALID); /* the other lists are missing */
    ask(codes, list, "");
    for (size_t i = 1; i < text.len && i < 4000; i++) {
        char word[UP_CODE_LEN_MAX + 2] = "";
        size_t word_len = 0;

        if (text.data[i - 1] != ',' && text.data[i - 1] != '\n')
            continue;
        while (i + word_len < text.len && word_len <= UP_CODE_LEN_MAX &&
               text.data[i + word_len] != ',' && text.data[i + word_len] != '\n' &&
               text.data[i + word_len] != '\r')
            word_len++;
        memcpy(word, text.data + i, word_len);
        ask(codes, list, word);
    }
    codes_destroy(&codes);
    return 0;
}
