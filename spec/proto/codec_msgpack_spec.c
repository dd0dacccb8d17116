/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wspulse/codec.h>

#include "proto/msgpack_scan.h"
#include "proto/opcode.h"
#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define NONE ((struct wsp_span){NULL, 0})

/* A hexadecimal escape would swallow the letter behind it, an octal one ends
 * after three digits. */
#define ID "\xA2id"
#define EVENT "\245event"
#define PAYLOAD "\xA7payload"

static const struct wsp_codec *const codec = &wsp_codec_msgpack;

/* ---- encode ---- */

static void expect_encoded(struct wsp_span id, struct wsp_span event,
                           struct wsp_span payload, struct wsp_span message)
{
    struct wsp_frame frame = {.id = id, .event = event, .payload = payload};
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode = 0;
    struct wsp_diag diag;
    assert_int_equal(codec->encode(&frame, &out, &opcode, &diag), WSP_OK);
    assert_int_equal(opcode, WSP_OPCODE_BINARY);
    assert_int_equal(out.len, message.len);
    assert_memory_equal(out.data, message.data, message.len);
    wsp_buf_fini(&out);
}

static void test_e1_one_map_in_order_as_binary(void **state)
{
    (void)state;
    assert_int_equal(codec->opcode, WSP_OPCODE_BINARY);
    expect_encoded(SPAN("1"), SPAN("msg"), SPAN("\x91\x07"),
                   SPAN("\x83" ID "\2411" EVENT "\xA3msg" PAYLOAD "\x91\x07"));
}

static void test_e2_what_is_empty_is_left_out(void **state)
{
    (void)state;
    expect_encoded(NONE, NONE, NONE, SPAN("\x80"));
    expect_encoded(SPAN("1"), NONE, NONE, SPAN("\x81" ID "\2411"));
    expect_encoded(NONE, SPAN("e"), NONE, SPAN("\x81" EVENT "\241e"));
    expect_encoded(NONE, NONE, SPAN("\x00"), SPAN("\x81" PAYLOAD "\x00"));
    expect_encoded(SPAN("1"), NONE, SPAN("\xC0"),
                   SPAN("\x82" ID "\2411" PAYLOAD "\xC0"));
}

static void test_the_payload_is_embedded_byte_by_byte(void **state)
{
    (void)state;
    /* Wider forms than needed, an extension, a key that is no string. */
    expect_encoded(NONE, NONE, SPAN("\xD3\0\0\0\0\0\0\0\x01"),
                   SPAN("\x81" PAYLOAD "\xD3\0\0\0\0\0\0\0\x01"));
    expect_encoded(NONE, NONE, SPAN("\xC7\x03\052abc"),
                   SPAN("\x81" PAYLOAD "\xC7\x03\052abc"));
    expect_encoded(NONE, NONE, SPAN("\x81\x90\xDB\0\0\0\x01x"),
                   SPAN("\x81" PAYLOAD "\x81\x90\xDB\0\0\0\x01x"));
}

static void test_e7_invalid_utf8_in_texts_is_replaced(void **state)
{
    (void)state;
    expect_encoded(SPAN("a\xFFz"), NONE, NONE,
                   SPAN("\x81" ID "\245a\xEF\xBF\xBDz"));
    expect_encoded(NONE, SPAN("\xED\xA0\x80"), NONE,
                   SPAN("\x81" EVENT "\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF"
                        "\xBD"));
}

