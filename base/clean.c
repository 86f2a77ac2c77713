/* SPDX-License-Identifier: MIT
 * One child, three pipes, one poll: it is written to, read from and listened to at once, so neither waits for the other. */
#include "base/clean.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "upstander/limits.h"

enum { SENTENCE_LEN_MAX = 300, READ_LEN = 16384, CHILD_END_MS = 2000 };

struct child {
    pid_t pid;
    int in;  /* we write; -1: closed */
    int out; /* we read */
    int err;
    struct up_view left; /* of the file */
    struct up_bytes clean;
    size_t used;
    char sentence[SENTENCE_LEN_MAX];
    size_t sentence_len;
};

void clean_find(char ret_path[static CLEAN_PATH_LEN_MAX])
{
    static const char name[] = "upstander-clean";
    ssize_t len = readlink("/proc/self/exe", ret_path, CLEAN_PATH_LEN_MAX - sizeof name);

    while (len > 0 && ret_path[len - 1] != '/')
        len--;
    if (len <= 0)
        ret_path[0] = '\0';
    else
        memcpy(ret_path + len, name, sizeof name);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool pipes_make(int pipes[3][2])
{
    for (int i = 0; i < 3; i++)
        pipes[i][0] = pipes[i][1] = -1;
    for (int i = 0; i < 3; i++) {
        if (pipe(pipes[i]) != 0)
            return false;
        for (int j = 0; j < 2; j++)
            (void)fcntl(pipes[i][j], F_SETFD, FD_CLOEXEC);
    }
    return true;
}

static bool child_start(const char *program, struct child *child)
{
    char *const argv[] = {up_lent(program), NULL};
    char *const nothing[] = {NULL};
    int pipes[3][2];
    posix_spawn_file_actions_t actions;
    bool started = false;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    if (pipes_make(pipes) &&
        posix_spawn_file_actions_adddup2(&actions, pipes[0][0], STDIN_FILENO) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, pipes[2][1], STDERR_FILENO) == 0)
        started = posix_spawn(&child->pid, program, &actions, NULL, argv, nothing) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    close_fd(&pipes[0][0]);
    close_fd(&pipes[1][1]);
    close_fd(&pipes[2][1]);
    child->in = pipes[0][1];
    child->out = pipes[1][0];
    child->err = pipes[2][0];
    if (child->in >= 0) /* a child that does not read must not stop us */
        (void)fcntl(child->in, F_SETFL, O_NONBLOCK);
    return started;
}

static void feed(struct child *child)
{
    ssize_t done = write(child->in, child->left.data, child->left.len);

    if (done > 0)
        child->left = up_view_of(child->left.data + done, child->left.len - (size_t)done);
    if (child->left.len == 0 || (done < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&child->in);
}

static enum up_err take(struct child *child, size_t len_max)
{
    uint8_t data[READ_LEN];
    ssize_t len = read(child->out, data, sizeof data);
    struct up_bytes grown = {0};

    if (len <= 0) {
        if (len == 0 || errno != EINTR)
            close_fd(&child->out);
        return UP_OK;
    }
    if (child->used + (size_t)len > len_max)
        return UP_TOO_LARGE;
    if (child->used + (size_t)len > child->clean.len) {
        if (up_bytes_new((child->used + (size_t)len) * 2, &grown))
            return UP_NO_MEMORY;
        if (child->used > 0)
            memcpy(grown.data, child->clean.data, child->used);
        up_bytes_wipe(&child->clean);
        child->clean = grown;
    }
    memcpy(child->clean.data + child->used, data, (size_t)len);
    child->used += (size_t)len;
    memset(data, 0, (size_t)len);
    return UP_OK;
}

static void listen_to(struct child *child)
{
    char data[SENTENCE_LEN_MAX];
    ssize_t len = read(child->err, data, sizeof data);

    if (len <= 0) {
        if (len == 0 || errno != EINTR)
            close_fd(&child->err);
        return;
    }
    for (ssize_t i = 0; i < len && child->sentence_len + 1 < sizeof child->sentence; i++) {
        if (data[i] >= ' ' && data[i] <= '~') /* one line of plain words */
            child->sentence[child->sentence_len++] = data[i];
    }
}

static enum up_err talk(struct child *child, size_t len_max)
{
    int64_t end_ms = clock_monotonic_ms() + UP_ATTACHMENT_CLEAN_MS;
    enum up_err err = UP_OK;

    while (!err && (child->out >= 0 || child->err >= 0)) {
        struct pollfd fds[] = {
            {child->in, POLLOUT, 0}, {child->out, POLLIN, 0}, {child->err, POLLIN, 0}};
        int64_t left_ms = end_ms - clock_monotonic_ms();
        int ready = left_ms > 0 ? poll(fds, 3, (int)left_ms) : 0;

        if (ready == 0)
            return UP_IO;
        if (ready < 0 && errno != EINTR)
            return UP_IO;
        if (ready < 0)
            continue;
        if (fds[0].revents)
            feed(child);
        if (fds[1].revents)
            err = take(child, len_max);
        if (fds[2].revents)
            listen_to(child);
    }
    return err;
}

/* An honest child ends once its output is closed; another one is ended. */
static int child_end(pid_t pid, bool at_once)
{
    int64_t end_ms = clock_monotonic_ms() + CHILD_END_MS;
    int status = 0;
    pid_t gone = 0;

    while (!at_once && gone == 0 && clock_monotonic_ms() < end_ms) {
        gone = waitpid(pid, &status, WNOHANG);
        if (gone == 0)
            (void)poll(NULL, 0, 5);
    }
    if (gone == pid)
        return status;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

enum up_err clean_run(const char *program, struct up_view file, size_t len_max,
                      struct up_bytes *ret_clean, struct up_why *why)
{
    struct child child = {.in = -1, .out = -1, .err = -1, .left = file};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    int status = 0;
    enum up_err err = UP_OK;

    (void)sigaction(SIGPIPE, &ignore, &before); /* it may end before it has read all */
    if (!child_start(program, &child))
        err = up_why_set(why, UP_IO, "%s can't be run; it is installed beside the node", program);
    else
        err = talk(&child, len_max);
    close_fd(&child.in);
    close_fd(&child.out);
    close_fd(&child.err);
    if (child.pid > 0)
        status = child_end(child.pid, err != UP_OK);
    (void)sigaction(SIGPIPE, &before, NULL);
    if (!err && (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || child.used == 0))
        err = up_why_set(why, UP_INVALID, "the file is not taken: %s",
                         child.sentence_len > 0 ? child.sentence : "it can't be read");
    else if (err == UP_TOO_LARGE)
        (void)up_why_set(why, err, "made anew, the file is larger than %zu MiB", len_max >> 20);
    else if (err && why && why->text[0] == '\0')
        (void)up_why_set(why, err, "the file took too long to be made anew; make it smaller");
    if (err) {
        up_bytes_wipe(&child.clean);
        return err;
    }
    child.clean.len = child.used;
    *ret_clean = child.clean;
    return UP_OK;
}
