/* SPDX-License-Identifier: MIT
 * What this node received: kept, shown, recorded, exported. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nodes/disclosure/action.h"
#include "nodes/disclosure/check.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { EXPORT_MAX = 16, ITEM_LEN_MAX = 2 * UP_SEALED_LEN_MAX, POLICE_REFERENCE_LEN_MAX = 64 };

static enum up_err item_put(struct service *service, struct nodestore_row *row,
                            const Up__InboxItem *item)
{
    struct up_bytes bytes = {0};
    enum up_err err = message_pack(&item->base, ITEM_LEN_MAX, &bytes);

    row->body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, row);
    up_bytes_wipe(&bytes);
    row->body = up_view_of(NULL, 0);
    return err;
}

/* --- keeping -------------------------------------------------------------------------------------- */

/* Is a copy of this (sender, reference) held already? ret_row then has its ref. */
static enum up_err held_find(struct service *service, const char *sender, const char *reference,
                             struct nodestore_row *ret_row)
{
    struct nodestore_query query = {
        .kind = NODESTORE_RECEIVED, .owner = reference, .peer = sender, .limit = 1};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    if (!err && count == 0)
        return UP_NOT_FOUND;
    if (!err)
        *ret_row = rows[0];
    return err;
}

/* A disclosure that holds more than it states is kept only as far as it states, whatever its sender meant: the same
 * function as before sending. What can't be read is kept as WITHHELD; at IDENTIFIED with all groups nothing exceeds. */
static enum up_err stated_only(struct service *service, const char *from, Up__Incident **incident)
{
    struct disclose_rules rules = {.areas = service->areas, .codes = service->codes};
    struct entitlement stated = entitlement_read((*incident)->entitlement);
    Up__Incident *kept = NULL;
    struct up_bytes came = {0};
    struct up_bytes stays = {0};
    bool same = false;
    enum up_err err = UP_OK;

    if (stated.level == LEVEL_IDENTIFIED && stated.withheld == 0)
        return UP_OK;
    err = disclose(*incident, stated, &rules, service->scratch, &kept);
    if (!err)
        err = message_pack(&(*incident)->base, ITEM_LEN_MAX, &came);
    if (!err)
        err = message_pack(&kept->base, ITEM_LEN_MAX, &stays);
    if (!err) {
        same = came.len == stays.len && memcmp(came.data, stays.data, came.len) == 0;
        *incident = kept;
    }
    up_bytes_wipe(&came);
    up_bytes_wipe(&stays);
    if (err || same)
        return err;
    log_warn("received-too-much",
             "from=%s why=\"more than its level allows, or unreadable; not kept\"", from);
    service->refused++;
    return service_audit_add(service, "node", "received-too-much", "from %s: %s", from,
                             entitlement_level_text(stated.level));
}

/* What a release or a return must state; the rows as they can be shown. */
struct figures {
    ProtobufCBinaryData id;
    uint32_t revision;
    const char *area;
    const char *year;
    Up__ReleaseRow *const *rows;
    size_t row_count;
};

static bool figures_are_well_formed(const struct service *service, const struct figures *figures)
{
    if (figures->id.len != 16 || figures->revision == 0 || strlen(figures->year) != 4 ||
        areas_kind(service->areas, figures->area) != AREA_POLICE)
        return false;
    for (size_t i = 0; i < figures->row_count; i++) {
        const Up__ReleaseRow *row = figures->rows[i];

        if (!row->cell || check_cell(row->cell, service->areas, NULL) || row->number == 0 ||
            row->rung < UP__RUNG__CODE__FULL || row->rung > UP__RUNG__CODE__ANY_STRAND ||
            strncmp(row->cell->period, figures->year, 4) != 0)
            return false;
    }
    return true;
}

/* Figures replace the earlier ones of the same id as a whole; UP_NOT_FOUND: they are new. ret_row has the ref of those
 * that they replace. UP_INVALID: not well formed. UP_NOT_PERMITTED: as new or newer ones are held. */
static enum up_err figures_place(struct service *service, const struct figures *figures,
                                 struct nodestore_row *row)
{
    struct nodestore_row before;
    ProtobufCMessage *item = NULL;
    uint32_t held = 0;
    enum up_err err = UP_OK;

