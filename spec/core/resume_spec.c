/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

/* A world with a resume window of 30 s. */
static void start(struct fake *fake, uint32_t send_buffer_size)
{
    fake_init(fake, send_buffer_size);
    fake->hub.config.resume_window_ms = 30000;
}

static void drop(struct wsp_session *session)
{
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(session->hub);
}

static void s6_s48_resume_inside_the_window_replays(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link old_link;
    struct fake_link new_link;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &old_link, "a", "ann");
    drop(session);
    assert_int_equal(fake_send(session, "1"), WSP_OK);
    assert_int_equal(fake_send(session, "2"), WSP_OK);
    assert_int_equal(fake_broadcast(&fake, "a", "3"), WSP_OK); /* S49 */
    struct wsp_session *again = fake_join(&fake, &new_link, "a", "ann");
    assert_ptr_equal(again, session);
    assert_int_equal(fake_send(session, "later"), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(new_link.written, "[1 1][1 2][1 3][1 later]");
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF restore:ann:3:0 ");
    assert_false(old_link.is_closed); /* L20: no close frame on suspend */
    fake_fini(&fake);
}

static void s7_s27_the_window_expires(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_pass(&fake, 29900);
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF ");
    fake_pass(&fake, 200);
    assert_string_equal(
        fake.log, "connect:ann drop:ann:EOF disconnect:ann:grace_expired:nil ");
    fake_join(&fake, &link, "a", "ann"); /* S56: a new session */
    assert_non_null(strstr(fake.log, "nil connect:ann "));
    fake_fini(&fake);
}

static void s8_s51_hostile_54_kick_ends_a_suspended_session_at_once(
    void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    assert_int_equal(wsp_hub_kick(&fake.hub, wsp_span_of("ann")), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log,
                        "connect:ann drop:ann:EOF disconnect:ann:kick:nil ");
    fake_pass(&fake, 60000);
    assert_int_equal(fake.forgotten, 1);
    fake_fini(&fake);
}

static void s8_s64_kick_while_connected_never_suspends(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    wsp_hub_kick(&fake.hub, wsp_span_of("ann"));
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:kick:nil ");
    fake_fini(&fake);
}

static void s51_hostile_54_close_of_the_server_while_suspended(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 8);
    drop(fake_join(&fake, &link, "a", "ann"));
    wsp_hub_close(&fake.hub);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF "
                                  "disconnect:ann:server_close:SERVER_CLOSED ");
    fake_fini(&fake);
}

static void s52_close_of_a_suspended_connection(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    wsp_session_close(session, 1000, wsp_span_of(""));
    assert_int_equal(fake_send(session, "x"), WSP_ERR_CONNECTION_CLOSED);
    wsp_hub_turn(&fake.hub); /* within the turn, not at the window's end */
    assert_string_equal(fake.log,
                        "connect:ann drop:ann:EOF disconnect:ann:normal:nil ");
    assert_null(wsp_rooms_find(&fake.hub.rooms, wsp_span_of("a")));
    assert_int_equal(fake.hub.suspended_count, 0);
    fake_fini(&fake);
}

static void s13_without_a_window_no_transport_callback(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    drop(fake_join(&fake, &link, "a", "ann"));
    assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:EOF ");
    fake_fini(&fake);
}

static void s41_a_failed_handler_suspends(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake.handler_error =
        wsp_error_new(WSP_ERR_PANIC, "wspulse: onMessage panic: x", "stack");
    assert_false(fake_say(session, "boom"));
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.close_code, 1000);
    assert_ptr_equal(fake_join(&fake, &next, "a", "ann"), session);
    assert_string_equal(
        fake.log, "connect:ann message:boom drop:ann:PANIC restore:ann:0:0 ");
    fake_fini(&fake);
}

static void s50_hostile_53_a_queue_of_one_keeps_the_last(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 1);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    assert_int_equal(fake_send(session, "1"), WSP_OK);
    assert_int_equal(fake_send(session, "2"), WSP_OK);
    assert_int_equal(fake_send(session, "3"), WSP_OK);
    assert_int_equal(fake.hub.metrics.frames_dropped, 2);
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 3]");
    assert_string_equal(fake.log,
                        "connect:ann drop:ann:EOF restore:ann:1:2 drain:ann ");
    fake_fini(&fake);
}

