/* SPDX-License-Identifier: MIT
 * What is held for a member is counted once its month is past, and the numbers go to whoever publishes for the area:
 * another member, or this node itself (disclosure.md 5). An incident is counted for a member once, ever: what was
 * withdrawn stays out, or the two together would show who it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/disclosure/release.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum {
    PAGE = 64,
    STRANDS_MAX = 16,         /* there are nine */
    TYPES_MAX = 32,           /* nineteen */
    COUNTS_IN_MESSAGE = 1500, /* of at most 110 bytes: they fit an envelope */
};

/* One report that is held for a member: what a release asks of it, and no more, for there may be very many. */
struct held {
    char name[IDS_HEX_LEN + 1];   /* of its row */
    char victim[IDS_HEX_LEN + 1]; /* key of the distinct victim; empty: not known */
    char publisher[UP_MEMBER_LEN_MAX + 1];
    char area[10];
    char period[8];
    Up__Strand__Code strands[STRANDS_MAX];
    Up__IncidentType__Code types[TYPES_MAX];
    Up__Cell cell; /* into these */
    struct release_scope scope;
    uint32_t batch; /* 0: not counted yet */
    bool statistics;
    bool gone;  /* counted, and may not be told any more */
    bool first; /* of its victim, in this police area and year */
};

/* All that is held for one member. */
struct pool {
    const Up__Member *member;
    struct arena *arena; /* of a page of rows, then of the messages */
    struct held *list;
    size_t count;
    size_t room;
    uint32_t batch; /* of this time */
    char closed_through[RELEASE_PERIOD_MAX];
};

/* --- distinct victims ----------------------------------------------------------------------- */

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

/* --- what is held --------------------------------------------------------------------------- */

/* Who publishes it: false: nobody may. A publisher gets a count of it, so the person must allow that much. */
static bool publisher_of(const struct service *service, const Up__Report *report,
                         const Up__Member *audience,
                         char ret_publisher[static UP_MEMBER_LEN_MAX + 1])
{
    const char *named = NULL;
    const Up__Member *publisher = NULL;

    if (!service_publisher(service, report, audience, &named))
        return false;
    if (!named)
        named = service->member;
    if (strcmp(named, audience->id) == 0) /* it would know each number that releases hide */
        return false;
    publisher = roster_find_active(service->roster, named);
    if (!publisher ||
        (strcmp(named, service->member) != 0 &&
         service_decide_chosen(service, report, publisher).entitlement.level < LEVEL_COUNTED))
        return false;
    (void)snprintf(ret_publisher, UP_MEMBER_LEN_MAX + 1, "%s", publisher->id);
    return true;
}

static enum up_err cell_keep(struct held *held, const Up__Cell *cell)
{
    if (!cell || cell->n_strands > STRANDS_MAX || cell->n_types > TYPES_MAX ||
        strlen(cell->area) >= sizeof held->area || strlen(cell->period) >= sizeof held->period)
        return UP_MALFORMED;
    up__cell__init(&held->cell);
    held->cell.n_strands = cell->n_strands;
    held->cell.n_types = cell->n_types;
    held->cell.place = cell->place;
    held->cell.vintage = cell->vintage;
    if (cell->n_strands > 0)
        memcpy(held->strands, cell->strands, cell->n_strands * sizeof *held->strands);
    if (cell->n_types > 0)
        memcpy(held->types, cell->types, cell->n_types * sizeof *held->types);
    (void)snprintf(held->area, sizeof held->area, "%s", cell->area);
    (void)snprintf(held->period, sizeof held->period, "%s", cell->period);
    return UP_OK;
}

