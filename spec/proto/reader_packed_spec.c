/* SPDX-License-Identifier: MIT */
/* Compressed messages: rows 20, 28, 39 and 40 of the hostile inputs. */
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
#include "proto/reader_work.h"

/* ---- what is well-formed ---- */

static void test_messages_of_both_kinds(void **state)
{
    struct packed_world *world = *state;
    packed_send(world, WSP_OPCODE_TEXT,
                SPAN("gr\xC3\xBC\xC3\x9F"
                     "e"));
    client_frame_put(&world->stream, WSP_OPCODE_TEXT, SPAN("plain"));
    packed_send(world, WSP_OPCODE_BINARY, SPAN("\xFF\x01"));
    packed_send(world, WSP_OPCODE_TEXT, SPAN(""));
    packed_expect(world, "text 7 gr\xC3\xBC\xC3\x9F"
                         "e\ntext 5 plain\nbinary 2 \xFF\x01\ntext 0 \n");
}

static void test_hostile_39_empty_messages(void **state)
{
    struct packed_world *world = *state;
    packed_send_frame(world, WSP_OPCODE_TEXT, SPAN(""));
    packed_send_frame(world, WSP_OPCODE_TEXT, SPAN("\x00"));
    packed_send_frame(world, WSP_OPCODE_BINARY, SPAN("\x03\x00\x00"));
    packed_send_fragments(world, WSP_OPCODE_TEXT, SPAN("\x02\x00"), 1);
    client_frame_add(&world->stream,
                     &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                            .rsv = 4,
                                            .is_fragment = true});
    client_frame_put(&world->stream, WSP_OPCODE_CONTINUATION, SPAN(""));
    packed_expect(world, "text 0 \ntext 0 \nbinary 0 \ntext 0 \ntext 0 \n");
}

/* A message of `len` bytes, in one frame and in many. */
static void expect_long(struct packed_world *world, size_t len, size_t fragment)
{
    struct wsp_buf text = {0};
    packer_write_text((unsigned)len, len, &text);
    packed_send_fragments(world, WSP_OPCODE_TEXT,
                          packed_pack(world, packed_span(&text)), fragment);
    assert_true(wsp_buf_printf(&world->expected, "text %zu ", len));
    assert_true(wsp_buf_add(&world->expected, text.data, text.len));
    assert_true(wsp_buf_add(&world->expected, "\n", 1));
    static const size_t pieces[] = {SIZE_MAX, 7, 4096, 5000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        recorder_reset(&world->recorder);
        packed_feed(world, pieces[i]);
        packed_expect_log(world, packed_span(&world->expected));
    }
    packed_begin(world);
    wsp_buf_fini(&text);
}

static void test_long_messages(void **state)
{
    struct packed_world *world = *state;
    static const size_t lens[] = {125, 1000, 16384, 65535, 65536};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        expect_long(world, lens[i], SIZE_MAX);
        expect_long(world, lens[i], 1000);
        expect_long(world, lens[i], 100);
    }
}

static void test_hostile_40_control_frames_between_fragments(void **state)
{
    struct packed_world *world = *state;
    struct wsp_span packed =
        packed_pack(world, SPAN("one two one two one two"));
    struct wsp_span first = {packed.data, 3};
    struct wsp_span rest = {packed.data + 3, packed.len - 3};
    client_frame_add(&world->stream,
                     &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                            .payload = first,
                                            .rsv = 4,
                                            .is_fragment = true});
    client_frame_put(&world->stream, WSP_OPCODE_PING, SPAN("now"));
    client_frame_add(&world->stream,
                     &(struct client_frame){.opcode = WSP_OPCODE_CONTINUATION,
                                            .is_fragment = true});
    client_frame_put(&world->stream, WSP_OPCODE_PONG, SPAN(""));
    client_frame_put(&world->stream, WSP_OPCODE_CONTINUATION, rest);
    client_frame_close(&world->stream, 1000, SPAN("bye"));
    packed_expect(world,
                  "ping 3 now\npong 0 \ntext 23 one two one two one two\n"
                  "close 1000 3 bye\n");
}

