/* SPDX-License-Identifier: MIT */
/* Watches many sockets at four bytes of the kernel's own each: an event of
 * libevent and its place in libevent's map take 175 bytes of ours for each of
 * them, more than all the rest of an idle transport. The poller is a descriptor
 * itself, which libevent watches for the loop.
 * Owner: the loop. Thread: the loop's. */
#ifndef WSP_NET_POLLER_H
#define WSP_NET_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <wspulse/error.h>

#define WSP_POLLER_READY 128 /* events taken from the kernel at a time */

/* Called for each socket that is ready, with EPOLLIN, EPOLLOUT and the like. */
typedef void (*wsp_poller_fn)(void *who, uint32_t events);

struct wsp_poller {
    int fd; /* readable when a socket is ready */
    wsp_poller_fn fn;
    int at;    /* of `ready`: the next to be called */
    int count; /* of `ready` */
    struct epoll_event ready[WSP_POLLER_READY];
};

/* Returns WSP_OK, or WSP_ERR_IO with `diag` filled. */
enum wsp_err wsp_poller_init(struct wsp_poller *poller, wsp_poller_fn fn,
                             struct wsp_diag *diag);
void wsp_poller_fini(struct wsp_poller *poller);

/* Watches `fd` for `events` instead of `before`, level-triggered; 0 is nothing
 * and the one before the first call. Returns false when the kernel refuses. */
bool wsp_poller_watch(struct wsp_poller *poller, int fd, uint32_t before,
                      uint32_t events, void *who);

/* Does not call for `who` any more, whose socket is about to be closed. */
void wsp_poller_forget(struct wsp_poller *poller, const void *who);

/* Calls for the sockets that are ready now. Returns how many those were. */
int wsp_poller_run(struct wsp_poller *poller);

#endif
