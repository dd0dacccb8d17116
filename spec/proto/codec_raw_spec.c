/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proto/opcode.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

static const struct wsp_codec *const codec = &wsp_codec_raw;

static void test_a_message_is_a_frame(void **state)
{
    (void)state;
    struct wsp_buf scratch = {NULL, 0, 0};
    for (int is_binary = 0; is_binary <= 1; is_binary++) {
        struct wsp_frame frame;
        struct wsp_span message = SPAN("{\"id\":\"1\"}\0\xFF");
        enum wsp_message_kind kind =
            is_binary ? WSP_MESSAGE_BINARY : WSP_MESSAGE_TEXT;
        assert_int_equal(codec->decode(message, kind, &scratch, &frame, NULL),
                         WSP_OK);
        assert_non_null(frame.id.data);
        assert_int_equal(frame.id.len, 0);
        assert_non_null(frame.event.data);
        assert_int_equal(frame.event.len, 0);
        assert_true(wsp_span_equal(frame.payload, message));
        assert_true(wsp_span_equal(frame.raw, message));
        assert_true(frame.has_payload);
        assert_int_equal(frame.binary, is_binary);
    }
}

static void test_an_empty_message_has_a_payload(void **state)
{
    (void)state;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    assert_int_equal(codec->decode(SPAN(""), false, &scratch, &frame, NULL),
                     WSP_OK);
    assert_true(frame.has_payload);
    assert_int_equal(frame.payload.len, 0);
}

static void expect_encoded(const struct wsp_frame *frame, uint8_t opcode)
{
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t found = 0;
    assert_true(wsp_buf_add(&out, "<", 1));
    assert_int_equal(codec->encode(frame, &out, &found, NULL), WSP_OK);
    assert_int_equal(found, opcode);
    assert_int_equal(out.len, 1 + frame->payload.len);
    if (frame->payload.len > 0) {
        assert_memory_equal(out.data + 1, frame->payload.data,
                            frame->payload.len);
    }
    wsp_buf_fini(&out);
}

static void test_a_frame_is_a_message(void **state)
{
    (void)state;
    expect_encoded(&(struct wsp_frame){.payload = SPAN("gr\xC3\xBC\xC3\x9F")},
                   WSP_OPCODE_TEXT);
    expect_encoded(&(struct wsp_frame){.payload = SPAN("\xFF"), .binary = true},
                   WSP_OPCODE_BINARY);
    expect_encoded(&(struct wsp_frame){.payload = {NULL, 0}}, WSP_OPCODE_TEXT);
    expect_encoded(&(struct wsp_frame){.id = SPAN("i"),
                                       .event = SPAN("e"),
                                       .payload = SPAN("only this")},
                   WSP_OPCODE_TEXT);
    expect_encoded(
        &(struct wsp_frame){.payload = SPAN("\xFF"), .is_checked = true},
        WSP_OPCODE_TEXT);
}

static void test_text_that_is_no_utf8_is_refused(void **state)
{
    (void)state;
    struct wsp_frame frame = {.payload = SPAN("a\xFF")};
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_diag diag = {.message = ""};
    uint8_t opcode;
    assert_int_equal(codec->encode(&frame, &out, &opcode, &diag),
                     WSP_ERR_ENCODE);
    assert_int_equal(diag.code, WSP_ERR_ENCODE);
    assert_true(strlen(diag.message) > 0);
    assert_int_equal(out.len, 0);
    wsp_buf_fini(&out);
}

static void test_codecs_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(wsp_codec_find("json"), &wsp_codec_json);
    assert_ptr_equal(wsp_codec_find("raw"), &wsp_codec_raw);
    assert_string_equal(wsp_codec_json.name, "json");
    assert_string_equal(wsp_codec_raw.name, "raw");
    assert_null(wsp_codec_find("JSON"));
    assert_null(wsp_codec_find(""));
    assert_null(wsp_codec_find("cbor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_is_a_frame),
        cmocka_unit_test(test_an_empty_message_has_a_payload),
        cmocka_unit_test(test_a_frame_is_a_message),
        cmocka_unit_test(test_text_that_is_no_utf8_is_refused),
        cmocka_unit_test(test_codecs_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