static void s75_leftovers_and_suspension_keep_the_newest(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    for (int i = 1; i <= 3; i++) {
        char text[16];
        snprintf(text, sizeof text, "q%d", i);
        assert_int_equal(fake_send(session, text), WSP_OK);
    }
    wsp_hub_turn(&fake.hub);
    drop(session);
    for (int i = 1; i <= 3; i++) {
        char text[16];
        snprintf(text, sizeof text, "s%d", i);
        assert_int_equal(fake_send(session, text), WSP_OK);
    }
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 q3][1 s1][1 s2][1 s3]");
    assert_int_equal(fake.hub.metrics.frames_dropped, 2);
    fake_fini(&fake);
}

static void s57_s58_late_timers_are_ignored(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link links[3];
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &links[0], "a", "ann");
    drop(session);
    uint32_t first = session->epoch;
    fake_join(&fake, &links[1], "a", "ann");
    wsp_session_expire(session, first); /* after the resume */
    drop(session);
    wsp_session_expire(session, first); /* within another suspension */
    assert_int_equal(session->state, WSP_SESSION_SUSPENDED);
    fake_join(&fake, &links[2], "a", "ann");
    fake_pass(&fake, 100);
    assert_int_equal(session->state, WSP_SESSION_CONNECTED);
    assert_null(strstr(fake.log, "disconnect"));
    fake_fini(&fake);
}

static void s59_hostile_52_rapid_cycles(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 10; i++) {
        drop(session);
        assert_ptr_equal(fake_join(&fake, &link, "a", "ann"), session);
    }
    fake_send(session, "alive");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "[1 alive]");
    assert_int_equal(fake.hub.metrics.resume_attempts, 10);
    assert_int_equal(fake.hub.metrics.connections_opened, 1);
    fake_fini(&fake);
}

static void send_in_restore(struct fake *fake, const char *event,
                            struct wsp_session *session)
{
    (void)fake;
    if (strcmp(event, "restore") == 0) {
        fake_send(session, "welcome back");
    }
}

static void s61_l10_a_send_in_restore_comes_behind_the_replay(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_send(session, "missed");
    fake.on_event = send_in_restore;
    fake_join(&fake, &next, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(next.written, "[1 missed][1 welcome back]");
    fake_fini(&fake);
}

static void close_in_drop(struct fake *fake, const char *event,
                          struct wsp_session *session)
{
    (void)fake;
    if (strcmp(event, "drop") == 0) {
        wsp_session_close(session, 1000, wsp_span_of(""));
    }
}

static void s62_l11_close_in_drop_means_no_restore(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake.on_event = close_in_drop;
    drop(session);
    fake_join(&fake, &next, "a", "ann");
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF "
                                  "disconnect:ann:normal:nil connect:ann ");
    fake_fini(&fake);
}

static void s63_a_connected_id_is_a_duplicate_also_with_a_window(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    fake_join(&fake, &link, "a", "ann");
    fake_join(&fake, &next, "a", "ann");
    assert_string_equal(fake.log, "connect:ann disconnect:ann:duplicate:"
                                  "DUPLICATE_CONNECTION_ID connect:ann ");
    assert_string_equal(link.close_reason, "duplicate connection id");
    fake_fini(&fake);
}

static void a3_takeover_makes_it_a_resume(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    fake.hub.config.takeover_resumes = true;
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_send(session, "waiting");
    assert_ptr_equal(fake_join(&fake, &next, "b", "ann"), session);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(
        fake.log, "connect:ann drop:ann:TRANSPORT_REPLACED restore:ann:1:0 ");
    assert_true(link.is_aborted);
    assert_string_equal(next.written, "[1 waiting]");
    fake_fini(&fake);
}

static void s68_a_resume_keeps_the_room(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_join(&fake, &next, "other", "ann");
    assert_true(wsp_span_equal(wsp_session_room(session), wsp_span_of("a")));
    assert_null(wsp_rooms_find(&fake.hub.rooms, wsp_span_of("other")));
    fake_fini(&fake);
}

