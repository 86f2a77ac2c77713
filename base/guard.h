/* SPDX-License-Identifier: MIT
 * What every process of the product does first: no core dumps, no SIGPIPE, a clean way to be stopped. */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <stdbool.h>

/* guard_process: core dumps off (they would hold keys and reports), SIGPIPE ignored. */
void guard_process(void);
/* guard_signals: SIGTERM and SIGINT ask to stop, SIGHUP to reload, SIGUSR1 to report. Returns a descriptor
 * that becomes readable when one came; -1 when the system refuses. Call after ZeroMQ's own set-up. */
int guard_signals(void);
/* guard_drain: empty the descriptor. Then ask: */
void guard_drain(void);
bool guard_stop_asked(void);
/* Each true once per signal. */
bool guard_reload_asked(void);
bool guard_report_asked(void);

#endif
