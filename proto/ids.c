/* SPDX-License-Identifier: MIT */
#include "upstander/ids.h"

#include <string.h>

enum up_err ids_member_parse(struct up_view text, struct member_id *ret_id)
{
    struct member_id id = {.text = ""};

    if (text.len < UP_MEMBER_LEN_MIN || text.len > UP_MEMBER_LEN_MAX)
        return UP_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        bool letter = c >= 'a' && c <= 'z';
        bool later = (c >= '0' && c <= '9') || c == '-';

        if (!letter && (i == 0 || !later))
            return UP_MALFORMED;
        id.text[i] = c;
    }
    *ret_id = id;
    return UP_OK;
}

bool ids_member_equal(const struct member_id *a, const struct member_id *b)
{
    return strcmp(a->text, b->text) == 0;
}

void ids_hex(const uint8_t bytes[static 16], char ret_text[static IDS_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[IDS_HEX_LEN] = '\0';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum up_err ids_unhex(struct up_view text, uint8_t ret_bytes[static 16])
{
    uint8_t bytes[16] = {0};

    if (text.len != IDS_HEX_LEN)
        return UP_MALFORMED;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return UP_MALFORMED;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret_bytes, bytes, sizeof bytes);
    return UP_OK;
}
