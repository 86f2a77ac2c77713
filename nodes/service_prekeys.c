/* SPDX-License-Identifier: MIT
 * This node's own prekeys: made, kept wrapped in the store, destroyed when dead (protocol.md 2). */
#include <string.h>

#include "base/clock.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

#define WEEK_S (INT64_C(7) * 86400)

static enum up_err prekey_make(struct service *service, int64_t from_s)
{
    const struct prekey_owner owner = {.roster = service->roster,
                                       .member = service->member,
                                       .identity = &service->keys->identity_secret};
    struct prekey prekey;
    struct prekey_id id;
    struct nodestore_prekey row;
    Up__SignedPrekey published = UP__SIGNED_PREKEY__INIT;
    struct up_bytes bytes = {0};
    enum up_err err = prekey_generate(&owner, from_s, &prekey, &row.secret);

    if (err)
        return err;
    prekey_id_of(&prekey.key, &id);
    memcpy(row.id, id.bytes, sizeof row.id);
    row.dead_s = prekey.valid_until_s + UP_ENVELOPE_TTL_S_MAX + UP_ENVELOPE_CLOCK_SLACK_S;
    published.member = service->member;
    published.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    published.valid_from_s = prekey.valid_from_s;
    published.valid_until_s = prekey.valid_until_s;
    published.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    err = message_pack(&published.base, UP_TEXT_LEN_MAX, &bytes);
    row.published = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_prekey_put(service->store, &row);
    up_bytes_wipe(&bytes);
    keys_wipe(&row.secret, sizeof row.secret);
    return err;
}

enum up_err service_prekeys_read(struct service *service, struct exchange_prekey *ret_list,
                                 size_t *ret_count)
{
    struct nodestore_prekey *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_prekeys(service->store, service->scratch, &rows, &count);

    *ret_count = 0;
    for (size_t i = 0; !err && i < count && *ret_count < UP_PREKEYS_PER_MEMBER_MAX; i++) {
        struct exchange_prekey *to = &ret_list[*ret_count];
        ProtobufCMessage *message = NULL;

        err = message_unpack(&up__signed_prekey__descriptor, rows[i].published, service->scratch,
                             &message);
        if (err)
            break;
        /* one that an earlier identity key signed is of no use */
        if (prekey_open((const Up__SignedPrekey *)message, service->roster, &to->prekey))
            continue;
        to->secret = rows[i].secret;
        (*ret_count)++;
    }
    return err;
}

enum up_err service_prekeys_renew(struct service *service, const struct exchange_prekey *list,
                                  size_t count)
{
    int64_t now_s = clock_wall_s();
    int64_t this_week_s = now_s - now_s % WEEK_S;
    enum up_err err = nodestore_prekeys_sweep(service->store, now_s);

    for (int week = 0; !err && week <= UP_PREKEY_WEEKS; week++) {
        bool there = false;

        for (size_t i = 0; i < count; i++)
            there |= list[i].prekey.valid_from_s == this_week_s + week * WEEK_S;
        if (!there)
            err = prekey_make(service, this_week_s + week * WEEK_S);
    }
    return err;
}
