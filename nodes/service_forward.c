/* SPDX-License-Identifier: MIT
 * What was received goes on to others: within what came with it, and its source is told of each (disclosure.md 1, 6). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/onward.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

/* --- what may be passed on ------------------------------------------------------------------------ */

static enum up_err onward_of(const struct service *service, const Up__Report *report,
                             const Up__Member *member, struct arena *arena, Up__Onward **ret_onward)
{
    char today[11];
    struct entitlement_inputs inputs = {.incident = report->incident,
                                        .choice = report->choice,
                                        .roster = roster_content(service->roster),
                                        .sender = service_self(service),
                                        .recipient = member,
                                        .ceilings_by_role = service->ceilings,
                                        .ceilings_by_member = service->member_ceilings,
                                        .ceiling_by_member_count = service->member_ceiling_count,
                                        .areas = service->areas,
                                        .today = today};

    service_today(today);
    return onward_make(&inputs, arena, ret_onward);
}

enum up_err service_disclose(const struct service *service, const Up__Report *report,
                             const struct told *told, struct arena *arena,
                             Up__Incident **ret_disclosure)
{
    struct disclose_rules rules = {.areas = service->areas, .codes = service->codes};
    Up__Incident incident = *report->incident;
    enum up_err err = UP_OK;

    if (!told->received)
        err = onward_of(service, report, told->member, arena, &incident.onward);
    return err ? err
               : disclose(&incident, told->verdict.entitlement, &rules, arena, ret_disclosure);
}

struct verdict service_decide_received(const struct service *service, const Up__Incident *incident,
                                       const Up__Member *member)
{
    char today[11];
    struct entitlement_inputs inputs = {.incident = incident,
                                        .received = true,
                                        .roster = roster_content(service->roster),
                                        .sender = service_self(service),
                                        .recipient = member,
                                        .ceilings_by_role = service->ceilings,
                                        .ceilings_by_member = service->member_ceilings,
                                        .ceiling_by_member_count = service->member_ceiling_count,
                                        .areas = service->areas,
                                        .today = today};

    service_today(today);
    return entitlement_decide(&inputs);
}

/* --- forwarding ----------------------------------------------------------------------------------- */

/* What is to go on, and to whom. */
struct forward {
    struct nodestore_row row;
    Up__InboxItem *item;
    Up__Report report; /* the same as preview and disclosure want it; holds the incident alone */
    struct told told;
};

static enum up_err forward_load(struct service *service, const struct service_call *call,
                                const char *ref, const char *member, struct forward *ret_forward)
{
    struct forward forward = {
        .told = {.member = roster_find_active(service->roster, member), .received = true}};
    const char *fault = NULL;
    ProtobufCMessage *item = NULL;
    enum up_err err =
        nodestore_get(service->store, NODESTORE_RECEIVED, ref, call->arena, &forward.row);

    if (err == UP_NOT_FOUND)
        (void)up_why_set(call->why, err,
                         "nothing was received under that reference; `upstander inbox` lists it, "
                         "and what was taken here goes out by `upstander send`");
    if (!err)
        err = message_unpack(&up__inbox_item__descriptor, forward.row.body, call->arena, &item);
    if (err)
        return err;
    forward.item = (Up__InboxItem *)item;
    if (!forward.item->incident)
        fault = "figures can't be passed on; ask whoever publishes them";
    else if (!forward.told.member)
        fault = "member: no such organisation stands in the directory";
    else if (strcmp(member, service->member) == 0 || strcmp(member, forward.row.peer) == 0)
        fault = "member: that organisation has it already";
    if (fault) {
        (void)up_why_set(call->why, UP_INVALID, "%s", fault);
        return UP_INVALID;
    }
    up__report__init(&forward.report);
    forward.report.incident = forward.item->incident;
    forward.told.verdict =
        service_decide_received(service, forward.item->incident, forward.told.member);
    *ret_forward = forward;
    return UP_OK;
}

static const char no_release[] =
    "nothing: only the organisation that took the report publishes it in figures";

/* Less than a message of its own is not this node's to give. */
static enum up_err forward_check(const struct service_call *call, const struct forward *forward)
{
    enum level level = forward->told.verdict.entitlement.level;
    const char *why = entitlement_decided_text(forward->told.verdict.decided_by);

    if (level >= LEVEL_PSEUDONYMISED)
        return UP_OK;
    if (level == LEVEL_WITHHELD)
        return up_why_set(call->why, UP_INVALID, "%s may not have it from here: %s",
                          forward->told.member->id, why);
    return up_why_set(
        call->why, UP_INVALID,
        "%s may have it as a number at most (%s), and only the organisation that took "
        "the report publishes it in figures",
        forward->told.member->id, why);
}

