/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define NONE ((struct wsp_span){NULL, 0})

static const struct wsp_codec *const codec = &wsp_codec_json;

struct decoded {
    struct wsp_buf scratch;
    struct page_end memory;
    struct wsp_frame frame;
    struct wsp_diag diag;
    enum wsp_err result;
};

/* Decodes a text that ends at a forbidden page. */
static struct decoded decode(struct wsp_span message)
{
    struct decoded decoded = {.result = WSP_OK};
    page_end_init(&decoded.memory, message.len);
    decoded.result =
        codec->decode(page_end_span(&decoded.memory, message), false,
                      &decoded.scratch, &decoded.frame, &decoded.diag);
    return decoded;
}

static void decoded_fini(struct decoded *decoded)
{
    wsp_buf_fini(&decoded->scratch);
    page_end_fini(&decoded->memory);
}

static void expect_span(struct wsp_span found, const char *text,
                        struct wsp_span message)
{
    if (!found.data || !wsp_span_equal(found, wsp_span_of(text))) {
        fail_msg("%.*s, not %s in %.*s", (int)found.len, found.data, text,
                 (int)message.len, message.data);
    }
}

/* A payload of NULL means that there is none. */
static void expect_decoded(struct wsp_span message, const char *id,
                           const char *event, const char *payload)
{
    struct decoded decoded = decode(message);
    if (decoded.result != WSP_OK) {
        fail_msg("%s: %.*s", decoded.diag.message, (int)message.len,
                 message.data);
    }
    expect_span(decoded.frame.id, id, message);
    expect_span(decoded.frame.event, event, message);
    assert_int_equal(decoded.frame.has_payload, payload != NULL);
    if (payload) {
        expect_span(decoded.frame.payload, payload, message);
    } else {
        assert_int_equal(decoded.frame.payload.len, 0);
    }
    assert_true(wsp_span_equal(decoded.frame.raw, message));
    decoded_fini(&decoded);
}

static void expect_broken(struct wsp_span message)
{
    struct decoded decoded = decode(message);
    if (decoded.result != WSP_ERR_DECODE) {
        fail_msg("accepted: %.*s", (int)message.len, message.data);
    }
    assert_int_equal(decoded.diag.code, WSP_ERR_DECODE);
    assert_true(strlen(decoded.diag.message) > 0);
    decoded_fini(&decoded);
}

static void test_k7_d1_d2_absent_members(void **state)
{
    (void)state;
    expect_decoded(SPAN("{}"), "", "", NULL);
    expect_decoded(SPAN("{\"id\":\"1\"}"), "1", "", NULL);
    expect_decoded(SPAN("{\"event\":\"e\"}"), "", "e", NULL);
    expect_decoded(SPAN("{\"payload\":1}"), "", "", "1");
}

static void test_k8_d3_unknown_members(void **state)
{
    (void)state;
    expect_decoded(
        SPAN("{\"version\":2,\"event\":\"e\",\"extra\":{\"id\":\"x\","
             "\"payload\":[1]},\"id\":\"1\"}"),
        "1", "e", NULL);
    expect_decoded(SPAN("{\"\":0,\"i\":1,\"idd\":2,\"Payload\":3}"), "", "",
                   NULL);
}

static void test_k9_d4_a_payload_of_null(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"payload\":null}"), "", "", "null");
}

static void test_d5_a_payload_is_kept_verbatim(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "0",
        "-1.50e+3",
        "true",
        "\"a\\u0062\\n\"",
        "[]",
        "[ 1 , 2 ]",
        "{ }",
        "{\"a\" : [ ]}",
        "9007199254740993",
        "1.0",
        "\"\xC3\xA9\"",
        "\"\\ud800\"",
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
        char message[128];
        snprintf(message, sizeof(message),
                 "{\"payload\" :\t%s \n, \"event\":\"e\"}", payloads[i]);
        expect_decoded(wsp_span_of(message), "", "e", payloads[i]);
    }
}

static void test_d6_null_texts_are_empty(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"id\":null,\"event\":null}"), "", "", NULL);
}

static void test_d7_texts_of_another_kind(void **state)
{
    (void)state;
    expect_broken(SPAN("{\"id\":1}"));
    expect_broken(SPAN("{\"id\":true}"));
    expect_broken(SPAN("{\"event\":{}}"));
    expect_broken(SPAN("{\"event\":[\"e\"]}"));
    expect_broken(SPAN("{\"event\":1,\"event\":\"e\"}"));
}

