/* SPDX-License-Identifier: MIT */
#include "upstander/view.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum up_err up_bytes_new(size_t len, struct up_bytes *ret_bytes)
{
    uint8_t *data = calloc(1, len > 0 ? len : 1);

    if (!data)
        return UP_NO_MEMORY;
    *ret_bytes = (struct up_bytes){.data = data, .len = len};
    return UP_OK;
}

enum up_err up_bytes_copy(struct up_view from, struct up_bytes *ret_bytes)
{
    enum up_err err = up_bytes_new(from.len, ret_bytes);

    if (!err && from.len > 0)
        memcpy(ret_bytes->data, from.data, from.len);
    return err;
}

void up_bytes_wipe(struct up_bytes *bytes)
{
    if (bytes->data)
        sodium_memzero(bytes->data, bytes->len);
    free(bytes->data);
    *bytes = (struct up_bytes){0};
}
