/* SPDX-License-Identifier: MIT */
#include "lua/lua_connection.h"

#include <lauxlib.h>

#include "lua/lua_error.h"
#include "lua/lua_outgoing.h"
#include "lua/lua_reply.h"
#include "lua/lua_request.h"
#include "lua/lua_value.h"

static const char type_name[] = "wspulse.connection";

struct handle {
    struct wsp_lua_object object;
    struct wsp_lua_server *server; /* alive through the environment */
    wsp_id id;
    bool has_own_table; /* the environment has the slots below */
    bool is_ended;      /* on_disconnect is over, a snapshot answers */
};

enum handle_slot {
    /* WSP_LUA_SLOT_SERVER = 1 */
    SLOT_ID = 2,
    SLOT_ROOM_ID,
    SLOT_LAST_ERROR,
    SLOT_VALUES,  /* table: key -> value */
    SLOT_PANIC,   /* what the last failed handler raised */
    SLOT_ERROR,   /* of on_disconnect */
    SLOT_REASON,  /* of on_disconnect */
    SLOT_CLOSERS, /* array of functions */
};

/* Index in the array of SLOT_CLOSERS of how many were called already. */
#define CLOSERS_CALLED 0

/* ---- the environment ---- */

static int absolute(lua_State *L, int index)
{
    return index < 0 && index > LUA_REGISTRYINDEX ? lua_gettop(L) + index + 1
                                                  : index;
}

/* Pushes the handle's own table, made on first use. */
static void push_own_table(lua_State *L, int index)
{
    struct handle *handle = lua_touserdata(L, index);
    index = absolute(L, index);
    lua_getfenv(L, index);
    if (handle->has_own_table) {
        return;
    }
    lua_createtable(L, SLOT_CLOSERS, 0);
    lua_rawgeti(L, -2, WSP_LUA_SLOT_SERVER);
    lua_rawseti(L, -2, WSP_LUA_SLOT_SERVER);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_setfenv(L, index);
    handle->has_own_table = true;
}

/* Pushes what the handle keeps in `slot`, or nil. */
static void push_slot(lua_State *L, int index, enum handle_slot slot)
{
    const struct handle *handle = lua_touserdata(L, index);
    if (!handle->has_own_table) {
        lua_pushnil(L);
        return;
    }
    lua_getfenv(L, index);
    lua_rawgeti(L, -1, (int)slot);
    lua_remove(L, -2);
}

/* ---- the handles of a description ---- */

/* Pushes the table of handles and what lies in the slot of `id`; gives that
 * when it is the handle of this very connection. */
static struct handle *push_interned(lua_State *L,
                                    const struct wsp_lua_server *server,
                                    wsp_id id)
{
    luaL_checkstack(L, 6, "no room for a connection");
    lua_rawgeti(L, LUA_REGISTRYINDEX, server->ref_handles);
    lua_rawgeti(L, -1, (int)WSP_ID_SLOT(id) + 1);
    struct handle *handle = lua_touserdata(L, -1);
    return handle && handle->id == id ? handle : NULL;
}

/* Pushes a new handle, its slot's table being at -2. */
static void make_handle(lua_State *L, struct wsp_lua_server *server, wsp_id id)
{
    lua_pop(L, 1);
    struct handle *handle =
        wsp_lua_type_push(L, &server->state->connection_type, sizeof *handle);
    *handle =
        (struct handle){.object = handle->object, .server = server, .id = id};
    lua_rawgeti(L, LUA_REGISTRYINDEX, server->ref_self);
    lua_getfenv(L, -1);
    lua_setfenv(L, -3);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (int)WSP_ID_SLOT(id) + 1);
}

void wsp_lua_connection_push(lua_State *L, struct wsp_lua_server *server,
                             wsp_id id)
{
    if (!push_interned(L, server, id)) {
        make_handle(L, server, id);
    }
    lua_remove(L, -2);
}

bool wsp_lua_connection_push_known(lua_State *L, struct wsp_lua_server *server,
                                   wsp_id id)
{
    bool is_known = push_interned(L, server, id) != NULL;
    if (is_known) {
        lua_remove(L, -2);
    } else {
        lua_pop(L, 2);
    }
    return is_known;
}

const void *wsp_lua_connection_of(lua_State *L, wsp_id id)
{
    const struct handle *handle = lua_touserdata(L, -1);
    return handle && handle->id == id ? handle : NULL;
}

bool wsp_lua_connection_to(lua_State *L, int index,
                           const struct wsp_lua_server *server, wsp_id *id)
{
    const struct handle *handle = wsp_lua_type_find(L, index, type_name);
    *id = handle && handle->server == server ? handle->id : 0;
    return handle != NULL;
}

/* ---- errors and the end ---- */

void wsp_lua_connection_push_error(lua_State *L, int index,
                                   const struct wsp_error *error)
{
    if (!error || wsp_error_code(error) != WSP_ERR_PANIC) {
        wsp_lua_error_push_error(L, error);
        return;
    }
    push_slot(L, index, SLOT_PANIC);
    int value = lua_isnil(L, -1) ? 0 : lua_gettop(L);
    wsp_lua_error_push_panic(L, error, value);
    lua_remove(L, -2);
}

