/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

static void s1_connect_once_with_id_and_room(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "lobby", "ann");
    assert_non_null(session);
    assert_true(wsp_span_equal(wsp_session_id(session), wsp_span_of("ann")));
    assert_true(
        wsp_span_equal(wsp_session_room(session), wsp_span_of("lobby")));
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann ");
    fake_fini(&fake);
}

static void s2_send_reaches_the_link_at_the_end_of_the_turn(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "lobby", "ann");
    assert_int_equal(fake_send(session, "one"), WSP_OK);
    assert_int_equal(fake_send(session, "two"), WSP_OK);
    assert_string_equal(link.written, "");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "[1 one][1 two]");
    fake_fini(&fake);
}

static void output_to_the_connection_being_read_skips_the_queue(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "lobby", "ann");
    link.is_read = true;
    assert_int_equal(fake_send(session, "now"), WSP_OK);
    assert_string_equal(link.written, "[1 now]");
    assert_int_equal(wsp_sendq_count(&session->queue), 0);
    fake_fini(&fake);
}

static void order_holds_when_the_cork_opens_behind_a_queue(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "lobby", "ann");
    fake_send(session, "first");
    link.is_read = true; /* its queue is not empty: no short cut */
    fake_send(session, "second");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "[1 first][1 second]");
    fake_fini(&fake);
}

static void s3_broadcast_reaches_the_room_and_no_other(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    struct fake_link bob;
    struct fake_link eve;
    fake_init(&fake, 4);
    fake_join(&fake, &ann, "a", "ann");
    fake_join(&fake, &bob, "a", "bob");
    fake_join(&fake, &eve, "b", "eve");
    assert_int_equal(fake_broadcast(&fake, "a", "hi"), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(ann.written, "[1 hi]");
    assert_string_equal(bob.written, "[1 hi]");
    assert_string_equal(eve.written, "");
    fake_fini(&fake);
}

static void broadcast_leaves_out_the_excepted_one(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    struct fake_link bob;
    fake_init(&fake, 4);
    struct wsp_session *first = fake_join(&fake, &ann, "a", "ann");
    fake_join(&fake, &bob, "a", "bob");
    struct wsp_frame frame = fake_frame("hi");
    assert_int_equal(wsp_hub_broadcast(&fake.hub, wsp_span_of("a"), &frame,
                                       first->handle, NULL),
                     WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(ann.written, "");
    assert_string_equal(bob.written, "[1 hi]");
    fake_fini(&fake);
}

static void s4_clean_close_gives_no_error(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    wsp_session_lost(session, NULL);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:nil ");
    assert_int_equal(fake.forgotten, 1);
    assert_null(wsp_hub_find(&fake.hub, wsp_span_of("ann")));
    fake_fini(&fake);
}

static void s5_abrupt_loss_gives_its_error(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:EOF ");
    fake_fini(&fake);
}

static void s9_kick_of_an_unknown_id(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    assert_int_equal(wsp_hub_kick(&fake.hub, wsp_span_of("nobody")),
                     WSP_ERR_CONNECTION_NOT_FOUND);
    fake_fini(&fake);
}

static void s35_s72_kick_closes_with_a_reason_and_discards(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 4);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake_send(session, "lost");
    assert_int_equal(wsp_hub_kick(&fake.hub, wsp_span_of("ann")), WSP_OK);
    assert_int_equal(fake_send(session, "late"), WSP_ERR_CONNECTION_CLOSED);
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.close_code, 1000);
    assert_string_equal(link.close_reason, "kicked");
    assert_string_equal(link.written, "");
    assert_string_equal(fake.log, "connect:ann disconnect:ann:kick:nil ");
    fake_fini(&fake);
}

static void s15_duplicate_ends_the_older_one_once(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link old_link;
    struct fake_link new_link;
    fake_init(&fake, 4);
    fake_join(&fake, &old_link, "a", "ann");
    struct wsp_session *session = fake_join(&fake, &new_link, "a", "ann");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:duplicate:"
                                  "DUPLICATE_CONNECTION_ID connect:ann ");
    assert_string_equal(old_link.close_reason, "duplicate connection id");
    assert_ptr_equal(wsp_hub_find(&fake.hub, wsp_span_of("ann")), session);
    assert_int_equal(fake_send(session, "hi"), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(new_link.written, "[1 hi]");
    assert_string_equal(old_link.written, "");
    fake_fini(&fake);
}

