/* SPDX-License-Identifier: MIT */
/* Compressed messages: rows 20, 39 and 40 of the hostile inputs, and what a
 * reader holds while it reads them. */
#include "proto/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/client_frame.h"
#include "proto/inflate.h"
#include "proto/opcode.h"
#include "proto/packer.h"
#include "proto/reader_work.h"
#include "proto/recorder.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define KIB 1024u
#define ENOUGH (1024 * KIB)

/* ---- a client and its reader ---- */

struct world {
    struct recorder recorder;
    struct packer packer;
    struct wsp_buf stream; /* what the client sends */
    struct wsp_buf packed; /* a message that it compresses */
    struct wsp_buf expected;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world) {
        return -1;
    }
    recorder_init(&world->recorder);
    recorder_agree(&world->recorder, 15, false, ENOUGH);
    packer_init(&world->packer, 15, 6);
    *state = world;
    return 0;
}

static struct wsp_inflate_pool *inflaters_of(const struct world *world)
{
    return wsp_reader_pool_inflaters(world->recorder.pool);
}

static int tear_down(void **state)
{
    struct world *world = *state;
    wsp_reader_fini(&world->recorder.reader, world->recorder.pool);
    assert_int_equal(inflaters_of(world)->lent_count, 0);
    assert_int_equal(inflaters_of(world)->held_bytes, 0);
    recorder_fini(&world->recorder);
    packer_fini(&world->packer);
    wsp_buf_fini(&world->stream);
    wsp_buf_fini(&world->packed);
    wsp_buf_fini(&world->expected);
    free(world);
    return 0;
}

static void begin(struct world *world)
{
    recorder_reset(&world->recorder);
    packer_reset(&world->packer);
    world->stream.len = 0;
    world->expected.len = 0;
}

static struct wsp_span span_of(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->data, buf->len};
}

/* Compresses a message; the client's context goes on. */
static struct wsp_span pack(struct world *world, struct wsp_span message)
{
    world->packed.len = 0;
    packer_add(&world->packer, message, &world->packed);
    return span_of(&world->packed);
}

/* Sends payload in one frame that says it is compressed. */
static void send_packed(struct world *world, uint8_t opcode,
                        struct wsp_span payload)
{
    client_frame_add(
        &world->stream,
        &(struct client_frame){.opcode = opcode, .payload = payload, .rsv = 4});
}

/* Compresses a message for itself and sends it. */
static void send_message(struct world *world, uint8_t opcode,
                         struct wsp_span message)
{
    packer_reset(&world->packer);
    send_packed(world, opcode, pack(world, message));
}

/* Sends payload in frames of at most `size` bytes, the first one saying that it
 * is compressed. */
static void send_fragments(struct world *world, uint8_t opcode,
                           struct wsp_span payload, size_t size)
{
    bool is_first = true;
    do {
        size_t len = payload.len < size ? payload.len : size;
        client_frame_add(
            &world->stream,
            &(struct client_frame){.opcode = is_first ? opcode
                                                      : WSP_OPCODE_CONTINUATION,
                                   .payload = {payload.data, len},
                                   .is_fragment = len < payload.len,
                                   .rsv = is_first ? 4 : 0});
        payload.data += len;
        payload.len -= len;
        is_first = false;
    } while (payload.len > 0);
}

static void feed(struct world *world, size_t piece)
{
    recorder_feed(&world->recorder, span_of(&world->stream), piece);
}

static void expect_log(struct world *world, struct wsp_span expected)
{
    struct wsp_span log = recorder_log(&world->recorder);
    if (!wsp_span_equal(log, expected)) {
        fail_msg("found %.*s, not %.*s", (int)log.len, log.data,
                 (int)expected.len, expected.data);
    }
}

/* Feeds in one piece, in pieces, and expects the same each time. */
static void expect(struct world *world, const char *log)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 5, 17, 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        recorder_reset(&world->recorder);
        feed(world, pieces[i]);
        expect_log(world, wsp_span_of(log));
    }
    begin(world);
}

static void expect_failure(struct world *world, uint8_t opcode,
                           struct wsp_span payload, const char *log)
{
    send_packed(world, opcode, payload);
    expect(world, log);
}

