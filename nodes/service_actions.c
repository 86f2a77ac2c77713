/* SPDX-License-Identifier: MIT
 * Action items: written for the purpose, approved by name, sent at once to the councils of the place, answered by what
 * was done. They are linked to no report: each recipient has a reference of its own. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/account.h"
#include "nodes/disclosure/action.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

/* States of a NODESTORE_ACTION row: an item; what one recipient was told of it, whose name is the reference in hex, whose
 * owner the item, and whose body its answer. Never renumbered. */
enum action_state { ACTION_WRITTEN = 1, ACTION_SENT = 2, ACTION_TOLD = 3, ACTION_DONE = 4 };
enum { ACTIONS_MAX = 500 /* in one list */ };

static enum up_err row_put(struct service *service, struct nodestore_row *row,
                           const ProtobufCMessage *body)
{
    struct up_bytes bytes = {0};
    enum up_err err = message_pack(body, (size_t)4 * UP_TEXT_LEN_MAX, &bytes);

    row->body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, row);
    up_bytes_wipe(&bytes);
    row->body = up_view_of(NULL, 0);
    return err;
}

/* --- writing -------------------------------------------------------------------------------- */

enum up_err service_action_add(struct service *service, const struct service_call *call,
                               const Up__ActionItem *item, Up__Action **ret_reply)
{
    struct nodestore_row row = {
        .kind = NODESTORE_ACTION, .state = ACTION_WRITTEN, .at_s = clock_wall_s()};
    Up__Action *action = arena_alloc(call->arena, sizeof *action);
    char today[11];
    char at[CLOCK_TEXT_LEN];
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS);

    if (err)
        return err;
    service_today(today);
    err = action ? action_check(item, service->areas, today, call->why) : UP_NO_MEMORY;
    if (!err) {
        up__action__init(action);
        service_new_ref(row.name);
        clock_london(row.at_s, at);
        action->ref = service_text(call->arena, row.name);
        action->item = up_lent(item);
        action->written_by = service_text(call->arena, call->operator->name);
        action->written_at = service_text(call->arena, at);
        err = action->ref && action->written_by && action->written_at
                  ? row_put(service, &row, &action->base)
                  : UP_NO_MEMORY;
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "action-written", "%s", row.name);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = action;
    return err;
}

/* --- showing -------------------------------------------------------------------------------- */

/* What in the texts looks like somebody's data, for whoever approves. */
static enum up_err warnings_make(Up__Action *action, struct arena *arena)
{
    const char *const texts[] = {action->item->what, action->item->place};
    char text[120];

    action->warnings = arena_alloc(arena, ((size_t)2 * ACCOUNT_KIND_COUNT + 1) * sizeof(char *));
    if (!action->warnings)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < 2; i++) {
        Up__Incident incident = UP__INCIDENT__INIT;
        struct account_draft draft = {0};
        enum up_err err = UP_OK;

        incident.narrative = up_lent(texts[i]);
        err = account_draft(&incident, arena, &draft);
        if (err)
            return err == UP_NO_MEMORY ? err : UP_OK;
        for (size_t j = 0; j < draft.span_count && j < ACCOUNT_KIND_COUNT; j++) {
            (void)snprintf(text, sizeof text, "something looks like a %s; leave it out if it is",
                           account_kind_text(draft.spans[j].kind));
            action->warnings[action->n_warnings] = service_text(arena, text);
            if (!action->warnings[action->n_warnings++])
                return UP_NO_MEMORY;
        }
    }
    return UP_OK;
}

/* Whom it was sent to, and what they answered; before it is sent: whom it would be sent to. */
static enum up_err recipient_add(Up__Action *action, const char *member, const Up__Done *done,
                                 struct arena *arena)
{
    Up__ActionRecipient *to = arena_alloc(arena, sizeof *to);

    if (!to)
        return UP_NO_MEMORY;
    up__action_recipient__init(to);
    to->member = service_text(arena, member);
    to->done = up_lent(done);
    action->recipients[action->n_recipients++] = to;
    return to->member ? UP_OK : UP_NO_MEMORY;
}

static bool may_go(const struct service *service, const Up__ActionItem *item,
                   const Up__Member *member)
{
    char today[11];
    const struct entitlement_inputs inputs = {.roster = roster_content(service->roster),
                                              .sender = service_self(service),
                                              .recipient = member,
                                              .ceilings_by_role = service->ceilings,
                                              .ceilings_by_member = service->member_ceilings,
                                              .ceiling_by_member_count =
                                                  service->member_ceiling_count,
                                              .areas = service->areas,
                                              .today = today};

    service_today(today);
    return strcmp(member->id, service->member) != 0 && action_may_go(item, &inputs);
}

