/* SPDX-License-Identifier: MIT
 * Releases and statistics: what is held for a member goes out in groups, once its window is past (disclosure.md 5).
 * An incident goes to a member once; what stays below k is held for a later window's closing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/disclosure/release.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { PAGE = 64, STRANDS_MAX = 16 /* there are nine */ };

/* One report that is held for a member: what a release asks of it, and no more, for there may be very many. */
struct held {
    char name[IDS_HEX_LEN + 1];   /* of its row */
    char victim[IDS_HEX_LEN + 1]; /* key of the distinct victim; empty: not known */
    char area[10];
    char period[8];
    Up__Strand__Code strands[STRANDS_MAX];
    Up__Cell cell; /* into these */
    bool counted;  /* COUNTED: statistics; else a release */
    bool done;
};

/* All that is held for one member. */
struct pool {
    const Up__Member *member;
    struct arena *arena; /* of a page of rows */
    struct held *list;
    size_t count;
    size_t room;
};

static void key_make(const char *text, size_t len, char ret_key[static IDS_HEX_LEN + 1])
{
    struct digest digest;

    keys_digest(up_view_of(text, len), &digest);
    ids_hex(digest.bytes, ret_key);
}

/* A name as a key: small letters, one space between words, no date of birth, which is not always asked. Two people of
 * one name count as one; one person under two spellings must not count as two. */
static enum up_err name_key(const char *name, struct arena *arena,
                            char ret_key[static IDS_HEX_LEN + 1])
{
    char *folded = arena_alloc(arena, strlen(name) + 1);
    size_t len = 0;

    if (!folded)
        return UP_NO_MEMORY;
    for (; *name != '\0'; name++) {
        bool space = (unsigned char)*name <= ' ';

        if (space && (len == 0 || folded[len - 1] == ' '))
            continue;
        folded[len++] = (char)(space                          ? ' '
                               : *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a'
                                                              : *name);
    }
    len -= len > 0 && folded[len - 1] == ' ';
    key_make(folded, len, ret_key);
    return UP_OK;
}

/* Who counts as distinct (disclosure.md 5): the import's own key; a named person; an unnamed report only when it was
 * asked and answered that nothing was reported here before. A community or a building is no reporter's: many may tell
 * of one, so those without a key count together. */
static enum up_err victim_of(const Up__Report *report, struct arena *arena,
                             char ret_victim[static IDS_HEX_LEN + 1])
{
    const Up__Incident *incident = report->incident;
    char text[80];

    ret_victim[0] = '\0';
    if (report->victim[0] != '\0') {
        key_make(report->victim, strlen(report->victim), ret_victim);
    } else if (incident->victim_kind == UP__VICTIM_KIND__CODE__COMMUNITY ||
               incident->victim_kind == UP__VICTIM_KIND__CODE__PROPERTY) {
        return UP_OK;
    } else if (incident->identity && incident->identity->name[0] != '\0') {
        return name_key(incident->identity->name, arena, ret_victim);
    } else if (report->reported_before == UP__ANSWER__CODE__NO) {
        (void)snprintf(text, sizeof text, "report %s", report->ref);
        key_make(text, strlen(text), ret_victim);
    }
    return UP_OK;
}

static enum up_err held_make(struct service *service, const struct pool *pool,
                             const struct nodestore_row *row, struct held *ret_held)
{
    struct held held = {.done = false};
    ProtobufCMessage *line = NULL;
    Up__Report *report = NULL;
    const Up__Cell *cell = NULL;
    struct verdict verdict;
    enum up_err err = UP_OK;

    arena_reset(service->scratch);
    err = message_unpack(&up__sent_line__descriptor, row->body, service->scratch, &line);
    if (!err && !((Up__SentLine *)line)->entitlement)
        err = UP_MALFORMED;
    if (!err)
        err = service_report_load(service, row->owner, service->scratch, &report, NULL);
    if (err)
        return err;
    verdict = service_decide(service, report, pool->member);
    /* decided again: what was lowered meanwhile to nothing is not published */
    if (verdict.entitlement.level < LEVEL_COUNTED)
        return UP_NOT_PERMITTED;
    held.counted = verdict.entitlement.level == LEVEL_COUNTED ||
                   ((Up__SentLine *)line)->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED;
    cell = generalise_cell(report->incident, service->areas, service->scratch);
    if (!cell)
        return UP_NO_MEMORY;
    if (cell->n_strands > STRANDS_MAX)
        return UP_MALFORMED;
    up__cell__init(&held.cell);
    held.cell.n_strands = cell->n_strands;
    held.cell.vintage = cell->vintage;
    memcpy(held.strands, cell->strands, cell->n_strands * sizeof *held.strands);
    (void)snprintf(held.area, sizeof held.area, "%s", cell->area);
    (void)snprintf(held.period, sizeof held.period, "%s", cell->period);
    (void)snprintf(held.name, sizeof held.name, "%.*s", IDS_HEX_LEN, row->name);
    err = victim_of(report, service->scratch, held.victim);
    if (!err)
        *ret_held = held;
    return err;
}

