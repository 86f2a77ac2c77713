/* SPDX-License-Identifier: MIT
 * Releases and statistics: what is held for a member goes out in groups, once its window is past (disclosure.md 5).
 * An incident goes to a member once; what stays below k is held for a later window's closing. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/disclosure/release.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

/* All that is held for one member. */
struct pool {
    const Up__Member *member;
    struct arena *arena;
    struct release_item *items;
    struct nodestore_row *rows; /* beside the items */
    bool *counted;              /* COUNTED: statistics; else a release */
    bool *done;
    size_t count;
};

static char *text_of(struct arena *arena, const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

/* A name as a key: small letters, one space between words, no date of birth, which is not always asked. Two people of
 * one name count as one; one person under two spellings must not count as two. */
static enum up_err name_key(const char *name, struct arena *arena, const char **ret_key)
{
    char *folded = arena_alloc(arena, strlen(name) + 1);
    struct digest digest;
    char text[IDS_HEX_LEN + 1];
    size_t len = 0;

    if (!folded)
        return UP_NO_MEMORY;
    for (; *name != '\0'; name++) {
        bool space = (unsigned char)*name <= ' ';

        if (space && (len == 0 || folded[len - 1] == ' '))
            continue;
        folded[len++] = (char)(space ? ' ' : *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
    }
    len -= len > 0 && folded[len - 1] == ' ';
    keys_digest(up_view_of(folded, len), &digest);
    ids_hex(digest.bytes, text);
    *ret_key = text_of(arena, text);
    return *ret_key ? UP_OK : UP_NO_MEMORY;
}

/* Who counts as distinct (disclosure.md 5): the import's own key; a named person; an unnamed report only when it was
 * asked and answered that nothing was reported here before. A community or a building is no reporter's: many may tell
 * of one, so those without a key count together. */
static enum up_err victim_of(const Up__Report *report, struct arena *arena, const char **ret_victim)
{
    const Up__Incident *incident = report->incident;
    char text[80];

    *ret_victim = NULL;
    if (report->victim[0] != '\0') {
        *ret_victim = text_of(arena, report->victim);
    } else if (incident->victim_kind == UP__VICTIM_KIND__CODE__COMMUNITY ||
               incident->victim_kind == UP__VICTIM_KIND__CODE__PROPERTY) {
        return UP_OK;
    } else if (incident->identity && incident->identity->name[0] != '\0') {
        return name_key(incident->identity->name, arena, ret_victim);
    } else if (report->reported_before == UP__ANSWER__CODE__NO) {
        (void)snprintf(text, sizeof text, "report %s", report->ref);
        *ret_victim = text_of(arena, text);
    } else {
        return UP_OK;
    }
    return *ret_victim ? UP_OK : UP_NO_MEMORY;
}

static enum up_err item_make(struct service *service, struct pool *pool, size_t at)
{
    ProtobufCMessage *line = NULL;
    Up__Report *report = NULL;
    struct verdict verdict;
    enum up_err err = UP_OK;

    arena_reset(service->scratch);
    err = message_unpack(&up__sent_line__descriptor, pool->rows[at].body, service->scratch, &line);
    if (!err)
        err = service_report_load(service, pool->rows[at].owner, service->scratch, &report, NULL);
    if (err)
        return err;
    verdict = service_decide(service, report, pool->member);
    /* decided again: what was lowered meanwhile to nothing is not published */
    pool->done[at] = verdict.entitlement.level < LEVEL_COUNTED;
    pool->counted[at] =
        verdict.entitlement.level == LEVEL_COUNTED ||
        ((Up__SentLine *)line)->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED;
    pool->items[at].index = at;
    pool->items[at].cell = generalise_cell(report->incident, service->areas, pool->arena);
    if (!pool->items[at].cell)
        return UP_NO_MEMORY;
    return victim_of(report, pool->arena, &pool->items[at].victim);
}

static enum up_err pool_fill(struct service *service, struct pool *pool)
{
    struct nodestore_query query = {.kind = NODESTORE_SENT,
                                    .peer = pool->member->id,
                                    .states = 1u << SENT_HELD};
    enum up_err err =
        nodestore_list(service->store, &query, pool->arena, &pool->rows, &pool->count);

    if (err)
        return err;
    pool->items = arena_alloc(pool->arena, (pool->count + 1) * sizeof *pool->items);
    pool->counted = arena_alloc(pool->arena, pool->count + 1);
    pool->done = arena_alloc(pool->arena, pool->count + 1);
    if (!pool->items || !pool->counted || !pool->done)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < pool->count; i++)
        err = item_make(service, pool, i);
    return err;
}

/* What stands in one window of one area, released or counted. */
struct window {
    const struct release_config *config;
    bool counted;
    struct release_items items;
    size_t *places; /* in the pool, beside the items */
    bool *taken;    /* beside the items */
};

/* What was taken stands in no other window of this pool either. */
static enum up_err taken_mark(struct service *service, struct pool *pool,
                              const struct window *window, size_t *ret_taken)
{
    enum sent_state state = window->counted ? SENT_COUNTED : SENT_RELEASED;
    enum up_err err = UP_OK;

    *ret_taken = 0;
    for (size_t i = 0; !err && i < window->items.count; i++) {
        if (!window->taken[i])
            continue;
        err = nodestore_mark(service->store, NODESTORE_SENT, pool->rows[window->places[i]].name,
                             state, clock_wall_s());
        pool->done[window->places[i]] = true;
        (*ret_taken)++;
    }
    return err;
}

static enum up_err window_fill(struct service *service, const struct pool *pool,
                               struct window *window)
{
    struct release_item *items = arena_alloc(service->scratch, (pool->count + 1) * sizeof *items);
    size_t *places = arena_alloc(service->scratch, (pool->count + 1) * sizeof *places);
    size_t count = 0;

    if (!items || !places)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->done[i] || pool->counted[i] != window->counted)
            continue;
        places[count] = i;
        items[count++] = pool->items[i];
    }
    window->items = (struct release_items){.list = items, .count = count};
    window->places = places;
    return UP_OK;
}

