/* SPDX-License-Identifier: MIT */
#include "cli/bench_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Text "hello" in two fragments with a ping between them, an empty binary, a
 * close with 1001 "bye". */
static const uint8_t stream[] = {
    0x01, 3, 'h', 'e',  'l',           /* begins */
    0x89, 2, 'o', 'k',                 /* ping */
    0x80, 2, 'l', 'o',                 /* ends */
    0x82, 0,                           /* nothing */
    0x88, 5, 3,   0xe9, 'b', 'y', 'e', /* close */
    0x81, 1, 'x',                      /* behind the end */
};

static void feed(struct wsp_bench_reader *reader, const uint8_t *data,
                 size_t len, struct wsp_bench_reading *sum)
{
    struct wsp_bench_reading reading;
    assert_null(wsp_bench_reader_feed(reader, data, len, &reading));
    uint64_t messages = sum->messages + reading.messages;
    uint64_t bytes = sum->bytes + reading.bytes;
    if (reading.is_pinged) {
        *sum = reading;
    }
    if (reading.is_closed) {
        sum->is_closed = true;
        sum->close_code = reading.close_code;
        memcpy(sum->close_reason, reading.close_reason,
               sizeof sum->close_reason);
    }
    sum->messages = messages;
    sum->bytes = bytes;
}

/* However the stream is cut, the same comes out. */
static void any_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t step = 1; step <= sizeof stream; step++) {
        struct wsp_bench_reader reader = {0};
        struct wsp_bench_reading sum = {0};
        for (size_t at = 0; at < sizeof stream && !sum.is_closed; at += step) {
            size_t left = sizeof stream - at;
            feed(&reader, stream + at, left < step ? left : step, &sum);
        }
        assert_int_equal(2, sum.messages);
        assert_int_equal(5, sum.bytes);
        assert_true(sum.is_pinged);
        assert_int_equal(2, sum.ping_len);
        assert_memory_equal("ok", sum.ping, 2);
        assert_true(sum.is_closed);
        assert_int_equal(1001, sum.close_code);
        assert_string_equal("bye", sum.close_reason);
    }
}

/* Lengths on both sides of where the head grows. */
static void every_form_of_length_is_read(void **state)
{
    static const struct {
        uint8_t head[10];
        size_t head_len;
        size_t len;
    } cases[] = {
        {{0x82, 125}, 2, 125},
        {{0x82, 126, 0, 126}, 4, 126},
        {{0x82, 126, 0xff, 0xff}, 4, 65535},
        {{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10, 65536},
    };
    static uint8_t zeros[65536];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wsp_bench_reader reader = {0};
        struct wsp_bench_reading sum = {0};
        feed(&reader, cases[i].head, cases[i].head_len, &sum);
        feed(&reader, zeros, cases[i].len - 1, &sum);
        assert_int_equal(0, sum.messages);
        feed(&reader, zeros, 1, &sum);
        assert_int_equal(1, sum.messages);
        assert_int_equal(cases[i].len, sum.bytes);
    }
}

static void a_close_without_a_body_is_1005(void **state)
{
    static const uint8_t frame[] = {0x88, 0};
    struct wsp_bench_reader reader = {0};
    struct wsp_bench_reading sum = {0};
    (void)state;
    feed(&reader, frame, sizeof frame, &sum);
    assert_true(sum.is_closed);
    assert_int_equal(1005, sum.close_code);
}

static void what_no_server_may_send_is_named(void **state)
{
    static const struct {
        uint8_t head[4];
        const char *fault;
    } cases[] = {
        {{0x81, 0x81, 0, 0}, "masked"},
        {{0x83, 0, 0, 0}, "unknown opcode"},
        {{0x89, 126, 0, 126}, "too long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wsp_bench_reader reader = {0};
        struct wsp_bench_reading reading;
        const char *fault = wsp_bench_reader_feed(
            &reader, cases[i].head, sizeof cases[i].head, &reading);
        assert_non_null(fault);
        assert_non_null(strstr(fault, cases[i].fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(every_form_of_length_is_read),
        cmocka_unit_test(a_close_without_a_body_is_1005),
        cmocka_unit_test(what_no_server_may_send_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
