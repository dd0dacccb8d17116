/* SPDX-License-Identifier: MIT */
#include "lua/lua_codec.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_call.h"
#include "lua/lua_option.h"
#include "lua/lua_server.h"

/* ---- the option ---- */

/* Moves the function `name` of the table on top of the stack into a slot. */
static void keep_function(lua_State *L, const struct wsp_lua_option *option,
                          const char *name, enum wsp_lua_slot slot)
{
    if (!wsp_lua_option_push_function(L, option, name)) {
        struct wsp_lua_option field = *option;
        field.key = lua_pushfstring(L, "%s.%s", option->key, name);
        lua_insert(L, -2);
        wsp_lua_option_fail(L, &field, "must be a function");
    }
    lua_rawseti(L, option->environment, (int)slot);
}

static bool read_is_binary(lua_State *L, const struct wsp_lua_option *option)
{
    struct wsp_lua_option field = *option;
    field.key = "codec.frame_type";
    lua_getfield(L, -1, "frame_type");
    bool is_string = lua_type(L, -1) == LUA_TSTRING;
    const char *word = is_string ? lua_tostring(L, -1) : "";
    bool is_binary = strcmp(word, "binary") == 0;
    if (!lua_isnil(L, -1) && !is_binary && strcmp(word, "text") != 0) {
        wsp_lua_option_fail(L, &field, "must be \"text\" or \"binary\"");
    }
    lua_pop(L, 1);
    return is_binary;
}

void wsp_lua_codec_read(lua_State *L, const struct wsp_lua_option *option)
{
    static const char *const names[] = {"encode", "decode", "frame_type", NULL};
    struct wsp_lua_codec *codec = &option->server->codec;
    wsp_lua_option_check_table(L, option, "codec must be a table", names);
    keep_function(L, option, "encode", WSP_LUA_SLOT_ENCODE);
    keep_function(L, option, "decode", WSP_LUA_SLOT_DECODE);
    codec->is_binary = read_is_binary(L, option);
    lua_rawgeti(L, option->environment, WSP_LUA_SLOT_DECODE);
    codec->identity = lua_topointer(L, -1);
    lua_pop(L, 1);
    codec->is_set = true;
    codec->state = option->server->state;
    option->server->options.codec = "raw";
}

void wsp_lua_codec_pin(lua_State *L, struct wsp_lua_codec *codec)
{
    lua_rawgeti(L, -1, WSP_LUA_SLOT_ENCODE);
    codec->ref_encode = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_rawgeti(L, -1, WSP_LUA_SLOT_DECODE);
    codec->ref_decode = luaL_ref(L, LUA_REGISTRYINDEX);
}

void wsp_lua_codec_unpin(lua_State *L, struct wsp_lua_codec *codec)
{
    luaL_unref(L, LUA_REGISTRYINDEX, codec->ref_encode);
    luaL_unref(L, LUA_REGISTRYINDEX, codec->ref_decode);
}

/* ---- calls ---- */

/* Calls a function of the codec, which lies below its argument on the stack,
 * with two results or the one that was raised. A codec that sends calls itself:
 * so deep and no deeper, for the C stack has an end. */
static bool call(lua_State *L, const struct wsp_lua_codec *codec)
{
    struct wsp_lua_state *state = codec->state;
    if (state->codec_depth == WSP_LUA_DEPTH_MAX) {
        lua_pop(L, 2);
        lua_pushliteral(L, "too deep: a codec that sends calls itself");
        return false;
    }
    state->codec_depth++;
    int status = lua_pcall(L, 1, 2, 0);
    state->codec_depth--;
    return status == 0;
}

/* ---- decode ---- */

/* Pushes a member of the table at `index` that is a text; nil and null stand
 * for "". Returns false and pushes why it is none. */
static bool push_text(lua_State *L, int index, const char *name,
                      struct wsp_span *out)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    bool is_null = lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == NULL;
    if (lua_isnil(L, -1) || is_null) {
        lua_pop(L, 1);
        lua_pushliteral(L, "");
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
        lua_pushfstring(L, "codec.decode: %s must be a string (got %s)", name,
                        luaL_typename(L, -1));
        return false;
    }
    out->data = lua_tolstring(L, -1, &out->len);
    return true;
}

/* Pushes why a function of the codec gave no result: the error at `index`. */
static void push_raised(lua_State *L, const char *name, int index)
{
    wsp_lua_call_describe(L, index);
    lua_pushfstring(L, "codec.%s: %s", name, lua_tostring(L, -1));
}

/* The same for the two results at `index`. */
static void push_reason(lua_State *L, const char *name, int index,
                        const char *expected)
{
    if (!lua_toboolean(L, index) && !lua_isnil(L, index + 1)) {
        push_raised(L, name, index + 1);
    } else {
        lua_pushfstring(L, "codec.%s: returned %s instead of %s", name,
                        luaL_typename(L, index), expected);
    }
}

bool wsp_lua_codec_decode(lua_State *L, const struct wsp_lua_codec *codec,
                          struct wsp_span message, struct wsp_lua_decoded *out)
{
    luaL_checkstack(L, 12, "no room to decode");
    int result = lua_gettop(L) + 1;
    lua_rawgeti(L, LUA_REGISTRYINDEX, codec->ref_decode);
    lua_pushlstring(L, message.len > 0 ? message.data : "", message.len);
    if (!call(L, codec)) {
        push_raised(L, "decode", result);
        return false;
    }
    if (!lua_istable(L, result)) {
        push_reason(L, "decode", result, "a table");
        return false;
    }
    if (!push_text(L, result, "id", &out->id) ||
        !push_text(L, result, "event", &out->event)) {
        return false;
    }
    lua_pushliteral(L, "payload");
    lua_rawget(L, result);
    out->has_payload = !lua_isnil(L, -1);
    return true;
}

/* ---- encode ---- */

bool wsp_lua_codec_encode(lua_State *L, const struct wsp_lua_codec *codec,
                          int *value)
{
    luaL_checkstack(L, 8, "no room to encode");
    int result = lua_gettop(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, codec->ref_encode);
    lua_insert(L, -2);
    if (!call(L, codec)) {
        *value = result;
        push_raised(L, "encode", result);
        return false;
    }
    if (lua_type(L, result) == LUA_TSTRING) {
        lua_settop(L, result);
        return true;
    }
    *value = lua_isnil(L, result + 1) ? 0 : result + 1;
    push_reason(L, "encode", result, "a string");
    return false;
}
