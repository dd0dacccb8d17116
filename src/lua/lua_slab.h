/* SPDX-License-Identifier: MIT */
/* The allocator of a generation's state: small blocks lie in pages of blocks of
 * one size, so that to take one and to give it back is a few instructions each;
 * a frame is made and collected for every message. Large blocks are malloc's. Of
 * the pages that are empty again a few are kept.
 * Owner: the generation; outlives the state. Thread: the state's. */
#ifndef WSP_LUA_LUA_SLAB_H
#define WSP_LUA_LUA_SLAB_H

#include <stddef.h>

#define WSP_LUA_SLAB_STEP 16 /* bytes between two sizes of small blocks */
#define WSP_LUA_SLAB_MAX 256 /* bytes of the largest of them */
#define WSP_LUA_SLAB_SPARE 8 /* empty pages that are kept */
#define WSP_LUA_SLAB_SIZES (WSP_LUA_SLAB_MAX / WSP_LUA_SLAB_STEP)

struct wsp_lua_slab_page;

/* Zeroed: no page yet. */
struct wsp_lua_slab {
    /* By size: those with room, the one in use first. */
    struct wsp_lua_slab_page *pages[WSP_LUA_SLAB_SIZES];
    struct wsp_lua_slab_page *spare; /* empty ones, of no size */
    size_t spare_count;
    size_t page_count; /* pages that there are, spare ones included */
};

/* Gives the pages back. No block is in use. */
void wsp_lua_slab_fini(struct wsp_lua_slab *slab);

/* A lua_Alloc whose `ud` is a struct wsp_lua_slab. */
void *wsp_lua_slab_allocate(void *ud, void *block, size_t old_size,
                            size_t size);

#endif
