/* SPDX-License-Identifier: MIT */
/* The allocator of a generation's state. */
#include "lua/lua_slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/heap.h"

#define BLOCKS 2000

/* A block and what must be in it. */
struct block {
    unsigned char *data;
    size_t size;
    unsigned char byte;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void fill(struct block *block, size_t from)
{
    memset(block->data + from, block->byte, block->size - from);
}

static void check(const struct block *block)
{
    for (size_t i = 0; i < block->size; i++) {
        assert_int_equal(block->data[i], block->byte);
    }
}

static void resize(struct wsp_lua_slab *slab, struct block *block, size_t size)
{
    size_t kept = size < block->size ? size : block->size;
    block->data = wsp_lua_slab_allocate(slab, block->data, block->size, size);
    assert_true((block->data != NULL) == (size > 0));
    block->size = size;
    if (block->data) {
        fill(block, kept);
    }
}

static void keeps_what_lies_in_its_blocks(void **state)
{
    (void)state;
    static struct block blocks[BLOCKS];
    struct wsp_lua_slab slab = {.page_count = 0};
    uint32_t seed = 7;
    memset(blocks, 0, sizeof blocks);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i].byte = (unsigned char)i;
    }
    for (int step = 0; step < 200000; step++) {
        struct block *block = &blocks[next_random(&seed) % BLOCKS];
        check(block);
        size_t most = next_random(&seed) % 8 ? 300 : 5000;
        bool is_freed = next_random(&seed) % 3 == 0;
        resize(&slab, block, is_freed ? 0 : next_random(&seed) % most);
    }
    for (int i = 0; i < BLOCKS; i++) {
        check(&blocks[i]);
        resize(&slab, &blocks[i], 0);
    }
    assert_int_equal(slab.page_count, slab.spare_count);
    assert_true(slab.spare_count <= WSP_LUA_SLAB_SPARE);
    wsp_lua_slab_fini(&slab);
    assert_int_equal(slab.page_count, 0);
}

static void aligns_every_block(void **state)
{
    (void)state;
    struct wsp_lua_slab slab = {.page_count = 0};
    for (size_t size = 1; size <= WSP_LUA_SLAB_MAX; size++) {
        void *block = wsp_lua_slab_allocate(&slab, NULL, 0, size);
        assert_int_equal((uintptr_t)block % 16, 0);
        assert_null(wsp_lua_slab_allocate(&slab, block, size, 0));
    }
    wsp_lua_slab_fini(&slab);
}

static void gives_back_pages_that_are_empty(void **state)
{
    (void)state;
    static void *blocks[40000];
    struct wsp_lua_slab slab = {.page_count = 0};
    for (int i = 0; i < 40000; i++) {
        blocks[i] = wsp_lua_slab_allocate(&slab, NULL, 0, 64);
        assert_non_null(blocks[i]);
    }
    assert_true(slab.page_count >= 40000 / 128);
    for (int i = 0; i < 40000; i++) {
        wsp_lua_slab_allocate(&slab, blocks[i], 64, 0);
    }
    assert_int_equal(slab.page_count, WSP_LUA_SLAB_SPARE);
    wsp_lua_slab_fini(&slab);
    assert_int_equal(slab.page_count, 0);
}

static void takes_room_that_came_back(void **state)
{
    (void)state;
    struct wsp_lua_slab slab = {.page_count = 0};
    void *first = wsp_lua_slab_allocate(&slab, NULL, 0, 100);
    void *second = wsp_lua_slab_allocate(&slab, NULL, 0, 100);
    wsp_lua_slab_allocate(&slab, first, 100, 0);
    assert_ptr_equal(wsp_lua_slab_allocate(&slab, NULL, 0, 97), first);
    wsp_lua_slab_allocate(&slab, first, 97, 0);
    wsp_lua_slab_allocate(&slab, second, 100, 0);
    wsp_lua_slab_fini(&slab);
}

/* Lua takes it for granted (lua_Alloc), and its collector relies on it. */
static void shrinks_a_block_without_memory(void **state)
{
    (void)state;
    struct wsp_lua_slab slab = {.page_count = 0};
    struct block small = {NULL, 0, 1};
    struct block large = {NULL, 0, 2};
    struct block other = {NULL, 0, 3};
    resize(&slab, &small, 200);
    resize(&slab, &other, 120);
    resize(&slab, &large, 5000);
    heap_refuse(1, 1000);
    resize(&slab, &small, 20);
    resize(&slab, &large, 100);
    assert_null(wsp_lua_slab_allocate(&slab, NULL, 0, 50));
    heap_refuse(0, 0);
    check(&small);
    check(&large);
    resize(&slab, &small, 40);
    check(&small);
    resize(&slab, &small, 0);
    resize(&slab, &other, 0);
    resize(&slab, &large, 0);
    wsp_lua_slab_fini(&slab);
    assert_int_equal(slab.page_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_lies_in_its_blocks),
        cmocka_unit_test(aligns_every_block),
        cmocka_unit_test(gives_back_pages_that_are_empty),
        cmocka_unit_test(takes_room_that_came_back),
        cmocka_unit_test(shrinks_a_block_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