static enum up_err source_tell(struct service *service, const struct nodestore_row *received,
                               Up__Forwarded *forwarded)
{
    Up__Message message = UP__MESSAGE__INIT;
    uint8_t reference[16];
    enum up_err err = ids_unhex(up_view_of(received->owner, strlen(received->owner)), reference);

    if (err)
        return err;
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.version = 1;
    message.body_case = UP__MESSAGE__BODY_FORWARDED;
    message.forwarded = forwarded;
    return service_queue(service, received->peer, "", &message, false);
}

static enum up_err forward_queue(struct service *service, const struct service_call *call,
                                 const struct forward *forward)
{
    const struct told *told = &forward->told;
    Up__Message message = UP__MESSAGE__INIT;
    Up__IncidentDisclosure body = UP__INCIDENT_DISCLOSURE__INIT;
    Up__Forwarded forwarded = UP__FORWARDED__INIT;
    struct reference reference;
    char hex[IDS_HEX_LEN + 1];
    enum up_err err =
        service_disclose(service, &forward->report, told, service->scratch, &body.incident);

    if (err)
        return err;
    if (body.incident->entitlement->level < UP__ENTITLEMENT__LEVEL__PSEUDONYMISED)
        return up_why_set(call->why, UP_INVALID,
                          "something in it can't be read here, so it is passed on to nobody; ask "
                          "whoever sent it");
    keys_random(reference.bytes, sizeof reference.bytes);
    ids_hex(reference.bytes, hex);
    body.urgent = forward->item->line && forward->item->line->urgent;
    body.forwarded = true;
    message.reference =
        (ProtobufCBinaryData){.len = sizeof reference.bytes, .data = reference.bytes};
    message.version = 1;
    message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    message.incident_disclosure = &body;
    err = service_sent_put(service, forward->row.name, hex, told, SENT_STORED);
    if (!err)
        err = service_queue(service, told->member->id, hex, &message, body.urgent);
    if (!err)
        err = service_attachments_queue(service, body.incident, told->member->id, &reference,
                                        forward->row.peer);
    if (err == UP_NOT_FOUND)
        err = up_why_set(call->why, UP_BUSY,
                         "its attachments have not all arrived yet; pass it on once they have");
    forwarded.member = told->member->id;
    forwarded.role = told->member->role;
    forwarded.level = body.incident->entitlement->level;
    forwarded.at_s = clock_wall_s();
    if (!err)
        err = source_tell(service, &forward->row, &forwarded);
    return err;
}

static enum up_err was_told(struct service *service, const char *ref, const char *member,
                            bool *ret_told)
{
    struct nodestore_query query = {
        .kind = NODESTORE_SENT, .owner = ref, .peer = member, .limit = 1};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    if (!err)
        *ret_told = count > 0;
    return err;
}

enum up_err service_forward(struct service *service, const struct service_call *call,
                            const char *ref, const Up__ForwardRequest *request,
                            Up__SendResult **ret_reply)
{
    Up__SendResult *result = arena_alloc(call->arena, sizeof *result);
    struct forward forward;
    bool told = false;
    enum up_err err = UP_OK;

    if (!result)
        return UP_NO_MEMORY;
    if (!roster_is_usable(service->roster, clock_wall_s()))
        return up_why_set(call->why, UP_EXPIRED,
                          "the directory ran out more than 30 days ago; get a new one from a "
                          "signatory");
    err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);
    if (err)
        return err;
    up__send_result__init(result);
    result->ref = service_text(call->arena, ref);
    err = result->ref ? forward_load(service, call, ref, request->member, &forward) : UP_NO_MEMORY;
    if (!err)
        err = was_told(service, ref, request->member, &told);
    if (!err && !told)
        err = forward_check(call, &forward);
    if (!err && !told)
        err = service_audit_add(
            service, call->operator->name, "forwarded", "%s to %s: %s, withheld %u, rule %d", ref,
            forward.told.member->id, entitlement_level_text(forward.told.verdict.entitlement.level),
            forward.told.verdict.entitlement.withheld, (int)forward.told.verdict.decided_by);
    if (!err && !told)
        err = forward_queue(service, call, &forward);
    result->queued = !told;
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = result;
    return err;
}

