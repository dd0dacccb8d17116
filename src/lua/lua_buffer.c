/* SPDX-License-Identifier: MIT */
#include "lua/lua_buffer.h"

#include <lauxlib.h>

void wsp_lua_buffer_init(struct wsp_lua_buffer *buffer, lua_State *L)
{
    luaL_checkstack(L, 4, "no room for a buffer");
    lua_pushnil(L);
    buffer->L = L;
    buffer->slot = lua_gettop(L);
    buffer->data = buffer->first;
    buffer->len = 0;
    buffer->capacity = sizeof buffer->first;
}

/* Moves the bytes into a new userdata of the slot. */
static void move(struct wsp_lua_buffer *buffer, size_t capacity)
{
    char *data = lua_newuserdata(buffer->L, capacity);
    memcpy(data, buffer->data, buffer->len);
    lua_replace(buffer->L, buffer->slot);
    buffer->data = data;
    buffer->capacity = capacity;
}

bool wsp_lua_buffer_grow(struct wsp_lua_buffer *buffer, size_t len)
{
    if (len > WSP_LUA_BUFFER_MAX - buffer->len) {
        return false;
    }
    size_t capacity = buffer->capacity * 2;
    while (capacity - buffer->len < len) {
        capacity *= 2;
    }
    move(buffer, capacity);
    return true;
}

struct wsp_span wsp_lua_buffer_finish(struct wsp_lua_buffer *buffer)
{
    lua_settop(buffer->L, buffer->slot);
    if (buffer->data == buffer->first) {
        move(buffer, buffer->len);
    }
    return (struct wsp_span){buffer->data, buffer->len};
}
