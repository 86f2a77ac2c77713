/* SPDX-License-Identifier: MIT */
#include "nodes/cli/rosterfile.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
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
    if (err)
        return up_why_set(&file->why, err, "%s is no directory file: %s", path, up_err_text(err));
    file->signed_roster = (Up__SignedRoster *)message;
    return UP_OK;
}

void rosterfile_clear(struct rosterfile *file)
{
    up_bytes_wipe(&file->bytes);
}

enum up_err rosterfile_save(struct rosterfile *file)
{
    Up__SignedRoster unsigned_roster;
    struct up_bytes body = {0};
    struct up_bytes out = {0};
    enum up_err err = UP_OK;

    up__signed_roster__init(&unsigned_roster);
    if (file->signed_roster && file->signed_roster->n_signatures > 0)
        file->roster->version++;
    file->roster->issued_at_s = clock_wall_s();
    err = roster_check(file->roster, &file->why);
    if (err)
        return err;
    err = message_pack(&file->roster->base, UP_ROSTER_LEN_MAX, &body);
    if (!err) {
        unsigned_roster.roster = (ProtobufCBinaryData){.len = body.len, .data = body.data};
        err = message_pack(&unsigned_roster.base, UP_ROSTER_LEN_MAX, &out);
    }
    if (!err)
        err = file_write(file->path, up_bytes_view(&out), 0644, &file->why);
    up_bytes_wipe(&body);
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
