/* SPDX-License-Identifier: MIT */
#include "lua/lua_raw.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_buffer.h"
#include "lua/lua_json_text.h"

static const char type_name[] = "wspulse.raw";

#define FAULT_JSON "wspulse.raw was given text that is not valid JSON"
#define FAULT_MSGPACK "wspulse.raw was given bytes that are not valid msgpack"
#define FAULT_ORIGIN "the payload came by another codec"

static struct wsp_lua_raw *push(lua_State *L, const struct wsp_lua_state *state,
                                struct wsp_span bytes)
{
    if (bytes.len > WSP_LUA_BUFFER_MAX) {
        luaL_error(L, "wspulse.raw: " WSP_LUA_FAULT_TOO_LARGE);
    }
    struct wsp_lua_raw *raw =
        wsp_lua_type_push(L, &state->raw_type, sizeof *raw + bytes.len);
    raw->json = (struct wsp_lua_verdict){false, NULL};
    raw->msgpack = (struct wsp_lua_verdict){false, NULL};
    raw->len = bytes.len;
    memcpy(raw->text, bytes.data, bytes.len);
    return raw;
}

struct wsp_lua_raw *wsp_lua_raw_to(lua_State *L, int index,
                                   const struct wsp_lua_state *state)
{
    return wsp_lua_type_to(L, index, &state->raw_type);
}

static const char *check(struct wsp_span text, enum wsp_lua_format format)
{
    if (format == WSP_LUA_FORMAT_MSGPACK) {
        return wsp_msgpack_is_valid(text) ? NULL : FAULT_MSGPACK;
    }
    if (!wsp_json_is_valid(text)) {
        return FAULT_JSON;
    }
    return wsp_utf8_is_valid(text) ? NULL : WSP_LUA_FAULT_UTF8;
}

const char *wsp_lua_raw_fault(struct wsp_lua_raw *raw,
                              enum wsp_lua_format format)
{
    struct wsp_lua_verdict *verdict =
        format == WSP_LUA_FORMAT_MSGPACK ? &raw->msgpack : &raw->json;
    if (!verdict->is_known) {
        struct wsp_span text = {raw->text, raw->len};
        *verdict = (struct wsp_lua_verdict){true, check(text, format)};
    }
    return verdict->fault;
}

void wsp_lua_raw_push(lua_State *L, struct wsp_lua_state *state,
                      struct wsp_span bytes, enum wsp_lua_format format)
{
    struct wsp_lua_raw *raw = push(L, state, bytes);
    struct wsp_lua_verdict other = {true, FAULT_ORIGIN};
    struct wsp_lua_verdict own = {true, NULL};
    if (format == WSP_LUA_FORMAT_MSGPACK) {
        raw->msgpack = own;
        raw->json = other;
        return;
    }
    own.fault = wsp_utf8_is_valid(bytes) ? NULL : WSP_LUA_FAULT_UTF8;
    raw->json = own;
    raw->msgpack = other;
}

/* ---- what scripts call ---- */

static int raw_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    struct wsp_span bytes;
    bytes.data = lua_tolstring(L, 1, &bytes.len);
    push(L, wsp_lua_state_upvalue(L), bytes);
    return 1;
}

static int raw_tostring(lua_State *L)
{
    const struct wsp_lua_raw *raw =
        wsp_lua_raw_to(L, 1, wsp_lua_state_upvalue(L));
    luaL_argcheck(L, raw, 1, "wspulse.raw expected");
    lua_pushlstring(L, raw->text, raw->len);
    return 1;
}

/* ---- opening ---- */

static const luaL_Reg functions[] = {
    {"raw", raw_new},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__tostring", raw_tostring},
    {NULL, NULL},
};

void wsp_lua_raw_open(lua_State *L)
{
    luaL_checkstack(L, 8, "no room to open");
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_createtable(L, 0, 3);
    wsp_lua_type_functions(L, metamethods);
    wsp_lua_type_register(L, &state->raw_type, type_name);
    wsp_lua_type_functions(L, functions);
}
