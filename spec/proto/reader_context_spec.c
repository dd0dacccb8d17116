/* SPDX-License-Identifier: MIT */
/* What a reader of compressed messages holds, and when. */
#include "proto/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/client_frame.h"
#include "proto/opcode.h"
#include "proto/packed_world.h"

/* Feeds the first half of what is sent. */
static void feed_half(struct packed_world *world)
{
    struct wsp_span half = packed_span(&world->stream);
    half.len /= 2;
    recorder_feed(&world->recorder, half, half.len);
}

static void expect_held(const struct packed_world *world, size_t count,
                        size_t bytes)
{
    assert_int_equal(packed_inflaters(world)->lent_count, count);
    assert_int_equal(packed_inflaters(world)->held_bytes, bytes);
}

static void test_nothing_is_held_between_messages(void **state)
{
    struct packed_world *world = *state;
    packed_send(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    expect_held(world, 0, 0);
    packed_feed(world, SIZE_MAX);
    expect_held(world, 0, 0);
    packed_begin(world);
    packed_send(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    feed_half(world);
    expect_held(world, 1, 40 * KIB);
    packed_begin(world); /* the connection is lost */
    expect_held(world, 0, 0);
    packed_send(world, WSP_OPCODE_TEXT, SPAN("\xFF"));
    feed_half(world);
    packed_feed(world, SIZE_MAX);
    expect_held(world, 0, 0); /* after a failure */
}

/* Without a budget a message that comes in pieces is inflated at its end, and
 * comes out all the same. */
static void test_without_a_budget_messages_wait_as_they_came(void **state)
{
    struct packed_world *world = *state;
    recorder_agree(&world->recorder, 15, false, 40 * KIB - 1);
    packed_send(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    feed_half(world);
    expect_held(world, 0, 0);
    packed_expect(world, "text 13 one two three\n");
    packed_send(world, WSP_OPCODE_TEXT, SPAN("one \xFF three"));
    packed_expect(world, NOT_UTF8);
    packed_send_fragments(world, WSP_OPCODE_BINARY,
                          packed_pack(world, SPAN("tatatatatatata")), 2);
    packed_expect(world, "binary 14 tatatatatatata\n");
    packed_expect_failure(world, WSP_OPCODE_TEXT, SPAN("garbage"), NOT_VALID);
}

static void test_a_client_that_takes_its_context_over(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    recorder_agree(&world->recorder, 15, true, 40 * KIB);
    packer_write_noise(8, 200, &text);
    size_t packed_len = 0;
    for (int i = 0; i < 5; i++) {
        struct wsp_span packed = packed_pack(world, packed_span(&text));
        packed_len = packed.len;
        packed_send_fragments(world, WSP_OPCODE_BINARY, packed,
                              i == 3 ? 5 : 1000);
        client_frame_put(&world->stream, WSP_OPCODE_BINARY, SPAN("plain"));
        assert_true(wsp_buf_add(&world->expected, "binary 200 ", 11));
        assert_true(wsp_buf_add(&world->expected, text.data, 200));
        assert_true(wsp_buf_add(&world->expected, "\nbinary 5 plain\n", 16));
    }
    assert_in_range(packed_len, 1, 20); /* hardly more than a reference */
    static const size_t pieces[] = {SIZE_MAX, 1, 7, 100};
    for (size_t i = 0; i < 4; i++) {
        recorder_reset(&world->recorder);
        expect_held(world, 0, 40 * KIB); /* room alone */
        packed_feed(world, pieces[i]);
        expect_held(world, 1, 40 * KIB);
        packed_expect_log(world, packed_span(&world->expected));
    }
    wsp_buf_fini(&text);
}

static void test_a_context_of_a_small_window(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(9, 2000, &text);
    assert_true(wsp_buf_reserve(&text, 100));
    assert_true(wsp_buf_add(&text, text.data, 100)); /* 2000 bytes back */
    recorder_agree(&world->recorder, 11, true, ENOUGH);
    packed_send(world, WSP_OPCODE_BINARY, packed_span(&text));
    packed_feed(world, 1); /* no more room at a time than what comes out */
    assert_int_equal(world->recorder.result, WSP_READER_MORE);
    expect_held(world, 1, 10 * KIB);
    recorder_agree(&world->recorder, 8, true, ENOUGH);
    packed_feed(world, 1);
    packed_expect_log(world, SPAN(NOT_VALID));
    expect_held(world, 0, 0);
    wsp_buf_fini(&text);
}

static void test_contexts_are_refused_beyond_the_budget(void **state)
{
    struct packed_world *world = *state;
    recorder_agree(&world->recorder, 15, true, 100 * KIB);
    struct wsp_reader second;
    struct wsp_reader third;
    wsp_reader_init(&second);
    wsp_reader_init(&third);
    struct wsp_reader_pool *pool = world->recorder.pool;
    const struct wsp_extension *agreed = &world->recorder.agreed;
    assert_true(wsp_reader_agree(&second, pool, agreed));
    assert_false(wsp_reader_agree(&third, pool, agreed));
    assert_int_equal(third.window_bits, 0);
    expect_held(world, 0, 80 * KIB);
    wsp_reader_fini(&third, pool);
    wsp_reader_fini(&second, pool);
    expect_held(world, 0, 40 * KIB);
    wsp_reader_fini(&second, pool); /* twice is once */
    expect_held(world, 0, 40 * KIB);
    assert_true(wsp_reader_agree(&third, pool, agreed));
    wsp_reader_fini(&third, pool);
}

static void test_a_sink_that_stops(void **state)
{
    struct packed_world *world = *state;
    recorder_agree(&world->recorder, 15, true, ENOUGH);
    world->recorder.stop_after = 1;
    packed_send(world, WSP_OPCODE_TEXT, SPAN("one"));
    packed_send(world, WSP_OPCODE_TEXT, SPAN("two"));
    packed_feed(world, SIZE_MAX);
    packed_expect_log(world, SPAN("text 3 one\n"));
    expect_held(world, 0, 0);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, packed_set_up, packed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_held_between_messages),
        TEST(test_without_a_budget_messages_wait_as_they_came),
        TEST(test_a_client_that_takes_its_context_over),
        TEST(test_a_context_of_a_small_window),
        TEST(test_contexts_are_refused_beyond_the_budget),
        TEST(test_a_sink_that_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