static void test_k10_d8_d9_d10_what_is_no_envelope(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "",
        " ",
        "\n\t",
        "{",
        "}",
        "{\"",
        "{\"id\"",
        "{\"id\":",
        "{\"id\":\"",
        "{\"id\":\"1",
        "{\"id\":\"1\"",
        "{\"id\":\"1\",",
        "{\"id\":\"1\",}",
        "{,}",
        "{\"payload\":}",
        "{\"payload\":{}",
        "{\"payload\":[1}}",
        "{\"payload\":tru}",
        "{\"payload\":1 2}",
        "{\"payload\" 1}",
        "{id:1}",
        "{}{}",
        "{}x",
        "{},",
        "{\"id\":\"1\"}{\"id\":\"2\"}",
        "hello",
        "[]",
        "[{}]",
        "\"text\"",
        "1",
        "0",
        "true",
        "false",
        "nul",
        "nullx",
        "null null",
        "null,",
        "{\"payload\":NaN}",
        "{\"payload\":Infinity}",
        "{\"payload\":0x10}",
        "{\"payload\":01}",
        "{\"x\":'a'}",
        "{\"id\":\"\n\"}",
        "{\"id\":\"\\x\"}",
        "{\"id\":\"\\ud8\"}",
        "{\"\\q\":1}",
        "{\"a\":1,\"b\"}",
        "{\"a\"::1}",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
        expect_broken(wsp_span_of(messages[i]));
    }
    expect_broken(SPAN("{}\0"));
    expect_broken(NONE);
}

static void test_d11_top_level_null_is_an_empty_frame(void **state)
{
    (void)state;
    expect_decoded(SPAN("null"), "", "", NULL);
    expect_decoded(SPAN(" null\n"), "", "", NULL);
}

static void test_d12_space_around_but_no_bom(void **state)
{
    (void)state;
    expect_decoded(SPAN(" \t\r\n{ \"id\" : \"1\" , \"payload\" : 2 } \n"), "1",
                   "", "2");
    expect_decoded(SPAN("{ }"), "", "", NULL);
    expect_broken(SPAN("\xEF\xBB\xBF{}"));
}

static void test_d13_the_last_of_several_stays(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"id\":\"1\",\"payload\":1,\"id\":\"2\","
                        "\"payload\":[2],\"event\":\"a\",\"event\":\"b\"}"),
                   "2", "b", "[2]");
    expect_decoded(SPAN("{\"id\":\"1\",\"id\":null}"), "", "", NULL);
}

static void test_d14_keys_in_exact_case(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"Event\":\"x\",\"PAYLOAD\":1,\"ID\":2}"), "", "",
                   NULL);
}

static void test_keys_may_be_escaped(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"\\u0065vent\":\"e\",\"\\u0069\\u0064\":\"1\","
                        "\"payloa\\u0064\":2}"),
                   "1", "e", "2");
    expect_decoded(SPAN("{\"even\\u0074\\u0000\":\"e\",\"\\u00e9vent\":\"f\","
                        "\"event\\n\":\"g\",\"eve\\u006e\":\"h\"}"),
                   "", "", NULL);
}

/* A message with a payload that nests `depth` levels. */
static struct wsp_span nested(char *out, size_t depth)
{
    static const char start[] = "{\"payload\":";
    size_t len = sizeof(start) - 1;
    memcpy(out, start, len);
    memset(out + len, '[', depth);
    memset(out + len + depth, ']', depth);
    out[len + 2 * depth] = '}';
    return (struct wsp_span){out, len + 2 * depth + 1};
}

static void test_d15_nesting(void **state)
{
    (void)state;
    char *out = malloc(30000);
    assert_non_null(out);
    struct wsp_span message = nested(out, 511);
    struct decoded decoded = decode(message);
    assert_int_equal(decoded.result, WSP_OK);
    assert_int_equal(decoded.frame.payload.len, 1022);
    decoded_fini(&decoded);
    expect_broken(nested(out, 512));
    expect_broken(nested(out, 10000));
    free(out);
}

static void test_d16_what_is_no_character_is_replaced(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"id\":\"a\xFFz\",\"event\":\"\xE2\x82\"}"),
                   "a\xEF\xBF\xBDz", "\xEF\xBF\xBD\xEF\xBF\xBD", NULL);
    expect_decoded(SPAN("{\"id\":\"\\ud800\",\"event\":\"\\udc00x\"}"),
                   "\xEF\xBF\xBD", "\xEF\xBF\xBDx", NULL);
    expect_decoded(SPAN("{\"id\":\"\\ud800\\u005A\",\"event\":\"\\ud800\\n\"}"),
                   "\xEF\xBF\xBDZ", "\xEF\xBF\xBD\n", NULL);
    expect_decoded(SPAN("{\"id\":\"\\ud800\\ud83d\\ude00\"}"),
                   "\xEF\xBF\xBD\xF0\x9F\x98\x80", "", NULL);
    expect_decoded(SPAN("{\"payload\":\"\xFF\\ud800\"}"), "", "",
                   "\"\xFF\\ud800\"");
}

