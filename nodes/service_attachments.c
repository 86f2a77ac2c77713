/* SPDX-License-Identifier: MIT
 * Photos and documents: made anew by a program of its own before anything is stored, kept and sent in chunks, and put
 * together again only when every one is there and their digest is the one that the report states (disclosure.md 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/clock.h"
#include "nodes/disclosure/disclose.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { CHUNK_ARENA_LEN = 4 * UP_ATTACHMENT_CHUNK_LEN };
/* States of a chunk: its report lists it; it came before its report. Never renumbered. */
enum chunk_state { CHUNK_LISTED = 1, CHUNK_EARLY = 2 };

/* --- chunks on disk ------------------------------------------------------------------------- */

/* Its sender is part of a chunk's name: others that know the id could else be quicker, and one file can come from two. */
static void name_make(const char *peer, const char *id, unsigned index,
                      char ret_name[static NODESTORE_NAME_MAX])
{
    char text[NODESTORE_NAME_MAX + IDS_HEX_LEN + 2];
    char place[IDS_HEX_LEN + 1];
    struct digest digest;
    int len = snprintf(text, sizeof text, "%s %.32s", peer, id);

    keys_digest(up_view_of(text, (size_t)len), &digest);
    ids_hex(digest.bytes, place);
    (void)snprintf(ret_name, NODESTORE_NAME_MAX, "%s %05u", place, index);
}

static size_t chunk_len(const Up__Attachment *attachment, unsigned index)
{
    return index + 1 < attachment->chunks
               ? UP_ATTACHMENT_CHUNK_LEN
               : attachment->length - (attachment->chunks - 1) * UP_ATTACHMENT_CHUNK_LEN;
}

static enum up_err chunk_put(struct service *service, const char *id, unsigned index,
                             struct up_view data)
{
    struct nodestore_row row = {
        .kind = NODESTORE_ATTACHMENT, .state = CHUNK_LISTED, .at_s = clock_wall_s(), .body = data};

    name_make("", id, index, row.name);
    (void)snprintf(row.owner, sizeof row.owner, "%.32s", id);
    return nodestore_put(service->store, &row);
}

/* An attachment and whom it is from; chunks are read into an arena of its own, one after the other. */
struct file {
    const Up__Attachment *attachment;
    const char *peer;
    struct arena *arena;
};

/* UP_NOT_FOUND: it is not there, from another, or of another length. */
static enum up_err chunk_get(struct service *service, const struct file *file, unsigned index,
                             struct nodestore_row *ret_row)
{
    char name[NODESTORE_NAME_MAX];
    enum up_err err = UP_OK;

    name_make(file->peer, file->attachment->id, index, name);
    arena_reset(file->arena);
    err = nodestore_get(service->store, NODESTORE_ATTACHMENT, name, file->arena, ret_row);
    if (!err && (strcmp(ret_row->peer, file->peer) != 0 ||
                 ret_row->body.len != chunk_len(file->attachment, index)))
        return UP_NOT_FOUND;
    return err;
}

enum up_err service_attachment_arrived(struct service *service, const Up__Attachment *attachment,
                                       const char *peer, uint32_t *ret_count)
{
    struct file file = {.attachment = attachment, .peer = peer};
    struct nodestore_row row;
    uint32_t count = 0;
    enum up_err err = arena_new(CHUNK_ARENA_LEN, &file.arena);

    for (unsigned i = 0; !err && i < attachment->chunks; i++) {
        err = chunk_get(service, &file, i, &row);
        count += !err;
        if (err == UP_NOT_FOUND)
            err = UP_OK;
    }
    arena_destroy(&file.arena);
    if (!err)
        *ret_count = count;
    return err;
}

/* --- taking --------------------------------------------------------------------------------- */

static Up__Attachment__Kind kind_of(struct up_view bytes)
{
    static const struct {
        const char *begin;
        size_t len;
        Up__Attachment__Kind kind;
    } kinds[] = {{"\xff\xd8\xff", 3, UP__ATTACHMENT__KIND__JPEG},
                 {"\x89PNG\r\n\x1a\n", 8, UP__ATTACHMENT__KIND__PNG},
                 {"%PDF-", 5, UP__ATTACHMENT__KIND__PDF}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (bytes.len >= kinds[i].len && memcmp(bytes.data, kinds[i].begin, kinds[i].len) == 0)
            return kinds[i].kind;
    }
    return UP__ATTACHMENT__KIND__NOT_STATED;
}

