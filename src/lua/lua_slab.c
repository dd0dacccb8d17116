/* SPDX-License-Identifier: MIT */
#include "lua/lua_slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A page lies at a multiple of its size, so that a block finds it. It is a
 * little smaller: what malloc keeps in front of the next one fits behind it. */
#define PAGE_ALIGN 8192
#define PAGE_BYTES (PAGE_ALIGN - 64)
#define HEAD_BYTES 64

struct wsp_lua_slab_page {
    void *free; /* blocks of it, each begins with the address of the next */
    unsigned used;
    unsigned index; /* of its size */
    bool has_room;  /* and is in the list of its size */
    struct wsp_lua_slab_page *next;
    struct wsp_lua_slab_page *previous;
};

_Static_assert(sizeof(struct wsp_lua_slab_page) <= HEAD_BYTES,
               "the blocks of a page begin behind its head");

/* ---- lists ---- */

static void put_in_list(struct wsp_lua_slab *slab,
                        struct wsp_lua_slab_page *page)
{
    struct wsp_lua_slab_page **first = &slab->pages[page->index];
    page->has_room = true;
    page->previous = NULL;
    page->next = *first;
    if (page->next) {
        page->next->previous = page;
    }
    *first = page;
}

static void take_from_list(struct wsp_lua_slab *slab,
                           struct wsp_lua_slab_page *page)
{
    page->has_room = false;
    if (page->next) {
        page->next->previous = page->previous;
    }
    if (page->previous) {
        page->previous->next = page->next;
    } else {
        slab->pages[page->index] = page->next;
    }
}

/* ---- pages ---- */

/* A page has room for a few blocks of any size. */
static void fill(struct wsp_lua_slab_page *page, size_t size)
{
    char *end = (char *)page + PAGE_BYTES;
    char *block = (char *)page + HEAD_BYTES;
    void **link = &page->free;
    do {
        *link = block;
        link = (void **)(void *)block;
        block += size;
    } while ((size_t)(end - block) >= size);
    *link = NULL;
}

/* Gives an empty page of no size yet; NULL without memory. */
static struct wsp_lua_slab_page *new_page(struct wsp_lua_slab *slab)
{
    struct wsp_lua_slab_page *page = slab->spare;
    void *memory;
    if (page) {
        slab->spare = page->next;
        slab->spare_count--;
        return page;
    }
    if (posix_memalign(&memory, PAGE_ALIGN, PAGE_BYTES) != 0) {
        return NULL;
    }
    slab->page_count++;
    return memory;
}

/* Gives a page of a size that has room; NULL without memory. */
static struct wsp_lua_slab_page *page_with_room(struct wsp_lua_slab *slab,
                                                unsigned index)
{
    if (slab->pages[index]) {
        return slab->pages[index];
    }
    struct wsp_lua_slab_page *page = new_page(slab);
    if (page) {
        *page = (struct wsp_lua_slab_page){.index = index};
        fill(page, (size_t)(index + 1) * WSP_LUA_SLAB_STEP);
        put_in_list(slab, page);
    }
    return page;
}

/* A page is empty and has left its list. */
static void drop_page(struct wsp_lua_slab *slab, struct wsp_lua_slab_page *page)
{
    if (slab->spare_count < WSP_LUA_SLAB_SPARE) {
        page->next = slab->spare;
        slab->spare = page;
        slab->spare_count++;
        return;
    }
    slab->page_count--;
    free(page);
}

static void free_list(struct wsp_lua_slab_page *page)
{
    while (page) {
        struct wsp_lua_slab_page *next = page->next;
        free(page);
        page = next;
    }
}

void wsp_lua_slab_fini(struct wsp_lua_slab *slab)
{
    for (unsigned i = 0; i < WSP_LUA_SLAB_SIZES; i++) {
        free_list(slab->pages[i]);
    }
    free_list(slab->spare);
    *slab = (struct wsp_lua_slab){.page_count = 0};
}

