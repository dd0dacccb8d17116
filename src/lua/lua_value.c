/* SPDX-License-Identifier: MIT */
#include "lua/lua_value.h"

#include <lauxlib.h>
#include <string.h>

enum tag {
    TAG_BOOLEAN = 'b',
    TAG_NUMBER = 'n',
    TAG_STRING = 's',
};

static struct wsp_span span_of_top(lua_State *L)
{
    struct wsp_span span;
    span.data = lua_tolstring(L, -1, &span.len);
    return span;
}

static void push_number_bytes(lua_State *L, lua_Number number)
{
    char bytes[1 + sizeof number] = {TAG_NUMBER};
    memcpy(bytes + 1, &number, sizeof number);
    lua_pushlstring(L, bytes, sizeof bytes);
}

bool wsp_lua_value_to(lua_State *L, int index, struct wsp_span *out)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lua_pushnil(L);
        *out = (struct wsp_span){NULL, 0};
        return true;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "b1" : "b0");
        break;
    case LUA_TNUMBER:
        push_number_bytes(L, lua_tonumber(L, index));
        break;
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        lua_pushliteral(L, "s");
        lua_insert(L, -2);
        lua_concat(L, 2);
        break;
    default:
        return false;
    }
    *out = span_of_top(L);
    return true;
}

/* Pushes the value and returns true, or pushes nothing. */
static bool push_value(lua_State *L, struct wsp_span bytes)
{
    if (!bytes.data || bytes.len == 0) {
        return false;
    }
    const char *body = bytes.data + 1;
    size_t len = bytes.len - 1;
    lua_Number number;
    switch (*bytes.data) {
    case TAG_BOOLEAN:
        lua_pushboolean(L, len == 1 && *body == '1');
        return true;
    case TAG_STRING:
        lua_pushlstring(L, body, len);
        return true;
    case TAG_NUMBER:
        if (len == sizeof number) {
            memcpy(&number, body, sizeof number);
            lua_pushnumber(L, number);
            return true;
        }
        return false;
    default:
        return false;
    }
}

void wsp_lua_value_push(lua_State *L, struct wsp_span bytes)
{
    if (!push_value(L, bytes)) {
        lua_pushnil(L);
    }
}