static enum up_err held_add(struct service *service, struct pool *pool,
                            const struct nodestore_row *row)
{
    enum up_err err = UP_OK;

    if (pool->count == pool->room) {
        size_t room = pool->room == 0 ? PAGE : pool->room * 2;
        struct held *grown = realloc(pool->list, room * sizeof *grown);

        if (!grown)
            return UP_NO_MEMORY;
        pool->list = grown;
        pool->room = room;
    }
    err = held_make(service, pool, row, &pool->list[pool->count]);
    pool->count += !err;
    /* one that may not be told, or can't be opened, stays held and holds up no other */
    return err == UP_NOT_PERMITTED || err == UP_NOT_FOUND || err == UP_WRONG_KEY ||
                   err == UP_MALFORMED
               ? UP_OK
               : err;
}

static enum up_err pool_fill(struct service *service, struct pool *pool)
{
    struct nodestore_query query = {
        .kind = NODESTORE_SENT, .peer = pool->member->id, .states = 1u << SENT_HELD, .limit = PAGE};
    size_t count = PAGE;
    enum up_err err = UP_OK;

    while (!err && count == PAGE) {
        struct nodestore_row *rows = NULL;

        arena_reset(pool->arena);
        err = nodestore_list(service->store, &query, pool->arena, &rows, &count);
        for (size_t i = 0; !err && i < count; i++)
            err = held_add(service, pool, &rows[i]);
        if (!err && count > 0)
            query.after = rows[count - 1].number;
    }
    for (size_t i = 0; i < pool->count; i++) { /* they do not move any more */
        struct held *held = &pool->list[i];

        held->cell.area = held->area;
        held->cell.period = held->period;
        held->cell.strands = held->strands;
    }
    return err;
}

/* The area of the window that a cell stands in. */
static const char *area_of(const struct service *service, const Up__Cell *cell, bool counted)
{
    return counted ? areas_climb(service->areas, cell->area, AREA_POLICE) : cell->area;
}

/* What stands in one window of one area, released or counted. */
struct window {
    const struct release_config *config;
    bool counted;
    struct release_items items;
    size_t *places; /* in the pool, beside the items */
    bool *taken;    /* beside the items */
};

static enum up_err taken_mark(struct service *service, const struct pool *pool,
                              const struct window *window, size_t *ret_taken)
{
    enum sent_state state = window->counted ? SENT_COUNTED : SENT_RELEASED;
    enum up_err err = UP_OK;

    *ret_taken = 0;
    for (size_t i = 0; !err && i < window->items.count; i++) {
        if (!window->taken[i])
            continue;
        err = nodestore_mark(service->store, NODESTORE_SENT, pool->list[window->places[i]].name,
                             state, clock_wall_s());
        (*ret_taken)++;
    }
    return err;
}

static bool stands_in(const struct service *service, const struct held *held,
                      const struct window *window)
{
    const char *area = area_of(service, &held->cell, window->counted);
    char quarter[8];

    return held->counted == window->counted && area && strcmp(area, window->config->area) == 0 &&
           release_quarter(held->period, quarter) == UP_OK &&
           strcmp(quarter, window->config->window) == 0;
}

/* All of one window, and each is done with it: what is not taken waits for another closing. */
static enum up_err window_fill(struct service *service, struct pool *pool, struct window *window)
{
    struct release_item *items = NULL;
    size_t *places = NULL;
    size_t count = 0;

    for (size_t i = 0; i < pool->count; i++)
        count += !pool->list[i].done && stands_in(service, &pool->list[i], window);
    items = arena_alloc(service->scratch, (count + 1) * sizeof *items);
    places = arena_alloc(service->scratch, (count + 1) * sizeof *places);
    if (!items || !places)
        return UP_NO_MEMORY;
    count = 0;
    for (size_t i = 0; i < pool->count; i++) {
        struct held *held = &pool->list[i];

        if (held->done || !stands_in(service, held, window))
            continue;
        held->done = true;
        places[count] = i;
        items[count++] =
            (struct release_item){.cell = &held->cell,
                                  .victim = held->victim[0] != '\0' ? held->victim : NULL,
                                  .index = i};
    }
    window->items = (struct release_items){.list = items, .count = count};
    window->places = places;
    return UP_OK;
}

