/* SPDX-License-Identifier: MIT
 * A table of somebody else's reports, through a mapping: all good rows or none, previewed and sent as one. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/intake/mapping.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { BAD_MAX = 20000, ROW_ARENA_LEN = 1 << 20 };

struct import {
    struct service *service;
    const struct service_call *call;
    struct mapping *mapping;
    struct csv *csv;
    struct arena *arena; /* of one row */
    Up__ImportResult *result;
    size_t bad_room;
};

static enum up_err bad_add(struct import *import, const struct csv_row *row, const char *field,
                           const char *reason)
{
    Up__ImportResult *result = import->result;
    struct arena *arena = import->call->arena;
    Up__BadRow *bad = arena_alloc(arena, sizeof *bad);

    if (!bad)
        return UP_NO_MEMORY;
    if (result->n_bad == import->bad_room) {
        size_t room = import->bad_room == 0 ? 64 : import->bad_room * 2;
        Up__BadRow **grown = arena_alloc(arena, room * sizeof(Up__BadRow *));

        if (!grown || room > (size_t)BAD_MAX * 2)
            return up_why_set(import->call->why, UP_INVALID,
                              "very many rows are bad, and nothing was saved; does the mapping fit "
                              "the file?");
        if (result->n_bad > 0)
            memcpy(grown, result->bad, result->n_bad * sizeof(Up__BadRow *));
        result->bad = grown;
        import->bad_room = room;
    }
    up__bad_row__init(bad);
    bad->line = row->line;
    bad->field = service_text(arena, field);
    bad->reason = service_text(arena, reason);
    bad->row.data = arena_alloc(arena, row->raw.len + 1);
    if (!bad->field || !bad->reason || !bad->row.data)
        return UP_NO_MEMORY;
    if (row->raw.len > 0)
        memcpy(bad->row.data, row->raw.data, row->raw.len);
    bad->row.len = row->raw.len;
    result->bad[result->n_bad++] = bad;
    return UP_OK;
}

/* "incident.place.ward: not in the table" to field and reason. */
static enum up_err bad_report(struct import *import, const struct csv_row *row, struct up_why *why)
{
    char *colon = strstr(why->text, ": ");

    if (!colon)
        return bad_add(import, row, "", why->text);
    *colon = '\0';
    return bad_add(import, row, why->text, colon + 2);
}

static enum up_err row_take(struct import *import, const struct csv_row *row)
{
    struct mapping_fault fault = {0};
    struct up_why why = {0};
    Up__Report *report = NULL;
    struct service_call call = *import->call;
    char ref[10];
    enum up_err err = UP_OK;

    arena_reset(import->arena);
    err = mapping_apply(import->mapping, row, import->arena, &report, &fault);
    if (err == UP_INVALID)
        return bad_add(import, row, fault.column, fault.reason);
    if (err)
        return err;
    call.why = &why;
    err = service_report_put(import->service, &call, report, import->result->import_id, ref);
    if (err == UP_INVALID || err == UP_TOO_LARGE)
        return bad_report(import, row, &why);
    import->result->imported += !err;
    return err;
}

static enum up_err rows_take(struct import *import)
{
    struct csv_row row = {0};
    struct up_why why = {0};
    enum up_err err = csv_next(import->csv, &row, &why);

    if (err == UP_NOT_FOUND)
        return up_why_set(import->call->why, UP_INVALID, "the file is empty");
    if (err)
        return up_why_set(import->call->why, UP_INVALID, "line %u, the heading: %s", row.line,
                          why.text);
    err = mapping_bind(import->mapping, &row, import->call->why);
    while (!err) {
        memset(&why, 0, sizeof why);
        err = csv_next(import->csv, &row, &why);
        if (err == UP_NOT_FOUND)
            return UP_OK;
        if (++import->result->rows > UP_IMPORT_ROWS_MAX)
            return up_why_set(import->call->why, UP_TOO_LARGE, "more than %u rows; split the file",
                              UP_IMPORT_ROWS_MAX);
        if (err == UP_MALFORMED || err == UP_TOO_LARGE || err == UP_BAD_TEXT)
            err = bad_add(import, &row, "", why.text);
        else if (!err)
            err = row_take(import, &row);
    }
    return err;
}

