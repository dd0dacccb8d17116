/* SPDX-License-Identifier: MIT */
/* The hub: the sessions and rooms of one worker, and the order in which
 * callbacks run.
 *
 * Nothing is called or freed inside its own callback. What happens to a session
 * marks what is owed; wsp_hub_settle calls it, and wsp_hub_turn, at the end of
 * a turn, writes what is queued and frees what has ended.
 * Owner: the server. Thread: worker. */
#ifndef WSP_CORE_HUB_H
#define WSP_CORE_HUB_H

#include <wspulse/connection.h>
#include <wspulse/handlers.h>
#include <wspulse/log.h>

#include "base/buf.h"
#include "base/slot.h"
#include "base/slot_index.h"
#include "base/throttle.h"
#include "base/wheel.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/room.h"
#include "core/session.h"
#include "proto/codec.h"
#include "proto/opcode.h"

/* What the core calls upwards. `ud` is the hub's. */
struct wsp_hub_events {
    void (*on_connect)(void *ud, struct wsp_session *session);
    /* Returns NULL or the error of a failed handler, owned by the caller. */
    struct wsp_error *(*on_message)(void *ud, struct wsp_session *session,
                                    const struct wsp_frame *frame);
    void (*on_transport_drop)(void *ud, struct wsp_session *session,
                              struct wsp_error *error);
    void (*on_transport_restore)(void *ud, struct wsp_session *session,
                                 const struct wsp_restore_info *info);
    void (*on_drain)(void *ud, struct wsp_session *session);
    void (*on_disconnect)(void *ud, struct wsp_session *session,
                          struct wsp_error *error, enum wsp_reason reason);
    /* The session is about to be freed. */
    void (*on_forget)(void *ud, struct wsp_session *session);
};

/* Settings; replaced as a whole on a swap. */
struct wsp_hub_config {
    const struct wsp_codec *codec;
    struct wsp_sendq_limits send_limits; /* of a session's queue */
    size_t connection_data_bytes;        /* of conn:set */
    uint64_t resume_window_ms;           /* 0: no resume */
    uint32_t max_suspended;              /* sessions */
    size_t max_suspended_bytes;          /* in all their queues */
    uint64_t ping_ms;                    /* between two heartbeat pings */
    uint64_t pong_ms;                    /* silence that ends a transport */
    bool takeover_resumes;               /* decisions A3 */
    bool resume_confirm;
    bool has_on_message;  /* else messages are only counted */
    bool is_text_checked; /* links bring text messages that are UTF-8 */
    bool close_reasons;   /* false: 1000 and "" as v0.6 did */
    struct wsp_logger logger;
    unsigned generation; /* of the handlers, in log lines */
};

/* The message that on_message is given, or those of one session, one after the
 * other. */
struct wsp_delivery {
    struct wsp_session *session; /* NULL: on_message does not run */
    uint32_t epoch;              /* of the session when it began */
    enum wsp_err err;            /* of decoding; ends it */
    struct wsp_frame frame;
    struct wsp_diag diag; /* of `err` */
};

STAILQ_HEAD(wsp_session_list, wsp_session);
struct wsp_hub {
    struct wsp_hub_config config;
    const struct wsp_hub_events *events;
    void *ud;
    struct wsp_clock clock;
    struct wsp_wheel wheel;    /* deadlines; runtime's as well */
    struct wsp_slots slots;    /* handle -> session */
    struct wsp_slot_index ids; /* id -> slot, of registered ones */
    struct wsp_rooms rooms;
    struct wsp_session_list dirty; /* have frames to write */
    struct wsp_session_list owed;  /* owe callbacks */
    struct wsp_session_list dead;  /* ended, to be freed */
    struct wsp_buf scratch;        /* an outgoing message being encoded */
    struct wsp_delivery delivery;
    struct wsp_buf unescaped; /* text of an incoming frame */
    struct wsp_buf forwarded; /* text of a forwarded one */
    struct wsp_metrics metrics;
    uint32_t suspended_count; /* sessions without a transport */
    size_t suspended_bytes;   /* waiting for them */
    uint64_t frame_count;     /* ids given to frames */
    char frame_nonce[12];     /* in front of them */
    struct wsp_throttle decode_warning;
    struct wsp_throttle encode_warning;
    bool is_settling; /* a callback may be on the stack */
    bool is_closed;   /* close was begun */
};

/* Prepares a hub; allocates nothing. */
void wsp_hub_init(struct wsp_hub *hub, const struct wsp_hub_config *config,
                  const struct wsp_hub_events *events, void *ud,
                  const struct wsp_clock *clock);

/* Frees everything that is left; links must be gone. */
void wsp_hub_fini(struct wsp_hub *hub);

/* Puts `link` under the session of that id (spec §3.2, §3.3; register.c): a new
 * one (T1), the suspended one that resumes (T8), or, when the old transport
 * looks alive, a new one in place of the duplicate (T4) or the same one
 * (takeover_resumes). `room` counts for a new session only. `request` is
 * borrowed until on_connect has returned. Returns NULL without memory or once
 * closing began; the link is then as it was. */
