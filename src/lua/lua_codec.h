/* SPDX-License-Identifier: MIT */
/* A codec written in Lua: `codec = { encode =, decode =, frame_type = }`.
 *
 *     encode({ id =, event =, payload = })  -> message | nil, err
 *     decode(message) -> { id =, event =, payload = } | nil, err
 *
 * To the server it is the codec raw: messages pass it as they are, and these
 * functions are called on this side of it. What they raise is caught.
 * Owner: the description. Thread: the state's. Everything but _fini runs inside
 * a protected call and raises without memory. */
#ifndef WSP_LUA_LUA_CODEC_H
#define WSP_LUA_LUA_CODEC_H

#include <lua.h>
#include <stdbool.h>

#include <wspulse/span.h>

struct wsp_lua_option;
struct wsp_lua_state;

struct wsp_lua_codec {
    struct wsp_lua_state *state;
    bool is_set;          /* the option was such a table */
    bool is_binary;       /* frame_type: of outgoing messages */
    const void *identity; /* address of the function decode: frames of servers
                             that share it may go from one to the other */
    int ref_encode;       /* registry references, while pinned */
    int ref_decode;
};

/* A message taken apart. The spans point into strings on the Lua stack. */
struct wsp_lua_decoded {
    struct wsp_span id;    /* "" when absent */
    struct wsp_span event; /* "" when absent */
    bool has_payload;
};

/* Reads the option `codec`, a table on top of the stack. */
void wsp_lua_codec_read(lua_State *L, const struct wsp_lua_option *option);

/* Keeps the functions, which lie in the environment table on top of the stack,
 * in the registry. */
void wsp_lua_codec_pin(lua_State *L, struct wsp_lua_codec *codec);
void wsp_lua_codec_unpin(lua_State *L, struct wsp_lua_codec *codec);

/* Calls decode. Returns true and pushes id, event and payload, where "" and nil
 * stand for what is absent; or returns false and pushes why as a string. */
bool wsp_lua_codec_decode(lua_State *L, const struct wsp_lua_codec *codec,
                          struct wsp_span message, struct wsp_lua_decoded *out);

/* Calls encode with the table on top of the stack, and pops it. Returns true
 * and pushes the message; or returns false and pushes why as a string, with the
 * index of what was raised, or returned as the error, in `value` (0: none). */
bool wsp_lua_codec_encode(lua_State *L, const struct wsp_lua_codec *codec,
                          int *value);

#endif
