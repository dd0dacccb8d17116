/* SPDX-License-Identifier: MIT */
#include "lua_memory.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "support/heap.h"
#include "support/linker.h"

lua_State *real_lua_newstate(lua_Alloc allocate, void *ud)
    LINKER_REAL("lua_newstate");
lua_State *wrap_lua_newstate(lua_Alloc theirs, void *ud)
    LINKER_WRAP("lua_newstate");
int real_luaopen_ffi(lua_State *L) LINKER_REAL("luaopen_ffi");
int wrap_luaopen_ffi(lua_State *L) LINKER_WRAP("luaopen_ffi");

static atomic_bool has_own; /* states keep the allocator they come with */

void lua_memory_choose(bool is_own)
{
    has_own = is_own;
}

/* To shrink a block must not fail (lua_Alloc). */
static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
    (void)ud;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (size > old_size) {
        return realloc(block, size);
    }
    heap_hold();
    void *shrunk = realloc(block, size);
    heap_release();
    return shrunk;
}

/* All of a new state or nothing: LuaJIT crashes when it has to free half of
 * one, so our code makes sure of enough before. */
lua_State *wrap_lua_newstate(lua_Alloc theirs, void *ud)
{
    heap_hold();
    lua_State *L = has_own ? real_lua_newstate(theirs, ud)
                           : real_lua_newstate(allocate, NULL);
    heap_release();
    return L;
}

/* And so with ffi. */
int wrap_luaopen_ffi(lua_State *L)
{
    heap_hold();
    int count = real_luaopen_ffi(L);
    heap_release();
    return count;
}
