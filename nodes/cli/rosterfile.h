/* SPDX-License-Identifier: MIT
 * The directory as a file that is being written: an edit takes every signature off, and raises the
 * version once after it was signed. Used inside nodes/cli only. */
#ifndef NODES_CLI_ROSTERFILE_H
#define NODES_CLI_ROSTERFILE_H

#include "nodes/cli/cli.h"
#include "roster.pb-c.h"
#include "upstander/roster.h"

struct rosterfile {
    const char *path;
    struct arena *arena; /* of the cli */
    struct up_bytes bytes;
    Up__SignedRoster *signed_roster;
    Up__Roster *roster; /* edit this */
    struct up_why why;
};

/* rosterfile_read: no signature is checked. The path is borrowed. */
UP_CHECKED enum up_err rosterfile_read(struct rosterfile *file, struct arena *arena,
                                       const char *path);
void rosterfile_clear(struct rosterfile *file);
/* rosterfile_save: check the draft and write it without signatures; the version goes up if it had
 * any. A version that enough had signed is kept beside it as PATH.before. */
UP_CHECKED enum up_err rosterfile_save(struct rosterfile *file);
/* rosterfile_grow: room for one more item in a list of the roster; the list's new place, NULL
 * without memory. */
void *rosterfile_grow(struct rosterfile *file, void *list, size_t count);
/* rosterfile_text: own copy of a word. */
char *rosterfile_text(struct rosterfile *file, const char *text);
/* rosterfile_json: a message from a JSON file. */
UP_CHECKED enum up_err rosterfile_json(struct rosterfile *file, const char *path,
                                       const ProtobufCMessageDescriptor *descriptor,
                                       ProtobufCMessage **ret_message);

#endif