#define NOT_VALID "failed 1007 compressed message is not valid\n"
#define NOT_UTF8 "failed 1007 text message is not valid UTF-8\n"
#define TOO_BIG "failed 1009 message too big\n"

/* ---- what is well-formed ---- */

static void test_messages_of_both_kinds(void **state)
{
    struct world *world = *state;
    send_message(world, WSP_OPCODE_TEXT,
                 SPAN("gr\xC3\xBC\xC3\x9F"
                      "e"));
    client_frame_put(&world->stream, WSP_OPCODE_TEXT, SPAN("plain"));
    send_message(world, WSP_OPCODE_BINARY, SPAN("\xFF\x01"));
    send_message(world, WSP_OPCODE_TEXT, SPAN(""));
    expect(world, "text 7 gr\xC3\xBC\xC3\x9F"
                  "e\ntext 5 plain\nbinary 2 \xFF\x01\ntext 0 \n");
}

static void test_hostile_39_empty_messages(void **state)
{
    struct world *world = *state;
    send_packed(world, WSP_OPCODE_TEXT, SPAN(""));
    send_packed(world, WSP_OPCODE_TEXT, SPAN("\x00"));
    send_packed(world, WSP_OPCODE_BINARY, SPAN("\x03\x00\x00"));
    send_fragments(world, WSP_OPCODE_TEXT, SPAN("\x02\x00"), 1);
    client_frame_add(&world->stream,
                     &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                            .rsv = 4,
                                            .is_fragment = true});
    client_frame_put(&world->stream, WSP_OPCODE_CONTINUATION, SPAN(""));
    expect(world, "text 0 \ntext 0 \nbinary 0 \ntext 0 \ntext 0 \n");
}

/* A message of `len` bytes, in one frame and in many. */
static void expect_long(struct world *world, size_t len, size_t fragment)
{
    struct wsp_buf text = {0};
    packer_write_text((unsigned)len, len, &text);
    send_fragments(world, WSP_OPCODE_TEXT, pack(world, span_of(&text)),
                   fragment);
    assert_true(wsp_buf_printf(&world->expected, "text %zu ", len));
    assert_true(wsp_buf_add(&world->expected, text.data, text.len));
    assert_true(wsp_buf_add(&world->expected, "\n", 1));
    static const size_t pieces[] = {SIZE_MAX, 7, 4096, 5000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        recorder_reset(&world->recorder);
        feed(world, pieces[i]);
        expect_log(world, span_of(&world->expected));
    }
    begin(world);
    wsp_buf_fini(&text);
}

static void test_long_messages(void **state)
{
    struct world *world = *state;
    static const size_t lens[] = {125, 1000, 16384, 65535, 65536};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        expect_long(world, lens[i], SIZE_MAX);
        expect_long(world, lens[i], 1000);
        expect_long(world, lens[i], 100);
    }
}

static void test_hostile_40_control_frames_between_fragments(void **state)
{
    struct world *world = *state;
    struct wsp_span packed = pack(world, SPAN("one two one two one two"));
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
    expect(world, "ping 3 now\npong 0 \ntext 23 one two one two one two\n"
                  "close 1000 3 bye\n");
}

static void test_every_cut_of_fragments(void **state)
{
    struct world *world = *state;
    for (size_t size = 1; size < 40; size++) {
        send_fragments(world, WSP_OPCODE_BINARY,
                       pack(world, SPAN("abcabcabcabcabc, abcabc, ab")), size);
        expect(world, "binary 27 abcabcabcabcabc, abcabc, ab\n");
    }
}

/* ---- reserved bits ---- */

static void test_hostile_20_rsv1_where_it_means_nothing(void **state)
{
    struct world *world = *state;
    static const uint8_t opcodes[] = {WSP_OPCODE_PING, WSP_OPCODE_PONG,
                                      WSP_OPCODE_CLOSE,
                                      WSP_OPCODE_CONTINUATION};
    for (size_t i = 0; i < sizeof opcodes; i++) {
        expect_failure(world, opcodes[i], SPAN(""),
                       "failed 1002 RSV bits set\n");
        client_frame_add(&world->stream,
                         &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                                .payload = SPAN("a"),
                                                .is_fragment = true});
        expect_failure(world, opcodes[i], SPAN("b"),
                       "failed 1002 RSV bits set\n");
    }
}

