/* SPDX-License-Identifier: MIT */
#include "tests/lib/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_BLOCK = 4096, SYNC_BLOCKS = 256, CALLS_MAX = 1 << 24 };

static char folder[256];
static int sync_file = -1;

void bench_failed(const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: the work itself failed\n", file, line);
    exit(1);
}

uint64_t bench_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_part(const double *sorted, size_t count, double share)
{
    return count > 0 ? sorted[(size_t)((double)(count - 1) * share)] : 0;
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return bench_part(values, count, 0.5);
}

static double took_ns(const struct bench_case *one, unsigned long calls)
{
    uint64_t begin = bench_now_ns();

    one->run(one->context, calls);
    return (double)(bench_now_ns() - begin);
}

/* So many calls as fill a round; the trials warm up as well. */
static unsigned long calls_of(const struct bench_case *one, double round_ns)
{
    unsigned long calls = 1;
    double ns = took_ns(one, calls);

    while (ns < round_ns / 4 && calls < CALLS_MAX) {
        calls *= 2;
        ns = took_ns(one, calls);
    }
    calls = (unsigned long)((double)calls * round_ns / ns);
    return calls > 0 ? calls : 1;
}

static double value_of(const struct bench_case *one, double ns)
{
    unsigned items = one->items > 0 ? one->items : 1;

    return one->unit == BENCH_US ? ns / 1e3 / items : items * 1e9 / ns;
}

static size_t limit_of(const struct bench_case *cases, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(cases[i].name, name) == 0)
            return i;
    }
    bench_failed(__FILE__, __LINE__);
}

static const char *unit_text(enum bench_unit unit)
{
    return unit == BENCH_US ? "us" : "1/s";
}

void bench_run(struct bench_case *cases, size_t count, unsigned rounds, unsigned round_ms)
{
    unsigned long *calls = calloc(count, sizeof *calls);
    double *ns = calloc(count * BENCH_ROUNDS_MAX, sizeof *ns);
    double *shares = calloc(count * BENCH_ROUNDS_MAX, sizeof *shares);

    bench_require(calls && ns && shares && rounds <= BENCH_ROUNDS_MAX);
    for (size_t i = 0; i < count; i++)
        calls[i] = calls_of(&cases[i], round_ms * 1e6);
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++)
            ns[i * BENCH_ROUNDS_MAX + round] = took_ns(&cases[i], calls[i]) / (double)calls[i];
    }
    for (size_t i = 0; i < count; i++) {
        struct bench_case *one = &cases[i];

        for (unsigned round = 0; one->limit && round < rounds; round++)
            shares[i * BENCH_ROUNDS_MAX + round] =
                ns[limit_of(cases, count, one->limit) * BENCH_ROUNDS_MAX + round] /
                ns[i * BENCH_ROUNDS_MAX + round];
    }
    for (size_t i = 0; i < count; i++)
        cases[i].ns = bench_median(ns + i * BENCH_ROUNDS_MAX, rounds);
    for (size_t i = 0; i < count; i++) {
        const struct bench_case *one = &cases[i];

        if (one->limit)
            printf("%s\t%s\t%.6g\t%s\t%.6g\t%.4f\n", one->name, unit_text(one->unit),
                   value_of(one, one->ns), one->limit,
                   value_of(one, cases[limit_of(cases, count, one->limit)].ns),
                   bench_median(shares + i * BENCH_ROUNDS_MAX, rounds));
        else
            bench_line(one->name, one->unit, value_of(one, one->ns));
    }
    free(shares);
    free(calls);
    free(ns);
}

void bench_line(const char *name, enum bench_unit unit, double value)
{
    printf("%s\t%s\t%.6g\t\t\t\n", name, unit_text(unit), value);
}

static void folder_remove(void)
{
    DIR *list = opendir(folder);
    const struct dirent *entry = NULL;

    while (list && (entry = readdir(list)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(list), entry->d_name, 0);
    }
    if (list)
        (void)closedir(list);
    (void)rmdir(folder);
}

const char *bench_folder(void)
{
    const char *parent = getenv("BENCH_FOLDER");

    if (folder[0] != '\0')
        return folder;
    (void)snprintf(folder, sizeof folder, "%s/work-XXXXXX", parent ? parent : "/tmp");
    bench_require(mkdtemp(folder) != NULL);
    (void)atexit(folder_remove);
    return folder;
}

void bench_sync(void *context, unsigned long calls)
{
    static char blocks[SYNC_BLOCK * SYNC_BLOCKS];
    size_t len = (size_t)SYNC_BLOCK * *(const unsigned *)context;
    static size_t at;
    char path[300];

    bench_require(len <= sizeof blocks);
    if (sync_file < 0) {
        (void)snprintf(path, sizeof path, "%s/sync", bench_folder());
        sync_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        bench_require(write(sync_file, blocks, sizeof blocks) == (ssize_t)sizeof blocks);
        bench_require(fsync(sync_file) == 0);
    }
    for (unsigned long i = 0; i < calls; i++) {
        if (at + len > sizeof blocks)
            at = 0;
        blocks[0]++;
        bench_require(pwrite(sync_file, blocks, len, (off_t)at) == (ssize_t)len);
        bench_require(fdatasync(sync_file) == 0);
        at += len;
    }
}
