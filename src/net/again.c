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

/* Tells whether a try is worth it and fair to the others. */
static bool is_due(struct wsp_again *again, uint64_t (*now_ms)(void))
{
    if (!again->who || again->served != 1) {
        return false;
    }
    if (again->pause > 0) {
        again->pause--;
        return false;
    }
    if (again->row >= WSP_AGAIN_ROW || again->bytes >= WSP_AGAIN_BYTES) {
        return false;
    }
    if (again->row == 0) {
        again->began_ms = now_ms();
    }
    return again->row % 4 != 3 || now_ms() - again->began_ms < WSP_AGAIN_MS;
}

/* The kernel is asked next. */
static bool give_up(struct wsp_again *again)
{
    again->who = NULL;
    again->served = 0;
    again->row = 0;
    again->bytes = 0;
    return false;
}

/* Twice as long after every failure. */
static void note_failure(struct wsp_again *again)
{
    if (again->failures < 31) {
        again->failures++;
    }
    again->pause = 1U << again->failures;
    if (again->pause > WSP_AGAIN_PAUSE_MAX) {
        again->pause = WSP_AGAIN_PAUSE_MAX;
    }
}

bool wsp_again_try(struct wsp_again *again, uint64_t (*now_ms)(void))
{
    if (!is_due(again, now_ms)) {
        return give_up(again);
    }
    again->served = 0;
    again->row++;
    if (again->fn(again->who) == 0) {
        note_failure(again);
        return give_up(again);
    }
    again->failures = 0;
    return true;
}