static void s17_s33_everything_is_refused_after_close(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    struct fake_link late;
    fake_init(&fake, 4);
    fake_join(&fake, &link, "a", "ann");
    wsp_hub_close(&fake.hub);
    wsp_hub_close(&fake.hub); /* S32: twice */
    wsp_hub_turn(&fake.hub);
    assert_string_equal(
        fake.log, "connect:ann disconnect:ann:server_close:SERVER_CLOSED ");
    assert_int_equal(link.close_code, 1001);
    assert_string_equal(link.close_reason, "server shutting down");
    assert_int_equal(fake_broadcast(&fake, "a", "x"), WSP_ERR_SERVER_CLOSED);
    assert_int_equal(wsp_hub_kick(&fake.hub, wsp_span_of("ann")),
                     WSP_ERR_SERVER_CLOSED);
    assert_null(fake_join(&fake, &late, "a", "bob"));
    assert_null(wsp_rooms_find(&fake.hub.rooms, wsp_span_of("a")));
    fake_fini(&fake);
}

static void s34_broadcast_to_an_unknown_room(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    assert_int_equal(fake_broadcast(&fake, "nowhere", "x"), WSP_OK);
    fake_fini(&fake);
}

static void s18_send_to_a_full_queue_loses_the_new_frame(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 2);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    assert_int_equal(fake_send(session, "1"), WSP_OK);
    assert_int_equal(fake_send(session, "2"), WSP_OK);
    assert_int_equal(fake_send(session, "3"), WSP_ERR_SEND_BUFFER_FULL);
    assert_int_equal(fake.hub.metrics.frames_dropped, 1);
    link.budget = UINT32_MAX;
    wsp_session_writable(session);
    assert_string_equal(link.written, "[1 1][1 2]");
    assert_int_equal(fake_send(session, "4"), WSP_OK);
    fake_fini(&fake);
}

static void s19_broadcast_to_a_full_queue_loses_the_oldest(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link slow;
    struct fake_link fast;
    fake_init(&fake, 2);
    struct wsp_session *session = fake_join(&fake, &slow, "a", "slow");
    fake_join(&fake, &fast, "a", "fast");
    slow.budget = 0;
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(fake_broadcast(&fake, "a", text), WSP_OK);
        wsp_hub_turn(&fake.hub);
    }
    slow.budget = UINT32_MAX;
    wsp_session_writable(session);
    assert_string_equal(slow.written, "[1 198][1 199]");
    assert_int_equal(fast.frame_count, 200);
    assert_int_equal(fake.hub.metrics.frames_dropped, 198);
    fake_fini(&fake);
}

static void an_idle_link_is_written_before_a_queue_counts_as_full(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 2);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(fake_send(session, "x"), WSP_OK);
    }
    wsp_hub_turn(&fake.hub);
    assert_int_equal(link.frame_count, 10);
    fake_fini(&fake);
}

static void a_queue_is_bounded_in_bytes(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 100);
    fake.hub.config.send_limits.bytes = 10;
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 0;
    assert_int_equal(fake_send(session, "larger than ten"), WSP_OK);
    assert_int_equal(fake_send(session, "x"), WSP_ERR_SEND_BUFFER_FULL);
    fake_fini(&fake);
}

static void close_sends_what_was_queued_and_then_the_code(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    link.budget = 1;
    fake_send(session, "one");
    fake_send(session, "two");
    wsp_session_close(session, 4001, wsp_span_of("bye"));
    wsp_session_close(session, 4002, wsp_span_of("again"));
    assert_string_equal(link.written, "[1 one][1 two]");
    assert_int_equal(link.close_code, 4001);
    assert_string_equal(link.close_reason, "bye");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log, "connect:ann disconnect:ann:normal:nil ");
    fake_fini(&fake);
}

