/* SPDX-License-Identifier: MIT
 * The twin for tests: plain lists, looked through from the front. */
#include <stdlib.h>
#include <string.h>

#include "broker/mailstore.h"
#include "upstander/limits.h"

struct mem_mail {
    struct mem_mail *next;
    delivery_number number;
    struct envelope_header header;
    struct up_bytes envelope;
};

struct mem_seen {
    struct mem_seen *next;
    struct envelope_id id;
    uint64_t expires_at_s;
};

struct mem_notice {
    struct mem_notice *next;
    struct mailstore_notice notice;
};

struct mem_prekeys {
    struct mem_prekeys *next;
    char member[UP_MEMBER_LEN_MAX + 1];
    struct up_bytes set;
};

struct mem_store {
    struct mailstore base; /* first: the contract's handle is this one */
    struct mem_mail *mail; /* in order of number */
    struct mem_seen *seen;
    struct mem_notice *notices;
    struct mem_prekeys *prekeys;
    delivery_number last;
};

static struct mem_store *mem(struct mailstore *store)
{
    return (struct mem_store *)store;
}

static void mail_free(struct mem_mail *mail)
{
    up_bytes_wipe(&mail->envelope);
    free(mail);
}

static void mem_close(struct mailstore *store)
{
    struct mem_store *self = mem(store);

    while (self->mail) {
        struct mem_mail *mail = self->mail;

        self->mail = mail->next;
        mail_free(mail);
    }
    while (self->seen) {
        struct mem_seen *seen = self->seen;

        self->seen = seen->next;
        free(seen);
    }
    while (self->notices) {
        struct mem_notice *notice = self->notices;

        self->notices = notice->next;
        free(notice);
    }
    while (self->prekeys) {
        struct mem_prekeys *prekeys = self->prekeys;

        self->prekeys = prekeys->next;
        up_bytes_wipe(&prekeys->set);
        free(prekeys);
    }
    free(self);
}

static bool is_seen(const struct mem_store *self, const struct envelope_id *id)
{
    for (const struct mem_seen *seen = self->seen; seen; seen = seen->next) {
        if (memcmp(seen->id.bytes, id->bytes, sizeof id->bytes) == 0)
            return true;
    }
    return false;
}

static bool has_room(const struct mem_store *self, const struct mailstore_item *item)
{
    uint64_t messages = 1;
    uint64_t bytes = item->envelope.len;
    uint64_t sender_bytes = item->envelope.len;

    for (const struct mem_mail *mail = self->mail; mail; mail = mail->next) {
        if (ids_member_equal(&mail->header.recipient, &item->header.recipient)) {
            messages++;
            bytes += mail->envelope.len;
        }
        if (ids_member_equal(&mail->header.sender, &item->header.sender))
            sender_bytes += mail->envelope.len;
    }
    return messages <= self->base.quotas.mailbox_messages_max &&
           bytes <= self->base.quotas.mailbox_bytes_max &&
           sender_bytes <= self->base.quotas.sender_bytes_max;
}

static enum up_err append_one(struct mem_store *self, const struct mailstore_item *item)
{
    struct mem_mail *mail = calloc(1, sizeof *mail);
    struct mem_seen *seen = calloc(1, sizeof *seen);
    struct mem_mail **end = &self->mail;

    if (!mail || !seen || up_bytes_copy(item->envelope, &mail->envelope)) {
        free(mail);
        free(seen);
        return UP_NO_MEMORY;
    }
    mail->number = ++self->last;
    mail->header = item->header;
    while (*end)
        end = &(*end)->next;
    *end = mail;
    seen->id = item->header.id;
    seen->expires_at_s = item->header.expires_at_s;
    seen->next = self->seen;
    self->seen = seen;
    return UP_OK;
}

/* Takes back what a call that fails has put in: the newest of both lists. */
static void take_back(struct mem_store *self, delivery_number before)
{
    struct mem_mail **at = &self->mail;

    while (*at && (*at)->number <= before)
        at = &(*at)->next;
    while (*at) {
        struct mem_mail *mail = *at;
        struct mem_seen *seen = self->seen;

        *at = mail->next;
        self->seen = seen->next;
        mail_free(mail);
        free(seen);
    }
}