static enum up_err attachment_make(struct up_view clean, struct arena *arena,
                                   Up__Attachment **ret_attachment)
{
    Up__Attachment *attachment = arena_alloc(arena, sizeof *attachment);
    uint8_t id[16];
    char id_text[IDS_HEX_LEN + 1];
    char digest_text[65];
    struct digest digest;

    if (!attachment)
        return UP_NO_MEMORY;
    up__attachment__init(attachment);
    keys_random(id, sizeof id);
    ids_hex(id, id_text);
    keys_digest(clean, &digest);
    ids_hex(digest.bytes, digest_text);
    ids_hex(digest.bytes + 16, digest_text + 32);
    attachment->id = service_text(arena, id_text);
    attachment->digest = service_text(arena, digest_text);
    attachment->kind = kind_of(clean);
    attachment->length = (uint32_t)clean.len;
    attachment->chunks =
        (attachment->length + UP_ATTACHMENT_CHUNK_LEN - 1) / UP_ATTACHMENT_CHUNK_LEN;
    if (!attachment->id || !attachment->digest)
        return UP_NO_MEMORY;
    *ret_attachment = attachment;
    return UP_OK;
}

static enum up_err report_extend(struct service *service, const struct stored_report *stored,
                                 Up__Attachment *attachment, struct arena *arena)
{
    Up__Incident *incident = stored->report->incident;
    struct nodestore_row row = stored->row;
    Up__Attachment **list =
        arena_alloc(arena, (incident->n_attachments + 1) * sizeof(Up__Attachment *));
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    if (!list)
        return UP_NO_MEMORY;
    if (incident->n_attachments > 0)
        memcpy(list, incident->attachments, incident->n_attachments * sizeof(Up__Attachment *));
    list[incident->n_attachments++] = attachment;
    incident->attachments = list;
    err = message_pack(&stored->report->base, SERVICE_REPORT_LEN_MAX, &bytes);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

static enum up_err attach(struct service *service, const struct service_call *call, const char *ref,
                          struct up_view clean, Up__Attachment **ret_attachment)
{
    struct stored_report stored;
    Up__Attachment *attachment = NULL;
    enum up_err err = service_report_stored(service, ref, call->arena, &stored, call->why);

    if (!err && stored.row.state == REPORT_SENT)
        err = up_why_set(call->why, UP_INVALID,
                         "this report was sent already; what is attached goes with it only before");
    if (!err && stored.report->incident->n_attachments == UP_ATTACHMENTS_MAX)
        err = up_why_set(call->why, UP_TOO_LARGE, "a report has at most %u attachments",
                         UP_ATTACHMENTS_MAX);
    if (!err)
        err = attachment_make(clean, call->arena, &attachment);
    for (unsigned i = 0; !err && i < attachment->chunks; i++)
        err = chunk_put(
            service, attachment->id, i,
            up_view_of(clean.data + (size_t)i * UP_ATTACHMENT_CHUNK_LEN, chunk_len(attachment, i)));
    if (!err)
        err = report_extend(service, &stored, attachment, call->arena);
    if (!err)
        err = service_audit_add(service, call->operator->name, "attached", "%s: %u bytes", ref,
                                attachment->length);
    if (!err)
        *ret_attachment = attachment;
    return err;
}

enum up_err service_attach(struct service *service, const struct service_call *call,
                           const char *ref, struct up_view file, Up__Attachment **ret_reply)
{
    struct up_bytes clean = {0};
    Up__Attachment *attachment = NULL;
    enum up_err err = service_may(call, OPERATOR_TAKE_REPORTS);

    if (!err && file.len > UP_ATTACHMENT_LEN_MAX)
        err = up_why_set(call->why, UP_TOO_LARGE, "an attachment is at most %u MiB",
                         UP_ATTACHMENT_LEN_MAX >> 20);
    if (!err)
        err = clean_run(service->clean_program, file, UP_ATTACHMENT_LEN_MAX, &clean, call->why);
    if (!err && kind_of(up_bytes_view(&clean)) == UP__ATTACHMENT__KIND__NOT_STATED)
        err = up_why_set(call->why, UP_INVALID, "the file could not be made anew");
    if (!err)
        err = service_begin(service, call, OPERATOR_TAKE_REPORTS);
    if (!err) {
        err = attach(service, call, ref, up_bytes_view(&clean), &attachment);
        err = service_end(service, call, err);
    }
    up_bytes_wipe(&clean);
    if (!err)
        *ret_reply = attachment;
    return err;
}

/* --- sending -------------------------------------------------------------------------------- */

static enum up_err chunk_queue(struct service *service, const char *member,
                               const struct reference *reference, const Up__Attachment *attachment,
                               const struct nodestore_row *row)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__AttachmentChunk chunk = UP__ATTACHMENT_CHUNK__INIT;
    struct reference copy = *reference;

    chunk.attachment_id = attachment->id;
    chunk.index = (uint32_t)strtoul(row->name + 33, NULL, 10);
    chunk.data = (ProtobufCBinaryData){.len = row->body.len, .data = up_lent(row->body.data)};
    message.reference = (ProtobufCBinaryData){.len = sizeof copy.bytes, .data = copy.bytes};
    message.version = 1;
    message.body_case = UP__MESSAGE__BODY_ATTACHMENT;
    message.attachment = &chunk;
    return service_queue(service, member, OUTBOX_ATTACHMENT, &message, false);
}

