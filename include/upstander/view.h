/* SPDX-License-Identifier: MIT
 * Borrowed and owned bytes. A view never outlives the call or step it came in. */
#ifndef UPSTANDER_VIEW_H
#define UPSTANDER_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "upstander/err.h"

struct up_view {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

/* Owned bytes on the heap; up_bytes_wipe overwrites before it frees, accepts an empty one. */
struct up_bytes {
    uint8_t *data;
    size_t len;
};

static inline struct up_view up_view_of(const void *data, size_t len)
{
    return (struct up_view){.data = data, .len = len};
}

static inline struct up_view up_bytes_view(const struct up_bytes *bytes)
{
    return (struct up_view){.data = bytes->data, .len = bytes->len};
}

/* up_lent: the same pointer without const, for the structs of protobuf-c and POSIX that have none although what is
 * put there is only read (packed, compared, passed on). The owner stays the owner: nobody writes or frees through it. */
static inline void *up_lent(const void *borrowed)
{
    void *lent = NULL;

    memcpy(&lent, &borrowed, sizeof lent);
    return lent;
}

/* up_bytes_new: len zeroed bytes (len 0 is fine). UP_NO_MEMORY. The caller owns ret. */
UP_CHECKED enum up_err up_bytes_new(size_t len, struct up_bytes *ret_bytes);
/* up_bytes_copy: own copy of a view. UP_NO_MEMORY. */
UP_CHECKED enum up_err up_bytes_copy(struct up_view from, struct up_bytes *ret_bytes);
/* up_bytes_wipe: overwrite, free, empty. */
void up_bytes_wipe(struct up_bytes *bytes);

#endif
