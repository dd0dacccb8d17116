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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_ping_comes_a_period_after_the_attach),
        cmocka_unit_test(s20_m6_a_silent_peer_is_closed_within_the_wait),
        cmocka_unit_test(s67_pongs_keep_it_alive_and_data_does_not),
        cmocka_unit_test(with_a_window_silence_suspends_without_a_frame),
        cmocka_unit_test(a_new_transport_starts_fresh),
    };
    return cmocka_run_group_tests_name("core.heartbeat", tests, NULL, NULL);
}
