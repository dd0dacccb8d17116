/* SPDX-License-Identifier: MIT */
/* A session: the logical connection of one peer (the user's `connection`), with
 * its queue of outgoing frames.
 *
 *     (register) -> CONNECTED --- link lost, kick, close, duplicate ---> CLOSED
 *
 * Application callbacks never run inside a session's own functions: they are
 * marked here and run by the hub, in the order connect, message*, disconnect.
 * Owner: the hub. Thread: worker. */
#ifndef WSP_CORE_SESSION_H
#define WSP_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <wspulse/connection.h>
#include <wspulse/error.h>
#include <wspulse/frame.h>

#include "base/ring.h"
#include "core/link.h"
#include "core/room.h"

struct wsp_hub;
struct wsp_values;

enum wsp_session_state {
    WSP_SESSION_CONNECTED,
    WSP_SESSION_CLOSED,
};

/* Callbacks that are owed; bits, run from the lowest up. */
enum wsp_session_owed {
    WSP_OWED_CONNECT = 1,
    WSP_OWED_DISCONNECT = 2,
};

struct wsp_session {
    struct wsp_hub *hub;
    struct wsp_link *link;             /* NULL once it was let go of */
    struct wsp_room *room;             /* NULL once it was left */
    struct wsp_ring queue;             /* struct wsp_blob *, oldest first; one
                                         reference each */
    size_t queued_bytes;               /* of the blobs in queue */
    wsp_id handle;                     /* 0 once released */
    uint64_t opened_ms;                /* when it was registered */
    struct wsp_error *last_error;      /* of the last transport, or NULL */
    struct wsp_error *end_error;       /* given to on_disconnect, or NULL */
    struct wsp_values *values;         /* conn:set; NULL when empty */
    const struct wsp_request *request; /* borrowed, until on_connect returned */
    TAILQ_ENTRY(wsp_session) dirty_link;
    STAILQ_ENTRY(wsp_session) owed_link; /* also of the list of dead ones */
    UT_hash_handle hh;                   /* in the hub's table, by id */
    void *ud;                            /* the embedder's: runtime's server */
    uint32_t room_index;                 /* place among the room's members */
    uint8_t state;                       /* enum wsp_session_state */
    uint8_t owed;                        /* enum wsp_session_owed bits */
    uint8_t reason;                      /* enum wsp_reason, once CLOSED */
    bool is_dirty;                       /* in the hub's list of dirty ones */
    bool is_owed_listed;                 /* in the hub's list of owed ones */
    bool is_link_full;                   /* link said "later" */
    bool is_registered;                  /* found by its id */
    bool is_over;                        /* on_disconnect has returned */
    uint32_t id_len;
    uint32_t room_name_len; /* the room's name outlives the room */
    char text[];            /* the id, then the room's name */
};

static inline struct wsp_span wsp_session_id(const struct wsp_session *session)
{
    return (struct wsp_span){session->text, session->id_len};
}

static inline struct wsp_span wsp_session_room(const struct wsp_session *s)
{
    return (struct wsp_span){s->text + s->id_len, s->room_name_len};
}

/* ---- what the application asks for ---- */

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
 * disconnect with `error` (referenced) and `reason`. Nothing happens when it
 * has ended already. */
void wsp_session_end(struct wsp_session *session, enum wsp_reason reason,
                     struct wsp_error *error, uint16_t code, const char *text);

/* ---- what the link reports ---- */

/* A complete data message. Returns false when reading must stop: the session
 * closed, or its handler failed. */
bool wsp_session_receive(struct wsp_session *session, uint8_t opcode,
                         char *data, size_t len);

/* The transport is gone or going; takes over `error` (NULL: an ordinary end).
 * The session has let go of the link when this returns. */
void wsp_session_lost(struct wsp_session *session, struct wsp_error *error);

/* The link takes frames again. */
void wsp_session_writable(struct wsp_session *session);

/* ---- what the hub does ---- */

/* Hands the queue to the link, as far as it goes. */
void wsp_session_flush(struct wsp_session *session);

/* Frees a session that has ended and owes nothing. */
void wsp_session_free(struct wsp_session *session);

#endif
