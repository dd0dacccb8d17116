/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include <wspulse/loop.h>

#include "net/loop.h"

struct wsp_signal {
    struct event event;
    wsp_loop_fn fn;
    void *ud; /* passed to fn */
};

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    (void)signo;
    (void)what;
    struct wsp_signal *signal = arg;
    signal->fn(signal->ud);
}

struct wsp_signal *wsp_signal_new(struct wsp_loop *loop, int signo,
                                  wsp_loop_fn fn, void *ud)
{
    struct wsp_signal *signal = calloc(1, sizeof *signal);
    if (!signal) {
        return NULL;
    }
    signal->fn = fn;
    signal->ud = ud;
    event_assign(&signal->event, wsp_loop_base(loop), signo,
                 EV_SIGNAL | EV_PERSIST, on_signal, signal);
    if (event_add(&signal->event, NULL) != 0) {
        free(signal);
        return NULL;
    }
    return signal;
}

void wsp_signal_free(struct wsp_signal *signal)
{
    if (!signal) {
        return;
    }
    event_del(&signal->event);
    free(signal);
}
