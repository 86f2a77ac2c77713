/* SPDX-License-Identifier: MIT */
#include "base/secrets.h"

#include <string.h>

#include "base/file.h"

enum { FILE_LEN_MAX = 4096 };

enum up_err secrets_passphrase(const char *file, struct up_bytes *ret_passphrase,
                               struct up_why *why)
{
    struct up_bytes bytes = {0};
    const uint8_t *end = NULL;
    enum up_err err = UP_OK;

    if (!file)
        return UP_OK;
    err = file_read_secret(file, FILE_LEN_MAX, &bytes, why);
    if (err)
        return err;
    end = bytes.len > 0 ? memchr(bytes.data, '\n', bytes.len) : NULL;
    err = up_bytes_copy(up_view_of(bytes.data, end ? (size_t)(end - bytes.data) : bytes.len),
                        ret_passphrase);
    up_bytes_wipe(&bytes);
    if (!err && ret_passphrase->len == 0)
        return up_why_set(why, UP_INVALID, "the first line of %s is empty", file);
    return err;
}

enum up_err secrets_read(const char *file, const char *passphrase_file, enum keyfile_kind kind,
                         struct keyfile *ret_keyfile, struct up_why *why)
{
    struct up_bytes bytes = {0};
    struct up_bytes passphrase = {0};
    struct keyfile keyfile = {0};
    enum up_err err = file_read_secret(file, FILE_LEN_MAX, &bytes, why);

    if (!err)
        err = secrets_passphrase(passphrase_file, &passphrase, why);
    if (err)
        goto out;
    err = keyfile_parse(up_bytes_view(&bytes), up_bytes_view(&passphrase), &keyfile);
    if (err == UP_WRONG_KEY) {
        (void)up_why_set(why, err,
                         "%s needs its passphrase: --passphrase-file FILE, or passphrase-file in "
                         "the settings",
                         file);
        goto out;
    }
    if (!err && keyfile.kind != kind)
        err = UP_MALFORMED;
    if (err)
        (void)up_why_set(why, err, "%s is no key file of a %s", file,
                         kind == KEYFILE_STEWARD  ? "directory signatory"
                         : kind == KEYFILE_BROKER ? "broker"
                                                  : "node");
    else
        *ret_keyfile = keyfile;
out:
    keyfile_clear(&keyfile);
    up_bytes_wipe(&bytes);
    up_bytes_wipe(&passphrase);
    return err;
}

enum up_err secrets_write_new(const char *file, const char *passphrase_file,
                              const struct keyfile *keyfile, struct up_why *why)
{
    struct up_bytes bytes = {0};
    struct up_bytes passphrase = {0};
    enum up_err err = secrets_passphrase(passphrase_file, &passphrase, why);

    if (!err)
        err = keyfile_format(keyfile, up_bytes_view(&passphrase), &bytes);
    if (!err)
        err = file_write_new(file, up_bytes_view(&bytes), 0600, why);
    up_bytes_wipe(&bytes);
    up_bytes_wipe(&passphrase);
    return err;
}
