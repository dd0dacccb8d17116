/* SPDX-License-Identifier: MIT */
/* A transport: one accepted socket, from its first byte to its last. It speaks
 * HTTP until an upgrade, then WebSocket as the link of a session.
 *
 *     HTTP -> OPEN -> CLOSING -> LINGERING -> (freed at the end of the turn)
 *       \-------------------------^
 *
 * OPEN: the deadline runs while output waits for the socket (write_wait).
 * CLOSING: our close frame is out, the peer's is awaited. LINGERING: our FIN is
 * out or about to be, the peer's is awaited, so that nothing sent is lost.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_TRANSPORT_H
#define WSP_RUNTIME_TRANSPORT_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/pace.h"
#include "base/wheel.h"
#include "core/link.h"
#include "net/stream.h"
#include "proto/reader.h"
#include "runtime/caller.h"

struct wsp_address_count;
struct wsp_exchange;
struct wsp_pong;
struct wsp_server;

enum wsp_transport_phase {
    WSP_TRANSPORT_HTTP,
    WSP_TRANSPORT_OPEN,
    WSP_TRANSPORT_CLOSING,
    WSP_TRANSPORT_LINGERING,
    WSP_TRANSPORT_DEAD,
};

/* What a transport has only while it is busy, with a request, with output that
 * waits for the socket, or with its end: most of them are idle most of the
 * time. */
struct wsp_transport_busy {
    struct wsp_transport *transport;
    struct wsp_exchange *exchange; /* while HTTP, else NULL */
    struct wsp_blob *hand;         /* partly written, or NULL */
    size_t hand_offset;            /* bytes of it that are out */
    struct wsp_buf rest;           /* goes out behind `hand` */
    size_t rest_offset;
    struct wsp_pong *pong;        /* the latest that is owed, or NULL */
    struct wsp_deadline deadline; /* of the phase */
    int failure;                  /* errno once the socket failed */
};

/* One for each socket: every byte counts. */
struct wsp_transport {
    struct wsp_link link; /* first: what the session sees */
    struct wsp_stream stream;
    struct wsp_server *server;
    TAILQ_ENTRY(wsp_transport) entry;   /* in the server's list */
    STAILQ_ENTRY(wsp_transport) fallen; /* in its failed or dead list */
    struct wsp_transport_busy *busy;    /* NULL while it is idle */
    struct wsp_reader reader;           /* from OPEN on */
    struct wsp_address_count *place;    /* where it is counted, or NULL */
    struct wsp_pace control;            /* pings and pongs nobody asked for */
    uint16_t pings_out;                 /* of ours, that no pong has come for */
    uint8_t phase : 3;                  /* enum wsp_transport_phase */
    uint8_t window_bits : 4; /* what it is sent may be compressed; 0: may not */
    bool is_failed_listed : 1;
    bool is_admin : 1;     /* answers the admin endpoints and nothing else */
    bool is_crowded : 1;   /* its address has too many sockets: refused */
    bool is_channel : 1;   /* counted among the upgraded ones */
    bool is_finishing : 1; /* FIN once everything is out */
    bool has_ended : 1;    /* the peer's FIN was seen */
};

TAILQ_HEAD(wsp_transport_list, wsp_transport);
STAILQ_HEAD(wsp_transport_fallen, wsp_transport);

/* Takes over an accepted descriptor and begins to speak HTTP on it, over TLS
 * when there is a `context`. Returns NULL without memory, or when the caller's
 * address has far too many sockets; the descriptor is closed then. */
struct wsp_transport *wsp_transport_accept(struct wsp_server *server, int fd,
                                           const struct wsp_caller *caller,
                                           struct wsp_tls_context *context);

/* The same for the admin endpoints, where nobody is counted and all is plain. */
void wsp_transport_accept_admin(struct wsp_server *server, int fd,
                                const struct wsp_caller *caller);

/* Writes behind what waits; what the kernel refuses is kept. Returns false when
 * the transport failed or memory ran out (it fails then). */
bool wsp_transport_write(struct wsp_transport *transport, const void *data,
                         size_t len);

/* Tells whether everything written is out. */
static inline bool wsp_transport_is_drained(
    const struct wsp_transport *transport)
{
    const struct wsp_transport_busy *busy = transport->busy;
    return (!busy || (!busy->hand && busy->rest.len == busy->rest_offset)) &&
           !transport->stream.has_backlog;
}

/* Sends FIN once everything is out and waits for the peer's, at most the write
 * wait. */
void wsp_transport_finish(struct wsp_transport *transport);

/* Sends the FIN of a transport that is finishing, once everything is out. */
void wsp_transport_shut_down(struct wsp_transport *transport);

/* Closes the socket now; memory is freed at the end of the turn. The session,
 * if there is one, must have let go. */
void wsp_transport_destroy(struct wsp_transport *transport);

/* Notes that the socket failed; the rest happens at the end of the turn. */
void wsp_transport_fail(struct wsp_transport *transport, int error);

/* Ends what failed: tells the session, destroys. */
void wsp_transport_collect_failed(struct wsp_transport *transport);

void wsp_transport_free(struct wsp_transport *transport);

/* Gives what a busy transport has, made when there is none. NULL without memory:
 * the transport has failed then. */
struct wsp_transport_busy *wsp_transport_get_busy(
    struct wsp_transport *transport);

/* Something waits for the socket: it must move within the write wait. */
void wsp_transport_watch_output(struct wsp_transport *transport);

/* The same after a write, if some of it waits encrypted. Returns false without
 * memory; the transport fails. */
bool wsp_transport_watch_backlog(struct wsp_transport *transport);

/* (Re)arms the phase's deadline; 0 disarms it. A dead transport has none. */
void wsp_transport_arm(struct wsp_transport *transport, uint64_t after_ms);

/* ---- the WebSocket side (channel.c, channel_input.c) ---- */

/* Becomes the link of a session: from now on it speaks WebSocket, compressed as
 * was agreed. The exchange is gone. */
void wsp_channel_open(struct wsp_transport *transport,
                      const struct wsp_extension *agreed);

extern const struct wsp_link_ops wsp_channel_link_ops;

/* Bytes that arrived on an upgraded transport. */
void wsp_channel_on_data(struct wsp_transport *transport, uint8_t *data,
                         size_t len);

/* The link's next(): see core/link.h. */
bool wsp_channel_next(struct wsp_link *link, struct wsp_link_message *message);

/* Writes the cork of a transport that is being read, and keeps what the kernel
 * refused. */
void wsp_channel_uncork(struct wsp_transport *transport);

/* Sends a close frame behind everything that was written before. */
void wsp_channel_emit_close(struct wsp_transport *transport, uint16_t code,
                            struct wsp_span reason);

/* Answers a ping: at once when the socket takes it; else with the latest one
 * when it does, and then older ones need no answer (RFC 6455 §5.5.3). */
void wsp_channel_pong(struct wsp_transport *transport, const uint8_t *data,
                      size_t len);

/* Everything is out: the pong that is owed goes, then the session's queue. */
void wsp_channel_drained(struct wsp_transport *transport);

#endif
