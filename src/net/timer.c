/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include <wspulse/loop.h>

#include "net/loop.h"

/* Longer waits are cut: 10 years, in milliseconds. */
#define TIMER_MAX_MS (UINT64_C(10) * 366 * 24 * 3600 * 1000)

struct wsp_timer {
    struct event event;
    struct wsp_loop *loop;
    wsp_loop_fn fn;
    void *ud;        /* passed to fn */
    uint64_t due_ms; /* on the loop's clock */
};

static bool arm(struct wsp_timer *timer, uint64_t after_ms)
{
    struct timeval wait = {.tv_sec = (time_t)(after_ms / 1000),
                           .tv_usec = (suseconds_t)(after_ms % 1000 * 1000)};
    return event_add(&timer->event, &wait) == 0;
}

/* libevent's coarse clock may be a few milliseconds ahead of ours: a callback
 * must never find its deadline still to come. */
static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_timer *timer = arg;
    uint64_t now_ms = wsp_loop_now_ms(timer->loop);
    if (now_ms < timer->due_ms && arm(timer, timer->due_ms - now_ms)) {
        return;
    }
    timer->fn(timer->ud);
}

struct wsp_timer *wsp_timer_new(struct wsp_loop *loop, wsp_loop_fn fn, void *ud)
{
    struct wsp_timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        return NULL;
    }
    timer->loop = loop;
    timer->fn = fn;
    timer->ud = ud;
    event_assign(&timer->event, wsp_loop_base(loop), -1, 0, on_timeout, timer);
    return timer;
}

bool wsp_timer_start(struct wsp_timer *timer, uint64_t after_ms)
{
    if (after_ms > TIMER_MAX_MS) {
        after_ms = TIMER_MAX_MS;
    }
    timer->due_ms = wsp_loop_now_ms(timer->loop) + after_ms;
    return arm(timer, after_ms);
}

void wsp_timer_stop(struct wsp_timer *timer)
{
    event_del(&timer->event);
}

void wsp_timer_free(struct wsp_timer *timer)
{
    if (!timer) {
        return;
    }
    event_del(&timer->event);
    free(timer);
}
