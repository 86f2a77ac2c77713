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

/* What went into a release or a count was decided one by one; here is asked whether its member may have any. */
static enum up_err group_may_leave(struct service *service, const struct nodestore_row *row,
                                   const Up__Member *member, bool *ret_may)
{
    bool counted = strcmp(row->owner, OUTBOX_STATISTICS) == 0;
    const Up__Message *message = NULL;
    ProtobufCMessage *unpacked = NULL;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Cell cell = UP__CELL__INIT;
    char today[11];
    struct entitlement_inputs inputs = {.incident = &incident,
                                        .roster = roster_content(service->roster),
                                        .sender = service_self(service),
                                        .recipient = member,
                                        .areas = service->areas,
                                        .today = today};
    enum level level = LEVEL_WITHHELD;
    enum level ceiling = LEVEL_WITHHELD;
    enum role role = member ? entitlement_role(member->role) : ROLE_UNKNOWN;
    enum up_err err =
        message_unpack(&up__message__descriptor, row->body, service->scratch, &unpacked);

    message = (const Up__Message *)unpacked;
    if (!err && (counted ? !message->statistics_return : !message->release))
        err = UP_MALFORMED;
    if (err)
        return err;
    *ret_may = false;
    if (!member || member->status != UP__MEMBER__STATUS__ACTIVE)
        return UP_OK;
    service_today(today);
    incident.cell = &cell;
    if (counted) {
        level = agreed_within(service, &inputs, &cell, message->statistics_return->area);
    } else {
        cell.area = message->release->area;
        level = entitlement_agreement(&inputs).level;
    }
    ceiling = entitlement_hard_ceiling(role).level;
    if (service->ceilings && service->ceilings[role].level < ceiling)
        ceiling = service->ceilings[role].level;
    if (level > ceiling)
        level = ceiling;
    *ret_may = level >= (counted ? LEVEL_COUNTED : LEVEL_ANONYMISED);
    return UP_OK;
}

/* A verdict may have been lowered since it was queued: an agreement ended, the choice ran out. */
enum up_err service_may_leave(struct service *service, const struct nodestore_row *row,
                              bool *ret_may)
{
    struct nodestore_row sent;
    ProtobufCMessage *line = NULL;
    Up__Report *report = NULL;
    const Up__Member *member = roster_find_active(service->roster, row->peer);
    struct verdict verdict;
    enum up_err err = UP_OK;

    *ret_may = true;
    if (strcmp(row->owner, OUTBOX_RELEASE) == 0 || strcmp(row->owner, OUTBOX_STATISTICS) == 0)
        return group_may_leave(service, row, member, ret_may);
    if (strlen(row->owner) != IDS_HEX_LEN)
        return UP_OK; /* about no report of ours */
    err = nodestore_get(service->store, NODESTORE_SENT, row->owner, service->scratch, &sent);
    if (err == UP_NOT_FOUND)
        return UP_OK; /* a status about what was received */
    if (!err)
        err = message_unpack(&up__sent_line__descriptor, sent.body, service->scratch, &line);
    if (!err)
        err = service_report_load(service, sent.owner, service->scratch, &report, NULL);
    if (err)
        return err;
    if (!member) {
        *ret_may = false;
        return UP_OK;
    }
    verdict = service_decide(service, report, member);
    *ret_may =
        entitlement_le(entitlement_read(((Up__SentLine *)line)->entitlement), verdict.entitlement);
    return UP_OK;
}
