/* SPDX-License-Identifier: MIT */
/* A thread that looks whether a loop is held, and says so.
 *
 * Every half second it looks at the board. The same hold three times in a row
 * has lasted for more than a second, and no more than one and a half: one line,
 * at most one a minute. It ends nothing.
 * Owner: the loop. Thread: the loop's. */
#ifndef WSP_NET_WATCHDOG_H
#define WSP_NET_WATCHDOG_H

#include <wspulse/error.h>
#include <wspulse/log.h>

#include "net/hold.h"

struct wsp_watchdog;

/* Starts it. `logger` is called on the thread. NULL without memory or thread. */
struct wsp_watchdog *wsp_watchdog_new(struct wsp_hold_board *board,
                                      const struct wsp_logger *logger);

/* Ends the thread and frees. NULL is ignored. */
void wsp_watchdog_free(struct wsp_watchdog *watchdog);

#endif
