/* SPDX-License-Identifier: MIT */
#include "lua/lua_json.h"

#include <lauxlib.h>
#include <locale.h>

#include "lua/lua_encoder.h"
#include "lua/lua_error.h"

#define CJSON_DEPTH 600 /* more than the scanner lets pass, 512 */

static struct wsp_span check_text(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TSTRING);
    struct wsp_span text;
    text.data = lua_tolstring(L, index, &text.len);
    return text;
}

/* ---- arrays ---- */

/* Marks a table, so that it is written as an array even when it is empty. */
static int json_array(lua_State *L)
{
    const struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getmetatable(L, 1) && lua_topointer(L, -1) != state->array_mark) {
        luaL_error(L, "wspulse.array: the table has a metatable already");
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->ref_array);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int empty_array_newindex(lua_State *L)
{
    return luaL_error(L, "wspulse.empty_array is read-only; "
                         "use wspulse.array(t)");
}

/* ---- decode ---- */

/* Finds lua-cjson, makes an instance of our own and keeps its decode. */
static int load_cjson(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "new");
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode_max_depth");
    lua_pushinteger(L, CJSON_DEPTH);
    lua_call(L, 1, 0);
    lua_getfield(L, -1, "decode");
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    if (state->ref_cjson_decode != 0) {
        luaL_unref(L, LUA_REGISTRYINDEX, state->ref_cjson_decode);
    }
    state->ref_cjson_decode = ref;
    return 0;
}

/* Sees to it that there is a decode. An instance reads numbers as the locale
 * wanted them when it was made, so that in another one `[1,5]` could be 1.5; a
 * decimal point of several bytes makes lua-cjson abort. Returns true, or false
 * with the reason pushed. */
static bool find_cjson(lua_State *L, struct wsp_lua_state *state)
{
    const char *point = localeconv()->decimal_point;
    if (point[0] == '\0' || point[1] != '\0') {
        lua_pushliteral(L, "lua-cjson cannot read numbers in this locale");
        return false;
    }
    if (state->ref_cjson_decode != 0 && state->cjson_point == point[0]) {
        return true;
    }
    lua_pushcfunction(L, load_cjson);
    lua_pushlightuserdata(L, state);
    if (lua_pcall(L, 1, 0, 0) != 0) {
        return false;
    }
    state->cjson_point = point[0];
    return true;
}

/* Pushes the value of a text that needs no parser; false when it does. */
static bool push_simple(lua_State *L, struct wsp_span text)
{
    char first = text.len > 0 ? text.data[0] : '\0';
    size_t last = text.len - 1;
    if (first == '"' && text.len > 1 && text.data[last] == '"' &&
        !memchr(text.data, '\\', text.len)) {
        lua_pushlstring(L, text.data + 1, text.len - 2);
        return true;
    }
    if (wsp_span_equal(text, wsp_span_of("null"))) {
        lua_pushlightuserdata(L, NULL);
        return true;
    }
    bool is_true = wsp_span_equal(text, wsp_span_of("true"));
    if (is_true || wsp_span_equal(text, wsp_span_of("false"))) {
        lua_pushboolean(L, is_true);
        return true;
    }
    return false;
}

static unsigned hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    return (unsigned)((digit | 0x20) - 'a') + 10;
}

/* The code unit of the escape \uXXXX at `at`, or 0 when there is none. */
static unsigned escaped_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return 0;
    }
    return hex_value(at[2]) << 12 | hex_value(at[3]) << 8 |
           hex_value(at[4]) << 4 | hex_value(at[5]);
}

/* Turns each escaped surrogate that has no partner into U+FFFD, in place (spec
 * D16): lua-cjson refuses them. */