struct wsp_session *wsp_hub_register(struct wsp_hub *hub, struct wsp_link *link,
                                     struct wsp_span room, struct wsp_span id,
                                     const struct wsp_request *request);

struct wsp_session *wsp_hub_find(struct wsp_hub *hub, struct wsp_span id);

/* How many sessions there are, suspended ones included. */
static inline uint32_t wsp_hub_session_count(const struct wsp_hub *hub)
{
    return hub->ids.count;
}

/* The session of a handle; NULL once its on_disconnect has returned. */
static inline struct wsp_session *wsp_hub_lookup(const struct wsp_hub *hub,
                                                 wsp_id handle)
{
    struct wsp_session *session = wsp_slots_find(&hub->slots, handle);
    return session && !session->is_over ? session : NULL;
}

/* Encodes a frame once. Returns WSP_OK with the message in `message` (valid
 * until the next encode) and its opcode, or an error of the codec. */
enum wsp_err wsp_hub_encode(struct wsp_hub *hub, const struct wsp_frame *frame,
                            struct wsp_span *message, uint8_t *opcode,
                            struct wsp_diag *diag);

/* Tells whether a frame goes on as it came, without a look at it; `opcode` is its
 * message's then. */
static inline bool wsp_hub_passes_on(const struct wsp_hub *hub,
                                     const struct wsp_frame *frame,
                                     uint8_t *opcode)
{
    const struct wsp_codec *codec = hub->config.codec;
    if (!frame->raw.data || hub->config.resume_confirm) {
        return false;
    }
    *opcode = frame->binary && codec == &wsp_codec_raw ? WSP_OPCODE_BINARY
                                                       : codec->opcode;
    return *opcode == WSP_OPCODE_BINARY || frame->is_utf8;
}

/* Makes a blob of an encoded message, head included. NULL without memory. */
struct wsp_blob *wsp_hub_blob(struct wsp_span message, uint8_t opcode);

/* See wsp_server_broadcast and wsp_server_kick. */
enum wsp_err wsp_hub_broadcast(struct wsp_hub *hub, struct wsp_span room,
                               const struct wsp_frame *frame, wsp_id except,
                               struct wsp_diag *diag);
enum wsp_err wsp_hub_kick(struct wsp_hub *hub, struct wsp_span id);

/* Ends every session with reason server_close; nothing registers any more. */
void wsp_hub_close(struct wsp_hub *hub);

/* Runs the callbacks that are owed, and those they cause. Does nothing inside a
 * callback. */
void wsp_hub_settle(struct wsp_hub *hub);

/* The end of a turn: fires deadlines, settles, writes the queues of dirty
 * sessions, frees the dead. */
void wsp_hub_turn(struct wsp_hub *hub);

/* How long the loop may sleep, in ms; -1: as long as it likes. */
int64_t wsp_hub_wait_ms(struct wsp_hub *hub);

/* Tells whether callbacks or hooks are owed. */
static inline bool wsp_hub_is_unsettled(const struct wsp_hub *hub)
{
    return !STAILQ_EMPTY(&hub->owed) || hub->metrics.pending.len > 0;
}

/* Tells whether wsp_hub_turn would find nothing to do before `at_ms`. */
static inline bool wsp_hub_rests_until(const struct wsp_hub *hub,
                                       uint64_t at_ms)
{
    return STAILQ_EMPTY(&hub->dirty) && STAILQ_EMPTY(&hub->dead) &&
           !wsp_hub_is_unsettled(hub) &&
           at_ms <= wsp_wheel_soonest_ms(&hub->wheel);
}

/* ---- for session_*.c and register.c ---- */

void wsp_hub_mark_dirty(struct wsp_hub *hub, struct wsp_session *session);
void wsp_hub_owe(struct wsp_hub *hub, struct wsp_session *session,
                 uint8_t what);
/* Calls the hooks that are owed when they have become many, so that what one
 * turn brings cannot fill memory. Does nothing inside a callback. */
void wsp_hub_call_hooks(struct wsp_hub *hub);
static inline void wsp_hub_relieve_hooks(struct wsp_hub *hub)
{
    if (hub->metrics.pending.len >= WSP_METRICS_PENDING_MANY) {
        wsp_hub_call_hooks(hub);
    }
}

/* Takes an ending session out of table and room, and counts its end. */
void wsp_hub_remove(struct wsp_hub *hub, struct wsp_session *session);

/* Puts a new session into the table, under its id. False without memory. */
bool wsp_hub_add(struct wsp_hub *hub, struct wsp_session *session);

/* Takes a session that never became one out of table and room. */
void wsp_hub_withdraw(struct wsp_hub *hub, struct wsp_session *session);

static inline uint64_t wsp_hub_now_ms(const struct wsp_hub *hub)
{
    return hub->clock.now_ms(hub->clock.ud);
}

#endif