void wsp_lua_connection_keep_panic(lua_State *L, int index, int value_index)
{
    value_index = absolute(L, value_index);
    push_own_table(L, index);
    lua_pushvalue(L, value_index);
    lua_rawseti(L, -2, SLOT_PANIC);
    lua_pop(L, 1);
}

static void push_span(lua_State *L, struct wsp_span span)
{
    lua_pushlstring(L, span.data ? span.data : "", span.len);
}

/* Pushes a table of all values of the connection. */
static void push_values(lua_State *L, const struct wsp_connection *connection)
{
    struct wsp_span key;
    struct wsp_span value;
    lua_newtable(L);
    for (size_t i = 0; wsp_connection_value_at(connection, i, &key, &value);
         i++) {
        push_span(L, key);
        wsp_lua_value_push(L, value);
        lua_rawset(L, -3);
    }
}

/* Fills the handle's own table from what is still there. */
static void take_snapshot(lua_State *L, int index,
                          struct wsp_connection *connection)
{
    struct handle *handle = lua_touserdata(L, index);
    if (handle->is_ended) {
        return;
    }
    push_own_table(L, index);
    push_span(L, wsp_connection_id(connection));
    lua_rawseti(L, -2, SLOT_ID);
    push_span(L, wsp_connection_room_id(connection));
    lua_rawseti(L, -2, SLOT_ROOM_ID);
    wsp_lua_connection_push_error(L, index,
                                  wsp_connection_last_error(connection));
    lua_rawseti(L, -2, SLOT_LAST_ERROR);
    push_values(L, connection);
    lua_rawseti(L, -2, SLOT_VALUES);
    lua_pop(L, 1);
    handle->is_ended = true;
}

void wsp_lua_connection_end(lua_State *L, int index,
                            struct wsp_connection *connection)
{
    take_snapshot(L, index, connection);
    push_own_table(L, index);
    lua_pushvalue(L, index + 1);
    lua_rawseti(L, -2, SLOT_ERROR);
    lua_pushvalue(L, index + 2);
    lua_rawseti(L, -2, SLOT_REASON);
    lua_pop(L, 1);
}

bool wsp_lua_connection_next_closer(lua_State *L, int index)
{
    push_slot(L, index, SLOT_CLOSERS);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, -1, CLOSERS_CALLED);
    int next = (int)lua_tointeger(L, -1) + 1;
    lua_pop(L, 1);
    lua_pushinteger(L, next);
    lua_rawseti(L, -2, CLOSERS_CALLED);
    lua_rawgeti(L, -1, next);
    lua_remove(L, -2);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    return true;
}

void wsp_lua_connection_forget(lua_State *L, struct wsp_lua_server *server,
                               struct wsp_connection *connection)
{
    wsp_id id = wsp_connection_handle(connection);
    if (!push_interned(L, server, id)) {
        lua_pop(L, 2);
        return;
    }
    lua_pushnil(L);
    lua_rawseti(L, -3, (int)WSP_ID_SLOT(id) + 1);
    take_snapshot(L, lua_gettop(L), connection);
    lua_pop(L, 2);
}

/* ---- methods ---- */

static struct handle *check_handle(lua_State *L)
{
    struct handle *handle = wsp_lua_type_find(L, 1, type_name);
    if (!handle) {
        luaL_typerror(L, 1, "wspulse.connection");
    }
    return handle;
}

/* The connection, or NULL when it has ended. */
static struct wsp_connection *find(const struct handle *handle)
{
    struct wsp_server *server = wsp_lua_server_live(handle->server);
    return server && !handle->is_ended ? wsp_connection_find(server, handle->id)
                                       : NULL;
}

static int connection_id(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    if (connection) {
        push_span(L, wsp_connection_id(connection));
    } else {
        push_slot(L, 1, SLOT_ID);
    }
    return 1;
}

static int connection_room_id(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    if (connection) {
        push_span(L, wsp_connection_room_id(connection));
    } else {
        push_slot(L, 1, SLOT_ROOM_ID);
    }
    return 1;
}

static int connection_server(lua_State *L)
{
    check_handle(L);
    lua_getfenv(L, 1);
    lua_rawgeti(L, -1, WSP_LUA_SLOT_SERVER);
    return 1;
}

