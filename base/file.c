/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN_MAX = 4096 };

static enum up_err refused(struct up_why *why, const char *path, const char *doing)
{
    enum up_err err = errno == ENOENT ? UP_NOT_FOUND : errno == ENOSPC ? UP_FULL : UP_IO;

    return up_why_set(why, err, "%s %s: %s", doing, path, strerror(errno));
}

static enum up_err read_all(int fd, size_t len_max, struct up_bytes *ret_bytes)
{
    struct stat info;
    struct up_bytes bytes = {0};
    size_t at = 0;
    enum up_err err = UP_OK;

    if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        return UP_IO;
    if (info.st_size < 0 || (uintmax_t)info.st_size > len_max)
        return UP_TOO_LARGE;
    err = up_bytes_new((size_t)info.st_size, &bytes);
    while (!err && at < bytes.len) {
        ssize_t got = read(fd, bytes.data + at, bytes.len - at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    if (err || at < bytes.len) {
        up_bytes_wipe(&bytes);
        return err ? err : UP_IO;
    }
    *ret_bytes = bytes;
    return UP_OK;
}

static enum up_err read_checked(const char *path, size_t len_max, bool secret,
                                struct up_bytes *ret_bytes, struct up_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    enum up_err err = UP_OK;

    if (fd < 0)
        return refused(why, path, "can't open");
    if (secret && (fstat(fd, &info) || info.st_uid != geteuid() || (info.st_mode & 077)))
        err = up_why_set(why, UP_UNSAFE_MODE,
                         "%s can be read by others, or belongs to another user; run: chmod 600 %s",
                         path, path);
    if (!err) {
        err = read_all(fd, len_max, ret_bytes);
        if (err)
            (void)up_why_set(why, err, "can't read %s: %s", path, up_err_text(err));
    }
    (void)close(fd);
    return err;
}

enum up_err file_read(const char *path, size_t len_max, struct up_bytes *ret_bytes,
                      struct up_why *why)
{
    return read_checked(path, len_max, false, ret_bytes, why);
}

enum up_err file_read_secret(const char *path, size_t len_max, struct up_bytes *ret_bytes,
                             struct up_why *why)
{
    return read_checked(path, len_max, true, ret_bytes, why);
}

static bool write_all(int fd, struct up_view bytes)
{
    size_t at = 0;

    while (at < bytes.len) {
        ssize_t put = write(fd, bytes.data + at, bytes.len - at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return fsync(fd) == 0;
}

/* A rename is on disk when its folder is. */
static void folder_sync(const char *path)
{
    char folder[PATH_LEN_MAX];
    const char *slash = strrchr(path, '/');
    int fd = -1;

    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static enum up_err write_renamed(const char *path, struct up_view bytes, unsigned mode, bool fresh,
                                 struct up_why *why)
{
    char temporary[PATH_LEN_MAX];
    int fd = -1;
    enum up_err err = UP_OK;

    if (snprintf(temporary, sizeof temporary, "%s.new%ld", path, (long)getpid()) >=
        (int)sizeof temporary)
        return up_why_set(why, UP_INVALID, "the path is too long");
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0)
        return refused(why, path, "can't write");
    if (fchmod(fd, (mode_t)mode) || !write_all(fd, bytes))
        err = refused(why, path, "can't write");
    if (close(fd) && !err)
        err = refused(why, path, "can't write");
    if (!err && fresh && link(temporary, path))
        err = errno == EEXIST
                  ? up_why_set(why, UP_DUPLICATE, "%s is there already; it is not replaced", path)
                  : refused(why, path, "can't write");
    if (!err && !fresh && rename(temporary, path))
        err = refused(why, path, "can't write");
    if (err || fresh)
        (void)unlink(temporary);
    if (!err)
        folder_sync(path);
    return err;
}

enum up_err file_write(const char *path, struct up_view bytes, unsigned mode, struct up_why *why)
{
    return write_renamed(path, bytes, mode, false, why);
}

enum up_err file_write_new(const char *path, struct up_view bytes, unsigned mode,
                           struct up_why *why)
{
    return write_renamed(path, bytes, mode, true, why);
}

enum up_err file_lock(const char *path, struct up_why *why)
{
    struct flock lock;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fd < 0)
        return refused(why, path, "can't lock");
    if (fcntl(fd, F_SETLK, &lock) == 0)
        return UP_OK; /* fd stays open on purpose: the lock lives as long as the process */
    lock.l_type = F_WRLCK;
    (void)fcntl(fd, F_GETLK, &lock);
    (void)close(fd);
    return up_why_set(why, UP_BUSY,
                      "%s: another process (pid %ld) uses this store; stop it first, or give "
                      "this one a store of its own",
                      path, (long)lock.l_pid);
}

enum up_err file_make_folder(const char *path, struct up_why *why)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return refused(why, path, "can't make the folder");
    return UP_OK;
}