static enum up_err import_note(struct import *import, const char *name)
{
    Up__ImportResult kept = *import->result;
    struct nodestore_row row = {.kind = NODESTORE_IMPORT, .state = REPORT_SAVED};
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    kept.n_bad = 0;
    row.at_s = clock_wall_s();
    (void)snprintf(row.name, sizeof row.name, "%s", kept.import_id);
    err = message_pack(&kept.base, UP_TEXT_LEN_MAX, &bytes);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(import->service->store, &row);
    if (!err) /* the file's name may name a person: its length is all that is kept */
        err = service_audit_add(import->service, import->call->operator->name, "imported",
                                "%s: %u of %u rows", kept.import_id, kept.imported, kept.rows);
    (void)name;
    up_bytes_wipe(&bytes);
    return err;
}

enum up_err service_import(struct service *service, const struct service_call *call,
                           const Up__ImportRequest *request, Up__ImportResult **ret_reply)
{
    struct import import = {.service = service, .call = call};
    char id[16] = "I-";
    bool refused = false;
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS);

    if (err)
        return err;
    import.result = arena_alloc(call->arena, sizeof *import.result);
    if (!import.result) {
        err = UP_NO_MEMORY;
        goto out;
    }
    up__import_result__init(import.result);
    service_new_ref(id + 2);
    import.result->import_id = service_text(call->arena, id);
    err = import.result->import_id ? arena_new(ROW_ARENA_LEN, &import.arena) : UP_NO_MEMORY;
    if (!err)
        err = mapping_parse(up_view_of(request->mapping, strlen(request->mapping)), &import.mapping,
                            call->why);
    if (!err)
        err = csv_new(up_view_of(request->csv.data, request->csv.len), &import.csv);
    if (!err)
        err = rows_take(&import);
    refused =
        !err && (import.result->imported == 0 || (import.result->n_bad > 0 && !request->skip_bad));
    if (!err && !refused)
        err = import_note(&import, request->name);
out:
    if (refused) { /* told in the reply, and nothing is kept */
        nodestore_rollback(service->store);
        import.result->import_id[0] = '\0';
        import.result->imported = 0;
    } else {
        err = service_end(service, call, err);
    }
    mapping_destroy(&import.mapping);
    csv_destroy(&import.csv);
    arena_destroy(&import.arena);
    if (!err)
        *ret_reply = import.result;
    return err;
}

/* --- as one --------------------------------------------------------------------------------------- */

/* The next report of an import after a number: its ref. */
static enum up_err next_ref(struct service *service, const char *import_id, uint64_t *after,
                            char ret_ref[static NODESTORE_NAME_MAX])
{
    struct nodestore_query query = {
        .kind = NODESTORE_REPORT, .owner = import_id, .after = *after, .limit = 1};
    struct nodestore_row *row = NULL;
    size_t count = 0;
    enum up_err err = UP_OK;

    arena_reset(service->scratch);
    err = nodestore_list(service->store, &query, service->scratch, &row, &count);
    if (!err && count == 0)
        return UP_NOT_FOUND;
    if (!err) {
        *after = row->number;
        memcpy(ret_ref, row->name, NODESTORE_NAME_MAX);
    }
    return err;
}

static enum up_err import_require(struct service *service, const struct service_call *call,
                                  const char *import_id)
{
    struct nodestore_row row;
    enum up_err err =
        nodestore_get(service->store, NODESTORE_IMPORT, import_id, service->scratch, &row);

    if (err == UP_NOT_FOUND)
        return up_why_set(call->why, err, "no import was made here under that number");
    return err;
}

static void line_count(Up__ImportPreviewLine *line, enum level level)
{
    switch (level) {
    case LEVEL_IDENTIFIED:
        line->identified++;
        break;
    case LEVEL_PSEUDONYMISED:
        line->pseudonymised++;
        break;
    case LEVEL_ANONYMISED:
        line->anonymised++;
        break;
    case LEVEL_COUNTED:
        line->counted++;
        break;
    case LEVEL_WITHHELD:
        line->withheld++;
        break;
    }
}

