/* SPDX-License-Identifier: MIT */
#include "lua/lua_type.h"

#include "lua/lua_state.h"

void wsp_lua_type_functions(lua_State *L, const luaL_Reg *list)
{
    luaL_checkstack(L, 2, "no room for functions");
    for (; list->name; list++) {
        wsp_lua_state_push(L);
        lua_pushcclosure(L, list->func, 1);
        lua_setfield(L, -2, list->name);
    }
}

void wsp_lua_type_register(lua_State *L, struct wsp_lua_type *type,
                           const char *name)
{
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    type->name = name;
    type->ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void *wsp_lua_type_push(lua_State *L, const struct wsp_lua_type *type,
                        size_t size)
{
    luaL_checkstack(L, 2, "no room for an object");
    struct wsp_lua_object *object = lua_newuserdata(L, size);
    object->kind = type->name;
    lua_rawgeti(L, LUA_REGISTRYINDEX, type->ref);
    lua_setmetatable(L, -2);
    return object;
}
