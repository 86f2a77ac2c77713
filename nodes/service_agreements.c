/* SPDX-License-Identifier: MIT
 * Sharing agreements at this node: shown, suspended by a party, and what about them needs a person (disclosure.md 2).
 * A notice is bound to the very words that were signed: a newly signed agreement is another one. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nodes/service_private.h"
#include "upstander/agreement.h"
#include "upstander/limits.h"

/* States of a NODESTORE_AGREEMENT row. Never renumbered. */
enum { NOTICE_SUSPENDED = 1, NOTICE_RESUMED = 2 };
enum { PAGE = 8 /* a message of the outbox can be 256 KiB */ };

static struct up_view federation_of(const Up__Roster *roster)
{
    return up_view_of(roster->federation.data, roster->federation.len);
}

/* --- notices -------------------------------------------------------------------------------------- */

struct notice {
    const char *party;
    const char *agreement; /* its id */
    struct digest digest;
    bool suspended;
    uint64_t number;
};

/* One row for each agreement and party: both together name it. */
static void notice_name(const struct notice *notice, char ret_name[static IDS_HEX_LEN + 1])
{
    uint8_t bytes[32 + UP_MEMBER_LEN_MAX + 1] = {0};
    struct digest digest;

    memcpy(bytes, notice->digest.bytes, 32);
    (void)snprintf((char *)bytes + 32, sizeof bytes - 32, "%s", notice->party);
    keys_digest(up_view_of(bytes, sizeof bytes), &digest);
    ids_hex(digest.bytes, ret_name);
}

static enum up_err notice_read(const struct nodestore_row *row, struct arena *arena,
                               Up__AgreementNotice **ret_notice)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = message_unpack(&up__agreement_notice__descriptor, row->body, arena, &message);

    if (err)
        return err;
    if (((Up__AgreementNotice *)message)->digest.len != 32)
        return UP_MALFORMED;
    *ret_notice = (Up__AgreementNotice *)message;
    return UP_OK;
}

/* Number of what this party said last about this agreement; 0: nothing. */
static enum up_err number_last(struct service *service, const struct notice *notice,
                               uint64_t *ret_number)
{
    struct nodestore_row row;
    Up__AgreementNotice *before = NULL;
    char name[IDS_HEX_LEN + 1];
    enum up_err err = UP_OK;

    notice_name(notice, name);
    err = nodestore_get(service->store, NODESTORE_AGREEMENT, name, service->scratch, &row);
    if (!err)
        err = notice_read(&row, service->scratch, &before);
    if (!err && before)
        *ret_number = before->number;
    return err == UP_NOT_FOUND ? UP_OK : err;
}

static void notice_fill(const struct notice *notice, struct digest *digest,
                        Up__AgreementNotice *ret_body, char *ret_id)
{
    up__agreement_notice__init(ret_body);
    *digest = notice->digest;
    (void)snprintf(ret_id, NODESTORE_NAME_MAX, "%s", notice->agreement);
    ret_body->agreement = ret_id;
    ret_body->digest = (ProtobufCBinaryData){.len = 32, .data = digest->bytes};
    ret_body->suspended = notice->suspended;
    ret_body->number = notice->number;
}

