/* SPDX-License-Identifier: MIT
 * What every service does: the role, the transaction, the audit log; and the node itself. */
#include "nodes/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { SUBJECT_LEN_MAX = 400, AUDIT_MAX = 5000 };

enum up_err service_may(const struct service_call *call, unsigned roles)
{
    static const struct {
        unsigned role;
        const char *word;
    } words[] = {{OPERATOR_TAKE_REPORTS, "take-reports"},
                 {OPERATOR_APPROVE, "approve"},
                 {OPERATOR_KEYS, "keys"},
                 {OPERATOR_OVERRIDE, "override"},
                 {OPERATOR_AUDIT, "audit"}};
    const char *word = "read-only";

    if ((call->operator->roles & roles) != 0)
        return UP_OK;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (roles & words[i].role) {
            word = words[i].word;
            break;
        }
    }
    return up_why_set(call->why, UP_NOT_PERMITTED,
                      "%s does not have the role \"%s\"; whoever keeps this node's settings can "
                      "give it under operators",
                      call->operator->name, word);
}

enum up_err service_begin(struct service *service, const struct service_call *call, unsigned roles)
{
    enum up_err err = service_may(call, roles);

    if (err)
        return err;
    arena_reset(service->scratch);
    err = nodestore_begin(service->store);
    return err ? service_end(service, call, err) : UP_OK;
}

enum up_err service_end(struct service *service, const struct service_call *call, enum up_err err)
{
    if (!err)
        err = nodestore_commit(service->store);
    else
        nodestore_rollback(service->store);
    if (err && call->why && call->why->text[0] == '\0') {
        if (err == UP_FULL)
            return up_why_set(call->why, err,
                              "nothing was saved: the disk is full; free some space and try again");
        if (err == UP_IO || err == UP_BUSY)
            return up_why_set(call->why, err, "nothing was saved: the store says: %s",
                              up_err_text(err));
    }
    return err;
}

size_t service_page_end(const struct service_call *call)
{
    return call->limit == 0 || call->limit > SIZE_MAX - call->offset ? SIZE_MAX
                                                                     : call->offset + call->limit;
}

enum up_err service_list_end(const struct service_call *call, enum up_err err)
{
    return err == UP_NO_MEMORY && call->why && call->why->text[0] == '\0'
               ? up_why_set(call->why, err,
                            "the list is longer than one answer holds; ask for it in pages, with "
                            "offset and limit")
               : err;
}

enum up_err service_audit_add(struct service *service, const char *person, const char *action,
                              const char *format, ...)
{
    char subject[SUBJECT_LEN_MAX];
    struct nodestore_audit entry = {
        .at_s = clock_wall_s(), .person = person, .action = action, .subject = subject};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(subject, sizeof subject, format, args);
    va_end(args);
    return nodestore_audit_add(service->store, &entry);
}

char *service_text(struct arena *arena, const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

void service_today(char ret_today[static 11])
{
    char now[CLOCK_TEXT_LEN];

    clock_london(clock_wall_s(), now);
    memcpy(ret_today, now, 10);
    ret_today[10] = '\0';
}

const Up__Member *service_self(const struct service *service)
{
    return roster_find(service->roster, service->member);
}

void service_new_ref(char ret_ref[static 10])
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t random[8];
    size_t at = 0;

    keys_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        if (i == 4)
            ret_ref[at++] = '-';
        ret_ref[at++] = letters[random[i] % 32];
    }
    ret_ref[at] = '\0';
}

enum up_err service_put_outbox(struct service *service, const struct service_letter *letter)
{
    struct nodestore_row row = {.kind = NODESTORE_OUTBOX,
                                .state = OUTBOX_WAITING,
                                .urgent = letter->urgent,
                                .at_s = clock_wall_s(),
                                .body = letter->message};

    ids_hex(letter->id.bytes, row.name);
    (void)snprintf(row.owner, sizeof row.owner, "%s", letter->owner);
    (void)snprintf(row.peer, sizeof row.peer, "%s", letter->member);
    service->want = true;
    return nodestore_put(service->store, &row);
}

