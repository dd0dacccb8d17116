/* SPDX-License-Identifier: MIT */
/* One connection of a benchmark: a socket that connects, upgrades, sends blocks
 * and counts what comes back. It knows nothing of what the others do.
 *
 *     UNUSED -> CONNECTING -> UPGRADING -> OPEN -> CLOSING -> UNUSED
 *
 * Owner: the load. Thread: main. */
#ifndef WSP_CLI_BENCH_PEER_H
#define WSP_CLI_BENCH_PEER_H

#include <wspulse/error.h>

#include "cli/bench_block.h"
#include "cli/bench_reader.h"
#include "cli/bench_target.h"

enum wsp_bench_phase {
    WSP_BENCH_UNUSED,
    WSP_BENCH_CONNECTING,
    WSP_BENCH_UPGRADING,
    WSP_BENCH_OPEN,
    WSP_BENCH_CLOSING, /* our close frame has gone out */
};

struct wsp_bench_peer {
    int fd;              /* -1 while UNUSED */
    uint8_t phase;       /* enum wsp_bench_phase */
    bool is_watched_out; /* epoll reports that it can be written */
    uint8_t control_at;  /* what of `control` has gone out */
    uint8_t control_len;
    const uint8_t *out; /* rest of a block or request; borrowed */
    size_t out_left;
    uint64_t began_ns; /* when it began to connect */
    uint64_t sent;     /* messages */
    uint64_t answered; /* of them */
    uint64_t *stamps;  /* when each unanswered one was sent; borrowed */
    char *answer;      /* to the upgrade, until it is complete; heap */
    size_t answer_len;
    struct wsp_bench_reader reader;
    uint8_t control[WSP_BENCH_CONTROL_MAX]; /* waits for the block's end */
};

void wsp_bench_peer_init(struct wsp_bench_peer *peer);

/* Begins to connect. Returns WSP_OK, or WSP_ERR_IO with a reason. */
enum wsp_err wsp_bench_peer_connect(struct wsp_bench_peer *peer,
                                    const struct wsp_bench_target *target,
                                    struct wsp_diag *diag);

/* The socket can be written: goes on with connecting or with what is left.
 * Returns WSP_OK, or WSP_ERR_IO. */
enum wsp_err wsp_bench_peer_writable(struct wsp_bench_peer *peer,
                                     const struct wsp_bench_target *target,
                                     struct wsp_diag *diag);

/* The socket can be read: takes in up to `size` bytes through `buffer`, moves
 * to OPEN when they bring the upgrade's answer, answers pings. `reading` is
 * filled. Returns WSP_OK, WSP_ERR_EOF when the server has closed the socket, or
 * another error with a reason. */
enum wsp_err wsp_bench_peer_readable(struct wsp_bench_peer *peer,
                                     uint8_t *buffer, size_t size,
                                     struct wsp_bench_reading *reading,
                                     struct wsp_diag *diag);

/* Sends `len` bytes of frames, which must stay where they are until they have
 * gone out; nothing may be left of what was sent before. Returns WSP_OK, or
 * WSP_ERR_IO. */
enum wsp_err wsp_bench_peer_send(struct wsp_bench_peer *peer,
                                 const uint8_t *data, size_t len,
                                 struct wsp_diag *diag);

/* Says goodbye. The socket stays until the server closes it. */
void wsp_bench_peer_close(struct wsp_bench_peer *peer);

/* Closes the socket and forgets everything but the stamps' place. */
void wsp_bench_peer_reset(struct wsp_bench_peer *peer);

/* Tells whether something waits to be written. */
static inline bool wsp_bench_peer_is_writing(const struct wsp_bench_peer *peer)
{
    return peer->phase == WSP_BENCH_CONNECTING || peer->out_left > 0 ||
           peer->control_at < peer->control_len;
}

#endif
