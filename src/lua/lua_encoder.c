/* SPDX-License-Identifier: MIT */
#include "lua/lua_encoder.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lua/lua_buffer.h"
#include "lua/lua_json.h"
#include "lua/lua_json_text.h"

/* What is known of a table that is being written. */
enum kind {
    KIND_NEW,     /* nothing yet */
    KIND_MARKED,  /* nothing yet, but wspulse.array marks it */
    KIND_OBJECT,  /* all keys so far are strings */
    KIND_ARRAY,   /* keys so far came as 1, 2, 3 … from lua_next */
    KIND_INDEXED, /* they come in another order: read by index up to `count` */
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
    bool is_table_fault; /* the fault is in the keys of the top level */
    struct wsp_lua_buffer buffer;
    struct level levels[WSP_LUA_JSON_DEPTH];
};

#define FAULT_KEYS "the keys are neither 1..n nor all strings"

#define ADD_LITERAL(walk, text)                                                \
    (wsp_lua_buffer_add(&(walk)->buffer, (text), sizeof(text) - 1)             \
         ? NULL                                                                \
         : WSP_LUA_FAULT_TOO_LARGE)

static int key_slot(const struct walk *walk, int level)
{
    return walk->base + 2 * level + 2;
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
    size_t len;
    const char *data = lua_tolstring(walk->L, index, &len);
    return wsp_lua_json_text_string(&walk->buffer,
                                    (struct wsp_span){data, len});
}

static const char *put_userdata(struct walk *walk)
{
    const struct wsp_lua_raw *raw =
        wsp_lua_type_to(walk->L, -1, &walk->state->raw_type);
    if (!raw) {
        return type_fault(LUA_TUSERDATA);
    }
    if (raw->fault) {
        return raw->fault;
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
    bool is_array =
        lua_topointer(walk->L, -1) == walk->state->array_type.metatable;
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
    if (walk->depth == WSP_LUA_JSON_DEPTH) {
        return "nested deeper than 512";
    }
    enum kind kind = is_marked(walk) ? KIND_MARKED : KIND_NEW;
    walk->levels[walk->depth++] = (struct level){table, 0, 0, kind};
    luaL_checkstack(walk->L, 8, "no room to encode");
    lua_pushnil(walk->L);
    return NULL;
}

static const char *put_scalar(struct walk *walk, int type)
{
    lua_State *L = walk->L;
    switch (type) {
    case LUA_TSTRING:
        return put_string(walk, -1);
    case LUA_TNUMBER:
        return wsp_lua_json_text_number(&walk->buffer, lua_tonumber(L, -1));
    case LUA_TBOOLEAN:
        return lua_toboolean(L, -1) ? ADD_LITERAL(walk, "true")
                                    : ADD_LITERAL(walk, "false");
    case LUA_TNIL:
        return ADD_LITERAL(walk, "null");
    case LUA_TLIGHTUSERDATA:
        return lua_touserdata(L, -1) ? type_fault(type)
                                     : ADD_LITERAL(walk, "null");
    case LUA_TUSERDATA:
        return put_userdata(walk);
    case LUA_TTABLE:
        return ADD_LITERAL(walk, "[]");
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

static const char *table_fault(struct walk *walk, const char *fault)
{
    walk->is_table_fault = true;
    return fault;
}

/* Tells whether the key at `index` is the integer `expected`. */
static bool key_is(lua_State *L, int index, int expected)
{
    return lua_type(L, index) == LUA_TNUMBER &&
           lua_tonumber(L, index) == (double)expected;
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

/* The keys do not come in order: goes on by index, when they are 1..n. */
static const char *change_to_index(struct walk *walk, struct level *level)
{
    double greatest;
    if (!measure(walk, &level->count, &greatest)) {
        return table_fault(walk, FAULT_KEYS);
    }
    if (greatest != (double)level->count) {
        return table_fault(walk, "the array has holes");
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
    if (level->at++ > 0 && !wsp_lua_buffer_put(&walk->buffer, ',')) {
        return WSP_LUA_FAULT_TOO_LARGE;
    }
    if (level->kind != KIND_OBJECT) {
        return NULL;
    }
    const char *fault = put_string(walk, -2);
    return fault ? fault : ADD_LITERAL(walk, ":");
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

struct path {
    char text[256];
    size_t len;
};

static void path_put(struct path *path, char byte)
{
    if (path->len < sizeof path->text - 1) {
        path->text[path->len++] = byte;
    }
}

static bool is_word(const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_letter = (key[i] >= 'a' && key[i] <= 'z') ||
                         (key[i] >= 'A' && key[i] <= 'Z') || key[i] == '_';
        bool is_digit = key[i] >= '0' && key[i] <= '9';
        if (!is_letter && !(is_digit && i > 0)) {
            return false;
        }
    }
    return len > 0;
}

/* Adds `.key`, or `["any key"]` with what is not printable ASCII as `?`. */
static void path_put_key(struct path *path, const char *key, size_t len)
{
    bool is_plain = is_word(key, len);
    path_put(path, is_plain ? '.' : '[');
    if (!is_plain) {
        path_put(path, '"');
    }
    for (size_t i = 0; i < len; i++) {
        path_put(path, key[i] >= ' ' && key[i] <= '~' ? key[i] : '?');
    }
    if (!is_plain) {
        path_put(path, '"');
        path_put(path, ']');
    }
}

static void path_put_index(struct path *path, int index)
{
    char text[16];
    snprintf(text, sizeof text, "[%d]", index);
    for (const char *at = text; *at; at++) {
        path_put(path, *at);
    }
}

/* Describes where the walk stands; a long way is cut after its beginning. */
static void describe(const struct walk *walk, struct path *path)
{
    int levels = walk->is_table_fault ? walk->depth - 1 : walk->depth;
    for (int i = 0; i < levels; i++) {
        if (walk->levels[i].kind == KIND_OBJECT) {
            size_t len;
            const char *key = lua_tolstring(walk->L, key_slot(walk, i), &len);
            path_put_key(path, key, len);
        } else {
            path_put_index(path, walk->levels[i].at);
        }
    }
    bool is_cut = path->len == sizeof path->text - 1;
    memcpy(path->text + path->len - (is_cut ? 3 : 0), is_cut ? "..." : "",
           is_cut ? 4 : 1);
}

enum wsp_err wsp_lua_encoder_run(lua_State *L, struct wsp_lua_state *state,
                                 struct wsp_lua_encoding *encoding)
{
    struct walk walk;
    walk.L = L;
    walk.state = state;
    walk.depth = 0;
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
    struct path path = {.len = 0};
    describe(&walk, &path);
    lua_settop(L, walk.buffer.slot - 1);
    return wsp_diag_set(encoding->diag, WSP_ERR_ENCODE, "%s: %s%s: %s",
                        wsp_err_text(WSP_ERR_ENCODE), encoding->root, path.text,
                        fault);
}
