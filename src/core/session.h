/* SPDX-License-Identifier: MIT */
/* A session: the logical connection of one peer (the user's `connection`),
 * which may outlive the transport below it.
 *
 *                      link lost, resume_window > 0
 *     (register) -> CONNECTED ------------------------> SUSPENDED
 *                      |    ^------------------------------|
 *                      |       registered again (resume)   |
 *                      |                                   |
 *                      +----------> CLOSED <---------------+
 *        link lost without a window, kick, close, duplicate, server close;
 *        suspended: the window ran out as well
 *
 * Application callbacks never run inside a session's own functions: they are
 * owed here and called by the hub, in the order
 * connect, message*, [drop, restore, message*]*, disconnect.
 * Owner: the hub. Thread: worker. */
#ifndef WSP_CORE_SESSION_H
#define WSP_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <wspulse/connection.h>
#include <wspulse/error.h>
#include <wspulse/frame.h>

#include "base/wheel.h"
#include "core/link.h"
#include "core/room.h"
#include "core/sendq.h"

struct wsp_confirm;
struct wsp_hub;
struct wsp_values;

enum wsp_session_state {
    WSP_SESSION_CONNECTED,
    WSP_SESSION_SUSPENDED,
    WSP_SESSION_CLOSED,
};

/* Callbacks that are owed; bits, called from the lowest up. */
enum wsp_session_owed {
    WSP_OWED_CONNECT = 1,
    WSP_OWED_DROP = 2,
    WSP_OWED_RESTORE = 4,
    WSP_OWED_DRAIN = 8,
    WSP_OWED_DISCONNECT = 16,
};

/* Which error on_disconnect is given. */
enum wsp_session_end_error {
    WSP_END_NO_ERROR,
    WSP_END_LAST_ERROR, /* that of the last transport */
    WSP_END_DUPLICATE,
    WSP_END_SERVER_CLOSED,
};

/* One for each connection, idle or not: members that are alike stand together,
 * and nothing is padded. */
struct wsp_session {
    struct wsp_hub *hub;
    struct wsp_link *link;             /* NULL unless CONNECTED */
    struct wsp_room *room;             /* NULL once it was left */
    struct wsp_sendq queue;            /* frames no transport was given yet */
    struct wsp_confirm *confirm;       /* with resume_confirm, else NULL */
    wsp_id handle;                     /* 0 once released */
    uint64_t opened_ms;                /* when it was registered */
    uint64_t ping_due_ms;              /* next heartbeat ping */
    uint64_t pong_due_ms;              /* when silence ends the transport */
    struct wsp_deadline deadline;      /* heartbeat, or the end of the window */
    struct wsp_error *last_error;      /* of the last transport, or NULL */
    struct wsp_values *values;         /* conn:set; NULL when empty */
    const struct wsp_request *request; /* borrowed, until on_connect returned */
    STAILQ_ENTRY(wsp_session) dirty_link;
    STAILQ_ENTRY(wsp_session) owed_link; /* also of the list of dead ones */
    uint32_t room_index;                 /* place among the room's members */
    uint32_t epoch;        /* moves with every attach and detach */
    uint32_t lost_count;   /* accepted frames evicted since the last transport
                              came */
    uint32_t replay_count; /* frames that wait for a transport that has just
                              come */
    uint16_t id_len;
    uint16_t room_name_len;  /* the room's name outlives the room */
    uint8_t owed;            /* enum wsp_session_owed bits */
    uint8_t state : 2;       /* enum wsp_session_state */
    uint8_t reason : 3;      /* enum wsp_reason, once CLOSED */
    uint8_t end_error : 2;   /* enum wsp_session_end_error, once CLOSED */
    bool is_dirty : 1;       /* in the hub's list of dirty ones */
    bool is_owed_listed : 1; /* in the hub's list of owed ones */
    bool is_link_full : 1;   /* link said "later" */
    bool was_full : 1;       /* a frame found no room; on_drain is owed when
                                there is */
    bool is_registered : 1;  /* found by its id */
    bool is_over : 1;        /* on_disconnect has returned */
    char text[];             /* the id, then the room's name */
};

static inline struct wsp_span wsp_session_id(const struct wsp_session *session)
{
    return (struct wsp_span){session->text, session->id_len};
}

