/* SPDX-License-Identifier: MIT */
#include "lua/lua_msgpack_text.h"

#include <math.h>

#include <mpack.h>

#include <wspulse/codec.h>

#include "lua/lua_json_text.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53: up to here each is exact */

static const char *put(struct wsp_lua_buffer *buffer, const char *bytes,
                       size_t len)
{
    return wsp_lua_buffer_add(buffer, bytes, len) ? NULL
                                                  : WSP_LUA_FAULT_TOO_LARGE;
}

static const char *put_token(struct wsp_lua_buffer *buffer, mpack_token_t token)
{
    mpack_tokbuf_t tokbuf = MPACK_TOKBUF_INITIAL_VALUE;
    char bytes[MPACK_MAX_TOKEN_LEN];
    char *at = bytes;
    size_t room = sizeof bytes;
    mpack_write(&tokbuf, &at, &room, &token);
    return put(buffer, bytes, sizeof bytes - room);
}

const char *wsp_lua_msgpack_text_string(struct wsp_lua_buffer *buffer,
                                        struct wsp_span text)
{
    if (text.len > WSP_LUA_BUFFER_MAX) {
        return WSP_LUA_FAULT_TOO_LARGE;
    }
    mpack_uint32_t len = (mpack_uint32_t)text.len;
    const char *fault =
        put_token(buffer, wsp_utf8_is_valid(text) ? mpack_pack_str(len)
                                                  : mpack_pack_bin(len));
    return fault ? fault : put(buffer, text.data, text.len);
}

/* ---- numbers ---- */

/* The binary logarithm of the bytes that a negative number needs. */
static unsigned width_of(int64_t number)
{
    return number >= INT8_MIN    ? 0
           : number >= INT16_MIN ? 1
           : number >= INT32_MIN ? 2
                                 : 3;
}

/* Ours, because libmpack 1.0.5 writes many of them in too few bytes: -129 as
 * 127, -2^32 - 1 as -1. */
static const char *put_negative(struct wsp_lua_buffer *buffer, int64_t number)
{
    char bytes[9];
    size_t len = 0;
    unsigned width = width_of(number);
    if (number < -32) {
        bytes[len++] = (char)(0xD0 + width);
    }
    for (int shift = (8 << width) - 8; shift >= 0; shift -= 8) {
        bytes[len++] = (char)((uint64_t)number >> shift);
    }
    return put(buffer, bytes, len);
}

const char *wsp_lua_msgpack_text_number(struct wsp_lua_buffer *buffer,
                                        double number)
{
    bool is_integer = fabs(number) <= INTEGER_MAX && trunc(number) == number;
    if (!is_integer || (number == 0 && signbit(number))) {
        return put_token(buffer, mpack_pack_float(number));
    }
    if (number < 0) {
        return put_negative(buffer, (int64_t)number);
    }
    return put_token(buffer, mpack_pack_uint((mpack_uintmax_t)number));
}

/* ---- containers ---- */

const char *wsp_lua_msgpack_text_array(struct wsp_lua_buffer *buffer,
                                       uint32_t count)
{
    return put_token(buffer, mpack_pack_array(count));
}

const char *wsp_lua_msgpack_text_map(struct wsp_lua_buffer *buffer,
                                     uint32_t count)
{
    return put_token(buffer, mpack_pack_map(count));
}
