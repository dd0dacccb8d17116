/* SPDX-License-Identifier: MIT */
/* A value that is encoded already (wspulse.raw): JSON text or msgpack bytes,
 * embedded byte by byte.
 *
 * Which of the two it must be is known when it is sent, so it is checked then,
 * once for each format; what is wrong with it is said there, so that it cannot
 * vanish from a table constructor as a nil would.
 * Owner: the garbage collector. Thread: the state's. */
#ifndef WSP_LUA_LUA_RAW_H
#define WSP_LUA_LUA_RAW_H

#include <lua.h>

#include "lua/lua_state.h"

/* What is known about it as one format. */
struct wsp_lua_verdict {
    bool is_known;
    const char *fault; /* why it cannot be embedded, or NULL */
};

struct wsp_lua_raw {
    struct wsp_lua_object object;
    struct wsp_lua_verdict json;
    struct wsp_lua_verdict msgpack;
    size_t len; /* bytes of text */
    char text[];
};

/* Gives the table on top of the stack the member `raw`; call once. */
void wsp_lua_raw_open(lua_State *L);

/* Gives the raw value at `index`, or NULL for anything else. */
struct wsp_lua_raw *wsp_lua_raw_to(lua_State *L, int index,
                                   const struct wsp_lua_state *state);

/* Says why it cannot be embedded in a value of that format, JSON or msgpack;
 * NULL when it can. */
const char *wsp_lua_raw_fault(struct wsp_lua_raw *raw,
                              enum wsp_lua_format format);

/* Pushes a raw value with a copy of `bytes`, which are a valid value of the
 * format that was received, but for the UTF-8 of JSON; as another format they
 * are refused. Raises without memory and over 64 MiB. */
void wsp_lua_raw_push(lua_State *L, struct wsp_lua_state *state,
                      struct wsp_span bytes, enum wsp_lua_format format);

#endif
