/* SPDX-License-Identifier: MIT
 * ZeroMQ RFC 27. Requests come from libzmq's own threads; whatever is odd about one is answered 400. */
#include "broker/zap.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct zap {
    zsock_t *socket;
    const struct roster *roster;
    uint64_t refused;
};

enum up_err zap_new(const struct roster *roster, struct zap **ret_zap)
{
    struct zap *zap = calloc(1, sizeof *zap);

    if (!zap)
        return UP_NO_MEMORY;
    zap->roster = roster;
    zap->socket = zsock_new(ZMQ_REP);
    if (!zap->socket || zsock_bind(zap->socket, "inproc://zeromq.zap.01") < 0) {
        zap_destroy(&zap);
        return UP_IO;
    }
    *ret_zap = zap;
    return UP_OK;
}

void zap_destroy(struct zap **zap_p)
{
    if (!*zap_p)
        return;
    zsock_destroy(&(*zap_p)->socket);
    free(*zap_p);
    *zap_p = NULL;
}

void zap_use_roster(struct zap *zap, const struct roster *roster)
{
    zap->roster = roster;
}

zsock_t *zap_socket(struct zap *zap)
{
    return zap->socket;
}

uint64_t zap_refused(const struct zap *zap)
{
    return zap->refused;
}

/* version, request id, domain, address, routing id, mechanism, key */
static const Up__Member *judge(struct zap *zap, zframe_t *const parts[static 7])
{
    struct transport_public key;

    if (!zframe_streq(parts[0], "1.0") || !zframe_streq(parts[2], "upstander") ||
        !zframe_streq(parts[5], "CURVE") || zframe_size(parts[6]) != sizeof key.bytes)
        return NULL;
    memcpy(key.bytes, zframe_data(parts[6]), sizeof key.bytes);
    return roster_find_transport(zap->roster, &key);
}

void zap_answer(struct zap *zap)
{
    zmsg_t *request = zmsg_recv(zap->socket);
    zmsg_t *reply = zmsg_new();
    zframe_t *parts[7] = {NULL};
    const Up__Member *member = NULL;
    size_t count = request ? zmsg_size(request) : 0;

    for (size_t i = 0; i < 7 && i < count; i++)
        parts[i] = i == 0 ? zmsg_first(request) : zmsg_next(request);
    if (count == 7)
        member = judge(zap, parts);
    if (count >= 2) {
        (void)zmsg_addstr(reply, "1.0");
        (void)zmsg_addmem(reply, zframe_data(parts[1]), zframe_size(parts[1]));
        (void)zmsg_addstr(reply, member ? "200" : "400");
        (void)zmsg_addstr(reply, member ? "OK" : "not in the roster");
        (void)zmsg_addstr(reply, member ? member->id : "");
        (void)zmsg_addmem(reply, "", 0);
        (void)zmsg_send(&reply, zap->socket);
    }
    if (!member) {
        zap->refused++;
        log_warn("refused", "reason=stranger count=%llu", (unsigned long long)zap->refused);
    }
    zmsg_destroy(&request);
    zmsg_destroy(&reply);
}
