/* SPDX-License-Identifier: MIT */
/* A growing run of bytes that belongs to a stack slot: it starts on the C stack
 * and moves into a userdata of the slot when it gets long, so a raised error
 * leaves nothing behind.
 * Owner: the C function that runs. Thread: the state's. */
#ifndef WSP_LUA_LUA_BUFFER_H
#define WSP_LUA_LUA_BUFFER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <wspulse/span.h>

#define WSP_LUA_BUFFER_MAX                                                     \
    (64U * 1024 * 1024) /* bytes, the seed's limit of a
                                                  message */

struct wsp_lua_buffer {
    lua_State *L;
    int slot; /* stack index of the owner */
    char *data;
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes */
    char first[4096];
};

/* Makes an empty buffer and pushes its slot. */
void wsp_lua_buffer_init(struct wsp_lua_buffer *buffer, lua_State *L);

/* Makes room for `len` more bytes. Returns false over WSP_LUA_BUFFER_MAX. */
bool wsp_lua_buffer_grow(struct wsp_lua_buffer *buffer, size_t len);

/* Appends; returns false over WSP_LUA_BUFFER_MAX. */
static inline bool wsp_lua_buffer_add(struct wsp_lua_buffer *buffer,
                                      const char *data, size_t len)
{
    if (len > buffer->capacity - buffer->len &&
        !wsp_lua_buffer_grow(buffer, len)) {
        return false;
    }
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return true;
}

static inline bool wsp_lua_buffer_put(struct wsp_lua_buffer *buffer, char byte)
{
    return wsp_lua_buffer_add(buffer, &byte, 1);
}

/* Gives the bytes, which the slot owns from now on, and cuts the stack down to
 * it. */
struct wsp_span wsp_lua_buffer_finish(struct wsp_lua_buffer *buffer);

#endif