static void test_every_cut_of_fragments(void **state)
{
    struct packed_world *world = *state;
    for (size_t size = 1; size < 40; size++) {
        packed_send_fragments(
            world, WSP_OPCODE_BINARY,
            packed_pack(world, SPAN("abcabcabcabcabc, abcabc, ab")), size);
        packed_expect(world, "binary 27 abcabcabcabcabc, abcabc, ab\n");
    }
}

/* ---- reserved bits ---- */

static void test_hostile_20_rsv1_where_it_means_nothing(void **state)
{
    struct packed_world *world = *state;
    static const uint8_t opcodes[] = {WSP_OPCODE_PING, WSP_OPCODE_PONG,
                                      WSP_OPCODE_CLOSE,
                                      WSP_OPCODE_CONTINUATION};
    for (size_t i = 0; i < sizeof opcodes; i++) {
        packed_expect_failure(world, opcodes[i], SPAN(""),
                              "failed 1002 RSV bits set\n");
        client_frame_add(&world->stream,
                         &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                                .payload = SPAN("a"),
                                                .is_fragment = true});
        packed_expect_failure(world, opcodes[i], SPAN("b"),
                              "failed 1002 RSV bits set\n");
    }
}

static void test_hostile_20_other_bits(void **state)
{
    struct packed_world *world = *state;
    for (uint8_t rsv = 1; rsv < 8; rsv++) {
        if (rsv != 4) {
            client_frame_add(&world->stream,
                             &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                                    .payload = SPAN("\x00"),
                                                    .rsv = rsv});
            packed_expect(world, "failed 1002 RSV bits set\n");
        }
    }
}

static void test_hostile_20_rsv1_of_who_agreed_on_nothing(void **state)
{
    struct packed_world *world = *state;
    world->recorder.agreed.server_bits = 0;
    recorder_reset(&world->recorder);
    packed_expect_failure(world, WSP_OPCODE_TEXT, SPAN("\x00"),
                          "failed 1002 RSV bits set\n");
}

/* ---- what is wrong with the bytes ---- */

static void test_hostile_39_streams_that_are_cut_short(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    packer_write_text(39, 300, &text);
    struct wsp_span packed = packed_pack(world, packed_span(&text));
    for (size_t len = 1; len < packed.len; len++) {
        struct wsp_span cut = {packed.data, len};
        packed_expect_failure(world, WSP_OPCODE_BINARY, cut, NOT_VALID);
        packed_send_fragments(world, WSP_OPCODE_BINARY, cut, 50);
        packed_expect(world, NOT_VALID);
    }
    wsp_buf_fini(&text);
}

static void test_hostile_39_garbage(void **state)
{
    struct packed_world *world = *state;
    packed_expect_failure(world, WSP_OPCODE_TEXT, SPAN("not compressed"),
                          NOT_VALID);
    packed_expect_failure(world, WSP_OPCODE_BINARY,
                          SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00garbage"),
                          NOT_VALID);
    packed_expect_failure(world, WSP_OPCODE_BINARY,
                          SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00garbage"),
                          NOT_VALID);
}