/* The report as it is now: may it still be told, and as what? UP_NOT_PERMITTED: no. */
static enum up_err held_judge(struct service *service, const struct pool *pool,
                              const Up__SentLine *line, const char *ref, struct held *held)
{
    Up__Report *report = NULL;
    struct verdict verdict;
    enum up_err err = service_report_load(service, ref, service->scratch, &report, NULL);

    if (err)
        return err;
    verdict = line->wide_only ? service_decide_wide(service, report, pool->member)
                              : service_decide_chosen(service, report, pool->member);
    if (verdict.entitlement.level < LEVEL_COUNTED)
        return UP_NOT_PERMITTED;
    if (line->batch == 0) {
        /* decided again: what was lowered meanwhile goes no higher, what was raised neither */
        held->statistics = verdict.entitlement.level == LEVEL_COUNTED ||
                           line->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED;
        err = cell_keep(held, generalise_cell(report->incident, service->areas, service->scratch));
        if (!err && !publisher_of(service, report, pool->member, held->publisher))
            err = UP_NOT_PERMITTED;
    } else if (verdict.entitlement.level == LEVEL_COUNTED &&
               line->entitlement->level != UP__ENTITLEMENT__LEVEL__COUNTED) {
        return UP_NOT_PERMITTED; /* it stands among records and may be no more than a number now */
    }
    return err ? err : victim_of(report, service->scratch, held->victim);
}

/* One that can't be opened, or is erased, can't be told any more either. */
static bool can_not_be_told(enum up_err err)
{
    return err == UP_NOT_PERMITTED || err == UP_NOT_FOUND || err == UP_WRONG_KEY ||
           err == UP_MALFORMED;
}

static enum up_err held_make(struct service *service, const struct pool *pool,
                             const struct nodestore_row *row, struct held *ret_held)
{
    struct held held = {.gone = false};
    ProtobufCMessage *message = NULL;
    const Up__SentLine *line = NULL;
    enum up_err err = UP_OK;

    arena_reset(service->scratch);
    err = message_unpack(&up__sent_line__descriptor, row->body, service->scratch, &message);
    line = (const Up__SentLine *)message;
    if (!err && !line->entitlement)
        err = UP_MALFORMED;
    if (err)
        return err;
    held.batch = line->batch;
    (void)snprintf(held.name, sizeof held.name, "%.*s", IDS_HEX_LEN, row->name);
    if (line->batch > 0) {
        held.statistics = line->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED;
        (void)snprintf(held.publisher, sizeof held.publisher, "%s", line->publisher);
        err = cell_keep(&held, line->cell);
    }
    if (!err)
        err = held_judge(service, pool, line, row->owner, &held);
    held.gone = held.batch > 0 && can_not_be_told(err);
    if (err && !held.gone)
        return err;
    if (held.batch == 0 && !release_is_past(held.period, pool->closed_through))
        return UP_NOT_PERMITTED; /* its month goes on */
    *ret_held = held;
    return UP_OK;
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
    return can_not_be_told(err) ? UP_OK : err; /* it stays held and holds up no other */
}

/* What no table knows the area of, or nobody the year, can't be published. */
static void pool_settle(const struct service *service, struct pool *pool)
{
    size_t kept = 0;

    for (size_t i = 0; i < pool->count; i++) {
        struct held *held = &pool->list[kept];

        *held = pool->list[i];
        held->cell.area = held->area;
        held->cell.period = held->period;
        held->cell.strands = held->strands;
        held->cell.types = held->types;
        if (release_scope(&held->cell, service->areas, &held->scope) == UP_OK)
            kept++;
    }
    pool->count = kept;
    for (size_t i = 0; i < kept; i++) { /* they do not move any more */
        struct held *held = &pool->list[i];

        held->cell.area = held->area;
        held->cell.period = held->period;
        held->cell.strands = held->strands;
        held->cell.types = held->types;
    }
}

static enum up_err pool_fill(struct service *service, struct pool *pool)
{
    struct nodestore_query query = {.kind = NODESTORE_SENT,
                                    .peer = pool->member->id,
                                    .states = 1u << SENT_HELD | 1u << SENT_POOLED |
                                              1u << SENT_RELEASED | 1u << SENT_COUNTED,
                                    .limit = PAGE};
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
    if (!err)
        pool_settle(service, pool);
    return err;
}

/* --- counting ------------------------------------------------------------------------------- */

/* What is counted apart from one another: publisher, kind, police area, year. */
static int part_compare(const struct held *a, const struct held *b)
{
    int order = strcmp(a->publisher, b->publisher);

    if (order == 0)
        order = (a->statistics > b->statistics) - (a->statistics < b->statistics);
    if (order == 0)
        order = strcmp(a->scope.area, b->scope.area);
    return order != 0 ? order : strcmp(a->scope.year, b->scope.year);
}

