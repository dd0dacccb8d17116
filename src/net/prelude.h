/* SPDX-License-Identifier: MIT */
/* The first bytes of a connection, taken off a socket one decision at a time:
 * what is not taken stays with the kernel, for whoever owns the socket next.
 * Owner: whoever embeds it. Thread: the loop's. */
#ifndef WSP_NET_PRELUDE_H
#define WSP_NET_PRELUDE_H

#include <event2/event_struct.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/loop.h>

/* What happens on a prelude. Inside any of them it may be ended
 * (wsp_prelude_fini, wsp_prelude_release): nothing is touched afterwards. */
struct wsp_prelude_ops {
    /* Looks at bytes that have arrived and returns how many to take, at least
     * 1; else it must have ended the prelude. They lie in the loop's shared
     * buffer until the call returns. */
    size_t (*on_peek)(void *ud, const uint8_t *data, size_t len);
    /* The bytes that on_peek counted have been taken. */
    void (*on_taken)(void *ud);
    /* The peer left (error 0) or the socket failed (errno). */
    void (*on_end)(void *ud, int error);
};

struct wsp_prelude {
    struct event event;
    const struct wsp_prelude_ops *ops;
    void *ud; /* passed to ops */
    struct wsp_loop *loop;
    int fd;          /* -1 once ended */
    size_t owed_len; /* bytes that were seen and not taken yet */
};

/* Takes over `fd` (non-blocking) and watches for its bytes. Returns false when
 * the kernel or memory refuses; the descriptor is the caller's then. */
bool wsp_prelude_init(struct wsp_prelude *prelude, struct wsp_loop *loop,
                      int fd, const struct wsp_prelude_ops *ops, void *ud);

/* Stops and gives the descriptor back. */
int wsp_prelude_release(struct wsp_prelude *prelude);

/* Closes the descriptor. Idempotent. */
void wsp_prelude_fini(struct wsp_prelude *prelude);

#endif
