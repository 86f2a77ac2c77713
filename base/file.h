/* SPDX-License-Identifier: MIT
 * Files: bounded reads, atomic durable writes, modes. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "upstander/view.h"

/* file_read: whole file of at most len_max bytes. UP_NOT_FOUND, UP_TOO_LARGE, UP_IO; why names the file. */
UP_CHECKED enum up_err file_read(const char *path, size_t len_max, struct up_bytes *ret_bytes,
                                 struct up_why *why);
/* file_read_secret: the same, and UP_UNSAFE_MODE unless the file is ours and mode 0600 or stricter. */
UP_CHECKED enum up_err file_read_secret(const char *path, size_t len_max,
                                        struct up_bytes *ret_bytes, struct up_why *why);
/* file_write: temporary file beside it, fsync, rename, fsync of the folder. Durable when it returns.
 * file_write_new: refuses to replace (UP_DUPLICATE). */
UP_CHECKED enum up_err file_write(const char *path, struct up_view bytes, unsigned mode,
                                  struct up_why *why);
UP_CHECKED enum up_err file_write_new(const char *path, struct up_view bytes, unsigned mode,
                                      struct up_why *why);
/* file_lock: an exclusive advisory lock held until the process ends; UP_BUSY names the holder's pid. */
UP_CHECKED enum up_err file_lock(const char *path, struct up_why *why);
/* file_make_folder: with mode 0700; fine when it is there. */
UP_CHECKED enum up_err file_make_folder(const char *path, struct up_why *why);

#endif