static void close_reasons_off_gives_the_plain_1000(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    fake.hub.config.close_reasons = false;
    fake_join(&fake, &link, "a", "ann");
    wsp_hub_close(&fake.hub);
    assert_int_equal(link.close_code, 1000);
    assert_string_equal(link.close_reason, "");
    fake_fini(&fake);
}

/* Closes its own connection from inside the handler. */
static void close_in_message(struct fake *fake, const char *event,
                             struct wsp_session *session)
{
    (void)fake;
    if (strcmp(event, "message") == 0) {
        wsp_session_close(session, 1000, wsp_span_of(""));
    }
}

static void s74_no_message_after_close_in_a_handler(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake.on_event = close_in_message;
    assert_false(fake_say(session, "one"));
    assert_false(fake_say(session, "two"));
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log,
                        "connect:ann message:one disconnect:ann:normal:nil ");
    fake_fini(&fake);
}

static void s40_a_failed_handler_ends_the_connection(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    fake.handler_error = wsp_error_new(
        WSP_ERR_PANIC, "wspulse: onMessage panic: typed-boom", "stack");
    assert_false(fake_say(session, "one"));
    assert_int_equal(link.close_code, 1000);
    assert_string_equal(link.close_reason, "");
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log,
                        "connect:ann message:one disconnect:ann:normal:PANIC ");
    fake_fini(&fake);
}

/* The codec of an application stands behind the hub's (codec raw). */
static void s37_a_message_that_the_application_cannot_decode(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    for (int i = 0; i < 2; i++) {
        fake.handler_error = wsp_error_new(WSP_ERR_DECODE, "no good", NULL);
        assert_true(fake_say(session, "one"));
    }
    assert_true(fake_say(session, "two"));
    assert_int_equal(link.close_code, 0);
    assert_string_equal(fake.log,
                        "connect:ann message:one message:one message:two ");
    assert_int_equal(fake.hub.metrics.decode_failures, 2);
    assert_int_equal(fake.hub.metrics.handler_failures, 0);
    assert_int_equal(fake.warn_count, 1);
    fake_fini(&fake);
}

static void s37_malformed_then_valid(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    fake.hub.config.codec = wsp_codec_find("json");
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    assert_true(fake_say(session, "{nope"));
    assert_true(fake_say(session, "[1]"));
    assert_true(fake_say(session, "{\"payload\":7}"));
    assert_string_equal(fake.log, "connect:ann message:7 ");
    assert_int_equal(fake.hub.metrics.decode_failures, 2);
    assert_int_equal(fake.warn_count, 1); /* one line a minute */
    fake.now_ms += 61000;
    assert_true(fake_say(session, "{nope"));
    assert_int_equal(fake.warn_count, 2);
    assert_false(link.is_closed);
    fake_fini(&fake);
}

static void s38_without_a_handler_messages_are_counted_only(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    fake.hub.config.has_on_message = false;
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    assert_true(fake_say(session, "x"));
    assert_string_equal(fake.log, "connect:ann ");
    assert_int_equal(fake.hub.metrics.messages_received, 1);
    fake_fini(&fake);
}

static void s39_an_encode_error_reaches_the_caller(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    fake.hub.config.codec = wsp_codec_find("json");
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    assert_int_equal(fake_send(session, "{broken"), WSP_ERR_ENCODE);
    assert_int_equal(fake_broadcast(&fake, "a", "{broken"), WSP_ERR_ENCODE);
    assert_int_equal(fake_send(session, "[1, 2]"), WSP_OK);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(link.written, "[1 {\"payload\":[1, 2]}]");
    fake_fini(&fake);
}

static void s36_a_message_never_comes_before_connect(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    fake_link_init(&link);
    struct wsp_session *session = wsp_hub_register(
        &fake.hub, &link.link, wsp_span_of("a"), wsp_span_of("ann"), NULL);
    fake_say(session, "early");
    assert_string_equal(fake.log, "connect:ann message:early ");
    fake_fini(&fake);
}

