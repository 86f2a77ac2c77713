/* SPDX-License-Identifier: MIT */
#include "nodes/cli/rosterfile.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "nodes/cli/mistakes.h"
#include "upstander/agreement.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum up_err rosterfile_read(struct rosterfile *file, struct arena *arena, const char *path)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = UP_OK;

    file->path = path;
    file->arena = arena;
    err = file_read(path, UP_ROSTER_LEN_MAX, &file->bytes, &file->why);
    if (err)
        return err;
    err = message_unpack(&up__signed_roster__descriptor, up_bytes_view(&file->bytes), arena,
                         &message);
    if (!err)
        err = roster_peek(up_bytes_view(&file->bytes), arena, &file->roster);
    if (!err) /* who signed which agreement is shown, and kept, while the directory is drawn up */
        err = agreement_verify_all(file->roster, arena);
    if (err)
        return up_why_set(&file->why, err, "%s is no directory file: %s", path, up_err_text(err));
    file->signed_roster = (Up__SignedRoster *)message;
    return UP_OK;
}

void rosterfile_clear(struct rosterfile *file)
{
    up_bytes_wipe(&file->bytes);
}

/* A version that enough signed may be in force somewhere: what comes next is compared with it. */
static enum up_err before_keep(struct rosterfile *file)
{
    struct digest own;
    struct roster *roster = NULL;
    Up__Roster *as_it_was = NULL;
    char path[MISTAKES_PATH_MAX];
    enum up_err err = UP_OK;

    if (file->bytes.len == 0)
        return UP_OK; /* a new one */
    err = roster_peek(up_bytes_view(&file->bytes), file->arena, &as_it_was);
    if (err)
        return err;
    roster_stewards_digest(as_it_was, &own);
    if (roster_open(up_bytes_view(&file->bytes), NULL, &own, &roster))
        return UP_OK; /* a draft: nobody holds it */
    roster_destroy(&roster);
    err = mistakes_before(file->path, path);
    return err ? err : file_write(path, up_bytes_view(&file->bytes), 0644, &file->why);
}

enum up_err rosterfile_save(struct rosterfile *file)
{
    struct up_bytes out = {0};
    enum up_err err = UP_OK;

    if (file->signed_roster && file->signed_roster->n_signatures > 0)
        file->roster->version++;
    file->roster->issued_at_s = clock_wall_s();
    err = roster_check(file->roster, &file->why);
    if (err)
        return err;
    err = before_keep(file);
    if (!err)
        err = roster_pack(file->roster, &out);
    if (!err)
        err = file_write(file->path, up_bytes_view(&out), 0644, &file->why);
    up_bytes_wipe(&out);
    return err;
}

void *rosterfile_grow(struct rosterfile *file, void *list, size_t count)
{
    void **grown = arena_alloc(file->arena, (count + 1) * sizeof *grown);

    if (grown && count > 0)
        memcpy(grown, list, count * sizeof *grown);
    return grown;
}

char *rosterfile_text(struct rosterfile *file, const char *text)
{
    return arena_text(file->arena, up_view_of(text, strlen(text)));
}

enum up_err rosterfile_json(struct rosterfile *file, const char *path,
                            const ProtobufCMessageDescriptor *descriptor,
                            ProtobufCMessage **ret_message)
{
    struct up_bytes text = {0};
    struct up_why why = {0};
    enum up_err err = file_read(path, UP_JSON_LEN_MAX, &text, &file->why);

    if (err)
        return err;
    err = json_parse(descriptor, up_bytes_view(&text), file->arena, ret_message, &why);
    if (err)
        (void)up_why_set(&file->why, err, "%s: %.180s", path, why.text);
    up_bytes_wipe(&text);
    return err;
}
