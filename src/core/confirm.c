/* SPDX-License-Identifier: MIT */
#include "core/confirm.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

struct wsp_confirm *wsp_confirm_new(void)
{
    struct wsp_confirm *confirm = calloc(1, sizeof *confirm);
    if (confirm) {
        wsp_confirm_attach(confirm);
    }
    return confirm;
}

void wsp_confirm_free(struct wsp_confirm *confirm)
{
    if (confirm) {
        wsp_sendq_fini(&confirm->window);
        free(confirm);
    }
}

void wsp_confirm_attach(struct wsp_confirm *confirm)
{
    confirm->written = 0;
    confirm->base = 0;
    confirm->ping_count = 0;
    confirm->due_ms = 0;
    confirm->is_half_told = false;
    confirm->is_full_told = false;
    wsp_random_fill(confirm->tag, sizeof confirm->tag);
}

/* The number of the last frame that was written. */
static uint64_t last_number(const struct wsp_confirm *confirm)
{
    return confirm->base + confirm->written;
}

bool wsp_confirm_is_unpinged(const struct wsp_confirm *confirm)
{
    if (confirm->written == 0) {
        return false;
    }
    return confirm->ping_count == 0 ||
           confirm->pings[confirm->ping_count - 1] < last_number(confirm);
}

bool wsp_confirm_wants_ping(struct wsp_confirm *confirm,
                            const struct wsp_sendq_limits *limits,
                            size_t next_len, uint64_t now_ms)
{
    if (!wsp_confirm_is_unpinged(confirm)) {
        return false;
    }
    if (confirm->due_ms == 0) {
        confirm->due_ms = now_ms + WSP_CONFIRM_WAIT_MS;
    }
    const struct wsp_sendq *window = &confirm->window;
    if (wsp_sendq_is_full(window, limits, next_len)) {
        bool was_told = confirm->is_full_told;
        confirm->is_full_told = true;
        confirm->is_half_told = true;
        return !was_told;
    }
    bool is_half = (uint64_t)wsp_sendq_count(window) * 2 >= limits->frames ||
                   window->bytes >= limits->bytes / 2;
    bool was_told = confirm->is_half_told;
    confirm->is_half_told = was_told || is_half;
    return is_half && !was_told;
}

void wsp_confirm_ping(struct wsp_confirm *confirm,
                      uint8_t out[WSP_CONFIRM_PING_LEN])
{
    uint64_t number = last_number(confirm);
    if (wsp_confirm_is_unpinged(confirm)) {
        if (confirm->ping_count == WSP_CONFIRM_PINGS_MAX) {
            confirm->ping_count--; /* the newest covers what it covered */
        }
        confirm->pings[confirm->ping_count++] = number;
    }
    confirm->due_ms = 0;
    memcpy(out, confirm->tag, sizeof confirm->tag);
    for (int i = 0; i < 8; i++) {
        out[4 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

static void confirm_up_to(struct wsp_confirm *confirm, uint64_t number)
{
    while (confirm->base < number && confirm->written > 0) {
        wsp_sendq_drop_oldest(&confirm->window);
        confirm->base++;
        confirm->written--;
    }
    confirm->is_half_told = false;
    confirm->is_full_told = false;
}

bool wsp_confirm_pong(struct wsp_confirm *confirm, const uint8_t *data,
                      size_t len)
{
    if (len != WSP_CONFIRM_PING_LEN ||
        memcmp(data, confirm->tag, sizeof confirm->tag) != 0) {
        return false;
    }
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | data[4 + i];
    }
    for (uint32_t i = 0; i < confirm->ping_count; i++) {
        if (confirm->pings[i] != number) {
            continue;
        }
        confirm->ping_count -= i + 1;
        memmove(confirm->pings, confirm->pings + i + 1,
                confirm->ping_count * sizeof confirm->pings[0]);
        confirm_up_to(confirm, number);
        return true;
    }
    return false;
}
