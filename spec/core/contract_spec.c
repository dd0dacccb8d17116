/* SPDX-License-Identifier: MIT */
/* Rows of the contract and lessons of its predecessors that the specs of one
 * noun leave open, on the fake link and the clock that is turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

static void start(struct fake *fake)
{
    fake_init(fake, 64);
    fake->hub.config.resume_window_ms = 30000;
}

static void drop(struct wsp_session *session)
{
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(session->hub);
}

static void s10_server_close_tells_every_peer_and_ends_every_session(
    void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link links[3];
    start(&fake);
    fake_join(&fake, &links[0], "a", "ann");
    fake_join(&fake, &links[1], "b", "bob");
    drop(fake_join(&fake, &links[2], "b", "cid"));
    fake.log[0] = '\0';
    wsp_hub_close(&fake.hub);
    wsp_hub_close(&fake.hub);
    wsp_hub_turn(&fake.hub);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(links[i].close_code, 1001);
        assert_string_equal(links[i].close_reason, "server shutting down");
    }
    assert_false(links[2].is_closed);
    const char *ids[] = {"ann", "bob", "cid"};
    for (int i = 0; i < 3; i++) {
        char line[64];
        snprintf(line, sizeof line, "disconnect:%s:server_close:SERVER_CLOSED ",
                 ids[i]);
        char *at = strstr(fake.log, line);
        assert_non_null(at);
        assert_null(strstr(at + 1, line));
    }
    assert_int_equal(fake.forgotten, 3);
    assert_int_equal(fake.hub.slots.count, 0);
    fake_fini(&fake);
}

static void s11_s12_drop_has_its_error_and_restore_the_same_session(
    void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    wsp_id handle = session->handle;
    drop(session);
    assert_int_equal(wsp_error_code(session->last_error), WSP_ERR_EOF);
    assert_ptr_equal(fake_join(&fake, &next, "a", "ann"), session);
    assert_ptr_equal(wsp_hub_lookup(&fake.hub, handle), session);
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF restore:ann:0:0 ");
    fake_fini(&fake);
}

static void s16_s56_an_unknown_id_and_one_whose_window_ran_out(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    assert_null(wsp_hub_find(&fake.hub, wsp_span_of("ann")));
    drop(fake_join(&fake, &link, "a", "ann"));
    assert_non_null(wsp_hub_find(&fake.hub, wsp_span_of("ann")));
    fake_pass(&fake, 31000);
    assert_null(wsp_hub_find(&fake.hub, wsp_span_of("ann")));
    assert_int_equal(wsp_hub_kick(&fake.hub, wsp_span_of("ann")),
                     WSP_ERR_CONNECTION_NOT_FOUND);
    fake_join(&fake, &link, "a", "ann");
    assert_non_null(wsp_hub_find(&fake.hub, wsp_span_of("ann")));
    fake_fini(&fake);
}

static void s21_messages_in_the_order_of_sending(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    char expected[FAKE_LOG_MAX] = "connect:ann ";
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_true(fake_say(session, text));
        size_t len = strlen(expected);
        snprintf(expected + len, sizeof expected - len, "message:%d ", i);
    }
    assert_string_equal(fake.log, expected);
    fake_fini(&fake);
}

static void s22_s49_s60_replay_in_the_order_of_the_calls(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link links[3];
    char expected[FAKE_LOG_MAX] = "";
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &links[0], "a", "ann");
    links[0].budget = 0;
    for (int i = 0; i < 30; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        if (i == 10) {
            drop(session);
        }
        if (i == 20) { /* a transport that takes nothing and is gone again */
            fake_join(&fake, &links[1], "a", "ann");
            links[1].budget = 0;
            wsp_hub_turn(&fake.hub);
            drop(session);
        }
        if (i % 2) {
            fake_broadcast(&fake, "a", text);
        } else {
            fake_send(session, text);
        }
        size_t len = strlen(expected);
        snprintf(expected + len, sizeof expected - len, "[1 %d]", i);
    }
    fake_join(&fake, &links[2], "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(links[2].written, expected);
    assert_string_equal(links[0].written, "");
    assert_string_equal(links[1].written, "");
    fake_fini(&fake);
}

