/* SPDX-License-Identifier: MIT */
/* The core on fake links and a clock that is turned by hand: the input picks
 * what happens to a few sessions next, and every invariant of
 * spec/core/property_spec.c is checked after each step.
 * Covers: src/core/hub.c src/core/register.c src/core/session.c
 *         src/core/session_output.c src/core/session_input.c
 *         src/core/session_heartbeat.c src/core/confirm.c src/core/sendq.c
 *         src/core/room.c src/base/wheel.c src/base/ring.c src/base/slot.c */
#include "bytes.h"
#include "core/crowd.h"
#include "target.h"

static uint32_t pick(void *ud, uint32_t below)
{
    struct bytes *input = ud;
    uint32_t number = below > 256 ? bytes_take_16(input) : bytes_take(input);
    return number % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crowd crowd;
    struct bytes input = {data, size};
    bool is_confirming = bytes_take(&input) & 1;
    crowd_init(&crowd, pick, &input, is_confirming);
    while (input.len > 0) {
        crowd_step(&crowd);
    }
    crowd_finish(&crowd);
    return 0;
}
