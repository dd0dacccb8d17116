/* SPDX-License-Identifier: MIT */
#include "net/hold.h"

#include <string.h>
#include <time.h>

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
    struct timespec now;
    uint64_t held_ms = 0;
    pthread_mutex_lock(&board->lock);
    uint64_t count = atomic_load_explicit(&board->count, memory_order_relaxed);
    if (board->told == count) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        held_ms = (uint64_t)now.tv_sec * 1000 +
                  (uint64_t)now.tv_nsec / 1000000 - board->told_at_ms;
    }
    pthread_mutex_unlock(&board->lock);
    return held_ms;
}
