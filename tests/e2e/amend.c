/* SPDX-License-Identifier: MIT */
/* rooms: store base proto */
/* Changes the first letter of a report's narrative in the store of a node that is stopped:
 * amend FOLDER KEYFILE REF. There is no command of the product that does. */
#include <stdio.h>
#include <stdlib.h>

#include "api.pb-c.h"
#include "base/secrets.h"
#include "nodes/store/nodestore.h"
#include "upstander/limits.h"

static void need(enum up_err err, const struct up_why *why)
{
    if (!err)
        return;
    (void)fprintf(stderr, "amend: %s %s\n", up_err_text(err), why ? why->text : "");
    exit(1);
}

int main(int argc, char **argv)
{
    struct up_why why = {0};
    struct keyfile keys;
    struct nodestore *store = NULL;
    struct arena *arena = NULL;
    struct nodestore_row row;
    ProtobufCMessage *message = NULL;
    Up__Report *report = NULL;
    struct up_bytes bytes = {0};

    if (argc != 4)
        return 2;
    need(keys_init(), NULL);
    need(arena_new(UP_ARENA_LEN_MAX, &arena), NULL);
    need(secrets_read(argv[2], NULL, KEYFILE_NODE, &keys, &why), &why);
    need(nodestore_open(argv[1], &keys.store, &store, &why), &why);
    need(nodestore_get(store, NODESTORE_REPORT, argv[3], arena, &row), NULL);
    need(message_unpack(&up__report__descriptor, row.body, arena, &message), NULL);
    report = (Up__Report *)message;
    report->incident->narrative[0] ^= 1;
    need(message_pack(message, UP_ARENA_LEN_MAX, &bytes), NULL);
    row.body = up_bytes_view(&bytes);
    need(nodestore_begin(store), NULL);
    need(nodestore_put(store, &row), NULL);
    need(nodestore_commit(store), NULL);
    nodestore_close(&store);
    up_bytes_wipe(&bytes);
    keyfile_clear(&keys);
    arena_destroy(&arena);
    return 0;
}