static void s69_l8_after_a_resume_only_the_new_transport_writes(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    fake_send(session, "x");
    wsp_hub_turn(&fake.hub);
    drop(session);
    fake_join(&fake, &next, "a", "ann");
    link.budget = UINT32_MAX;
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "");
    assert_string_equal(next.written, "[1 x]");
    fake_fini(&fake);
}

static void s76_t18_hostile_50_the_newest_of_two_transports_wins(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link second;
    struct fake_link third;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_send(session, "x");
    fake_link_init(&second);
    wsp_hub_register(&fake.hub, &second.link, wsp_span_of("a"),
                     wsp_span_of("ann"), NULL); /* its restore is owed */
    assert_ptr_equal(fake_join(&fake, &third, "a", "ann"), session);
    wsp_hub_turn(&fake.hub);
    assert_true(second.is_aborted);
    assert_false(second.is_closed);
    assert_string_equal(second.written, "");
    assert_string_equal(third.written, "[1 x]");
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF restore:ann:1:0 ");
    fake_fini(&fake);
}

static void s28_no_message_before_restore_has_finished(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link next;
    start(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    drop(session);
    fake_link_init(&next);
    wsp_hub_register(&fake.hub, &next.link, wsp_span_of("a"),
                     wsp_span_of("ann"), NULL);
    fake_say(session, "eager");
    assert_string_equal(
        fake.log, "connect:ann drop:ann:EOF restore:ann:0:0 message:eager ");
    fake_fini(&fake);
}

static void s23_members_include_suspended_ones(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 4);
    drop(fake_join(&fake, &link, "a", "ann"));
    struct wsp_room *room = wsp_rooms_find(&fake.hub.rooms, wsp_span_of("a"));
    assert_non_null(room);
    assert_int_equal(room->member_count, 1);
    fake_fini(&fake);
}

static void s55_close_while_suspended_then_reconnect(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    start(&fake, 4);
    for (int i = 0; i < 200; i++) {
        fake.log[0] = '\0';
        struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
        drop(session);
        wsp_session_close(session, 1000, wsp_span_of(""));
        wsp_hub_turn(&fake.hub);
        assert_string_equal(fake.log, "connect:ann drop:ann:EOF "
                                      "disconnect:ann:normal:nil ");
    }
    assert_int_equal(fake.forgotten, 200);
    assert_int_equal(fake.hub.slots.count, 0);
    fake_fini(&fake);
}

static void s53_200_suspended_sessions_closed_at_once(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    static struct fake_link links[COUNT];
    struct wsp_session *sessions[COUNT];
    struct fake fake;
    start(&fake, 4);
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        sessions[i] = fake_join(&fake, &links[i], "a", id);
        drop(sessions[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        wsp_session_close(sessions[i], 1000, wsp_span_of(""));
    }
    wsp_hub_turn(&fake.hub);
    assert_int_equal(fake.forgotten, COUNT);
    fake_fini(&fake);
}

/* ---- bounds ---- */

static void hostile_52_suspended_sessions_are_bounded_in_number(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link one;
    struct fake_link two;
    start(&fake, 4);
    fake.hub.config.max_suspended = 1;
    drop(fake_join(&fake, &one, "a", "ann"));
    drop(fake_join(&fake, &two, "a", "bob"));
    assert_string_equal(fake.log, "connect:ann drop:ann:EOF connect:bob "
                                  "disconnect:bob:normal:EOF ");
    assert_int_equal(fake.hub.metrics.suspensions_refused, 1);
    assert_int_equal(fake.hub.suspended_count, 1);
    fake_fini(&fake);
}

static void hostile_52_suspended_sessions_are_bounded_in_bytes(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link one;
    struct fake_link two;
    struct fake_link next;
    start(&fake, 100);
    fake.hub.config.max_suspended_bytes = 100; /* a frame here has 12 bytes */
    struct wsp_session *ann = fake_join(&fake, &one, "a", "ann");
    drop(ann);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(fake_send(ann, "0123456789"), WSP_OK);
        assert_true(fake.hub.suspended_bytes <= 100);
    }
    assert_int_equal(wsp_sendq_count(&ann->queue), 8);
    struct wsp_session *bob = fake_join(&fake, &two, "a", "bob");
    two.budget = 0;
    fake_send(bob, "0123456789");
    drop(bob); /* its queue does not fit beside the other's */
    assert_int_equal(fake.hub.metrics.suspensions_refused, 1);
    fake_join(&fake, &next, "a", "ann");
    assert_int_equal(fake.hub.suspended_bytes, 0);
    fake_fini(&fake);
}

