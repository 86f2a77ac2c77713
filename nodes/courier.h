/* SPDX-License-Identifier: MIT
 * The shell around the exchange: link and store in, link and store out, in the order that the exchange says. */
#ifndef NODES_COURIER_H
#define NODES_COURIER_H

#include "nodes/link/link.h"
#include "nodes/service_private.h"

struct courier;

/* courier_new: makes this node's prekeys and closes windows that are past, then can be run. Service, with its store,
 * exchange and roster, is borrowed and outlives it. UP_IO, UP_FULL, UP_NO_MEMORY. */
UP_CHECKED enum up_err courier_new(struct service *service, struct courier **ret_courier);
void courier_destroy(struct courier **courier_p);

/* courier_wait: until something came, a descriptor is readable, or the time is over. */
void courier_wait(struct courier *courier, const int *fds, size_t fd_count, int timeout_ms);
/* courier_run: take what came, in one commit; then answer, send what waits, and see to what is due. Never waits. A
 * store that refuses is logged and tried again: nothing is acknowledged meanwhile. */
void courier_run(struct courier *courier);

#endif
