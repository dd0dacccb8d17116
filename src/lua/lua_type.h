/* SPDX-License-Identifier: MIT */
/* A kind of userdata of one lua_State: its metatable, kept in the registry and
 * compared by address.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_TYPE_H
#define WSP_LUA_LUA_TYPE_H

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>

struct wsp_lua_type {
    int ref;               /* registry reference of the metatable */
    const void *metatable; /* its address */
};

/* Gives the table on top of the stack the functions of `list`, each with the
 * state's companion as its first upvalue. */
void wsp_lua_type_functions(lua_State *L, const luaL_Reg *list);

/* Registers the metatable on top of the stack and pops it; it gets `__name` and
 * `__metatable` = name, so that a script cannot reach it. Raises without
 * memory. */
void wsp_lua_type_register(lua_State *L, struct wsp_lua_type *type,
                           const char *name);

/* Pushes a new userdata of `size` bytes that has the metatable already: fill
 * it before anything else can raise. Raises without memory. */
void *wsp_lua_type_push(lua_State *L, const struct wsp_lua_type *type,
                        size_t size);

/* Gives the userdata at `index` when it is of this type, else NULL. */
void *wsp_lua_type_to(lua_State *L, int index, const struct wsp_lua_type *type);

#endif
