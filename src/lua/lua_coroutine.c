/* SPDX-License-Identifier: MIT */
#include "lua/lua_coroutine.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_original.h"
#include "lua/lua_stack.h"
#include "lua/lua_state.h"

/* ---- resume and wrap ---- */

/* Calls the function of the second upvalue, which LuaJIT has written in its
 * interpreter, with the arguments at hand. */
static int call_inner(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int checked_resume(lua_State *L)
{
    if (wsp_lua_stack_is_low(wsp_lua_state_upvalue(L))) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "C stack overflow");
        return 2;
    }
    return call_inner(L);
}

/* What coroutine.wrap gives. */
static int checked_next(lua_State *L)
{
    wsp_lua_stack_check(L, wsp_lua_state_upvalue(L));
    return call_inner(L);
}

static int checked_wrap(lua_State *L)
{
    call_inner(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushcclosure(L, checked_next, 2);
    return 1;
}

static void replace(lua_State *L, const char *name, lua_CFunction function)
{
    wsp_lua_state_push(L);
    lua_getfield(L, -2, name);
    lua_pushcclosure(L, function, 2);
    lua_setfield(L, -2, name);
}

/* ---- yield ---- */

static bool is_handler_thread(const lua_State *L,
                              const struct wsp_lua_state *state)
{
    return L == state->thread || L == state->reporter;
}

/* pcall and xpcall are C functions that one can yield across; those that C has
 * called have no name. */
static bool is_named(const lua_Debug *at)
{
    return strcmp(at->what, "C") == 0 && at->name &&
           strcmp(at->name, "pcall") != 0 && strcmp(at->name, "xpcall") != 0;
}

/* Finds the C function nearest to the caller, which waits for it to return. */
static const char *find_waiting(lua_State *L, lua_Debug *at)
{
    for (int level = 1; lua_getstack(L, level, at); level++) {
        lua_getinfo(L, "Sn", at);
        if (is_named(at)) {
            return at->name;
        }
    }
    return NULL;
}

static int refuse_yield(lua_State *L, const struct wsp_lua_state *state)
{
    lua_Debug at;
    const char *waiting = find_waiting(L, &at);
    const char *where = is_handler_thread(L, state) ? "a handler"
                        : lua_pushthread(L)         ? "a script that loads"
                                                    : "this function";
    if (waiting) {
        return luaL_error(L,
                          "attempt to yield across a C call: '%s' waits for "
                          "this function to return",
                          waiting);
    }
    return luaL_error(L, "attempt to yield: %s is not a coroutine", where);
}

/* The original of the second upvalue is coroutine.isyieldable, which speaks of
 * the function that runs: this one. */
static int named_yield(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checkstack(L, 1, "too many results to yield");
    wsp_lua_original_run(L);
    bool is_possible = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_possible ? lua_yield(L, count)
                       : refuse_yield(L, wsp_lua_state_upvalue(L));
}

/* ---- running ---- */

/* A handler's thread is none of the script's: like the main one it is nil. */
static int own_running(lua_State *L)
{
    if (is_handler_thread(L, wsp_lua_state_upvalue(L))) {
        lua_pushnil(L);
        return 1;
    }
    return call_inner(L);
}

void wsp_lua_coroutine_open(lua_State *L)
{
    lua_getglobal(L, "coroutine");
    replace(L, "resume", checked_resume);
    replace(L, "wrap", checked_wrap);
    replace(L, "running", own_running);
    if (wsp_lua_original_push(L, "isyieldable", named_yield)) {
        lua_setfield(L, -2, "yield");
    }
    lua_pop(L, 1);
}
