/* SPDX-License-Identifier: MIT */
#include "net/again.h"

void wsp_again_note(struct wsp_again *again, wsp_again_fn fn, void *who,
                    size_t bytes)
{
    again->fn = fn;
    again->who = who;
    again->served++;
    again->bytes += bytes;
}

/* Tells whether a try is fair to the others. */
static bool is_fair(struct wsp_again *again, uint64_t (*now_ms)(void))
{
    if (again->row >= WSP_AGAIN_ROW || again->bytes >= WSP_AGAIN_BYTES) {
        return false;
    }
    if (again->row == 0) {
        again->began_ms = now_ms();
    }
    return again->row % 4 != 3 || now_ms() - again->began_ms < WSP_AGAIN_MS;
}

/* Tells whether a try is worth it. */
static bool is_due(struct wsp_again *again, enum wsp_again_occasion occasion)
{
    if (!again->who || again->served != 1) {
        return false;
    }
    if (again->on[occasion].pause > 0) {
        again->on[occasion].pause--;
        return false;
    }
    return true;
}

/* Twice as long after every failure. */
static void note_failure(struct wsp_again *again,
                         enum wsp_again_occasion occasion)
{
    unsigned failures = again->on[occasion].failures;
    unsigned pause = 2U << failures;
    if (pause < WSP_AGAIN_PAUSE_MAX) {
        again->on[occasion].failures = failures + 1;
    }
    again->on[occasion].pause = pause;
}

bool wsp_again_try(struct wsp_again *again, enum wsp_again_occasion occasion,
                   uint64_t (*now_ms)(void))
{
    if (!is_due(again, occasion) || !is_fair(again, now_ms)) {
        return false;
    }
    void *who = again->who;
    again->served = 0;
    again->row++;
    if (again->fn(who) == 0) {
        note_failure(again, occasion);
        again->served = 1; /* it still was the only one */
        return false;
    }
    again->on[occasion].failures = 0;
    return true;
}

void wsp_again_asked(struct wsp_again *again)
{
    again->who = NULL;
    again->served = 0;
    again->row = 0;
    again->bytes = 0;
}
