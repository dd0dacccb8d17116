/* SPDX-License-Identifier: MIT */
/* Undoes the compression of a client's messages (RFC 7692 §7.2.2), a piece at a
 * time into room that the caller bounds, with zlib states that a pool lends.
 *
 * A state weighs about 40 KiB, so nobody holds one without a reason: it is lent
 * for a message that is being read, or held for a client that keeps its context
 * between messages. What is held together is bounded by a budget.
 * Owner: see each. Thread: the owner's. */
#ifndef WSP_PROTO_INFLATE_H
#define WSP_PROTO_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsp_inflater;

enum wsp_inflate_result {
    WSP_INFLATE_MORE,      /* all that came in is used up */
    WSP_INFLATE_FULL,      /* the room is used up: go on with more of it */
    WSP_INFLATE_BAD,       /* no deflate stream, or one that refers too far
                              back, or that ends too early */
    WSP_INFLATE_NO_MEMORY, /* zlib found none for the window */
};

/* What is read and where it goes. Both move on with what was used. */
struct wsp_inflate_run {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t room;
};

/* ---- one message after the other ---- */

/* Inflates the next bytes of a message. `room` is not 0. A block that is marked
 * as the last one may be followed by others (RFC 7692 §7.2.1). */
enum wsp_inflate_result wsp_inflater_run(struct wsp_inflater *inflater,
                                         struct wsp_inflate_run *run);

/* Ends a message that has been inflated up to WSP_INFLATE_MORE, by putting back
 * what the peer has left out. Returns WSP_INFLATE_MORE for a whole message, also
 * for one without a byte, and for one that ends with a last block and nothing
 * behind it; the next one may follow. WSP_INFLATE_BAD: it was cut short. */
enum wsp_inflate_result wsp_inflater_end(struct wsp_inflater *inflater);

/* ---- the pool ---- */

/* Zeroed is a pool without a budget. */
struct wsp_inflate_pool {
    struct wsp_inflater *idle; /* list */
    size_t idle_count;
    size_t lent_count;  /* inflaters that somebody has */
    size_t held_bytes;  /* reserved out of the budget */
    size_t max_bytes;   /* the budget; may change */
    uint64_t out_bytes; /* that messages were inflated to, in all */
};

/* Frees the idle ones; all others must have come back. */
void wsp_inflate_pool_fini(struct wsp_inflate_pool *pool);

/* Takes what an inflater with a window of 2^window_bits weighs out of the
 * budget. False when that would be too much. */
bool wsp_inflate_pool_reserve(struct wsp_inflate_pool *pool,
                              uint8_t window_bits);
void wsp_inflate_pool_release(struct wsp_inflate_pool *pool,
                              uint8_t window_bits);

/* Lends an inflater without a context, for windows up to 2^window_bits (8 to
 * 15). NULL without memory. */
struct wsp_inflater *wsp_inflate_pool_lend(struct wsp_inflate_pool *pool,
                                           uint8_t window_bits);

/* Takes one back, whatever state it is in. NULL is ignored. */
void wsp_inflate_pool_return(struct wsp_inflate_pool *pool,
                             struct wsp_inflater *inflater);

#endif
