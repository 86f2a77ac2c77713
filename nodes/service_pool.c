/* SPDX-License-Identifier: MIT
 * The publisher's side: numbers from each originator go into the ledger of their audience, police area and year; once a
 * month is past, what each audience may know of it is worked out and sent as a whole (disclosure.md 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nodes/disclosure/release.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { PART_MAX = 1000 /* counts or rows: with all strands and types at most 40 fields each */ };

/* --- the ledger on disk --------------------------------------------------------------------- */

struct ledger_key {
    const char *audience;
    bool statistics;
    struct release_scope scope;
};

static void name_make(const struct ledger_key *key, char ret_name[static NODESTORE_NAME_MAX])
{
    (void)snprintf(ret_name, NODESTORE_NAME_MAX, "%s %s %s %s", key->scope.area, key->scope.year,
                   key->statistics ? "statistics" : "release", key->audience);
}

/* One part with nothing but counts and rows goes behind what is there already. */
static enum up_err part_read(struct up_view bytes, struct arena *arena, Up__Ledger *ledger)
{
    ProtobufCMessage *message = NULL;
    const Up__Ledger *part = NULL;
    enum up_err err = message_unpack(&up__ledger__descriptor, bytes, arena, &message);

    if (err)
        return err;
    part = (const Up__Ledger *)message;
    if (part->n_counts > PART_MAX || part->n_rows > PART_MAX || part->n_parts > 0)
        return UP_MALFORMED;
    for (size_t i = 0; i < part->n_counts; i++)
        ledger->counts[ledger->n_counts++] = part->counts[i];
    for (size_t i = 0; i < part->n_rows; i++)
        ledger->rows[ledger->n_rows++] = part->rows[i];
    return UP_OK;
}

static enum up_err ledger_read(const struct nodestore_row *row, struct arena *arena,
                               Up__Ledger **ret_ledger)
{
    ProtobufCMessage *message = NULL;
    Up__Ledger *ledger = NULL;
    size_t room = 0;
    enum up_err err = message_unpack(&up__ledger__descriptor, row->body, arena, &message);

    if (err)
        return err;
    ledger = (Up__Ledger *)message;
    room = ledger->n_parts * PART_MAX + 1;
    if (ledger->n_counts > 0 || ledger->n_rows > 0 || room > 4 * UP_RELEASE_CELLS_MAX)
        return UP_MALFORMED;
    ledger->counts = arena_alloc(arena, room * sizeof(Up__LedgerCount *));
    ledger->rows = arena_alloc(arena, room * sizeof(Up__ReleaseRow *));
    if (!ledger->counts || !ledger->rows)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < ledger->n_parts; i++)
        err = part_read(up_view_of(ledger->parts[i].data, ledger->parts[i].len), arena, ledger);
    ledger->n_parts = 0;
    if (!err)
        *ret_ledger = ledger;
    return err;
}

static enum up_err ledger_new(const struct ledger_key *key, struct arena *arena,
                              Up__Ledger **ret_ledger)
{
    Up__Ledger *ledger = arena_alloc(arena, sizeof *ledger);
    uint8_t *id = arena_alloc(arena, 16);

    if (!ledger || !id)
        return UP_NO_MEMORY;
    up__ledger__init(ledger);
    keys_random(id, 16);
    ledger->release_id = (ProtobufCBinaryData){.len = 16, .data = id};
    ledger->area = service_text(arena, key->scope.area);
    ledger->year = service_text(arena, key->scope.year);
    ledger->statistics = key->statistics;
    if (!ledger->area || !ledger->year)
        return UP_NO_MEMORY;
    *ret_ledger = ledger;
    return UP_OK;
}

static enum up_err ledger_load(struct service *service, const struct ledger_key *key,
                               struct arena *arena, Up__Ledger **ret_ledger)
{
    struct nodestore_row row;
    char name[NODESTORE_NAME_MAX];
    enum up_err err = UP_OK;

    name_make(key, name);
    err = nodestore_get(service->store, NODESTORE_LEDGER, name, arena, &row);
    if (err == UP_NOT_FOUND)
        return ledger_new(key, arena, ret_ledger);
    return err ? err : ledger_read(&row, arena, ret_ledger);
}

