/* SPDX-License-Identifier: MIT */
/* Random interleavings of everything that can happen to sessions, held against
 * the invariants of spec §3.2 and §4. The seed is printed; WSP_SEED replays a
 * run, WSP_STEPS shortens or lengthens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "crowd.h"

#define STEPS 100000

static uint32_t pick(void *ud, uint32_t below)
{
    uint64_t *random = ud;
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random >> 33) % below;
}

static void run(uint64_t seed, bool is_confirming)
{
    static struct crowd crowd;
    const char *steps_text = getenv("WSP_STEPS");
    long steps = steps_text ? atol(steps_text) : STEPS;
    uint64_t random = seed | 1;
    crowd_init(&crowd, pick, &random, is_confirming);
    for (long i = 0; i < steps; i++) {
        crowd_step(&crowd);
    }
    crowd_finish(&crowd);
}

static uint64_t choose_seed(void)
{
    const char *text = getenv("WSP_SEED");
    uint64_t seed =
        text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 2654435761U;
    print_message("WSP_SEED=%llu replays this run\n", (unsigned long long)seed);
    return seed;
}

static void any_interleaving_keeps_the_invariants(void **state)
{
    (void)state;
    run(choose_seed(), false);
}

static void any_interleaving_with_confirmation(void **state)
{
    (void)state;
    run(choose_seed(), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_interleaving_keeps_the_invariants),
        cmocka_unit_test(any_interleaving_with_confirmation),
    };
    return cmocka_run_group_tests_name("core.property", tests, NULL, NULL);
}