static enum up_err mem_append(struct mailstore *store, const struct mailstore_item *items,
                              size_t count, enum mailstore_result *ret_results)
{
    struct mem_store *self = mem(store);
    delivery_number before = self->last;

    for (size_t i = 0; i < count; i++) {
        if (is_seen(self, &items[i].header.id)) {
            ret_results[i] = MAILSTORE_DUPLICATE;
        } else if (!has_room(self, &items[i])) {
            ret_results[i] = MAILSTORE_FULL;
        } else {
            enum up_err err = append_one(self, &items[i]);

            if (err) {
                take_back(self, before);
                return err;
            }
            ret_results[i] = MAILSTORE_STORED;
        }
    }
    return UP_OK;
}

static enum up_err mem_load(struct mailstore *store, const struct mailstore_query *query,
                            struct arena *arena, struct mailstore_mail **ret_mail,
                            size_t *ret_count)
{
    struct mailstore_mail *list = arena_alloc(arena, (query->limit + 1) * sizeof *list);
    size_t count = 0;
    size_t bytes = 0;

    if (!list)
        return UP_NO_MEMORY;
    for (const struct mem_mail *mail = mem(store)->mail; mail && count < query->limit;
         mail = mail->next) {
        uint8_t *copy = NULL;

        if (mail->number <= query->after || mail->header.urgent != query->urgent ||
            strcmp(mail->header.recipient.text, query->member) != 0)
            continue;
        bytes += mail->envelope.len;
        if (count > 0 && bytes > UP_LOAD_BYTES_MAX)
            break;
        copy = arena_alloc(arena, mail->envelope.len);
        if (!copy && count == 0) /* none would be the end of the mailbox */
            return UP_NO_MEMORY;
        if (!copy)
            break; /* the rest comes with the next call */
        memcpy(copy, mail->envelope.data, mail->envelope.len);
        list[count++] = (struct mailstore_mail){.number = mail->number,
                                                .envelope = up_view_of(copy, mail->envelope.len)};
    }
    *ret_mail = list;
    *ret_count = count;
    return UP_OK;
}

static void take_out(struct mem_store *self, const char *recipient, const delivery_number *number)
{
    struct mem_mail **at = &self->mail;

    while (*at) {
        struct mem_mail *mail = *at;

        if (strcmp(mail->header.recipient.text, recipient) == 0 &&
            (!number || mail->number == *number)) {
            *at = mail->next;
            mail_free(mail);
        } else {
            at = &mail->next;
        }
    }
}

static enum up_err mem_remove(struct mailstore *store, const char *recipient,
                              const delivery_number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_out(mem(store), recipient, &numbers[i]);
    return UP_OK;
}

static enum up_err mem_purge(struct mailstore *store, const char *recipient)
{
    take_out(mem(store), recipient, NULL);
    return UP_OK;
}

static void seen_expire(struct mem_store *self, int64_t now_s)
{
    struct mem_seen **at = &self->seen;

    while (*at) {
        struct mem_seen *seen = *at;

        if (seen->expires_at_s <= (uint64_t)now_s) {
            *at = seen->next;
            free(seen);
        } else {
            at = &seen->next;
        }
    }
}

static enum up_err mem_expire(struct mailstore *store, int64_t now_s, size_t limit,
                              size_t *ret_count)
{
    struct mem_store *self = mem(store);
    struct mem_mail **at = &self->mail;
    size_t count = 0;

    while (*at && count < limit) {
        struct mem_mail *mail = *at;
        struct mem_notice *notice = NULL;
        struct mem_notice **end = &self->notices;

        if (mail->header.expires_at_s > (uint64_t)now_s) {
            at = &mail->next;
            continue;
        }
        notice = calloc(1, sizeof *notice);
        if (!notice)
            return UP_NO_MEMORY;
        notice->notice = (struct mailstore_notice){.id = mail->header.id,
                                                   .sender = mail->header.sender,
                                                   .recipient = mail->header.recipient};
        while (*end)
            end = &(*end)->next;
        *end = notice;
        *at = mail->next;
        mail_free(mail);
        count++;
    }
    seen_expire(self, now_s);
    *ret_count = count;
    return UP_OK;
}

