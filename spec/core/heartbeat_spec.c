/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

/* A world with a ping every 50 ms and a wait of 100 ms. */
static void start(struct fake *fake)
{
    fake_init(fake, 4);
    fake->hub.config.ping_ms = 50;
    fake->hub.config.pong_ms = 100;
}

static void the_first_ping_comes_a_period_after_the_attach(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4); /* the seed's 10 s and 30 s */
    fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 9990);
    assert_int_equal(link.ping_count, 0);
    fake_pass(&fake, 20);
    assert_int_equal(link.ping_count, 1);
    assert_int_equal(link.ping_len, 0);
    fake_fini(&fake);
}

static void s20_m6_a_silent_peer_is_closed_within_the_wait(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 90);
    assert_false(link.is_closed);
    fake_pass(&fake, 30);
    assert_string_equal(fake.log,
                        "connect:ann disconnect:ann:normal:PONG_TIMEOUT ");
    assert_int_equal(fake.hub.metrics.pong_timeouts, 1);
    assert_int_equal(link.close_code, 1000);
    fake_fini(&fake);
}

static void s67_pongs_keep_it_alive_and_data_does_not(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 20; i++) {
        fake_pass(&fake, 50);
        wsp_session_pong(session, NULL, 0); /* unsolicited ones count too */
    }
    assert_int_equal(session->state, WSP_SESSION_CONNECTED);
    for (int i = 0; i < 4; i++) {
        fake_pass(&fake, 30);
        session = wsp_hub_find(&fake.hub, wsp_span_of("ann"));
        if (session) {
            fake_say(session, "data"); /* decisions A14 */
        }
    }
    assert_non_null(strstr(fake.log, "PONG_TIMEOUT"));
    fake_fini(&fake);
}

static void with_a_window_silence_suspends_without_a_frame(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    fake.hub.config.resume_window_ms = 1000;
    fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 120);
    assert_string_equal(fake.log, "connect:ann drop:ann:PONG_TIMEOUT ");
    assert_true(link.is_aborted);
    assert_false(link.is_closed);
    fake_fini(&fake);
}

static void a_new_transport_starts_fresh(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake);
    fake.hub.config.resume_window_ms = 1000;
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 60);
    wsp_session_lost(session, NULL);
    fake_pass(&fake, 500); /* no pings and no timeout while suspended */
    assert_int_equal(link.ping_count, 1);
    fake_join(&fake, &next, "a", "ann");
    fake_pass(&fake, 40);
    assert_int_equal(next.ping_count, 0);
    fake_pass(&fake, 20);
    assert_int_equal(next.ping_count, 1);
    fake_fini(&fake);
}

/* The process was stopped, or the machine: the clock goes on, nothing else
 * does. */
static void stall(struct fake *fake, uint64_t ms)
{
    fake->now_ms += ms;
    wsp_hub_turn(&fake->hub);
}

static void hostile_63_after_a_stop_nobody_has_been_silent(void **state)
{
    (void)state;
    for (uint64_t offset = 0; offset < 100; offset += 5) {
        struct fake fake;
        struct fake_link link;
        start(&fake);
        struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
        for (uint64_t i = 0; i < offset; i += 5) {
            fake_pass(&fake, 5);
            wsp_session_pong(session, NULL, 0); /* answers all the while */
        }
        size_t pings = link.ping_count;
        stall(&fake, 3600 * 1000);
        assert_int_equal(session->state, WSP_SESSION_CONNECTED);
        assert_int_equal(link.ping_count, pings + 1); /* asked at once */
        fake_pass(&fake, 40);
        for (int i = 0; i < 10; i++) {
            wsp_session_pong(session, NULL, 0);
            fake_pass(&fake, 50);
        }
        assert_int_equal(session->state, WSP_SESSION_CONNECTED);
        fake_fini(&fake);
    }
}

static void hostile_63_after_a_stop_silence_ends_it_as_ever(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 60); /* asked once, has not answered */
    stall(&fake, 5000);
    assert_int_equal(session->state, WSP_SESSION_CONNECTED);
    fake_pass(&fake, 70);
    assert_string_equal(fake.log,
                        "connect:ann disconnect:ann:normal:PONG_TIMEOUT ");
    fake_fini(&fake);
}

/* A loop that is late every time still finds out who is silent. */
static void hostile_63_a_loop_that_is_always_late_still_ends_it(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    fake.hub.config.ping_ms = 1000;
    fake.hub.config.pong_ms = 3000;
    fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 20; i++) {
        stall(&fake, 400);
    }
    assert_non_null(strstr(fake.log, "PONG_TIMEOUT"));
    fake_fini(&fake);
}

/* A pong moves the wait on, and the beat that was set for the old one is none
 * too late. */
static void an_early_beat_is_no_stall(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_pass(&fake, 45);
    wsp_session_pong(session, NULL, 0);
    session->ping_due_ms += 1000;
    fake_pass(&fake, 60); /* the beat that was set for the first ping */
    assert_int_equal(session->state, WSP_SESSION_CONNECTED);
    fake_pass(&fake, 60);
    assert_non_null(strstr(fake.log, "PONG_TIMEOUT"));
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_ping_comes_a_period_after_the_attach),
        cmocka_unit_test(s20_m6_a_silent_peer_is_closed_within_the_wait),
        cmocka_unit_test(s67_pongs_keep_it_alive_and_data_does_not),
        cmocka_unit_test(with_a_window_silence_suspends_without_a_frame),
        cmocka_unit_test(a_new_transport_starts_fresh),
        cmocka_unit_test(hostile_63_after_a_stop_nobody_has_been_silent),
        cmocka_unit_test(hostile_63_after_a_stop_silence_ends_it_as_ever),
        cmocka_unit_test(hostile_63_a_loop_that_is_always_late_still_ends_it),
        cmocka_unit_test(an_early_beat_is_no_stall),
    };
    return cmocka_run_group_tests_name("core.heartbeat", tests, NULL, NULL);
}