static void test_hostile_20_other_bits(void **state)
{
    struct world *world = *state;
    for (uint8_t rsv = 1; rsv < 8; rsv++) {
        if (rsv != 4) {
            client_frame_add(&world->stream,
                             &(struct client_frame){.opcode = WSP_OPCODE_TEXT,
                                                    .payload = SPAN("\x00"),
                                                    .rsv = rsv});
            expect(world, "failed 1002 RSV bits set\n");
        }
    }
}

static void test_hostile_20_rsv1_of_who_agreed_on_nothing(void **state)
{
    struct world *world = *state;
    world->recorder.agreed.server_bits = 0;
    recorder_reset(&world->recorder);
    expect_failure(world, WSP_OPCODE_TEXT, SPAN("\x00"),
                   "failed 1002 RSV bits set\n");
}

/* ---- what is wrong with the bytes ---- */

static void test_hostile_39_streams_that_are_cut_short(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    packer_write_text(39, 300, &text);
    struct wsp_span packed = pack(world, span_of(&text));
    for (size_t len = 1; len < packed.len; len++) {
        struct wsp_span cut = {packed.data, len};
        expect_failure(world, WSP_OPCODE_BINARY, cut, NOT_VALID);
        send_fragments(world, WSP_OPCODE_BINARY, cut, 50);
        expect(world, NOT_VALID);
    }
    wsp_buf_fini(&text);
}

