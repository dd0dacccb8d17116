/* SPDX-License-Identifier: MIT */
/* Hostile 39 for the bytes of a compressed message alone. */
#include "proto/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/packer.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define KIB 1024u

/* A pool with a budget, and an inflater of it. */
struct world {
    struct wsp_inflate_pool pool;
    struct wsp_inflater *inflater;
    struct wsp_buf out; /* what the last message gave */
};

static void world_init(struct world *world, uint8_t window_bits)
{
    *world = (struct world){.pool.max_bytes = 1 << 20};
    world->inflater = wsp_inflate_pool_lend(&world->pool, window_bits);
    assert_non_null(world->inflater);
}

static void world_fini(struct world *world)
{
    wsp_inflate_pool_return(&world->pool, world->inflater);
    assert_int_equal(world->pool.lent_count, 0);
    assert_int_equal(world->pool.held_bytes, 0);
    wsp_inflate_pool_fini(&world->pool);
    wsp_buf_fini(&world->out);
}

/* Somebody else's connection: the pool lends again what it was given back. */
static void hand_on(struct world *world)
{
    wsp_inflate_pool_return(&world->pool, world->inflater);
    world->inflater = wsp_inflate_pool_lend(&world->pool, 15);
    assert_non_null(world->inflater);
}

/* Inflates a piece into rooms of `room` bytes. */
static enum wsp_inflate_result feed(struct world *world, struct wsp_span piece,
                                    size_t room)
{
    struct wsp_inflate_run run = {(const uint8_t *)piece.data, piece.len, NULL,
                                  0};
    enum wsp_inflate_result result;
    do {
        assert_true(wsp_buf_reserve(&world->out, room));
        run.out = (uint8_t *)world->out.data + world->out.len;
        run.room = room;
        result = wsp_inflater_run(world->inflater, &run);
        world->out.len += room - run.room;
    } while (result == WSP_INFLATE_FULL);
    if (result == WSP_INFLATE_MORE) {
        assert_int_equal(run.in_len, 0);
    }
    return result;
}

/* Inflates a message in pieces. */
static enum wsp_inflate_result inflate_cut(struct world *world,
                                           struct wsp_span message,
                                           size_t piece, size_t room)
{
    enum wsp_inflate_result result = WSP_INFLATE_MORE;
    world->out.len = 0;
    while (message.len > 0 && result == WSP_INFLATE_MORE) {
        size_t len = piece < message.len ? piece : message.len;
        result = feed(world, (struct wsp_span){message.data, len}, room);
        message.data += len;
        message.len -= len;
    }
    return result == WSP_INFLATE_MORE ? wsp_inflater_end(world->inflater)
                                      : result;
}

static enum wsp_inflate_result inflate_all(struct world *world,
                                           struct wsp_span message)
{
    return inflate_cut(world, message, SIZE_MAX, 64 * KIB);
}

static void expect_text(struct world *world, struct wsp_span text)
{
    assert_int_equal(world->out.len, text.len);
    if (text.len) {
        assert_memory_equal(world->out.data, text.data, text.len);
    }
}

static void expect_whole(struct world *world, struct wsp_span message,
                         struct wsp_span text)
{
    assert_int_equal(inflate_all(world, message), WSP_INFLATE_MORE);
    expect_text(world, text);
}

static struct wsp_span span_of(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->data, buf->len};
}

/* ---- well-formed messages ---- */

static void test_the_examples_of_the_rfc(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 15);
    struct wsp_span hello = SPAN("Hello");
    /* RFC 7692 §7.2.3.1 to §7.2.3.6 */
    expect_whole(&world, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), hello);
    expect_whole(&world, SPAN("\xf2\x00\x11\x00\x00"), hello);
    expect_whole(&world, SPAN("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
                 hello);
    expect_whole(&world, SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello);
    expect_whole(&world,
                 SPAN("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
                 hello);
    expect_whole(&world, SPAN("\x00"), SPAN(""));
    world_fini(&world);
}

static void test_empty_messages(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 15);
    expect_whole(&world, SPAN(""), SPAN(""));
    expect_whole(&world, SPAN("\x00"), SPAN(""));
    expect_whole(&world, SPAN("\x02\x00"), SPAN("")); /* fixed codes */
    expect_whole(&world, SPAN("\x03\x00"), SPAN("")); /* a last block */
    expect_whole(&world, SPAN("\x03\x00\x00"), SPAN(""));
    expect_whole(&world, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), SPAN("Hello"));
    world_fini(&world);
}

