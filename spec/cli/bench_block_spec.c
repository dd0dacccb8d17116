/* SPDX-License-Identifier: MIT */
#include "cli/bench_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Takes the mask off a payload. */
static void unmask(uint8_t *payload, size_t len, const uint8_t *key)
{
    for (size_t i = 0; i < len; i++) {
        payload[i] ^= key[i % 4];
    }
}

static struct wsp_bench_block make(uint32_t size, bool is_envelope)
{
    struct wsp_bench_settings settings = {
        .depth = 3, .size = size, .is_envelope = is_envelope, .event = "bench"};
    struct wsp_bench_block block;
    assert_true(wsp_bench_block_init(&block, &settings));
    return block;
}

static void a_head_has_the_form_that_its_length_asks_for(void **state)
{
    static const struct {
        uint32_t size;
        size_t head_len;
        uint8_t head[10];
    } cases[] = {
        {0, 2, {0x81, 0x80}},
        {125, 2, {0x81, 0xfd}},
        {126, 4, {0x81, 0xfe, 0, 126}},
        {65535, 4, {0x81, 0xfe, 0xff, 0xff}},
        {65536, 10, {0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wsp_bench_block block = make(cases[i].size, false);
        assert_int_equal(cases[i].size, block.payload_len);
        assert_int_equal(cases[i].head_len + 4 + cases[i].size,
                         block.frame_len);
        for (size_t frame = 0; frame < 3; frame++) {
            assert_memory_equal(cases[i].head,
                                block.data + frame * block.frame_len,
                                cases[i].head_len);
        }
        wsp_bench_block_fini(&block);
    }
}

static void a_text_is_masked_and_readable(void **state)
{
    (void)state;
    struct wsp_bench_block block = make(9, false);
    uint8_t *key = block.data + 2;
    assert_memory_not_equal("the quick", key + 4, 9);
    unmask(key + 4, 9, key);
    assert_memory_equal("the quick", key + 4, 9);
    wsp_bench_block_fini(&block);
}

static void an_envelope_has_the_size_that_was_asked_for(void **state)
{
    static const char front[] =
        "{\"id\":\"b3nch\",\"event\":\"bench\",\"payload\":{\"text\":\"the ";
    (void)state;
    struct wsp_bench_block block = make(100, true);
    uint8_t *key = block.data + 2;
    assert_int_equal(100, block.payload_len);
    unmask(key + 4, 100, key);
    assert_memory_equal(front, key + 4, sizeof(front) - 1);
    assert_memory_equal("\"}}", key + 4 + 97, 3);
    wsp_bench_block_fini(&block);
    block = make(1, true);
    assert_in_range(block.payload_len, 40, 60);
    wsp_bench_block_fini(&block);
}

static void a_control_frame_is_masked_and_short(void **state)
{
    static const uint8_t long_body[200];
    uint8_t out[WSP_BENCH_CONTROL_MAX];
    (void)state;
    assert_int_equal(8, wsp_bench_control(out, 0x9, (const uint8_t *)"hi", 2));
    assert_int_equal(0x89, out[0]);
    assert_int_equal(0x82, out[1]);
    unmask(out + 6, 2, out + 2);
    assert_memory_equal("hi", out + 6, 2);
    assert_int_equal(WSP_BENCH_CONTROL_MAX,
                     wsp_bench_control(out, 0xa, long_body, sizeof long_body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_has_the_form_that_its_length_asks_for),
        cmocka_unit_test(a_text_is_masked_and_readable),
        cmocka_unit_test(an_envelope_has_the_size_that_was_asked_for),
        cmocka_unit_test(a_control_frame_is_masked_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
