/* SPDX-License-Identifier: MIT */
#include "lua/lua_msgpack.h"

#include <lauxlib.h>

#include <mpack.h>

#include "lua/lua_encoder.h"
#include "lua/lua_raw.h"

#define PAIRS_HINT 64 /* equal keys may make a map smaller than it says */

/* A container that is being filled; its table is on the Lua stack, and above it
 * the key of a pair whose value is still to come. */
struct level {
    uint32_t lacking; /* values or pairs to come, the current one included */
    uint32_t count;   /* values stored, of an array */
    bool is_map;
    bool has_key;
};

/* The walk keeps its place in the data instead of the C stack. */
struct walk {
    lua_State *L;
    struct wsp_lua_state *state;
    const char *at; /* the next byte */
    size_t left;    /* bytes from there on */
    int depth;      /* levels in use */
    struct level levels[WSP_LUA_ENCODER_DEPTH];
};

/* ---- values ---- */

static bool read_token(struct walk *walk, mpack_token_t *token)
{
    mpack_tokbuf_t tokbuf = MPACK_TOKBUF_INITIAL_VALUE;
    return walk->left > 0 &&
           mpack_read(&tokbuf, &walk->at, &walk->left, token) == MPACK_OK;
}

/* Steps over the bytes of a text; false when there are fewer. */
static bool take_text(struct walk *walk, size_t len, struct wsp_span *text)
{
    if (len > walk->left) {
        return false;
    }
    *text = (struct wsp_span){walk->at, len};
    walk->at += len;
    walk->left -= len;
    return true;
}

static bool push_string(struct walk *walk, const mpack_token_t *token)
{
    struct wsp_span text;
    if (!take_text(walk, token->length, &text)) {
        return false;
    }
    lua_pushlstring(walk->L, text.data, text.len);
    return true;
}

/* The raw value holds the whole extension, from `start` on. */
static bool push_extension(struct walk *walk, const mpack_token_t *token,
                           const char *start)
{
    struct wsp_span body;
    if (!take_text(walk, token->length, &body)) {
        return false;
    }
    struct wsp_span whole = {start, (size_t)(walk->at - start)};
    wsp_lua_raw_push(walk->L, walk->state, whole, WSP_LUA_FORMAT_MSGPACK);
    return true;
}

/* Tells whether a container of that size can follow: each value takes a byte at
 * least. */
static bool has_room(const struct walk *walk, uint32_t count)
{
    return walk->depth < WSP_LUA_ENCODER_DEPTH && count <= walk->left;
}

/* Begins a level for the table on top of the stack, unless it stays empty. */
static void begin(struct walk *walk, uint32_t count, bool is_map)
{
    if (count > 0) {
        walk->levels[walk->depth++] = (struct level){count, 0, is_map, false};
    }
}

static bool push_array(struct walk *walk, uint32_t count)
{
    lua_State *L = walk->L;
    if (!has_room(walk, count)) {
        return false;
    }
    lua_createtable(L, (int)count, 0);
    if (count == 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, walk->state->ref_array);
        lua_setmetatable(L, -2);
    }
    begin(walk, count, false);
    return true;
}

static bool push_map(struct walk *walk, uint32_t count)
{
    if (!has_room(walk, count)) {
        return false;
    }
    lua_createtable(walk->L, 0, count < PAIRS_HINT ? (int)count : PAIRS_HINT);
    begin(walk, count, true);
    return true;
}

/* Pushes the next value, or the table of one that begins. Returns false when
 * the bytes are malformed. */
static bool push_value(struct walk *walk)
{
    lua_State *L = walk->L;
    const char *start = walk->at;
    mpack_token_t token;
    if (!read_token(walk, &token)) {
        return false;
    }
    switch (token.type) {
    case MPACK_TOKEN_NIL:
        lua_pushlightuserdata(L, NULL);
        return true;
    case MPACK_TOKEN_BOOLEAN:
        lua_pushboolean(L, token.data.value.lo != 0);
        return true;
    case MPACK_TOKEN_STR:
    case MPACK_TOKEN_BIN:
        return push_string(walk, &token);
    case MPACK_TOKEN_EXT:
        return push_extension(walk, &token, start);
    case MPACK_TOKEN_ARRAY:
        return push_array(walk, token.length);
    case MPACK_TOKEN_MAP:
        return push_map(walk, token.length);
    default:
        lua_pushnumber(L, mpack_unpack_number(token));
        return true;
    }
}

/* ---- containers ---- */

static bool is_nan(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TNUMBER &&
           lua_tonumber(L, index) != lua_tonumber(L, index);
}

/* Stores the pair on top of the stack in the table below. */
static void store_pair(lua_State *L)
{
    if (is_nan(L, -2)) {
        lua_pop(L, 2);
    } else {
        lua_rawset(L, -3);
    }
}

/* Stores the value on top of the stack in the innermost container, or keeps it
 * there as a key. Returns true when the container is complete: its table is then
 * the value on top. */
static bool store(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    if (!level->is_map) {
        lua_rawseti(walk->L, -2, (int)++level->count);
    } else if (level->has_key) {
        level->has_key = false;
        store_pair(walk->L);
    } else {
        level->has_key = true;
        return false;
    }
    if (--level->lacking > 0) {
        return false;
    }
    walk->depth--;
    return true;
}

/* Pushes one value after the other until the outermost is complete. */
static bool run(struct walk *walk)
{
    do {
        luaL_checkstack(walk->L, 4, "no room to decode");
        int depth = walk->depth;
        if (!push_value(walk)) {
            return false;
        }
        bool is_complete = walk->depth == depth;
        while (is_complete && walk->depth > 0) {
            is_complete = store(walk);
        }
    } while (walk->depth > 0);
    return true;
}

bool wsp_lua_msgpack_decode(lua_State *L, struct wsp_lua_state *state,
                            struct wsp_span bytes)
{
    struct walk walk;
    int top = lua_gettop(L);
    walk.L = L;
    walk.state = state;
    walk.at = bytes.data;
    walk.left = bytes.len;
    walk.depth = 0;
    if (run(&walk)) {
        return true;
    }
    lua_settop(L, top);
    lua_pushliteral(L, "malformed msgpack");
    return false;
}
