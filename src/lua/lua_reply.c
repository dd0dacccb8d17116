/* SPDX-License-Identifier: MIT */
#include "lua/lua_reply.h"

#include <lauxlib.h>
#include <stdint.h>

#include "lua/lua_error.h"
#include "lua/lua_frame.h"
#include "lua/lua_state.h"

#define ANOTHER_WAY (-1)

/* Called by machine code, with what a script gave: before they are known to be
 * what is on its way, `handle` and `frame` are numbers and no more. Returns an
 * enum wsp_err, or ANOTHER_WAY when nothing was tried. */
static int try_send(void *companion, void *handle, void *frame)
{
    const struct wsp_lua_state *state = companion;
    const struct wsp_lua_frame *current = state->lane_frame;
    if (!handle || handle != state->reply.handle || !frame ||
        frame != current || current->seq != state->call_seq ||
        !wsp_lua_frame_goes_to(current, current->format)) {
        return ANOTHER_WAY;
    }
    return (int)wsp_connection_send(state->reply.connection, current->frame,
                                    NULL);
}

/* What conn:send returns for an enum wsp_err. */
static int fail(lua_State *L)
{
    return wsp_lua_error_result(L, (enum wsp_err)lua_tointeger(L, 1), NULL);
}

/* The last call is a tail call, so that the C function finds the arguments where
 * the script called. */
static const char source[] =
    "local cast, address, companion, send, fail, type = ...\n"
    "local try = cast('int (*)(void *, void *, void *)', address)\n"
    "companion = cast('void *', companion)\n"
    "return function(conn, frame)\n"
    "  if type(frame) == 'userdata' and type(conn) == 'userdata' then\n"
    "    local result = try(companion, conn, frame)\n"
    "    if result == 0 then return true end\n"
    "    if result > 0 then return fail(result) end\n"
    "  end\n"
    "  return send(conn, frame)\n"
    "end\n";

/* Pushes ffi.cast and returns true, or pushes nothing. A plain program has its
 * own `require`, a generation has ours. */
static bool push_cast(lua_State *L, const struct wsp_lua_state *state)
{
    int top = lua_gettop(L);
    if (state->ref_ffi) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, state->ref_ffi);
    } else if (!state->app) {
        lua_getglobal(L, "require");
        lua_pushliteral(L, "ffi");
        if (lua_pcall(L, 1, 1, 0) != 0) {
            lua_settop(L, top);
        }
    }
    if (!lua_istable(L, -1) || lua_gettop(L) == top) {
        lua_settop(L, top);
        return false;
    }
    lua_getfield(L, -1, "cast");
    lua_replace(L, top + 1);
    return true;
}

/* Pushes conn:send in Lua around the C function, or nothing without ffi. */
static bool push_compiled(lua_State *L, struct wsp_lua_state *state)
{
    if (!push_cast(L, state)) {
        return false;
    }
    if (luaL_loadbuffer(L, source, sizeof source - 1, "=connection") != 0) {
        lua_error(L);
    }
    lua_insert(L, -2);
    lua_pushlightuserdata(L, (void *)(uintptr_t)try_send);
    lua_pushlightuserdata(L, state);
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->reply.ref_plain);
    lua_pushcfunction(L, fail);
    lua_getglobal(L, "type");
    lua_call(L, 6, 1);
    return true;
}

/* Tells what a plain program has chosen; a generation chooses later. */
static bool is_compiling(lua_State *L, const struct wsp_lua_state *state)
{
    bool is_on = false;
    if (!state->app) {
        lua_getglobal(L, "jit");
        lua_getfield(L, -1, "status");
        lua_call(L, 0, 1);
        is_on = lua_toboolean(L, -1);
        lua_pop(L, 2);
    }
    return is_on;
}

void wsp_lua_reply_open(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_getfield(L, -1, "send");
    state->reply.ref_plain = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    state->reply.ref_methods = luaL_ref(L, LUA_REGISTRYINDEX);
    if (push_compiled(L, state)) {
        state->reply.ref_compiled = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    wsp_lua_reply_choose(L, is_compiling(L, state));
}

void wsp_lua_reply_choose(lua_State *L, bool is_compiled)
{
    const struct wsp_lua_reply *reply = &wsp_lua_state_get(L)->reply;
    if (!reply->ref_compiled) {
        return;
    }
    luaL_checkstack(L, 2, "no room for a choice");
    lua_rawgeti(L, LUA_REGISTRYINDEX, reply->ref_methods);
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                is_compiled ? reply->ref_compiled : reply->ref_plain);
    lua_setfield(L, -2, "send");
    lua_pop(L, 1);
}