/* However it is cut, and however little room there is, the same comes out. */
static void test_pieces_and_rooms_of_any_size(void **state)
{
    (void)state;
    struct world world;
    struct wsp_buf text = {0};
    struct wsp_buf packed = {0};
    packer_write_text(1, 5000, &text);
    packer_pack(span_of(&text), &packed);
    world_init(&world, 15);
    static const size_t sizes[] = {1, 2, 3, 7, 63, 64 * KIB};
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 6; k++) {
            assert_int_equal(
                inflate_cut(&world, span_of(&packed), sizes[i], sizes[k]),
                WSP_INFLATE_MORE);
            expect_text(&world, span_of(&text));
        }
    }
    world_fini(&world);
    wsp_buf_fini(&packed);
    wsp_buf_fini(&text);
}

/* Blocks may follow one that is marked as the last, with the window as it was
 * (RFC 7692 §7.2.1): within a message, and over the end of one. */
static void test_the_window_outlives_a_last_block(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 15);
    expect_whole(&world,
                 SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"),
                 SPAN("HelloHello"));
    expect_whole(&world, SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00"), SPAN("Hello"));
    expect_whole(&world, SPAN("\xf2\x00\x11\x00\x00"), SPAN("Hello"));
    world_fini(&world);
}

static void test_a_context_goes_on_from_message_to_message(void **state)
{
    (void)state;
    for (int bits = 9; bits <= 15; bits++) {
        struct world world;
        struct packer packer;
        struct wsp_buf text = {0};
        struct wsp_buf packed = {0};
        world_init(&world, (uint8_t)bits);
        packer_init(&packer, bits, 6);
        size_t first_len = 0;
        packer_write_noise(2, 200, &text);
        for (int i = 0; i < 5; i++) {
            packed.len = 0;
            packer_add(&packer, span_of(&text), &packed);
            expect_whole(&world, span_of(&packed), span_of(&text));
            first_len = i == 0 ? packed.len : first_len;
        }
        /* The last one was little more than a reference to the one before. */
        assert_in_range(packed.len, 1, first_len / 2);
        packer_fini(&packer);
        wsp_buf_fini(&packed);
        wsp_buf_fini(&text);
        world_fini(&world);
    }
}

/* ---- hostile ones ---- */

static void test_hostile_39_no_context_is_kept_honest(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 15);
    expect_whole(&world, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), SPAN("Hello"));
    hand_on(&world);
    /* Five bytes from before: another connection's text. */
    assert_int_equal(inflate_all(&world, SPAN("\xf2\x00\x11\x00\x00")),
                     WSP_INFLATE_BAD);
    expect_text(&world, SPAN("H"));
    hand_on(&world);
    expect_whole(&world, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), SPAN("Hello"));
    world_fini(&world);
}

static void test_hostile_39_a_stream_that_is_cut_short(void **state)
{
    (void)state;
    struct world world;
    struct wsp_buf text = {0};
    struct wsp_buf packed = {0};
    packer_write_text(3, 2000, &text);
    packer_pack(span_of(&text), &packed);
    struct wsp_span last = SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00");
    struct wsp_span stored =
        SPAN("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00");
    struct wsp_span fixed = SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00");
    struct wsp_span messages[] = {span_of(&packed), stored, fixed, last};
    world_init(&world, 15);
    for (size_t i = 0; i < 4; i++) {
        for (size_t len = 1; len < messages[i].len; len++) {
            struct wsp_span cut = {messages[i].data, len};
            bool is_empty_block = len == 1 && cut.data[0] == 0;
            assert_int_equal(inflate_all(&world, cut), is_empty_block
                                                           ? WSP_INFLATE_MORE
                                                           : WSP_INFLATE_BAD);
            hand_on(&world);
        }
    }
    world_fini(&world);
    wsp_buf_fini(&packed);
    wsp_buf_fini(&text);
}