static void test_hostile_39_garbage(void **state)
{
    struct world *world = *state;
    expect_failure(world, WSP_OPCODE_TEXT, SPAN("not compressed"), NOT_VALID);
    expect_failure(world, WSP_OPCODE_BINARY,
                   SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00garbage"), NOT_VALID);
    expect_failure(world, WSP_OPCODE_BINARY,
                   SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00garbage"), NOT_VALID);
}

static void test_hostile_39_no_context_is_kept_honest(void **state)
{
    struct world *world = *state;
    send_packed(world, WSP_OPCODE_TEXT, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"));
    send_packed(world, WSP_OPCODE_TEXT, SPAN("\xf2\x00\x11\x00\x00"));
    expect(world, "text 5 Hello\n" NOT_VALID);
}

static void test_text_that_is_not_utf8(void **state)
{
    struct world *world = *state;
    static const struct wsp_span texts[] = {
        {"\xC3(", 2}, {"abc\xED\xA0\x80", 6}, {"\xE2\x82", 2}, {"\xFF", 1}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        send_message(world, WSP_OPCODE_TEXT, texts[i]);
        expect(world, NOT_UTF8);
        packer_reset(&world->packer);
        send_fragments(world, WSP_OPCODE_TEXT, pack(world, texts[i]), 2);
        expect(world, NOT_UTF8);
    }
    send_message(world, WSP_OPCODE_BINARY, texts[3]);
    expect(world, "binary 1 \xFF\n");
    world->recorder.limits.validate_utf8 = false;
    send_message(world, WSP_OPCODE_TEXT, texts[3]);
    expect(world, "text 1 \xFF\n");
}

/* What comes behind the wrong byte is not waited for. */
static void test_text_fails_in_the_middle_of_a_frame(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(1, 100, &text); /* stored as it is */
    memcpy(text.data, "ok \xFF", 4);
    send_message(world, WSP_OPCODE_TEXT, span_of(&text));
    struct wsp_span stream = span_of(&world->stream);
    stream.len = 20;
    recorder_feed(&world->recorder, stream, 20);
    expect_log(world, SPAN(NOT_UTF8));
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
    struct world *world = *state;
    struct wsp_buf text = {0};
    world->recorder.limits.max_message = 1000;
    write_same(&text, 1001);
    send_message(world, WSP_OPCODE_TEXT, span_of(&text));
    expect(world, TOO_BIG);
    send_fragments(world, WSP_OPCODE_TEXT, pack(world, span_of(&text)), 3);
    expect(world, TOO_BIG);
    text.len = 1000;
    send_message(world, WSP_OPCODE_BINARY, span_of(&text));
    feed(world, SIZE_MAX);
    assert_int_equal(world->recorder.log.len, strlen("binary 1000 ") + 1001);
    wsp_buf_fini(&text);
}

/* The order of the inflated bytes decides what is wrong with a message. */
static void test_what_comes_first_is_told(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    world->recorder.limits.max_message = 50;
    write_same(&text, 60);
    text.data[49] = '\xFF';
    send_message(world, WSP_OPCODE_TEXT, span_of(&text));
    expect(world, NOT_UTF8);
    text.data[49] = 'a';
    text.data[50] = '\xFF';
    send_message(world, WSP_OPCODE_TEXT, span_of(&text));
    expect(world, TOO_BIG);
    wsp_buf_fini(&text);
}

/* Memory for a bomb of 1 to 1000: no more than a message may have. */
static void test_hostile_39_a_bomb_goes_no_further_than_the_limit(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    write_same(&text, 32 * 1024 * KIB);
    struct wsp_span packed = pack(world, span_of(&text));
    assert_in_range(packed.len, 1, text.len / 1000);
    send_fragments(world, WSP_OPCODE_BINARY, packed, 50);
    size_t limit = world->recorder.limits.max_message;
    size_t largest = 0;
    struct wsp_span stream = span_of(&world->stream);
    for (size_t i = 0; i < stream.len; i++) {
        recorder_feed(&world->recorder, (struct wsp_span){stream.data + i, 1},
                      1);
        const struct wsp_reader_work *work = world->recorder.reader.work;
        if (work && work->capacity > largest) {
            largest = work->capacity;
        }
    }
    expect_log(world, SPAN(TOO_BIG));
    assert_in_range(largest, limit / 2, limit + 1);
    begin(world);
    send_packed(world, WSP_OPCODE_BINARY, packed);
    world->recorder.limits.max_message = 2048;
    expect(world, TOO_BIG); /* by its frame alone */
    wsp_buf_fini(&text);
}

/* Frames that inflate to nothing are counted too. */
static void test_hostile_39_nothing_for_ever(void **state)
{
    struct world *world = *state;
    struct wsp_buf blocks = {0};
    world->recorder.limits.max_message = 100;
    size_t most = 100 + 100 / 4 + 1024;
    while (blocks.len < most + 1) {
        assert_true(wsp_buf_add(&blocks, "\x03\x00", 2));
    }
    send_fragments(world, WSP_OPCODE_TEXT, span_of(&blocks), 100);
    expect(world, TOO_BIG);
    blocks.len = most - 1;
    send_fragments(world, WSP_OPCODE_TEXT, span_of(&blocks), 100);
    expect(world, "text 0 \n");
    wsp_buf_fini(&blocks);
}

static void test_a_limit_that_is_lowered_in_a_message(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(7, 1000, &text);
    send_message(world, WSP_OPCODE_BINARY, span_of(&text));
    struct wsp_span stream = span_of(&world->stream);
    recorder_feed(&world->recorder, (struct wsp_span){stream.data, 500}, 500);
    expect_log(world, SPAN(""));
    world->recorder.limits.max_message = 100;
    recorder_feed(&world->recorder, (struct wsp_span){stream.data + 500, 1}, 1);
    expect_log(world, SPAN(TOO_BIG));
    wsp_buf_fini(&text);
}

/* ---- what is held ---- */

/* Feeds the first half of what is sent. */
static void feed_half(struct world *world)
{
    struct wsp_span half = span_of(&world->stream);
    half.len /= 2;
    recorder_feed(&world->recorder, half, half.len);
}

static void expect_held(const struct world *world, size_t count, size_t bytes)
{
    assert_int_equal(inflaters_of(world)->lent_count, count);
    assert_int_equal(inflaters_of(world)->held_bytes, bytes);
}

static void test_nothing_is_held_between_messages(void **state)
{
    struct world *world = *state;
    send_message(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    expect_held(world, 0, 0);
    feed(world, SIZE_MAX);
    expect_held(world, 0, 0);
    begin(world);
    send_message(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    feed_half(world);
    expect_held(world, 1, 40 * KIB);
    begin(world); /* the connection is lost */
    expect_held(world, 0, 0);
    send_message(world, WSP_OPCODE_TEXT, SPAN("\xFF"));
    feed_half(world);
    feed(world, SIZE_MAX);
    expect_held(world, 0, 0); /* after a failure */
}

/* Without a budget a message that comes in pieces is inflated at its end, and
 * comes out all the same. */
static void test_without_a_budget_messages_wait_as_they_came(void **state)
{
    struct world *world = *state;
    recorder_agree(&world->recorder, 15, false, 40 * KIB - 1);
    send_message(world, WSP_OPCODE_TEXT, SPAN("one two three"));
    feed_half(world);
    expect_held(world, 0, 0);
    expect(world, "text 13 one two three\n");
    send_message(world, WSP_OPCODE_TEXT, SPAN("one \xFF three"));
    expect(world, NOT_UTF8);
    send_fragments(world, WSP_OPCODE_BINARY,
                   pack(world, SPAN("tatatatatatata")), 2);
    expect(world, "binary 14 tatatatatatata\n");
    expect_failure(world, WSP_OPCODE_TEXT, SPAN("garbage"), NOT_VALID);
    test_long_messages(state);
    test_hostile_28_the_limit_is_on_inflated_bytes(state);
    begin(world);
    test_hostile_39_nothing_for_ever(state);
}

static void test_a_client_that_takes_its_context_over(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    recorder_agree(&world->recorder, 15, true, 40 * KIB);
    packer_write_noise(8, 200, &text);
    size_t packed_len = 0;
    for (int i = 0; i < 5; i++) {
        struct wsp_span packed = pack(world, span_of(&text));
        packed_len = packed.len;
        send_fragments(world, WSP_OPCODE_BINARY, packed, i == 3 ? 5 : 1000);
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
        feed(world, pieces[i]);
        expect_held(world, 1, 40 * KIB);
        expect_log(world, span_of(&world->expected));
    }
    wsp_buf_fini(&text);
}

static void test_a_context_of_a_small_window(void **state)
{
    struct world *world = *state;
    struct wsp_buf text = {0};
    packer_write_noise(9, 2000, &text);
    assert_true(wsp_buf_reserve(&text, 100));
    assert_true(wsp_buf_add(&text, text.data, 100)); /* 2000 bytes back */
    recorder_agree(&world->recorder, 11, true, ENOUGH);
    send_message(world, WSP_OPCODE_BINARY, span_of(&text));
    feed(world, 1); /* no more room at a time than what comes out */
    assert_int_equal(world->recorder.result, WSP_READER_MORE);
    expect_held(world, 1, 10 * KIB);
    recorder_agree(&world->recorder, 8, true, ENOUGH);
    feed(world, 1);
    expect_log(world, SPAN(NOT_VALID));
    expect_held(world, 0, 0);
    wsp_buf_fini(&text);
}

static void test_contexts_are_refused_beyond_the_budget(void **state)
{
    struct world *world = *state;
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
    struct world *world = *state;
    recorder_agree(&world->recorder, 15, true, ENOUGH);
    world->recorder.stop_after = 1;
    send_message(world, WSP_OPCODE_TEXT, SPAN("one"));
    send_message(world, WSP_OPCODE_TEXT, SPAN("two"));
    feed(world, SIZE_MAX);
    expect_log(world, SPAN("text 3 one\n"));
    expect_held(world, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(test_text_fails_in_the_middle_of_a_frame),
        TEST(test_hostile_28_the_limit_is_on_inflated_bytes),
        TEST(test_what_comes_first_is_told),
        TEST(test_hostile_39_a_bomb_goes_no_further_than_the_limit),
        TEST(test_hostile_39_nothing_for_ever),
        TEST(test_a_limit_that_is_lowered_in_a_message),
        TEST(test_nothing_is_held_between_messages),
        TEST(test_without_a_budget_messages_wait_as_they_came),
        TEST(test_a_client_that_takes_its_context_over),
        TEST(test_a_context_of_a_small_window),
        TEST(test_contexts_are_refused_beyond_the_budget),
        TEST(test_a_sink_that_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
