/* SPDX-License-Identifier: MIT */
#include "lua/lua_server.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_connection.h"
#include "lua/lua_error.h"
#include "lua/lua_life.h"
#include "lua/lua_mount.h"
#include "lua/lua_options.h"
#include "lua/lua_outgoing.h"

static const char type_name[] = "wspulse.server";

/* ---- the description ---- */

struct wsp_lua_server *wsp_lua_server_to(lua_State *L, int index,
                                         const struct wsp_lua_state *state)
{
    return wsp_lua_type_to(L, index, &state->server_type);
}

struct wsp_lua_server *wsp_lua_server_check(lua_State *L)
{
    struct wsp_lua_server *server =
        wsp_lua_server_to(L, 1, wsp_lua_state_upvalue(L));
    if (!server) {
        luaL_typerror(L, 1, "wspulse.server");
    }
    return server;
}

struct wsp_server *wsp_lua_server_live(const struct wsp_lua_server *server)
{
    return server->mount ? server->mount->server : NULL;
}

static void pin_callbacks(lua_State *L, int index,
                          struct wsp_lua_server *server)
{
    lua_getfenv(L, index);
    for (int i = 0; i < WSP_LUA_CALLBACK_COUNT; i++) {
        lua_rawgeti(L, -1, WSP_LUA_SLOT_CALLBACK + i);
        server->ref_callbacks[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, -1, WSP_LUA_SLOT_ROUTES);
    server->ref_routes = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_rawgeti(L, -1, WSP_LUA_SLOT_HOOKS);
    server->ref_hooks = luaL_ref(L, LUA_REGISTRYINDEX);
    wsp_lua_codec_pin(L, &server->codec);
    lua_pop(L, 1);
}

void wsp_lua_server_pin(lua_State *L, int index, struct wsp_lua_server *server)
{
    pin_callbacks(L, index, server);
    lua_newtable(L);
    server->ref_handles = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, index);
    server->ref_self = luaL_ref(L, LUA_REGISTRYINDEX);
    wsp_lua_lane_open(L, server);
    server->is_pinned = true;
}

void wsp_lua_server_unpin(lua_State *L, struct wsp_lua_server *server)
{
    if (!server->is_pinned) {
        return;
    }
    server->is_pinned = false;
    wsp_lua_lane_close(L, server);
    for (int i = 0; i < WSP_LUA_CALLBACK_COUNT; i++) {
        luaL_unref(L, LUA_REGISTRYINDEX, server->ref_callbacks[i]);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, server->ref_routes);
    luaL_unref(L, LUA_REGISTRYINDEX, server->ref_hooks);
    wsp_lua_codec_unpin(L, &server->codec);
    luaL_unref(L, LUA_REGISTRYINDEX, server->ref_handles);
    luaL_unref(L, LUA_REGISTRYINDEX, server->ref_self);
}

/* The program let go of a server that was closed, or lua_close runs; the mount
 * outlives the description until its owner frees it. */
static int server_gc(lua_State *L)
{
    struct wsp_lua_server *server = lua_touserdata(L, 1);
    struct wsp_lua_mount *mount = server ? server->mount : NULL;
    if (mount && mount->home == server) {
        mount->home = NULL;
    }
    if (mount && mount->described == server) {
        mount->described = NULL;
    }
    if (server) {
        server->mount = NULL;
    }
    return 0;
}

/* Pushes the table that keeps what a description points to. */
static void push_environment(lua_State *L, int server_index)
{
    lua_createtable(L, WSP_LUA_SLOT_COUNT, 0);
    lua_pushvalue(L, server_index);
    lua_rawseti(L, -2, WSP_LUA_SLOT_SERVER);
    lua_newtable(L);
    lua_rawseti(L, -2, WSP_LUA_SLOT_KEPT);
    lua_newtable(L);
    lua_rawseti(L, -2, WSP_LUA_SLOT_ROUTES);
}