static enum up_err notice_put(struct service *service, const struct notice *notice)
{
    struct nodestore_row row = {.kind = NODESTORE_AGREEMENT,
                                .state = notice->suspended ? NOTICE_SUSPENDED : NOTICE_RESUMED,
                                .at_s = clock_wall_s()};
    Up__AgreementNotice body;
    struct digest digest;
    char id[NODESTORE_NAME_MAX];
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    notice_fill(notice, &digest, &body, id);
    notice_name(notice, row.name);
    (void)snprintf(row.peer, sizeof row.peer, "%s", notice->party);
    err = message_pack(&body.base, UP_TEXT_LEN_MAX, &bytes);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

/* Which agreement of the directory has these words? False: none. */
static bool agreement_of(const Up__Roster *roster, const struct digest *digest, size_t *ret_index)
{
    for (size_t i = 0; i < roster->n_agreements && i < roster->n_signed_agreements; i++) {
        struct digest own;

        if (agreement_digest(roster->signed_agreements[i], federation_of(roster), &own) == UP_OK &&
            memcmp(own.bytes, digest->bytes, sizeof own.bytes) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* Whoever is no party stops nothing, whatever it says. */
static enum up_err notice_apply(struct roster *roster, const struct notice *notice)
{
    const Up__Roster *content = roster_content(roster);
    size_t index = 0;

    if (!agreement_of(content, &notice->digest, &index) ||
        !agreement_names(content->agreements[index]->signed_by,
                         content->agreements[index]->n_signed_by, notice->party))
        return UP_OK;
    return roster_suspend(roster, index, notice->party, notice->suspended);
}

enum up_err service_agreements_apply_to(struct service *service, struct roster *roster)
{
    struct nodestore_query query = {.kind = NODESTORE_AGREEMENT, .states = 1u << NOTICE_SUSPENDED};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    for (size_t i = 0; !err && i < count; i++) {
        Up__AgreementNotice *body = NULL;
        struct notice notice = {.party = rows[i].peer, .suspended = true};

        err = notice_read(&rows[i], service->scratch, &body);
        if (!err) {
            memcpy(notice.digest.bytes, body->digest.data, 32);
            err = notice_apply(roster, &notice);
        }
    }
    return err;
}

/* What could not leave is looked at anew, now and not at its next turn. */
static enum up_err outbox_look(struct service *service)
{
    struct nodestore_query query = {
        .kind = NODESTORE_OUTBOX, .states = 1u << OUTBOX_CANT, .limit = PAGE};
    enum up_err err = UP_OK;
    size_t count = PAGE;

    service->want = true;
    while (!err && count == PAGE) {
        struct nodestore_row *rows = NULL;

        count = 0;
        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &rows, &count);
        for (size_t i = 0; !err && i < count; i++) {
            query.after = rows[i].number;
            err = nodestore_mark(service->store, NODESTORE_OUTBOX, rows[i].name, OUTBOX_WAITING, 0);
        }
    }
    return err;
}

/* What a party may say about an agreement that this directory does not list yet is bounded: its directory may be newer,
 * and it may be hostile. */
static enum up_err may_keep(struct service *service, const char *party, bool known, bool *ret_may)
{
    struct nodestore_query query = {
        .kind = NODESTORE_AGREEMENT, .peer = party, .limit = UP_NOTICES_PER_MEMBER_MAX};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = UP_OK;

    *ret_may = known;
    if (known)
        return UP_OK;
    err = nodestore_list(service->store, &query, service->scratch, &rows, &count);
    *ret_may = count < UP_NOTICES_PER_MEMBER_MAX;
    return err;
}

enum up_err service_agreement_notice(struct service *service,
                                     const struct exchange_message *message)
{
    const Up__AgreementNotice *body = message->message->agreement;
    const Up__Roster *roster = roster_content(service->roster);
    struct notice notice = {.party = message->sender.text,
                            .agreement = body->agreement,
                            .suspended = body->suspended,
                            .number = body->number};
    size_t index = 0;
    uint64_t last = 0;
    bool known = false;
    bool may = false;
    enum up_err err = UP_OK;

    memcpy(notice.digest.bytes, body->digest.data, 32); /* the exchange looked at its length */
    known = agreement_of(roster, &notice.digest, &index);
    err = number_last(service, &notice, &last);
    if (err || notice.number <= last)
        return err;
    err = may_keep(service, notice.party, known || last > 0, &may);
    if (err)
        return err;
    if (!may) {
        service->refused++;
        return service_audit_add(service, "node", "agreement-notice-refused", "from %s: too many",
                                 notice.party);
    }
    err = notice_put(service, &notice);
    if (!err)
        err = notice_apply(service->roster, &notice);
    if (!err && !notice.suspended)
        err = outbox_look(service);
    service->watched[0] = '\0';
    if (!err)
        log_warn("agreement", "by=%s state=%s", notice.party,
                 notice.suspended ? "suspended" : "resumed");
    return err ? err
               : service_audit_add(
                     service, "node",
                     notice.suspended ? "agreement-suspended" : "agreement-resumed", "%.64s by %s",
                     known ? roster->agreements[index]->id : "not listed here", notice.party);
}

/* --- by this node --------------------------------------------------------------------------------- */

/* Everybody else who signed is told. */
static enum up_err notice_send(struct service *service, const Up__Agreement *agreement,
                               const struct notice *notice)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__AgreementNotice body;
    struct digest digest;
    char id[NODESTORE_NAME_MAX];
    enum up_err err = UP_OK;

    notice_fill(notice, &digest, &body, id);
    message.body_case = UP__MESSAGE__BODY_AGREEMENT;
    message.agreement = &body;
    for (size_t i = 0; !err && i < agreement->n_signed_by; i++) {
        const char *to = agreement->signed_by[i];

        if (strcmp(to, service->member) != 0 && roster_find_active(service->roster, to))
            err = service_queue(service, to, "", &message, true);
    }
    return err;
}

static enum up_err suspend_check(const struct service *service, const struct service_call *call,
                                 const char *id, size_t *ret_index)
{
    const Up__Roster *roster = roster_content(service->roster);

    for (size_t i = 0; i < roster->n_agreements; i++) {
        const Up__Agreement *agreement = roster->agreements[i];

        if (strcmp(agreement->id, id) != 0)
            continue;
        if (!agreement_names(agreement->signed_by, agreement->n_signed_by, service->member))
            return up_why_set(
                call->why, UP_NOT_PERMITTED,
                "this organisation has not signed agreement %.64s, so nothing goes to "
                "or from it under it",
                id);
        *ret_index = i;
        return UP_OK;
    }
    return up_why_set(call->why, UP_NOT_FOUND,
                      "the directory lists no such agreement; `upstander agreement show` lists "
                      "them");
}

enum up_err service_agreement_suspend(struct service *service, const struct service_call *call,
                                      const char *id, bool suspended, Up__AgreementList **ret_reply)
{
    const Up__Roster *roster = roster_content(service->roster);
    struct notice notice = {.party = service->member, .agreement = id, .suspended = suspended};
    const Up__Agreement *agreement = NULL;
    size_t index = 0;
    bool is = false;
    uint64_t last = 0;
    enum up_err err = service_begin(service, call, OPERATOR_KEYS | OPERATOR_APPROVE);

    if (err)
        return err;
    err = suspend_check(service, call, id, &index);
    if (!err)
        err = agreement_digest(roster->signed_agreements[index], federation_of(roster),
                               &notice.digest);
    if (!err) {
        agreement = roster->agreements[index];
        is = agreement_names(agreement->suspended_by, agreement->n_suspended_by, service->member);
        err = number_last(service, &notice, &last);
    }
    notice.number = last + 1;
    if (!err && is != suspended) {
        err = notice_put(service, &notice);
        if (!err)
            err = notice_send(service, agreement, &notice);
        if (!err && !suspended)
            err = outbox_look(service);
        if (!err)
            err = service_audit_add(service, call->operator->name,
                                    suspended ? "agreement-suspended" : "agreement-resumed",
                                    "%.64s", id);
    }
    err = service_end(service, call, err);
    if (!err)
        err = roster_suspend(service->roster, index, service->member, suspended);
    service->watched[0] = '\0';
    return err ? err : service_agreements(service, call, ret_reply);
}

/* --- showing -------------------------------------------------------------------------------------- */

enum up_err service_agreements(struct service *service, const struct service_call *call,
                               Up__AgreementList **ret_reply)
{
    const Up__Roster *roster = roster_content(service->roster);
    Up__AgreementList *list = arena_alloc(call->arena, sizeof *list);
    enum up_err err = service_may(call, ~0u);

    if (err)
        return err;
    if (!list)
        return UP_NO_MEMORY;
    up__agreement_list__init(list);
    list->agreements = roster->agreements; /* the reply is written out before anything changes */
    list->n_agreements = roster->n_agreements;
    list->members = arena_alloc(call->arena, (roster->n_members + 1) * sizeof(Up__Member *));
    if (!list->members)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < roster->n_members; i++) {
        Up__Member *member = arena_alloc(call->arena, sizeof *member);

        if (!member)
            return UP_NO_MEMORY;
        up__member__init(member);
        member->id = roster->members[i]->id;
        member->name = roster->members[i]->name;
        member->role = roster->members[i]->role;
        member->status = roster->members[i]->status;
        list->members[list->n_members++] = member;
    }
    *ret_reply = list;
    return UP_OK;
}

/* --- what needs a person -------------------------------------------------------------------------- */

enum { ALARMS_EACH = 3, ALARM_LEN_MAX = 320 };

static bool is_signed(const Up__Agreement *agreement, const char *member)
{
    return agreement_names(agreement->signed_by, agreement->n_signed_by, member);
}

/* The other side's organisations that did not sign, as far as they could. */
static size_t unsigned_count(const Up__Roster *roster, const Up__Agreement *agreement,
                             const Up__Member *self)
{
    bool sends = agreement_sends(agreement, self);
    bool receives = agreement_receives(agreement, self);
    size_t count = 0;

    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];
        bool other = (sends && agreement_receives(agreement, member)) ||
                     (receives && agreement_sends(agreement, member));

