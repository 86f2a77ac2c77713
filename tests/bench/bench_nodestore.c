/* SPDX-License-Identifier: MIT */
/* rooms: store base proto */
/* Records of 1 KiB into a node's store, 1, 16 and 256 in a commit, beside fdatasync in the same
 * folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/store/nodestore.h"
#include "tests/lib/bench.h"

enum { RECORD_LEN = 1024, ROUNDS = 7, ROUND_MS = 250 };

static struct nodestore *store;

static void run_commit(void *context, unsigned long calls)
{
    static uint8_t body[RECORD_LEN];
    static unsigned long number;
    unsigned count = *(const unsigned *)context;

    for (unsigned long i = 0; i < calls; i++) {
        bench_require(nodestore_begin(store) == UP_OK);
        for (unsigned j = 0; j < count; j++) {
            struct nodestore_row row = {.kind = NODESTORE_RECEIVED,
                                        .peer = "a-force",
                                        .at_s = 1800000000,
                                        .body = {body, RECORD_LEN}};

            (void)snprintf(row.name, sizeof row.name, "r%lu", number++);
            bench_require(nodestore_put(store, &row) == UP_OK);
        }
        bench_require(nodestore_commit(store) == UP_OK);
    }
}

#define SYNC_1 "fdatasync of 4 KiB"
#define SYNC_16 "fdatasync of 16 KiB"
#define SYNC_256 "fdatasync of 256 KiB"

int main(void)
{
    static unsigned counts[] = {1, 16, 256};
    static unsigned blocks[] = {1, 4, 64};
    static struct bench_case cases[] = {
        {.name = SYNC_1, .run = bench_sync, .context = &blocks[0]},
        {.name = "store records of 1 KiB, 1 a commit",
         .limit = SYNC_1,
         .items = 1,
         .run = run_commit,
         .context = &counts[0]},
        {.name = SYNC_16, .run = bench_sync, .context = &blocks[1]},
        {.name = "store records of 1 KiB, 16 a commit",
         .limit = SYNC_16,
         .items = 16,
         .run = run_commit,
         .context = &counts[1]},
        {.name = SYNC_256, .run = bench_sync, .context = &blocks[2]},
        {.name = "store records of 1 KiB, 256 a commit",
         .limit = SYNC_256,
         .items = 256,
         .run = run_commit,
         .context = &counts[2]},
    };
    struct store_key key;
    struct up_why why = {0};

    bench_require(keys_init() == UP_OK);
    keys_store_generate(&key);
    if (nodestore_open(bench_folder(), &key, &store, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    bench_run(cases, sizeof cases / sizeof cases[0], ROUNDS, ROUND_MS);
    nodestore_close(&store);
    return 0;
}
