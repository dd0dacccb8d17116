/* SPDX-License-Identifier: MIT */
/* The hooks of the seed's MetricsCollector: one per event, each may be NULL.
 *
 * They are called on the server's loop between callbacks, in the order of the
 * events, so a hook may call the server like any other callback; one that
 * always causes its own event keeps the server busy for ever. The spans are
 * valid during the call. docs/metrics.md says what each event is.
 * Owner: the caller; a server copies them. Thread: the server's loop. */
#ifndef WSPULSE_METRICS_H
#define WSPULSE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <wspulse/connection.h>
#include <wspulse/span.h>

struct wsp_metrics_hooks {
    void *ud; /* passed to each of them */
    void (*connection_opened)(void *ud, struct wsp_span room,
                              struct wsp_span id);
    /* `seconds` from the first upgrade to the end, suspensions included. */
    void (*connection_closed)(void *ud, struct wsp_span room,
                              struct wsp_span id, double seconds,
                              enum wsp_reason reason);
    void (*resume_attempt)(void *ud, struct wsp_span room, struct wsp_span id);
    void (*room_created)(void *ud, struct wsp_span room);
    void (*room_destroyed)(void *ud, struct wsp_span room);
    /* `bytes` of the message, before it is decoded. */
    void (*message_received)(void *ud, struct wsp_span room, size_t bytes);
    /* `fan_out` counts the members that took the frame. */
    void (*message_broadcast)(void *ud, struct wsp_span room, size_t bytes,
                              uint32_t fan_out);
    void (*message_sent)(void *ud, struct wsp_span room, struct wsp_span id,
                         size_t bytes);
    void (*send_buffer_utilization)(void *ud, struct wsp_span room,
                                    struct wsp_span id, uint32_t used,
                                    uint32_t capacity);
    void (*frame_dropped)(void *ud, struct wsp_span room, struct wsp_span id);
    void (*pong_timeout)(void *ud, struct wsp_span room, struct wsp_span id);
};

#endif