    if (!figures_are_well_formed(service, figures))
        return UP_INVALID;
    ids_hex(figures->id.data, row->owner);
    err = held_find(service, row->peer, row->owner, &before);
    if (!err)
        err = message_unpack(&up__inbox_item__descriptor, before.body, service->scratch, &item);
    if (err)
        return err;
    if (((Up__InboxItem *)item)->release)
        held = ((Up__InboxItem *)item)->release->revision;
    else if (((Up__InboxItem *)item)->statistics)
        held = ((Up__InboxItem *)item)->statistics->revision;
    else /* a report or an action item has that reference: figures never take its place */
        return UP_INVALID;
    if (held >= figures->revision)
        return UP_NOT_PERMITTED;
    memcpy(row->name, before.name, sizeof row->name);
    return UP_OK;
}

static enum up_err release_place(struct service *service, const Up__Message *content,
                                 struct nodestore_row *row)
{
    const Up__Release *release = content->release;
    const Up__StatisticsReturn *statistics = content->statistics_return;
    struct figures figures;

    if (content->body_case == UP__MESSAGE__BODY_RELEASE)
        figures = (struct figures){release->release_id, release->revision, release->area,
                                   release->year,       release->rows,     release->n_rows};
    else
        figures =
            (struct figures){statistics->release_id, statistics->revision, statistics->area,
                             statistics->year,       statistics->rows,     statistics->n_rows};
    return figures_place(service, &figures, row);
}

/* What can't be is taken off the report, whatever its level; for the rest, chunks that came before it are looked for. */
static enum up_err attachments_settle(struct service *service, const char *from,
                                      Up__Incident **incident)
{
    Up__Incident *without = NULL;

    if ((*incident)->n_attachments == 0)
        return UP_OK;
    if (check_attachments(*incident, NULL) == UP_OK)
        return service_attachments_expected(service, from, *incident);
    without = arena_alloc(service->scratch, sizeof *without);
    if (!without)
        return UP_NO_MEMORY;
    *without = **incident; /* the message stays as it came */
    without->n_attachments = 0;
    without->attachments = NULL;
    *incident = without;
    service->refused++;
    return service_audit_add(service, "node", "attachments-malformed", "from %s", from);
}

/* What is kept of a message, while it is put together. */
struct keeping {
    const char *from;
    struct nodestore_row row;
    Up__InboxItem item;
    bool urgent;
    bool held; /* already, and never changed: nothing is left to do */
    char kind[16];
    char level[32];
};

static enum up_err keep_incident(struct service *service, const Up__Message *content,
                                 struct keeping *keeping)
{
    const Up__IncidentDisclosure *disclosure = content->incident_disclosure;
    Up__InboxItem *item = &keeping->item;
    struct nodestore_row before;
    enum up_err err = UP_OK;

    ids_hex(content->reference.data, keeping->row.owner);
    item->incident = disclosure->incident;
    item->override = disclosure->override;
    item->forwarded = disclosure->forwarded;
    keeping->urgent = keeping->row.urgent = disclosure->urgent;
    err = held_find(service, keeping->from, keeping->row.owner, &before);
    keeping->held = !err; /* one version of a report exists: a second copy changes nothing */
    if (err == UP_NOT_FOUND)
        err = stated_only(service, keeping->from, &item->incident);
    else
        return err;
    if (!err)
        err = attachments_settle(service, keeping->from, &item->incident);
    if (!err)
        (void)snprintf(keeping->level, sizeof keeping->level, "%s",
                       entitlement_level_text(entitlement_read(item->incident->entitlement).level));
    return err;
}

static enum up_err keep_action(struct service *service, const Up__Message *content,
                               struct keeping *keeping)
{
    struct nodestore_row before;
    enum up_err err = UP_OK;

    ids_hex(content->reference.data, keeping->row.owner);
    keeping->item.action = content->action_item;
    err = held_find(service, keeping->from, keeping->row.owner, &before);
    keeping->held = !err;
    if (err == UP_NOT_FOUND && action_check(keeping->item.action, service->areas, NULL, NULL))
        err = UP_INVALID;
    (void)snprintf(keeping->kind, sizeof keeping->kind, "action");
    return err;
}

enum up_err service_keep(struct service *service, const struct exchange_message *message)
{
    const Up__Message *content = message->message;
    struct keeping keeping = {
        .row = {.kind = NODESTORE_RECEIVED, .state = RECEIVED_NEW, .at_s = clock_wall_s()},
        .item = UP__INBOX_ITEM__INIT,
        .kind = "incident"};
    struct nodestore_row *row = &keeping.row;
    Up__InboxLine line = UP__INBOX_LINE__INIT;
    char from[UP_MEMBER_LEN_MAX + 1];
    char at[CLOCK_TEXT_LEN];
    enum up_err err = UP_OK;

