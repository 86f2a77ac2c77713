/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* NOLINT: close_range, clearenv */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif
_Static_assert(ARCH != 0, "the sandbox needs this machine's AUDIT_ARCH");

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define PASS BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), PASS
/* the third argument has no such bit (the low word is the first: both machines are little-endian) */
#define ALLOW_WITHOUT(call, bit)                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 4), LOAD(args[2]),                         \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bit), 0, 1), REFUSE, PASS

/* Written by hand: a dozen calls need no library. What is not listed gets EPERM. Memory never becomes code. */
static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    ALLOW(read),
    ALLOW(write),
    ALLOW(brk),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(futex),
    ALLOW(getrandom),
    ALLOW(clock_gettime),
    ALLOW(rt_sigreturn),
    ALLOW(exit),
    ALLOW(exit_group),
#if SANITIZED
    ALLOW(sigaltstack), /* AddressSanitizer asks where its stack is before each longjmp */
#endif
    ALLOW_WITHOUT(mmap, PROT_EXEC),
    ALLOW_WITHOUT(mprotect, PROT_EXEC),
    REFUSE,
};

static enum up_err limit(int resource, rlim_t value)
{
    struct rlimit both = {.rlim_cur = value, .rlim_max = value};

    return setrlimit((__rlimit_resource_t)resource, &both) == 0 ? UP_OK : UP_IO;
}

enum up_err clean_sandbox(void)
{
    const struct sock_fprog program = {
        .len = sizeof filter / sizeof filter[0],
        .filter = filter,
    };

    if (clearenv() != 0 || close_range(3, ~0u, 0) != 0)
        return UP_IO;
    /* AddressSanitizer's shadow takes terabytes of address space: only there it is not bounded */
    if ((!SANITIZED && limit(RLIMIT_AS, UP_CLEAN_MEMORY_MAX)) || limit(RLIMIT_NOFILE, 0) ||
        limit(RLIMIT_NPROC, 0) || limit(RLIMIT_CORE, 0) ||
        limit(RLIMIT_FSIZE, UP_ATTACHMENT_LEN_MAX))
        return UP_IO;
    /* the soft limit is a signal that main takes; the hard one, a second later, can't be caught */
    const struct rlimit cpu = {.rlim_cur = UP_CLEAN_CPU_S_MAX, .rlim_max = UP_CLEAN_CPU_S_MAX + 1};
    if (setrlimit(RLIMIT_CPU, &cpu) != 0)
        return UP_IO;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return UP_IO;
    return UP_OK;
}