static enum up_err preview_lines(struct service *service, const struct service_call *call,
                                 Up__ImportPreview *preview)
{
    const Up__Roster *roster = roster_content(service->roster);

    preview->lines =
        arena_alloc(call->arena, (roster->n_members + 1) * sizeof(Up__ImportPreviewLine *));
    if (!preview->lines)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < roster->n_members; i++) {
        Up__ImportPreviewLine *line = NULL;

        if (strcmp(roster->members[i]->id, service->member) == 0 ||
            roster->members[i]->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        line = arena_alloc(call->arena, sizeof *line);
        if (!line)
            return UP_NO_MEMORY;
        up__import_preview_line__init(line);
        line->member = service_text(call->arena, roster->members[i]->id);
        line->name = service_text(call->arena, roster->members[i]->name);
        if (!line->member || !line->name)
            return UP_NO_MEMORY;
        preview->lines[preview->n_lines++] = line;
    }
    return UP_OK;
}

enum up_err service_import_preview(struct service *service, const struct service_call *call,
                                   const char *import_id, Up__ImportPreview **ret_reply)
{
    Up__ImportPreview *preview = arena_alloc(call->arena, sizeof *preview);
    char ref[NODESTORE_NAME_MAX];
    uint64_t after = 0;
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err = preview ? import_require(service, call, import_id) : UP_NO_MEMORY;
    if (!err) {
        up__import_preview__init(preview);
        preview->import_id = service_text(call->arena, import_id);
        err = preview->import_id ? preview_lines(service, call, preview) : UP_NO_MEMORY;
    }
    while (!err) {
        Up__Report *report = NULL;

        err = next_ref(service, import_id, &after, ref);
        if (!err)
            err = service_report_load(service, ref, service->scratch, &report, call->why);
        for (size_t i = 0; !err && i < preview->n_lines; i++)
            line_count(preview->lines[i],
                       service_told(service, report,
                                    roster_find(service->roster, preview->lines[i]->member))
                           .verdict.entitlement.level);
        preview->reports += !err;
    }
    err = service_end(service, call, err == UP_NOT_FOUND && after > 0 ? UP_OK : err);
    if (!err)
        *ret_reply = preview;
    return err;
}

enum up_err service_import_send(struct service *service, const struct service_call *call,
                                const char *import_id, Up__SendResult **ret_reply)
{
    Up__SendResult *result = arena_alloc(call->arena, sizeof *result);
    char ref[NODESTORE_NAME_MAX];
    uint64_t after = 0;
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    err = result ? import_require(service, call, import_id) : UP_NO_MEMORY;
    if (!err) {
        up__send_result__init(result);
        result->ref = service_text(call->arena, import_id);
        err = result->ref ? UP_OK : UP_NO_MEMORY;
    }
    while (!err) {
        err = next_ref(service, import_id, &after, ref);
        if (!err)
            err = service_report_send(service, call->operator->name, ref, result, call->why);
    }
    if (err == UP_NOT_FOUND && after > 0)
        err = service_publish(service, call->operator->name, result);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = result;
    return err;
}

/* --- what became of it ---------------------------------------------------------------------------- */

static const char *const status_words[] = {
    [SENT_STORED] = "stored",
    [SENT_ACCEPTED] = "accepted",
    [SENT_DELIVERED] = "delivered",
    [SENT_SEEN] = "seen",
    [SENT_RECORDED] = "recorded",
    [SENT_REFUSED] = "refused",
    [SENT_CANT] = "can't be sent",
    [SENT_NOT_SHARED] = "not shared",
    [SENT_HELD] = "held",
    [SENT_RELEASED] = "released",
    [SENT_POOLED] = "pooled",
    [SENT_COUNTED] = "counted",
    [SENT_NO_AGREEMENT] = "can't be sent",
};

static enum up_err sent_line(struct service *service, const struct nodestore_row *row,
                             struct arena *arena, Up__SentLine **ret_line)
{
    ProtobufCMessage *message = NULL;
    Up__SentLine *line = NULL;
    char at[CLOCK_TEXT_LEN];
    enum up_err err = message_unpack(&up__sent_line__descriptor, row->body, arena, &message);

