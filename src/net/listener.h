/* SPDX-License-Identifier: MIT */
/* A socket that accepts connections on TCP or a unix path.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_NET_LISTENER_H
#define WSP_NET_LISTENER_H

#include <wspulse/error.h>
#include <wspulse/loop.h>

#include "net/address.h"

struct wsp_listener;

/* Receives an accepted descriptor (non-blocking, close-on-exec) and owns it. */
typedef void (*wsp_accept_fn)(void *ud, int fd, const struct wsp_address *peer);

/* Accepting has stopped for a while because of `error` (EMFILE, ENFILE, ENOMEM,
 * …). When it lasts, peers in the backlog are told by a closed connection:
 * `shed` of them now. */
typedef void (*wsp_trouble_fn)(void *ud, int error, unsigned shed);

/* Binds and listens: SO_REUSEADDR, backlog 4096 (the kernel caps it), IPv6 only
 * for IPv6 addresses, TCP_NODELAY set on what is accepted. At most 64 accepts a
 * turn. When descriptors or memory run out it pauses accepting for 100 ms
 * instead of spinning; from the second time on, with no descriptors left, it
 * also accepts and closes up to 64 peers through one held in reserve. A dead unix socket file is replaced, a live one is an
 * error. `mode` applies to a unix socket's file (0 leaves the umask's).
 * Returns NULL with "listen X: reason" in `diag`. */
struct wsp_listener *wsp_listener_open(struct wsp_loop *loop, const char *text,
                                       unsigned mode, wsp_accept_fn fn,
                                       void *ud, struct wsp_diag *diag);

/* Who is told when accepting stops; with the `ud` of the accept function. */
void wsp_listener_on_trouble(struct wsp_listener *listener, wsp_trouble_fn fn);

/* Accepts nobody for so long: peers wait in the backlog. Callable from the
 * accept callback. */
void wsp_listener_pause(struct wsp_listener *listener, uint64_t for_ms);

/* The real address with the real port. */
const char *wsp_listener_address(const struct wsp_listener *listener);

/* Stops accepting and removes a unix socket's file. Callable from the accept
 * callback. */
void wsp_listener_close(struct wsp_listener *listener);

#endif
