/* SPDX-License-Identifier: MIT
 * Linked around the objects of broker or node (--wrap=clock_wall_s): the wall clock is off by CLOCK_OFFSET_S seconds, and
 * while the file DISK_FULL_IF exists SQLite finds no room on its disk. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"

int64_t real_clock_wall_s(void) __asm__("__real_clock_wall_s");
int64_t wrap_clock_wall_s(void) __asm__("__wrap_clock_wall_s");

int64_t wrap_clock_wall_s(void)
{
    const char *offset = getenv("CLOCK_OFFSET_S");

    return real_clock_wall_s() + (offset ? strtoll(offset, NULL, 10) : 0);
}

static int is_full(void)
{
    const char *file = getenv("DISK_FULL_IF");

    if (!file || access(file, F_OK) != 0)
        return 0;
    errno = ENOSPC;
    return 1;
}

static ssize_t full_write(int fd, const void *data, size_t len)
{
    return is_full() ? -1 : write(fd, data, len);
}

static ssize_t full_pwrite(int fd, const void *data, size_t len, off_t at)
{
    return is_full() ? -1 : pwrite(fd, data, len, at);
}

__attribute__((constructor)) static void disk_wrap(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (!vfs || vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)full_write) ||
        vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)full_pwrite))
        abort();
    /* absent where pwrite is as wide */
    (void)vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)full_pwrite);
}
