/* SPDX-License-Identifier: MIT */
#include "nodes/link/link.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

enum { FDS_MAX = 8, WAITING_MAX = 128 /* frames: all of a full window, and the Acks meanwhile */ };

struct link {
    const struct keyfile *keys;
    zsock_t *dealer; /* NULL: not connected */
    zmq_msg_t frame;
    struct up_bytes waiting[WAITING_MAX]; /* a ring: the pipe had no room */
    size_t first;
    size_t count;
};

enum up_err link_new(const struct keyfile *keys, struct link **ret_link)
{
    struct link *link = calloc(1, sizeof *link);

    if (!link)
        return UP_NO_MEMORY;
    (void)zsys_init();
    zsys_handler_set(NULL); /* signals are ours */
    link->keys = keys;
    (void)zmq_msg_init(&link->frame);
    *ret_link = link;
    return UP_OK;
}

void link_destroy(struct link **link_p)
{
    if (!*link_p)
        return;
    link_disconnect(*link_p);
    (void)zmq_msg_close(&(*link_p)->frame);
    free(*link_p);
    *link_p = NULL;
}

void link_disconnect(struct link *link)
{
    while (link->count > 0) {
        up_bytes_wipe(&link->waiting[link->first]);
        link->first = (link->first + 1) % WAITING_MAX;
        link->count--;
    }
    zsock_destroy(&link->dealer);
}

static bool set(struct link *link, int option, int value)
{
    return zmq_setsockopt(zsock_resolve(link->dealer), option, &value, sizeof value) == 0;
}

enum up_err link_connect(struct link *link, const char *endpoint,
                         const struct transport_public *broker)
{
    int64_t frame_max = UP_FRAME_LEN_MAX;
    void *socket = NULL;

    link_disconnect(link);
    link->dealer = zsock_new(ZMQ_DEALER);
    if (!link->dealer)
        return UP_NO_MEMORY;
    socket = zsock_resolve(link->dealer);
    if (zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, link->keys->transport.bytes, 32) ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, link->keys->transport_secret.bytes, 32) ||
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, broker->bytes, 32) ||
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) ||
        !set(link, ZMQ_SNDHWM, UP_SOCKET_HWM) || !set(link, ZMQ_RCVHWM, UP_SOCKET_HWM) ||
        !set(link, ZMQ_LINGER, 0) || !set(link, ZMQ_RECONNECT_IVL, 200) ||
        !set(link, ZMQ_RECONNECT_IVL_MAX, 5000) || !set(link, ZMQ_HANDSHAKE_IVL, 10000) ||
        !set(link, ZMQ_HEARTBEAT_IVL, 10000) || !set(link, ZMQ_HEARTBEAT_TIMEOUT, 30000) ||
        zmq_connect(socket, endpoint)) {
        link_disconnect(link);
        return UP_INVALID;
    }
    return UP_OK;
}

static bool send_now(struct link *link, struct up_view frame)
{
    void *socket = zsock_resolve(link->dealer);

    return zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 0 &&
           zmq_send(socket, frame.data, frame.len, ZMQ_DONTWAIT) >= 0;
}

static void send_waiting(struct link *link)
{
    while (link->count > 0 && send_now(link, up_bytes_view(&link->waiting[link->first]))) {
        up_bytes_wipe(&link->waiting[link->first]);
        link->first = (link->first + 1) % WAITING_MAX;
        link->count--;
    }
}

bool link_send(struct link *link, struct up_view frame)
{
    if (!link->dealer)
        return false;
    if (link->count == 0 && send_now(link, frame))
        return true;
    if (link->count == WAITING_MAX ||
        up_bytes_copy(frame, &link->waiting[(link->first + link->count) % WAITING_MAX]))
        return false;
    link->count++;
    return true;
}

bool link_receive(struct link *link, struct up_view *ret_frame)
{
    void *socket = link->dealer ? zsock_resolve(link->dealer) : NULL;
    int count = 0;
    bool more = true;

    while (socket && more) {
        if (zmq_msg_recv(&link->frame, socket, ZMQ_DONTWAIT) < 0)
            return false;
        count++;
        more = zmq_msg_more(&link->frame);
    }
    /* an empty part, then the frame; anything else reads as an empty frame, which is refused as malformed */
    *ret_frame = count == 2 ? up_view_of(zmq_msg_data(&link->frame), zmq_msg_size(&link->frame))
                            : up_view_of(NULL, 0);
    return socket != NULL;
}

void link_wait(struct link *link, const int *fds, size_t fd_count, int timeout_ms)
{
    zmq_pollitem_t items[FDS_MAX + 1];
    int count = 0;

    if (link->dealer)
        send_waiting(link);
    for (size_t i = 0; i < fd_count && i < FDS_MAX; i++)
        items[count++] = (zmq_pollitem_t){.fd = fds[i], .events = ZMQ_POLLIN};
    if (link->dealer)
        items[count++] = (zmq_pollitem_t){
            .socket = zsock_resolve(link->dealer),
            .events = (short)(link->count > 0 ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)};
    (void)zmq_poll(items, count, timeout_ms);
    if (link->dealer)
        send_waiting(link);
}
