/* SPDX-License-Identifier: MIT
 * The last question before sealing: may what waits in the outbox still leave? (disclosure.md 6) */
#include <string.h>

#include "nodes/service_private.h"

/* The most that is agreed anywhere in a police area: a count stands for all that it covers. */
static enum level agreed_within(const struct service *service, struct entitlement_inputs *inputs,
                                Up__Cell *cell, const char *police_area)
{
    enum level most = LEVEL_WITHHELD;

    for (size_t i = 0; i < inputs->roster->n_agreements; i++) {
        const Up__Agreement *agreement = inputs->roster->agreements[i];

        for (size_t j = 0; j < agreement->n_areas; j++) {
            const char *police = areas_climb(service->areas, agreement->areas[j], AREA_POLICE);
            enum level level = LEVEL_WITHHELD;

            cell->area = agreement->areas[j];
            if (police && strcmp(police, police_area) == 0)
                level = entitlement_agreement(inputs).level;
            if (level > most)
                most = level;
        }
    }
    return most;
}

bool service_may_publish(const struct service *service, const Up__Member *audience,
                         const char *police_area, bool statistics)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Cell cell = UP__CELL__INIT;
    char today[11];
    struct entitlement_inputs inputs = {.incident = &incident,
                                        .roster = roster_content(service->roster),
                                        .sender = service_self(service),
                                        .recipient = audience,
                                        .areas = service->areas,
                                        .today = today};
    enum role role = entitlement_role(audience->role);
    enum level level = LEVEL_WITHHELD;
    enum level ceiling = entitlement_hard_ceiling(role).level;

    service_today(today);
    incident.cell = &cell;
    level = agreed_within(service, &inputs, &cell, police_area);
    if (service->ceilings && service->ceilings[role].level < ceiling)
        ceiling = service->ceilings[role].level;
    for (size_t i = 0; i < service->member_ceiling_count; i++) {
        if (strcmp(service->member_ceilings[i].member, audience->id) == 0 &&
            service->member_ceilings[i].ceiling.level < ceiling)
            ceiling = service->member_ceilings[i].ceiling.level;
    }
    if (level > ceiling)
        level = ceiling;
    if (role == ROLE_CASEWORK) /* never a subscriber to feeds */
        level = LEVEL_WITHHELD;
    return level >= (statistics ? LEVEL_COUNTED : LEVEL_ANONYMISED);
}

bool service_publishes(const struct service *service, const Up__Member *sender,
                       const Up__Member *audience, const Up__Cell *cell)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    char today[11];
    struct entitlement_inputs inputs = {.incident = &incident,
                                        .roster = roster_content(service->roster),
                                        .sender = sender,
                                        .recipient = audience,
                                        .areas = service->areas,
                                        .today = today};
    const char *named = NULL;

    service_today(today);
    incident.cell = up_lent(cell);
    return entitlement_publisher(&inputs, &named) && named && strcmp(named, service->member) == 0;
}

/* What went into a release or a count was decided one by one; here is asked whether its member may have any. */
static enum up_err group_may_leave(struct service *service, const struct nodestore_row *row,
                                   const Up__Member *member, bool *ret_may)
{
    bool counted = strcmp(row->owner, OUTBOX_STATISTICS) == 0;
    const Up__Message *message = NULL;
    ProtobufCMessage *unpacked = NULL;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    message = (const Up__Message *)unpacked;
    if (!err && message->body_case !=
                    (counted ? UP__MESSAGE__BODY_STATISTICS_RETURN : UP__MESSAGE__BODY_RELEASE))
        err = UP_MALFORMED;
    if (!err)
        *ret_may = member && service_may_publish(service, member,
                                                 counted ? message->statistics_return->area
                                                         : message->release->area,
                                                 counted);
    return err;
}

/* Numbers for another publisher: does the agreement still name it? */
static enum up_err counts_may_leave(struct service *service, const struct nodestore_row *row,
                                    const Up__Member *member, bool *ret_may)
{
    const Up__PooledCounts *counts = NULL;
    const Up__Member *audience = NULL;
    ProtobufCMessage *unpacked = NULL;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    if (!err && ((const Up__Message *)unpacked)->body_case == UP__MESSAGE__BODY_POOLED_COUNTS)
        counts = ((const Up__Message *)unpacked)->pooled_counts;
    if (!err && !counts)
        err = UP_MALFORMED;
    if (err)
        return err;
    audience = roster_find_active(service->roster, counts->audience);
    *ret_may = member && audience;
    for (size_t i = 0; *ret_may && i < counts->n_counts; i++) {
        struct entitlement_inputs inputs = {.roster = roster_content(service->roster),
                                            .sender = service_self(service),
                                            .recipient = audience,
                                            .areas = service->areas};
        Up__Incident incident = UP__INCIDENT__INIT;
        char today[11];
        const char *named = NULL;

        service_today(today);
        inputs.today = today;
        inputs.incident = &incident;
        incident.cell = counts->counts[i]->cell;
        *ret_may = incident.cell && entitlement_publisher(&inputs, &named) && named &&
                   strcmp(named, member->id) == 0;
    }
    return UP_OK;
}

/* By what was taken here, or else by what was received: a ref is of one of them. */
struct again {
    struct verdict verdict;
    const Up__Incident *incident; /* as it stands; NULL: it is held no more */
};