static enum up_err window_close(struct service *service, struct pool *pool,
                                const char *person, struct window *window, Up__SendResult *result)
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

/* The area of the window that a cell stands in. */
static const char *area_of(const struct service *service, const Up__Cell *cell, bool counted)
{
    return counted ? areas_climb(service->areas, cell->area, AREA_POLICE) : cell->area;
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
        const Up__Cell *cell = pool->items[i].cell;
        bool counted = pool->counted[i];
        char window[8];
        struct release_config config = {
            .window = window,
            .areas = service->areas,
            .k = entitlement_k(roster_content(service->roster), service_self(service),
                               pool->member, today)};
        struct window closing = {.config = &config, .counted = counted};

        config.area = area_of(service, cell, counted);
        if (pool->done[i] || !config.area || areas_kind(service->areas, config.area) != grain ||
            release_quarter(cell->period, window) || strcmp(window, now) >= 0)
            continue;
        arena_reset(service->scratch);
        err = window_close(service, pool, person, &closing, result);
        for (size_t j = i; !err && j < pool->count; j++) { /* the whole window is done now */
            const Up__Cell *other = pool->items[j].cell;
            const char *area = area_of(service, other, counted);
            char other_window[8];

            if (pool->counted[j] == counted && area && strcmp(area, config.area) == 0 &&
                release_quarter(other->period, other_window) == UP_OK &&
                strcmp(other_window, window) == 0)
                pool->done[j] = true;
        }
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
    enum up_err err = arena_new(UP_POOL_LEN_MAX, &arena);

    for (size_t i = 0; !err && i < roster->n_members; i++) {
        struct pool pool = {.member = roster->members[i], .arena = arena};

        if (strcmp(pool.member->id, service->member) == 0 ||
            pool.member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        arena_reset(arena);
        err = pool_fill(service, &pool);
        if (!err)
            err = pool_publish(service, &pool, person, result);
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
    if (nodestore_number(service->store, "closed-through", 0) >= number)
        return UP_OK;
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