static enum up_err recipients_make(struct service *service, unsigned state, struct arena *arena,
                                   Up__Action *action)
{
    const Up__Roster *roster = roster_content(service->roster);
    struct nodestore_query query = {.kind = NODESTORE_ACTION, .owner = action->ref};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, arena, &rows, &count);

    action->recipients =
        arena_alloc(arena, (count + roster->n_members + 1) * sizeof(Up__ActionRecipient *));
    if (!action->recipients)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < count; i++) {
        ProtobufCMessage *done = NULL;

        if (rows[i].state == ACTION_DONE)
            err = message_unpack(&up__done__descriptor, rows[i].body, arena, &done);
        if (!err)
            err = recipient_add(action, rows[i].peer, (Up__Done *)done, arena);
    }
    for (size_t i = 0; !err && state == ACTION_WRITTEN && i < roster->n_members; i++) {
        if (may_go(service, action->item, roster->members[i]))
            err = recipient_add(action, roster->members[i]->id, NULL, arena);
    }
    return err;
}

static enum up_err action_read(struct service *service, const struct nodestore_row *row,
                               struct arena *arena, Up__Action **ret_action)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = message_unpack(&up__action__descriptor, row->body, arena, &message);

    if (!err && !((Up__Action *)message)->item)
        err = UP_MALFORMED;
    if (!err)
        err = recipients_make(service, row->state, arena, (Up__Action *)message);
    if (!err)
        err = warnings_make((Up__Action *)message, arena);
    if (!err)
        *ret_action = (Up__Action *)message;
    return err;
}

static enum up_err action_load(struct service *service, const struct service_call *call,
                               const char *ref, struct nodestore_row *ret_row,
                               Up__Action **ret_action)
{
    enum up_err err = nodestore_get(service->store, NODESTORE_ACTION, ref, call->arena, ret_row);

    if (!err && ret_row->state > ACTION_SENT)
        err = UP_NOT_FOUND;
    if (err == UP_NOT_FOUND)
        (void)up_why_set(call->why, err,
                         "no action item has that reference; `upstander action list` lists them");
    return err ? err : action_read(service, ret_row, call->arena, ret_action);
}

enum up_err service_action_show(struct service *service, const struct service_call *call,
                                const char *ref, Up__Action **ret_reply)
{
    struct nodestore_row row;
    enum up_err err = service_may(call, ~0u);

    return err ? err : action_load(service, call, ref, &row, ret_reply);
}

enum up_err service_action_list(struct service *service, const struct service_call *call,
                                Up__ActionList **ret_reply)
{
    struct nodestore_query query = {.kind = NODESTORE_ACTION,
                                    .states = 1u << ACTION_WRITTEN | 1u << ACTION_SENT,
                                    .limit = ACTIONS_MAX};
    Up__ActionList *list = arena_alloc(call->arena, sizeof *list);
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = service_may(call, ~0u);

    if (!err)
        err = list ? nodestore_list(service->store, &query, call->arena, &rows, &count)
                   : UP_NO_MEMORY;
    if (err)
        return err;
    up__action_list__init(list);
    list->actions = arena_alloc(call->arena, (count + 1) * sizeof(Up__Action *));
    if (!list->actions)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < count; i++)
        err = action_read(service, &rows[i], call->arena, &list->actions[list->n_actions++]);
    if (!err)
        *ret_reply = list;
    return err;
}

/* --- sending -------------------------------------------------------------------------------- */

static enum up_err action_send(struct service *service, const Up__Action *action,
                               const char *member)
{
    struct nodestore_row told = {
        .kind = NODESTORE_ACTION, .state = ACTION_TOLD, .at_s = clock_wall_s()};
    Up__Message message = UP__MESSAGE__INIT;
    Up__Done none = UP__DONE__INIT;
    uint8_t reference[16];
    enum up_err err = UP_OK;

    keys_random(reference, sizeof reference);
    ids_hex(reference, told.name);
    (void)snprintf(told.owner, sizeof told.owner, "%s", action->ref);
    (void)snprintf(told.peer, sizeof told.peer, "%s", member);
    err = row_put(service, &told, &none.base);
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.version = 1;
    message.body_case = UP__MESSAGE__BODY_ACTION_ITEM;
    message.action_item = action->item;
    return err ? err : service_queue(service, member, OUTBOX_ACTION, &message, false);
}

