/* SPDX-License-Identifier: MIT */
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
#include "proto/reader_work.h"
#include "proto/recorder.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

/* A stream being built and the reader that gets it. */
struct fixture {
    struct wsp_buf stream;
    struct recorder recorder;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture) {
        return -1;
    }
    recorder_init(&fixture->recorder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    recorder_fini(&fixture->recorder);
    wsp_buf_fini(&fixture->stream);
    free(fixture);
    return 0;
}

/* Begins a new stream and a new reader under the same limits. */
static void begin(struct fixture *fixture)
{
    recorder_reset(&fixture->recorder);
    fixture->stream.len = 0;
}

static void expect_log(struct fixture *fixture, const char *log)
{
    struct wsp_span found = recorder_log(&fixture->recorder);
    char *text = strndup(found.len ? found.data : "", found.len);
    assert_non_null(text);
    assert_string_equal(text, log);
    free(text);
}

static void put(struct fixture *fixture, uint8_t opcode, const char *payload)
{
    client_frame_put(&fixture->stream, opcode, wsp_span_of(payload));
}

static void put_fragment(struct fixture *fixture, uint8_t opcode,
                         struct wsp_span payload)
{
    client_frame_add(&fixture->stream,
                     &(struct client_frame){.opcode = opcode,
                                            .payload = payload,
                                            .is_fragment = true});
}

/* Feeds what has been built, in one piece. */
static void feed(struct fixture *fixture)
{
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, stream, stream.len);
    fixture->stream.len = 0;
}

static void feed_bytewise(struct fixture *fixture)
{
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, stream, 1);
    fixture->stream.len = 0;
}

/* Feeds one frame as a whole stream, whole and byte by byte. */
static void expect_frame(struct fixture *fixture,
                         const struct client_frame *frame, const char *log)
{
    begin(fixture);
    client_frame_add(&fixture->stream, frame);
    feed(fixture);
    expect_log(fixture, log);
    begin(fixture);
    client_frame_add(&fixture->stream, frame);
    feed_bytewise(fixture);
    expect_log(fixture, log);
}

/* ---- what is right ---- */

static void test_frames_in_one_read_come_out_in_order(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, WSP_OPCODE_TEXT, "hello");
    put(fixture, WSP_OPCODE_BINARY, "\x01\xff");
    put(fixture, WSP_OPCODE_PING, "p");
    put(fixture, WSP_OPCODE_PONG, "");
    put(fixture, WSP_OPCODE_TEXT, "");
    client_frame_close(&fixture->stream, 1000, SPAN("bye"));
    feed(fixture);
    expect_log(fixture, "text 5 hello\n"
                        "binary 2 \x01\xff\n"
                        "ping 1 p\n"
                        "pong 0 \n"
                        "text 0 \n"
                        "close 1000 3 bye\n");
    assert_int_equal(fixture->recorder.result, WSP_READER_CLOSED);
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
        expect_frame(fixture, &frame, log);
    }
    free(payload);
}

static void test_fragments_become_one_message(void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("hel"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    put(fixture, WSP_OPCODE_PING, "now");
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("l"));
    put(fixture, WSP_OPCODE_CONTINUATION, "o");
    put(fixture, WSP_OPCODE_TEXT, "next");
    feed(fixture);
    expect_log(fixture, "ping 3 now\ntext 5 hello\ntext 4 next\n");
    assert_null(fixture->recorder.reader.work);
}

static void test_fragments_of_nothing_are_an_empty_message(void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_BINARY, SPAN(""));
    put(fixture, WSP_OPCODE_CONTINUATION, "");
    feed(fixture);
    expect_log(fixture, "binary 0 \n");
}

static void test_a_character_may_span_fragments(void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xF0\x9F"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("\x98"));
    put(fixture, WSP_OPCODE_CONTINUATION, "\x80!");
    feed(fixture);
    expect_log(fixture, "text 5 \xF0\x9F\x98\x80!\n");
}

static void test_an_empty_feed_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    recorder_feed(&fixture->recorder, SPAN(""), 1);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    expect_log(fixture, "");
}

/* ---- hostile: heads ---- */

static void test_hostile_19_unmasked_frame(void **state)
{
    struct client_frame data = {.opcode = WSP_OPCODE_TEXT,
                                .payload = SPAN("hello"),
                                .is_unmasked = true};
    struct client_frame ping = {.opcode = WSP_OPCODE_PING, .is_unmasked = true};
    expect_frame(*state, &data, "failed 1002 bad MASK\n");
    expect_frame(*state, &ping, "failed 1002 bad MASK\n");
}