/* Time goes by inside on_connect, and others have something to say. */
static void be_slow(struct fake *fake, const char *event,
                    struct wsp_session *session)
{
    struct wsp_session *ann = wsp_hub_find(&fake->hub, wsp_span_of("ann"));
    if (strcmp(event, "connect") == 0 && ann && ann != session) {
        fake->now_ms += 5000;
        fake_send(ann, "while bob comes");
    }
}

static void s26_a_slow_callback_loses_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    struct fake_link bob;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &ann, "a", "ann");
    fake.on_event = be_slow;
    fake_send(session, "before");
    fake_join(&fake, &bob, "a", "bob");
    fake_send(session, "after");
    fake_say(session, "hello");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(ann.written, "[1 before][1 while bob comes][1 after]");
    assert_string_equal(fake.log, "connect:ann connect:bob message:hello ");
    fake_fini(&fake);
}

static void s42_s43_a_broadcast_passes_over_who_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link links[3];
    start(&fake);
    fake_join(&fake, &links[0], "a", "ann");
    struct wsp_session *bob = fake_join(&fake, &links[1], "a", "bob");
    fake_join(&fake, &links[2], "a", "cid");
    wsp_hub_kick(&fake.hub, wsp_span_of("ann"));
    wsp_session_close(bob, 1000, wsp_span_of(""));
    assert_int_equal(fake_broadcast(&fake, "a", "news"), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(links[0].written, "");
    assert_string_equal(links[1].written, "");
    assert_string_equal(links[2].written, "[1 news]");
    struct wsp_room *room = wsp_rooms_find(&fake.hub.rooms, wsp_span_of("a"));
    assert_int_equal(room->member_count, 1);
    fake_fini(&fake);
}

static void s54_l5_l18_close_and_loss_in_either_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct fake fake;
        struct fake_link link;
        start(&fake);
        struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
        if (order == 0) {
            wsp_session_close(session, 1000, wsp_span_of(""));
            wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
        } else {
            wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
            wsp_session_close(session, 1000, wsp_span_of(""));
        }
        wsp_hub_turn(&fake.hub);
        assert_non_null(strstr(fake.log, "disconnect:ann:normal:nil "));
        assert_int_equal(fake.forgotten, 1);
        fake_pass(&fake, 60000);
        assert_int_equal(fake.forgotten, 1);
        fake_fini(&fake);
    }
}

static void s65_l21_a_local_close_is_no_error(void **state)
{
    (void)state;
    for (uint64_t window_ms = 0; window_ms <= 30000; window_ms += 30000) {
        struct fake fake;
        struct fake_link link;
        start(&fake);
        fake.hub.config.resume_window_ms = window_ms;
        struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
        wsp_session_close(session, 4001, wsp_span_of("bye"));
        wsp_session_close(session, 4002, wsp_span_of("again"));
        wsp_hub_turn(&fake.hub);
        assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:nil ");
        assert_int_equal(link.close_code, 4001);
        assert_string_equal(link.close_reason, "bye");
        fake_fini(&fake);
    }
}

static void s66_a_peer_that_leaves_in_order_gives_no_error(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    fake.hub.config.resume_window_ms = 0;
    wsp_session_peer_closed(fake_join(&fake, &link, "a", "ann"), NULL);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:nil ");
    fake_fini(&fake);
}

static void s73_l26_shutdown_closes_a_link_that_takes_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    fake_send(session, "never");
    wsp_hub_turn(&fake.hub);
    wsp_hub_close(&fake.hub);
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.close_code, 1001);
    assert_string_equal(link.written, "");
    fake_fini(&fake);
}

/* ---- lessons ---- */