/* Each of a hundred thousand is suspended with a frame that waits for it, under
 * bounds that a few of them fill. */
static void hostile_52_a_hundred_thousand_that_drop(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    char id[16];
    start(&fake, 4);
    fake.hub.config.max_suspended = 1000;
    fake.hub.config.max_suspended_bytes = 6000;
    for (int i = 0; i < 100000; i++) {
        fake.log[0] = '\0';
        snprintf(id, sizeof id, "%d", i);
        struct wsp_session *session = fake_join(&fake, &link, "a", id);
        link.budget = 0;
        fake_send(session, "0123456789");
        drop(session);
        assert_true(fake.hub.suspended_bytes <= 6000);
    }
    assert_int_equal(fake.hub.suspended_count, 500); /* of 12 bytes each */
    assert_int_equal(fake.hub.metrics.suspensions_refused, 99500);
    assert_int_equal(wsp_hub_session_count(&fake.hub), 500);
    fake_pass(&fake, 60000);
    assert_int_equal(wsp_hub_session_count(&fake.hub), 0);
    assert_int_equal(fake.hub.suspended_bytes, 0);
    fake_fini(&fake);
}

static void hostile_52_a_million_resumes_of_one(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link links[2];
    start(&fake, 4);
    fake.hub.config.takeover_resumes = true;
    struct wsp_session *session = fake_join(&fake, &links[0], "a", "ann");
    for (int i = 1; i <= 1000000; i++) {
        fake.log[0] = '\0';
        assert_ptr_equal(fake_join(&fake, &links[i % 2], "a", "ann"), session);
    }
    assert_int_equal(fake.hub.metrics.resume_attempts, 1000000);
    assert_int_equal(wsp_hub_session_count(&fake.hub), 1);
    assert_int_equal(fake.hub.suspended_count, 0);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s6_s48_resume_inside_the_window_replays),
        cmocka_unit_test(s7_s27_the_window_expires),
        cmocka_unit_test(
            s8_s51_hostile_54_kick_ends_a_suspended_session_at_once),
        cmocka_unit_test(s8_s64_kick_while_connected_never_suspends),
        cmocka_unit_test(s51_hostile_54_close_of_the_server_while_suspended),
        cmocka_unit_test(s52_close_of_a_suspended_connection),
        cmocka_unit_test(s13_without_a_window_no_transport_callback),
        cmocka_unit_test(s41_a_failed_handler_suspends),
        cmocka_unit_test(s50_hostile_53_a_queue_of_one_keeps_the_last),
        cmocka_unit_test(s75_leftovers_and_suspension_keep_the_newest),
        cmocka_unit_test(s57_s58_late_timers_are_ignored),
        cmocka_unit_test(s59_hostile_52_rapid_cycles),
        cmocka_unit_test(s61_l10_a_send_in_restore_comes_behind_the_replay),
        cmocka_unit_test(s62_l11_close_in_drop_means_no_restore),
        cmocka_unit_test(s63_a_connected_id_is_a_duplicate_also_with_a_window),
        cmocka_unit_test(a3_takeover_makes_it_a_resume),
        cmocka_unit_test(s68_a_resume_keeps_the_room),
        cmocka_unit_test(s69_l8_after_a_resume_only_the_new_transport_writes),
        cmocka_unit_test(s76_t18_hostile_50_the_newest_of_two_transports_wins),
        cmocka_unit_test(s28_no_message_before_restore_has_finished),
        cmocka_unit_test(s23_members_include_suspended_ones),
        cmocka_unit_test(s55_close_while_suspended_then_reconnect),
        cmocka_unit_test(s53_200_suspended_sessions_closed_at_once),
        cmocka_unit_test(hostile_52_suspended_sessions_are_bounded_in_number),
        cmocka_unit_test(hostile_52_suspended_sessions_are_bounded_in_bytes),
        cmocka_unit_test(hostile_52_a_hundred_thousand_that_drop),
        cmocka_unit_test(hostile_52_a_million_resumes_of_one),
    };
    return cmocka_run_group_tests_name("core.resume", tests, NULL, NULL);
}