enum up_err service_forward_preview(struct service *service, const struct service_call *call,
                                    const char *ref, const char *member, Up__Preview **ret_reply)
{
    Up__Preview *preview = arena_alloc(call->arena, sizeof *preview);
    Up__RecipientPreview **to = arena_alloc(call->arena, sizeof(Up__RecipientPreview *));
    struct forward forward;
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err = preview && to ? forward_load(service, call, ref, member, &forward) : UP_NO_MEMORY;
    if (!err) {
        up__preview__init(preview);
        preview->ref = service_text(call->arena, ref);
        preview->recipients = to;
        preview->n_recipients = 1;
        err = preview->ref ? service_recipient_preview(service, &forward.report, &forward.told,
                                                       call->arena, to)
                           : UP_NO_MEMORY;
    }
    if (!err && forward.told.verdict.entitlement.level > LEVEL_WITHHELD &&
        forward.told.verdict.entitlement.level < LEVEL_PSEUDONYMISED) {
        to[0]->disclosure = NULL;
        to[0]->delivery = service_text(call->arena, no_release);
        err = to[0]->delivery ? UP_OK : UP_NO_MEMORY;
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "preview", "%s for %s", ref,
                                forward.told.member->id);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = preview;
    return err;
}

/* --- being told ----------------------------------------------------------------------------------- */

static enum up_err forwarded_refuse(struct service *service, const struct exchange_message *message,
                                    const char *why)
{
    service->refused++;
    return service_audit_add(service, "node", why, "from %s", message->sender.text);
}

/* "council c-council, PSEUDONYMISED, 2026-11-25T09:12" into the line, once per member. ret_new: it was not there. */
static enum up_err onward_note(Up__SentLine *line, const Up__Forwarded *forwarded,
                               struct arena *arena, bool *ret_new)
{
    const ProtobufCEnumValue *role =
        protobuf_c_enum_descriptor_get_value(&up__role__code__descriptor, (int)forwarded->role);
    int64_t now_s = clock_wall_s();
    char at[CLOCK_TEXT_LEN];
    char text[160];
    size_t who_len = 0;
    char **list = arena_alloc(arena, (line->n_onward + 1) * sizeof *list);

    if (!list || !role)
        return UP_NO_MEMORY;
    (void)snprintf(text, sizeof text, "%s %s,", role->name, forwarded->member);
    for (char *letter = text; *letter != ' '; letter++)
        *letter = (char)(*letter >= 'A' && *letter <= 'Z' ? *letter - 'A' + 'a' : *letter);
    who_len = strlen(text);
    for (size_t i = 0; i < line->n_onward; i++) {
        if (strncmp(line->onward[i], text, who_len) == 0) {
            *ret_new = false;
            return UP_OK;
        }
        list[i] = line->onward[i];
    }
    /* another clock's word, as far as it can be true */
    clock_london(forwarded->at_s > 0 && forwarded->at_s < now_s ? forwarded->at_s : now_s, at);
    (void)snprintf(text + who_len, sizeof text - who_len, " %s, %s",
                   entitlement_level_text((enum level)((int)forwarded->level - 1)), at);
    list[line->n_onward] = service_text(arena, text);
    if (!list[line->n_onward])
        return UP_NO_MEMORY;
    line->onward = list;
    line->n_onward++;
    *ret_new = true;
    return UP_OK;
}

/* What came from another itself is told to that one in turn. */
static enum up_err pass_on(struct service *service, const char *ref, Up__Forwarded *forwarded)
{
    struct nodestore_row received;
    enum up_err err =
        nodestore_get(service->store, NODESTORE_RECEIVED, ref, service->scratch, &received);

    if (err == UP_NOT_FOUND)
        return UP_OK; /* taken here */
    return err ? err : source_tell(service, &received, forwarded);
}

enum up_err service_forwarded(struct service *service, const struct exchange_message *message)
{
    Up__Forwarded *forwarded = message->message->forwarded;
    struct nodestore_row row;
    ProtobufCMessage *line = NULL;
    struct up_bytes bytes = {0};
    char reference[IDS_HEX_LEN + 1];
    bool new = false;
    enum up_err err = UP_OK;

    ids_hex(message->message->reference.data, reference);
    err = nodestore_get(service->store, NODESTORE_SENT, reference, service->scratch, &row);
    if (err == UP_NOT_FOUND ||
        (!err && (strcmp(row.peer, message->sender.text) != 0 || row.state >= SENT_NOT_SHARED)))
        return forwarded_refuse(service, message, "forwarded-for-unknown");
    if (!err)
        err = message_unpack(&up__sent_line__descriptor, row.body, service->scratch, &line);
    if (!err && ((Up__SentLine *)line)->n_onward >= UP_ONWARD_TOLD_MAX)
        return forwarded_refuse(service, message, "forwarded-to-too-many");
    if (!err)
        err = onward_note((Up__SentLine *)line, forwarded, service->scratch, &new);
    if (err || !new)
        return err;
    err = message_pack(line, UP_TEXT_LEN_MAX, &bytes);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    if (!err)
        err = service_audit_add(service, "node", "forwarded", "%s by %s to %s: %s", row.owner,
                                row.peer, forwarded->member,
                                entitlement_level_text((enum level)((int)forwarded->level - 1)));
    return err ? err : pass_on(service, row.owner, forwarded);
}
