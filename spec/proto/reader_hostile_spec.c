/* SPDX-License-Identifier: MIT */
/* Rows 19 to 41 of the hostile inputs that a reader meets. */
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

/* ---- hostile: heads ---- */

static void test_hostile_19_unmasked_frame(void **state)
{
    struct client_frame data = {.opcode = WSP_OPCODE_TEXT,
                                .payload = SPAN("hello"),
                                .is_unmasked = true};
    struct client_frame ping = {.opcode = WSP_OPCODE_PING, .is_unmasked = true};
    fixture_expect_frame(*state, &data, "failed 1002 bad MASK\n");
    fixture_expect_frame(*state, &ping, "failed 1002 bad MASK\n");
}

static void test_hostile_20_rsv_bits(void **state)
{
    static const uint8_t opcodes[] = {WSP_OPCODE_TEXT, WSP_OPCODE_BINARY,
                                      WSP_OPCODE_CONTINUATION, WSP_OPCODE_PING,
                                      WSP_OPCODE_CLOSE};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        for (uint8_t rsv = 1; rsv < 8; rsv++) {
            struct client_frame frame = {.opcode = opcodes[i], .rsv = rsv};
            fixture_expect_frame(*state, &frame, "failed 1002 RSV bits set\n");
        }
    }
}

static void test_hostile_21_unknown_opcodes(void **state)
{
    static const uint8_t opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        struct client_frame frame = {.opcode = opcodes[i]};
        fixture_expect_frame(*state, &frame, "failed 1002 bad opcode\n");
    }
}

static void test_hostile_22_long_or_split_control(void **state)
{
    char payload[126] = {0};
    static const uint8_t opcodes[] = {WSP_OPCODE_CLOSE, WSP_OPCODE_PING,
                                      WSP_OPCODE_PONG};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        uint8_t opcode = opcodes[i];
        struct client_frame big = {.opcode = opcode,
                                   .payload = {payload, sizeof(payload)}};
        struct client_frame split = {.opcode = opcode, .is_fragment = true};
        struct client_frame padded = {
            .opcode = opcode, .payload = SPAN("x"), .length_size = 2};
        fixture_expect_frame(*state, &big,
                             "failed 1002 len > 125 for control\n");
        fixture_expect_frame(*state, &split,
                             "failed 1002 FIN not set on control\n");
        fixture_expect_frame(*state, &padded,
                             "failed 1002 len > 125 for control\n");
    }
}

static void test_hostile_23_frames_out_of_order(void **state)
{
    struct fixture *fixture = *state;
    struct client_frame continuation = {.opcode = WSP_OPCODE_CONTINUATION,
                                        .payload = SPAN("x")};
    fixture_expect_frame(fixture, &continuation,
                         "failed 1002 continuation without start\n");
    fixture_begin(fixture);
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("a"));
    fixture_put(fixture, WSP_OPCODE_TEXT, "b");
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1002 data before FIN\n");
    fixture_begin(fixture);
    fixture_put(fixture, WSP_OPCODE_TEXT, "a");
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "b");
    fixture_feed(fixture);
    fixture_expect(fixture,
                   "text 1 a\nfailed 1002 continuation without start\n");
}

/* Feeds a head of 10 bytes, without a key or payload. */
static void expect_announced(struct fixture *fixture, uint64_t len,
                             const char *log)
{
    struct client_frame frame = {
        .opcode = WSP_OPCODE_BINARY, .announced_len = len, .length_size = 8};
    fixture_begin(fixture);
    client_frame_add(&fixture->stream, &frame);
    fixture->stream.len = 10;
    fixture_feed(fixture);
    fixture_expect(fixture, log);
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
    fixture_feed(fixture);
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
        fixture_expect_frame(*state, &frame,
                             "failed 1002 bad payload length\n");
    }
    free(payload);
}

/* ---- hostile: messages ---- */

static void test_hostile_26_one_byte_fragments(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_message = 1000;
    fixture_put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("x"));
    for (int i = 0; i < 999; i++) {
        fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("x"));
    }
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    assert_in_range(fixture->recorder.reader.work->capacity, 1000, 1000);
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("x"));
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1009 message too big\n");
}

static void test_hostile_26_fragment_cap(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_fragments = 3;
    fixture_put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("a"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("b"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "c");
    fixture_put_fragment(fixture, WSP_OPCODE_BINARY, SPAN("a"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("b"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("c"));
    fixture_feed(fixture);
    fixture_expect(fixture, "binary 3 abc\n");
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "d");
    fixture_feed(fixture);
    fixture_expect(fixture, "binary 3 abc\nfailed 1008 too many fragments\n");
}

static void test_hostile_27_empty_continuations_are_capped(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_fragments = 1000;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN(""));
    for (int i = 0; i < 999; i++) {
        fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    }
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_MORE);
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN(""));
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1008 too many fragments\n");
}