enum up_err service_attachments_queue(struct service *service, const Up__Incident *disclosure,
                                      const char *member, const struct reference *reference,
                                      const char *peer)
{
    struct file file = {.peer = peer};
    enum up_err err = arena_new(CHUNK_ARENA_LEN, &file.arena);

    for (size_t i = 0; !err && i < disclosure->n_attachments; i++) {
        file.attachment = disclosure->attachments[i];
        for (unsigned j = 0; !err && j < file.attachment->chunks; j++) {
            struct nodestore_row row;

            err = chunk_get(service, &file, j, &row);
            if (!err)
                err = chunk_queue(service, member, reference, file.attachment, &row);
        }
    }
    arena_destroy(&file.arena);
    return err;
}

/* --- receiving ------------------------------------------------------------------------------ */

static const Up__Attachment *listed(const Up__Incident *incident, const char *id)
{
    for (size_t i = 0; incident && i < incident->n_attachments; i++) {
        if (strcmp(incident->attachments[i]->id, id) == 0)
            return incident->attachments[i];
    }
    return NULL;
}

/* The report is here: chunks that came before it are none too many any more, and wrong ones go. */
enum up_err service_attachments_expected(struct service *service, const char *sender,
                                         const Up__Incident *incident)
{
    struct arena *arena = NULL;
    enum up_err err = UP_OK;

    if (nodestore_count(service->store, NODESTORE_ATTACHMENT, 1u << CHUNK_EARLY) == 0)
        return UP_OK;
    err = arena_new(CHUNK_ARENA_LEN, &arena);
    for (size_t i = 0; !err && i < incident->n_attachments; i++) {
        const Up__Attachment *attachment = incident->attachments[i];

        for (unsigned j = 0; !err && j < attachment->chunks; j++) {
            struct nodestore_row row;
            char name[NODESTORE_NAME_MAX];

            name_make(sender, attachment->id, j, name);
            arena_reset(arena);
            err = nodestore_get(service->store, NODESTORE_ATTACHMENT, name, arena, &row);
            if (err == UP_NOT_FOUND) {
                err = UP_OK;
                continue;
            }
            if (!err && row.body.len != chunk_len(attachment, j))
                err = nodestore_drop(service->store, NODESTORE_ATTACHMENT, name);
            else if (!err)
                err = nodestore_mark(service->store, NODESTORE_ATTACHMENT, name, CHUNK_LISTED, 0);
        }
    }
    arena_destroy(&arena);
    return err;
}

/* Is there no room for one more of this sender's that came before their report? */
static enum up_err early_are_many(struct service *service, const char *sender, bool *ret_many)
{
    struct nodestore_query query = {.kind = NODESTORE_ATTACHMENT,
                                    .peer = sender,
                                    .states = 1u << CHUNK_EARLY,
                                    .skip = UP_ATTACHMENT_EARLY_MAX - 1,
                                    .limit = 1};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    if (!err)
        *ret_many = count > 0;
    return err;
}

/* Why a chunk is not kept; NULL: it is. held: the report that it belongs to; NULL: it is not here yet. */
static const char *chunk_fault(const Up__AttachmentChunk *chunk, const Up__Incident *held)
{
    const Up__Attachment *attachment = listed(held, chunk->attachment_id);

    if (strlen(chunk->attachment_id) != IDS_HEX_LEN ||
        strspn(chunk->attachment_id, "0123456789abcdef") != IDS_HEX_LEN || chunk->data.len == 0 ||
        chunk->data.len > UP_ATTACHMENT_CHUNK_LEN || chunk->index >= UP_ATTACHMENT_CHUNKS_MAX)
        return "chunk-malformed";
    if (held && !attachment)
        return "chunk-not-listed";
    if (attachment && (chunk->index >= attachment->chunks ||
                       chunk->data.len != chunk_len(attachment, chunk->index)))
        return "chunk-of-another-length";
    return NULL;
}

