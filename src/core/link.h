/* SPDX-License-Identifier: MIT */
/* A link: what a session needs of a transport. The core declares this port;
 * runtime implements it over a socket, specs with a fake.
 *
 * A session borrows a link between attach and the moment it closes, aborts or
 * loses it. No operation calls back into the core before it has returned.
 * Thread: worker. */
#ifndef WSP_CORE_LINK_H
#define WSP_CORE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/span.h>

#include "base/blob.h"

struct wsp_link;
struct wsp_session;

/* A message that a link brings, valid until the next one. */
struct wsp_link_message {
    uint8_t opcode;
    struct wsp_span data; /* UTF-8 in a text, if links check that */
};

struct wsp_link_ops {
    /* Copies a message behind what was written before, into the buffer that
     * goes out at the end of the read batch. Returns false when this link is not
     * the one being read or has no room: the caller queues the message. */
    bool (*put)(struct wsp_link *link, uint8_t opcode, struct wsp_span message);

    /* The same for a blob: its bytes or those of a compressed form of it. No
     * reference is taken over. */
    bool (*put_blob)(struct wsp_link *link, struct wsp_blob *blob);

    /* Writes blobs, or compressed forms of them, and takes over one reference of each that it accepts.
     * Returns how many were accepted, from the first on; when fewer than
     * `count`, wsp_session_writable follows once there is room, or
     * wsp_session_lost. */
    uint32_t (*write)(struct wsp_link *link, struct wsp_blob *const *blobs,
                      uint32_t count);

    /* Sends a ping behind everything that was written before. */
    void (*ping)(struct wsp_link *link, const uint8_t *data, size_t len);

    /* Ends the link in order: a last few blobs (references are taken over), a
     * close frame, the peer's answer. The session has let go of it. */
    void (*close)(struct wsp_link *link, struct wsp_blob *const *blobs,
                  uint32_t count, uint16_t code, struct wsp_span reason);

    /* Ends the link at once, without a close frame. The session has let go. */
    void (*abort)(struct wsp_link *link);

    /* While a message of this link is received: takes the one behind it from
     * what has been read, as if wsp_session_receive had returned and were called
     * again. Returns false when there is none that may be taken like this, and
     * nothing has changed. */
    bool (*next)(struct wsp_link *link, struct wsp_link_message *message);
};

/* Embedded by the transport. */
struct wsp_link {
    const struct wsp_link_ops *ops;
    struct wsp_session *session; /* who borrows it, or NULL; written by core */
};

#endif