static void test_hostile_20_rsv_bits(void **state)
{
    static const uint8_t opcodes[] = {WSP_OPCODE_TEXT, WSP_OPCODE_BINARY,
                                      WSP_OPCODE_CONTINUATION, WSP_OPCODE_PING,
                                      WSP_OPCODE_CLOSE};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        for (uint8_t rsv = 1; rsv < 8; rsv++) {
            struct client_frame frame = {.opcode = opcodes[i], .rsv = rsv};
            expect_frame(*state, &frame, "failed 1002 RSV bits set\n");
        }
    }
}

static void test_hostile_21_unknown_opcodes(void **state)
{
    static const uint8_t opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        struct client_frame frame = {.opcode = opcodes[i]};
        expect_frame(*state, &frame, "failed 1002 bad opcode\n");
    }
}

static void test_hostile_22_long_or_split_control(void **state)
{
    char payload[126] = {0};
    for (uint8_t opcode = WSP_OPCODE_CLOSE; opcode <= WSP_OPCODE_PONG;
         opcode++) {
        struct client_frame big = {.opcode = opcode,
                                   .payload = {payload, sizeof(payload)}};
        struct client_frame split = {.opcode = opcode, .is_fragment = true};
        struct client_frame padded = {
            .opcode = opcode, .payload = SPAN("x"), .length_size = 2};
        expect_frame(*state, &big, "failed 1002 len > 125 for control\n");
        expect_frame(*state, &split, "failed 1002 FIN not set on control\n");
        expect_frame(*state, &padded, "failed 1002 len > 125 for control\n");
    }
}

static void test_hostile_23_frames_out_of_order(void **state)
{
    struct fixture *fixture = *state;
    struct client_frame continuation = {.opcode = WSP_OPCODE_CONTINUATION,
                                        .payload = SPAN("x")};
    expect_frame(fixture, &continuation,
                 "failed 1002 continuation without start\n");
    begin(fixture);
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("a"));
    put(fixture, WSP_OPCODE_TEXT, "b");
    feed(fixture);
    expect_log(fixture, "failed 1002 data before FIN\n");
    begin(fixture);
    put(fixture, WSP_OPCODE_TEXT, "a");
    put(fixture, WSP_OPCODE_CONTINUATION, "b");
    feed(fixture);
    expect_log(fixture, "text 1 a\nfailed 1002 continuation without start\n");
}

/* Feeds a head of 10 bytes, without a key or payload. */
static void expect_announced(struct fixture *fixture, uint64_t len,
                             const char *log)
{
    struct client_frame frame = {
        .opcode = WSP_OPCODE_BINARY, .announced_len = len, .length_size = 8};
    begin(fixture);
    client_frame_add(&fixture->stream, &frame);
    fixture->stream.len = 10;
    feed(fixture);
    expect_log(fixture, log);
}

static void test_hostile_24_huge_announced_lengths(void **state)
{
    struct fixture *fixture = *state;
    const char *too_big = "failed 1009 message too big\n";
    expect_announced(fixture, UINT64_C(1) << 63,
                     "failed 1002 bad payload length\n");
    expect_announced(fixture, UINT64_MAX, "failed 1002 bad payload length\n");
    expect_announced(fixture, INT64_MAX, too_big);
    expect_announced(fixture, (UINT64_C(1) << 32) + 1, too_big);
    expect_announced(fixture, 65537, too_big);
    expect_announced(fixture, 65536, "");
}

static void test_hostile_24_memory_follows_what_arrived(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_message = 64 << 20;
    struct client_frame frame = {.opcode = WSP_OPCODE_BINARY,
                                 .payload = SPAN("x"),
                                 .announced_len = 64 << 20};
    client_frame_add(&fixture->stream, &frame);
    feed(fixture);
    assert_non_null(fixture->recorder.reader.work);
    assert_in_range(fixture->recorder.reader.work->capacity, 1, 256);
    for (size_t sent = 1; sent < 100000; sent += 1000) {
        char more[1000] = {0};
        recorder_feed(&fixture->recorder, (struct wsp_span){more, 1000}, 1000);
        assert_in_range(fixture->recorder.reader.work->capacity, sent + 1000,
                        2 * (sent + 1000));
    }
}

