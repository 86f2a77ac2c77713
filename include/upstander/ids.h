/* SPDX-License-Identifier: MIT
 * Identifiers as distinct types, so that one can't be passed for another. */
#ifndef UPSTANDER_IDS_H
#define UPSTANDER_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "upstander/view.h"

#define UP_MEMBER_LEN_MIN 3
#define UP_MEMBER_LEN_MAX 32

/* A member's id: [a-z][a-z0-9-]{2,31}, NUL-terminated. protocol.md "member". */
struct member_id {
    char text[UP_MEMBER_LEN_MAX + 1];
};

/* 128 random bits each; never interchangeable. */
struct envelope_id {
    uint8_t bytes[16];
};
struct message_id {
    uint8_t bytes[16];
};
/* One per (incident, recipient): two members can't join their records (disclosure.md 6). */
struct reference {
    uint8_t bytes[16];
};

/* A broker's number of one waiting delivery; rises within the broker, never reused. */
typedef uint64_t delivery_number;

/* ids_member_parse: UP_MALFORMED unless text matches the pattern above. */
UP_CHECKED enum up_err ids_member_parse(struct up_view text, struct member_id *ret_id);
bool ids_member_equal(const struct member_id *a, const struct member_id *b);

#define IDS_HEX_LEN 32
/* ids_hex: 16 bytes as 32 lower-case hexadecimal digits and a NUL. */
void ids_hex(const uint8_t bytes[static 16], char ret_text[static IDS_HEX_LEN + 1]);
/* ids_unhex: UP_MALFORMED unless text is exactly 32 lower-case hexadecimal digits. */
UP_CHECKED enum up_err ids_unhex(struct up_view text, uint8_t ret_bytes[static 16]);

#endif
