/* SPDX-License-Identifier: MIT */
#include "core/metrics.h"

#include <string.h>

const double wsp_duration_bounds[WSP_DURATION_BUCKETS] = {
    1, 5, 15, 30, 60, 300, 900, 3600, 7200, 14400, 43200, 86400};
const double wsp_fanout_bounds[WSP_FANOUT_BUCKETS] = {1,  2,   5,   10,  25,
                                                      50, 100, 500, 1000};
const double wsp_utilization_bounds[WSP_UTILIZATION_BUCKETS] = {
    0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};
const double wsp_lag_bounds[WSP_LAG_BUCKETS] = {0.01, 0.025, 0.05, 0.1,
                                                0.25, 0.5,   1,    5};

/* ---- hook calls that are owed ---- */

enum hook {
    HOOK_CONNECTION_OPENED,
    HOOK_CONNECTION_CLOSED,
    HOOK_RESUME_ATTEMPT,
    HOOK_ROOM_CREATED,
    HOOK_ROOM_DESTROYED,
    HOOK_MESSAGE_RECEIVED,
    HOOK_MESSAGE_BROADCAST,
    HOOK_MESSAGE_SENT,
    HOOK_UTILIZATION,
    HOOK_FRAME_DROPPED,
    HOOK_PONG_TIMEOUT,
};

/* One owed call; the bytes of room and id follow it. */
struct call {
    enum hook hook;
    uint32_t room_len;
    uint32_t id_len;
    enum wsp_reason reason;
    uint64_t first;  /* bytes, or used frames, or a duration in ms */
    uint32_t second; /* fan-out, or a capacity */
};

void wsp_metrics_init(struct wsp_metrics *metrics)
{
    memset(metrics, 0, sizeof *metrics);
}

void wsp_metrics_fini(struct wsp_metrics *metrics)
{
    wsp_buf_fini(&metrics->pending);
    wsp_buf_fini(&metrics->held);
}

#define BIT(hook) (1U << (hook))

static unsigned wanted_by(const struct wsp_metrics_hooks *hooks)
{
    const bool is_set[] = {
        [HOOK_CONNECTION_OPENED] = hooks->connection_opened,
        [HOOK_CONNECTION_CLOSED] = hooks->connection_closed,
        [HOOK_RESUME_ATTEMPT] = hooks->resume_attempt,
        [HOOK_ROOM_CREATED] = hooks->room_created,
        [HOOK_ROOM_DESTROYED] = hooks->room_destroyed,
        [HOOK_MESSAGE_RECEIVED] = hooks->message_received,
        [HOOK_MESSAGE_BROADCAST] = hooks->message_broadcast,
        [HOOK_MESSAGE_SENT] = hooks->message_sent,
        [HOOK_UTILIZATION] = hooks->send_buffer_utilization,
        [HOOK_FRAME_DROPPED] = hooks->frame_dropped,
        [HOOK_PONG_TIMEOUT] = hooks->pong_timeout,
    };
    unsigned wanted = 0;
    for (unsigned i = 0; i < sizeof is_set / sizeof is_set[0]; i++) {
        wanted |= is_set[i] ? BIT(i) : 0;
    }
    return wanted;
}

void wsp_metrics_set_hooks(struct wsp_metrics *metrics,
                           const struct wsp_metrics_hooks *hooks)
{
    static const struct wsp_metrics_hooks none;
    metrics->hooks = hooks ? *hooks : none;
    metrics->wanted = wanted_by(&metrics->hooks);
}

/* Where a call waits for its turn. */
static struct wsp_buf *queue_of(struct wsp_metrics *metrics, enum hook hook)
{
    return hook == HOOK_ROOM_DESTROYED && metrics->holds_rooms
               ? &metrics->held
               : &metrics->pending;
}

static void owe(struct wsp_metrics *metrics, struct call call,
                struct wsp_span room, struct wsp_span id)
{
    if (!(metrics->wanted & BIT(call.hook))) {
        return;
    }
    struct wsp_buf *queue = queue_of(metrics, call.hook);
    call.room_len = (uint32_t)room.len;
    call.id_len = (uint32_t)id.len;
    if (!wsp_buf_reserve(queue, sizeof call + room.len + id.len)) {
        metrics->hooks_lost++;
        return;
    }
    wsp_buf_add(queue, &call, sizeof call);
    wsp_buf_add(queue, room.data, room.len);
    wsp_buf_add(queue, id.data, id.len);
    metrics->held_count += queue == &metrics->held;
}

