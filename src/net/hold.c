/* SPDX-License-Identifier: MIT */
#include "net/hold.h"

#include <string.h>

#include "net/clock_ms.h"

void wsp_hold_note_add(struct wsp_hold_note *note, const char *key,
                       struct wsp_span text)
{
    if (text.len == 0 || note->count == WSP_HOLD_FIELDS) {
        return;
    }
    char *copy = note->text[note->count];
    size_t len = text.len < WSP_HOLD_TEXT ? text.len : WSP_HOLD_TEXT;
    memcpy(copy, text.data, len);
    note->fields[note->count++] =
        WSP_LOG_SPAN(key, ((struct wsp_span){copy, len}));
}

uint64_t wsp_hold_wait(struct wsp_hold_board *board)
{
    uint64_t held_ms = 0;
    pthread_mutex_lock(&board->lock);
    uint64_t count = atomic_load_explicit(&board->count, memory_order_relaxed);
    if (board->told == count) {
        held_ms = wsp_clock_ms(CLOCK_MONOTONIC) - board->told_at_ms;
    }
    pthread_mutex_unlock(&board->lock);
    return held_ms;
}
