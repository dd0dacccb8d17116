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

/* Binds and listens: SO_REUSEADDR, backlog 4096 (the kernel caps it), IPv6 only
 * for IPv6 addresses, TCP_NODELAY set on what is accepted. At most 64 accepts a
 * turn; when descriptors or memory run out it pauses accepting for 100 ms
 * instead of spinning. A dead unix socket file is replaced, a live one is an
 * error. `mode` applies to a unix socket's file (0 leaves the umask's).
 * Returns NULL with "listen X: reason" in `diag`. */
struct wsp_listener *wsp_listener_open(struct wsp_loop *loop, const char *text,
                                       unsigned mode, wsp_accept_fn fn,
                                       void *ud, struct wsp_diag *diag);

/* The real address with the real port. */
const char *wsp_listener_address(const struct wsp_listener *listener);

/* Stops accepting and removes a unix socket's file. Callable from the accept
 * callback. */
void wsp_listener_close(struct wsp_listener *listener);

#endif
