/* SPDX-License-Identifier: MIT
 * Who is at the other end of a Unix socket. Used inside nodes/api only. */
#ifndef NODES_API_API_PEER_H
#define NODES_API_API_PEER_H

#include "upstander/err.h"

/* api_peer_uid: of the process that connected (SO_PEERCRED). UP_IO. */
UP_CHECKED enum up_err api_peer_uid(int fd, unsigned *ret_uid);

#endif