/* From which to which of the counts, or of the rows. */
static enum up_err part_pack(const Up__Ledger *ledger, size_t first, bool rows,
                             struct up_bytes *ret_bytes)
{
    Up__Ledger part = UP__LEDGER__INIT;
    size_t count = (rows ? ledger->n_rows : ledger->n_counts) - first;

    if (count > PART_MAX)
        count = PART_MAX;
    part.area = ledger->area;
    part.year = ledger->year;
    if (rows) {
        part.rows = ledger->rows + first;
        part.n_rows = count;
    } else {
        part.counts = ledger->counts + first;
        part.n_counts = count;
    }
    return message_pack(&part.base, UP_ARENA_LEN_MAX / 4, ret_bytes);
}

static enum up_err parts_make(const Up__Ledger *ledger, Up__Ledger *whole, struct arena *arena)
{
    size_t room = (ledger->n_counts + ledger->n_rows) / PART_MAX + 3;
    enum up_err err = UP_OK;

    whole->parts = arena_alloc(arena, room * sizeof *whole->parts);
    if (!whole->parts)
        return UP_NO_MEMORY;
    for (int rows = 0; rows < 2; rows++) {
        for (size_t at = 0; !err && at < (rows ? ledger->n_rows : ledger->n_counts);
             at += PART_MAX) {
            struct up_bytes bytes = {0};
            uint8_t *copy = NULL;

            err = part_pack(ledger, at, rows, &bytes);
            if (!err)
                copy = arena_alloc(arena, bytes.len + 1);
            if (!err && !copy)
                err = UP_NO_MEMORY;
            if (!err) {
                memcpy(copy, bytes.data, bytes.len);
                whole->parts[whole->n_parts++] =
                    (ProtobufCBinaryData){.len = bytes.len, .data = copy};
            }
            up_bytes_wipe(&bytes);
        }
    }
    return err;
}

static enum up_err ledger_put(struct service *service, const char *name, const char *audience,
                              const Up__Ledger *ledger)
{
    struct nodestore_row row = {.kind = NODESTORE_LEDGER, .at_s = clock_wall_s()};
    Up__Ledger whole = *ledger;
    struct arena *arena = NULL;
    struct up_bytes bytes = {0};
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    whole.n_counts = whole.n_rows = whole.n_parts = 0;
    if (!err)
        err = parts_make(ledger, &whole, arena);
    if (!err)
        err = message_pack(&whole.base, UP_ARENA_LEN_MAX / 4, &bytes);
    (void)snprintf(row.name, sizeof row.name, "%s", name);
    (void)snprintf(row.peer, sizeof row.peer, "%s", audience);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    arena_destroy(&arena);
    return err;
}

/* --- merging -------------------------------------------------------------------------------- */

/* The police areas and years that a message speaks of: few. */
struct scopes {
    struct release_scope list[64];
    size_t count;
};

static enum up_err scope_add(const struct service *service, const Up__Cell *cell,
                             struct scopes *scopes)
{
    struct release_scope scope;

    if (!cell || release_scope(cell, service->areas, &scope))
        return UP_INVALID;
    for (size_t i = 0; i < scopes->count; i++) {
        if (strcmp(scopes->list[i].area, scope.area) == 0 &&
            strcmp(scopes->list[i].year, scope.year) == 0)
            return UP_OK;
    }
    if (scopes->count == sizeof scopes->list / sizeof scopes->list[0])
        return UP_TOO_LARGE;
    scopes->list[scopes->count++] = scope;
    return UP_OK;
}

