/* SPDX-License-Identifier: MIT */
#include "lua/lua_encoder.h"

#include <lauxlib.h>

#include "lua/lua_buffer.h"
#include "lua/lua_json_text.h"
#include "lua/lua_msgpack_text.h"
#include "lua/lua_path.h"
#include "lua/lua_raw.h"

/* What is known of a table that is being written. */
enum kind {
    KIND_NEW,     /* nothing yet */
    KIND_MARKED,  /* nothing yet, but wspulse.array marks it */
    KIND_OBJECT,  /* all keys so far are strings */
    KIND_ARRAY,   /* keys so far came as 1, 2, 3 … from lua_next */
    KIND_INDEXED, /* it is read by index up to `count`: the keys come in another
                     order, or msgpack wanted them counted */
};

struct level {
    const void *table; /* its address, to find cycles */
    int at;            /* members begun */
    int count;         /* of KIND_INDEXED */
    enum kind kind;
};

/* The walk keeps its place in the data instead of the C stack. The Lua stack
 * holds two slots a level above `base`, the table and the current key, and then
 * the value at hand. */
struct walk {
    lua_State *L;
    const struct wsp_lua_state *state;
    int base;
    int depth;           /* levels in use */
    bool is_msgpack;     /* or else JSON */
    bool is_table_fault; /* the fault is in the keys of the top level */
    struct wsp_lua_buffer buffer;
    struct level levels[WSP_LUA_ENCODER_DEPTH];
};

#define FAULT_KEYS "the keys are neither 1..n nor all strings"

#define ADD_LITERAL(walk, text)                                                \
    (wsp_lua_buffer_add(&(walk)->buffer, (text), sizeof(text) - 1)             \
         ? NULL                                                                \
         : WSP_LUA_FAULT_TOO_LARGE)

/* Adds a value that is one word in JSON and one byte in msgpack. */
#define ADD_WORD(walk, json, msgpack)                                          \
    ((walk)->is_msgpack ? ADD_LITERAL(walk, msgpack) : ADD_LITERAL(walk, json))

static int key_slot(const struct walk *walk, int level)
{
    return walk->base + 2 * level + 2;
}

/* ---- counting ---- */

static const char *table_fault(struct walk *walk, const char *fault)
{
    walk->is_table_fault = true;
    return fault;
}

/* Counts the members of the top level's table and finds its greatest key.
 * Returns false when a key is no positive integer. */
static bool measure(struct walk *walk, int *count, double *greatest)
{
    lua_State *L = walk->L;
    int table = key_slot(walk, walk->depth - 1) - 1;
    *count = 0;
    *greatest = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        lua_Number key = lua_tonumber(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER || !(key >= 1) ||
            key > (double)INT32_MAX || key != (double)(int)key) {
            lua_pop(L, 1);
            return false;
        }
        *greatest = key > *greatest ? key : *greatest;
        ++*count;
    }
    return true;
}

/* Counts the members of an array. */
static const char *count_array(struct walk *walk, int *count)
{
    double greatest;
    if (!measure(walk, count, &greatest)) {
        return table_fault(walk, FAULT_KEYS);
    }
    return greatest == (double)*count
               ? NULL
               : table_fault(walk, "the array has holes");
}

/* Counts the members of an object; returns false when a key is no string. */
static bool count_object(struct walk *walk, int *count)
{
    lua_State *L = walk->L;
    int table = key_slot(walk, walk->depth - 1) - 1;
    *count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            lua_pop(L, 1);
            return false;
        }
        ++*count;
    }
    return true;
}

/* Writes how many members the table of the top level has, which stands in front
 * of them in msgpack. */
static const char *put_head(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    int count;
    if (level->kind == KIND_NEW && count_object(walk, &count)) {
        level->kind = KIND_OBJECT;
        return wsp_lua_msgpack_text_map(&walk->buffer, (uint32_t)count);
    }
    const char *fault = count_array(walk, &level->count);
    if (fault) {
        return fault;
    }
    level->kind = KIND_INDEXED;
    return wsp_lua_msgpack_text_array(&walk->buffer, (uint32_t)level->count);
}

/* ---- values ---- */

static const char *type_fault(int type)
{
    switch (type) {
    case LUA_TFUNCTION:
        return "cannot encode a function";
    case LUA_TTHREAD:
        return "cannot encode a thread";
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
        return "cannot encode a userdata";
    default:
        return "cannot encode a cdata";
    }
}

