/* SPDX-License-Identifier: MIT */
#include "lua/lua_error.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

/* Its address is the registry's key of the table {metatable, code → constant};
 * the metatable sits at 0, which is no code. */
static const char constants_key;

/* ---- objects ---- */

static void push_constants(lua_State *L)
{
    luaL_checkstack(L, 8, "no room for an error");
    lua_pushlightuserdata(L, (void *)&constants_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Pushes {code =, message =} with the metatable, which lies in the table of
 * constants at `constants`. */
static void push_object(lua_State *L, int constants, enum wsp_err code,
                        const char *message)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, wsp_err_name(code));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    lua_rawgeti(L, constants, 0);
    lua_setmetatable(L, -2);
}

/* Pushes an object caused by the constant of `code`. */
static void push_caused(lua_State *L, enum wsp_err code, const char *message)
{
    push_constants(L);
    push_object(L, lua_gettop(L), code, message);
    lua_rawgeti(L, -2, -(int)code);
    lua_setfield(L, -2, "cause");
    lua_remove(L, -2);
}

static bool says_more(enum wsp_err code, const char *message)
{
    return message && *message && strcmp(message, wsp_err_text(code)) != 0;
}

/* ---- what scripts call ---- */

static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    if (!lua_isstring(L, -1)) {
        lua_pushliteral(L, "wspulse: error");
    }
    return 1;
}

/* Replaces the operand at `index` by its text. */
static void operand_text(lua_State *L, int index)
{
    if (lua_isstring(L, index)) {
        lua_pushvalue(L, index);
    } else if (!luaL_callmeta(L, index, "__tostring")) {
        luaL_error(L, "attempt to concatenate a %s value",
                   luaL_typename(L, index));
    }
    lua_replace(L, index);
}

static int error_concat(lua_State *L)
{
    lua_settop(L, 2);
    operand_text(L, 1);
    operand_text(L, 2);
    lua_concat(L, 2);
    return 1;
}

/* ---- what the binding calls ---- */

static const luaL_Reg error_metamethods[] = {
    {"__tostring", error_tostring},
    {"__concat", error_concat},
    {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, "wspulse.error");
    lua_setfield(L, -2, "__name");
    for (const luaL_Reg *entry = error_metamethods; entry->name; entry++) {
        lua_pushcfunction(L, entry->func);
        lua_setfield(L, -2, entry->name);
    }
}

static const enum wsp_err codes[] = {
#define CODE(name, value, text) WSP_ERR_##name,
    WSP_ERR_MAP(CODE)
#undef CODE
};

#define CODE_COUNT (sizeof codes / sizeof codes[0])

/* Pushes the table of constants, empty but for the metatable, or, when the
 * module is opened again, the one that exists. */
static void make_constants(lua_State *L)
{
    push_constants(L);
    if (lua_istable(L, -1)) {
        return;
    }
    lua_pop(L, 1);
    lua_createtable(L, (int)CODE_COUNT, 1);
    push_metatable(L);
    lua_rawseti(L, -2, 0);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        push_object(L, lua_gettop(L), codes[i], wsp_err_text(codes[i]));
        lua_rawseti(L, -2, -(int)codes[i]);
    }
    lua_pushlightuserdata(L, (void *)&constants_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void wsp_lua_error_open(lua_State *L)
{
    make_constants(L);
    lua_createtable(L, 0, (int)CODE_COUNT);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        lua_rawgeti(L, -2, -(int)codes[i]);
        lua_setfield(L, -2, wsp_err_name(codes[i]));
    }
    lua_setfield(L, -3, "errors");
    lua_pop(L, 1);
}

void wsp_lua_error_push(lua_State *L, enum wsp_err code)
{
    if (code == WSP_OK) {
        luaL_checkstack(L, 1, "no room for an error");
        lua_pushnil(L);
        return;
    }
    push_constants(L);
    lua_rawgeti(L, -1, -(int)code);
    lua_remove(L, -2);
}

void wsp_lua_error_push_diag(lua_State *L, const struct wsp_diag *diag)
{
    if (diag->code != WSP_OK && says_more(diag->code, diag->message)) {
        push_caused(L, diag->code, diag->message);
    } else {
        wsp_lua_error_push(L, diag->code);
    }
}

void wsp_lua_error_push_error(lua_State *L, const struct wsp_error *error)
{
    enum wsp_err code = error ? wsp_error_code(error) : WSP_OK;
    const char *message = error ? wsp_error_message(error) : NULL;
    const char *stack = error ? wsp_error_stack(error) : NULL;
    int close_code = error ? wsp_error_close_code(error) : 0;
    if (!says_more(code, message) && !stack && close_code == 0) {
        wsp_lua_error_push(L, code);
        return;
    }
    push_caused(L, code, message);
    if (stack) {
        lua_pushstring(L, stack);
        lua_setfield(L, -2, "stack");
    }
    if (close_code != 0) {
        lua_pushinteger(L, close_code);
        lua_setfield(L, -2, "close_code");
    }
}

void wsp_lua_error_push_panic(lua_State *L, const struct wsp_error *error,
                              int value_index)
{
    int value = value_index < 0 && value_index > LUA_REGISTRYINDEX
                    ? lua_gettop(L) + value_index + 1
                    : value_index;
    push_caused(L, wsp_error_code(error), wsp_error_message(error));
    const char *stack = wsp_error_stack(error);
    lua_pushstring(L, stack ? stack : "");
    lua_setfield(L, -2, "stack");
    if (value != 0) {
        lua_pushvalue(L, value);
        lua_setfield(L, -2, "value");
    }
}

int wsp_lua_error_nil(lua_State *L, enum wsp_err code)
{
    luaL_checkstack(L, 1, "no room for an error");
    lua_pushnil(L);
    wsp_lua_error_push(L, code);
    return 2;
}

int wsp_lua_error_nil_diag(lua_State *L, const struct wsp_diag *diag)
{
    luaL_checkstack(L, 1, "no room for an error");
    lua_pushnil(L);
    wsp_lua_error_push_diag(L, diag);
    return 2;
}

int wsp_lua_error_result(lua_State *L, enum wsp_err code,
                         const struct wsp_diag *diag)
{
    if (code == WSP_OK) {
        luaL_checkstack(L, 1, "no room for a result");
        lua_pushboolean(L, 1);
        return 1;
    }
    if (diag && diag->code == code) {
        return wsp_lua_error_nil_diag(L, diag);
    }
    return wsp_lua_error_nil(L, code);
}
