/* SPDX-License-Identifier: MIT */
/* The entrance of a server: the places it listens at, how fast it accepts, and
 * what becomes of a connection behind a proxy before it is one.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_ENTRANCE_H
#define WSP_RUNTIME_ENTRANCE_H

#include <sys/queue.h>

#include <wspulse/error.h>

#include "base/bucket.h"
#include "net/listener.h"

struct wsp_proxied;
struct wsp_server;

/* One address. */
struct wsp_place {
    struct wsp_server *server;
    struct wsp_listener *listener;
    size_t index;    /* in the options, and of its certificates */
    bool is_proxied; /* connections begin with a PROXY header */
    char address[sizeof "wss://" + WSP_ADDRESS_TEXT_MAX]; /* the real one */
};

TAILQ_HEAD(wsp_proxied_list, wsp_proxied);

struct wsp_entrance {
    struct wsp_place *places; /* heap */
    size_t place_count;
    struct wsp_bucket accepted;      /* see the option accept_rate */
    struct wsp_proxied_list proxied; /* their header is not complete */
};

void wsp_entrance_init(struct wsp_entrance *entrance);

/* Opens every address of the options. Returns WSP_OK, or as wsp_server_start
 * with `diag` filled, and then none is open. */
enum wsp_err wsp_entrance_open(struct wsp_server *server,
                               struct wsp_diag *diag);

/* Closes the addresses and who waits there. */
void wsp_entrance_close(struct wsp_entrance *entrance);

/* The real address of a place, with "wss://" in front when it speaks TLS, or
 * NULL behind the last one. */
const char *wsp_entrance_address(const struct wsp_entrance *entrance,
                                 size_t index);

/* ---- proxied.c ---- */

/* Reads the header of a proxy and accepts the transport of the client behind
 * it. Takes over `fd`; a peer that is not trusted is closed at once. */
void wsp_proxied_accept(const struct wsp_place *place, int fd,
                        const struct wsp_address *peer);

/* Closes one that waits. */
void wsp_proxied_free(struct wsp_proxied *proxied);

#endif