enum up_err service_action_approve(struct service *service, const struct service_call *call,
                                   const char *ref, Up__Action **ret_reply)
{
    struct nodestore_row row;
    Up__Action *action = NULL;
    char at[CLOCK_TEXT_LEN];
    enum up_err err = service_begin(service, call, OPERATOR_APPROVE);

    if (err)
        return err;
    if (!roster_is_usable(service->roster, clock_wall_s()))
        err = up_why_set(call->why, UP_EXPIRED,
                         "the directory ran out more than 30 days ago; get a new one from a "
                         "signatory");
    if (!err)
        err = action_load(service, call, ref, &row, &action);
    if (!err && row.state == ACTION_SENT)
        err = up_why_set(call->why, UP_INVALID, "it was approved and sent already");
    if (!err && action->n_recipients == 0)
        err = up_why_set(call->why, UP_INVALID,
                         "no council of that place can be sent it: none is in the directory, or no "
                         "agreement with it is in force for action items");
    for (size_t i = 0; !err && i < action->n_recipients; i++)
        err = action_send(service, action, action->recipients[i]->member);
    if (!err) {
        Up__Action kept = *action;

        clock_london(clock_wall_s(), at);
        action->approved_by = service_text(call->arena, call->operator->name);
        action->approved_at = service_text(call->arena, at);
        kept.approved_by = action->approved_by;
        kept.approved_at = action->approved_at;
        kept.n_recipients = kept.n_warnings = 0;
        row.state = ACTION_SENT;
        err = kept.approved_by && kept.approved_at ? row_put(service, &row, &kept.base)
                                                   : UP_NO_MEMORY;
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "action-approved", "%s to %zu", ref,
                                action->n_recipients);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = action;
    return err;
}

/* Before it is sealed: may it still go? */
enum up_err service_action_may_leave(struct service *service, const struct nodestore_row *row,
                                     const Up__Member *member, bool *ret_may)
{
    const Up__Message *message = NULL;
    ProtobufCMessage *unpacked = NULL;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    message = (const Up__Message *)unpacked;
    if (!err && message->body_case != UP__MESSAGE__BODY_ACTION_ITEM)
        err = UP_MALFORMED;
    if (!err)
        *ret_may = member && may_go(service, message->action_item, member);
    return err;
}

/* --- answers -------------------------------------------------------------------------------- */

enum up_err service_done(struct service *service, const struct service_call *call, const char *ref,
                         const Up__Done *done, Up__InboxLine **ret_reply)
{
    struct nodestore_row row;
    Up__InboxItem *item = NULL;
    Up__InboxLine *line = NULL;
    Up__Message message = UP__MESSAGE__INIT;
    uint8_t reference[16];
    char today[11];
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    service_today(today);
    err = action_done_check(done, call->why);
    if (!err && strcmp(done->when, today) > 0)
        err = up_why_set(call->why, UP_INVALID, "when: that day is still ahead");
    if (!err)
        err = service_item_load(service, call, ref, &row, &item);
    if (!err && !item->action)
        err = up_why_set(call->why, UP_INVALID, "that is no action item; nothing is to be done");
    if (!err)
        err = ids_unhex(up_view_of(row.owner, strlen(row.owner)), reference);
    if (!err) {
        message.version = item->done ? item->done_version + 1 : 1;
        item->done = up_lent(done);
        item->done_version = message.version;
        line = item->line;
        err = row_put(service, &row, &item->base);
    }
    if (!err) {
        message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
        message.body_case = UP__MESSAGE__BODY_DONE;
        message.done = up_lent(done);
        err = service_queue(service, row.peer, "", &message, false);
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "done", "%s", ref);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = line;
    return err;
}

/* Only from whom it was sent to; a later version in place of an earlier one. */
enum up_err service_done_receive(struct service *service, const struct exchange_message *message)
{
    const Up__Done *done = message->message->done;
    const char *sender = message->sender.text;
    struct nodestore_row row;
    char name[IDS_HEX_LEN + 1];
    enum up_err err = UP_OK;

    ids_hex(message->message->reference.data, name);
    err = nodestore_get(service->store, NODESTORE_ACTION, name, service->scratch, &row);
    if (err && err != UP_NOT_FOUND)
        return err;
    if (err || row.state < ACTION_TOLD || strcmp(row.peer, sender) != 0 ||
        action_done_check(done, NULL)) {
        service->refused++;
        return service_audit_add(service, "node", "done-of-nothing", "from %s", sender);
    }
    if (row.state == ACTION_DONE && (int64_t)message->message->version <= row.due_s)
        return UP_OK; /* an older answer came later */
    row.state = ACTION_DONE;
    row.due_s = message->message->version;
    err = row_put(service, &row, &done->base);
    return err ? err
               : service_audit_add(service, "node", "done-received", "%s from %s", row.owner,
                                   sender);
}