static enum up_err decide_again(struct service *service, const char *ref, const Up__Member *member,
                                struct again *ret_again)
{
    struct nodestore_row row;
    Up__Report *report = NULL;
    ProtobufCMessage *item = NULL;
    enum up_err err = service_report_load(service, ref, service->scratch, &report, NULL);

    if (!err)
        *ret_again = (struct again){service_decide(service, report, member), report->incident};
    if (err != UP_NOT_FOUND)
        return err;
    err = nodestore_get(service->store, NODESTORE_RECEIVED, ref, service->scratch, &row);
    if (err == UP_NOT_FOUND) { /* it is held no more */
        *ret_again = (struct again){.verdict = {.entitlement = {LEVEL_WITHHELD, GROUPS_ALL}}};
        return UP_OK;
    }
    if (!err)
        err = message_unpack(&up__inbox_item__descriptor, row.body, service->scratch, &item);
    if (!err && !((Up__InboxItem *)item)->incident)
        err = UP_MALFORMED;
    if (!err)
        *ret_again = (struct again){
            service_decide_received(service, ((Up__InboxItem *)item)->incident, member),
            ((Up__InboxItem *)item)->incident};
    return err;
}

/* Was the account that waits approved for the narrative as it stands? ret_holds: it was, or there is none. */
static enum up_err account_holds(struct service *service, const struct nodestore_row *row,
                                 const Up__Incident *now, bool *ret_holds)
{
    ProtobufCMessage *unpacked = NULL;
    const Up__IncidentDisclosure *body = NULL;
    const Up__Account *account = NULL;
    const Up__Account *approved = now ? now->account : NULL;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    if (err)
        return err;
    if (((const Up__Message *)unpacked)->body_case == UP__MESSAGE__BODY_INCIDENT_DISCLOSURE)
        body = ((const Up__Message *)unpacked)->incident_disclosure;
    account = body && body->incident ? body->incident->account : NULL;
    *ret_holds = !account || account->text[0] == '\0' ||
                 (approved && strcmp(approved->text, account->text) == 0);
    return UP_OK;
}

/* A part of an attachment: only while all of the report may be seen there, and the report still has it. */
static enum up_err chunk_may_leave(struct service *service, const struct nodestore_row *row,
                                   const Up__Member *member, bool *ret_may)
{
    const Up__Message *message = NULL;
    ProtobufCMessage *unpacked = NULL;
    struct nodestore_row sent;
    struct again again;
    char reference[IDS_HEX_LEN + 1];
    bool listed = false;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    message = (const Up__Message *)unpacked;
    if (!err &&
        (message->body_case != UP__MESSAGE__BODY_ATTACHMENT || message->reference.len != 16))
        err = UP_MALFORMED;
    if (err)
        return err;
    *ret_may = false;
    ids_hex(message->reference.data, reference);
    err = nodestore_get(service->store, NODESTORE_SENT, reference, service->scratch, &sent);
    if (err == UP_NOT_FOUND || (!err && (!member || strcmp(sent.peer, row->peer) != 0)))
        return UP_OK;
    if (!err)
        err = decide_again(service, sent.owner, member, &again);
    if (err)
        return err;
    for (size_t i = 0; again.incident && i < again.incident->n_attachments; i++)
        listed |=
            strcmp(again.incident->attachments[i]->id, message->attachment->attachment_id) == 0;
    *ret_may = listed && again.verdict.entitlement.level == LEVEL_IDENTIFIED &&
               again.verdict.entitlement.withheld == 0;
    return UP_OK;
}

/* A verdict may have been lowered since it was queued: an agreement ended, the choice ran out, a text changed. */
enum up_err service_may_leave(struct service *service, const struct nodestore_row *row,
                              bool *ret_may)
{
    struct nodestore_row sent;
    ProtobufCMessage *line = NULL;
    const Up__Member *member = roster_find_active(service->roster, row->peer);
    struct again again;
    enum up_err err = UP_OK;

    *ret_may = true;
    if (strcmp(row->owner, OUTBOX_RELEASE) == 0 || strcmp(row->owner, OUTBOX_STATISTICS) == 0)
        return group_may_leave(service, row, member, ret_may);
    if (strcmp(row->owner, OUTBOX_ACTION) == 0)
        return service_action_may_leave(service, row, member, ret_may);
    if (strcmp(row->owner, OUTBOX_ATTACHMENT) == 0)
        return chunk_may_leave(service, row, member, ret_may);
    if (strcmp(row->owner, OUTBOX_POOLED) == 0)
        return counts_may_leave(service, row, member, ret_may);
    if (strlen(row->owner) != IDS_HEX_LEN)
        return UP_OK; /* about no report of ours */
    err = nodestore_get(service->store, NODESTORE_SENT, row->owner, service->scratch, &sent);
    if (err == UP_NOT_FOUND)
        return UP_OK; /* a status about what was received */
    if (!err)
        err = message_unpack(&up__sent_line__descriptor, sent.body, service->scratch, &line);
    if (err)
        return err;
    if (!member) {
        *ret_may = false;
        return UP_OK;
    }
    err = decide_again(service, sent.owner, member, &again);
    if (!err)
        err = account_holds(service, row, again.incident, ret_may);
    if (err)
        return err;
    *ret_may = *ret_may && entitlement_le(entitlement_read(((Up__SentLine *)line)->entitlement),
                                          again.verdict.entitlement);
    return UP_OK;
}