static int new_server(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) {
        return luaL_error(L,
                          "wspulse: NewServer: options must be a table "
                          "(got %s)",
                          luaL_typename(L, 1));
    }
    struct wsp_lua_server *server =
        wsp_lua_type_push(L, &state->server_type, sizeof *server);
    *server = (struct wsp_lua_server){.object = server->object, .state = state};
    push_environment(L, 2);
    lua_pushvalue(L, 3);
    lua_setfenv(L, 2);
    wsp_lua_options_read(L, server);
    lua_settop(L, 2);
    return 1;
}

/* ---- methods ---- */

static int server_name(lua_State *L)
{
    lua_pushstring(L, wsp_lua_server_check(L)->options.name);
    return 1;
}

static int server_addresses(lua_State *L)
{
    const struct wsp_server *live =
        wsp_lua_server_live(wsp_lua_server_check(L));
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    lua_newtable(L);
    const char *address;
    for (size_t i = 0; (address = wsp_server_address(live, i)) != NULL; i++) {
        lua_pushstring(L, address);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int server_admin_address(lua_State *L)
{
    const struct wsp_server *live =
        wsp_lua_server_live(wsp_lua_server_check(L));
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    lua_pushstring(L, wsp_server_admin_address(live));
    return 1;
}

/* A text made by the server, that is copied where nothing can raise past it. */
struct page {
    const char *text;
    size_t len;
};

static int push_page(lua_State *L)
{
    const struct page *page = lua_touserdata(L, 1);
    lua_pushlstring(L, page->text, page->len);
    return 1;
}

static int server_metrics_text(lua_State *L)
{
    const struct wsp_server *live =
        wsp_lua_server_live(wsp_lua_server_check(L));
    struct page page = {NULL, 0};
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    lua_pushcfunction(L, push_page);
    lua_pushlightuserdata(L, &page);
    char *text = wsp_server_metrics_text(live, &page.len);
    if (!text) {
        return wsp_lua_error_nil(L, WSP_ERR_OUT_OF_MEMORY);
    }
    page.text = text;
    int status = lua_pcall(L, 1, 1, 0);
    wsp_server_metrics_text_free(text);
    return status == 0 ? 1 : lua_error(L);
}

static struct wsp_span check_string(lua_State *L, int index)
{
    struct wsp_span span;
    luaL_checktype(L, index, LUA_TSTRING);
    span.data = lua_tolstring(L, index, &span.len);
    return span;
}

/* Stands for a frame that could not be encoded: the server looks at everything
 * else first and then refuses it too, whatever its codec. So the order of the
 * errors is the server's. */
static const struct wsp_frame unencodable = {
    .payload = {"\xc1", 1}, /* in no UTF-8, no JSON and no msgpack */
    .has_payload = true,
};

/* Gives the result of a call with `unencodable`, which cannot have succeeded. */
static enum wsp_err refused(enum wsp_err result)
{
    return result == WSP_OK ? WSP_ERR_ENCODE : result;
}

static int server_send(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_span id = check_string(L, 2);
    struct wsp_server *live = wsp_lua_server_live(server);
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    struct wsp_lua_outgoing out;
    enum wsp_err result = wsp_lua_outgoing_read(L, 3, server, &out);
    result = result == WSP_OK
                 ? wsp_server_send(live, id, out.frame, &out.diag)
                 : refused(wsp_server_send(live, id, &unencodable, NULL));
    return wsp_lua_outgoing_result(L, result, &out);
}

/* What `except` of a broadcast names, a handle or a connection id. */
struct except {
    struct wsp_span id;
    wsp_id handle; /* 0: nobody */
};

static bool match_id(void *ud, struct wsp_connection *connection)
{
    struct except *except = ud;
    if (!wsp_span_equal(wsp_connection_id(connection), except->id)) {
        return true;
    }
    except->handle = wsp_connection_handle(connection);
    return false;
}

static void except_fail(lua_State *L)
{
    luaL_error(L,
               "wspulse: broadcast: except must be a connection or a "
               "connection id (got %s)",
               luaL_typename(L, -1));
}

/* A misspelt `except` would send to somebody who must not get it. */
static void check_except_keys(lua_State *L)
{
    luaL_checktype(L, 4, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 4)) {
        if (lua_type(L, -2) != LUA_TSTRING ||
            strcmp(lua_tostring(L, -2), "except") != 0) {
            luaL_error(L, "wspulse: broadcast: the only option is except");
        }
        lua_pop(L, 1);
    }
}

/* Reads the third argument of broadcast. */
static wsp_id check_except(lua_State *L, const struct wsp_lua_server *server,
                           struct wsp_server *live)
{
    struct except except = {{NULL, 0}, 0};
    if (lua_isnoneornil(L, 4)) {
        return 0;
    }
    check_except_keys(L);
    lua_getfield(L, 4, "except");
    if (lua_type(L, -1) == LUA_TSTRING) {
        except.id.data = lua_tolstring(L, -1, &except.id.len);
        wsp_server_each(live, check_string(L, 2), match_id, &except);
    } else if (!lua_isnil(L, -1) &&
               !wsp_lua_connection_to(L, -1, server, &except.handle)) {
        except_fail(L);
    }
    lua_pop(L, 1);
    return except.handle;
}

static int server_broadcast(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_span room = check_string(L, 2);
    struct wsp_server *live = wsp_lua_server_live(server);
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    lua_settop(L, 4);
    wsp_id except = check_except(L, server, live);
    struct wsp_lua_outgoing out;
    enum wsp_err result = wsp_lua_outgoing_read(L, 3, server, &out);
    result =
        result == WSP_OK
            ? wsp_server_broadcast(live, room, out.frame, except, &out.diag)
            : refused(wsp_server_broadcast(live, room, &unencodable, 0, NULL));
    return wsp_lua_outgoing_result(L, result, &out);
}

static int server_kick(lua_State *L)
{
    const struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_span id = check_string(L, 2);
    struct wsp_server *live = wsp_lua_server_live(server);
    enum wsp_err result =
        live ? wsp_server_kick(live, id) : WSP_ERR_SERVER_NOT_STARTED;
    return wsp_lua_error_result(L, result, NULL);
}

/* Where the walk over a room writes; `ids` NULL only counts. */
struct roll {
    wsp_id *ids;
    size_t count;
};

static bool note_id(void *ud, struct wsp_connection *connection)
{
    struct roll *roll = ud;
    if (roll->ids) {
        roll->ids[roll->count] = wsp_connection_handle(connection);
    }
    roll->count++;
    return true;
}

static int server_connections(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_span room = check_string(L, 2);
    struct wsp_server *live = wsp_lua_server_live(server);
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    /* A walk must not be left by a raised error, so it only notes ids. */
    struct roll count = {NULL, 0};
    if (server->is_pinned) {
        wsp_server_each(live, room, note_id, &count);
    }
    struct roll roll = {lua_newuserdata(L, count.count * sizeof(wsp_id)), 0};
    if (count.count > 0) {
        wsp_server_each(live, room, note_id, &roll);
    }
    lua_createtable(L, (int)roll.count, 0);
    for (size_t i = 0; i < roll.count; i++) {
        wsp_lua_connection_push(L, server, roll.ids[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int server_tostring(lua_State *L)
{
    lua_pushfstring(L, "wspulse.server (%s)",
                    wsp_lua_server_check(L)->options.name);
    return 1;
}

static const luaL_Reg methods[] = {
    {"name", server_name},
    {"addresses", server_addresses},
    {"admin_address", server_admin_address},
    {"send", server_send},
    {"broadcast", server_broadcast},
    {"kick", server_kick},
    {"connections", server_connections},
    {"metrics_text", server_metrics_text},
    {"run", wsp_lua_life_run},
    {"start", wsp_lua_life_start},
    {"poll", wsp_lua_life_poll},
    {"reload", wsp_lua_life_reload},
    {"close", wsp_lua_life_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__tostring", server_tostring},
    {"__gc", server_gc},
    {NULL, NULL},
};

void wsp_lua_server_open(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_newtable(L);
    wsp_lua_state_push(L);
    luaL_setfuncs(L, metamethods, 1);
    lua_newtable(L);
    wsp_lua_state_push(L);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    wsp_lua_type_register(L, &state->server_type, type_name);
    wsp_lua_state_push(L);
    lua_pushcclosure(L, new_server, 1);
    lua_setfield(L, -2, "new_server");
}