static const char *put_string(struct walk *walk, int index)
{
    struct wsp_span text;
    text.data = lua_tolstring(walk->L, index, &text.len);
    return walk->is_msgpack ? wsp_lua_msgpack_text_string(&walk->buffer, text)
                            : wsp_lua_json_text_string(&walk->buffer, text);
}

static const char *put_number(struct walk *walk)
{
    double number = lua_tonumber(walk->L, -1);
    return walk->is_msgpack ? wsp_lua_msgpack_text_number(&walk->buffer, number)
                            : wsp_lua_json_text_number(&walk->buffer, number);
}

static const char *put_userdata(struct walk *walk)
{
    struct wsp_lua_raw *raw = wsp_lua_raw_to(walk->L, -1, walk->state);
    if (!raw) {
        return type_fault(LUA_TUSERDATA);
    }
    const char *fault = wsp_lua_raw_fault(
        raw, walk->is_msgpack ? WSP_LUA_FORMAT_MSGPACK : WSP_LUA_FORMAT_JSON);
    if (fault) {
        return fault;
    }
    return wsp_lua_buffer_add(&walk->buffer, raw->text, raw->len)
               ? NULL
               : WSP_LUA_FAULT_TOO_LARGE;
}

static bool is_marked(const struct walk *walk)
{
    if (!lua_getmetatable(walk->L, -1)) {
        return false;
    }
    bool is_array = lua_topointer(walk->L, -1) == walk->state->array_mark;
    lua_pop(walk->L, 1);
    return is_array;
}

/* Begins a level with the table on top of the stack, and leaves it there with a
 * nil, where lua_next starts. */
static const char *open_table(struct walk *walk)
{
    const void *table = lua_topointer(walk->L, -1);
    for (int i = 0; i < walk->depth; i++) {
        if (walk->levels[i].table == table) {
            return "the table contains itself";
        }
    }
    if (walk->depth == WSP_LUA_ENCODER_DEPTH) {
        return "nested deeper than 512";
    }
    enum kind kind = is_marked(walk) ? KIND_MARKED : KIND_NEW;
    walk->levels[walk->depth++] = (struct level){table, 0, 0, kind};
    luaL_checkstack(walk->L, 8, "no room to encode");
    lua_pushnil(walk->L);
    return walk->is_msgpack ? put_head(walk) : NULL;
}

static const char *put_scalar(struct walk *walk, int type)
{
    lua_State *L = walk->L;
    switch (type) {
    case LUA_TSTRING:
        return put_string(walk, -1);
    case LUA_TNUMBER:
        return put_number(walk);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, -1) ? ADD_WORD(walk, "true", "\xC3")
                                    : ADD_WORD(walk, "false", "\xC2");
    case LUA_TNIL:
        return ADD_WORD(walk, "null", "\xC0");
    case LUA_TLIGHTUSERDATA:
        return lua_touserdata(L, -1) ? type_fault(type)
                                     : ADD_WORD(walk, "null", "\xC0");
    case LUA_TUSERDATA:
        return put_userdata(walk);
    case LUA_TTABLE:
        return ADD_WORD(walk, "[]", "\x90");
    default:
        return type_fault(type);
    }
}

/* Writes the value on top of the stack and pops it; a table only begins, but
 * for wspulse.empty_array. */
static const char *put_value(struct walk *walk)
{
    int type = lua_type(walk->L, -1);
    if (type == LUA_TTABLE &&
        lua_topointer(walk->L, -1) != walk->state->empty_array) {
        return open_table(walk);
    }
    const char *fault = put_scalar(walk, type);
    if (!fault) {
        lua_pop(walk->L, 1);
    }
    return fault;
}

/* ---- tables ---- */

/* Tells whether the key at `index` is the integer `expected`. */
static bool key_is(lua_State *L, int index, int expected)
{
    return lua_type(L, index) == LUA_TNUMBER &&
           lua_tonumber(L, index) == (double)expected;
}

/* The keys do not come in order: goes on by index, when they are 1..n. */
static const char *change_to_index(struct walk *walk, struct level *level)
{
    const char *fault = count_array(walk, &level->count);
    if (fault) {
        return fault;
    }
    level->kind = KIND_INDEXED;
    lua_settop(walk->L, key_slot(walk, walk->depth - 1));
    lua_rawgeti(walk->L, -2, level->at + 1);
    return NULL;
}

static const char *begin(struct walk *walk, struct level *level)
{
    bool is_object =
        level->kind == KIND_NEW && lua_type(walk->L, -2) == LUA_TSTRING;
    level->kind = is_object ? KIND_OBJECT : KIND_ARRAY;
    return is_object ? ADD_LITERAL(walk, "{") : ADD_LITERAL(walk, "[");
}

