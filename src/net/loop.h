/* SPDX-License-Identifier: MIT */
/* What the layers above need of a loop beyond <wspulse/loop.h>: the end of a
 * turn, messages that cannot fail, and memory that everything on the loop
 * shares.
 *
 * A turn: wait, run the callbacks of what is ready, run the tails.
 * Thread: the loop's, except wsp_loop_send. */
#ifndef WSP_NET_LOOP_H
#define WSP_NET_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <wspulse/loop.h>

#include "net/again.h"
#include "net/hold.h"
#include "net/mailbox.h"

struct event_base;

/* Receive buffer and cork of a loop. */
#define WSP_LOOP_READ_BYTES (256 * 1024)
#define WSP_LOOP_READ_GAP (32 * 1024)
#define WSP_LOOP_CORK_BYTES (256 * 1024)

/* Called at the end of every turn, in the order of adding; embedded by its
 * owner. A tail may be removed from within any tail; one that is added there
 * may wait for the next turn. */
struct wsp_loop_tail {
    wsp_loop_fn fn;
    void *ud;
    TAILQ_ENTRY(wsp_loop_tail) link; /* private */
};

void wsp_loop_tail_add(struct wsp_loop *loop, struct wsp_loop_tail *tail);
void wsp_loop_tail_remove(struct wsp_loop *loop, struct wsp_loop_tail *tail);

/* Has the tails run soon: at the end of this turn, or, from within a tail or
 * outside of a turn, at the end of a next one that does not wait. */
void wsp_loop_hurry(struct wsp_loop *loop);

/* As wsp_loop_post, with a message embedded in something of the caller's that
 * stays in place until the message has run. Cannot fail. Thread: any. */
void wsp_loop_send(struct wsp_loop *loop, struct wsp_message *message);
/* Takes a message back. Returns false when it is not on its way. */
bool wsp_loop_cancel(struct wsp_loop *loop, struct wsp_message *message);

/* A stream was served: when nobody else was in this turn, the next one may begin
 * with it (net/again.h), as long as wsp_loop_drop_current has not taken it
 * away. */
void wsp_loop_note_served(struct wsp_loop *loop, wsp_again_fn fn, void *stream,
                          size_t bytes);

/* Which object a callback of an event is running for. Closing it in between is
 * noticed by wsp_loop_is_current, without a look at memory that may be gone. */
void wsp_loop_set_current(struct wsp_loop *loop, const void *object);
bool wsp_loop_is_current(const struct wsp_loop *loop, const void *object);
/* `object` goes away, whether it is the current one or not. */
void wsp_loop_drop_current(struct wsp_loop *loop, const void *object);

/* Where a call into the application is put down for the watchdog. */
struct wsp_hold_board *wsp_loop_board(struct wsp_loop *loop);

struct event_base *wsp_loop_base(struct wsp_loop *loop);

/* Watches the socket of a stream (net/poller.h): what was served is told to
 * wsp_stream_ready. */
bool wsp_loop_watch_socket(struct wsp_loop *loop, int fd, uint32_t before,
                           uint32_t events, void *stream);

/* WSP_LOOP_READ_GAP and WSP_LOOP_READ_BYTES bytes, used by one callback at a
 * time. Plain bytes are received at the front. Ciphertext is received behind the
 * gap, and plaintext made of it written to the front; it never catches up with
 * what is still to be read: it is shorter, and OpenSSL holds back one record. */
uint8_t *wsp_loop_read_buffer(struct wsp_loop *loop);
/* WSP_LOOP_CORK_BYTES bytes for the output of the connection being read. */
uint8_t *wsp_loop_cork_buffer(struct wsp_loop *loop);

#endif
