/* SPDX-License-Identifier: MIT */
#include "base/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t reload_asked;
static volatile sig_atomic_t report_asked;
static int pipe_ends[2] = {-1, -1};

void guard_process(void)
{
    struct rlimit none = {0, 0};
    struct sigaction ignore;

    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static void on_signal(int number)
{
    char byte = 0;

    if (number == SIGHUP)
        reload_asked = 1;
    else if (number == SIGUSR1)
        report_asked = 1;
    else
        stop_asked = 1;
    if (write(pipe_ends[1], &byte, 1) < 0) {
        /* the pipe is full: it is readable, which is all that is needed */
    }
}

int guard_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    struct sigaction action;

    if (pipe(pipe_ends))
        return -1;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(pipe_ends[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(pipe_ends[i], F_SETFD, FD_CLOEXEC);
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (sigaction(numbers[i], &action, NULL))
            return -1;
    }
    return pipe_ends[0];
}

void guard_drain(void)
{
    char bytes[64];

    while (read(pipe_ends[0], bytes, sizeof bytes) > 0) {
    }
}

bool guard_stop_asked(void)
{
    return stop_asked;
}

bool guard_reload_asked(void)
{
    bool asked = reload_asked;

    reload_asked = 0;
    return asked;
}

bool guard_report_asked(void)
{
    bool asked = report_asked;

    report_asked = 0;
    return asked;
}