void wsp_metrics_hold_rooms(struct wsp_metrics *metrics)
{
    metrics->holds_rooms = true;
}

void wsp_metrics_release_rooms(struct wsp_metrics *metrics)
{
    struct wsp_buf *held = &metrics->held;
    metrics->holds_rooms = false;
    if (!wsp_buf_add(&metrics->pending, held->data, held->len)) {
        metrics->hooks_lost += metrics->held_count;
    }
    metrics->held_count = 0;
    wsp_buf_fini(held);
}

static void call_traffic(const struct wsp_metrics_hooks *hooks,
                         const struct call *call, struct wsp_span room,
                         struct wsp_span id)
{
    if (call->hook == HOOK_MESSAGE_RECEIVED && hooks->message_received) {
        hooks->message_received(hooks->ud, room, (size_t)call->first);
    } else if (call->hook == HOOK_MESSAGE_BROADCAST &&
               hooks->message_broadcast) {
        hooks->message_broadcast(hooks->ud, room, (size_t)call->first,
                                 call->second);
    } else if (call->hook == HOOK_MESSAGE_SENT && hooks->message_sent) {
        hooks->message_sent(hooks->ud, room, id, (size_t)call->first);
    } else if (call->hook == HOOK_UTILIZATION &&
               hooks->send_buffer_utilization) {
        hooks->send_buffer_utilization(hooks->ud, room, id,
                                       (uint32_t)call->first, call->second);
    } else if (call->hook == HOOK_FRAME_DROPPED && hooks->frame_dropped) {
        hooks->frame_dropped(hooks->ud, room, id);
    }
}

static void call_life(const struct wsp_metrics_hooks *hooks,
                      const struct call *call, struct wsp_span room,
                      struct wsp_span id)
{
    if (call->hook == HOOK_CONNECTION_OPENED && hooks->connection_opened) {
        hooks->connection_opened(hooks->ud, room, id);
    } else if (call->hook == HOOK_CONNECTION_CLOSED &&
               hooks->connection_closed) {
        hooks->connection_closed(hooks->ud, room, id,
                                 (double)call->first / 1000, call->reason);
    } else if (call->hook == HOOK_RESUME_ATTEMPT && hooks->resume_attempt) {
        hooks->resume_attempt(hooks->ud, room, id);
    } else if (call->hook == HOOK_ROOM_CREATED && hooks->room_created) {
        hooks->room_created(hooks->ud, room);
    } else if (call->hook == HOOK_ROOM_DESTROYED && hooks->room_destroyed) {
        hooks->room_destroyed(hooks->ud, room);
    } else if (call->hook == HOOK_PONG_TIMEOUT && hooks->pong_timeout) {
        hooks->pong_timeout(hooks->ud, room, id);
    } else {
        call_traffic(hooks, call, room, id);
    }
}

bool wsp_metrics_call_hooks(struct wsp_metrics *metrics)
{
    if (metrics->pending.len == 0) {
        return false;
    }
    struct wsp_buf calls = metrics->pending; /* a hook may cause further ones */
    wsp_buf_init(&metrics->pending);
    for (size_t offset = 0; offset < calls.len;) {
        struct call call;
        memcpy(&call, calls.data + offset, sizeof call);
        const char *text = calls.data + offset + sizeof call;
        struct wsp_span room = {text, call.room_len};
        struct wsp_span id = {text + call.room_len, call.id_len};
        call_life(&metrics->hooks, &call, room, id);
        offset += sizeof call + call.room_len + call.id_len;
    }
    wsp_buf_fini(&calls);
    return true;
}

/* ---- events ---- */

static const struct wsp_span nobody = {NULL, 0};

/* The first bucket whose bound is not below the value. */
static size_t bucket_of(const double *bounds, size_t count, double value)
{
    size_t i = 0;
    while (i < count && value > bounds[i]) {
        i++;
    }
    return i;
}

void wsp_metrics_connection_opened(struct wsp_metrics *metrics,
                                   struct wsp_span room, struct wsp_span id)
{
    metrics->connections_opened++;
    owe(metrics, (struct call){.hook = HOOK_CONNECTION_OPENED}, room, id);
}

