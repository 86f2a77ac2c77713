/* SPDX-License-Identifier: MIT */
#include "nodes/cli/editor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

enum { PATH_MAX_LEN = 512, SIGNALS = 4 };

static const int held[SIGNALS] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

static enum up_err folder_make(char ret_folder[static PATH_MAX_LEN], struct up_why *why)
{
    const char *names[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!names[i] || names[i][0] != '/')
            continue;
        if (snprintf(ret_folder, PATH_MAX_LEN, "%s/upstander-XXXXXX", names[i]) < PATH_MAX_LEN &&
            mkdtemp(ret_folder))
            return UP_OK;
    }
    return up_why_set(why, UP_IO,
                      "no private folder for the editor can be made; set TMPDIR to one "
                      "that you may write to");
}

/* Over its whole length with zeros, to the disk, then away. */
static void file_wipe(int folder, const char *name)
{
    static const char zeros[4096];
    int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;

    if (file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
        for (off_t at = 0; at < info.st_size;) {
            size_t len = info.st_size - at > (off_t)sizeof zeros ? sizeof zeros
                                                                 : (size_t)(info.st_size - at);
            ssize_t put = pwrite(file, zeros, len, at);

            if (put <= 0)
                break;
            at += put;
        }
        (void)fsync(file);
    }
    if (file >= 0)
        (void)close(file);
    (void)unlinkat(folder, name, 0);
}

/* Editors leave copies beside the file. */
static bool folder_wipe(const char *path)
{
    DIR *folder = opendir(path);

    if (!folder)
        return false;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            file_wipe(dirfd(folder), entry->d_name);
    }
    (void)closedir(folder);
    return rmdir(path) == 0;
}

/* The shell takes the editor's own options apart. */
static enum up_err editor_wait(const char *file, struct up_why *why)
{
    const char *visual = getenv("VISUAL");
    const char *editor = visual && visual[0] != '\0' ? visual : getenv("EDITOR");
    char command[PATH_MAX_LEN];
    int status = 0;
    pid_t child = 0;

    if (snprintf(command, sizeof command, "%s \"$1\"",
                 editor && editor[0] != '\0' ? editor : "vi") >= (int)sizeof command)
        return up_why_set(why, UP_INVALID, "the command in VISUAL or EDITOR is too long");
    (void)fflush(NULL);
    child = fork();
    if (child < 0)
        return up_why_set(why, UP_IO, "the editor can't be started");
    if (child == 0) {
        for (size_t i = 0; i < SIGNALS; i++)
            (void)signal(held[i], SIG_DFL);
        (void)execl("/bin/sh", "sh", "-c", command, "sh", file, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return up_why_set(why, UP_IO, "the editor can't be waited for");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return up_why_set(why, UP_IO,
                          "the editor failed; nothing was changed (it is set by VISUAL "
                          "or EDITOR)");
    return UP_OK;
}

enum up_err editor_run(struct up_view text, size_t len_max, struct up_bytes *ret_text,
                       struct up_why *why)
{
    char folder[PATH_MAX_LEN];
    char file[PATH_MAX_LEN + 16];
    struct sigaction before[SIGNALS];
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    enum up_err err = UP_OK;

    /* nothing may end this process before the folder is wiped; the editor hears of it by itself */
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaction(held[i], &ignore, &before[i]);
    err = folder_make(folder, why);
    if (!err) {
        (void)snprintf(file, sizeof file, "%s/account.txt", folder);
        err = file_write_new(file, text, 0600, why);
        if (!err)
            err = editor_wait(file, why);
        if (!err)
            err = file_read(file, len_max, ret_text, why);
        if (!folder_wipe(folder))
            (void)fprintf(stderr, "upstander: remove the folder %s by hand: it may hold the text\n",
                          folder);
    }
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaction(held[i], &before[i], NULL);
    return err;
}
