/* SPDX-License-Identifier: MIT */
/* What every codec promises, whatever its bytes look like: each rule runs
 * against each codec, on samples of its own encoding. */
#include "proto/codec.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec_subject.h"
#include "proto/opcode.h"
#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define NONE ((struct wsp_span){NULL, 0})

#define LEVELS_MAX 512 /* decisions D15 */

/* ---- frames there and back ---- */

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

static struct wsp_span span_of(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->len > 0 ? buf->data : "", buf->len};
}

static void encode(const struct codec_subject *subject,
                   const struct wsp_frame *frame, struct wsp_buf *out)
{
    uint8_t opcode = 0;
    struct wsp_diag diag = {.message = ""};
    if (subject->codec->encode(frame, out, &opcode, &diag) != WSP_OK) {
        fail_msg("encode: %s", diag.message);
    }
    assert_int_equal(opcode, subject->codec->opcode);
}

static void decode(const struct codec_subject *subject, struct wsp_span message,
                   struct wsp_buf *scratch, struct wsp_frame *frame)
{
    struct wsp_diag diag = {.message = ""};
    if (subject->codec->decode(message, false, scratch, frame, &diag) !=
        WSP_OK) {
        fail_msg("decode: %s", diag.message);
    }
}

static bool is_same(const struct wsp_frame *a, const struct wsp_frame *b)
{
    return wsp_span_equal(a->id, b->id) && wsp_span_equal(a->event, b->event) &&
           wsp_span_equal(a->payload, b->payload);
}

/* Encodes, decodes and encodes again. No assertions, for threads. */
static bool round_trip(const struct codec_subject *subject,
                       const struct wsp_frame *out)
{
    struct wsp_buf first = {NULL, 0, 0};
    struct wsp_buf second = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame in;
    uint8_t opcode;
    const struct wsp_codec *codec = subject->codec;
    bool is_kept =
        codec->encode(out, &first, &opcode, NULL) == WSP_OK &&
        codec->decode(span_of(&first), false, &scratch, &in, NULL) == WSP_OK &&
        is_same(out, &in) && wsp_span_equal(in.raw, span_of(&first)) &&
        codec->encode(&in, &second, &opcode, NULL) == WSP_OK &&
        wsp_span_equal(span_of(&first), span_of(&second));
    wsp_buf_fini(&first);
    wsp_buf_fini(&second);
    wsp_buf_fini(&scratch);
    return is_kept;
}

/* ---- the rules ---- */

static void test_is_found_by_its_name(void **state)
{
    const struct codec_subject *subject = *state;
    assert_ptr_equal(wsp_codec_find(subject->codec->name), subject->codec);
    assert_true(subject->codec->opcode == WSP_OPCODE_TEXT ||
                subject->codec->opcode == WSP_OPCODE_BINARY);
}

static void test_k6_round_trips_keep_every_byte(void **state)
{
    const struct codec_subject *subject = *state;
    bool has_texts = subject->has_envelope;
    for (size_t i = 0; subject->payloads[i].data; i++) {
        struct wsp_span payload = subject->payloads[i];
        struct wsp_frame frame = frame_of(NONE, NONE, payload);
        assert_true(round_trip(subject, &frame));
        frame = frame_of(has_texts ? SPAN("id-1") : NONE,
                         has_texts ? SPAN("chat.message") : NONE, payload);
        assert_true(round_trip(subject, &frame));
    }
}

static void test_texts_of_any_length_and_letters(void **state)
{
    const struct codec_subject *subject = *state;
    char *text = malloc(70000);
    assert_non_null(text);
    memset(text, 'x', 70000);
    struct wsp_frame frame = frame_of(NONE, NONE, NONE);
    static const size_t lens[] = {1, 31, 32, 255, 256, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
        struct wsp_span span = {text, lens[i]};
        *(subject->has_envelope ? &frame.id : &frame.payload) = span;
        assert_true(round_trip(subject, &frame));
    }
    free(text);
    if (subject->has_envelope) {
        frame = frame_of(SPAN("\"\\/\0\n\x7F"),
                         SPAN("\xF0\x9F\x98\x80\xC3\xA9"), NONE);
        assert_true(round_trip(subject, &frame));
    }
}