/* Checks the member that lua_next has found, key below value. */
static const char *accept(struct walk *walk, struct level *level)
{
    if (level->kind == KIND_NEW || level->kind == KIND_MARKED) {
        const char *fault = begin(walk, level);
        if (fault) {
            return fault;
        }
    }
    if (level->kind == KIND_OBJECT) {
        return lua_type(walk->L, -2) == LUA_TSTRING
                   ? NULL
                   : table_fault(walk, FAULT_KEYS);
    }
    return key_is(walk->L, -2, level->at + 1) ? NULL
                                              : change_to_index(walk, level);
}

/* Ends the top level, whose table alone is left on the stack. */
static const char *close_table(struct walk *walk, enum kind kind)
{
    lua_settop(walk->L, key_slot(walk, --walk->depth) - 2);
    if (walk->is_msgpack) {
        return NULL;
    }
    switch (kind) {
    case KIND_NEW:
        return ADD_LITERAL(walk, "{}");
    case KIND_MARKED:
        return ADD_LITERAL(walk, "[]");
    case KIND_OBJECT:
        return ADD_LITERAL(walk, "}");
    default:
        return ADD_LITERAL(walk, "]");
    }
}

/* Writes what stands before a member: the comma and, in an object, the key. */
static const char *put_prefix(struct walk *walk, struct level *level)
{
    bool is_comma_due = level->at++ > 0 && !walk->is_msgpack;
    if (is_comma_due && !wsp_lua_buffer_put(&walk->buffer, ',')) {
        return WSP_LUA_FAULT_TOO_LARGE;
    }
    if (level->kind != KIND_OBJECT) {
        return NULL;
    }
    const char *fault = put_string(walk, -2);
    return fault || walk->is_msgpack ? fault : ADD_LITERAL(walk, ":");
}

/* Moves to the next member of the top level and pushes it. Returns false at the
 * end. */
static bool advance(struct walk *walk, struct level *level)
{
    if (level->kind != KIND_INDEXED) {
        return lua_next(walk->L, key_slot(walk, walk->depth - 1) - 1) != 0;
    }
    if (level->at == level->count) {
        return false;
    }
    lua_rawgeti(walk->L, -2, level->at + 1);
    return true;
}

static const char *step(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    if (!advance(walk, level)) {
        return close_table(walk, level->kind);
    }
    const char *fault = NULL;
    if (level->kind != KIND_INDEXED) {
        fault = accept(walk, level);
    }
    if (!fault) {
        fault = put_prefix(walk, level);
    }
    return fault ? fault : put_value(walk);
}

/* ---- faults ---- */

/* Describes where the walk stands; a long way is cut after its beginning. */
static void describe(const struct walk *walk, struct wsp_lua_path *path)
{
    int levels = walk->is_table_fault ? walk->depth - 1 : walk->depth;
    for (int i = 0; i < levels; i++) {
        if (walk->levels[i].kind == KIND_OBJECT) {
            struct wsp_span key;
            key.data = lua_tolstring(walk->L, key_slot(walk, i), &key.len);
            wsp_lua_path_key(path, key);
        } else {
            wsp_lua_path_index(path, walk->levels[i].at);
        }
    }
    wsp_lua_path_end(path);
}

enum wsp_err wsp_lua_encoder_run(lua_State *L, struct wsp_lua_state *state,
                                 struct wsp_lua_encoding *encoding)
{
    struct walk walk;
    walk.L = L;
    walk.state = state;
    walk.depth = 0;
    walk.is_msgpack = encoding->format == WSP_LUA_FORMAT_MSGPACK;
    walk.is_table_fault = false;
    wsp_lua_buffer_init(&walk.buffer, L);
    walk.base = walk.buffer.slot;
    lua_pushvalue(L, encoding->index);
    const char *fault = put_value(&walk);
    while (!fault && walk.depth > 0) {
        fault = step(&walk);
    }
    if (!fault) {
        encoding->text = wsp_lua_buffer_finish(&walk.buffer);
        return WSP_OK;
    }
    struct wsp_lua_path path = {.len = 0};
    describe(&walk, &path);
    lua_settop(L, walk.buffer.slot - 1);
    return wsp_diag_set(encoding->diag, WSP_ERR_ENCODE, "%s: %s%s: %s",
                        wsp_err_text(WSP_ERR_ENCODE), encoding->root, path.text,
                        fault);
}
