/* SPDX-License-Identifier: MIT */
#include "lua/lua_option.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "lua/lua_nearest.h"

/* So much of a string is shown in an error. */
#define SHOWN_MAX 60

/* ---- errors ---- */

/* Appends a byte of a quoted text the way Lua would have it written. */
static void add_byte(luaL_Buffer *buffer, unsigned char byte)
{
    if (byte == '"' || byte == '\\') {
        luaL_addchar(buffer, '\\');
        luaL_addchar(buffer, (char)byte);
    } else if (byte < 0x20 || byte == 0x7f) {
        luaL_addchar(buffer, '\\');
        luaL_addchar(buffer, (char)('0' + byte / 100));
        luaL_addchar(buffer, (char)('0' + byte / 10 % 10));
        luaL_addchar(buffer, (char)('0' + byte % 10));
    } else {
        luaL_addchar(buffer, (char)byte);
    }
}

static void push_quoted(lua_State *L, const char *text, size_t len)
{
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    luaL_addchar(&buffer, '"');
    for (size_t i = 0; i < len && i < SHOWN_MAX; i++) {
        add_byte(&buffer, (unsigned char)text[i]);
    }
    luaL_addstring(&buffer, len > SHOWN_MAX ? "…\"" : "\"");
    luaL_pushresult(&buffer);
}

static void push_number_text(lua_State *L, double number)
{
    if (isnan(number)) {
        lua_pushliteral(L, "nan");
    } else {
        lua_pushnumber(L, number);
        lua_tostring(L, -1);
    }
}

/* Pushes how the value at `index` looks in an error. */
static void push_shown(lua_State *L, int index)
{
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        push_quoted(L, text, len);
        break;
    case LUA_TNUMBER:
        push_number_text(L, lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        lua_pushstring(L, luaL_typename(L, index));
    }
}

int wsp_lua_option_fail(lua_State *L, const struct wsp_lua_option *option,
                        const char *what)
{
    push_shown(L, lua_gettop(L));
    return luaL_error(L, "wspulse: %s: %s (%s = %s)",
                      option->seed ? option->seed : option->key, what,
                      option->key, lua_tostring(L, -1));
}

int wsp_lua_option_unknown(lua_State *L, const char *prefix,
                           const char *const *names)
{
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING) {
        push_shown(L, lua_gettop(L));
        return luaL_error(L, "wspulse: unknown option %s[%s]", prefix,
                          lua_tostring(L, -1));
    }
    const char *key = lua_tolstring(L, -1, &len);
    const char *nearest = wsp_lua_nearest(key, names);
    push_quoted(L, key, len);
    const char *quoted = lua_tostring(L, -1);
    lua_pushlstring(L, quoted + 1, strlen(quoted) - 2);
    return luaL_error(L, "wspulse: unknown option %s%s; did you mean %s%s?",
                      prefix, lua_tostring(L, -1), prefix, nearest);
}

static bool is_named(const char *key, const char *const *names)
{
    while (*names && strcmp(key, *names) != 0) {
        names++;
    }
    return *names != NULL;
}

void wsp_lua_option_check_keys(lua_State *L, const char *prefix,
                               const char *const *names)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING ||
            !is_named(lua_tostring(L, -1), names)) {
            wsp_lua_option_unknown(L, prefix, names);
        }
    }
}

/* ---- what is kept ---- */

/* Moves the value on top of the stack among the kept ones. */
static void keep(lua_State *L, const struct wsp_lua_option *option)
{
    lua_rawseti(L, option->kept, (int)lua_objlen(L, option->kept) + 1);
}

void *wsp_lua_option_keep_memory(lua_State *L,
                                 const struct wsp_lua_option *option,
                                 size_t size)
{
    void *memory = lua_newuserdata(L, size);
    keep(L, option);
    return memory;
}

const char *wsp_lua_option_keep_text(lua_State *L,
                                     const struct wsp_lua_option *option,
                                     const char *text, size_t len)
{
    lua_pushlstring(L, text, len);
    const char *kept = lua_tostring(L, -1);
    keep(L, option);
    return kept;
}

/* ---- kinds ---- */

double wsp_lua_option_number(lua_State *L, const struct wsp_lua_option *option)
{
    if (lua_type(L, -1) != LUA_TNUMBER) {
        wsp_lua_option_fail(L, option, "must be a number");
    }
    return lua_tonumber(L, -1);
}

bool wsp_lua_option_boolean(lua_State *L, const struct wsp_lua_option *option)
{
    if (lua_type(L, -1) != LUA_TBOOLEAN) {
        wsp_lua_option_fail(L, option, "must be true or false");
    }
    return lua_toboolean(L, -1);
}

const char *wsp_lua_option_string(lua_State *L,
                                  const struct wsp_lua_option *option)
{
    size_t len = 0;
    const char *text =
        lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (!text) {
        wsp_lua_option_fail(L, option, "must be a string");
    } else if (len == 0) {
        wsp_lua_option_fail(L, option, "must not be empty");
    } else if (strlen(text) != len) {
        wsp_lua_option_fail(L, option, "must not contain a NUL");
    }
    return wsp_lua_option_keep_text(L, option, text, len);
}

const char *const *wsp_lua_option_strings(lua_State *L,
                                          const struct wsp_lua_option *option,
                                          size_t *count)
{
    bool is_table = lua_istable(L, -1);
    *count = is_table ? lua_objlen(L, -1) : 1;
    if (*count == 0) {
        wsp_lua_option_fail(L, option, "must not be empty");
    }
    const char **strings =
        wsp_lua_option_keep_memory(L, option, *count * sizeof *strings);
    if (!is_table) {
        strings[0] = wsp_lua_option_string(L, option);
        return strings;
    }
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        strings[i] = wsp_lua_option_string(L, option);
        lua_pop(L, 1);
    }
    return strings;
}

bool wsp_lua_option_is_callable(lua_State *L)
{
    if (lua_isfunction(L, -1)) {
        return true;
    }
    if (!luaL_getmetafield(L, -1, "__call")) {
        return false;
    }
    lua_pop(L, 1);
    return true;
}

/* ---- tables of members ---- */

void wsp_lua_option_check_table(lua_State *L,
                                const struct wsp_lua_option *option,
                                const char *what, const char *const *names)
{
    if (!lua_istable(L, -1)) {
        wsp_lua_option_fail(L, option, what);
    }
    lua_pushfstring(L, "%s.", option->key);
    lua_insert(L, -2);
    wsp_lua_option_check_keys(L, lua_tostring(L, -2), names);
    lua_remove(L, -2);
}

bool wsp_lua_option_push_function(lua_State *L,
                                  const struct wsp_lua_option *option,
                                  const char *name)
{
    struct wsp_lua_option field = *option;
    field.key = lua_pushfstring(L, "%s.%s", option->key, name);
    lua_getfield(L, -2, name);
    if (!lua_isnil(L, -1) && !wsp_lua_option_is_callable(L)) {
        wsp_lua_option_fail(L, &field, "must be a function");
    }
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}