static inline struct wsp_span wsp_session_room(const struct wsp_session *s)
{
    return (struct wsp_span){s->text + s->id_len, s->room_name_len};
}

/* ---- what the application asks for (session_output.c, session.c) ---- */

/* See wsp_connection_send. */
enum wsp_err wsp_session_send(struct wsp_session *session,
                              const struct wsp_frame *frame,
                              struct wsp_diag *diag);

/* Takes one reference of an encoded blob. A full queue loses its oldest frame.
 * Returns false when the session is closed or memory ran out; the reference was
 * dropped. Used by broadcasts. */
bool wsp_session_push(struct wsp_session *session, struct wsp_blob *blob);

/* See wsp_connection_close; arguments were checked. */
void wsp_session_close(struct wsp_session *session, uint16_t code,
                       struct wsp_span reason);

/* Ends the session at once: leaves room and table, discards what is queued,
 * closes the link with `code` and `text` (see close_reasons), owes a
 * disconnect with `error` and `reason`. Nothing happens when it has ended
 * already. */
void wsp_session_end(struct wsp_session *session, enum wsp_reason reason,
                     enum wsp_session_end_error error, uint16_t code,
                     const char *text);

/* ---- what the link reports (session.c, session_input.c) ---- */

/* A complete data message. Returns false when reading must stop: the session
 * let go of the link. */
bool wsp_session_receive(struct wsp_session *session, uint8_t opcode,
                         char *data, size_t len);

/* Inside on_message of this session: ends the message and makes the hub's frame
 * of the one behind it, as if on_message had returned and were called again.
 * Returns false when something else comes first, or nothing has arrived: return
 * from on_message. */
bool wsp_session_next(struct wsp_session *session);

/* A pong: liveness, and maybe a confirmation. */
void wsp_session_pong(struct wsp_session *session, const uint8_t *data,
                      size_t len);

/* The transport is gone or going; takes over `error` (NULL: an ordinary end).
 * The session has let go of the link when this returns: it is suspended, or
 * closed. */
void wsp_session_lost(struct wsp_session *session, struct wsp_error *error);

/* The peer said goodbye: what it was sent before still goes out, unless it is
 * kept for a resume. Otherwise as wsp_session_lost. */
void wsp_session_peer_closed(struct wsp_session *session,
                             struct wsp_error *error);

/* The link takes frames again. */
void wsp_session_writable(struct wsp_session *session);

/* ---- what the hub does ---- */

/* Borrows a link: the first one, or the one that a suspended session resumes
 * on. */
void wsp_session_attach(struct wsp_session *session, struct wsp_link *link);

/* Lets go of the link and returns it, NULL when there was none. */
struct wsp_link *wsp_session_detach(struct wsp_session *session);

/* Suspends a connected session whose next transport has already come; takes
 * over `error`. Returns the link it had. */
struct wsp_link *wsp_session_give_up_link(struct wsp_session *session,
                                          struct wsp_error *error);

/* Hands the queue to the link, as far as it goes. */
void wsp_session_flush(struct wsp_session *session);

/* The window of the suspension with this epoch ran out (spec T9, T10): nothing
 * happens when the session has moved on since. */
void wsp_session_expire(struct wsp_session *session, uint32_t epoch);

/* Frees a session that has ended and owes nothing. */
void wsp_session_free(struct wsp_session *session);

/* ---- between the session_*.c files ---- */

/* Bytes that wait in queue and window. */
size_t wsp_session_waiting_bytes(const struct wsp_session *session);

/* Drops everything that waits. */
void wsp_session_discard(struct wsp_session *session);

/* Counts a frame of `bytes` payload that a link has taken out of the queue. */
void wsp_session_count_sent(struct wsp_session *session, size_t bytes);

/* (Re)starts the heartbeat of a new transport, or stops it. */
void wsp_session_start_heartbeat(struct wsp_session *session);
void wsp_session_stop_heartbeat(struct wsp_session *session);

/* Sends a ping of heartbeat or confirmation. */
void wsp_session_ping(struct wsp_session *session);

/* Arms the deadline for what is due first. */
void wsp_session_arm(struct wsp_session *session);

#endif
