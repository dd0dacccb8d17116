/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "book.h"

static void lose(struct wsp_session *session)
{
    wsp_session_lost(session, wsp_error_new(WSP_ERR_EOF, NULL, NULL));
    wsp_hub_turn(session->hub);
}

/* ---- life of a connection ---- */

static void m1_connect_and_close(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    assert_string_equal(book->log, "created:a opened:a/ann ");
    book_clear(book);
    fake_pass(&book->fake, 1500);
    wsp_session_close(ann, 1000, wsp_span_of(""));
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "destroyed:a closed:a/ann:1.500:normal ");
    book_close(book);
}

static void rooms_come_with_the_first_and_go_with_the_last(void **state)
{
    (void)state;
    struct fake_link links[2];
    struct book *book = book_open(4);
    struct wsp_session *ann = fake_join(&book->fake, &links[0], "a", "ann");
    struct wsp_session *bob = fake_join(&book->fake, &links[1], "a", "bob");
    lose(ann);
    lose(bob);
    assert_string_equal(book->log, "created:a opened:a/ann opened:a/bob "
                                   "closed:a/ann:0.000:normal "
                                   "destroyed:a closed:a/bob:0.000:normal ");
    book_close(book);
}

static void t4_a_duplicate_alone_in_its_room_makes_it_anew(void **state)
{
    (void)state;
    struct fake_link links[2];
    struct book *book = book_open(4);
    fake_join(&book->fake, &links[0], "a", "ann");
    book_clear(book);
    fake_join(&book->fake, &links[1], "a", "ann");
    assert_string_equal(book->log, "destroyed:a closed:a/ann:0.000:duplicate "
                                   "created:a opened:a/ann ");
    book_close(book);
}

static void m3_a_resume_opens_nothing(void **state)
{
    (void)state;
    struct fake_link links[2];
    struct book *book = book_open(4);
    book->fake.hub.config.resume_window_ms = 30000;
    struct wsp_session *ann = fake_join(&book->fake, &links[0], "a", "ann");
    fake_pass(&book->fake, 1000);
    lose(ann);
    fake_send(ann, "missed");
    fake_pass(&book->fake, 1000);
    fake_join(&book->fake, &links[1], "other", "ann"); /* the room stays */
    wsp_hub_turn(&book->fake.hub);
    wsp_hub_kick(&book->fake.hub, wsp_span_of("ann"));
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log,
                        "created:a opened:a/ann resumed:a/ann sent:a/ann:6 "
                        "buffer:a/ann:0/4 "
                        "destroyed:a closed:a/ann:2.000:kick ");
    book_close(book);
}

static void m6_no_pong(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    book->fake.hub.config.ping_ms = 50;
    book->fake.hub.config.pong_ms = 100;
    fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    fake_pass(&book->fake, 99);
    assert_string_equal(book->log, "");
    fake_pass(&book->fake, 50);
    assert_int_equal(book_count(book, "timeout:a/ann "), 1);
    assert_int_equal(book_count(book, "closed:"), 1);
    assert_non_null(strstr(book->log, "timeout:a/ann destroyed:a closed:"));
    book_close(book);
}

static void m7_at_shutdown_all_connections_then_all_rooms(void **state)
{
    (void)state;
    struct fake_link links[3];
    struct book *book = book_open(4);
    fake_join(&book->fake, &links[0], "a", "ann");
    fake_join(&book->fake, &links[1], "b", "eve");
    fake_join(&book->fake, &links[2], "a", "bob");
    book_clear(book);
    wsp_hub_close(&book->fake.hub);
    wsp_hub_turn(&book->fake.hub);
    assert_int_equal(book_count(book, "closed:"), 3);
    assert_int_equal(book_count(book, "closed:a/ann:0.000:server_close "), 1);
    assert_int_equal(book_count(book, "closed:a/bob:0.000:server_close "), 1);
    assert_int_equal(book_count(book, "destroyed:a "), 1);
    assert_int_equal(book_count(book, "destroyed:b "), 1);
    const char *rooms = strstr(book->log, "destroyed:");
    assert_null(strstr(rooms, "closed:"));
    assert_int_equal(book->fake.hub.metrics.rooms_destroyed, 2);
    book_close(book);
}