        count += other && member->status == UP__MEMBER__STATUS__ACTIVE && member != self &&
                 !is_signed(agreement, member->id);
    }
    return count;
}

static enum up_err alarm_add(struct arena *arena, char **list, size_t *count, const char *text)
{
    list[*count] = service_text(arena, text);
    return list[(*count)++] ? UP_OK : UP_NO_MEMORY;
}

static enum up_err alarms_of(const struct service *service, const Up__Agreement *agreement,
                             struct arena *arena, char **list, size_t *count)
{
    const Up__Member *self = service_self(service);
    char today[11];
    char text[ALARM_LEN_MAX] = "";
    size_t missing = 0;
    enum up_err err = UP_OK;

    service_today(today);
    if (!self || (!agreement_sends(agreement, self) && !agreement_receives(agreement, self)) ||
        (agreement->ends_on[0] != '\0' && strcmp(agreement->ends_on, today) < 0))
        return UP_OK;
    missing = unsigned_count(roster_content(service->roster), agreement, self);
    if (!is_signed(agreement, service->member))
        (void)snprintf(
            text, sizeof text,
            "agreement %.64s: this organisation has not signed it, so nothing goes to or "
            "from it under it",
            agreement->id);
    else if (missing > 0)
        (void)snprintf(text, sizeof text,
                       "agreement %.64s: %zu of the other organisations %s not signed it",
                       agreement->id, missing, missing == 1 ? "has" : "have");
    if (text[0] != '\0')
        err = alarm_add(arena, list, count, text);
    if (!err && (agreement->suspended || agreement->n_suspended_by > 0)) {
        (void)snprintf(text, sizeof text, "agreement %.64s: SUSPENDED%s%.32s%s", agreement->id,
                       agreement->n_suspended_by > 0 ? " by " : "",
                       agreement->n_suspended_by > 0 ? agreement->suspended_by[0] : "",
                       agreement->n_suspended_by > 1 ? " and others" : "");
        err = alarm_add(arena, list, count, text);
    }
    if (!err && agreement->review_on[0] != '\0' && strcmp(agreement->review_on, today) < 0) {
        (void)snprintf(
            text, sizeof text,
            "agreement %.64s: its review was due on %.10s; it goes on until somebody ends "
            "it. Ask %.120s",
            agreement->id, agreement->review_on,
            agreement->contact[0] != '\0' ? agreement->contact : "a signatory");
        err = alarm_add(arena, list, count, text);
    }
    return err;
}

enum up_err service_agreement_alarms(const struct service *service, struct arena *arena,
                                     char ***ret_list, size_t *ret_count)
{
    const Up__Roster *roster = roster_content(service->roster);
    char **list = arena_alloc(arena, (roster->n_agreements * ALARMS_EACH + 1) * sizeof *list);
    size_t count = 0;
    enum up_err err = list ? UP_OK : UP_NO_MEMORY;

    for (size_t i = 0; !err && i < roster->n_agreements; i++)
        err = alarms_of(service, roster->agreements[i], arena, list, &count);
    if (!err) {
        *ret_list = list;
        *ret_count = count;
    }
    return err;
}

void service_agreements_watch(struct service *service)
{
    char today[11];
    char **list = NULL;
    size_t count = 0;

    service_today(today);
    if (strcmp(today, service->watched) == 0)
        return;
    arena_reset(service->scratch);
    if (service_agreement_alarms(service, service->scratch, &list, &count))
        return; /* the next turn tries again */
    memcpy(service->watched, today, sizeof service->watched);
    for (size_t i = 0; i < count; i++)
        log_warn("agreement", "why=\"%s\"", list[i]);
}
