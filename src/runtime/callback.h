/* SPDX-License-Identifier: MIT */
/* A call of an application's handler: put down for the watchdog, with what it is
 * about.
 * Owner: the server; one at a time. Thread: the loop's. */
#ifndef WSP_RUNTIME_CALLBACK_H
#define WSP_RUNTIME_CALLBACK_H

#include <wspulse/request.h>

#include "core/session.h"
#include "net/hold.h"

struct wsp_server;

struct wsp_callback {
    struct wsp_hold hold;
    struct wsp_hold_board *board;      /* of the server's loop */
    const char *name;                  /* "on_message" */
    const struct wsp_session *session; /* NULL: none */
    const struct wsp_frame *frame;     /* NULL: none */
    const struct wsp_request *request; /* NULL: none */
};

/* Prepares that of a server. */
void wsp_callback_init(struct wsp_callback *callback,
                       struct wsp_hold_board *board);

/* Logs that the callback has held the loop. */
void wsp_callback_report(struct wsp_callback *callback, uint64_t held_ms);

/* Puts a callback down. Returns false when it is a part of another one; its end
 * is given that. */
static inline bool wsp_callback_begin(struct wsp_callback *callback,
                                      const char *name,
                                      const struct wsp_session *session,
                                      const struct wsp_frame *frame,
                                      const struct wsp_request *request)
{
    if (wsp_hold_is_down(callback->board)) {
        return false;
    }
    callback->name = name;
    callback->session = session;
    callback->frame = frame;
    callback->request = request;
    wsp_hold_enter(callback->board, &callback->hold);
    return true;
}

static inline void wsp_callback_end(struct wsp_callback *callback, bool is_down)
{
    uint64_t held_ms = is_down ? wsp_hold_leave(callback->board) : 0;
    if (held_ms > 0) {
        wsp_callback_report(callback, held_ms);
    }
}

/* Between two messages that one call handles: what held the loop is over, and
 * what the callback points to may change. Returns false, and nothing has changed,
 * when it is not what is down. */
static inline bool wsp_callback_pause(struct wsp_callback *callback)
{
    bool is_down = wsp_hold_is(callback->board, &callback->hold);
    if (is_down) {
        wsp_callback_end(callback, true);
    }
    return is_down;
}

static inline void wsp_callback_go_on(struct wsp_callback *callback)
{
    wsp_hold_enter(callback->board, &callback->hold);
}

#endif
