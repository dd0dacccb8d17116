/* SPDX-License-Identifier: MIT */
/* What stands behind a wsp_server: listeners, transports and a hub on one loop.
 * Owner: the embedder. Thread: the loop's. */
#ifndef WSP_RUNTIME_SERVER_H
#define WSP_RUNTIME_SERVER_H

#include <wspulse/server.h>

#include "core/address_count.h"
#include "core/compression.h"
#include "core/hub.h"
#include "net/loop.h"
#include "proto/reader.h"
#include "runtime/callback.h"
#include "runtime/entrance.h"
#include "runtime/keyring.h"
#include "runtime/refusal.h"
#include "runtime/settings.h"
#include "runtime/transport.h"

/* Who waits for the barrier of close. */
struct wsp_close_waiter {
    wsp_loop_fn done;
    void *ud;
    STAILQ_ENTRY(wsp_close_waiter) link;
};

struct wsp_server {
    struct wsp_loop *loop;
    struct wsp_settings *settings; /* replaced on a swap */
    struct wsp_handlers handlers;  /* replaced on a swap */
    struct wsp_callback callback;  /* the call of one of them */
    struct wsp_hub hub;
    struct wsp_reader_pool *readers;
    struct wsp_reader_limits limits;
    struct wsp_compression compression;
    struct wsp_entrance entrance;
    struct wsp_keyring keyring;
    struct wsp_address_counts addresses; /* sockets of each */
    size_t held; /* bytes of plain answers that wait for sockets */
    struct wsp_listener *admin_listener; /* NULL: none */
    struct wsp_transport_list transports;
    size_t channel_count;               /* transports past the upgrade */
    struct wsp_transport_fallen failed; /* to be collected */
    struct wsp_transport_fallen dead;   /* to be freed */
    struct wsp_transport *corked;       /* the one being read, or NULL */
    uint8_t *cork;                      /* the loop's */
    size_t cork_len;                    /* bytes in it */
    uint32_t read_count;                /* frames in what is being read */
    struct wsp_loop_tail tail;
    struct wsp_timer *timer; /* wakes the loop for deadlines */
    uint64_t timer_at_ms;    /* when it is set to; 0: not set */
    STAILQ_HEAD(, wsp_close_waiter) waiters;
    struct wsp_close_waiter first_waiter; /* for the first one to close */
    struct wsp_throttle too_big_warning;  /* the first 1009 names the option */
    struct wsp_throttle policy_warning;   /* and so does the first 1008 */
    struct wsp_refusals refusals;
    bool is_started;
    bool is_closing;
    bool is_closed; /* the barrier was reached */
};

/* Makes the next turn come at once: something was queued outside a callback. */
void wsp_server_wake(struct wsp_server *server);

/* Logs through the server's logger with the generation behind the fields; at
 * most 8 fields. */
void wsp_server_log(struct wsp_server *server, enum wsp_log_level level,
                    const char *message, const struct wsp_log_field *fields,
                    size_t count);

/* The hub's calls upwards: the application's handlers (events.c). */
extern const struct wsp_hub_events wsp_server_hub_events;

#endif