static void test_hostile_39_garbage(void **state)
{
    (void)state;
    static const struct wsp_span rows[] = {
        {"\xf3\x48\xcd\xc9\xc9\x07\x00garbage", 14}, /* behind a last block */
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00garbage", 15},
        {"\xf2\x48\xcd\xc9\xc9\x07\x00\x06", 8}, /* a block of no kind */
        {"\xf2\x48\xcd\xc9\xc9\x07\x00\x00", 8}, /* half a length */
        {"\x00\x05\x00\x05\x00Hello", 10},       /* a length that is none */
        {"\xff\xff\xff\xff", 4},
        {"Hello", 5},
        {"\x78\x9c\xf3\x48\xcd\xc9\xc9\x07\x00", 9}, /* zlib's header */
        {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10},
    };
    struct world world;
    world_init(&world, 15);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(inflate_all(&world, rows[i]), WSP_INFLATE_BAD);
        hand_on(&world);
        assert_int_equal(inflate_cut(&world, rows[i], 1, 1), WSP_INFLATE_BAD);
        hand_on(&world);
    }
    expect_whole(&world, SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), SPAN("Hello"));
    world_fini(&world);
}

/* `far` bytes of noise, then their first ones again. */
static void write_reference(size_t far, struct wsp_buf *text)
{
    packer_write_noise(4, far, text);
    assert_true(wsp_buf_reserve(text, 100));
    assert_true(wsp_buf_add(text, text->data, 100));
}

/* A client that said it keeps to a small window is held to it. */
static void test_hostile_39_windows(void **state)
{
    (void)state;
    for (uint8_t bits = 8; bits <= 15; bits++) {
        for (int is_too_far = 0; is_too_far <= 1; is_too_far++) {
            struct world world;
            struct wsp_buf text = {0};
            struct wsp_buf packed = {0};
            size_t window = (size_t)1 << bits;
            if (is_too_far && bits == 15) {
                continue; /* deflate can say no more */
            }
            write_reference(is_too_far ? window + 30 : window - 30, &text);
            packer_pack(span_of(&text), &packed);
            world_init(&world, bits);
            /* One byte of room at a time: the window alone remembers. */
            assert_int_equal(inflate_cut(&world, span_of(&packed), SIZE_MAX, 1),
                             is_too_far ? WSP_INFLATE_BAD : WSP_INFLATE_MORE);
            world_fini(&world);
            wsp_buf_fini(&packed);
            wsp_buf_fini(&text);
        }
    }
}

/* A million bytes in a thousand: whoever gives little room gets little. */
static void test_hostile_39_a_bomb_stops_where_the_room_ends(void **state)
{
    (void)state;
    struct world world;
    struct wsp_buf text = {0};
    struct wsp_buf packed = {0};
    uint8_t out[100];
    assert_true(wsp_buf_reserve(&text, 1000 * KIB));
    memset(text.data, 'a', 1000 * KIB);
    text.len = 1000 * KIB;
    packer_pack(span_of(&text), &packed);
    assert_in_range(packed.len, 1, 1100);
    world_init(&world, 15);
    struct wsp_inflate_run run = {(const uint8_t *)packed.data, packed.len, out,
                                  sizeof out};
    assert_int_equal(wsp_inflater_run(world.inflater, &run), WSP_INFLATE_FULL);
    assert_int_equal(run.room, 0);
    assert_in_range(run.in_len, packed.len - 100, packed.len);
    world_fini(&world);
    wsp_buf_fini(&packed);
    wsp_buf_fini(&text);
}

/* Empty last blocks as far as the eye can see: each costs little. */
static void test_hostile_39_a_million_last_blocks(void **state)
{
    (void)state;
    struct world world;
    struct wsp_buf packed = {0};
    for (int i = 0; i < 1000000; i++) {
        assert_true(wsp_buf_add(&packed, "\x03\x00", 2));
    }
    world_init(&world, 15);
    expect_whole(&world, span_of(&packed), SPAN(""));
    world_fini(&world);
    wsp_buf_fini(&packed);
}