static void test_hostile_39_no_context_is_kept_honest(void **state)
{
    struct packed_world *world = *state;
    packed_send_frame(world, WSP_OPCODE_TEXT,
                      SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"));
    packed_send_frame(world, WSP_OPCODE_TEXT, SPAN("\xf2\x00\x11\x00\x00"));
    packed_expect(world, "text 5 Hello\n" NOT_VALID);
}

static void test_text_that_is_not_utf8(void **state)
{
    struct packed_world *world = *state;
    static const struct wsp_span texts[] = {
        {"\xC3(", 2}, {"abc\xED\xA0\x80", 6}, {"\xE2\x82", 2}, {"\xFF", 1}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        packed_send(world, WSP_OPCODE_TEXT, texts[i]);
        packed_expect(world, NOT_UTF8);
        packer_reset(&world->packer);
        packed_send_fragments(world, WSP_OPCODE_TEXT,
                              packed_pack(world, texts[i]), 2);
        packed_expect(world, NOT_UTF8);
    }
    packed_send(world, WSP_OPCODE_BINARY, texts[3]);
    packed_expect(world, "binary 1 \xFF\n");
    world->recorder.limits.validate_utf8 = false;
    packed_send(world, WSP_OPCODE_TEXT, texts[3]);
    packed_expect(world, "text 1 \xFF\n");
}

/* What comes behind the wrong byte is not waited for. */
static void test_text_fails_in_the_middle_of_a_frame(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(1, 100, &text); /* stored as it is */
    memcpy(text.data, "ok \xFF", 4);
    packed_send(world, WSP_OPCODE_TEXT, packed_span(&text));
    struct wsp_span stream = packed_span(&world->stream);
    stream.len = 20;
    recorder_feed(&world->recorder, stream, 20);
    packed_expect_log(world, SPAN(NOT_UTF8));
    wsp_buf_fini(&text);
}

/* ---- how big it gets ---- */

static void write_same(struct wsp_buf *text, size_t len)
{
    assert_true(wsp_buf_reserve(text, len + 1));
    memset(text->data, 'a', len);
    text->len = len;
}

static void test_hostile_28_the_limit_is_on_inflated_bytes(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    world->recorder.limits.max_message = 1000;
    write_same(&text, 1001);
    packed_send(world, WSP_OPCODE_TEXT, packed_span(&text));
    packed_expect(world, TOO_BIG);
    packed_send_fragments(world, WSP_OPCODE_TEXT,
                          packed_pack(world, packed_span(&text)), 3);
    packed_expect(world, TOO_BIG);
    text.len = 1000;
    packed_send(world, WSP_OPCODE_BINARY, packed_span(&text));
    packed_feed(world, SIZE_MAX);
    assert_int_equal(world->recorder.log.len, strlen("binary 1000 ") + 1001);
    wsp_buf_fini(&text);
}

/* The order of the inflated bytes decides what is wrong with a message. */
static void test_what_comes_first_is_told(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    world->recorder.limits.max_message = 50;
    write_same(&text, 60);
    text.data[49] = '\xFF';
    packed_send(world, WSP_OPCODE_TEXT, packed_span(&text));
    packed_expect(world, NOT_UTF8);
    text.data[49] = 'a';
    text.data[50] = '\xFF';
    packed_send(world, WSP_OPCODE_TEXT, packed_span(&text));
    packed_expect(world, TOO_BIG);
    wsp_buf_fini(&text);
}

/* Also when a later frame is what the stream fails at. */
static void test_what_comes_before_a_frame_is_told_first(void **state)
{
    struct packed_world *world = *state;
    char garbage[2000];
    memset(garbage, '\xFF', sizeof garbage);
    struct wsp_span payload = {garbage, sizeof garbage};
    world->recorder.limits.max_message = 100;
    packed_send_fragments(world, WSP_OPCODE_BINARY, payload, 254);
    packed_expect(world, NOT_VALID);
    struct client_frame first = {.opcode = WSP_OPCODE_TEXT,
                                 .rsv = WSP_RSV1,
                                 .is_fragment = true,
                                 .payload = {garbage, 50}};
    struct client_frame wrong = {.opcode = WSP_OPCODE_TEXT};
    client_frame_add(&world->stream, &first);
    client_frame_add(&world->stream, &wrong); /* within a message */
    packed_expect(world, NOT_VALID);
}

/* Memory for a bomb of 1 to 1000: no more than a message may have. */
static void test_hostile_39_a_bomb_goes_no_further_than_the_limit(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    write_same(&text, 32 * 1024 * KIB);
    struct wsp_span packed = packed_pack(world, packed_span(&text));
    assert_in_range(packed.len, 1, text.len / 1000);
    packed_send_fragments(world, WSP_OPCODE_BINARY, packed, 50);
    size_t limit = world->recorder.limits.max_message;
    size_t largest = 0;
    struct wsp_span stream = packed_span(&world->stream);
    for (size_t i = 0; i < stream.len; i++) {
        recorder_feed(&world->recorder, (struct wsp_span){stream.data + i, 1},
                      1);
        const struct wsp_reader_work *work = world->recorder.reader.work;
        if (work && work->capacity > largest) {
            largest = work->capacity;
        }
    }
    packed_expect_log(world, SPAN(TOO_BIG));
    assert_in_range(largest, limit / 2, limit + 1);
    packed_begin(world);
    packed_send_frame(world, WSP_OPCODE_BINARY, packed);
    world->recorder.limits.max_message = 2048;
    packed_expect(world, TOO_BIG); /* by its frame alone */
    wsp_buf_fini(&text);
}

/* Frames that inflate to nothing are counted too. */
static void test_hostile_39_nothing_for_ever(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf blocks = {0};
    world->recorder.limits.max_message = 100;
    size_t most = 100 + 100 / 4 + 1024;
    while (blocks.len < most + 1) {
        assert_true(wsp_buf_add(&blocks, "\x03\x00", 2));
    }
    packed_send_fragments(world, WSP_OPCODE_TEXT, packed_span(&blocks), 100);
    packed_expect(world, TOO_BIG);
    blocks.len = most - 1;
    packed_send_fragments(world, WSP_OPCODE_TEXT, packed_span(&blocks), 100);
    packed_expect(world, "text 0 \n");
    wsp_buf_fini(&blocks);
}

static void test_a_limit_that_is_lowered_in_a_message(void **state)
{
    struct packed_world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(7, 1000, &text);
    packed_send(world, WSP_OPCODE_BINARY, packed_span(&text));
    struct wsp_span stream = packed_span(&world->stream);
    recorder_feed(&world->recorder, (struct wsp_span){stream.data, 500}, 500);
    packed_expect_log(world, SPAN(""));
    world->recorder.limits.max_message = 100;
    recorder_feed(&world->recorder, (struct wsp_span){stream.data + 500, 1}, 1);
    packed_expect_log(world, SPAN(TOO_BIG));
    wsp_buf_fini(&text);
}

/* The same without a budget: a message that comes in pieces is inflated at its
 * end. */
static int set_up_without_budget(void **state)
{
    int result = packed_set_up(state);
    struct packed_world *world = *state;
    packed_inflaters(world)->max_bytes = 0;
    return result;
}

/* With a budget and without. */
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, packed_set_up, packed_tear_down),    \
        cmocka_unit_test_setup_teardown(name, set_up_without_budget,           \
                                        packed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages_of_both_kinds),
        TEST(test_hostile_39_empty_messages),
        TEST(test_long_messages),
        TEST(test_hostile_40_control_frames_between_fragments),
        TEST(test_every_cut_of_fragments),
        TEST(test_hostile_20_rsv1_where_it_means_nothing),
        TEST(test_hostile_20_other_bits),
        TEST(test_hostile_20_rsv1_of_who_agreed_on_nothing),
        TEST(test_hostile_39_streams_that_are_cut_short),
        TEST(test_hostile_39_garbage),
        TEST(test_hostile_39_no_context_is_kept_honest),
        TEST(test_text_that_is_not_utf8),
        cmocka_unit_test_setup_teardown(
            test_text_fails_in_the_middle_of_a_frame, packed_set_up,
            packed_tear_down),
        TEST(test_hostile_28_the_limit_is_on_inflated_bytes),
        TEST(test_what_comes_first_is_told),
        TEST(test_what_comes_before_a_frame_is_told_first),
        cmocka_unit_test_setup_teardown(
            test_hostile_39_a_bomb_goes_no_further_than_the_limit,
            packed_set_up, packed_tear_down),
        TEST(test_hostile_39_nothing_for_ever),
        cmocka_unit_test_setup_teardown(
            test_a_limit_that_is_lowered_in_a_message, packed_set_up,
            packed_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