/* The head says how long the repaired text is, not the given one. */
static void test_the_head_of_a_repaired_text_fits(void **state)
{
    (void)state;
    char bad[100];
    memset(bad, '\xFF', sizeof(bad));
    struct wsp_frame frame = {.id = {bad, sizeof(bad)}};
    struct wsp_frame back;
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    uint8_t opcode;
    assert_int_equal(codec->encode(&frame, &out, &opcode, NULL), WSP_OK);
    assert_memory_equal(out.data, "\x81" ID "\xDA\x01\x2C", 7);
    assert_int_equal(codec->decode((struct wsp_span){out.data, out.len}, true,
                                   &scratch, &back, NULL),
                     WSP_OK);
    assert_int_equal(back.id.len, 300);
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

/* ---- decode ---- */

static void expect_decoded(struct wsp_span message, struct wsp_span id,
                           struct wsp_span event, struct wsp_span payload)
{
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_diag diag = {.message = ""};
    if (codec->decode(message, true, &scratch, &frame, &diag) != WSP_OK) {
        fail_msg("%s", diag.message);
    }
    assert_true(wsp_span_equal(frame.id, id));
    assert_true(wsp_span_equal(frame.event, event));
    assert_int_equal(frame.has_payload, payload.data != NULL);
    assert_true(wsp_span_equal(frame.payload, payload));
    assert_true(wsp_span_equal(frame.raw, message));
    wsp_buf_fini(&scratch);
}

static void test_every_form_of_maps_and_strings(void **state)
{
    (void)state;
    expect_decoded(SPAN("\xDE\0\x03" ID "\xD9\0011"
                        "\xDA\0\005event"
                        "\xDB\0\0\0\001e"
                        "\xD9\x07payload\xC2"),
                   SPAN("1"), SPAN("e"), SPAN("\xC2"));
    expect_decoded(SPAN("\xDF\0\0\0\x01" PAYLOAD "\xA0"), NONE, NONE,
                   SPAN("\xA0"));
    expect_decoded(SPAN("\xDF\0\0\0\0"), NONE, NONE, NONE);
}

static void test_the_payload_is_a_slice_of_the_message(void **state)
{
    (void)state;
    struct wsp_span message = SPAN("\x81" PAYLOAD "\x82\xCC\x01\x93\xC0\xCA"
                                   "\x3F\0\0\0\xC7\0\x05\xA1k\xC4\x01\xFF");
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    assert_int_equal(codec->decode(message, true, &scratch, &frame, NULL),
                     WSP_OK);
    assert_ptr_equal(frame.payload.data, message.data + 9);
    assert_int_equal(frame.payload.len, message.len - 9);
    assert_null(scratch.data);
}

static void test_keys_of_other_types_are_ignored(void **state)
{
    (void)state;
    expect_decoded(SPAN("\x86\x01\xC3\xC0\xC0\x91" ID "\x01\xC4\x02id\2419"
                        "\x80\x80" ID "\2411"),
                   SPAN("1"), NONE, NONE);
}

static void test_invalid_utf8_is_replaced_in_texts_alone(void **state)
{
    (void)state;
    expect_decoded(SPAN("\x83" ID "\243a\xFFz" EVENT "\xA2\xE2\x82" PAYLOAD
                        "\xA2\xFF\xC1"),
                   SPAN("a\xEF\xBF\xBDz"), SPAN("\xEF\xBF\xBD\xEF\xBF\xBD"),
                   SPAN("\xA2\xFF\xC1"));
    expect_decoded(SPAN("\x82" ID "\xA2ok" EVENT "\xA1\xFF"), SPAN("ok"),
                   SPAN("\xEF\xBF\xBD"), NONE);
}

/* ---- hostile input ---- */

static void expect_refused(struct wsp_span message)
{
    struct page_end page_end;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_diag diag = {.message = ""};
    page_end_init(&page_end, message.len);
    assert_int_equal(codec->decode(page_end_span(&page_end, message), true,
                                   &scratch, &frame, &diag),
                     WSP_ERR_DECODE);
    assert_true(strlen(diag.message) > 0);
    assert_null(scratch.data); /* nothing was allocated for it */
    page_end_fini(&page_end);
}

static void test_hostile_48_declared_sizes_are_not_trusted(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\xDD\xFF\xFF\xFF\xFF", "\xDF\xFF\xFF\xFF\xFF", "\xDF\x80\0\0\0",
        "\xDF\x80\0\0\x01",     "\xDB\xFF\xFF\xFF\xFF", "\xC6\xFF\xFF\xFF\xFF",
        "\xC9\xFF\xFF\xFF\xFF", "\xDB\x7F\xFF\xFF\xFF",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        struct wsp_buf message = {NULL, 0, 0};
        expect_refused((struct wsp_span){heads[i], 5});
        assert_true(wsp_buf_add(&message, "\x81" PAYLOAD, 9));
        assert_true(wsp_buf_add(&message, heads[i], 5));
        assert_true(wsp_buf_add(&message, "\x01\x02\x03\x04", 4));
        expect_refused((struct wsp_span){message.data, message.len});
        memcpy(message.data, "\x81" ID, 4);
        memcpy(message.data + 4, heads[i], 5);
        expect_refused((struct wsp_span){message.data, 13});
        memcpy(message.data + 1, heads[i], 5); /* as a key */
        expect_refused((struct wsp_span){message.data, 13});
        wsp_buf_fini(&message);
    }
}

/* A container in each of a million, all of which declare 2^32 - 1 members. */
static void test_hostile_48_nested_declarations_end_at_once(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    struct wsp_buf message = {NULL, 0, 0};
    assert_true(wsp_buf_reserve(&message, 9 + 5 * COUNT));
    wsp_buf_add(&message, "\x81" PAYLOAD, 9);
    for (int i = 0; i < COUNT; i++) {
        wsp_buf_add(&message, "\xDD\xFF\xFF\xFF\xFF", 5);
    }
    expect_refused((struct wsp_span){message.data, message.len});
    for (int i = 0; i < COUNT; i++) { /* sizes that would fit */
        memcpy(message.data + 9 + 5 * i, "\xDD\0\0\0\x01", 5);
    }
    expect_refused((struct wsp_span){message.data, message.len});
    wsp_buf_fini(&message);
}