static void test_hostile_28_the_limit_counts_all_fragments(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.max_message = 10;
    fixture_put(fixture, WSP_OPCODE_TEXT, "0123456789");
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("01234"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "56789");
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("01234"));
    fixture_put(fixture, WSP_OPCODE_PING, "a ping of its own does not count");
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "567890");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 10 0123456789\n"
                            "text 10 0123456789\n"
                            "ping 32 a ping of its own does not count\n"
                            "failed 1009 message too big\n");
    fixture_begin(fixture);
    fixture_put(fixture, WSP_OPCODE_TEXT, "01234567890");
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1009 message too big\n");
}

static void test_a_limit_lowered_within_a_message(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("0123456789"));
    fixture_feed(fixture);
    fixture->recorder.limits.max_message = 5;
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "");
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1009 message too big\n");
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
        fixture_expect_frame(*state, &text,
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
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1007 text message is not valid UTF-8\n");
    fixture_begin(fixture);
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2"));
    fixture_put_fragment(fixture, WSP_OPCODE_CONTINUATION, SPAN("\x28"));
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1007 text message is not valid UTF-8\n");
}

static void test_hostile_29_a_message_must_not_end_within_a_character(
    void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2\x82"));
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "");
    fixture_feed(fixture);
    fixture_expect(fixture, "failed 1007 text message is not valid UTF-8\n");
}

static void test_utf8_is_not_checked_when_turned_off(void **state)
{
    struct fixture *fixture = *state;
    fixture->recorder.limits.validate_utf8 = false;
    fixture_put(fixture, WSP_OPCODE_TEXT, "\xFF");
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2"));
    fixture_feed(fixture);
    fixture->recorder.limits.validate_utf8 = true;
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "(");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 1 \xFF\ntext 2 \xE2(\n");
    fixture_put(fixture, WSP_OPCODE_BINARY, "\xFF");
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("\xE2\x82"));
    fixture_feed(fixture);
    fixture->recorder.limits.validate_utf8 = false;
    fixture_put(fixture, WSP_OPCODE_CONTINUATION, "\xAC");
    fixture_feed(fixture);
    fixture_expect(fixture, "text 1 \xFF\ntext 2 \xE2(\nbinary 1 \xFF\n"
                            "text 3 \xE2\x82\xAC\n");
}

/* ---- hostile: close ---- */

static void test_hostile_30_invalid_utf8_in_a_close_reason(void **state)
{
    struct client_frame frame = {.opcode = WSP_OPCODE_CLOSE,
                                 .payload = SPAN("\x03\xE8so \xC3(")};
    fixture_expect_frame(*state, &frame,
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
    fixture_expect_frame(fixture, &frame, log);
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
    fixture_expect_frame(*state, &one, "failed 1002 bad close code\n");
    fixture_expect_frame(*state, &none, "close 1005 0 \n");
}

static void test_hostile_32_what_follows_a_close_is_discarded(void **state)
{
    struct fixture *fixture = *state;
    client_frame_close(&fixture->stream, 1000, SPAN(""));
    fixture_put(fixture, WSP_OPCODE_TEXT, "late");
    client_frame_close(&fixture->stream, 1001, SPAN(""));
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_CLOSED);
    fixture_put(fixture, WSP_OPCODE_TEXT, "later");
    fixture_feed(fixture);
    assert_int_equal(fixture->recorder.result, WSP_READER_STOPPED);
    fixture_expect(fixture, "close 1000 0 \n");
}

static void test_a_close_within_a_message_gives_it_up(void **state)
{
    struct fixture *fixture = *state;
    fixture_put_fragment(fixture, WSP_OPCODE_TEXT, SPAN("half"));
    client_frame_close(&fixture->stream, 1001, SPAN("gone"));
    fixture_feed(fixture);
    fixture_expect(fixture, "close 1001 4 gone\n");
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
    fixture_expect_frame(*state, &frame, log);
}

static void test_hostile_41_a_mask_key_of_zero(void **state)
{
    struct client_frame frame = {.opcode = WSP_OPCODE_TEXT,
                                 .payload = SPAN("not really masked"),
                                 .is_key_zero = true};
    fixture_expect_frame(*state, &frame, "text 17 not really masked\n");
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
