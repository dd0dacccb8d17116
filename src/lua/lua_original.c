/* SPDX-License-Identifier: MIT */
#include "lua/lua_original.h"

#include "lua/lua_state.h"

/* Second upvalue of the closure. */
struct original {
    lua_CFunction run;
};

bool wsp_lua_original_push(lua_State *L, const char *name,
                           lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_CFunction run = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    if (!run) {
        return false;
    }
    wsp_lua_state_push(L);
    struct original *original = lua_newuserdata(L, sizeof *original);
    original->run = run;
    lua_pushcclosure(L, function, 2);
    return true;
}

void wsp_lua_original_wrap(lua_State *L, const char *name,
                           lua_CFunction function)
{
    if (wsp_lua_original_push(L, name, function)) {
        lua_setfield(L, -2, name);
    }
}

int wsp_lua_original_run(lua_State *L)
{
    const struct original *original = lua_touserdata(L, lua_upvalueindex(2));
    return original->run(L);
}