enum up_err service_pool_merge(struct service *service, const char *originator,
                               const Up__PooledCounts *counts)
{
    struct scopes scopes = {.count = 0};
    struct arena *arena = NULL;
    char name[NODESTORE_NAME_MAX];
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    for (size_t i = 0; !err && i < counts->n_counts; i++)
        err = scope_add(service, counts->counts[i]->cell, &scopes);
    for (size_t i = 0; !err && i < counts->n_withdrawals; i++)
        err = scope_add(service, counts->withdrawals[i]->cell, &scopes);
    for (size_t i = 0; !err && i < scopes.count; i++) {
        const struct ledger_key key = {.audience = counts->audience,
                                       .statistics = counts->statistics,
                                       .scope = scopes.list[i]};
        Up__Ledger *ledger = NULL;

        arena_reset(arena);
        err = ledger_load(service, &key, arena, &ledger);
        if (!err)
            err = release_merge(ledger, originator, counts, service->areas, arena);
        name_make(&key, name);
        if (!err)
            err = ledger_put(service, name, counts->audience, ledger);
    }
    arena_destroy(&arena);
    return err;
}

/* Why counts of another member are not taken; NULL: they are. */
static const char *counts_fault(const struct service *service, const char *from,
                                const Up__PooledCounts *counts)
{
    const Up__Member *audience = roster_find_active(service->roster, counts->audience);
    const Up__Member *sender = roster_find_active(service->roster, from);

    if (!sender || !audience || strcmp(counts->audience, service->member) == 0)
        return "counts-for-unknown";
    if (strcmp(counts->audience, from) == 0)
        return "counts-of-the-audience"; /* it knows which of a row are its own */
    for (size_t i = 0; i < counts->n_counts; i++) {
        const Up__Cell *cell = counts->counts[i]->cell;

        if (!cell || !service_publishes(service, sender, audience, cell))
            return "counts-not-agreed";
    }
    return NULL;
}

enum up_err service_pool_receive(struct service *service, const struct exchange_message *message)
{
    const Up__PooledCounts *counts = message->message->pooled_counts;
    const char *from = message->sender.text;
    const char *fault = counts_fault(service, from, counts);
    enum up_err err = fault ? UP_INVALID : service_pool_merge(service, from, counts);

    if (err == UP_INVALID || err == UP_TOO_LARGE || err == UP_MALFORMED || err == UP_WRONG_KEY) {
        fault = fault                 ? fault
                : err == UP_TOO_LARGE ? "counts-too-many"
                : err == UP_INVALID   ? "counts-malformed"
                                    : "ledger-damaged"; /* it must not hold up what comes behind */
        log_warn(fault, "from=%s", from);
        service->refused++;
        return service_audit_add(service, "node", fault, "from %s", from);
    }
    return err ? err
               : service_audit_add(service, "node", "counts-received", "from %s for %s: %zu cells",
                                   from, counts->audience, counts->n_counts);
}

/* --- closing -------------------------------------------------------------------------------- */

/* Of this node's own reports in the ledger, which stand in a row now; nobody can tell those of one cell apart, so the
 * first ones are said to. */
static enum up_err own_mark(struct service *service, const char *audience, const Up__Ledger *ledger,
                            Up__SendResult *result)
{
    struct nodestore_query query = {.kind = NODESTORE_SENT,
                                    .peer = audience,
                                    .states = 1u << SENT_POOLED | 1u << SENT_RELEASED |
                                              1u << SENT_COUNTED,
                                    .limit = 64};
    enum sent_state shown = ledger->statistics ? SENT_COUNTED : SENT_RELEASED;
    uint32_t *marked = calloc(ledger->n_counts + 1, sizeof *marked);
    size_t count = query.limit;
    enum up_err err = marked ? UP_OK : UP_NO_MEMORY;

    while (!err && count == query.limit) {
        struct nodestore_row *rows = NULL;

        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &rows, &count);
        for (size_t i = 0; !err && i < count; i++) {
            ProtobufCMessage *line = NULL;
            const Up__SentLine *sent = NULL;
            size_t at = 0;
            enum sent_state state = SENT_POOLED;

            err = message_unpack(&up__sent_line__descriptor, rows[i].body, service->scratch, &line);
            sent = (const Up__SentLine *)line;
            if (err || !sent->cell || strcmp(sent->publisher, service->member) != 0 ||
                (sent->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED) !=
                    ledger->statistics ||
                !release_find(
                    ledger, &(struct release_place){service->member, sent->batch, sent->cell}, &at))
                continue;
            if (marked[at]++ < ledger->counts[at]->shown)
                state = shown;
            if (state == rows[i].state)
                continue;
            err =
                nodestore_mark(service->store, NODESTORE_SENT, rows[i].name, state, clock_wall_s());
            if (state == shown) {
                *(ledger->statistics ? &result->counted : &result->released) += 1;
                result->held -= result->held > 0;
            }
        }
        if (!err && count > 0)
            query.after = rows[count - 1].number;
    }
    free(marked);
    return err;
}