static void repair_surrogates(char *text, size_t len)
{
    static const char replacement[] = {'f', 'f', 'f', 'd'};
    const char *end = text + len;
    for (char *at = text; at < end;) {
        unsigned unit = escaped_unit(at, end);
        if ((unit & 0xfc00) == 0xd800 &&
            (escaped_unit(at + 6, end) & 0xfc00) == 0xdc00) {
            at += 12;
        } else if ((unit & 0xf800) == 0xd800) {
            memcpy(at + 2, replacement, sizeof replacement);
            at += 6;
        } else {
            at += *at == '\\' ? 2 : 1;
        }
    }
}

/* Pushes the value and returns true, or pushes the reason and returns false;
 * without memory it raises. */
static bool call_cjson(lua_State *L, struct wsp_lua_state *state,
                       struct wsp_span text)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->ref_cjson_decode);
    lua_pushlstring(L, text.data, text.len);
    int status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_ERRMEM) {
        lua_error(L);
    }
    return status == 0;
}

bool wsp_lua_json_decode(lua_State *L, struct wsp_lua_state *state,
                         struct wsp_span text)
{
    luaL_checkstack(L, 8, "no room to decode");
    if (push_simple(L, text)) {
        return true;
    }
    if (!find_cjson(L, state)) {
        return false;
    }
    if (call_cjson(L, state, text)) {
        return true;
    }
    lua_pop(L, 1);
    char *copy = lua_newuserdata(L, text.len);
    memcpy(copy, text.data, text.len);
    repair_surrogates(copy, text.len);
    bool is_done = call_cjson(L, state, (struct wsp_span){copy, text.len});
    lua_remove(L, -2);
    return is_done;
}

static int json_decode(lua_State *L)
{
    struct wsp_span text = check_text(L, 1);
    struct wsp_diag diag = {0};
    if (!wsp_json_is_valid(text)) {
        wsp_diag_set(&diag, WSP_ERR_DECODE, "%s: not valid JSON",
                     wsp_err_text(WSP_ERR_DECODE));
        return wsp_lua_error_nil_diag(L, &diag);
    }
    if (!wsp_lua_json_decode(L, wsp_lua_state_upvalue(L), text)) {
        return luaL_error(L, "wspulse.decode: %s", lua_tostring(L, -1));
    }
    return 1;
}

/* ---- encode ---- */

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    struct wsp_diag diag = {0};
    struct wsp_lua_encoding encoding = {
        .index = 1, .root = "value", .diag = &diag};
    if (wsp_lua_encoder_run(L, wsp_lua_state_upvalue(L), &encoding) != WSP_OK) {
        return wsp_lua_error_nil_diag(L, &diag);
    }
    lua_pushlstring(L, encoding.text.data, encoding.text.len);
    return 1;
}

/* ---- opening ---- */

static const luaL_Reg functions[] = {
    {"array", json_array},
    {"encode", json_encode},
    {"decode", json_decode},
    {NULL, NULL},
};

/* Pushes a table with `__name`. */
static void push_named(lua_State *L, const char *name)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
}

static void register_array(lua_State *L, struct wsp_lua_state *state)
{
    push_named(L, "wspulse.array");
    state->array_mark = lua_topointer(L, -1);
    state->ref_array = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Gives the table on top of the stack the field `empty_array`. */
static void add_empty_array(lua_State *L, struct wsp_lua_state *state)
{
    lua_newtable(L);
    push_named(L, "wspulse.empty_array");
    lua_pushcfunction(L, empty_array_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    state->empty_array = lua_topointer(L, -1);
    lua_pushvalue(L, -1);
    luaL_ref(L, LUA_REGISTRYINDEX);
    lua_setfield(L, -2, "empty_array");
}

void wsp_lua_json_open(lua_State *L)
{
    luaL_checkstack(L, 8, "no room to open");
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    register_array(L, state);
    add_empty_array(L, state);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    wsp_lua_type_functions(L, functions);
    /* Now, before a script can replace `require`; a program without lua-cjson
     * is told when it touches a payload. */
    if (!find_cjson(L, state)) {
        lua_pop(L, 1);
    }
}