    if (content->body_case == UP__MESSAGE__BODY_DONE)
        return service_done_receive(service, message);
    if (content->body_case == UP__MESSAGE__BODY_ATTACHMENT)
        return service_attachment_receive(service, message);
    if (content->body_case == UP__MESSAGE__BODY_AGREEMENT)
        return service_agreement_notice(service, message);
    if (content->body_case == UP__MESSAGE__BODY_FORWARDED)
        return service_forwarded(service, message);
    (void)snprintf(from, sizeof from, "%s", message->sender.text);
    (void)snprintf(row->peer, sizeof row->peer, "%s", from);
    clock_london(row->at_s, at);
    if (content->body_case == UP__MESSAGE__BODY_POOLED_COUNTS)
        return service_pool_receive(service, message);
    keeping.from = from;
    switch ((int)content->body_case) {
    case UP__MESSAGE__BODY_INCIDENT_DISCLOSURE:
        err = keep_incident(service, content, &keeping);
        if (err)
            return err;
        break;
    case UP__MESSAGE__BODY_ACTION_ITEM:
        err = keep_action(service, content, &keeping);
        break;
    case UP__MESSAGE__BODY_RELEASE:
        keeping.item.release = content->release;
        err = release_place(service, content, row);
        (void)snprintf(keeping.kind, sizeof keeping.kind, "release");
        (void)snprintf(keeping.level, sizeof keeping.level, "ANONYMISED");
        break;
    default:
        keeping.item.statistics = content->statistics_return;
        err = release_place(service, content, row);
        (void)snprintf(keeping.kind, sizeof keeping.kind, "statistics");
        (void)snprintf(keeping.level, sizeof keeping.level, "COUNTED");
        break;
    }
    if (keeping.held || err == UP_NOT_PERMITTED)
        return UP_OK; /* held already, or an older revision came later: what is held stays */
    if (err == UP_INVALID) {
        service->refused++;
        return service_audit_add(service, "node", "malformed", "%s from %s", keeping.kind, from);
    }
    if (err && err != UP_NOT_FOUND)
        return err;
    if (row->name[0] == '\0')
        service_new_ref(row->name);
    line.ref = row->name;
    line.from = from;
    line.kind = keeping.kind;
    line.level = keeping.level;
    line.urgent = keeping.urgent;
    line.received_at = at;
    keeping.item.line = &line;
    err = item_put(service, row, &keeping.item);
    return err ? err
               : service_audit_add(service, "node", "received", "%s from %s: %s %s", row->name,
                                   from, keeping.kind, keeping.level);
}

/* What is no status of what this node told this member, or not theirs to give: NULL if it is. */
static const char *status_fault(const struct service *service, const Up__StatusUpdate *update,
                                const struct nodestore_row *told)
{
    const Up__Member *sender = roster_find(service->roster, told->peer);

    if (told->state >= SENT_NOT_SHARED)
        return "status-for-unknown";
    if (update->status != UP__STATUS_UPDATE__STATUS__RECORDED)
        return NULL;
    if (!sender || sender->role != UP__ROLE__CODE__POLICE)
        return "recorded-by-no-police";
    return strlen(update->police_reference) > POLICE_REFERENCE_LEN_MAX ? "reference-too-long"
                                                                       : NULL;
}

static enum up_err status_refuse(struct service *service, const struct exchange_message *message,
                                 const char *why)
{
    service->refused++;
    return service_audit_add(service, "node", why, "from %s", message->sender.text);
}

enum up_err service_status_update(struct service *service, const struct exchange_message *message)
{
    static const enum sent_state states[] = {
        [UP__STATUS_UPDATE__STATUS__RECEIVED] = SENT_DELIVERED,
        [UP__STATUS_UPDATE__STATUS__SEEN] = SENT_SEEN,
        [UP__STATUS_UPDATE__STATUS__RECORDED] = SENT_RECORDED,
    };
    const Up__StatusUpdate *update = message->message->status_update;
    struct nodestore_row row;
    ProtobufCMessage *line = NULL;
    struct up_bytes bytes = {0};
    char reference[IDS_HEX_LEN + 1];
    const char *fault = NULL;
    size_t status = (size_t)update->status;
    enum up_err err = UP_OK;

