/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/opcode.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define NONE ((struct wsp_span){NULL, 0})

static const struct wsp_codec *const codec = &wsp_codec_json;

/* ---- encode ---- */

static struct wsp_frame frame_of(struct wsp_span id, struct wsp_span event,
                                 struct wsp_span payload)
{
    return (struct wsp_frame){
        .id = id,
        .event = event,
        .payload = payload,
        .has_payload = payload.len > 0,
    };
}

static void expect_encoded(struct wsp_span id, struct wsp_span event,
                           struct wsp_span payload, const char *text)
{
    struct wsp_frame frame = frame_of(id, event, payload);
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode = 0;
    struct wsp_diag diag;
    assert_int_equal(codec->encode(&frame, &out, &opcode, &diag), WSP_OK);
    assert_int_equal(opcode, WSP_OPCODE_TEXT);
    if (!wsp_span_equal((struct wsp_span){out.data, out.len},
                        wsp_span_of(text))) {
        fail_msg("%.*s, not %s", (int)out.len, out.data, text);
    }
    wsp_buf_fini(&out);
}

static void test_k1_one_object_in_order_as_text(void **state)
{
    (void)state;
    assert_int_equal(codec->opcode, WSP_OPCODE_TEXT);
    expect_encoded(SPAN("1"), SPAN("msg"), SPAN("{\"a\":1}"),
                   "{\"id\":\"1\",\"event\":\"msg\",\"payload\":{\"a\":1}}");
}

static void test_k2_what_is_empty_is_left_out(void **state)
{
    (void)state;
    expect_encoded(NONE, NONE, NONE, "{}");
    expect_encoded(SPAN(""), SPAN(""), SPAN(""), "{}");
    expect_encoded(SPAN("1"), NONE, NONE, "{\"id\":\"1\"}");
    expect_encoded(NONE, SPAN("e"), NONE, "{\"event\":\"e\"}");
    expect_encoded(NONE, NONE, SPAN("0"), "{\"payload\":0}");
    expect_encoded(SPAN("1"), NONE, SPAN("0"), "{\"id\":\"1\",\"payload\":0}");
    expect_encoded(NONE, SPAN("e"), SPAN("0"),
                   "{\"event\":\"e\",\"payload\":0}");
}

static void test_k3_a_payload_of_null_is_there(void **state)
{
    (void)state;
    expect_encoded(NONE, SPAN("e"), SPAN("null"),
                   "{\"event\":\"e\",\"payload\":null}");
}

static void test_k4_a_payload_of_any_kind(void **state)
{
    (void)state;
    expect_encoded(NONE, NONE, SPAN("[]"), "{\"payload\":[]}");
    expect_encoded(NONE, NONE, SPAN("{}"), "{\"payload\":{}}");
    expect_encoded(NONE, NONE, SPAN("\"<&>\""), "{\"payload\":\"<&>\"}");
    expect_encoded(NONE, NONE, SPAN("-1.50e3"), "{\"payload\":-1.50e3}");
    expect_encoded(NONE, NONE, SPAN("true"), "{\"payload\":true}");
    expect_encoded(NONE, NONE, SPAN(" [1 , 2] "), "{\"payload\": [1 , 2] }");
}

static void expect_refused(struct wsp_span payload)
{
    struct wsp_frame frame = frame_of(SPAN("1"), SPAN("e"), payload);
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode = 0;
    struct wsp_diag diag = {.message = ""};
    assert_true(wsp_buf_add(&out, "before", 6));
    assert_int_equal(codec->encode(&frame, &out, &opcode, &diag),
                     WSP_ERR_ENCODE);
    assert_int_equal(diag.code, WSP_ERR_ENCODE);
    assert_true(strlen(diag.message) > 0);
    assert_int_equal(codec->encode(&frame, &out, &opcode, NULL),
                     WSP_ERR_ENCODE);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "before", 6);
    wsp_buf_fini(&out);
}

static void test_k5_a_payload_that_is_no_json(void **state)
{
    (void)state;
    expect_refused(SPAN("{"));
    expect_refused(SPAN("plain"));
    expect_refused(SPAN(" "));
    expect_refused(SPAN("1 2"));
    expect_refused(SPAN("NaN"));
    expect_refused(SPAN("1}"));
    expect_refused(SPAN("\"\xFF\""));
}

static void test_a_checked_payload_is_not_checked_again(void **state)
{
    (void)state;
    struct wsp_frame frame = frame_of(NONE, NONE, SPAN("taken as it is"));
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode;
    frame.is_checked = true;
    assert_int_equal(codec->encode(&frame, &out, &opcode, NULL), WSP_OK);
    assert_true(wsp_span_equal((struct wsp_span){out.data, out.len},
                               SPAN("{\"payload\":taken as it is}")));
    wsp_buf_fini(&out);
}

static void test_the_output_is_appended(void **state)
{
    (void)state;
    struct wsp_frame frame = frame_of(SPAN("1"), NONE, NONE);
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode;
    assert_true(wsp_buf_add(&out, "before", 6));
    assert_int_equal(codec->encode(&frame, &out, &opcode, NULL), WSP_OK);
    assert_true(wsp_span_equal((struct wsp_span){out.data, out.len},
                               SPAN("before{\"id\":\"1\"}")));
    wsp_buf_fini(&out);
}

