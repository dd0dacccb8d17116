/* SPDX-License-Identifier: MIT */
/* Writes JSON strings and numbers (RFC 8259 §6, §7).
 * Thread: the state's. A fault is a constant text; NULL means all is well. */
#ifndef WSP_LUA_LUA_JSON_TEXT_H
#define WSP_LUA_LUA_JSON_TEXT_H

#include "lua/lua_buffer.h"

#define WSP_LUA_FAULT_TOO_LARGE "the text exceeds 64 MiB"
#define WSP_LUA_FAULT_UTF8 "the string is not valid UTF-8"
#define WSP_LUA_FAULT_NUMBER "cannot encode NaN or an infinity"

/* Appends `text` in quotes, with `"`, `\` and control characters escaped. */
const char *wsp_lua_json_text_string(struct wsp_lua_buffer *buffer,
                                     struct wsp_span text);

/* Appends a number in the fewest digits that read back as the same value;
 * integers up to 2^53 and short decimals without an exponent. */
const char *wsp_lua_json_text_number(struct wsp_lua_buffer *buffer,
                                     double number);

#endif