static struct wsp_lua_slab_page *page_of(void *block)
{
    uintptr_t address = (uintptr_t)block;
    return (void *)((char *)block - address % PAGE_ALIGN);
}

/* A block came back to a page that had no room, or that needs none any more. */
static void settle(struct wsp_lua_slab *slab, struct wsp_lua_slab_page *page)
{
    if (!page->has_room) {
        put_in_list(slab, page);
    }
    if (page->used == 0) {
        take_from_list(slab, page);
        drop_page(slab, page);
    }
}

/* ---- blocks ---- */

static unsigned index_of(size_t size)
{
    return (unsigned)((size - 1) / WSP_LUA_SLAB_STEP);
}

static inline void *take_from(struct wsp_lua_slab *slab,
                              struct wsp_lua_slab_page *page)
{
    void **block = page->free;
    page->free = *block;
    page->used++;
    if (!page->free) {
        take_from_list(slab, page);
    }
    return block;
}

/* A block of a size that no page has room for. */
static void *take_from_new(struct wsp_lua_slab *slab, size_t size)
{
    struct wsp_lua_slab_page *page = page_with_room(slab, index_of(size));
    return page ? take_from(slab, page) : NULL;
}

static inline void *take(struct wsp_lua_slab *slab, size_t size)
{
    if (size > WSP_LUA_SLAB_MAX) {
        return malloc(size);
    }
    struct wsp_lua_slab_page *page = slab->pages[index_of(size)];
    return page ? take_from(slab, page) : take_from_new(slab, size);
}

static inline void give_back(struct wsp_lua_slab *slab, void *block,
                             size_t size)
{
    if (size > WSP_LUA_SLAB_MAX) {
        free(block);
        return;
    }
    struct wsp_lua_slab_page *page = page_of(block);
    *(void **)block = page->free;
    page->free = block;
    page->used--;
    if (!page->has_room || page->used == 0) {
        settle(slab, page);
    }
}

/* A block that is larger than it has to be, of a page that there is; or NULL. */
static void *take_larger(struct wsp_lua_slab *slab, size_t size)
{
    for (unsigned i = index_of(size); i < WSP_LUA_SLAB_SIZES; i++) {
        if (slab->pages[i]) {
            return take(slab, (size_t)(i + 1) * WSP_LUA_SLAB_STEP);
        }
    }
    return NULL;
}

/* To shrink a block must not fail (lua_Alloc): a small one stays where it is, for
 * its page knows how large it really is. */
static void *shrink_without_memory(struct wsp_lua_slab *slab, void *block,
                                   size_t old_size, size_t size)
{
    if (old_size <= WSP_LUA_SLAB_MAX) {
        return block;
    }
    void *moved = take_larger(slab, size);
    if (moved) {
        memcpy(moved, block, size);
        free(block);
    }
    return moved;
}

/* Kept out of the way of the blocks of a message, which it would cost a stack
 * frame. */
__attribute__((noinline)) static void *move(struct wsp_lua_slab *slab,
                                            void *block, size_t old_size,
                                            size_t size)
{
    bool is_small = size <= WSP_LUA_SLAB_MAX;
    bool was_small = old_size <= WSP_LUA_SLAB_MAX;
    if (!is_small && !was_small) {
        return realloc(block, size);
    }
    if (is_small && was_small && index_of(size) == index_of(old_size)) {
        return block;
    }
    void *moved = take(slab, size);
    if (!moved && size < old_size) {
        return shrink_without_memory(slab, block, old_size, size);
    }
    if (moved) {
        memcpy(moved, block, size < old_size ? size : old_size);
        give_back(slab, block, old_size);
    }
    return moved;
}

void *wsp_lua_slab_allocate(void *ud, void *block, size_t old_size, size_t size)
{
    struct wsp_lua_slab *slab = ud;
    if (!block) {
        return size > 0 ? take(slab, size) : NULL;
    }
    if (size > 0) {
        return move(slab, block, old_size, size);
    }
    give_back(slab, block, old_size);
    return NULL;
}
