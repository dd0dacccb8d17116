/* SPDX-License-Identifier: MIT */
/* Writes msgpack strings, numbers and the heads of containers.
 * Thread: the state's. A fault is a constant text; NULL means all is well. */
#ifndef WSP_LUA_LUA_MSGPACK_TEXT_H
#define WSP_LUA_LUA_MSGPACK_TEXT_H

#include <stdint.h>

#include "lua/lua_buffer.h"

/* Appends a string: as str when it is UTF-8, as bin otherwise. */
const char *wsp_lua_msgpack_text_string(struct wsp_lua_buffer *buffer,
                                        struct wsp_span text);

/* Appends a number: whole ones up to 2^53 as an integer in the fewest bytes,
 * others as a float of 32 bits when nothing is lost by it, else of 64. */
const char *wsp_lua_msgpack_text_number(struct wsp_lua_buffer *buffer,
                                        double number);

/* Appends the head of an array of `count` values, or of a map of as many
 * pairs. */
const char *wsp_lua_msgpack_text_array(struct wsp_lua_buffer *buffer,
                                       uint32_t count);
const char *wsp_lua_msgpack_text_map(struct wsp_lua_buffer *buffer,
                                     uint32_t count);

#endif