    if (err)
        return err;
    line = (Up__SentLine *)message;
    clock_london(row->due_s > 0 ? row->due_s : row->at_s, at);
    line->ref = service_text(arena, row->owner);
    line->member = service_text(arena, row->peer);
    line->at = service_text(arena, at);
    line->status = service_text(arena, row->state <= SENT_NO_AGREEMENT && status_words[row->state]
                                           ? status_words[row->state]
                                           : "");
    if (row->state == SENT_STORED &&
        !exchange_knows(service->exchange, row->peer, clock_wall_s()) &&
        exchange_is_online(service->exchange))
        line->detail = service_text(arena, "waiting for the recipient's first connection");
    line->cell = NULL; /* the node's own notes */
    line->batch = 0;
    err = service_override_line(service, row, arena, line);
    if (err)
        return err;
    *ret_line = line;
    return line->ref && line->member && line->at && line->status && line->detail ? UP_OK
                                                                                 : UP_NO_MEMORY;
}

struct sent_list {
    Up__SentList *list;
    size_t room;
};

static enum up_err sent_add(struct service *service, const struct service_call *call,
                            const char *ref, struct sent_list *out)
{
    struct nodestore_query query = {.kind = NODESTORE_SENT, .owner = ref};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    for (size_t i = 0; !err && i < count; i++) {
        if (out->list->n_lines == out->room) {
            size_t room = out->room == 0 ? 256 : out->room * 2;
            Up__SentLine **grown = arena_alloc(call->arena, room * sizeof(Up__SentLine *));

            if (!grown)
                return UP_NO_MEMORY;
            if (out->room > 0)
                memcpy(grown, out->list->lines, out->room * sizeof(Up__SentLine *));
            out->list->lines = grown;
            out->room = room;
        }
        out->list->lines[out->list->n_lines] = NULL;
        if (out->list->n_lines >= call->offset)
            err = sent_line(service, &rows[i], call->arena, &out->list->lines[out->list->n_lines]);
        out->list->n_lines += !err;
    }
    return err;
}

/* What was received and passed on stands behind the reports. */
static enum up_err sent_forwards(struct service *service, const struct service_call *call,
                                 struct sent_list *out)
{
    struct nodestore_query query = {.kind = NODESTORE_RECEIVED, .limit = 1};
    size_t count = 1;
    enum up_err err = UP_OK;

    while (!err && count > 0 && out->list->n_lines < service_page_end(call)) {
        struct nodestore_row *row = NULL;

        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &row, &count);
        if (!err && count > 0) {
            query.after = row->number;
            err = sent_add(service, call, row->name, out);
        }
    }
    return err;
}

enum up_err service_sent(struct service *service, const struct service_call *call, const char *ref,
                         const char *import_id, Up__SentList **ret_reply)
{
    struct sent_list out = {.list = arena_alloc(call->arena, sizeof *out.list)};
    struct nodestore_row row;
    char each[NODESTORE_NAME_MAX];
    uint64_t after = 0;
    enum up_err err = service_may(call, ~0u);

    if (err)
        return err;
    if (!out.list)
        return UP_NO_MEMORY;
    up__sent_list__init(out.list);
    arena_reset(service->scratch);
    if (ref) {
        err = nodestore_get(service->store, NODESTORE_REPORT, ref, service->scratch, &row);
        if (err == UP_NOT_FOUND) /* or passed on */
            err = nodestore_get(service->store, NODESTORE_RECEIVED, ref, service->scratch, &row);
        if (err == UP_NOT_FOUND)
            return up_why_set(call->why, err,
                              "nothing was taken or received here under that reference");
        if (!err)
            err = sent_add(service, call, ref, &out);
    } else {
        if (import_id)
            err = import_require(service, call, import_id);
        while (!err && out.list->n_lines < service_page_end(call)) {
            err = next_ref(service, import_id ? import_id : "", &after, each);
            if (!err)
                err = sent_add(service, call, each, &out);
        }
        if (err == UP_NOT_FOUND && (!import_id || after > 0))
            err = UP_OK;
        if (!err && !import_id)
            err = sent_forwards(service, call, &out);
    }
    if (!err)
        *ret_reply = out.list;
    return service_list_end(call, err);
}
