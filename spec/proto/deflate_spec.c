/* SPDX-License-Identifier: MIT */
#include "proto/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/packer.h"

static struct wsp_span span_of(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->data, buf->len};
}

/* Undone with a window of 2^bits, it is the message again. */
static void expect_unpacks(struct wsp_span packed, int bits,
                           struct wsp_span message)
{
    struct wsp_buf text = {0};
    assert_true(packer_unpack(packed, bits, &text));
    assert_int_equal(text.len, message.len);
    assert_memory_equal(text.data, message.data, text.len);
    wsp_buf_fini(&text);
}

static void test_each_window_is_kept_to(void **state)
{
    (void)state;
    struct wsp_deflater deflater = {.level = 0};
    struct wsp_buf text = {0};
    packer_write_text(1, 200000, &text);
    size_t smallest = text.len;
    for (uint8_t bits = 9; bits <= 15; bits++) {
        struct wsp_span packed =
            wsp_deflater_run(&deflater, span_of(&text), bits, 6);
        assert_non_null(packed.data);
        assert_in_range(packed.len, 1, smallest - 1);
        smallest = packed.len; /* a larger window finds more */
        expect_unpacks(packed, bits, span_of(&text));
    }
    wsp_buf_fini(&text);
    wsp_deflater_fini(&deflater);
}

static void test_each_level(void **state)
{
    (void)state;
    struct wsp_deflater deflater = {.level = 0};
    struct wsp_buf text = {0};
    size_t lens[10] = {0};
    packer_write_text(2, 50000, &text);
    for (int level = 1; level <= 9; level++) {
        struct wsp_span packed =
            wsp_deflater_run(&deflater, span_of(&text), 15, level);
        expect_unpacks(packed, 15, span_of(&text));
        lens[level] = packed.len;
    }
    assert_in_range(lens[9], 1, lens[1] - 1);
    wsp_buf_fini(&text);
    wsp_deflater_fini(&deflater);
}

/* Nothing of one message is in the next: it unpacks alone, and the same one
 * gives the same again. */
static void test_messages_have_no_context(void **state)
{
    (void)state;
    struct wsp_deflater deflater = {.level = 0};
    struct wsp_buf text = {0};
    struct wsp_buf first = {0};
    packer_write_text(3, 3000, &text);
    struct wsp_span packed = wsp_deflater_run(&deflater, span_of(&text), 15, 1);
    assert_true(wsp_buf_add(&first, packed.data, packed.len));
    for (int i = 0; i < 3; i++) {
        packed = wsp_deflater_run(&deflater, span_of(&text), 15, 1);
        assert_int_equal(packed.len, first.len);
        assert_memory_equal(packed.data, first.data, first.len);
        expect_unpacks(packed, 15, span_of(&text));
    }
    wsp_buf_fini(&first);
    wsp_buf_fini(&text);
    wsp_deflater_fini(&deflater);
}

static void test_only_what_gets_shorter(void **state)
{
    (void)state;
    struct wsp_deflater deflater = {.level = 0};
    struct wsp_buf noise = {0};
    packer_write_noise(4, 100000, &noise);
    static const size_t lens[] = {0, 1, 2, 10, 1024, 70000, 100000};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct wsp_span message = {noise.data, lens[i]};
        assert_null(wsp_deflater_run(&deflater, message, 15, 9).data);
    }
    /* And one that does is not kept from it by those before. */
    struct wsp_span zeros = wsp_span_of("0000000000000000000000000");
    struct wsp_span packed = wsp_deflater_run(&deflater, zeros, 15, 9);
    expect_unpacks(packed, 9, zeros);
    wsp_buf_fini(&noise);
    wsp_deflater_fini(&deflater);
}

/* Every length where the result is about as long as the message. */
static void test_the_border_of_what_pays(void **state)
{
    (void)state;
    struct wsp_deflater deflater = {.level = 0};
    struct wsp_buf text = {0};
    size_t shorter_count = 0;
    for (size_t len = 0; len < 64; len++) {
        wsp_buf_reset(&text, 1024);
        packer_write_noise(5, len, &text);
        packer_write_text(5, 64 - len, &text);
        struct wsp_span packed =
            wsp_deflater_run(&deflater, span_of(&text), 9, 1);
        if (packed.data) {
            shorter_count++;
            assert_in_range(packed.len, 1, text.len - 1);
            expect_unpacks(packed, 9, span_of(&text));
        }
    }
    assert_in_range(shorter_count, 1, 63);
    wsp_buf_fini(&text);
    wsp_deflater_fini(&deflater);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_window_is_kept_to),
        cmocka_unit_test(test_each_level),
        cmocka_unit_test(test_messages_have_no_context),
        cmocka_unit_test(test_only_what_gets_shorter),
        cmocka_unit_test(test_the_border_of_what_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
