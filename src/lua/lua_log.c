/* SPDX-License-Identifier: MIT */
#include "lua/lua_log.h"

#include <lauxlib.h>
#include <math.h>

#include "lua/lua_error.h"
#include "lua/lua_stack.h"
#include "lua/lua_state.h"

#define FIELDS_MAX 32 /* of a script; more raise */

/* One line: the fields of the script, then our own. Texts are anchored on the
 * Lua stack. */
struct line {
    struct wsp_log_field fields[FIELDS_MAX + 1];
    size_t count;
};

/* ---- fields ---- */

/* Pushes the value at `index` as text, as tostring has it. */
static void push_text(lua_State *L, int index)
{
    if (luaL_callmeta(L, index, "__tostring") && lua_isstring(L, -1)) {
        return;
    }
    if (lua_isstring(L, index)) {
        lua_pushvalue(L, index);
        lua_tostring(L, -1);
    } else if (lua_isboolean(L, index)) {
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
    } else {
        lua_pushfstring(L, "%s: %p", luaL_typename(L, index),
                        lua_topointer(L, index));
    }
}

/* Fills a field from the key and the value at the top of the stack, and leaves
 * there what it points to. */
static void fill(lua_State *L, struct wsp_log_field *field)
{
    int key = lua_gettop(L) - 1;
    push_text(L, key);
    field->key = lua_tostring(L, -1);
    bool is_number = lua_type(L, key + 1) == LUA_TNUMBER;
    field->number = is_number ? lua_tonumber(L, key + 1) : 0;
    field->text = (struct wsp_span){NULL, 0};
    if (!is_number || !isfinite(field->number)) {
        push_text(L, key + 1);
        field->text.data = lua_tolstring(L, -1, &field->text.len);
    }
}

/* Keeps the fields in the order of their names: lua_next has none. */
static void insert(struct line *line, struct wsp_log_field field)
{
    size_t at = line->count++;
    while (at > 0 && strcmp(line->fields[at - 1].key, field.key) > 0) {
        line->fields[at] = line->fields[at - 1];
        at--;
    }
    line->fields[at] = field;
}

static void read_fields(lua_State *L, int index, struct line *line)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (line->count == FIELDS_MAX) {
            luaL_error(L, "wspulse.log: more than %d fields", FIELDS_MAX);
        }
        luaL_checkstack(L, 8, "no room for a log line");
        int key = lua_gettop(L) - 1;
        struct wsp_log_field field;
        fill(L, &field);
        insert(line, field);
        lua_pushvalue(L, key);
    }
}

/* ---- functions ---- */

static enum wsp_log_level check_level(lua_State *L)
{
    enum wsp_log_level level;
    const char *name = luaL_checkstring(L, 1);
    if (!wsp_log_level_parse(name, &level) || level == WSP_LOG_OFF) {
        luaL_error(L,
                   "wspulse.log: unknown level \"%s\"; debug, info, warn or "
                   "error expected",
                   name);
    }
    return level;
}

static int log_write(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    enum wsp_log_level level = check_level(L);
    const char *message = luaL_checkstring(L, 2);
    bool has_fields = !lua_isnoneornil(L, 3);
    wsp_lua_stack_check(L, state); /* __tostring of a field may log */
    if (has_fields) {
        luaL_checktype(L, 3, LUA_TTABLE);
    }
    if (!wsp_log_enabled(&state->logger, level)) {
        return 0;
    }
    struct line line = {.count = 0};
    if (has_fields) {
        read_fields(L, 3, &line);
    }
    if (state->app) {
        line.fields[line.count++] =
            WSP_LOG_NUM("generation", state->generation);
    }
    wsp_log(&state->logger, level, message, line.fields, line.count);
    return 0;
}

static int new_id(lua_State *L)
{
    char id[37];
    if (!wsp_uuid(id)) {
        return wsp_lua_error_nil(L, WSP_ERR_IO);
    }
    lua_pushstring(L, id);
    return 1;
}

static const luaL_Reg functions[] = {
    {"log", log_write},
    {"new_id", new_id},
    {NULL, NULL},
};

void wsp_lua_log_open(lua_State *L)
{
    wsp_lua_state_get(L);
    wsp_lua_type_functions(L, functions);
}
