/* SPDX-License-Identifier: MIT */
/* A kind of userdata of one lua_State: its metatable, kept in the registry, and
 * its name. The address of the name is the first thing in each userdata of the
 * kind: that is cheaper to ask for than a metatable, and needs no state.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_TYPE_H
#define WSP_LUA_LUA_TYPE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct wsp_lua_type {
    int ref;          /* registry reference of the metatable */
    const char *name; /* static; no two kinds share one */
};

/* The first member of what a userdata holds. */
struct wsp_lua_object {
    const char *kind; /* the name of its type */
};

/* Gives the table on top of the stack the functions of `list`, each with the
 * state's companion as its first upvalue. */
void wsp_lua_type_functions(lua_State *L, const luaL_Reg *list);

/* Registers the metatable on top of the stack and pops it; it gets `__name` and
 * `__metatable` = name, so that a script cannot reach it. The name is the type's
 * own array. Raises without memory. */
void wsp_lua_type_register(lua_State *L, struct wsp_lua_type *type,
                           const char *name);

/* Pushes a new userdata of `size` bytes that has the metatable already and
 * begins with a struct wsp_lua_object: fill the rest before anything else can
 * raise. Raises without memory. */
void *wsp_lua_type_push(lua_State *L, const struct wsp_lua_type *type,
                        size_t size);

/* Gives the userdata at `index` when it is of the type of that name, else
 * NULL. */
static inline void *wsp_lua_type_find(lua_State *L, int index, const char *name)
{
    struct wsp_lua_object *object = lua_touserdata(L, index);
    /* A light userdata, which has no size, may point anywhere. */
    bool is_ours = object && lua_objlen(L, index) >= sizeof *object &&
                   object->kind == name;
    return is_ours ? object : NULL;
}

static inline void *wsp_lua_type_to(lua_State *L, int index,
                                    const struct wsp_lua_type *type)
{
    return wsp_lua_type_find(L, index, type->name);
}

#endif