static void test_hostile_48_a_million_keys_and_unknown_extensions(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    struct wsp_buf message = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    assert_true(wsp_buf_reserve(&message, 5 + 4 * COUNT));
    wsp_buf_add(&message, "\xDF\x00\x0F\x42\x40", 5);
    for (int i = 0; i < COUNT; i++) {
        wsp_buf_add(&message, "\x07\xD4\x63\x2A", 4);
    }
    struct wsp_span span = {message.data, message.len};
    assert_int_equal(codec->decode(span, true, &scratch, &frame, NULL), WSP_OK);
    assert_int_equal(frame.id.len + frame.event.len, 0);
    assert_null(scratch.data);
    span.len--;
    expect_refused(span);
    wsp_buf_fini(&message);
}

static void test_hostile_48_nesting_is_bounded(void **state)
{
    (void)state;
    static const char *const levels[] = {"\x91", "\x81\x01"};
    for (size_t i = 0; i < 2; i++) {
        struct wsp_buf bytes = {NULL, 0, 0};
        for (int depth = 0; depth < WSP_MSGPACK_DEPTH_MAX; depth++) {
            assert_true(wsp_buf_add(&bytes, levels[i], i + 1));
        }
        assert_true(wsp_buf_add(&bytes, "\xC0", 1));
        assert_true(
            wsp_msgpack_is_valid((struct wsp_span){bytes.data, bytes.len}));
        bytes.data[bytes.len - 1] = '\x90';
        assert_false(
            wsp_msgpack_is_valid((struct wsp_span){bytes.data, bytes.len}));
        wsp_buf_fini(&bytes);
    }
}

/* ---- the check of a value ---- */

static void test_every_first_byte_is_a_value_but_one(void **state)
{
    (void)state;
    char bytes[80000] = {0};
    for (int first = 0; first < 256; first++) {
        bytes[0] = (char)first;
        size_t end =
            wsp_msgpack_skip((struct wsp_span){bytes, sizeof(bytes)}, 0, 0);
        assert_int_equal(end != 0, first != 0xC1);
        for (size_t len = 0; len < end; len++) {
            assert_false(wsp_msgpack_is_valid((struct wsp_span){bytes, len}));
        }
        if (end != 0) {
            assert_true(wsp_msgpack_is_valid((struct wsp_span){bytes, end}));
        }
        assert_false(wsp_msgpack_is_valid((struct wsp_span){bytes, end + 1}));
    }
}

/* Any bytes in front of a forbidden page: what is accepted holds a value. */
static void test_random_bytes_are_survived(void **state)
{
    (void)state;
    struct page_end page_end;
    struct wsp_buf scratch = {NULL, 0, 0};
    unsigned accepted_count = 0;
    unsigned seed = 20240611;
    page_end_init(&page_end, 64);
    for (int i = 0; i < 200000; i++) {
        char bytes[24];
        for (size_t at = 0; at < sizeof(bytes); at++) {
            seed = seed * 1103515245u + 12345u;
            bytes[at] = (char)(seed >> 16);
        }
        bytes[0] = (char)(0x80 + (i & 3));
        memcpy(bytes + 1, PAYLOAD, 8);
        struct wsp_span message = {bytes, (size_t)(9 + i % 15)};
        struct wsp_frame frame;
        message = page_end_span(&page_end, message);
        if (codec->decode(message, true, &scratch, &frame, NULL) == WSP_OK &&
            frame.has_payload) {
            assert_true(wsp_msgpack_is_valid(frame.payload));
            accepted_count++;
        }
    }
    assert_in_range(accepted_count, 100, 199999);
    page_end_fini(&page_end);
    wsp_buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_e1_one_map_in_order_as_binary),
        cmocka_unit_test(test_e2_what_is_empty_is_left_out),
        cmocka_unit_test(test_the_payload_is_embedded_byte_by_byte),
        cmocka_unit_test(test_e7_invalid_utf8_in_texts_is_replaced),
        cmocka_unit_test(test_the_head_of_a_repaired_text_fits),
        cmocka_unit_test(test_every_form_of_maps_and_strings),
        cmocka_unit_test(test_the_payload_is_a_slice_of_the_message),
        cmocka_unit_test(test_keys_of_other_types_are_ignored),
        cmocka_unit_test(test_invalid_utf8_is_replaced_in_texts_alone),
        cmocka_unit_test(test_hostile_48_declared_sizes_are_not_trusted),
        cmocka_unit_test(test_hostile_48_nested_declarations_end_at_once),
        cmocka_unit_test(test_hostile_48_a_million_keys_and_unknown_extensions),
        cmocka_unit_test(test_hostile_48_nesting_is_bounded),
        cmocka_unit_test(test_every_first_byte_is_a_value_but_one),
        cmocka_unit_test(test_random_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