static enum up_err window_close(struct service *service, struct pool *pool, const char *person,
                                struct window *window, Up__SendResult *result)
{
    const struct release_config *config = window->config;
    bool counted = window->counted;
    Up__Message message = UP__MESSAGE__INIT;
    bool *taken = NULL;
    size_t taken_count = 0;
    uint8_t id[16];
    enum up_err err = window_fill(service, pool, window);

    if (!err && counted) {
        message.body_case = UP__MESSAGE__BODY_STATISTICS_RETURN;
        err = release_statistics(&window->items, config, service->scratch,
                                 &message.statistics_return, &taken);
    } else if (!err) {
        message.body_case = UP__MESSAGE__BODY_RELEASE;
        err = release_make(&window->items, config, service->scratch, &message.release, &taken);
        keys_random(id, sizeof id);
        if (!err)
            message.release->release_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    }
    window->taken = taken;
    if (!err)
        err = taken_mark(service, pool, window, &taken_count);
    if (!err && taken_count > 0)
        err = service_queue(service, pool->member->id, counted ? OUTBOX_STATISTICS : OUTBOX_RELEASE,
                            &message, false);
    if (!err && taken_count > 0)
        err = service_audit_add(service, person, counted ? "statistics" : "release",
                                "to %s: %s %s, %zu incidents, k %u", pool->member->id, config->area,
                                config->window, taken_count, config->k);
    *(counted ? &result->counted : &result->released) += (uint32_t)taken_count;
    result->held -= result->held < taken_count ? result->held : (uint32_t)taken_count;
    return err;
}

/* Windows of one grain: of local authorities, then of police areas, which hold what is known no finer, and counts. */
static enum up_err grain_publish(struct service *service, struct pool *pool, enum area_kind grain,
                                 const char *person, Up__SendResult *result)
{
    char today[11];
    char now[8];
    enum up_err err = UP_OK;

    service_today(today);
    err = release_quarter(today, now);
    for (size_t i = 0; !err && i < pool->count; i++) {
        const struct held *held = &pool->list[i];
        char window[8];
        struct release_config config = {.window = window, .areas = service->areas};
        struct window closing = {.config = &config, .counted = held->counted};

        config.area = area_of(service, &held->cell, held->counted);
        if (held->done || !config.area || areas_kind(service->areas, config.area) != grain ||
            release_quarter(held->period, window) || strcmp(window, now) >= 0)
            continue;
        config.k = entitlement_k(roster_content(service->roster), service_self(service),
                                 pool->member, today);
        arena_reset(service->scratch);
        err = window_close(service, pool, person, &closing, result);
    }
    return err;
}

static enum up_err pool_publish(struct service *service, struct pool *pool, const char *person,
                                Up__SendResult *result)
{
    enum up_err err = grain_publish(service, pool, AREA_LOCAL_AUTHORITY, person, result);

    return err ? err : grain_publish(service, pool, AREA_POLICE, person, result);
}

enum up_err service_publish(struct service *service, const char *person, Up__SendResult *result)
{
    const Up__Roster *roster = roster_content(service->roster);
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    for (size_t i = 0; !err && i < roster->n_members; i++) {
        struct pool pool = {.member = roster->members[i], .arena = arena};

        if (strcmp(pool.member->id, service->member) == 0 ||
            pool.member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        err = pool_fill(service, &pool);
        if (!err)
            err = pool_publish(service, &pool, person, result);
        free(pool.list);
    }
    arena_destroy(&arena);
    return err;
}

enum up_err service_publish_due(struct service *service)
{
    Up__SendResult result = UP__SEND_RESULT__INIT;
    char today[11];
    char now[8];
    int64_t number = 0;
    enum up_err err = UP_OK;

    service_today(today);
    if (release_quarter(today, now))
        return UP_OK;
    number = (now[0] - '0') * 10000 + (now[1] - '0') * 1000 + (now[2] - '0') * 100 +
             (now[3] - '0') * 10 + (now[6] - '0');
    if (nodestore_number(service->store, "closed-through", 0) == number)
        return UP_OK; /* a later one was a clock's that ran ahead */
    err = nodestore_begin(service->store);
    if (!err)
        err = service_publish(service, "node", &result);
    if (!err)
        err = nodestore_number_put(service->store, "closed-through", number);
    if (!err)
        return nodestore_commit(service->store);
    nodestore_rollback(service->store);
    return err;
}