/* Sends the frame that the script is handling on as it came. */
static int send_on(lua_State *L, struct wsp_connection *connection,
                   const struct wsp_frame *frame)
{
    enum wsp_err result = wsp_connection_send(connection, frame, NULL);
    if (result != WSP_OK) {
        return wsp_lua_error_result(L, result, NULL);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* Sends any other frame. */
static int send_other(lua_State *L, const struct handle *handle,
                      struct wsp_connection *connection)
{
    struct wsp_lua_outgoing out;
    enum wsp_err result = wsp_lua_outgoing_read(L, 2, handle->server, &out);
    if (result == WSP_OK && !out.is_as_it_came) {
        connection = find(handle);
        result = connection ? WSP_OK : WSP_ERR_CONNECTION_CLOSED;
    }
    if (result == WSP_OK) {
        result = wsp_connection_send(connection, out.frame, &out.diag);
    }
    return wsp_lua_outgoing_result(L, result, &out);
}

static int connection_send(lua_State *L)
{
    struct handle *handle = check_handle(L);
    struct wsp_connection *connection = find(handle);
    if (!connection || wsp_connection_is_closed(connection)) {
        return wsp_lua_error_nil(L, WSP_ERR_CONNECTION_CLOSED);
    }
    const struct wsp_frame *received =
        wsp_lua_outgoing_glance(L, 2, handle->server);
    return received ? send_on(L, connection, received)
                    : send_other(L, handle, connection);
}
static uint16_t check_close_code(lua_State *L)
{
    lua_Number code = luaL_optnumber(L, 2, 1000);
    luaL_argcheck(L, code >= 1000 && code < 5000 && code == (int)code, 2,
                  "close code must be a whole number from 1000 to 4999");
    return (uint16_t)code;
}

static int connection_close(lua_State *L)
{
    struct wsp_connection *connection = find(check_handle(L));
    uint16_t code = check_close_code(L);
    struct wsp_span reason;
    reason.data = luaL_optlstring(L, 3, "", &reason.len);
    if (!connection) {
        return wsp_lua_error_nil(L, WSP_ERR_CONNECTION_CLOSED);
    }
    if (wsp_connection_close(connection, code, reason) != WSP_OK) {
        return luaL_error(L,
                          "close code %d may not be sent, or its reason is "
                          "no UTF-8 of at most 123 bytes",
                          (int)code);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int connection_is_closed(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    lua_pushboolean(L, !connection || wsp_connection_is_closed(connection));
    return 1;
}

/* Appends the function at 2 to those that wait for the end. */
static void add_closer(lua_State *L)
{
    push_own_table(L, 1);
    lua_rawgeti(L, -1, SLOT_CLOSERS);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, SLOT_CLOSERS);
    }
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

static int connection_on_close(lua_State *L)
{
    const struct handle *handle = check_handle(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (find(handle)) {
        add_closer(L);
        return 0;
    }
    push_slot(L, 1, SLOT_ERROR);
    push_slot(L, 1, SLOT_REASON);
    lua_call(L, 2, 0);
    return 0;
}

static int connection_last_error(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    if (connection) {
        wsp_lua_connection_push_error(L, 1,
                                      wsp_connection_last_error(connection));
    } else {
        push_slot(L, 1, SLOT_LAST_ERROR);
    }
    return 1;
}

static struct wsp_span check_key(lua_State *L)
{
    struct wsp_span key;
    luaL_checktype(L, 2, LUA_TSTRING);
    key.data = lua_tolstring(L, 2, &key.len);
    return key;
}

static int connection_get(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    struct wsp_span key = check_key(L);
    if (connection) {
        wsp_lua_value_push(L, wsp_connection_get(connection, key));
        return 1;
    }
    push_slot(L, 1, SLOT_VALUES);
    if (lua_istable(L, -1)) {
        lua_pushvalue(L, 2);
        lua_rawget(L, -2);
    }
    return 1;
}

static int connection_set(lua_State *L)
{
    struct wsp_connection *connection = find(check_handle(L));
    struct wsp_span key = check_key(L);
    struct wsp_span value;
    lua_settop(L, 3);
    if (!wsp_lua_value_to(L, 3, &value)) {
        return luaL_error(L,
                          "wspulse: set: value must be nil, boolean, number or "
                          "string (got %s)",
                          luaL_typename(L, 3));
    }
    enum wsp_err result = connection
                              ? wsp_connection_set(connection, key, value)
                              : WSP_ERR_CONNECTION_CLOSED;
    return wsp_lua_error_result(L, result, NULL);
}

static int connection_request(lua_State *L)
{
    const struct wsp_connection *connection = find(check_handle(L));
    wsp_lua_request_push_copy(L, connection ? wsp_connection_request(connection)
                                            : NULL);
    return 1;
}

static int connection_tostring(lua_State *L)
{
    connection_id(L);
    const char *id = lua_tostring(L, -1);
    lua_pushfstring(L, "wspulse.connection (%s)", id ? id : "gone");
    return 1;
}

static const luaL_Reg methods[] = {
    {"id", connection_id},
    {"room_id", connection_room_id},
    {"server", connection_server},
    {"send", connection_send},
    {"close", connection_close},
    {"is_closed", connection_is_closed},
    {"on_close", connection_on_close},
    {"last_error", connection_last_error},
    {"get", connection_get},
    {"set", connection_set},
    {"request", connection_request},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__tostring", connection_tostring},
    {NULL, NULL},
};

void wsp_lua_connection_open(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_newtable(L);
    wsp_lua_state_push(L);
    luaL_setfuncs(L, metamethods, 1);
    lua_newtable(L);
    wsp_lua_state_push(L);
    luaL_setfuncs(L, methods, 1);
    wsp_lua_reply_open(L);
    lua_setfield(L, -2, "__index");
    wsp_lua_type_register(L, &state->connection_type, type_name);
}