static uint32_t batch_of(const struct held *held)
{
    return held->batch == 0 ? UINT32_MAX : held->batch; /* this time's is the latest */
}

static int cell_compare(const struct held *a, const struct held *b)
{
    if (batch_of(a) != batch_of(b))
        return batch_of(a) < batch_of(b) ? -1 : 1;
    return release_cell_compare(&a->cell, &b->cell);
}

static int by_victim(const void *left, const void *right)
{
    const struct held *a = *(const struct held *const *)left;
    const struct held *b = *(const struct held *const *)right;
    int order = part_compare(a, b);

    if (order == 0)
        order = strcmp(a->victim, b->victim);
    if (order == 0)
        order = cell_compare(a, b);
    return order != 0 ? order : strcmp(a->name, b->name);
}

static int by_cell(const void *left, const void *right)
{
    const struct held *a = *(const struct held *const *)left;
    const struct held *b = *(const struct held *const *)right;
    int order = part_compare(a, b);

    if (order == 0)
        order = cell_compare(a, b);
    if (order == 0)
        order = strcmp(a->victim, b->victim);
    return order != 0 ? order : strcmp(a->name, b->name);
}

/* All in the order of cells; each that is the first of its victim is marked. */
static enum up_err pool_sort(struct pool *pool, struct held ***ret_order)
{
    struct held **order = arena_alloc(pool->arena, (pool->count + 1) * sizeof(struct held *));

    if (!order)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < pool->count; i++)
        order[i] = &pool->list[i];
    if (pool->count > 0)
        qsort(order, pool->count, sizeof(struct held *), by_victim);
    for (size_t i = 0; i < pool->count; i++)
        order[i]->first = i == 0 || part_compare(order[i - 1], order[i]) != 0 ||
                          strcmp(order[i - 1]->victim, order[i]->victim) != 0;
    if (pool->count > 0)
        qsort(order, pool->count, sizeof(struct held *), by_cell);
    *ret_order = order;
    return UP_OK;
}