static void test_hostile_39_changed_bytes(void **state)
{
    (void)state;
    struct world world;
    struct wsp_buf text = {0};
    struct wsp_buf packed = {0};
    packer_write_text(5, 600, &text);
    packer_pack(span_of(&text), &packed);
    world_init(&world, 15);
    unsigned seed = 39;
    size_t bad_count = 0;
    for (int round = 0; round < 20000; round++) {
        char changed[1024];
        assert_in_range(packed.len, 1, sizeof changed);
        memcpy(changed, packed.data, packed.len);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1103515245 + 12345;
            changed[(seed >> 8) % packed.len] = (char)(seed >> 24);
        }
        struct wsp_span message = {changed, packed.len};
        enum wsp_inflate_result whole = inflate_all(&world, message);
        size_t whole_len = world.out.len;
        hand_on(&world);
        assert_int_equal(inflate_cut(&world, message, 5, 3), whole);
        assert_int_equal(world.out.len, whole_len);
        hand_on(&world);
        bad_count += whole == WSP_INFLATE_BAD;
    }
    assert_in_range(bad_count, 10000, 20000);
    world_fini(&world);
    wsp_buf_fini(&packed);
    wsp_buf_fini(&text);
}

/* ---- the budget ---- */

static void test_a_budget_is_kept(void **state)
{
    (void)state;
    struct wsp_inflate_pool pool = {.max_bytes = 100 * KIB};
    assert_true(wsp_inflate_pool_reserve(&pool, 15));
    assert_true(wsp_inflate_pool_reserve(&pool, 15));
    assert_int_equal(pool.held_bytes, 80 * KIB);
    assert_false(wsp_inflate_pool_reserve(&pool, 15));
    assert_true(wsp_inflate_pool_reserve(&pool, 8)); /* 8.25 KiB */
    assert_true(wsp_inflate_pool_reserve(&pool, 11));
    assert_false(wsp_inflate_pool_reserve(&pool, 8));
    wsp_inflate_pool_release(&pool, 15);
    assert_true(wsp_inflate_pool_reserve(&pool, 14));
    pool.max_bytes = 1; /* a reload has lowered it */
    assert_false(wsp_inflate_pool_reserve(&pool, 8));
    wsp_inflate_pool_release(&pool, 14);
    wsp_inflate_pool_release(&pool, 11);
    wsp_inflate_pool_release(&pool, 8);
    wsp_inflate_pool_release(&pool, 15);
    assert_int_equal(pool.held_bytes, 0);
    wsp_inflate_pool_fini(&pool);
}

static void test_a_pool_keeps_few(void **state)
{
    (void)state;
    struct wsp_inflate_pool pool = {.max_bytes = 0};
    struct wsp_inflater *lent[10];
    for (size_t i = 0; i < 10; i++) {
        lent[i] = wsp_inflate_pool_lend(&pool, i % 2 ? 15 : 9);
        assert_non_null(lent[i]);
    }
    assert_int_equal(pool.lent_count, 10);
    for (size_t i = 0; i < 10; i++) {
        wsp_inflate_pool_return(&pool, lent[i]);
    }
    wsp_inflate_pool_return(&pool, NULL);
    assert_int_equal(pool.lent_count, 0);
    assert_int_equal(pool.idle_count, 4);
    wsp_inflate_pool_fini(&pool);
    assert_int_equal(pool.idle_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_rfc),
        cmocka_unit_test(test_empty_messages),
        cmocka_unit_test(test_pieces_and_rooms_of_any_size),
        cmocka_unit_test(test_the_window_outlives_a_last_block),
        cmocka_unit_test(test_a_context_goes_on_from_message_to_message),
        cmocka_unit_test(test_hostile_39_no_context_is_kept_honest),
        cmocka_unit_test(test_hostile_39_a_stream_that_is_cut_short),
        cmocka_unit_test(test_hostile_39_garbage),
        cmocka_unit_test(test_hostile_39_windows),
        cmocka_unit_test(test_hostile_39_a_bomb_stops_where_the_room_ends),
        cmocka_unit_test(test_hostile_39_a_million_last_blocks),
        cmocka_unit_test(test_hostile_39_changed_bytes),
        cmocka_unit_test(test_a_budget_is_kept),
        cmocka_unit_test(test_a_pool_keeps_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