static void test_hostile_25_non_minimal_length(void **state)
{
    static const struct {
        size_t len;
        uint8_t size;
    } cases[] = {{0, 2}, {5, 2},   {125, 2},  {0, 8},
                 {5, 8}, {126, 8}, {65535, 8}};
    char *payload = calloc(1, 65535);
    assert_non_null(payload);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct client_frame frame = {.opcode = WSP_OPCODE_BINARY,
                                     .payload = {payload, cases[i].len},
                                     .length_size = cases[i].size};
        expect_frame(*state, &frame, "failed 1002 bad payload length\n");
    }
    free(payload);
}

/* ---- hostile: messages ---- */

static void test_hostile_26_one_byte_fragments(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_message = 1000;
    put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("x"));
    for (int i = 0; i < 999; i++) {
        put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("x"));
    }
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    assert_in_range(fixture->recorder.reader.work->capacity, 1000, 1000);
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("x"));
    feed(fixture);
    expect_log(fixture, "failed 1009 message too big\n");
}

static void test_hostile_26_fragment_cap(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_fragments = 3;
    put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("a"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("b"));
    put(fixture, WSP_OPCODE_CONTINUATION, "c");
    put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("a"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("b"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("c"));
    feed(fixture);
    expect_log(fixture, "binary 3 abc\n");
    put(fixture, WSP_OPCODE_CONTINUATION, "d");
    feed(fixture);
    expect_log(fixture, "binary 3 abc\nfailed 1008 too many fragments\n");
}

static void test_hostile_27_empty_continuations_are_capped(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_fragments = 1000;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN(""));
    for (int i = 0; i < 999; i++) {
        put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    }
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    feed(fixture);
    expect_log(fixture, "failed 1008 too many fragments\n");
}

static void test_hostile_28_the_limit_counts_all_fragments(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_message = 10;
    put(fixture, WSP_OPCODE_TEXT, "0123456789");
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("01234"));
    put(fixture, WSP_OPCODE_CONTINUATION, "56789");
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("01234"));
    put(fixture, WSP_OPCODE_PING, "a ping of its own does not count");
    put(fixture, WSP_OPCODE_CONTINUATION, "567890");
    feed(fixture);
    expect_log(fixture, "text 10 0123456789\n"
                        "text 10 0123456789\n"
                        "ping 32 a ping of its own does not count\n"
                        "failed 1009 message too big\n");
    begin(fixture);
    put(fixture, WSP_OPCODE_TEXT, "01234567890");
    feed(fixture);
    expect_log(fixture, "failed 1009 message too big\n");
}

static void test_a_limit_lowered_within_a_message(void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("0123456789"));
    feed(fixture);
    fixture->recorder.limits.max_message = 5;
    put(fixture, WSP_OPCODE_CONTINUATION, "");
    feed(fixture);
    expect_log(fixture, "failed 1009 message too big\n");
}

/* ---- hostile: text ---- */

static void test_hostile_29_invalid_utf8(void **state)
{
    static const char *const texts[] = {
        "\x80",             /* continuation alone */
        "ok\xC0\x80",       /* overlong */
        "ok\xE0\x80\x80",   /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xF4\x90\x80\x80", /* over U+10FFFF */
        "\xFF",
        "cut short \xE2\x82",
        "much plain text, so that whole blocks are skipped, then \xC3(",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct client_frame text = {.opcode = WSP_OPCODE_TEXT,
                                    .payload = wsp_span_of(texts[i])};
        expect_frame(*state, &text,
                     "failed 1007 text message is not valid UTF-8\n");
    }
}

static void test_hostile_29_invalid_utf8_fails_early(void **state)
{
    struct fixture *fixture = *state;
    struct client_frame frame = {.opcode = WSP_OPCODE_TEXT,
                                 .payload = SPAN("bad \xC3( here"),
                                 .announced_len = 60000};
    client_frame_add(&fixture->stream, &frame);
    feed(fixture);
    expect_log(fixture, "failed 1007 text message is not valid UTF-8\n");
    begin(fixture);
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2"));
    put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("\x28"));
    feed(fixture);
    expect_log(fixture, "failed 1007 text message is not valid UTF-8\n");
}

static void test_hostile_29_a_message_must_not_end_within_a_character(
    void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2\x82"));
    put(fixture, WSP_OPCODE_CONTINUATION, "");
    feed(fixture);
    expect_log(fixture, "failed 1007 text message is not valid UTF-8\n");
}