    ids_hex(message->message->reference.data, reference);
    err = nodestore_get(service->store, NODESTORE_SENT, reference, service->scratch, &row);
    if (err == UP_NOT_FOUND || (!err && strcmp(row.peer, message->sender.text) != 0))
        return status_refuse(service, message, "status-for-unknown");
    if (err || status >= sizeof states / sizeof states[0] || states[status] == 0)
        return err;
    fault = status_fault(service, update, &row);
    if (fault)
        return status_refuse(service, message, fault);
    err = message_unpack(&up__sent_line__descriptor, row.body, service->scratch, &line);
    if (err)
        return err;
    if (states[status] == SENT_RECORDED && update->police_reference[0] != '\0')
        ((Up__SentLine *)line)->detail = update->police_reference;
    row.state =
        states[status] > row.state || row.state > SENT_RECORDED ? states[status] : row.state;
    row.due_s = clock_wall_s();
    err = message_pack(line, UP_TEXT_LEN_MAX, &bytes);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err ? err
               : service_audit_add(service, "node", "status", "%s from %s: %s", row.owner, row.peer,
                                   status == UP__STATUS_UPDATE__STATUS__RECORDED ? "recorded"
                                                                                 : "received");
}

enum up_err service_received_find(struct service *service, const char *sender,
                                  const uint8_t reference[static 16],
                                  const Up__Incident **ret_incident)
{
    struct nodestore_row row;
    ProtobufCMessage *item = NULL;
    char owner[IDS_HEX_LEN + 1];
    enum up_err err = UP_OK;

    ids_hex(reference, owner);
    err = held_find(service, sender, owner, &row);
    if (!err)
        err = message_unpack(&up__inbox_item__descriptor, row.body, service->scratch, &item);
    if (!err && !((Up__InboxItem *)item)->incident)
        err = UP_NOT_FOUND;
    if (!err)
        *ret_incident = ((Up__InboxItem *)item)->incident;
    return err;
}

/* --- showing -------------------------------------------------------------------------------------- */

/* The names of the areas in figures, for whoever reads them. */
static enum up_err areas_name_all(const struct service *service, struct arena *arena,
                                  Up__InboxItem *item)
{
    Up__ReleaseRow *const *rows = item->release ? item->release->rows : NULL;
    size_t count = item->release ? item->release->n_rows : 0;

    if (item->statistics) {
        rows = item->statistics->rows;
        count = item->statistics->n_rows;
    }
    item->area_names = arena_alloc(arena, (count + 1) * sizeof(Up__AreaName *));
    if (!item->area_names)
        return UP_NO_MEMORY;
    for (size_t i = 0; i <= count; i++) {
        const char *whole = item->release ? item->release->area : item->statistics->area;
        const char *code = i == count ? whole : rows[i]->cell ? rows[i]->cell->area : "";
        const char *known = areas_name(service->areas, code);
        bool have = !known;

        for (size_t j = 0; j < item->n_area_names && !have; j++)
            have = strcmp(item->area_names[j]->code, code) == 0;
        if (have)
            continue;
        item->area_names[item->n_area_names] = arena_alloc(arena, sizeof(Up__AreaName));
        if (!item->area_names[item->n_area_names])
            return UP_NO_MEMORY;
        up__area_name__init(item->area_names[item->n_area_names]);
        item->area_names[item->n_area_names]->code = service_text(arena, code);
        item->area_names[item->n_area_names]->name = service_text(arena, known);
        if (!item->area_names[item->n_area_names]->code ||
            !item->area_names[item->n_area_names]->name)
            return UP_NO_MEMORY;
        item->n_area_names++;
    }
    return UP_OK;
}

static enum up_err item_read(const struct service *service, const struct nodestore_row *row,
                             struct arena *arena, Up__InboxItem **ret_item)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = message_unpack(&up__inbox_item__descriptor, row->body, arena, &message);

    if (err)
        return err;
    if (!((Up__InboxItem *)message)->line)
        return UP_MALFORMED;
    ((Up__InboxItem *)message)->line->exported = row->state == RECEIVED_EXPORTED;
    if (((Up__InboxItem *)message)->release || ((Up__InboxItem *)message)->statistics)
        err = areas_name_all(service, arena, (Up__InboxItem *)message);
    if (!err)
        *ret_item = (Up__InboxItem *)message;
    return err;
}

