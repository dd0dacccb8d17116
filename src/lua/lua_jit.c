/* SPDX-License-Identifier: MIT */
#include "lua/lua_jit.h"

#include <luajit.h>

#include "lua/lua_ffi.h"
#include "lua/lua_original.h"
#include "lua/lua_state.h"

static void apply(lua_State *L, const struct wsp_lua_jit *jit)
{
    bool is_on = jit->is_wanted && jit->is_allowed;
    luaJIT_setmode(
        L, 0, LUAJIT_MODE_ENGINE | (is_on ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
    wsp_lua_ffi_choose(L, is_on);
}

/* jit.on and jit.off without an argument speak of the whole compiler, with one
 * of a function. */
static int turn(lua_State *L, bool is_on)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    if (!lua_isnoneornil(L, 1)) {
        return wsp_lua_original_run(L);
    }
    state->jit.is_wanted = is_on;
    apply(L, &state->jit);
    return 0;
}

static int turn_on(lua_State *L)
{
    return turn(L, true);
}

static int turn_off(lua_State *L)
{
    return turn(L, false);
}

void wsp_lua_jit_open(lua_State *L)
{
    struct wsp_lua_jit *jit = &wsp_lua_state_get(L)->jit;
    *jit = (struct wsp_lua_jit){.is_wanted = true, .is_allowed = false};
    apply(L, jit);
    lua_getglobal(L, "jit");
    wsp_lua_original_wrap(L, "on", turn_on);
    wsp_lua_original_wrap(L, "off", turn_off);
    lua_pop(L, 1);
}

void wsp_lua_jit_allow(lua_State *L)
{
    struct wsp_lua_jit *jit = &wsp_lua_state_get(L)->jit;
    jit->is_allowed = true;
    apply(L, jit);
}