static void test_utf8_is_not_checked_when_turned_off(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.validate_utf8 = false;
    put(fixture, WSP_OPCODE_TEXT, "\xFF");
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2"));
    feed(fixture);
    fixture->recorder.limits.validate_utf8 = true;
    put(fixture, WSP_OPCODE_CONTINUATION, "(");
    feed(fixture);
    expect_log(fixture, "text 1 \xFF\ntext 2 \xE2(\n");
    put(fixture, WSP_OPCODE_BINARY, "\xFF");
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2\x82"));
    feed(fixture);
    fixture->recorder.limits.validate_utf8 = false;
    put(fixture, WSP_OPCODE_CONTINUATION, "\xAC");
    feed(fixture);
    expect_log(fixture, "text 1 \xFF\ntext 2 \xE2(\nbinary 1 \xFF\n"
                        "text 3 \xE2\x82\xAC\n");
}

/* ---- hostile: close ---- */

static void test_hostile_30_invalid_utf8_in_a_close_reason(void **state)
{
    struct client_frame frame = {.opcode = WSP_OPCODE_CLOSE,
                                 .payload = SPAN("\x03\xE8"
                                                 "bye \xC3(")};
    expect_frame(*state, &frame,
                 "failed 1007 close reason is not valid UTF-8\n");
}

static void expect_close(struct fixture *fixture, uint16_t code, bool is_legal)
{
    char body[2] = {(char)(code >> 8), (char)(code & 0xFF)};
    struct client_frame frame = {.opcode = WSP_OPCODE_CLOSE,
                                 .payload = {body, 2}};
    char log[64];
    snprintf(log, sizeof(log),
             is_legal ? "close %u 0 \n" : "failed 1002 bad close code\n", code);
    expect_frame(fixture, &frame, log);
}

static void test_hostile_31_close_codes(void **state)
{
    static const uint16_t legal[] = {1000, 1001, 1002, 1003, 1007, 1008,
                                     1009, 1010, 1011, 1012, 1013, 1014,
                                     3000, 3999, 4000, 4999};
    static const uint16_t illegal[] = {0,    999,  1004, 1005, 1006, 1015,
                                       1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof(legal) / sizeof(*legal); i++) {
        expect_close(*state, legal[i], true);
    }
    for (size_t i = 0; i < sizeof(illegal) / sizeof(*illegal); i++) {
        expect_close(*state, illegal[i], false);
    }
    struct client_frame one = {.opcode = WSP_OPCODE_CLOSE,
                               .payload = SPAN("\x03")};
    struct client_frame none = {.opcode = WSP_OPCODE_CLOSE};
    expect_frame(*state, &one, "failed 1002 bad close code\n");
    expect_frame(*state, &none, "close 1005 0 \n");
}

static void test_hostile_32_what_follows_a_close_is_discarded(void **state)
{
    struct fixture *fixture = *state;
    client_frame_close(&fixture->stream, 1000, SPAN(""));
    put(fixture, WSP_OPCODE_TEXT, "late");
    client_frame_close(&fixture->stream, 1001, SPAN(""));
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_CLOSED);
    put(fixture, WSP_OPCODE_TEXT, "later");
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
    expect_log(fixture, "close 1000 0 \n");
}

static void test_a_close_within_a_message_gives_it_up(void **state)
{
    struct fixture *fixture = *state;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("half"));
    client_frame_close(&fixture->stream, 1001, SPAN("gone"));
    feed(fixture);
    expect_log(fixture, "close 1001 4 gone\n");
    assert_null(fixture->recorder.reader.work);
}

static void test_hostile_36_pongs_of_any_length(void **state)
{
    char body[125];
    memset(body, 'p', sizeof(body));
    struct client_frame frame = {.opcode = WSP_OPCODE_PONG,
                                 .payload = {body, sizeof(body)}};
    char log[160];
    snprintf(log, sizeof(log), "pong 125 %.125s\n", body);
    expect_frame(*state, &frame, log);
}

static void test_hostile_41_a_mask_key_of_zero(void **state)
{
    struct client_frame frame = {.opcode = WSP_OPCODE_TEXT,
                                 .payload = SPAN("not really masked"),
                                 .is_key_zero = true};
    expect_frame(*state, &frame, "text 17 not really masked\n");
}

/* ---- ends ---- */