enum up_err service_attachment_receive(struct service *service,
                                       const struct exchange_message *message)
{
    const Up__AttachmentChunk *chunk = message->message->attachment;
    const char *sender = message->sender.text;
    const Up__Incident *held = NULL;
    const char *fault = NULL;
    bool many = false;
    struct nodestore_row row = {.kind = NODESTORE_ATTACHMENT,
                                .at_s = clock_wall_s(),
                                .body = up_view_of(chunk->data.data, chunk->data.len)};
    enum up_err err =
        service_received_find(service, sender, message->message->reference.data, &held);

    if (err && err != UP_NOT_FOUND)
        return err;
    fault = chunk_fault(chunk, held);
    err = fault || held ? UP_OK : early_are_many(service, sender, &many);
    if (err)
        return err;
    if (many)
        fault = "chunks-without-report";
    if (fault) {
        service->refused++;
        return service_audit_add(service, "node", fault, "from %s", sender);
    }
    row.state = held ? CHUNK_LISTED : CHUNK_EARLY;
    name_make(sender, chunk->attachment_id, chunk->index, row.name);
    (void)snprintf(row.owner, sizeof row.owner, "%.32s", chunk->attachment_id);
    (void)snprintf(row.peer, sizeof row.peer, "%s", sender);
    return nodestore_put(service->store, &row);
}

enum up_err service_attachments_sweep(struct service *service, int64_t now_s)
{
    struct nodestore_query query = {
        .kind = NODESTORE_ATTACHMENT, .states = 1u << CHUNK_EARLY, .limit = 16};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = UP_OK;

    while (!err) {
        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &rows, &count);
        if (err || count == 0)
            break;
        query.after = rows[count - 1].number;
        for (size_t i = 0; !err && i < count; i++) {
            if (rows[i].at_s < now_s - UP_ENVELOPE_TTL_S_MAX)
                err = nodestore_drop(service->store, NODESTORE_ATTACHMENT, rows[i].name);
        }
    }
    return err;
}

/* --- reading -------------------------------------------------------------------------------- */

static enum up_err together(struct service *service, const Up__Attachment *attachment,
                            const char *peer, struct up_bytes *ret_file, struct up_why *why)
{
    struct file from = {.attachment = attachment, .peer = peer};
    struct up_bytes file = {0};
    struct digest digest;
    char text[65];
    size_t at = 0;
    enum up_err err = up_bytes_new(attachment->length, &file);

    if (!err)
        err = arena_new(CHUNK_ARENA_LEN, &from.arena);
    for (unsigned i = 0; !err && i < attachment->chunks; i++) {
        struct nodestore_row row;

        err = chunk_get(service, &from, i, &row);
        if (err == UP_NOT_FOUND)
            err =
                up_why_set(why, UP_NOT_FOUND,
                           "it has not all arrived yet; `upstander show` says how much of it has");
        if (!err && row.body.len > file.len - at)
            err = UP_MALFORMED;
        if (err)
            break;
        memcpy(file.data + at, row.body.data, row.body.len);
        at += row.body.len;
    }
    if (!err) {
        keys_digest(up_bytes_view(&file), &digest);
        ids_hex(digest.bytes, text);
        ids_hex(digest.bytes + 16, text + 32);
        if (strcmp(text, attachment->digest) != 0 ||
            kind_of(up_bytes_view(&file)) != attachment->kind)
            err = up_why_set(why, UP_MALFORMED,
                             "what arrived is not what the report states; it is not shown");
    }
    arena_destroy(&from.arena);
    if (!err)
        *ret_file = file;
    else
        up_bytes_wipe(&file);
    return err;
}

enum up_err service_attachment(struct service *service, const struct service_call *call,
                               const struct service_attachment_of *of, struct up_bytes *ret_file)
{
    const Up__Incident *incident = NULL;
    const char *peer = "";
    struct up_bytes file = {0};
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err = service_incident_held(service, call, of->ref, &incident, &peer);
    if (!err && (of->number == 0 || of->number > incident->n_attachments))
        err = up_why_set(call->why, UP_NOT_FOUND, "it has %zu attachment%s",
                         incident->n_attachments, incident->n_attachments == 1 ? "" : "s");
    if (!err)
        err = together(service, incident->attachments[of->number - 1], peer, &file, call->why);
    if (!err)
        err = service_audit_add(service, call->operator->name, "attachment-read", "%s number %u",
                                of->ref, of->number);
    err = service_end(service, call, err);
    if (!err)
        *ret_file = file;
    else
        up_bytes_wipe(&file);
    return err;
}
