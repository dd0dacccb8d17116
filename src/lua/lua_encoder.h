/* SPDX-License-Identifier: MIT */
/* Writes a Lua value as compact JSON text, or as msgpack.
 *
 * Strings in JSON: valid UTF-8, `"`, `\` and control characters escaped, `/`
 * not. In msgpack: str when it is valid UTF-8, else bin.
 * Numbers in JSON: integers up to 2^53 without an exponent, others by the
 * shortest of 15 to 17 digits that reads back the same; NaN and infinities are
 * refused. In msgpack: integers up to 2^53 in the fewest bytes, others as
 * floats.
 * Tables: an array when the keys are 1..n, an object (a map) when all keys are
 * strings, {} when empty unless it is wspulse.empty_array or marked by
 * wspulse.array; metamethods are not asked. wspulse.null is null (nil),
 * wspulse.raw is embedded.
 * Bounds: 512 levels, 64 MiB of text.
 * Thread: the state's. Runs inside a protected call, raises without memory and
 * holds nothing when it does. */
#ifndef WSP_LUA_LUA_ENCODER_H
#define WSP_LUA_LUA_ENCODER_H

#include <lua.h>

#include "lua/lua_state.h"

#define WSP_LUA_ENCODER_DEPTH 512

/* What to encode and what came of it. */
struct wsp_lua_encoding {
    enum wsp_lua_format format; /* in: JSON or msgpack */
    int index;             /* in: the value's place on the stack, absolute */
    const char *root;      /* in: its name in messages, "payload" */
    struct wsp_span text;  /* out: the JSON text, or the msgpack bytes */
    struct wsp_diag *diag; /* out: the reason; may be NULL */
};

/* Encodes one value. Returns WSP_OK and leaves one value on the stack, which owns
 * the text; or WSP_ERR_ENCODE with the reason in the diagnostic, "wspulse: encode
 * failed: payload.items[3]: cannot encode a function" for instance, and leaves
 * nothing. */
enum wsp_err wsp_lua_encoder_run(lua_State *L, struct wsp_lua_state *state,
                                 struct wsp_lua_encoding *encoding);

#endif
