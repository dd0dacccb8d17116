/* SPDX-License-Identifier: MIT */
/* Which call into the application a loop is in, where another thread can see it.
 *
 * Entering and leaving are two stores each: no lock, no fence. The watchdog that
 * looks announces itself one tick before it reads, half a second, by when every
 * processor has seen the announcement and what the loop had stored; from then on
 * the loop asks for the lock before it leaves, so that what a hold points to
 * stays while it is read.
 * Owner: the loop has a board, the caller its hold. Thread: the loop's, unless a
 * function says otherwise. */
#ifndef WSP_NET_HOLD_H
#define WSP_NET_HOLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/log.h>

#define WSP_HOLD_FIELDS 6
#define WSP_HOLD_TEXT 96 /* bytes of a field; the rest is left out */

/* What is said of a hold, copied. */
struct wsp_hold_note {
    struct wsp_log_field fields[WSP_HOLD_FIELDS + 2]; /* and two numbers */
    size_t count;
    char text[WSP_HOLD_FIELDS][WSP_HOLD_TEXT];
};

/* A call under way; the first member of a struct that knows more of it. */
struct wsp_hold {
    /* Fills a note. Thread: the watchdog's, while the loop cannot leave. */
    void (*describe)(const struct wsp_hold *hold, struct wsp_hold_note *note);
};

/* Zeroed but for the lock: nothing is held. */
struct wsp_hold_board {
    _Atomic(const struct wsp_hold *) current; /* the outermost; NULL: none */
    atomic_uint_fast64_t count;               /* holds so far */
    atomic_bool is_watched;                   /* somebody may be reading */
    pthread_mutex_t lock;                     /* over reading, and the next */
    uint64_t told;       /* number of the hold that was told of last */
    uint64_t told_at_ms; /* when it was first seen */
};

/* Adds a field to a note, which has room for WSP_HOLD_FIELDS. Empty ones are
 * left out. Thread: any. */
void wsp_hold_note_add(struct wsp_hold_note *note, const char *key,
                       struct wsp_span text);

/* Waits while somebody reads. Returns for how many milliseconds, at least, the
 * hold that ends was told of; 0 when it was not. */
uint64_t wsp_hold_wait(struct wsp_hold_board *board);

/* Tells whether a hold is down: what begins now is a part of it. */
static inline bool wsp_hold_is_down(const struct wsp_hold_board *board)
{
    return atomic_load_explicit(&board->current, memory_order_relaxed) != NULL;
}

/* Tells whether this one is. */
static inline bool wsp_hold_is(const struct wsp_hold_board *board,
                               const struct wsp_hold *hold)
{
    return atomic_load_explicit(&board->current, memory_order_relaxed) == hold;
}

/* Puts a hold down; none is. It has to stay until it is left. */
static inline void wsp_hold_enter(struct wsp_hold_board *board,
                                  const struct wsp_hold *hold)
{
    uint64_t count = atomic_load_explicit(&board->count, memory_order_relaxed);
    atomic_store_explicit(&board->count, count + 1, memory_order_relaxed);
    atomic_store_explicit(&board->current, hold, memory_order_release);
}

/* Leaves the hold that was put down. Returns as wsp_hold_wait. */
static inline uint64_t wsp_hold_leave(struct wsp_hold_board *board)
{
    atomic_store_explicit(&board->current, NULL, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    bool is_watched =
        atomic_load_explicit(&board->is_watched, memory_order_relaxed);
    return is_watched ? wsp_hold_wait(board) : 0;
}

#endif