enum up_err service_queue(struct service *service, const char *member, const char *owner,
                          Up__Message *message, bool urgent)
{
    struct service_letter letter = {.member = member, .owner = owner, .urgent = urgent};
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    keys_random(letter.id.bytes, sizeof letter.id.bytes);
    message->id = (ProtobufCBinaryData){.len = sizeof letter.id.bytes, .data = letter.id.bytes};
    message->sent_at_s = clock_wall_s();
    err = message_pack(&message->base, UP_BATCH_LEN_MAX - 64, &bytes);
    message->id = (ProtobufCBinaryData){.len = 0, .data = NULL};
    letter.message = up_bytes_view(&bytes);
    if (!err)
        err = service_put_outbox(service, &letter);
    up_bytes_wipe(&bytes);
    return err;
}

/* --- the node ------------------------------------------------------------------------------------- */

#define CLOCKS_APART                                                                               \
    "connected, but this machine's clock and the broker's differ by over ten minutes; set it "     \
    "right"

static const char *connection_text(const struct service *service)
{
    if (exchange_is_online(service->exchange))
        return service->clocks_apart ? CLOCKS_APART : "connected";
    if (!roster_find_broker_of(service->roster, service->member))
        return "the directory names no broker for this member";
    return service->trouble ? service->trouble : "no answer from the broker yet; trying again";
}

static enum up_err status_fill(struct service *service, const struct service_call *call,
                               Up__NodeStatus **ret_reply)
{
    const Up__Roster *roster = roster_content(service->roster);
    const Up__Broker *broker = roster_find_broker_of(service->roster, service->member);
    Up__NodeStatus *status = arena_alloc(call->arena, sizeof *status);
    char until[CLOCK_TEXT_LEN];
    size_t under_way = exchange_under_way(service->exchange);
    uint64_t waiting = 0;

    if (!status)
        return UP_NO_MEMORY;
    up__node_status__init(status);
    clock_london(roster->expires_at_s, until);
    until[10] = '\0';
    status->member = service_text(call->arena, service->member);
    status->federation = service_text(call->arena, roster->name);
    status->exercise = roster->exercise;
    status->roster_version = roster->version;
    status->roster_expires = service_text(call->arena, until);
    status->roster_expired = roster_is_expired(service->roster, clock_wall_s());
    status->connected = exchange_is_online(service->exchange);
    status->broker = service_text(call->arena, broker ? broker->id : "");
    status->connection_detail = service_text(call->arena, connection_text(service));
    waiting = nodestore_count(service->store, NODESTORE_OUTBOX, 1u << OUTBOX_WAITING);
    status->outbox_waiting = (uint32_t)(waiting > under_way ? waiting - under_way : 0);
    status->outbox_under_way =
        (uint32_t)(under_way +
                   nodestore_count(service->store, NODESTORE_OUTBOX, 1u << OUTBOX_ACCEPTED));
    status->outbox_cant_be_sent =
        (uint32_t)nodestore_count(service->store, NODESTORE_OUTBOX, 1u << OUTBOX_CANT);
    status->inbox = (uint32_t)nodestore_count(service->store, NODESTORE_RECEIVED, 0);
    status->reports = (uint32_t)nodestore_count(service->store, NODESTORE_REPORT, 0);
    status->refused = (uint32_t)service->refused;
    status->version = service_text(call->arena, UPSTANDER_VERSION);
    status->operator_name = service_text(call->arena, call->operator->name);
    status->cant_be_shared =
        (uint32_t)nodestore_count(service->store, NODESTORE_SENT, 1u << SENT_NO_AGREEMENT);
    if (service_agreement_alarms(service, call->arena, &status->agreement_alarms,
                                 &status->n_agreement_alarms))
        return UP_NO_MEMORY;
    if (!status->member || !status->federation || !status->roster_expires || !status->broker ||
        !status->connection_detail || !status->version || !status->operator_name)
        return UP_NO_MEMORY;
    *ret_reply = status;
    return service_override_status(service, call->arena, status);
}

enum up_err service_status(struct service *service, const struct service_call *call,
                           Up__NodeStatus **ret_reply)
{
    return status_fill(service, call, ret_reply);
}

enum up_err service_use_roster(struct service *service, struct roster *next, const char *person,
                               struct up_why *why)
{
    const Up__Member *self = roster_find(next, service->member);
    enum up_err err = UP_OK;

