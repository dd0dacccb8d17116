/* SPDX-License-Identifier: MIT */
/* An event loop: servers live on one, and so do an embedder's own timers and
 * signals.
 * Thread: everything belongs to the thread that runs the loop, except
 * wsp_loop_post and wsp_loop_stop. */
#ifndef WSPULSE_LOOP_H
#define WSPULSE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/api.h>
#include <wspulse/error.h>
#include <wspulse/log.h>

WSP_BEGIN_C

struct wsp_loop;
struct wsp_timer;
struct wsp_signal;

typedef void (*wsp_loop_fn)(void *ud);

/* Makes a loop. Returns NULL without memory or descriptors; `diag` says why. */
WSP_API struct wsp_loop *wsp_loop_new(struct wsp_diag *diag);

/* Starts a thread that watches the loop until it is freed. When a callback of a
 * server has not returned for more than a second, and at most one and a half,
 * `logger` gets a warning that names the callback, the server with its
 * generation, the connection and its event or the request: at most one a minute.
 * It is called on that thread, where the logger of a server never is. When the
 * callback has returned, the server's own logger gets a line. The thread only
 * watches: it ends nothing.
 * Returns WSP_OK, also when there is one already, or WSP_ERR_OUT_OF_MEMORY. */
WSP_API enum wsp_err wsp_loop_watch(struct wsp_loop *loop,
                                    const struct wsp_logger *logger);

/* Frees the loop. Every server, timer and signal on it must be gone. Messages
 * that were posted but have not run are run first, and what they post too. */
WSP_API void wsp_loop_free(struct wsp_loop *loop);

/* Runs turns until wsp_loop_stop. Called from within a callback of the loop,
 * this and wsp_loop_poll return at once. */
WSP_API void wsp_loop_run(struct wsp_loop *loop);

/* Runs one turn, waiting at most `timeout_ms` for something to happen (0: do
 * not wait, negative: wait as long as it takes). */
WSP_API void wsp_loop_poll(struct wsp_loop *loop, int64_t timeout_ms);

/* Makes wsp_loop_run return after the current turn; a run that has not begun
 * yet returns at once. Thread: any. */
WSP_API void wsp_loop_stop(struct wsp_loop *loop);

/* The monotonic clock in milliseconds, read once per turn. */
WSP_API uint64_t wsp_loop_now_ms(struct wsp_loop *loop);

/* Has `fn(ud)` called on the loop's thread, in the order of posting.
 * Returns WSP_OK or WSP_ERR_OUT_OF_MEMORY, and then fn is not called.
 * Thread: any. */
WSP_API enum wsp_err wsp_loop_post(struct wsp_loop *loop, wsp_loop_fn fn,
                                   void *ud);

/* A timer that fires once per start. Returns NULL without memory. */
WSP_API struct wsp_timer *wsp_timer_new(struct wsp_loop *loop, wsp_loop_fn fn,
                                        void *ud);
/* (Re)arms the timer; the callback may start it again. It never fires before
 * wsp_loop_now_ms has reached the present time plus `after_ms`. Returns false
 * without memory, which a timer that was running never needs. */
WSP_API bool wsp_timer_start(struct wsp_timer *timer, uint64_t after_ms);
WSP_API void wsp_timer_stop(struct wsp_timer *timer);
/* May be called from the timer's own callback. NULL is ignored. */
WSP_API void wsp_timer_free(struct wsp_timer *timer);

/* Calls `fn` on the loop for each signal `signo`. Signals belong to a program,
 * so no other part of the library asks for one, and only one loop of a process
 * may have them. NULL without memory or when the system refuses `signo`. */
WSP_API struct wsp_signal *wsp_signal_new(struct wsp_loop *loop, int signo,
                                          wsp_loop_fn fn, void *ud);
WSP_API void wsp_signal_free(struct wsp_signal *signal);

WSP_END_C

#endif
