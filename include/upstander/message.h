/* SPDX-License-Identifier: MIT
 * Bytes to checked protobuf messages and back, inside a bounded arena (SPEC 1).
 * Every unpack scans first: depth, field count, duplicate singular fields, unknown fields, UTF-8 and
 * NUL in text, known enum numbers are NOT checked here (an unknown value is read strictly later). */
#ifndef UPSTANDER_MESSAGE_H
#define UPSTANDER_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "upstander/view.h"

/* A bump allocator with a byte budget; everything in it goes at once, wiped. */
struct arena;
/* arena_new: budget in bytes, at most UP_ARENA_LEN_MAX. UP_TOO_LARGE, UP_NO_MEMORY. */
UP_CHECKED enum up_err arena_new(size_t budget, struct arena **ret_arena);
void arena_destroy(struct arena **arena_p);
/* arena_alloc: zeroed, 16-byte aligned; NULL past the budget. */
void *arena_alloc(struct arena *arena, size_t len);
/* arena_text: NUL-terminated copy of a view; NULL past the budget. */
char *arena_text(struct arena *arena, struct up_view text);
/* arena_reset: wipe and reuse. All that came from it is gone. */
void arena_reset(struct arena *arena);

/* message_unpack: scan, then unpack into the arena. ret_message lives as long as the arena;
 * cast it to the descriptor's type. UP_MALFORMED, UP_TOO_DEEP, UP_TOO_LARGE, UP_BAD_TEXT,
 * UP_UNKNOWN_FIELD, UP_NO_MEMORY. Input is never asserted on. */
UP_CHECKED enum up_err message_unpack(const ProtobufCMessageDescriptor *descriptor,
                                      struct up_view bytes, struct arena *arena,
                                      ProtobufCMessage **ret_message);

/* message_pack: the canonical bytes (fields in number order). The caller owns ret_bytes.
 * UP_NO_MEMORY; UP_TOO_LARGE past len_max. */
UP_CHECKED enum up_err message_pack(const ProtobufCMessage *message, size_t len_max,
                                    struct up_bytes *ret_bytes);

/* message_element_len: bytes that one value of a field takes in its C struct, or one element in its list. */
size_t message_element_len(ProtobufCType type);

#endif
