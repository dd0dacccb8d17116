/* SPDX-License-Identifier: MIT */
/* A timer wheel: deadlines embedded in what they belong to, cheap to set and to
 * move, fired in ticks of 8 ms.
 * Owner: the hub. Thread: the owner's. */
#ifndef WSP_BASE_WHEEL_H
#define WSP_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define WSP_WHEEL_SLOTS 1024
#define WSP_WHEEL_TICK_MS 8

struct wsp_deadline;

typedef void (*wsp_deadline_fn)(struct wsp_deadline *deadline);

/* Embedded by its owner, who finds itself with a container-of. Zeroed is
 * disarmed. */
struct wsp_deadline {
    LIST_ENTRY(wsp_deadline) link; /* private */
    uint64_t at_ms;                /* when it is due; 0: disarmed */
    wsp_deadline_fn fn;
};

LIST_HEAD(wsp_deadline_list, wsp_deadline);

struct wsp_wheel {
    struct wsp_deadline_list slots[WSP_WHEEL_SLOTS];
    uint64_t used[WSP_WHEEL_SLOTS / 64]; /* a bit per slot that may have some */
    uint64_t tick;                       /* the next one to look at */
    uint64_t soonest;                    /* no deadline is in an earlier tick */
    uint32_t count;                      /* armed deadlines */
};

void wsp_wheel_init(struct wsp_wheel *wheel, uint64_t now_ms);

/* Arms or moves a deadline; one in the past is due at the next tick. */
void wsp_wheel_arm(struct wsp_wheel *wheel, struct wsp_deadline *deadline,
                   uint64_t at_ms);

/* Disarms; harmless when it is not armed. */
void wsp_wheel_disarm(struct wsp_wheel *wheel, struct wsp_deadline *deadline);

/* Fires what is due at `now_ms`. A fired deadline is disarmed first, and may be
 * armed again, or freed, by its function; so may any other. */
void wsp_wheel_advance(struct wsp_wheel *wheel, uint64_t now_ms);

/* Before this time, in ms, nothing is due: a glance that needs no clock, and
 * that may be too early until wsp_wheel_wait_ms has looked. */
static inline uint64_t wsp_wheel_soonest_ms(const struct wsp_wheel *wheel)
{
    return wheel->count ? wheel->soonest * WSP_WHEEL_TICK_MS : UINT64_MAX;
}

/* How long until something may be due: milliseconds from `now_ms`, or -1 when
 * nothing is armed. Never later than the earliest deadline's tick. */
int64_t wsp_wheel_wait_ms(struct wsp_wheel *wheel, uint64_t now_ms);

#endif
