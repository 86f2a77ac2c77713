/* SPDX-License-Identifier: MIT
 * The one file that needs _GNU_SOURCE: struct ucred is Linux's own. */
#define _GNU_SOURCE
#include "nodes/api/api_peer.h"

#include <sys/socket.h>

enum up_err api_peer_uid(int fd, unsigned *ret_uid)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || len != sizeof peer)
        return UP_IO;
    *ret_uid = peer.uid;
    return UP_OK;
}
