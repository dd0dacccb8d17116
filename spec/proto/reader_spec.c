/* SPDX-License-Identifier: MIT */
#include "proto/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/fixture.h"
#include "proto/opcode.h"
#include "proto/reader_work.h"

/* ---- what is right ---- */

static void test_frames_in_one_read_come_out_in_order(void **state)
{
    struct fixture *fixture = *state;
    fixture_put(fixture, WSP_OPCODE_TEXT, "hello");
    fixture_put(fixture, WSP_OPCODE_BINARY, "\x01\xff");
    fixture_put(fixture, WSP_OPCODE_PING, "p");
    fixture_put(fixture, WSP_OPCODE_PONG, "");
    fixture_put(fixture, WSP_OPCODE_TEXT, "");
    client_frame_close(&fixture->stream, 1000, SPAN("bye"));
    fixture_feed(fixture);
    fixture_expect(fixture, "text 5 hello\n"
                            "binary 2 \x01\xff\n"
                            "ping 1 p\n"
                            "pong 0 \n"
                            "text 0 \n"
                            "close 1000 3 bye\n");
    assert_int_equal(fixture->recorder.result, WSP_READER_CLOSED);
}

/* In the middle of on_message; a frame that is not fine is left as it came. */
static void test_the_next_message_can_be_asked_for(void **state)
{
    struct fixture *fixture = *state;
    struct recorder *recorder = &fixture->recorder;
    fixture_put(fixture, WSP_OPCODE_TEXT, "1");
    fixture_put(fixture, WSP_OPCODE_BINARY, "2"); /* by wsp_reader_next */
    fixture_put(fixture, WSP_OPCODE_TEXT, "3");
    fixture_put(fixture, WSP_OPCODE_PING, "none of it");
    fixture_put(fixture, WSP_OPCODE_TEXT, "5");
    fixture_put(fixture, WSP_OPCODE_TEXT, "\xc3\xa9"); /* by it */
    fixture_put(fixture, WSP_OPCODE_TEXT, "7");
    fixture_put(fixture, WSP_OPCODE_TEXT, "\xc3"); /* not by it */
    fixture_put(fixture, WSP_OPCODE_TEXT, "9");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 1 1\nbinary 1 2\ntext 1 3\n"
                            "ping 10 none of it\ntext 1 5\n"
                            "text 2 \xc3\xa9\ntext 1 7\n"
                            "failed 1007 text message is not valid UTF-8\n");
    assert_int_equal(recorder->next_count, 2);
    struct wsp_reader_next next;
    assert_false(wsp_reader_has_next(recorder->pool));
    assert_false(wsp_reader_next(&recorder->reader, recorder->pool, &next));
}

static void test_every_form_of_length_is_read(void **state)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536};
    struct fixture *fixture = *state;
    char *payload = malloc(65536);
    assert_non_null(payload);
    memset(payload, 'x', 65536);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct client_frame frame = {
            .opcode = WSP_OPCODE_TEXT,
            .payload = {payload, lengths[i]},
        };
        char log[65600];
        snprintf(log, sizeof(log), "text %zu %.*s\n", lengths[i],
                 (int)lengths[i], payload);
        fixture_expect_frame(fixture, &frame, log);
    }
    free(payload);
}

static void test_fragments_become_one_message(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("hel"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    fixture_put(fixture, WSP_OPCODE_PING, "now");
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("l"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "o");
    fixture_put(fixture, WSP_OPCODE_TEXT, "next");
    fixture_feed(fixture);
    fixture_expect(fixture, "ping 3 now\ntext 5 hello\ntext 4 next\n");
    assert_null(fixture->recorder.reader.work);
}

static void test_fragments_of_nothing_are_an_empty_message(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_BINARY, SPAN(""));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "");
    fixture_feed(fixture);
    fixture_expect(fixture, "binary 0 \n");
}

static void test_a_character_may_span_fragments(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xF0\x9F"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("\x98"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "\x80!");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 5 \xF0\x9F\x98\x80!\n");
}

static void test_an_empty_feed_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    recorder_feed(&fixture->recorder, SPAN(""), 1);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    fixture_expect(fixture, "");
}

/* ---- ends ---- */

static void test_a_sink_can_stop_the_reader(void **state)
{
    struct fixture *fixture = *state;
    for (int stop_after = 1; stop_after <= 3; stop_after++) {
        fixture_begin(fixture);
        fixture->recorder.stop_after = stop_after;
        fixture_put(fixture, WSP_OPCODE_TEXT, "1");
        fixture_put(fixture, WSP_OPCODE_PING, "2");
        fixture_put(fixture, WSP_OPCODE_PONG, "3");
        fixture_put(fixture, WSP_OPCODE_TEXT, "4");
        fixture_feed_bytewise(fixture);
        assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
        assert_int_equal(fixture->recorder.found_count, stop_after);
        assert_null(fixture->recorder.reader.work);
    }
}