    if (!self || memcmp(self->identity_key.data, service->keys->identity.bytes, 32) != 0 ||
        memcmp(self->transport_key.data, service->keys->transport.bytes, 32) != 0)
        return up_why_set(why, UP_UNKNOWN_MEMBER,
                          "that directory does not name %s with this node's keys; ask a signatory",
                          service->member);
    err = file_write(service->roster_path, roster_signed_bytes(next), 0600, why);
    if (!err)
        err = nodestore_number_put(service->store, "keys/roster-version",
                                   (int64_t)roster_version(next));
    if (!err)
        err = service_audit_add(service, person, "roster-changed", "version %llu",
                                (unsigned long long)roster_version(next));
    if (!err) /* what a party suspended stays suspended, as long as the agreement reads the same */
        err = service_agreements_apply_to(service, next);
    if (err)
        return err;
    service->roster_old = service->roster;
    service->roster = next;
    service->roster_changed = true;
    service->watched[0] = '\0';
    return UP_OK;
}

enum up_err service_roster(struct service *service, const struct service_call *call,
                           const Up__RosterRequest *request, Up__NodeStatus **ret_reply)
{
    struct roster *next = NULL;
    enum up_err err = service_begin(service, call, OPERATOR_KEYS);

    if (err)
        return err;
    if (service->roster_changed)
        err = up_why_set(call->why, UP_BUSY, "another directory was just installed; try again");
    if (!err)
        err = roster_open(up_view_of(request->signed_roster.data, request->signed_roster.len),
                          service->roster, &service->stewards, &next);
    if (err == UP_ROLLBACK)
        (void)up_why_set(call->why, err, "this node holds version %llu, which is not older",
                         (unsigned long long)roster_version(service->roster));
    if (!err)
        err = service_use_roster(service, next, call->operator->name, call->why);
    if (err)
        roster_destroy(&next);
    err = service_end(service, call, err);
    return err ? err : status_fill(service, call, ret_reply);
}

static enum up_err audit_line(const struct nodestore_audit *from, struct arena *arena,
                              Up__AuditEntry **ret_entry)
{
    Up__AuditEntry *entry = arena_alloc(arena, sizeof *entry);
    char at[CLOCK_TEXT_LEN];
    char hash[65];

    if (!entry)
        return UP_NO_MEMORY;
    up__audit_entry__init(entry);
    clock_london(from->at_s, at);
    ids_hex(from->hash.bytes, hash);
    ids_hex(from->hash.bytes + 16, hash + 32);
    entry->number = from->number;
    entry->at = service_text(arena, at);
    entry->operator_name = service_text(arena, from->person);
    entry->action = service_text(arena, from->action);
    entry->subject = service_text(arena, from->subject);
    entry->hash = service_text(arena, hash);
    *ret_entry = entry;
    return entry->at && entry->operator_name && entry->action && entry->subject && entry->hash
               ? UP_OK
               : UP_NO_MEMORY;
}

/* The newest AUDIT_MAX entries, oldest first. */
enum up_err service_audit(struct service *service, const struct service_call *call,
                          Up__AuditList **ret_reply)
{
    struct nodestore_audit *entries = NULL;
    Up__AuditList *list = arena_alloc(call->arena, sizeof *list);
    size_t count = 0;
    uint64_t broken = 0;
    uint64_t last = 0;
    bool holds = false;
    enum up_err err = service_may(call, OPERATOR_AUDIT);

    if (err)
        return err;
    if (!list)
        return UP_NO_MEMORY;
    arena_reset(service->scratch);
    up__audit_list__init(list);
    err = nodestore_audit_check(service->store, &holds, &broken);
    if (!err)
        last = nodestore_audit_last(service->store);
    if (!err)
        err = nodestore_audit_list(
            service->store,
            (struct nodestore_span){.after = last > AUDIT_MAX ? last - AUDIT_MAX : 0,
                                    .limit = AUDIT_MAX},
            service->scratch, &entries, &count);
    if (err)
        return err;
    list->chain_holds = holds;
    list->entries = arena_alloc(call->arena, (count + 1) * sizeof(Up__AuditEntry *));
    if (!list->entries)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < count; i++)
        err = audit_line(&entries[i], call->arena, &list->entries[list->n_entries++]);
    if (!err)
        *ret_reply = list;
    return err;
}
