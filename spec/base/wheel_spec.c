/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wheel.h"

/* A deadline that notes when it fired. */
struct probe {
    struct wsp_deadline deadline; /* first */
    struct world *world;
    uint64_t fired_ms;
    uint64_t again_ms; /* rearmed by this much when it fires */
    unsigned count;
};

struct world {
    struct wsp_wheel wheel;
    uint64_t now_ms;
    struct probe *victim; /* disarmed by whatever fires */
};

static void on_fire(struct wsp_deadline *deadline)
{
    struct probe *probe = (struct probe *)deadline;
    struct world *world = probe->world;
    probe->fired_ms = world->now_ms;
    probe->count++;
    if (probe->again_ms) {
        wsp_wheel_arm(&world->wheel, deadline, world->now_ms + probe->again_ms);
    }
    if (world->victim) {
        wsp_wheel_disarm(&world->wheel, &world->victim->deadline);
    }
}

static struct probe probe_in(struct world *world)
{
    struct probe probe = {.world = world};
    probe.deadline.fn = on_fire;
    return probe;
}

static void start(struct world *world, uint64_t now_ms)
{
    world->now_ms = now_ms;
    world->victim = NULL;
    wsp_wheel_init(&world->wheel, now_ms);
}

static void advance(struct world *world, uint64_t to_ms)
{
    while (world->now_ms < to_ms) {
        int64_t wait = wsp_wheel_wait_ms(&world->wheel, world->now_ms);
        uint64_t step = wait < 0 ? to_ms - world->now_ms : (uint64_t)wait;
        if (step == 0) {
            step = 1;
        }
        world->now_ms += step;
        if (world->now_ms > to_ms) {
            world->now_ms = to_ms;
        }
        wsp_wheel_advance(&world->wheel, world->now_ms);
    }
}

static void fires_neither_early_nor_a_tick_late(void **state)
{
    (void)state;
    const uint64_t delays[] = {1,    7,    8,    9,     100,
                               8191, 8192, 8193, 50000, 1000000};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct world world;
        start(&world, 12345);
        struct probe probe = probe_in(&world);
        wsp_wheel_arm(&world.wheel, &probe.deadline, 12345 + delays[i]);
        advance(&world, 12345 + delays[i] + 100);
        assert_int_equal(probe.count, 1);
        assert_true(probe.fired_ms >= 12345 + delays[i]);
        assert_true(probe.fired_ms < 12345 + delays[i] + WSP_WHEEL_TICK_MS * 2);
        assert_int_equal(world.wheel.count, 0);
        assert_int_equal(wsp_wheel_wait_ms(&world.wheel, world.now_ms), -1);
    }
}

static void moving_a_deadline_leaves_only_the_last(void **state)
{
    (void)state;
    struct world world;
    start(&world, 0);
    struct probe probe = probe_in(&world);
    for (uint64_t at = 100; at <= 1000; at += 100) {
        wsp_wheel_arm(&world.wheel, &probe.deadline, at);
    }
    assert_int_equal(world.wheel.count, 1);
    advance(&world, 992);
    assert_int_equal(probe.count, 0);
    advance(&world, 1100);
    assert_int_equal(probe.count, 1);
}

static void disarmed_never_fires(void **state)
{
    (void)state;
    struct world world;
    start(&world, 0);
    struct probe probe = probe_in(&world);
    wsp_wheel_disarm(&world.wheel, &probe.deadline);
    wsp_wheel_arm(&world.wheel, &probe.deadline, 50);
    wsp_wheel_disarm(&world.wheel, &probe.deadline);
    advance(&world, 20000);
    assert_int_equal(probe.count, 0);
}

static void may_rearm_itself(void **state)
{
    (void)state;
    struct world world;
    start(&world, 0);
    struct probe probe = probe_in(&world);
    probe.again_ms = 10000;
    wsp_wheel_arm(&world.wheel, &probe.deadline, 10000);
    advance(&world, 100100);
    assert_int_equal(probe.count, 10 - 1 + (probe.fired_ms >= 100000));
    assert_true(probe.count >= 9);
}

static void may_disarm_another_of_the_same_tick(void **state)
{
    (void)state;
    struct world world;
    start(&world, 0);
    struct probe one = probe_in(&world);
    struct probe two = probe_in(&world);
    wsp_wheel_arm(&world.wheel, &one.deadline, 64);
    wsp_wheel_arm(&world.wheel, &two.deadline, 64);
    world.victim = &one; /* the first to fire takes the other with it */
    advance(&world, 200);
    world.victim = NULL;
    assert_int_equal(one.count + two.count, 1 + (one.count == 1));
    assert_int_equal(world.wheel.count, 0);
}

static void hostile_63_a_jump_of_the_clock_fires_each_once(void **state)
{
    (void)state;
    struct world world;
    start(&world, 0);
    struct probe probes[50];
    for (uint64_t i = 0; i < 50; i++) {
        probes[i] = probe_in(&world);
        wsp_wheel_arm(&world.wheel, &probes[i].deadline, i * 777 + 1);
    }
    world.now_ms = 3600000;
    wsp_wheel_advance(&world.wheel, world.now_ms);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(probes[i].count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_neither_early_nor_a_tick_late),
        cmocka_unit_test(moving_a_deadline_leaves_only_the_last),
        cmocka_unit_test(disarmed_never_fires),
        cmocka_unit_test(may_rearm_itself),
        cmocka_unit_test(may_disarm_another_of_the_same_tick),
        cmocka_unit_test(hostile_63_a_jump_of_the_clock_fires_each_once),
    };
    return cmocka_run_group_tests_name("base.wheel", tests, NULL, NULL);
}