static void test_texts_are_escaped(void **state)
{
    (void)state;
    expect_encoded(SPAN("\"\\/"), SPAN("\b\f\n\r\t"), NONE,
                   "{\"id\":\"\\\"\\\\/\",\"event\":\"\\b\\f\\n\\r\\t\"}");
    expect_encoded(SPAN("\x00\x01\x1F\x7F"), NONE, NONE,
                   "{\"id\":\"\\u0000\\u0001\\u001f\x7F\"}");
    expect_encoded(SPAN("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"), NONE, NONE,
                   "{\"id\":\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"}");
    expect_encoded(SPAN("\xE2\x80\xA8\n"), NONE, NONE,
                   "{\"id\":\"\xE2\x80\xA8\\n\"}");
}

static void test_e7_invalid_utf8_in_texts_is_replaced(void **state)
{
    (void)state;
    expect_encoded(SPAN("a\xFFz"), SPAN("\xE2\x82"), NONE,
                   "{\"id\":\"a\xEF\xBF\xBDz\","
                   "\"event\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}");
    expect_encoded(SPAN("\xED\xA0\x80\""), NONE, NONE,
                   "{\"id\":\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"}");
}

/* ---- round trips ---- */

static bool round_trip(struct wsp_span id, struct wsp_span event,
                       struct wsp_span payload)
{
    struct wsp_frame out = frame_of(id, event, payload);
    struct wsp_frame in;
    struct wsp_buf text = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    uint8_t opcode;
    bool is_same = codec->encode(&out, &text, &opcode, NULL) == WSP_OK &&
                   codec->decode((struct wsp_span){text.data, text.len}, false,
                                 &scratch, &in, NULL) == WSP_OK &&
                   wsp_span_equal(in.id, id) &&
                   wsp_span_equal(in.event, event) &&
                   wsp_span_equal(in.payload, payload) &&
                   in.has_payload == (payload.len > 0);
    wsp_buf_fini(&text);
    wsp_buf_fini(&scratch);
    return is_same;
}

static void test_k6_hostile_44_round_trips_keep_every_byte(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"text\":\"hello\"}",
        "[1,2,3]",
        "\"a string\"",
        "42",
        "-0.5e10",
        "null",
        "true",
        "",
        "\"\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x8E\x89\"",
        "{\"a\":{\"b\":{\"c\":[1,{\"d\":null}]}}}",
        "[]",
        "{}",
        "9007199254740993",
        "12345678901234567",
        "1.0",
        "\"\\u00e9\\/\"",
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
        assert_true(
            round_trip(SPAN("id-1"), SPAN("msg"), wsp_span_of(payloads[i])));
    }
    assert_true(round_trip(SPAN("\"\\\n\xC3\xA9\x01"), SPAN("\t/"), SPAN("1")));
    struct wsp_buf payload = {NULL, 0, 0};
    wsp_buf_printf(&payload, "\"%010000d\"", 7);
    assert_true(round_trip(SPAN("1"), SPAN("e"),
                           (struct wsp_span){payload.data, payload.len}));
    wsp_buf_fini(&payload);
}

static void test_k11_the_output_does_not_share_the_payload(void **state)
{
    (void)state;
    char id[] = "1";
    char payload[] = "[1]";
    struct wsp_frame frame =
        frame_of(wsp_span_of(id), NONE, wsp_span_of(payload));
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode;
    assert_int_equal(codec->encode(&frame, &out, &opcode, NULL), WSP_OK);
    id[0] = 'x';
    memset(payload, 'x', 3);
    assert_true(wsp_span_equal((struct wsp_span){out.data, out.len},
                               SPAN("{\"id\":\"1\",\"payload\":[1]}")));
    wsp_buf_fini(&out);
}

static void *run_round_trips(void *arg)
{
    static const char payload[] = "{\"text\":\"from a thread\"}";
    char id[32];
    int *failed_count = arg;
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "%d\n%p", i, arg);
        *failed_count +=
            !round_trip(wsp_span_of(id), SPAN("msg"), SPAN(payload));
    }
    return NULL;
}

static void test_k12_fifty_concurrent_round_trips(void **state)
{
    (void)state;
    pthread_t threads[50];
    int failed_counts[50] = {0};
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_round_trips,
                                        &failed_counts[i]),
                         0);
    }
    for (size_t i = 0; i < 50; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed_counts[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_k1_one_object_in_order_as_text),
        cmocka_unit_test(test_k2_what_is_empty_is_left_out),
        cmocka_unit_test(test_k3_a_payload_of_null_is_there),
        cmocka_unit_test(test_k4_a_payload_of_any_kind),
        cmocka_unit_test(test_k5_a_payload_that_is_no_json),
        cmocka_unit_test(test_a_checked_payload_is_not_checked_again),
        cmocka_unit_test(test_the_output_is_appended),
        cmocka_unit_test(test_texts_are_escaped),
        cmocka_unit_test(test_e7_invalid_utf8_in_texts_is_replaced),
        cmocka_unit_test(test_k6_hostile_44_round_trips_keep_every_byte),
        cmocka_unit_test(test_k11_the_output_does_not_share_the_payload),
        cmocka_unit_test(test_k12_fifty_concurrent_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