static enum up_err line_copy(const Up__InboxLine *from, struct arena *arena,
                             Up__InboxLine **ret_line)
{
    Up__InboxLine *line = arena_alloc(arena, sizeof *line);

    if (!line)
        return UP_NO_MEMORY;
    *line = *from;
    line->ref = service_text(arena, from->ref);
    line->from = service_text(arena, from->from);
    line->kind = service_text(arena, from->kind);
    line->level = service_text(arena, from->level);
    line->received_at = service_text(arena, from->received_at);
    line->police_reference = service_text(arena, from->police_reference);
    *ret_line = line;
    return line->ref && line->from && line->kind && line->level && line->received_at &&
                   line->police_reference
               ? UP_OK
               : UP_NO_MEMORY;
}

enum up_err service_inbox(struct service *service, const struct service_call *call,
                          Up__InboxList **ret_reply)
{
    Up__InboxList *list = arena_alloc(call->arena, sizeof *list);
    size_t total = (size_t)nodestore_count(service->store, NODESTORE_RECEIVED, 0);
    size_t end = service_page_end(call);
    size_t skip = call->offset < total ? call->offset : total;
    struct nodestore_query query = {.kind = NODESTORE_RECEIVED, .skip = skip, .limit = 1};
    enum up_err err = service_may(call, ~0u);

    if (err)
        return err;
    if (!list)
        return UP_NO_MEMORY;
    up__inbox_list__init(list);
    list->lines = arena_alloc(call->arena, (total + 1) * sizeof(Up__InboxLine *));
    if (!list->lines)
        return UP_NO_MEMORY;
    memset(list->lines, 0, skip * sizeof(Up__InboxLine *));
    list->n_lines = skip;
    while (!err && list->n_lines < total && list->n_lines < end) {
        struct nodestore_row *row = NULL;
        Up__InboxItem *item = NULL;
        size_t count = 0;

        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &row, &count);
        if (err || count == 0)
            break;
        query.after = row->number;
        query.skip = 0;
        err = item_read(service, row, service->scratch, &item);
        if (!err)
            err = line_copy(item->line, call->arena, &list->lines[list->n_lines++]);
    }
    if (!err)
        *ret_reply = list;
    return service_list_end(call, err);
}

enum up_err service_item_load(struct service *service, const struct service_call *call,
                              const char *ref, struct nodestore_row *ret_row,
                              Up__InboxItem **ret_item)
{
    enum up_err err = nodestore_get(service->store, NODESTORE_RECEIVED, ref, call->arena, ret_row);

    if (err == UP_NOT_FOUND)
        (void)up_why_set(call->why, err,
                         "nothing was received under that reference; `upstander inbox` lists it");
    return err ? err : item_read(service, ret_row, call->arena, ret_item);
}

enum up_err service_incident_held(struct service *service, const struct service_call *call,
                                  const char *ref, const Up__Incident **ret_incident,
                                  const char **ret_peer)
{
    Up__Report *report = NULL;
    Up__InboxItem *item = NULL;
    struct nodestore_row row;
    enum up_err err = service_report_load(service, ref, call->arena, &report, NULL);

    if (!err) {
        *ret_incident = report->incident;
        *ret_peer = "";
        return UP_OK;
    }
    if (err == UP_NOT_FOUND)
        err = service_item_load(service, call, ref, &row, &item);
    if (!err && !item->incident)
        err = up_why_set(call->why, UP_NOT_FOUND, "that is no incident; it has no attachments");
    if (err)
        return err;
    *ret_incident = item->incident;
    *ret_peer = service_text(call->arena, row.peer);
    return *ret_peer ? UP_OK : UP_NO_MEMORY;
}

/* How much of each attachment is here. */
static enum up_err attachments_tell(struct service *service, const char *peer, struct arena *arena,
                                    Up__InboxItem *item)
{
    size_t count = item->incident ? item->incident->n_attachments : 0;
    enum up_err err = UP_OK;

    item->attachments_arrived = arena_alloc(arena, (count + 1) * sizeof(uint32_t));
    if (!item->attachments_arrived)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < count; i++)
        err = service_attachment_arrived(service, item->incident->attachments[i], peer,
                                         &item->attachments_arrived[i]);
    item->n_attachments_arrived = count;
    return err;
}