static void m9_every_reason(void **state)
{
    (void)state;
    struct fake_link links[6];
    struct book *book = book_open(4);
    struct wsp_hub *hub = &book->fake.hub;
    wsp_session_close(fake_join(&book->fake, &links[0], "a", "normal"), 1000,
                      wsp_span_of(""));
    fake_join(&book->fake, &links[1], "a", "kick");
    wsp_hub_kick(hub, wsp_span_of("kick"));
    hub->config.resume_window_ms = 100;
    lose(fake_join(&book->fake, &links[2], "a", "grace_expired"));
    fake_pass(&book->fake, 200);
    fake_join(&book->fake, &links[3], "a", "duplicate");
    fake_join(&book->fake, &links[4], "a", "duplicate");
    fake_join(&book->fake, &links[5], "a", "server_close");
    wsp_hub_close(hub);
    wsp_hub_turn(hub);
    for (int i = 0; i < WSP_REASON_COUNT; i++) {
        const char *reason = wsp_reason_text((enum wsp_reason)i);
        char begin[64];
        char end[64];
        snprintf(begin, sizeof begin, "closed:a/%s:", reason);
        const char *word = strstr(book->log, begin);
        assert_non_null(word);
        snprintf(end, sizeof end, ":%s ", reason);
        assert_memory_equal(strchr(word, ' ') + 1 - strlen(end), end,
                            strlen(end));
        uint64_t wanted = i == WSP_REASON_SERVER_CLOSE ? 2 : 1;
        assert_int_equal(hub->metrics.connections_closed[i], wanted);
    }
    book_close(book);
}

/* ---- traffic ---- */

static void echo_to_room(struct fake *fake, const char *event,
                         struct wsp_session *session)
{
    (void)session;
    if (strcmp(event, "message") == 0) {
        fake_broadcast(fake, "a", "echo");
    }
}

static void m2_a_message_echoed_to_two(void **state)
{
    (void)state;
    struct fake_link ann;
    struct fake_link bob;
    struct book *book = book_open(4);
    struct wsp_session *session = fake_join(&book->fake, &ann, "a", "ann");
    fake_join(&book->fake, &bob, "a", "bob");
    book_clear(book);
    book->fake.on_event = echo_to_room;
    fake_say(session, "hello");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "received:a:5 broadcast:a:4:2 "
                                   "sent:a/ann:4 buffer:a/ann:0/4 "
                                   "sent:a/bob:4 buffer:a/bob:0/4 ");
    book_close(book);
}

static void m2_the_connection_being_read_counts_alike(void **state)
{
    (void)state;
    struct fake_link ann;
    struct fake_link bob;
    struct book *book = book_open(4);
    struct wsp_session *session = fake_join(&book->fake, &ann, "a", "ann");
    fake_join(&book->fake, &bob, "a", "bob");
    book_clear(book);
    ann.is_read = true; /* its frame skips the queue */
    book->fake.on_event = echo_to_room;
    fake_say(session, "hello");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log,
                        "received:a:5 sent:a/ann:4 buffer:a/ann:0/4 "
                        "broadcast:a:4:2 sent:a/bob:4 buffer:a/bob:0/4 ");
    book_close(book);
}

static void malformed_messages_are_received_too(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    book->fake.hub.config.codec = wsp_codec_find("json");
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    assert_true(fake_say(ann, "{oops"));
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "received:a:5 ");
    assert_int_equal(book->fake.hub.metrics.decode_failures, 1);
    book_close(book);
}

static void used_is_what_is_left_in_the_queue(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    link.budget = 2;
    fake_send(ann, "1");
    fake_send(ann, "22");
    fake_send(ann, "333");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "sent:a/ann:1 buffer:a/ann:2/4 "
                                   "sent:a/ann:2 buffer:a/ann:1/4 ");
    book_close(book);
}

static void what_goes_out_with_the_close_frame_was_sent(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(4);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    link.budget = 0;
    fake_send(ann, "1");
    fake_send(ann, "22");
    wsp_session_close(ann, 1000, wsp_span_of(""));
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(link.written, "[1 1][1 22]");
    assert_string_equal(book->log, "sent:a/ann:1 buffer:a/ann:1/4 "
                                   "sent:a/ann:2 buffer:a/ann:0/4 "
                                   "destroyed:a closed:a/ann:0.000:normal ");
    book_close(book);
}

static void m4_a_send_into_a_full_queue(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(1);
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    link.budget = 0;
    assert_int_equal(fake_send(ann, "1"), WSP_OK);
    assert_int_equal(fake_send(ann, "2"), WSP_ERR_SEND_BUFFER_FULL);
    assert_int_equal(fake_send(ann, "3"), WSP_ERR_SEND_BUFFER_FULL);
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "dropped:a/ann dropped:a/ann ");
    book_close(book);
}

static void m5_broadcasts_that_overflow(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(2);
    fake_join(&book->fake, &link, "a", "ann");
    book_clear(book);
    link.budget = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fake_broadcast(&book->fake, "a", "news"), WSP_OK);
    }
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "broadcast:a:4:1 broadcast:a:4:1 "
                                   "dropped:a/ann broadcast:a:4:1 "
                                   "dropped:a/ann broadcast:a:4:1 ");
    book_close(book);
}

