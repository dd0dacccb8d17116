/* SPDX-License-Identifier: MIT */
/* The engine of a benchmark: opens connections, lets the mode play its game on
 * them, measures for the time or the count that was asked for, and closes.
 *
 *     OPENING -> WARMING -> MEASURING -> LEAVING
 *
 * Any failure goes to LEAVING at once.
 * Owner: the command. Thread: main. */
#ifndef WSP_CLI_BENCH_LOAD_H
#define WSP_CLI_BENCH_LOAD_H

#include "cli/bench_block.h"
#include "cli/bench_peer.h"
#include "cli/bench_result.h"
#include "cli/bench_settings.h"
#include "cli/bench_target.h"

struct wsp_bench_load;

/* What a mode does. Each function may be NULL. */
struct wsp_bench_play {
    bool opens_all; /* OPENING opens every connection first */
    bool is_silent; /* nothing has to come back while it measures */
    uint32_t extra; /* connections beside those of the settings */
    void (*on_stage)(struct wsp_bench_load *load); /* a stage begins */
    void (*on_turn)(struct wsp_bench_load *load);  /* at least every 50 ms */
    void (*on_open)(struct wsp_bench_load *load, struct wsp_bench_peer *peer);
    void (*on_messages)(struct wsp_bench_load *load,
                        struct wsp_bench_peer *peer, uint64_t count);
    void (*on_closed)(struct wsp_bench_load *load, struct wsp_bench_peer *peer);
    /* When on_turn must run next; 0: no hurry. */
    uint64_t (*next_ns)(const struct wsp_bench_load *load);
};

extern const struct wsp_bench_play wsp_bench_echo;
extern const struct wsp_bench_play wsp_bench_fanout;
extern const struct wsp_bench_play wsp_bench_connect;
extern const struct wsp_bench_play wsp_bench_idle;

enum wsp_bench_stage {
    WSP_BENCH_OPENING,
    WSP_BENCH_WARMING,
    WSP_BENCH_MEASURING,
    WSP_BENCH_LEAVING,
};

struct wsp_bench_load {
    const struct wsp_bench_settings *settings;
    const struct wsp_bench_target *target;
    const struct wsp_bench_play *play;
    struct wsp_bench_result *result;
    struct wsp_bench_block block;
    struct wsp_bench_peer *peers; /* heap */
    uint64_t *stamps;             /* `depth` of them for each peer; heap */
    uint8_t *buffer;              /* what is received; heap */
    uint32_t peer_count;
    uint32_t begun;         /* peers that have begun to connect */
    uint32_t opening_count; /* of them, not open yet */
    uint32_t open_count;    /* of them, open or saying goodbye */
    int epoll;
    enum wsp_bench_stage stage;
    uint64_t now_ns;     /* of this turn */
    uint64_t stage_ns;   /* when the stage began */
    uint64_t active_ns;  /* when something came last */
    uint64_t shown_ns;   /* when progress was shown last */
    double client_cpu_s; /* when measuring began */
    double server_cpu_s;
    bool shows_progress;

    /* the mode's own, of the stage */
    uint64_t sent;        /* messages, or connections begun */
    uint64_t answered;    /* of them; delivered to all, or closed again */
    uint64_t outstanding; /* fanout: deliveries of the batch still to come */
    uint64_t batch_ns;    /* fanout: when the batch was sent, or was due */
    uint32_t turn_peer;   /* echo at a rate: whose turn it is */
};

/* Runs a benchmark to its end and fills `result`, also with what failed. */
void wsp_bench_load_run(const struct wsp_bench_settings *settings,
                        const struct wsp_bench_target *target,
                        struct wsp_bench_result *result);

/* ---- for the modes ---- */

/* How many messages may still be sent in this stage, `most` at most. */
uint64_t wsp_bench_load_allow(const struct wsp_bench_load *load, uint64_t most);

/* Sends the first `count` frames of the block, stamped with `stamp_ns`. */
void wsp_bench_load_send(struct wsp_bench_load *load,
                         struct wsp_bench_peer *peer, uint64_t count,
                         uint64_t stamp_ns);

/* When message number `sent` of the stage is due at the asked rate. */
uint64_t wsp_bench_load_due_ns(const struct wsp_bench_load *load);

/* Begins to connect a peer that is UNUSED. */
void wsp_bench_load_connect(struct wsp_bench_load *load,
                            struct wsp_bench_peer *peer);

/* Ends the benchmark; the first failure stays. */
void wsp_bench_load_fail(struct wsp_bench_load *load,
                         const struct wsp_diag *diag);

/* Tells whether load is applied: WARMING or MEASURING. */
static inline bool wsp_bench_load_is_on(const struct wsp_bench_load *load)
{
    return load->stage == WSP_BENCH_WARMING ||
           load->stage == WSP_BENCH_MEASURING;
}

/* Counts `count` messages that came after `latency_ns`. */
void wsp_bench_load_count(struct wsp_bench_load *load, uint64_t latency_ns,
                          uint64_t count);

#endif