static void test_nothing_is_read_after_a_failure(void **state)
{
    struct fixture *fixture = *state;
    client_frame_add(&fixture->stream, &(struct client_frame){.opcode = 3});
    fixture_put(fixture, WSP_OPCODE_TEXT, "late");
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_FAILED);
    fixture_put(fixture, WSP_OPCODE_TEXT, "later");
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
    fixture_expect(fixture, "failed 1002 bad opcode\n");
}

/* ---- the pool ---- */

static void test_a_context_is_lent_only_while_something_is_incomplete(
    void **state)
{
    struct fixture *fixture = *state;
    fixture_put(fixture, WSP_OPCODE_TEXT, "whole");
    fixture_put(fixture, WSP_OPCODE_PING, "whole");
    fixture_feed(fixture);
    assert_null(fixture->recorder.reader.work);
    fixture_put(fixture, WSP_OPCODE_TEXT, "in two pieces");
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, (struct wsp_span){stream.data, 7}, 7);
    struct wsp_reader_work *lent = fixture->recorder.reader.work;
    assert_non_null(lent);
    recorder_feed(&fixture->recorder,
                  (struct wsp_span){stream.data + 7, stream.len - 7}, 99);
    assert_null(fixture->recorder.reader.work);
    /* The next one that needs it gets the same. */
    recorder_feed(&fixture->recorder, (struct wsp_span){stream.data, 1}, 1);
    assert_ptr_equal(fixture->recorder.reader.work, lent);
    recorder_feed(&fixture->recorder,
                  (struct wsp_span){stream.data + 1, stream.len - 1}, 99);
    fixture_expect(fixture, "text 5 whole\nping 5 whole\n"
                            "text 13 in two pieces\ntext 13 in two pieces\n");
}

static void test_a_reader_can_end_within_a_frame(void **state)
{
    struct fixture *fixture = *state;
    struct wsp_reader_pool *pool = fixture->recorder.pool;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("half a message"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "the rest");
    fixture->stream.len -= 3;
    fixture_feed(fixture);
    assert_non_null(fixture->recorder.reader.work);
    wsp_reader_fini(&fixture->recorder.reader, pool);
    assert_null(fixture->recorder.reader.work);
    /* Another stream finds nothing of it in what the pool lends. */
    wsp_reader_init(&fixture->recorder.reader);
    fixture->stream.len = 0;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("new "));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "one");
    fixture_feed_bytewise(fixture);
    fixture_expect(fixture, "text 7 new one\n");
}

static void test_a_message_given_up_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("half \xE2"));
    fixture_feed(fixture);
    struct wsp_reader_work *lent = fixture->recorder.reader.work;
    fixture_begin(fixture);
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("new "));
    fixture_feed(fixture);
    assert_ptr_equal(fixture->recorder.reader.work, lent);
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "one");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 7 new one\n");
}

static void test_large_message_buffers_do_not_stay_in_the_pool(void **state)
{
    struct fixture *fixture = *state;
    char *payload = calloc(1, 60000);
    assert_non_null(payload);
    client_frame_put(&fixture->stream, WSP_OPCODE_BINARY,
                     (struct wsp_span){payload, 60000});
    free(payload);
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, stream, 10000);
    assert_null(fixture->recorder.reader.work);
    recorder_feed(&fixture->recorder, (struct wsp_span){stream.data, 20}, 20);
    assert_in_range(fixture->recorder.reader.work->capacity, 1, 16384);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_frames_in_one_read_come_out_in_order),
        TEST(test_the_next_message_can_be_asked_for),
        TEST(test_every_form_of_length_is_read),
        TEST(test_fragments_become_one_message),
        TEST(test_fragments_of_nothing_are_an_empty_message),
        TEST(test_a_character_may_span_fragments),
        TEST(test_an_empty_feed_is_harmless),
        TEST(test_a_sink_can_stop_the_reader),
        TEST(test_nothing_is_read_after_a_failure),
        TEST(test_a_context_is_lent_only_while_something_is_incomplete),
        TEST(test_a_reader_can_end_within_a_frame),
        TEST(test_a_message_given_up_leaves_nothing_behind),
        TEST(test_large_message_buffers_do_not_stay_in_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
