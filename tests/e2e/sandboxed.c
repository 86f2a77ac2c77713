/* SPDX-License-Identifier: MIT */
/* rooms: clean proto */
/* What a process can still do in the sandbox of upstander-clean: a line "NAME allowed" or "NAME refused" for each. */
#define _GNU_SOURCE /* NOLINT: MAP_ANONYMOUS, syscall */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nodes/clean/clean.h"

static void tell(const char *name, const char *verdict)
{
    char line[64];
    const int len = snprintf(line, sizeof line, "%s %s\n", name, verdict);

    if (write(STDOUT_FILENO, line, (size_t)len) != len)
        _exit(1);
}

static void say(const char *name, long result)
{
    tell(name, result < 0 && errno == EPERM ? "refused" : "allowed");
}

int main(void)
{
    const int open_before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char byte = 0;

    if (open_before < 0 || clean_sandbox() != UP_OK)
        return 1;
    say("read", syscall(SYS_read, STDIN_FILENO, &byte, 1));
    say("memory",
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
            ? -1
            : 0);
    say("openat", syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0));
    say("socket", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
    say("execve", syscall(SYS_execve, "/bin/true", NULL, NULL));
    say("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    say("ptrace", syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
    say("kill", syscall(SYS_kill, getppid(), 0));
    say("unlinkat", syscall(SYS_unlinkat, AT_FDCWD, "/nowhere", 0));
    say("dup", syscall(SYS_dup, STDOUT_FILENO));
    say("prctl", syscall(SYS_prctl, 3 /* PR_GET_DUMPABLE */, 0, 0, 0, 0));
    say("code", (long)(intptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    /* what was open is closed: the file is gone (EBADF), not refused */
    if (read(open_before, &byte, 1) < 0 && errno == EBADF)
        tell("fd", "closed");
    if (getenv("PATH") == NULL && getenv("HOME") == NULL)
        tell("environment", "empty");
    _exit(0);
}
