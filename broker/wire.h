/* SPDX-License-Identifier: MIT
 * The broker's shell: CZMQ ROUTER to relay events, relay actions to store and sockets. No decision is taken here. */
#ifndef BROKER_WIRE_H
#define BROKER_WIRE_H

#include "broker/mailstore.h"
#include "upstander/keys.h"
#include "upstander/roster.h"

struct wire;

struct wire_config {
    const char *broker;
    const char *endpoint;        /* "tcp://address:port"; port * takes a free one */
    const struct keyfile *keys;  /* borrowed */
    const struct roster *roster; /* borrowed until wire_use_roster */
    struct mailstore *store;     /* borrowed */
    int signal_fd;               /* readable when the process was asked something */
};

/* wire_new: handler first, then the socket, then the self-test: a random stranger key must be refused before anybody
 * is served. UP_IO, UP_NOT_PERMITTED (the self-test failed); why says what to do. */
UP_CHECKED enum up_err wire_new(const struct wire_config *config, struct wire **ret_wire,
                                struct up_why *why);
void wire_destroy(struct wire **wire_p);
/* wire_endpoint: as bound, with its port. */
const char *wire_endpoint(const struct wire *wire);
void wire_use_roster(struct wire *wire, const struct roster *roster);
/* wire_run: serves until signal_fd is readable. UP_IO when the store failed: stop, say so, start again. */
UP_CHECKED enum up_err wire_run(struct wire *wire);
/* wire_refused: how often a frame or a handshake was refused. */
uint64_t wire_refused(const struct wire *wire);

#endif
