/* SPDX-License-Identifier: MIT */
/* JSON for scripts: wspulse.encode, decode, raw, array, null, empty_array.
 *
 * lua-cjson decodes, through an instance of our own (cjson.new), so that the
 * program's settings stay as they are; it makes `[]` and `{}` the same empty
 * table. The encoder is lua_encoder.
 * Thread: the state's. Every function runs inside a protected call and raises
 * without memory. */
#ifndef WSP_LUA_LUA_JSON_H
#define WSP_LUA_LUA_JSON_H

#include <lua.h>

#include "lua/lua_state.h"

/* JSON that exists already (wspulse.raw): checked when it was made, embedded
 * byte by byte. What is wrong with bad text is said when it is sent, so that it
 * cannot vanish from a table constructor as a nil would. */
struct wsp_lua_raw {
    const char *fault; /* "not valid JSON" for instance, or NULL */
    size_t len;        /* bytes of text */
    char text[];
};

/* Gives the table on top of the stack the members named above. */
void wsp_lua_json_open(lua_State *L);

/* Pushes the value of a JSON text, nested at most 512 deep. Lone surrogates
 * become U+FFFD. Returns true, or false with the reason pushed as a string. */
bool wsp_lua_json_decode(lua_State *L, struct wsp_lua_state *state,
                         struct wsp_span text);

/* Pushes a raw value with a copy of `text`, which is known to be valid JSON but
 * for its UTF-8. */
void wsp_lua_json_push_raw(lua_State *L, struct wsp_lua_state *state,
                           struct wsp_span text);

#endif