enum up_err service_inbox_show(struct service *service, const struct service_call *call,
                               const char *ref, Up__InboxItem **ret_reply)
{
    struct nodestore_row row;
    Up__InboxItem *item = NULL;
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err = service_item_load(service, call, ref, &row, &item);
    if (!err)
        err = attachments_tell(service, row.peer, call->arena, item);
    if (!err)
        err = service_audit_add(service, call->operator->name, "received-viewed", "%s %s", ref,
                                item->line->level);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = item;
    return err;
}

enum up_err service_recorded(struct service *service, const struct service_call *call,
                             const char *ref, const Up__RecordedRequest *request,
                             Up__InboxLine **ret_reply)
{
    struct nodestore_row row;
    Up__InboxItem *item = NULL;
    Up__InboxLine *line = NULL;
    Up__Message message = UP__MESSAGE__INIT;
    Up__StatusUpdate update = UP__STATUS_UPDATE__INIT;
    const Up__Member *self = service_self(service);
    uint8_t reference[16];
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    if (!self || self->role != UP__ROLE__CODE__POLICE)
        err =
            up_why_set(call->why, UP_NOT_PERMITTED, "only a police member gives police references");
    if (!err && (request->police_reference[0] == '\0' ||
                 strlen(request->police_reference) > POLICE_REFERENCE_LEN_MAX))
        err = up_why_set(call->why, UP_INVALID, "policeReference: 1 to 64 signs");
    if (!err)
        err = service_item_load(service, call, ref, &row, &item);
    if (!err && !item->incident)
        err = up_why_set(call->why, UP_INVALID, "that is no incident");
    if (!err)
        err = ids_unhex(up_view_of(row.owner, strlen(row.owner)), reference);
    if (!err) {
        line = item->line;
        line->police_reference = request->police_reference;
        err = item_put(service, &row, item);
    }
    if (!err) {
        update.status = UP__STATUS_UPDATE__STATUS__RECORDED;
        update.police_reference = request->police_reference;
        update.may_tell_reporter = request->may_tell_reporter;
        message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
        message.version = 1;
        message.body_case = UP__MESSAGE__BODY_STATUS_UPDATE;
        message.status_update = &update;
        err = service_queue(service, row.peer, "", &message, false);
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "recorded", "%s", ref);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = line;
    return err;
}

/* --- export --------------------------------------------------------------------------------------- */

enum up_err service_export(struct service *service, const struct service_call *call,
                           Up__ExportBatch **ret_reply)
{
    struct nodestore_query query = {
        .kind = NODESTORE_RECEIVED, .states = 1u << RECEIVED_NEW, .limit = EXPORT_MAX};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    Up__ExportBatch *batch = arena_alloc(call->arena, sizeof *batch);
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    err = batch ? nodestore_list(service->store, &query, service->scratch, &rows, &count)
                : UP_NO_MEMORY;
    if (!err) {
        up__export_batch__init(batch);
        batch->items = arena_alloc(call->arena, (count + 1) * sizeof(Up__InboxItem *));
        err = batch->items ? UP_OK : UP_NO_MEMORY;
    }
    for (size_t i = 0; !err && i < count; i++) {
        err = item_read(service, &rows[i], call->arena, &batch->items[i]);
        if (err == UP_NO_MEMORY && i > 0) { /* the rest comes with the next batch */
            err = UP_OK;
            break;
        }
        batch->n_items += !err;
        if (!err)
            err =
                service_audit_add(service, call->operator->name, "export-read", "%s", rows[i].name);
    }
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = batch;
    return err;
}

enum up_err service_export_done(struct service *service, const struct service_call *call,
                                const Up__ExportDone *done, Up__ExportDone **ret_reply)
{
    Up__ExportDone *marked = arena_alloc(call->arena, sizeof *marked);
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    if (marked) {
        up__export_done__init(marked);
        marked->refs = arena_alloc(call->arena, (done->n_refs + 1) * sizeof *marked->refs);
    }
    if (!marked || !marked->refs)
        err = UP_NO_MEMORY;
    for (size_t i = 0; !err && i < done->n_refs; i++) {
        err =
            nodestore_mark(service->store, NODESTORE_RECEIVED, done->refs[i], RECEIVED_EXPORTED, 0);
        if (err == UP_NOT_FOUND) {
            err = up_why_set(call->why, err, "refs[%zu]: nothing was received under it", i);
            break;
        }
        if (!err)
            err = service_audit_add(service, call->operator->name, "exported", "%s", done->refs[i]);
        marked->refs[marked->n_refs++] = done->refs[i];
    }
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = marked;
    return err;
}