static void m5_a_suspension_that_overflows(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(2);
    book->fake.hub.config.resume_window_ms = 30000;
    struct wsp_session *ann = fake_join(&book->fake, &link, "a", "ann");
    lose(ann);
    book_clear(book);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fake_send(ann, "x"), WSP_OK);
    }
    fake_broadcast(&book->fake, "a", "y");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log,
                        "dropped:a/ann dropped:a/ann broadcast:a:1:1 ");
    book_close(book);
}

static void frames_that_an_end_discards_are_not_dropped(void **state)
{
    (void)state;
    struct fake_link links[4];
    struct book *book = book_open(4);
    struct wsp_hub *hub = &book->fake.hub;
    hub->config.resume_window_ms = 100;
    const char *ids[] = {"kicked", "expired", "closed", "shut down"};
    for (int i = 0; i < 4; i++) {
        struct wsp_session *session =
            fake_join(&book->fake, &links[i], "a", ids[i]);
        links[i].budget = 0;
        fake_send(session, "waiting");
    }
    wsp_hub_turn(hub);
    wsp_hub_kick(hub, wsp_span_of("kicked"));
    struct wsp_session *closed = wsp_hub_find(hub, wsp_span_of("closed"));
    lose(closed);
    wsp_session_close(closed, 1000, wsp_span_of(""));
    lose(wsp_hub_find(hub, wsp_span_of("expired")));
    fake_pass(&book->fake, 200);
    wsp_hub_close(hub);
    wsp_hub_turn(hub);
    assert_int_equal(book_count(book, "closed:"), 4);
    assert_int_equal(book_count(book, "dropped:"), 0);
    assert_int_equal(book_count(book, "sent:"), 0);
    book_close(book);
}

static void close_bob_then_broadcast(struct fake *fake, const char *event,
                                     struct wsp_session *session)
{
    (void)session;
    if (strcmp(event, "message") == 0) {
        struct wsp_session *bob = wsp_hub_find(&fake->hub, wsp_span_of("bob"));
        wsp_session_close(bob, 1000, wsp_span_of(""));
        fake_broadcast(fake, "a", "news");
        fake_broadcast(fake, "nowhere", "news");
    }
}

static void m8_fan_out_counts_who_took_the_frame(void **state)
{
    (void)state;
    struct fake_link links[3];
    struct book *book = book_open(4);
    book->fake.hub.config.resume_window_ms = 30000;
    struct wsp_session *ann = fake_join(&book->fake, &links[0], "a", "ann");
    fake_join(&book->fake, &links[1], "a", "bob");
    lose(
        fake_join(&book->fake, &links[2], "a", "eve")); /* suspended: took it */
    book->fake.on_event = close_bob_then_broadcast;
    book_clear(book);
    fake_say(ann, "go");
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log,
                        "received:a:2 closed:a/bob:0.000:normal "
                        "broadcast:a:4:2 sent:a/ann:4 buffer:a/ann:0/4 ");
    struct wsp_frame frame = fake_frame("psst");
    book_clear(book);
    wsp_hub_broadcast(&book->fake.hub, wsp_span_of("a"), &frame, ann->handle,
                      NULL);
    wsp_hub_turn(&book->fake.hub);
    assert_string_equal(book->log, "broadcast:a:4:1 ");
    book_close(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m1_connect_and_close),
        cmocka_unit_test(rooms_come_with_the_first_and_go_with_the_last),
        cmocka_unit_test(t4_a_duplicate_alone_in_its_room_makes_it_anew),
        cmocka_unit_test(m3_a_resume_opens_nothing),
        cmocka_unit_test(m6_no_pong),
        cmocka_unit_test(m7_at_shutdown_all_connections_then_all_rooms),
        cmocka_unit_test(m9_every_reason),
        cmocka_unit_test(m2_a_message_echoed_to_two),
        cmocka_unit_test(m2_the_connection_being_read_counts_alike),
        cmocka_unit_test(malformed_messages_are_received_too),
        cmocka_unit_test(used_is_what_is_left_in_the_queue),
        cmocka_unit_test(what_goes_out_with_the_close_frame_was_sent),
        cmocka_unit_test(m4_a_send_into_a_full_queue),
        cmocka_unit_test(m5_broadcasts_that_overflow),
        cmocka_unit_test(m5_a_suspension_that_overflows),
        cmocka_unit_test(frames_that_an_end_discards_are_not_dropped),
        cmocka_unit_test(m8_fan_out_counts_who_took_the_frame),
    };
    return cmocka_run_group_tests_name("core.metrics", tests, NULL, NULL);
}
