/* SPDX-License-Identifier: MIT */
#include "lua/lua_core.h"

#include <time.h>

#include <wspulse/wspulse.h>

#include "lua/lua_connection.h"
#include "lua/lua_error.h"
#include "lua/lua_event.h"
#include "lua/lua_frame.h"
#include "lua/lua_json.h"
#include "lua/lua_log.h"
#include "lua/lua_raw.h"
#include "lua/lua_request.h"
#include "lua/lua_response.h"
#include "lua/lua_server.h"

/* Its address is the registry's key of the module's table: nouns are opened
 * once, also when package.loaded is emptied. */
static const char core_key;

/* core.now() -> seconds of a clock that never goes back. */
static int core_now(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

static void make_core(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    if (!state->app) {
        wsp_lua_ffi_open_program(L, state);
    }
    lua_newtable(L);
    lua_pushliteral(L, WSPULSE_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushstring(L, wsp_components());
    lua_setfield(L, -2, "components");
    lua_pushcfunction(L, core_now);
    lua_setfield(L, -2, "now");
    wsp_lua_error_open(L);
    wsp_lua_raw_open(L);
    wsp_lua_json_open(L);
    wsp_lua_events_open(L);
    wsp_lua_frame_open(L);
    wsp_lua_request_open(L);
    wsp_lua_response_open(L);
    wsp_lua_log_open(L);
    wsp_lua_connection_open(L);
    wsp_lua_server_open(L);
}

int luaopen_wspulse_core(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&core_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_istable(L, -1)) {
        return 1;
    }
    make_core(L);
    lua_pushlightuserdata(L, (void *)&core_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 1;
}