static void test_a_sink_can_stop_the_reader(void **state)
{
    struct fixture *fixture = *state;
    for (int stop_after = 1; stop_after <= 3; stop_after++) {
        begin(fixture);
        fixture->recorder.stop_after = stop_after;
        put(fixture, WSP_OPCODE_TEXT, "1");
        put(fixture, WSP_OPCODE_PING, "2");
        put(fixture, WSP_OPCODE_PONG, "3");
        put(fixture, WSP_OPCODE_TEXT, "4");
        feed_bytewise(fixture);
        assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
        assert_int_equal(fixture->recorder.found_count, stop_after);
        assert_null(fixture->recorder.reader.work);
    }
}

static void test_nothing_is_read_after_a_failure(void **state)
{
    struct fixture *fixture = *state;
    client_frame_add(&fixture->stream, &(struct client_frame){.opcode = 3});
    put(fixture, WSP_OPCODE_TEXT, "late");
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_FAILED);
    put(fixture, WSP_OPCODE_TEXT, "later");
    feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
    expect_log(fixture, "failed 1002 bad opcode\n");
}

/* ---- the pool ---- */

static void test_a_context_is_lent_only_while_something_is_incomplete(
    void **state)
{
    struct fixture *fixture = *state;
    put(fixture, WSP_OPCODE_TEXT, "whole");
    put(fixture, WSP_OPCODE_PING, "whole");
    feed(fixture);
    assert_null(fixture->recorder.reader.work);
    put(fixture, WSP_OPCODE_TEXT, "in two pieces");
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
    expect_log(fixture, "text 5 whole\nping 5 whole\n"
                        "text 13 in two pieces\ntext 13 in two pieces\n");
}

static void test_a_reader_can_end_within_a_frame(void **state)
{
    struct fixture *fixture = *state;
    struct wsp_reader_pool *pool = fixture->recorder.pool;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("half a message"));
    put(fixture, WSP_OPCODE_CONTINUATION, "the rest");
    fixture->stream.len -= 3;
    feed(fixture);
    assert_non_null(fixture->recorder.reader.work);
    wsp_reader_fini(&fixture->recorder.reader, pool);
    assert_null(fixture->recorder.reader.work);
    /* Another stream finds nothing of it in what the pool lends. */
    wsp_reader_init(&fixture->recorder.reader);
    fixture->stream.len = 0;
    put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("new "));
    put(fixture, WSP_OPCODE_CONTINUATION, "one");
    feed_bytewise(fixture);
    expect_log(fixture, "text 7 new one\n");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_frames_in_one_read_come_out_in_order),
        TEST(test_every_form_of_length_is_read),
        TEST(test_fragments_become_one_message),
        TEST(test_fragments_of_nothing_are_an_empty_message),
        TEST(test_a_character_may_span_fragments),
        TEST(test_an_empty_feed_is_harmless),
        TEST(test_hostile_19_unmasked_frame),
        TEST(test_hostile_20_rsv_bits),
        TEST(test_hostile_21_unknown_opcodes),
        TEST(test_hostile_22_long_or_split_control),
        TEST(test_hostile_23_frames_out_of_order),
        TEST(test_hostile_24_huge_announced_lengths),
        TEST(test_hostile_24_memory_follows_what_arrived),
        TEST(test_hostile_25_non_minimal_length),
        TEST(test_hostile_26_one_byte_fragments),
        TEST(test_hostile_26_fragment_cap),
        TEST(test_hostile_27_empty_continuations_are_capped),
        TEST(test_hostile_28_the_limit_counts_all_fragments),
        TEST(test_a_limit_lowered_within_a_message),
        TEST(test_hostile_29_invalid_utf8),
        TEST(test_hostile_29_invalid_utf8_fails_early),
        TEST(test_hostile_29_a_message_must_not_end_within_a_character),
        TEST(test_utf8_is_not_checked_when_turned_off),
        TEST(test_hostile_30_invalid_utf8_in_a_close_reason),
        TEST(test_hostile_31_close_codes),
        TEST(test_hostile_32_what_follows_a_close_is_discarded),
        TEST(test_a_close_within_a_message_gives_it_up),
        TEST(test_hostile_36_pongs_of_any_length),
        TEST(test_hostile_41_a_mask_key_of_zero),
        TEST(test_a_sink_can_stop_the_reader),
        TEST(test_nothing_is_read_after_a_failure),
        TEST(test_a_context_is_lent_only_while_something_is_incomplete),
        TEST(test_a_reader_can_end_within_a_frame),
        TEST(test_large_message_buffers_do_not_stay_in_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