static enum up_err mem_notices(struct mailstore *store, const struct mailstore_query *query,
                               struct arena *arena, struct mailstore_notice **ret_notices,
                               size_t *ret_count)
{
    struct mailstore_notice *list = arena_alloc(arena, (query->limit + 1) * sizeof *list);
    size_t count = 0;

    if (!list)
        return UP_NO_MEMORY;
    for (const struct mem_notice *at = mem(store)->notices; at && count < query->limit;
         at = at->next) {
        if (strcmp(at->notice.sender.text, query->member) == 0)
            list[count++] = at->notice;
    }
    *ret_notices = list;
    *ret_count = count;
    return UP_OK;
}

static enum up_err mem_notices_done(struct mailstore *store, const struct mailstore_notice *notices,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mem_notice **at = &mem(store)->notices;

        while (*at) {
            struct mem_notice *notice = *at;

            if (memcmp(notice->notice.id.bytes, notices[i].id.bytes, 16) == 0) {
                *at = notice->next;
                free(notice);
            } else {
                at = &notice->next;
            }
        }
    }
    return UP_OK;
}

static struct mem_prekeys *prekeys_find(struct mem_store *self, const char *member)
{
    struct mem_prekeys *at = self->prekeys;

    while (at && strcmp(at->member, member) != 0)
        at = at->next;
    return at;
}

static enum up_err mem_prekeys_put(struct mailstore *store, const char *member, struct up_view set)
{
    struct mem_store *self = mem(store);
    struct mem_prekeys *found = prekeys_find(self, member);
    struct up_bytes copy = {0};

    if (strlen(member) > UP_MEMBER_LEN_MAX)
        return UP_INVALID;
    if (up_bytes_copy(set, &copy))
        return UP_NO_MEMORY;
    if (!found) {
        found = calloc(1, sizeof *found);
        if (!found) {
            up_bytes_wipe(&copy);
            return UP_NO_MEMORY;
        }
        memcpy(found->member, member, strlen(member));
        found->next = self->prekeys;
        self->prekeys = found;
    }
    up_bytes_wipe(&found->set);
    found->set = copy;
    return UP_OK;
}

static enum up_err mem_prekeys_get(struct mailstore *store, const char *member, struct arena *arena,
                                   struct up_view *ret_prekeys)
{
    const struct mem_prekeys *found = prekeys_find(mem(store), member);
    uint8_t *copy = NULL;

    if (!found)
        return UP_NOT_FOUND;
    copy = arena_alloc(arena, found->set.len);
    if (!copy)
        return UP_NO_MEMORY;
    if (found->set.len > 0)
        memcpy(copy, found->set.data, found->set.len);
    *ret_prekeys = up_view_of(copy, found->set.len);
    return UP_OK;
}

static uint64_t mem_waiting(struct mailstore *store, const char *recipient)
{
    uint64_t count = 0;

    for (const struct mem_mail *mail = mem(store)->mail; mail; mail = mail->next)
        count += strcmp(mail->header.recipient.text, recipient) == 0;
    return count;
}

enum up_err mailstore_mem_open(const struct mailstore_quotas *quotas, struct mailstore **ret_store)
{
    static const struct mailstore_ops ops = {
        .close = mem_close,
        .append = mem_append,
        .load = mem_load,
        .remove = mem_remove,
        .expire = mem_expire,
        .notices = mem_notices,
        .notices_done = mem_notices_done,
        .prekeys_put = mem_prekeys_put,
        .prekeys_get = mem_prekeys_get,
        .purge = mem_purge,
        .waiting = mem_waiting,
    };
    struct mem_store *self = calloc(1, sizeof *self);

    if (!self)
        return UP_NO_MEMORY;
    self->base.ops = &ops;
    self->base.quotas = *quotas;
    *ret_store = &self->base;
    return UP_OK;
}