static void test_k7_an_empty_frame(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frames[] = {frame_of(NONE, NONE, NONE),
                                 frame_of(SPAN(""), SPAN(""), SPAN(""))};
    for (size_t i = 0; i < 2; i++) {
        out.len = 0;
        encode(subject, &frames[i], &out);
        assert_true(wsp_span_equal(span_of(&out), subject->empty));
    }
    decode(subject, subject->empty, &scratch, &frames[0]);
    assert_non_null(frames[0].id.data);
    assert_non_null(frames[0].event.data);
    assert_true(is_same(&frames[0], &frames[1]));
    assert_int_equal(frames[0].has_payload, !subject->has_envelope);
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

static void test_the_opcode_of_the_message_decides_nothing(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_frame frame;
    struct wsp_buf scratch = {NULL, 0, 0};
    for (int is_binary = 0; is_binary <= 1; is_binary++) {
        enum wsp_message_kind kind =
            is_binary ? WSP_MESSAGE_BINARY : WSP_MESSAGE_TEXT;
        assert_int_equal(subject->codec->decode(subject->empty, kind, &scratch,
                                                &frame, NULL),
                         WSP_OK);
        assert_int_equal(frame.binary, is_binary);
    }
    wsp_buf_fini(&scratch);
}

static void test_k9_nulls(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_frame nothing = frame_of(NONE, NONE, NONE);
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_frame with_null = frame_of(NONE, NONE, subject->null);
    encode(subject, &with_null, &out);
    decode(subject, span_of(&out), &scratch, &frame);
    assert_true(frame.has_payload);
    assert_true(wsp_span_equal(frame.payload, subject->null));
    decode(subject, subject->null_texts, &scratch, &frame);
    assert_true(is_same(&frame, &nothing) && !frame.has_payload);
    decode(subject, subject->top_null, &scratch, &frame);
    assert_true(is_same(&frame, &nothing) && !frame.has_payload);
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

static void test_k8_unknown_keys_are_ignored(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_frame known = frame_of(SPAN("1"), SPAN("e"), NONE);
    decode(subject, subject->unknown, &scratch, &frame);
    assert_true(is_same(&frame, &known) && !frame.has_payload);
    wsp_buf_fini(&scratch);
}

static void test_the_last_of_equal_keys_wins(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_frame last =
        frame_of(SPAN("2"), SPAN("f"), subject->twice_payload);
    decode(subject, subject->twice, &scratch, &frame);
    assert_true(is_same(&frame, &last) && frame.has_payload);
    wsp_buf_fini(&scratch);
}

static void test_invalid_utf8_in_texts_is_replaced(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame bad = frame_of(SPAN("a\xFFz"), SPAN("\xE2\x82"), NONE);
    struct wsp_frame good = frame_of(SPAN("a\xEF\xBF\xBDz"),
                                     SPAN("\xEF\xBF\xBD\xEF\xBF\xBD"), NONE);
    struct wsp_frame frame;
    encode(subject, &bad, &out);
    decode(subject, span_of(&out), &scratch, &frame);
    assert_true(is_same(&frame, &good));
    assert_int_equal(scratch.len, 0); /* it went out repaired */
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

/* ---- errors ---- */

static void expect_decode_error(const struct codec_subject *subject,
                                struct wsp_span message)
{
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame;
    struct wsp_diag diag = {.message = ""};
    assert_int_equal(
        subject->codec->decode(message, true, &scratch, &frame, &diag),
        WSP_ERR_DECODE);
    assert_int_equal(diag.code, WSP_ERR_DECODE);
    assert_true(strlen(diag.message) > 0);
    assert_int_equal(
        subject->codec->decode(message, true, &scratch, &frame, NULL),
        WSP_ERR_DECODE);
    wsp_buf_fini(&scratch);
}

static void test_k10_what_is_no_envelope_is_refused(void **state)
{
    const struct codec_subject *subject = *state;
    struct page_end page_end;
    page_end_init(&page_end, 4096);
    for (size_t i = 0; subject->malformed[i].data; i++) {
        expect_decode_error(subject,
                            page_end_span(&page_end, subject->malformed[i]));
    }
    page_end_fini(&page_end);
}

/* Every message that ends too early, in front of a forbidden page, and the
 * whole one with a byte too much. */
static void test_what_is_cut_or_trailed_is_refused(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct page_end page_end;
    struct wsp_frame in;
    page_end_init(&page_end, 4096);
    for (size_t i = 0; subject->payloads[i].data; i++) {
        struct wsp_frame frame =
            frame_of(SPAN("1"), SPAN("event"), subject->payloads[i]);
        out.len = 0;
        encode(subject, &frame, &out);
        for (size_t len = 0; len < out.len; len++) {
            struct wsp_span cut = {out.data, len};
            expect_decode_error(subject, page_end_span(&page_end, cut));
        }
        decode(subject, page_end_span(&page_end, span_of(&out)), &scratch, &in);
        assert_true(wsp_buf_add(&out, "\x01", 1));
        expect_decode_error(subject, span_of(&out));
    }
    page_end_fini(&page_end);
    wsp_buf_fini(&scratch);
    wsp_buf_fini(&out);
}

static void test_a_bad_payload_leaves_the_output_as_it_was(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode = 0;
    assert_true(wsp_buf_add(&out, "before", 6));
    for (size_t i = 0; subject->bad_payloads[i].data; i++) {
        struct wsp_frame frame =
            frame_of(SPAN("1"), NONE, subject->bad_payloads[i]);
        struct wsp_diag diag = {.message = ""};
        assert_int_equal(subject->codec->encode(&frame, &out, &opcode, &diag),
                         WSP_ERR_ENCODE);
        assert_int_equal(diag.code, WSP_ERR_ENCODE);
        assert_true(strlen(diag.message) > 0);
        assert_int_equal(subject->codec->encode(&frame, &out, &opcode, NULL),
                         WSP_ERR_ENCODE);
        assert_true(wsp_span_equal(span_of(&out), SPAN("before")));
    }
    wsp_buf_fini(&out);
}

static void test_a_checked_payload_is_taken_as_it_is(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_frame frame = frame_of(NONE, NONE, subject->bad_payloads[0]);
    struct wsp_buf out = {NULL, 0, 0};
    frame.is_checked = true;
    encode(subject, &frame, &out);
    assert_non_null(
        memmem(out.data, out.len, frame.payload.data, frame.payload.len));
    wsp_buf_fini(&out);
}

static struct wsp_span nest(const struct codec_subject *subject, int levels,
                            struct wsp_buf *out)
{
    out->len = 0;
    for (int i = 1; i < levels; i++) {
        assert_true(wsp_buf_add(out, subject->opening, 1));
    }
    assert_true(
        wsp_buf_add(out, subject->innermost, strlen(subject->innermost)));
    for (int i = 1; i < levels; i++) {
        assert_true(
            wsp_buf_add(out, subject->closing, strlen(subject->closing)));
    }
    return span_of(out);
}

/* The envelope is a level of its own when it comes back. */
static void test_nesting_is_bounded(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf payload = {NULL, 0, 0};
    struct wsp_buf out = {NULL, 0, 0};
    uint8_t opcode;
    struct wsp_frame frame =
        frame_of(NONE, NONE, nest(subject, LEVELS_MAX - 1, &payload));
    assert_true(round_trip(subject, &frame));
    frame = frame_of(NONE, NONE, nest(subject, LEVELS_MAX, &payload));
    encode(subject, &frame, &out);
    expect_decode_error(subject, span_of(&out));
    frame = frame_of(NONE, NONE, nest(subject, LEVELS_MAX + 1, &payload));
    assert_int_equal(subject->codec->encode(&frame, &out, &opcode, NULL),
                     WSP_ERR_ENCODE);
    wsp_buf_fini(&payload);
    wsp_buf_fini(&out);
}

/* ---- buffers ---- */

static void test_the_output_is_appended(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf alone = {NULL, 0, 0};
    struct wsp_frame frame = frame_of(SPAN("1"), NONE, subject->payloads[0]);
    encode(subject, &frame, &alone);
    assert_true(wsp_buf_add(&out, "before", 6));
    encode(subject, &frame, &out);
    assert_int_equal(out.len, 6 + alone.len);
    assert_memory_equal(out.data, "before", 6);
    assert_memory_equal(out.data + 6, alone.data, alone.len);
    wsp_buf_fini(&out);
    wsp_buf_fini(&alone);
}

/* K11: neither direction keeps a hold on what it was given. */
static void test_k11_buffers_are_independent(void **state)
{
    const struct codec_subject *subject = *state;
    struct wsp_span payload = subject->payloads[0];
    char *mine = malloc(payload.len);
    assert_non_null(mine);
    memcpy(mine, payload.data, payload.len);
    struct wsp_buf out = {NULL, 0, 0};
    struct wsp_buf again = {NULL, 0, 0};
    struct wsp_buf scratch = {NULL, 0, 0};
    struct wsp_frame frame =
        frame_of(NONE, NONE, (struct wsp_span){mine, payload.len});
    encode(subject, &frame, &out);
    memset(mine, '!', payload.len);
    decode(subject, span_of(&out), &scratch, &frame);
    assert_true(wsp_span_equal(frame.payload, payload));
    encode(subject, &frame, &again);
    memset(out.data, '!', out.len);
    decode(subject, span_of(&again), &scratch, &frame);
    assert_true(wsp_span_equal(frame.payload, payload));
    free(mine);
    wsp_buf_fini(&out);
    wsp_buf_fini(&again);
    wsp_buf_fini(&scratch);
}

struct run {
    const struct codec_subject *subject;
    int failed_count;
};

static void *run_round_trips(void *arg)
{
    struct run *run = arg;
    const struct codec_subject *subject = run->subject;
    char id[32];
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "%d\n%p", i, arg);
        struct wsp_frame frame =
            frame_of(subject->has_envelope ? wsp_span_of(id) : NONE, NONE,
                     subject->payloads[0]);
        run->failed_count += !round_trip(subject, &frame);
    }
    return NULL;
}

static void test_k12_fifty_concurrent_round_trips(void **state)
{
    pthread_t threads[50];
    struct run runs[50];
    for (size_t i = 0; i < 50; i++) {
        runs[i] = (struct run){*state, 0};
        assert_int_equal(
            pthread_create(&threads[i], NULL, run_round_trips, &runs[i]), 0);
    }
    for (size_t i = 0; i < 50; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(runs[i].failed_count, 0);
    }
}

/* ---- each rule for each codec ---- */

static const struct CMUnitTest rules[] = {
    cmocka_unit_test(test_is_found_by_its_name),
    cmocka_unit_test(test_k6_round_trips_keep_every_byte),
    cmocka_unit_test(test_texts_of_any_length_and_letters),
    cmocka_unit_test(test_k7_an_empty_frame),
    cmocka_unit_test(test_the_opcode_of_the_message_decides_nothing),
    cmocka_unit_test(test_a_bad_payload_leaves_the_output_as_it_was),
    cmocka_unit_test(test_a_checked_payload_is_taken_as_it_is),
    cmocka_unit_test(test_the_output_is_appended),
    cmocka_unit_test(test_k11_buffers_are_independent),
    cmocka_unit_test(test_k12_fifty_concurrent_round_trips),
};

static const struct CMUnitTest envelope_rules[] = {
    cmocka_unit_test(test_k8_unknown_keys_are_ignored),
    cmocka_unit_test(test_k9_nulls),
    cmocka_unit_test(test_the_last_of_equal_keys_wins),
    cmocka_unit_test(test_invalid_utf8_in_texts_is_replaced),
    cmocka_unit_test(test_k10_what_is_no_envelope_is_refused),
    cmocka_unit_test(test_what_is_cut_or_trailed_is_refused),
    cmocka_unit_test(test_nesting_is_bounded),
};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define TESTS_MAX (CODEC_SUBJECTS * (COUNT(rules) + COUNT(envelope_rules)))

struct suite {
    struct CMUnitTest tests[TESTS_MAX];
    char names[TESTS_MAX][80];
    size_t count;
};

static void add(struct suite *suite, const struct codec_subject *subject,
                const struct CMUnitTest *test)
{
    char *name = suite->names[suite->count];
    snprintf(name, sizeof(*suite->names), "%s: %s", subject->codec->name,
             test->name);
    suite->tests[suite->count++] = (struct CMUnitTest){
        .name = name,
        .test_func = test->test_func,
        .initial_state = (void *)subject,
    };
}

int main(void)
{
    struct suite suite = {.count = 0};
    for (size_t i = 0; i < CODEC_SUBJECTS; i++) {
        for (size_t rule = 0; rule < COUNT(rules); rule++) {
            add(&suite, &codec_subjects[i], &rules[rule]);
        }
        if (codec_subjects[i].has_envelope) {
            for (size_t rule = 0; rule < COUNT(envelope_rules); rule++) {
                add(&suite, &codec_subjects[i], &envelope_rules[rule]);
            }
        }
    }
    return _cmocka_run_group_tests("codec contract", suite.tests, suite.count,
                                   NULL, NULL);
}