static void l4_a_kick_in_the_turn_in_which_the_window_ends(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    uint32_t epoch = session->epoch;
    fake.now_ms += 30000; /* due, but not fired yet */
    wsp_hub_kick(&fake.hub, wsp_span_of("ann"));
    wsp_session_expire(session, epoch);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log,
                        "connect:ann drop:ann:EOF disconnect:ann:kick:nil ");
    fake_fini(&fake);
}

static void l7_no_timer_is_left_behind_a_close(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    wsp_session_close(session, 1000, wsp_span_of(""));
    wsp_hub_turn(&fake.hub);
    assert_int_equal(wsp_hub_wait_ms(&fake.hub), -1);
    fake_join(&fake, &link, "a", "ann");
    wsp_hub_kick(&fake.hub, wsp_span_of("ann"));
    wsp_hub_turn(&fake.hub);
    assert_int_equal(wsp_hub_wait_ms(&fake.hub), -1);
    fake_fini(&fake);
}

static void l9_a_transport_that_dies_at_once_leaves_a_suspended_session(
    void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_send(session, "1");
    fake_join(&fake, &next, "a", "ann");
    drop(session); /* before anything was written */
    assert_int_equal(session->state, WSP_SESSION_SUSPENDED);
    fake_pass(&fake, 31000);
    assert_string_equal(fake.log,
                        "connect:ann drop:ann:EOF restore:ann:1:0 drop:ann:EOF "
                        "disconnect:ann:grace_expired:nil ");
    fake_fini(&fake);
}

static void l19_the_error_is_that_of_the_last_transport(void **state)
{
    (void)state;
    static const enum wsp_err causes[] = {
        WSP_ERR_EOF, WSP_ERR_IO, WSP_ERR_PROTOCOL, WSP_ERR_PONG_TIMEOUT,
        WSP_ERR_WRITE_TIMEOUT};
    struct fake fake;
    struct fake_link link;
    char expected[FAKE_LOG_MAX] = "connect:ann ";
    start(&fake);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        wsp_session_lost(session, wsp_error_new(causes[i], NULL, NULL));
        wsp_hub_turn(&fake.hub);
        fake_join(&fake, &link, "a", "ann");
        assert_int_equal(wsp_error_code(session->last_error), causes[i]);
        size_t len = strlen(expected);
        snprintf(expected + len, sizeof expected - len,
                 "drop:ann:%s restore:ann:0:0 ", wsp_err_name(causes[i]));
    }
    assert_string_equal(fake.log, expected);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            s10_server_close_tells_every_peer_and_ends_every_session),
        cmocka_unit_test(
            s11_s12_drop_has_its_error_and_restore_the_same_session),
        cmocka_unit_test(s16_s56_an_unknown_id_and_one_whose_window_ran_out),
        cmocka_unit_test(s21_messages_in_the_order_of_sending),
        cmocka_unit_test(s22_s49_s60_replay_in_the_order_of_the_calls),
        cmocka_unit_test(s26_a_slow_callback_loses_nothing),
        cmocka_unit_test(s42_s43_a_broadcast_passes_over_who_is_gone),
        cmocka_unit_test(s54_l5_l18_close_and_loss_in_either_order),
        cmocka_unit_test(s65_l21_a_local_close_is_no_error),
        cmocka_unit_test(s66_a_peer_that_leaves_in_order_gives_no_error),
        cmocka_unit_test(s73_l26_shutdown_closes_a_link_that_takes_nothing),
        cmocka_unit_test(l4_a_kick_in_the_turn_in_which_the_window_ends),
        cmocka_unit_test(l7_no_timer_is_left_behind_a_close),
        cmocka_unit_test(
            l9_a_transport_that_dies_at_once_leaves_a_suspended_session),
        cmocka_unit_test(l19_the_error_is_that_of_the_last_transport),
    };
    return cmocka_run_group_tests_name("core.contract", tests, NULL, NULL);
}
