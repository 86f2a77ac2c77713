/* SPDX-License-Identifier: MIT
 * Key files and their passphrases, on disk. */
#ifndef BASE_SECRETS_H
#define BASE_SECRETS_H

#include "upstander/keys.h"

/* secrets_passphrase: the first line of a file of mode 0600; empty when file is NULL. */
UP_CHECKED enum up_err secrets_passphrase(const char *file, struct up_bytes *ret_passphrase,
                                          struct up_why *why);
/* secrets_read: a key file of the kind. */
UP_CHECKED enum up_err secrets_read(const char *file, const char *passphrase_file,
                                    enum keyfile_kind kind, struct keyfile *ret_keyfile,
                                    struct up_why *why);
/* secrets_write_new: mode 0600; never replaces one. */
UP_CHECKED enum up_err secrets_write_new(const char *file, const char *passphrase_file,
                                         const struct keyfile *keyfile, struct up_why *why);

#endif
