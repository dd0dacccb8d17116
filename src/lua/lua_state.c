/* SPDX-License-Identifier: MIT */
#include "lua/lua_state.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_call.h"
#include "lua/lua_closing.h"
#include "lua/lua_program.h"

/* Its address is the registry's key of the companion. */
static const char state_key;

/* lua_close runs the finalizers in any order, so everything that is still
 * reachable from one must find the state ended. */
static int state_gc(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, 1);
    wsp_lua_state_end(state);
    wsp_lua_program_close(state);
    wsp_lua_call_close(state);
    return 0;
}

void wsp_lua_state_end(struct wsp_lua_state *state)
{
    state->is_ended = true;
    wsp_lua_closing_forget_all(state);
}

/* Fills what needs no memory; from here on the finalizer can run. */
static struct wsp_lua_state *push_state(lua_State *L)
{
    struct wsp_lua_state *state = lua_newuserdata(L, sizeof *state);
    memset(state, 0, sizeof *state);
    state->generation = 1;
    state->logger.level = WSP_LOG_OFF;
    state->codec = "json";
    state->gc_pause = WSP_LUA_GC_PAUSE;
    LIST_INIT(&state->closings);
    return state;
}

static struct wsp_lua_state *make_state(lua_State *L)
{
    luaL_checkstack(L, 6, "no room for wspulse");
    struct wsp_lua_state *state = push_state(L);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, state_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "wspulse.state");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    wsp_lua_call_open(L, state);
    lua_pushlightuserdata(L, (void *)&state_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    return state;
}

struct wsp_lua_state *wsp_lua_state_get(lua_State *L)
{
    luaL_checkstack(L, 1, "no room for wspulse");
    lua_pushlightuserdata(L, (void *)&state_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct wsp_lua_state *state = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return state ? state : make_state(L);
}

void wsp_lua_state_push(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&state_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

struct wsp_lua_state *wsp_lua_state_upvalue(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}