static void test_texts_are_unescaped(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"id\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
                   "\"\\/\b\f\n\r\t", "", NULL);
    expect_decoded(SPAN("{\"id\":\"\\u00e9\\u20AC\\ud83d\\uDE00x\","
                        "\"event\":\"\\u0041\"}"),
                   "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80x", "A", NULL);
    expect_decoded(SPAN("{\"id\":\"plain\",\"event\":\"\\u007f\\u0080\"}"),
                   "plain", "\x7F\xC2\x80", NULL);
    struct decoded decoded = decode(SPAN("{\"id\":\"a\\u0000b\"}"));
    assert_int_equal(decoded.result, WSP_OK);
    assert_true(wsp_span_equal(decoded.frame.id, SPAN("a\0b")));
    decoded_fini(&decoded);
}

static void test_plain_texts_are_not_copied(void **state)
{
    (void)state;
    static const char message[] =
        "{\"id\":\"gr\xC3\xBC\xC3\x9F\",\"event\":\"e\",\"payload\":[\"\\n\"]}";
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_span span = SPAN(message);
    assert_int_equal(codec->decode(span, true, &scratch, &frame, NULL), WSP_OK);
    assert_ptr_equal(frame.id.data, message + 7);
    assert_ptr_equal(frame.event.data, strstr(message, "e\",\"payload"));
    assert_ptr_equal(frame.payload.data, strchr(message, '['));
    assert_null(scratch.data);
    assert_true(frame.binary);
}

static void test_the_scratch_is_emptied_first(void **state)
{
    (void)state;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            codec->decode(SPAN("{\"id\":\"\\n\",\"event\":\"\\t\"}"), false,
                          &scratch, &frame, NULL),
            WSP_OK);
        assert_int_equal(scratch.len, 2);
        assert_true(wsp_span_equal(frame.id, SPAN("\n")));
        assert_true(wsp_span_equal(frame.event, SPAN("\t")));
    }
    wsp_buf_fini(&scratch);
}

/* ---- hostile 42 to 45 ---- */

static void test_hostile_42_a_megabyte_of_escapes(void **state)
{
    (void)state;
    struct wsp_buf message = {NULL, 0, 0};
    wsp_buf_printf(&message, "{\"event\":\"");
    for (int i = 0; i < 170000; i++) {
        wsp_buf_add(&message, "\\u0000", 6);
    }
    wsp_buf_printf(&message, "\"}");
    struct decoded decoded =
        decode((struct wsp_span){message.data, message.len});
    assert_int_equal(decoded.result, WSP_OK);
    assert_int_equal(decoded.frame.event.len, 170000);
    assert_int_equal(decoded.frame.event.data[169999], 0);
    decoded_fini(&decoded);
    wsp_buf_fini(&message);
}

static void test_hostile_45_strange_events(void **state)
{
    (void)state;
    expect_decoded(SPAN("{\"event\":\"__index\"}"), "", "__index", NULL);
    expect_decoded(SPAN("{\"event\":\"../x\"}"), "", "../x", NULL);
    expect_decoded(SPAN("{\"event\":\"\\u001b[31m\\r\\n\"}"), "",
                   "\x1B[31m\r\n", NULL);
    expect_decoded(SPAN("{\"event\":\"\"}"), "", "", NULL);
}

static void test_k11_decode_leaves_the_message_as_it_is(void **state)
{
    (void)state;
    static const char message[] =
        "{\"id\":\"\\u0041\",\"event\":\"\xFF\",\"payload\":\"\\n\"}";
    char copy[sizeof(message)];
    memcpy(copy, message, sizeof(message));
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    assert_int_equal(codec->decode((struct wsp_span){copy, sizeof(copy) - 1},
                                   false, &scratch, &frame, NULL),
                     WSP_OK);
    assert_memory_equal(copy, message, sizeof(message));
    wsp_buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_k7_d1_d2_absent_members),
        cmocka_unit_test(test_k8_d3_unknown_members),
        cmocka_unit_test(test_k9_d4_a_payload_of_null),
        cmocka_unit_test(test_d5_a_payload_is_kept_verbatim),
        cmocka_unit_test(test_d6_null_texts_are_empty),
        cmocka_unit_test(test_d7_texts_of_another_kind),
        cmocka_unit_test(test_k10_d8_d9_d10_what_is_no_envelope),
        cmocka_unit_test(test_d11_top_level_null_is_an_empty_frame),
        cmocka_unit_test(test_d12_space_around_but_no_bom),
        cmocka_unit_test(test_d13_the_last_of_several_stays),
        cmocka_unit_test(test_d14_keys_in_exact_case),
        cmocka_unit_test(test_keys_may_be_escaped),
        cmocka_unit_test(test_d15_nesting),
        cmocka_unit_test(test_d16_what_is_no_character_is_replaced),
        cmocka_unit_test(test_texts_are_unescaped),
        cmocka_unit_test(test_plain_texts_are_not_copied),
        cmocka_unit_test(test_the_scratch_is_emptied_first),
        cmocka_unit_test(test_hostile_42_a_megabyte_of_escapes),
        cmocka_unit_test(test_hostile_45_strange_events),
        cmocka_unit_test(test_k11_decode_leaves_the_message_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
