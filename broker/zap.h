/* SPDX-License-Identifier: MIT
 * The broker's ZAP handler: admits exactly the transport keys of the roster's current members and sets User-Id to the
 * member's id. Served from the broker's own loop; czmq's zauth is not used (it reads certificate folders, and trusts
 * what it finds there). */
#ifndef BROKER_ZAP_H
#define BROKER_ZAP_H

#include <czmq.h>

#include "upstander/roster.h"

struct zap;

/* zap_new: binds the handler's endpoint; do this before any CURVE server socket is bound. The roster is borrowed until
 * zap_use_roster replaces it. UP_IO. */
UP_CHECKED enum up_err zap_new(const struct roster *roster, struct zap **ret_zap);
void zap_destroy(struct zap **zap_p);
void zap_use_roster(struct zap *zap, const struct roster *roster);
/* zap_socket: to poll for input. zap_answer: one request, if there is one. */
zsock_t *zap_socket(struct zap *zap);
void zap_answer(struct zap *zap);
/* zap_refused: handshakes refused since the start. */
uint64_t zap_refused(const struct zap *zap);

#endif