static void a_spent_handle_finds_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link link;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &link, "a", "ann");
    wsp_id old = session->handle;
    assert_ptr_equal(wsp_hub_lookup(&fake.hub, old), session);
    wsp_session_lost(session, NULL);
    wsp_hub_turn(&fake.hub);
    assert_null(wsp_hub_lookup(&fake.hub, old));
    struct wsp_session *next = fake_join(&fake, &link, "a", "bob");
    assert_int_equal(WSP_ID_SLOT(next->handle), WSP_ID_SLOT(old));
    assert_null(wsp_hub_lookup(&fake.hub, old));
    fake_fini(&fake);
}

/* Kicks everybody it can from inside a disconnect. */
static void kick_others(struct fake *fake, const char *event,
                        struct wsp_session *session)
{
    (void)session;
    if (strcmp(event, "disconnect") == 0) {
        wsp_hub_kick(&fake->hub, wsp_span_of("bob"));
        fake_broadcast(fake, "a", "gone"); /* hostile 57 */
    }
}

static void hostile_57_58_calls_from_within_a_disconnect(void **state)
{
    (void)state;
    struct fake fake;
    struct fake_link ann;
    struct fake_link bob;
    struct fake_link cid;
    fake_init(&fake, 8);
    struct wsp_session *session = fake_join(&fake, &ann, "a", "ann");
    fake_join(&fake, &bob, "a", "bob");
    fake_join(&fake, &cid, "a", "cid");
    fake.log[0] = '\0';
    fake.on_event = kick_others;
    wsp_session_lost(session, NULL);
    wsp_hub_turn(&fake.hub);
    assert_string_equal(fake.log,
                        "disconnect:ann:normal:nil disconnect:bob:kick:nil ");
    assert_string_equal(cid.written, "[1 gone][1 gone]");
    fake.on_event = NULL;
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s1_connect_once_with_id_and_room),
        cmocka_unit_test(s2_send_reaches_the_link_at_the_end_of_the_turn),
        cmocka_unit_test(output_to_the_connection_being_read_skips_the_queue),
        cmocka_unit_test(order_holds_when_the_cork_opens_behind_a_queue),
        cmocka_unit_test(s3_broadcast_reaches_the_room_and_no_other),
        cmocka_unit_test(broadcast_leaves_out_the_excepted_one),
        cmocka_unit_test(s4_clean_close_gives_no_error),
        cmocka_unit_test(s5_abrupt_loss_gives_its_error),
        cmocka_unit_test(s9_kick_of_an_unknown_id),
        cmocka_unit_test(s35_s72_kick_closes_with_a_reason_and_discards),
        cmocka_unit_test(s15_duplicate_ends_the_older_one_once),
        cmocka_unit_test(s17_s33_everything_is_refused_after_close),
        cmocka_unit_test(s34_broadcast_to_an_unknown_room),
        cmocka_unit_test(s18_send_to_a_full_queue_loses_the_new_frame),
        cmocka_unit_test(s19_broadcast_to_a_full_queue_loses_the_oldest),
        cmocka_unit_test(an_idle_link_is_written_before_a_queue_counts_as_full),
        cmocka_unit_test(a_queue_is_bounded_in_bytes),
        cmocka_unit_test(close_sends_what_was_queued_and_then_the_code),
        cmocka_unit_test(close_reasons_off_gives_the_plain_1000),
        cmocka_unit_test(s74_no_message_after_close_in_a_handler),
        cmocka_unit_test(s40_a_failed_handler_ends_the_connection),
        cmocka_unit_test(s37_a_message_that_the_application_cannot_decode),
        cmocka_unit_test(s37_malformed_then_valid),
        cmocka_unit_test(s38_without_a_handler_messages_are_counted_only),
        cmocka_unit_test(s39_an_encode_error_reaches_the_caller),
        cmocka_unit_test(s36_a_message_never_comes_before_connect),
        cmocka_unit_test(a_spent_handle_finds_nothing),
        cmocka_unit_test(hostile_57_58_calls_from_within_a_disconnect),
    };
    return cmocka_run_group_tests_name("core.session", tests, NULL, NULL);
}
