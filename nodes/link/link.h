/* SPDX-License-Identifier: MIT
 * One outgoing CURVE connection to this node's broker (protocol.md 3). Frames in and out; decides nothing. */
#ifndef NODES_LINK_LINK_H
#define NODES_LINK_LINK_H

#include <stdbool.h>

#include "upstander/keys.h"

struct link;

/* link_new: keys are borrowed. Nothing is connected yet. */
UP_CHECKED enum up_err link_new(const struct keyfile *keys, struct link **ret_link);
void link_destroy(struct link **link_p);

/* link_connect: drop what there is and connect to a broker that must hold this transport key. Returns at once; a
 * broker that refuses or is away is never told apart here: nothing comes. UP_INVALID: no usable endpoint. */
UP_CHECKED enum up_err link_connect(struct link *link, const char *endpoint,
                                    const struct transport_public *broker);
void link_disconnect(struct link *link);
/* link_send: to the broker, now or once the pipe has room, in order. false when too much waits already or there is no
 * connection: connect again; what was not sent is still in the store. */
bool link_send(struct link *link, struct up_view frame);
/* link_receive: the next frame, borrowed until the next call; false when none waits. */
bool link_receive(struct link *link, struct up_view *ret_frame);
/* link_wait: until a frame waits, one of the descriptors is readable, or the time is over. */
void link_wait(struct link *link, const int *fds, size_t fd_count, int timeout_ms);

#endif
