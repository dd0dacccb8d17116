/* SPDX-License-Identifier: MIT */
#include "lua/lua_library.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

#include "lua/lua_coroutine.h"
#include "lua/lua_original.h"
#include "lua/lua_stack.h"
#include "lua/lua_state.h"

/* ---- always ---- */

static int refuse_exit(lua_State *L)
{
    return luaL_error(L, "os.exit is not available inside a server; use "
                         "server:close()");
}

static int checked_gsub(lua_State *L)
{
    wsp_lua_stack_check(L, wsp_lua_state_upvalue(L));
    return wsp_lua_original_run(L);
}

static void change_libraries(lua_State *L)
{
    lua_getglobal(L, "os");
    lua_pushcfunction(L, refuse_exit);
    lua_setfield(L, -2, "exit");
    lua_getglobal(L, "string");
    wsp_lua_original_wrap(L, "gsub", checked_gsub);
    lua_pop(L, 2);
    wsp_lua_coroutine_open(L);
}

/* ---- what is refused ---- */

/* Upvalue: the name of what is not there. */
static int refuse(lua_State *L)
{
    return luaL_error(L,
                      "%s is not available: it can crash the server (see "
                      "wspulse run --unsafe)",
                      lua_tostring(L, lua_upvalueindex(1)));
}

static void push_refusal(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse, 1);
}

/* Forgets that `require` is loading or has loaded the module. */
static void forget_module(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_pushnil(L);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

/* The loader of a module that is not there; the next `require` is told the
 * same. */
static int refuse_module(lua_State *L)
{
    forget_module(L, lua_tostring(L, lua_upvalueindex(1)));
    return refuse(L);
}

static void refuse_modules(lua_State *L)
{
    static const char *const names[] = {"ffi", "string.buffer", "jit.util",
                                        "jit.profile"};
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushstring(L, names[i]);
        lua_pushcclosure(L, refuse_module, 1);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 2);
}

/* ---- debug ---- */

/* Our own C functions must not be called out of turn: a script sees them, as it
 * sees all C functions on the stack, but does not get them. */
static int safe_getinfo(lua_State *L)
{
    int count = wsp_lua_original_run(L);
    if (count == 1 && lua_istable(L, -1)) {
        lua_getfield(L, -1, "func");
        bool is_c = lua_iscfunction(L, -1);
        lua_pop(L, 1);
        if (is_c) {
            lua_pushnil(L);
            lua_setfield(L, -2, "func");
        }
    }
    return count;
}

static bool is_kept(const char *name)
{
    return strcmp(name, "traceback") == 0 || strcmp(name, "getinfo") == 0;
}

/* Replaces the functions of the library on top of the stack while it walks
 * through them, which Lua allows. */
static void refuse_debug(lua_State *L)
{
    lua_getglobal(L, "debug");
    wsp_lua_original_wrap(L, "getinfo", safe_getinfo);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        const char *name = lua_tostring(L, -1);
        if (!is_kept(name)) {
            lua_pushvalue(L, -1);
            lua_pushfstring(L, "debug.%s", name);
            push_refusal(L, lua_tostring(L, -1));
            lua_replace(L, -2);
            lua_rawset(L, -4);
        }
    }
    lua_pop(L, 1);
}

/* ---- other functions ---- */

/* The metatable of files is shared by all of them, and its __gc is a finalizer
 * as good as any. */
static void hide_file_metatable(lua_State *L)
{
    lua_getglobal(L, "io");
    lua_getfield(L, -1, "stdout");
    if (lua_getmetatable(L, -1)) {
        lua_pushliteral(L, "FILE*");
        lua_setfield(L, -2, "__metatable");
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static void refuse_functions(lua_State *L)
{
    push_refusal(L, "newproxy");
    lua_setglobal(L, "newproxy");
    lua_getglobal(L, "jit");
    push_refusal(L, "jit.attach");
    lua_setfield(L, -2, "attach");
    lua_pop(L, 1);
}

/* ffi is open already: without an entry here, `require` would open it again. */
static void give_ffi(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_rawgeti(L, LUA_REGISTRYINDEX, wsp_lua_state_get(L)->ffi.ref);
    lua_setfield(L, -2, "ffi");
    lua_pop(L, 1);
}

void wsp_lua_library_open(lua_State *L)
{
    change_libraries(L);
    if (wsp_lua_state_get(L)->is_unsafe) {
        give_ffi(L);
        return;
    }
    refuse_modules(L);
    refuse_debug(L);
    refuse_functions(L);
    hide_file_metatable(L);
}
