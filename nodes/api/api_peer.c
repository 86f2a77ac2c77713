/* SPDX-License-Identifier: MIT */
#include "nodes/api/api_peer.h"

#include <asm/socket.h> /* SO_PEERCRED */
#include <stdint.h>
#include <sys/socket.h>

/* The kernel's struct ucred (unix(7), SO_PEERCRED); the C library shows it only with every GNU
 * extension on. */
struct peer {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};

enum up_err api_peer_uid(int fd, unsigned *ret_uid)
{
    struct peer peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || len != sizeof peer)
        return UP_IO;
    *ret_uid = peer.uid;
    return UP_OK;
}
