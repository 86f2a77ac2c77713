/* SPDX-License-Identifier: MIT
 * Times pieces of work beside what bounds them, in the same rounds, and prints a line each for
 * tests/bench/run. Nothing is asserted about speed; work that fails ends the program. */
#ifndef TESTS_LIB_BENCH_H
#define TESTS_LIB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_unit { BENCH_PER_S, BENCH_US }; /* how many a second, or microseconds each */

struct bench_case {
    const char *name;
    enum bench_unit unit;
    unsigned items;    /* that one call works off; 0 reads as 1 */
    const char *limit; /* name of the case of this run that bounds it; NULL: is a limit itself */
    void (*run)(void *context, unsigned long calls);
    void *context;
    double ns; /* of one call: the median of the rounds; set by bench_run */
};

/* bench_run: every case in turn for about round_ms, `rounds` times over (at most BENCH_ROUNDS_MAX),
 * so that noise hits work and limit alike; then a line for each, in the order given: name, unit,
 * value, limit's name, limit, share. Values are medians of the rounds. The limit is how many of the
 * row's items there would be if a call cost what the limit's call costs; the share is 1 at the
 * limit and less below it, the median of the shares round by round. A limit stands best right
 * before what it bounds. */
enum { BENCH_ROUNDS_MAX = 15 };
void bench_run(struct bench_case *cases, size_t count, unsigned rounds, unsigned round_ms);
/* bench_line: one more line, without a limit. */
void bench_line(const char *name, enum bench_unit unit, double value);

uint64_t bench_now_ns(void);
/* bench_median: sorts. bench_part: the value below which `share` of them lie; of sorted ones. */
double bench_median(double *values, size_t count);
double bench_part(const double *sorted, size_t count, double share);

/* bench_folder: a fresh empty folder below BENCH_FOLDER (default /tmp), removed with the files in
 * it at the end. */
const char *bench_folder(void);
/* bench_sync: a call is so many (an unsigned, at most 256) blocks of 4 KiB written over a file of
 * that folder in one go, and fdatasync: what a commit can't beat. */
void bench_sync(void *context, unsigned long calls);

/* bench_require: or the program ends and says where. */
#define bench_require(condition) ((condition) ? (void)0 : bench_failed(__FILE__, __LINE__))
_Noreturn void bench_failed(const char *file, int line);

#endif
