/* SPDX-License-Identifier: MIT */
/* Lua states take their memory from our code's realloc, in every build, so that
 * heap.h can refuse it. To shrink a block must not fail (lua_Alloc).
 * Owner: the linker (`--wrap`). Thread: any. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "support/heap.h"

lua_State *__real_lua_newstate(lua_Alloc allocate, void *ud);
lua_State *__wrap_lua_newstate(lua_Alloc allocate, void *ud);
lua_State *__wrap_luaL_newstate(void);

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

/* All of a new state or nothing: LuaJIT crashes when it has to free half of one.
 * It never has to where its own allocator is used, which takes more than that
 * from the system at once. */
static lua_State *open_state(void)
{
    if (heap_refuses()) {
        return NULL;
    }
    heap_hold();
    lua_State *L = __real_lua_newstate(allocate, NULL);
    heap_release();
    return L;
}

lua_State *__wrap_lua_newstate(lua_Alloc theirs, void *ud)
{
    (void)theirs;
    (void)ud;
    return open_state();
}

lua_State *__wrap_luaL_newstate(void)
{
    return open_state();
}
