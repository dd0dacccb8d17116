/* SPDX-License-Identifier: MIT */
/* One call of an application's handler: put down for the watchdog, with what it
 * is about.
 * Owner: the caller, on its stack. Thread: the loop's. */
#ifndef WSP_RUNTIME_CALLBACK_H
#define WSP_RUNTIME_CALLBACK_H

#include "runtime/server.h"

struct wsp_callback {
    struct wsp_hold hold;
    struct wsp_server *server;
    const char *name;                  /* "on_message" */
    const struct wsp_session *session; /* NULL: none */
    const struct wsp_frame *frame;     /* NULL: none */
    const struct wsp_request *request; /* NULL: none */
};

/* Fills a note. Thread: the watchdog's, while the loop cannot leave. */
void wsp_callback_describe(const struct wsp_hold *hold,
                           struct wsp_hold_note *note);

/* Logs that the callback has held the loop. */
void wsp_callback_report(const struct wsp_callback *callback, uint64_t held_ms);

/* The members behind the name are set by the caller before. */
static inline void wsp_callback_enter(struct wsp_callback *callback,
                                      struct wsp_server *server,
                                      const char *name)
{
    callback->hold.describe = wsp_callback_describe;
    callback->server = server;
    callback->name = name;
    wsp_hold_enter(wsp_loop_board(server->loop), &callback->hold);
}

static inline void wsp_callback_leave(const struct wsp_callback *callback)
{
    uint64_t held_ms =
        wsp_hold_leave(wsp_loop_board(callback->server->loop), &callback->hold);
    if (held_ms > 0) {
        wsp_callback_report(callback, held_ms);
    }
}

#endif
