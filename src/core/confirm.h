/* SPDX-License-Identifier: MIT */
/* Frames that a transport was given but its peer has not confirmed: the option
 * resume_confirm. A ping carries the number of the last frame in front of it; a
 * pong that brings it back proves that the peer's WebSocket endpoint has parsed
 * every frame up to it (RFC 6455 §5.5.3).
 * Owner: the session. Thread: worker. */
#ifndef WSP_CORE_CONFIRM_H
#define WSP_CORE_CONFIRM_H

#include "core/sendq.h"

#define WSP_CONFIRM_PING_LEN 12 /* 4 bytes of tag, 8 bytes of number */
#define WSP_CONFIRM_PINGS_MAX 16
#define WSP_CONFIRM_WAIT_MS 1000 /* the latest ping after a frame */

struct wsp_confirm {
    struct wsp_sendq window; /* unconfirmed frames, oldest first */
    uint32_t written;        /* of them, on the current transport */
    uint64_t base;           /* number of the frame before the window */
    uint64_t pings[WSP_CONFIRM_PINGS_MAX]; /* numbers sent and unanswered */
    uint32_t ping_count;
    uint64_t due_ms;   /* when a ping must go; 0: none is due */
    uint8_t tag[4];    /* random, of the current transport */
    bool is_half_told; /* a ping went when it was half full */
    bool is_full_told; /* a ping went when it was full */
};

/* NULL without memory. */
struct wsp_confirm *wsp_confirm_new(void);
/* Drops what is unconfirmed. NULL is ignored. */
void wsp_confirm_free(struct wsp_confirm *confirm);

/* A new transport: numbers start over, everything in the window is to be
 * written again, older pings count no more. */
void wsp_confirm_attach(struct wsp_confirm *confirm);

/* Tells whether another frame of `len` bytes may be written. */
static inline bool wsp_confirm_has_room(const struct wsp_confirm *confirm,
                                        const struct wsp_sendq_limits *limits,
                                        size_t len)
{
    return !wsp_sendq_is_full(&confirm->window, limits, len);
}

/* Tells whether a frame was written that no ping has covered. */
bool wsp_confirm_is_unpinged(const struct wsp_confirm *confirm);

/* Tells whether a ping must go now: the window has become half full, or full
 * for the next frame of `next_len` bytes; each is told once until a pong makes
 * room. Notes when a ping is due at the latest. */
bool wsp_confirm_wants_ping(struct wsp_confirm *confirm,
                            const struct wsp_sendq_limits *limits,
                            size_t next_len, uint64_t now_ms);

/* Writes the body of a ping that covers everything written so far. */
void wsp_confirm_ping(struct wsp_confirm *confirm,
                      uint8_t out[WSP_CONFIRM_PING_LEN]);

/* Takes a pong. Returns true when it confirmed something: its tag is this
 * transport's and its number was sent. Frees room for all up to it. */
bool wsp_confirm_pong(struct wsp_confirm *confirm, const uint8_t *data,
                      size_t len);

#endif
