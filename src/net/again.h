/* SPDX-License-Identifier: MIT */
/* Whether to serve the one who was busy alone once more, before the kernel is
 * asked who else is ready.
 *
 * A peer that sends faster than it is served has its next bytes there already:
 * to ask first costs a call of the kernel for nothing. A peer that waits for its
 * answer has not, and then it is the try that was for nothing. So tries go on
 * while they succeed and become rare when they fail, and nobody is served more
 * than a few times, bytes and milliseconds in a row.
 * Owner: the loop. Thread: the loop's. */
#ifndef WSP_NET_AGAIN_H
#define WSP_NET_AGAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSP_AGAIN_ROW 32            /* tries in a row */
#define WSP_AGAIN_BYTES (64 * 1024) /* received in a row */
#define WSP_AGAIN_MS 4              /* spent in a row */
#define WSP_AGAIN_PAUSE_MAX 64      /* occasions without a try */

/* When a try may be worth it. */
enum wsp_again_occasion {
    WSP_AGAIN_AT_ONCE,  /* a turn has ended: something may have come since */
    WSP_AGAIN_SOMEBODY, /* somebody is ready: it may be the same one */
    WSP_AGAIN_OCCASIONS,
};

/* Serves `who` if there is something; returns how many bytes that were, 0 when
 * there was nothing and nothing has happened. */
typedef size_t (*wsp_again_fn)(void *who);

/* Zeroed: nobody was served. */
struct wsp_again {
    wsp_again_fn fn;
    void *who;         /* the last one that was served in this turn, or NULL */
    unsigned served;   /* how often somebody was, in this turn */
    unsigned row;      /* tries since the kernel was asked */
    size_t bytes;      /* received since then */
    uint64_t began_ms; /* when the row began */
    struct {
        unsigned pause;    /* occasions to pass without a try */
        unsigned failures; /* tries in a row that failed */
    } on[WSP_AGAIN_OCCASIONS];
};

/* Notes that `who` was served. */
void wsp_again_note(struct wsp_again *again, wsp_again_fn fn, void *who,
                    size_t bytes);

/* `who` goes away. */
static inline void wsp_again_forget(struct wsp_again *again, const void *who)
{
    if (again->who == who) {
        again->who = NULL;
    }
}

/* Serves the one who was served alone in the turn before, if a try is worth it
 * and fair to the others. Returns true when somebody was served and the kernel
 * need not be asked. `now_ms` is read only when it is needed. */
bool wsp_again_try(struct wsp_again *again, enum wsp_again_occasion occasion,
                   uint64_t (*now_ms)(void));

/* The kernel is asked who is ready: a new row begins. */
void wsp_again_asked(struct wsp_again *again);

#endif
