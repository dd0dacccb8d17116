/* SPDX-License-Identifier: MIT */
#include "lua_binding/msgpack_script.h"

#include <lauxlib.h>

#include "lua/lua_encoder.h"
#include "lua/lua_error.h"
#include "lua/lua_msgpack.h"

static const char prelude[] =
    "function hex(s)\n"
    "  return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end))\n"
    "end\n"
    "function bytes(text)\n"
    "  return (text:gsub(' ', ''):gsub('%x%x', function(d)\n"
    "    return string.char(tonumber(d, 16))\n"
    "  end))\n"
    "end\n"
    "function is(value, text)\n"
    "  local got = hex(assert(encode(value)))\n"
    "  if got ~= text then error('got ' .. got .. ', not ' .. text, 2) end\n"
    "end\n"
    "function refused(value, text)\n"
    "  local got, err = encode(value)\n"
    "  assert(got == nil, got)\n"
    "  assert(err.code == 'ENCODE' and err.cause == core.errors.ENCODE)\n"
    "  if tostring(err) ~= 'wspulse: encode failed: ' .. text then\n"
    "    error('got ' .. tostring(err), 2)\n"
    "  end\n"
    "end\n"
    "function nested(n)\n"
    "  local t = {}\n"
    "  for _ = 2, n do t = { t } end\n"
    "  return t\n"
    "end\n"
    "function same(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
    "    return a == b or (a ~= a and b ~= b)\n"
    "  end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return end end\n"
    "  for k in pairs(b) do if a[k] == nil then return end end\n"
    "  return true\n"
    "end";

static int encode(lua_State *L)
{
    struct wsp_diag diag = {.code = WSP_OK};
    struct wsp_lua_encoding encoding = {
        .format = WSP_LUA_FORMAT_MSGPACK,
        .index = 1,
        .root = "value",
        .diag = &diag,
    };
    lua_settop(L, 1);
    if (wsp_lua_encoder_run(L, wsp_lua_state_get(L), &encoding) != WSP_OK) {
        return wsp_lua_error_nil_diag(L, &diag);
    }
    lua_pushlstring(L, encoding.text.data, encoding.text.len);
    return 1;
}

/* Gives the value, or nothing but the reason when the bytes are malformed. */
static int decode(lua_State *L)
{
    struct wsp_span bytes;
    bytes.data = luaL_checklstring(L, 1, &bytes.len);
    if (wsp_lua_msgpack_decode(L, wsp_lua_state_get(L), bytes)) {
        return 1;
    }
    return luaL_error(L, "decode: %s", lua_tostring(L, -1));
}

int msgpack_script_open(void **state)
{
    script_open(state);
    struct script *script = *state;
    script->state->codec = "msgpack";
    lua_register(script->L, "encode", encode);
    lua_register(script->L, "decode", decode);
    script_run(script, prelude);
    return 0;
}

int msgpack_script_reset(void **state)
{
    struct script *script = *state;
    script->state->codec = "msgpack";
    script_end_call(script);
    return 0;
}