/* The row of one that was counted, or that went. */
static enum up_err row_keep(struct service *service, const struct pool *pool,
                            const struct held *held)
{
    struct nodestore_row row;
    ProtobufCMessage *message = NULL;
    Up__SentLine *line = NULL;
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    arena_reset(service->scratch);
    err = nodestore_get(service->store, NODESTORE_SENT, held->name, service->scratch, &row);
    if (!err)
        err = message_unpack(&up__sent_line__descriptor, row.body, service->scratch, &message);
    if (err)
        return err;
    line = (Up__SentLine *)message;
    if (held->gone) {
        row.state = SENT_NOT_SHARED;
        line->detail = service_text(service->scratch, "taken out of the figures");
    } else {
        row.state = SENT_POOLED;
        line->batch = pool->batch;
        line->cell = up_lent(&held->cell);
        line->publisher = up_lent(held->publisher);
        line->entitlement->level =
            held->statistics ? UP__ENTITLEMENT__LEVEL__COUNTED : UP__ENTITLEMENT__LEVEL__ANONYMISED;
    }
    err = line->detail ? message_pack(&line->base, UP_TEXT_LEN_MAX, &bytes) : UP_NO_MEMORY;
    row.due_s = clock_wall_s();
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

/* One message of counts as it grows; a full one goes out. */
struct sheet {
    struct service *service;
    const struct pool *pool;
    const struct held *part; /* whose publisher and kind it is for */
    Up__PooledCounts counts;
    Up__PooledCount list[COUNTS_IN_MESSAGE];
    Up__PooledCount *pointers[COUNTS_IN_MESSAGE];
    Up__PooledWithdrawal gone[COUNTS_IN_MESSAGE];
    Up__PooledWithdrawal *gone_pointers[COUNTS_IN_MESSAGE];
    Up__SendResult *result;
};

static enum up_err sheet_end(struct sheet *sheet)
{
    struct service *service = sheet->service;
    const Up__Member *audience = sheet->pool->member;
    Up__Message message = UP__MESSAGE__INIT;
    enum up_err err = UP_OK;

    if (sheet->counts.n_counts == 0 && sheet->counts.n_withdrawals == 0)
        return UP_OK;
    if (strcmp(sheet->part->publisher, service->member) == 0) {
        err = service_pool_merge(service, service->member, &sheet->counts);
        if (err == UP_TOO_LARGE || err == UP_MALFORMED || err == UP_WRONG_KEY) {
            log_error("figures-not-counted", "for=%s why=\"%s\"", audience->id, up_err_text(err));
            err = service_audit_add(service, "node", "figures-not-counted", "for %s: %s",
                                    audience->id, up_err_text(err)); /* the others are counted */
        }
    } else {
        message.body_case = UP__MESSAGE__BODY_POOLED_COUNTS;
        message.pooled_counts = &sheet->counts;
        err = service_queue(service, sheet->part->publisher, OUTBOX_POOLED, &message, false);
    }
    if (!err)
        err = service_audit_add(
            service, "node", "counted", "for %s to %s: %zu cells, %zu withdrawn", audience->id,
            sheet->part->publisher, sheet->counts.n_counts, sheet->counts.n_withdrawals);
    sheet->counts.n_counts = 0;
    sheet->counts.n_withdrawals = 0;
    return err;
}

static void sheet_begin(struct sheet *sheet, const struct held *part)
{
    const struct service *service = sheet->service;
    const Up__Roster *roster = roster_content(service->roster);
    const Up__Member *audience = sheet->pool->member;
    char today[11];

    service_today(today);
    sheet->part = part;
    up__pooled_counts__init(&sheet->counts);
    sheet->counts.audience = audience->id;
    sheet->counts.statistics = part->statistics;
    sheet->counts.k = entitlement_k(roster, service_self(service), audience, today);
    sheet->counts.window = entitlement_window(roster, service_self(service), audience, today);
    sheet->counts.counts = sheet->pointers;
    sheet->counts.withdrawals = sheet->gone_pointers;
}

/* One incident more; `before` is the one before it in the order of cells, NULL where another part begins. */
static enum up_err sheet_add(struct sheet *sheet, const struct held *held,
                             const struct held *before)
{
    bool same_cell = before && cell_compare(before, held) == 0;
    Up__PooledCounts *counts = &sheet->counts;
    Up__PooledCount *count = NULL;
    Up__PooledWithdrawal *gone = NULL;

    if (held->gone) {
        gone = &sheet->gone[counts->n_withdrawals];
        up__pooled_withdrawal__init(gone);
        gone->batch = held->batch;
        gone->cell = up_lent(&held->cell);
        gone->incidents = 1;
        sheet->gone_pointers[counts->n_withdrawals++] = gone;
    } else if (held->batch == 0) {
        if (!same_cell || counts->n_counts == 0) {
            count = &sheet->list[counts->n_counts];
            up__pooled_count__init(count);
            count->batch = sheet->pool->batch;
            count->cell = up_lent(&held->cell);
            sheet->pointers[counts->n_counts++] = count;
        }
        count = sheet->pointers[counts->n_counts - 1];
        count->incidents++;
        count->victims += !same_cell || strcmp(before->victim, held->victim) != 0;
        count->victims_new += held->first;
        if (strcmp(held->publisher, sheet->service->member) != 0)
            sheet->result->pooled++;
    }
    return UP_OK;
}

/* Between two cells, so that none is torn apart. Withdrawals go apart from counts: where a count may not leave, or is not
 * taken, they must still. */
static bool sheet_is_full(const struct sheet *sheet, const struct held *next)
{
    return sheet->counts.n_counts == COUNTS_IN_MESSAGE ||
           sheet->counts.n_withdrawals == COUNTS_IN_MESSAGE ||
           (sheet->counts.n_withdrawals > 0 && !next->gone && next->batch == 0);
}

static enum up_err pool_count(struct service *service, struct pool *pool, Up__SendResult *result)
{
    struct sheet *sheet = calloc(1, sizeof *sheet);
    struct held **order = NULL;
    enum up_err err = sheet ? UP_OK : UP_NO_MEMORY;

    arena_reset(pool->arena);
    if (!err)
        err = pool_sort(pool, &order);
    for (size_t i = 0; !err && i < pool->count; i++) {
        const struct held *before = i > 0 ? order[i - 1] : NULL;

        if (before && part_compare(before, order[i]) != 0)
            before = NULL;
        if (!before) {
            sheet->service = service;
            sheet->pool = pool;
            sheet->result = result;
            if (i > 0)
                err = sheet_end(sheet);
            sheet_begin(sheet, order[i]);
        } else if (sheet_is_full(sheet, order[i]) &&
                   (order[i]->gone || cell_compare(before, order[i]) != 0)) {
            err = sheet_end(sheet);
        }
        if (!err)
            err = sheet_add(sheet, order[i], before);
        if (!err && (order[i]->gone || order[i]->batch == 0))
            err = row_keep(service, pool, order[i]);
    }
    if (!err && pool->count > 0)
        err = sheet_end(sheet);
    free(sheet);
    return err;
}

static enum up_err batch_next(struct service *service, uint32_t *ret_batch)
{
    int64_t batch = nodestore_number(service->store, "batches", 0) + 1;

    if (batch >= UINT32_MAX)
        return UP_TOO_LARGE;
    *ret_batch = (uint32_t)batch;
    return nodestore_number_put(service->store, "batches", batch);
}

static enum up_err count_all(struct service *service, Up__SendResult *result)
{
    const Up__Roster *roster = roster_content(service->roster);
    struct pool pool = {.batch = 0};
    char today[11];
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &pool.arena);

    service_today(today);
    if (!err)
        err = release_month_before(today, pool.closed_through);
    if (!err)
        err = batch_next(service, &pool.batch);
    for (size_t i = 0; !err && i < roster->n_members; i++) {
        pool.member = roster->members[i];
        pool.list = NULL;
        pool.count = pool.room = 0;
        if (strcmp(pool.member->id, service->member) == 0 ||
            pool.member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        err = pool_fill(service, &pool);
        if (!err)
            err = pool_count(service, &pool, result);
        free(pool.list);
    }
    arena_destroy(&pool.arena);
    return err;
}

enum up_err service_publish(struct service *service, const char *person, Up__SendResult *result)
{
    enum up_err err = count_all(service, result);

    return err ? err : service_pool_close(service, person, result);
}

enum up_err service_publish_now(struct service *service, const struct service_call *call,
                                Up__SendResult **ret_reply)
{
    Up__SendResult *result = arena_alloc(call->arena, sizeof *result);
    enum up_err err = service_begin(service, call, OPERATOR_APPROVE);

    if (err)
        return err;
    if (!result)
        err = UP_NO_MEMORY;
    if (!err) {
        up__send_result__init(result);
        err = service_publish(service, call->operator->name, result);
    }
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = result;
    return err;
}

/* The first days of a month are for what others count; then its publisher closes the month before. */
enum up_err service_publish_due(struct service *service, const char *today)
{
    Up__SendResult result = UP__SEND_RESULT__INIT;
    int64_t month = 0;
    int64_t counted = nodestore_number(service->store, "counted-in", 0);
    int64_t closed = nodestore_number(service->store, "closed-in", 0);
    bool close = false;
    enum up_err err = UP_OK;

    for (size_t i = 0; i < 7; i++) {
        if (i != 4)
            month = month * 10 + (today[i] - '0');
    }
    close = closed != month && (today[8] - '0') * 10 + (today[9] - '0') > UP_RELEASE_GRACE_DAYS;
    if (counted == month && !close)
        return UP_OK; /* a later one was a clock's that ran ahead */
    err = nodestore_begin(service->store);
    if (!err)
        err = count_all(service, &result);
    if (!err)
        err = nodestore_number_put(service->store, "counted-in", month);
    if (!err && close)
        err = service_pool_close(service, "node", &result);
    if (!err && close)
        err = nodestore_number_put(service->store, "closed-in", month);
    if (!err)
        return nodestore_commit(service->store);
    nodestore_rollback(service->store);
    return err;
}
