/* SPDX-License-Identifier: MIT */
/* What a server counts, and the application's hooks.
 *
 * Counting is an addition in place. Hooks are written down and called when no
 * callback is running, so that one may ask the server anything without meeting
 * it half-changed; what no hook is set for is not written down.
 * Owner: the hub. Thread: worker. */
#ifndef WSP_CORE_METRICS_H
#define WSP_CORE_METRICS_H

#include <stdint.h>

#include <wspulse/connection.h>
#include <wspulse/metrics.h>

#include "base/buf.h"

#define WSP_REASON_COUNT 5
#define WSP_DURATION_BUCKETS 12
#define WSP_FANOUT_BUCKETS 9
#define WSP_UTILIZATION_BUCKETS 8

#define WSP_LAG_BUCKETS 8

/* Why a connection came to nothing, in the order of its life. */
enum wsp_refusal {
    WSP_REFUSAL_NO_DESCRIPTORS,
    WSP_REFUSAL_MAX_CONNECTIONS_PER_IP,
    WSP_REFUSAL_PROXY_PROTOCOL,
    WSP_REFUSAL_TLS,
    WSP_REFUSAL_HANDSHAKE_TIMEOUT,
    WSP_REFUSAL_CLOSING,
    WSP_REFUSAL_MAX_CONNECTIONS,
    WSP_REFUSAL_CONNECT, /* the application said no, or failed */
    WSP_REFUSAL_HANDSHAKE,
    WSP_REFUSAL_CHECK_ORIGIN,
};
#define WSP_REFUSAL_COUNT 10

/* Bytes of owed hook calls that are not left waiting for the end of a turn. */
#define WSP_METRICS_PENDING_MANY (64 * 1024)

/* Observations per bucket (not cumulative), one more for what is above. */
struct wsp_metrics {
    uint64_t connections_opened;
    uint64_t connections_closed[WSP_REASON_COUNT];
    uint64_t duration_buckets[WSP_REASON_COUNT][WSP_DURATION_BUCKETS + 1];
    uint64_t duration_sums[WSP_REASON_COUNT]; /* ms */
    uint64_t resume_attempts;
    uint64_t rooms_created;
    uint64_t rooms_destroyed;
    uint64_t messages_received;
    uint64_t messages_received_bytes;
    uint64_t messages_broadcast;
    uint64_t fanout_buckets[WSP_FANOUT_BUCKETS + 1];
    uint64_t fanout_sum;
    uint64_t messages_sent;
    uint64_t frames_dropped;
    uint64_t utilization_buckets[WSP_UTILIZATION_BUCKETS + 1];
    double utilization_sum;
    uint64_t pong_timeouts;
    /* beyond the seed */
    uint64_t decode_failures;
    uint64_t handler_failures;
    uint64_t messages_compressed;     /* once for all with the same window */
    uint64_t compression_saved_bytes; /* over all who got them */
    uint64_t frames_lost;             /* reported as info.lost */
    uint64_t suspensions_refused;     /* closed because a bound was reached */
    uint64_t hooks_lost;              /* hook calls lost for want of memory */
    uint64_t refusals[WSP_REFUSAL_COUNT];
    uint64_t lag_buckets[WSP_LAG_BUCKETS + 1];
    uint64_t lag_sum; /* ms */

    struct wsp_metrics_hooks hooks; /* zeroed: none */
    unsigned wanted;                /* which of them are set; bits */
    struct wsp_buf pending;         /* hook calls that are owed */
    struct wsp_buf held;            /* those of RoomDestroyed at shutdown */
    uint32_t held_count;
    bool holds_rooms;
};

void wsp_metrics_init(struct wsp_metrics *metrics);
void wsp_metrics_fini(struct wsp_metrics *metrics);

/* Replaces the hooks; NULL takes them away. Calls that are owed go to the new
 * ones. */
void wsp_metrics_set_hooks(struct wsp_metrics *metrics,
                           const struct wsp_metrics_hooks *hooks);

/* Calls the hooks that are owed. Returns false when there were none. */
bool wsp_metrics_call_hooks(struct wsp_metrics *metrics);

/* At shutdown all ConnectionClosed come before all RoomDestroyed (spec §7.1):
 * between the two calls those of the latter wait. */
void wsp_metrics_hold_rooms(struct wsp_metrics *metrics);
void wsp_metrics_release_rooms(struct wsp_metrics *metrics);

/* ---- the eleven events of the seed (spec §7.1) ---- */

void wsp_metrics_connection_opened(struct wsp_metrics *metrics,
                                   struct wsp_span room, struct wsp_span id);
void wsp_metrics_connection_closed(struct wsp_metrics *metrics,
                                   struct wsp_span room, struct wsp_span id,
                                   uint64_t duration_ms,
                                   enum wsp_reason reason);
void wsp_metrics_resume_attempt(struct wsp_metrics *metrics,
                                struct wsp_span room, struct wsp_span id);
void wsp_metrics_room_created(struct wsp_metrics *metrics,
                              struct wsp_span room);
void wsp_metrics_room_destroyed(struct wsp_metrics *metrics,
                                struct wsp_span room);
void wsp_metrics_message_received(struct wsp_metrics *metrics,
                                  struct wsp_span room, size_t bytes);
void wsp_metrics_message_broadcast(struct wsp_metrics *metrics,
                                   struct wsp_span room, size_t bytes,
                                   uint32_t fan_out);
/* Also the utilization of the send buffer: `used` frames of `capacity`. */
void wsp_metrics_message_sent(struct wsp_metrics *metrics, struct wsp_span room,
                              struct wsp_span id, size_t bytes, uint32_t used,
                              uint32_t capacity);
/* The same past an empty send buffer, when no hook is set. */
static inline void wsp_metrics_count_sent(struct wsp_metrics *metrics)
{
    metrics->messages_sent++;
    metrics->utilization_buckets[0]++;
}
void wsp_metrics_frame_dropped(struct wsp_metrics *metrics,
                               struct wsp_span room, struct wsp_span id);
void wsp_metrics_pong_timeout(struct wsp_metrics *metrics, struct wsp_span room,
                              struct wsp_span id);

/* A deadline was served so much later than it was due. */
void wsp_metrics_lag(struct wsp_metrics *metrics, uint64_t late_ms);

/* Upper bounds of the buckets, as the Prometheus adapter of the seed has them
 * (spec §7.2). */
extern const double wsp_duration_bounds[WSP_DURATION_BUCKETS];
extern const double wsp_fanout_bounds[WSP_FANOUT_BUCKETS];
extern const double wsp_utilization_bounds[WSP_UTILIZATION_BUCKETS];
extern const double wsp_lag_bounds[WSP_LAG_BUCKETS];

#endif