void wsp_metrics_connection_closed(struct wsp_metrics *metrics,
                                   struct wsp_span room, struct wsp_span id,
                                   uint64_t duration_ms, enum wsp_reason reason)
{
    double seconds = (double)duration_ms / 1000;
    size_t bucket =
        bucket_of(wsp_duration_bounds, WSP_DURATION_BUCKETS, seconds);
    metrics->connections_closed[reason]++;
    metrics->duration_buckets[reason][bucket]++;
    metrics->duration_sums[reason] += duration_ms;
    owe(metrics,
        (struct call){.hook = HOOK_CONNECTION_CLOSED,
                      .reason = reason,
                      .first = duration_ms},
        room, id);
}

void wsp_metrics_resume_attempt(struct wsp_metrics *metrics,
                                struct wsp_span room, struct wsp_span id)
{
    metrics->resume_attempts++;
    owe(metrics, (struct call){.hook = HOOK_RESUME_ATTEMPT}, room, id);
}

void wsp_metrics_room_created(struct wsp_metrics *metrics, struct wsp_span room)
{
    metrics->rooms_created++;
    owe(metrics, (struct call){.hook = HOOK_ROOM_CREATED}, room, nobody);
}

void wsp_metrics_room_destroyed(struct wsp_metrics *metrics,
                                struct wsp_span room)
{
    metrics->rooms_destroyed++;
    owe(metrics, (struct call){.hook = HOOK_ROOM_DESTROYED}, room, nobody);
}

void wsp_metrics_message_received(struct wsp_metrics *metrics,
                                  struct wsp_span room, size_t bytes)
{
    metrics->messages_received++;
    metrics->messages_received_bytes += bytes;
    if (!metrics->wanted) {
        return;
    }
    owe(metrics, (struct call){.hook = HOOK_MESSAGE_RECEIVED, .first = bytes},
        room, nobody);
}

void wsp_metrics_message_broadcast(struct wsp_metrics *metrics,
                                   struct wsp_span room, size_t bytes,
                                   uint32_t fan_out)
{
    metrics->messages_broadcast++;
    metrics->fanout_buckets[bucket_of(wsp_fanout_bounds, WSP_FANOUT_BUCKETS,
                                      fan_out)]++;
    metrics->fanout_sum += fan_out;
    owe(metrics,
        (struct call){
            .hook = HOOK_MESSAGE_BROADCAST, .first = bytes, .second = fan_out},
        room, nobody);
}

void wsp_metrics_message_sent(struct wsp_metrics *metrics, struct wsp_span room,
                              struct wsp_span id, size_t bytes, uint32_t used,
                              uint32_t capacity)
{
    if (used == 0) {
        wsp_metrics_count_sent(metrics);
    } else {
        metrics->messages_sent++;
        double share = capacity ? (double)used / capacity : 0;
        metrics->utilization_buckets[bucket_of(
            wsp_utilization_bounds, WSP_UTILIZATION_BUCKETS, share)]++;
        metrics->utilization_sum += share;
    }
    if (!metrics->wanted) {
        return;
    }
    owe(metrics, (struct call){.hook = HOOK_MESSAGE_SENT, .first = bytes}, room,
        id);
    owe(metrics,
        (struct call){
            .hook = HOOK_UTILIZATION, .first = used, .second = capacity},
        room, id);
}

void wsp_metrics_frame_dropped(struct wsp_metrics *metrics,
                               struct wsp_span room, struct wsp_span id)
{
    metrics->frames_dropped++;
    owe(metrics, (struct call){.hook = HOOK_FRAME_DROPPED}, room, id);
}

void wsp_metrics_pong_timeout(struct wsp_metrics *metrics, struct wsp_span room,
                              struct wsp_span id)
{
    metrics->pong_timeouts++;
    owe(metrics, (struct call){.hook = HOOK_PONG_TIMEOUT}, room, id);
}

void wsp_metrics_lag(struct wsp_metrics *metrics, uint64_t late_ms)
{
    double seconds = (double)late_ms / 1000;
    metrics->lag_buckets[bucket_of(wsp_lag_bounds, WSP_LAG_BUCKETS, seconds)]++;
    metrics->lag_sum += late_ms;
}