static enum up_err tell(struct service *service, const char *audience, const Up__Ledger *ledger,
                        struct arena *arena)
{
    Up__Message message = UP__MESSAGE__INIT;
    enum up_err err = UP_OK;

    if (ledger->statistics) {
        message.body_case = UP__MESSAGE__BODY_STATISTICS_RETURN;
        err = release_statistics_of(ledger, arena, &message.statistics_return);
    } else {
        message.body_case = UP__MESSAGE__BODY_RELEASE;
        err = release_of(ledger, arena, &message.release);
    }
    return err ? err
               : service_queue(service, audience,
                               ledger->statistics ? OUTBOX_STATISTICS : OUTBOX_RELEASE, &message,
                               false);
}

/* One ledger. What this node may not tell its audience any more waits; the rest of the world goes on. */
static enum up_err ledger_close(struct service *service, const char *person,
                                const struct nodestore_row *row, struct arena *arena,
                                Up__SendResult *result)
{
    const Up__Member *audience = roster_find_active(service->roster, row->peer);
    struct release_config config = {.areas = service->areas};
    Up__Ledger *ledger = NULL;
    char today[11];
    char through[RELEASE_PERIOD_MAX];
    bool changed = false;
    enum up_err err = ledger_read(row, arena, &ledger);

    if (err || !audience)
        return err;
    service_today(today);
    err = release_month_before(today, through);
    if (err || !service_may_publish(service, audience, ledger->area, ledger->statistics))
        return err;
    if (ledger->k <
        entitlement_k(roster_content(service->roster), service_self(service), audience, today))
        ledger->k =
            entitlement_k(roster_content(service->roster), service_self(service), audience, today);
    config.own = audience->areas;
    config.own_count = audience->n_areas;
    config.closed_through = through;
    err = release_close(ledger, &config, arena, &changed);
    if (err || !changed)
        return err;
    err = tell(service, audience->id, ledger, arena);
    if (err == UP_TOO_LARGE) {
        log_error("release-too-large", "to=%s area=%s year=%s", audience->id, ledger->area,
                  ledger->year);
        return service_audit_add(service, person, "release-too-large", "to %s: %s %s", audience->id,
                                 ledger->area, ledger->year);
    }
    if (!err)
        err = ledger_put(service, row->name, audience->id, ledger);
    if (!err)
        err = own_mark(service, audience->id, ledger, result);
    return err ? err
               : service_audit_add(service, person, ledger->statistics ? "statistics" : "release",
                                   "to %s: %s %s revision %u, k %u", audience->id, ledger->area,
                                   ledger->year, ledger->revision, ledger->k);
}

enum up_err service_pool_close(struct service *service, const char *person, Up__SendResult *result)
{
    struct nodestore_query query = {.kind = NODESTORE_LEDGER, .limit = 1};
    struct arena *arena = NULL;
    size_t count = 1;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    while (!err && count > 0) {
        struct nodestore_row *row = NULL;

        arena_reset(arena);
        err = nodestore_list(service->store, &query, arena, &row, &count);
        if (err || count == 0)
            break;
        query.after = row->number;
        err = ledger_close(service, person, row, arena, result);
        if (err == UP_TOO_LARGE || err == UP_NO_MEMORY || err == UP_MALFORMED) {
            /* one that can't be read or worked out stops no other */
            log_error("ledger", "to=%s why=\"%s\"", row->peer, up_err_text(err));
            err = service_audit_add(service, person, "ledger-not-closed", "to %s", row->peer);
        }
    }
    arena_destroy(&arena);
    return err;
}
