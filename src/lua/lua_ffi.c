/* SPDX-License-Identifier: MIT */
#include "lua/lua_ffi.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_state.h"

/* ---- opening ---- */

/* Pushes a plain program's ffi, or something else when it has none. */
static void require_ffi(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "ffi");
    lua_pcall(L, 1, 1, 0);
}

static bool is_compiler_on(lua_State *L)
{
    lua_getglobal(L, "jit");
    lua_getfield(L, -1, "status");
    lua_call(L, 0, 1);
    bool is_on = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is_on;
}

void wsp_lua_ffi_open(lua_State *L, struct wsp_lua_state *state)
{
    state->ffi.ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void wsp_lua_ffi_open_program(lua_State *L, struct wsp_lua_state *state)
{
    require_ffi(L);
    if (lua_istable(L, -1)) {
        wsp_lua_ffi_open(L, state);
        state->ffi.is_compiling = is_compiler_on(L);
    } else {
        lua_pop(L, 1);
    }
}

/* ---- functions ---- */

/* Pushes ffi.cast(type, address). */
static void push_cast(lua_State *L, const struct wsp_lua_state *state,
                      const char *type, uintptr_t address)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->ffi.ref);
    lua_getfield(L, -1, "cast");
    lua_remove(L, -2);
    lua_pushstring(L, type);
    lua_pushlightuserdata(L, (void *)address);
    lua_call(L, 2, 1);
}

bool wsp_lua_ffi_make(lua_State *L, struct wsp_lua_state *state,
                      const char *source, const char *signature,
                      uintptr_t function, int count)
{
    int first = lua_gettop(L) - count + 1;
    if (!state->ffi.ref) {
        lua_settop(L, first - 1);
        return false;
    }
    luaL_checkstack(L, 8, "no room for a function");
    if (luaL_loadbuffer(L, source, strlen(source), "=wspulse") != 0) {
        lua_error(L);
    }
    lua_insert(L, first);
    push_cast(L, state, signature, function);
    lua_insert(L, first + 1);
    push_cast(L, state, "void *", (uintptr_t)state);
    lua_insert(L, first + 2);
    lua_call(L, count + 2, 1);
    return true;
}

/* ---- offers ---- */

static void choose(lua_State *L, const struct wsp_lua_ffi_offer *offer,
                   bool is_compiling)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, offer->ref_table);
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                is_compiling ? offer->ref_compiled : offer->ref_plain);
    lua_setfield(L, -2, offer->key);
    lua_pop(L, 1);
}

void wsp_lua_ffi_offer(lua_State *L, struct wsp_lua_state *state,
                       const char *key)
{
    struct wsp_lua_ffi *ffi = &state->ffi;
    struct wsp_lua_ffi_offer offer = {.key = key};
    if (ffi->offer_count == WSP_LUA_FFI_OFFERS) {
        luaL_error(L, "wspulse: no room for %s", key);
    }
    offer.ref_compiled = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_getfield(L, -1, key);
    offer.ref_plain = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    offer.ref_table = luaL_ref(L, LUA_REGISTRYINDEX);
    ffi->offers[ffi->offer_count++] = offer;
    choose(L, &offer, ffi->is_compiling);
}

void wsp_lua_ffi_choose(lua_State *L, bool is_compiling)
{
    struct wsp_lua_ffi *ffi = &wsp_lua_state_get(L)->ffi;
    luaL_checkstack(L, 2, "no room for a choice");
    ffi->is_compiling = is_compiling && ffi->ref;
    for (unsigned i = 0; i < ffi->offer_count; i++) {
        choose(L, &ffi->offers[i], ffi->is_compiling);
    }
}
