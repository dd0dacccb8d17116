/* SPDX-License-Identifier: MIT */
/* A server on a loop in a thread of its own, with handlers that write down what
 * they see. Peers of the spec live on the spec's thread. */
#ifndef WSP_SPEC_RUNTIME_HOST_H
#define WSP_SPEC_RUNTIME_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include <wspulse/wspulse.h>

struct host {
    struct wsp_loop *loop;
    struct wsp_server *server;
    pthread_t thread;
    char address[128];
    atomic_int connects;
    atomic_int disconnects;
    atomic_int messages;
    atomic_int drops;
    atomic_int restores;
    atomic_int drains;
    atomic_int forgets;
    atomic_int last_code; /* of the error that ended a transport */
    /* Called on the loop with "connect" or "disconnect", when set. */
    void (*hook)(struct host *host, const char *event,
                 struct wsp_connection *connection);
    void *hook_ud;
    char id[256]; /* of the connection being admitted */
    char room[256];
};

/* Starts a server of codec raw that echoes; ids and rooms come from the query
 * (`id`, `room`), `reject=1` refuses, `greet=1` sends "welcome" from on_connect.
 * `adjust` may change the options. */
void host_start(struct host *host, void (*adjust)(struct wsp_options *));

/* Prepares a host without starting it, and starts one that was prepared: in
 * between its hook may be set. */
void host_init(struct host *host);
void host_run(struct host *host, void (*adjust)(struct wsp_options *));

/* Closes gracefully from this thread, joins and frees. */
void host_stop(struct host *host);

/* Waits, at most ten seconds, until `*value` is at least `wanted`. */
void host_await(atomic_int *value, int wanted);

#endif
