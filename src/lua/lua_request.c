/* SPDX-License-Identifier: MIT */
#include "lua/lua_request.h"

#include <lauxlib.h>

static const char type_name[] = "wspulse.request";

#define QUERY_VALUE_MAX 8192 /* bytes; no longer request line is accepted */

struct request {
    struct wsp_lua_object object;
    const struct wsp_request *request; /* of the call, or the copy */
    struct wsp_request *copy;          /* owned, or NULL */
    uint64_t seq;                      /* of the call; unused for a copy */
};

/* The request that a script's function was called with; raises when it is none
 * or its handler has returned. */
static const struct wsp_request *check_request(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct request *request = wsp_lua_type_to(L, 1, &state->request_type);
    luaL_argcheck(L, request && request->request, 1,
                  "request expected; call its methods with a colon");
    if (!request->copy && request->seq != state->call_seq) {
        luaL_error(L, "request used after its handler returned");
    }
    return request->request;
}

static struct wsp_span check_name(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TSTRING);
    struct wsp_span name;
    name.data = lua_tolstring(L, 2, &name.len);
    return name;
}

/* Pushes the text, or nil when it is absent. */
static int push_span(lua_State *L, struct wsp_span span)
{
    if (span.data) {
        lua_pushlstring(L, span.data, span.len);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* ---- methods ---- */

static int request_header(lua_State *L)
{
    const struct wsp_request *request = check_request(L);
    return push_span(L, wsp_request_header(request, check_name(L)));
}

static int request_cookie(lua_State *L)
{
    const struct wsp_request *request = check_request(L);
    return push_span(L, wsp_request_cookie(request, check_name(L)));
}

static int request_query(lua_State *L)
{
    const struct wsp_request *request = check_request(L);
    char value[QUERY_VALUE_MAX];
    long len = wsp_request_query(request, check_name(L), value, sizeof value);
    if (len < 0) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, value, (size_t)len);
    }
    return 1;
}

static int request_body(lua_State *L)
{
    struct wsp_span body = wsp_request_body(check_request(L));
    lua_pushlstring(L, body.len > 0 ? body.data : "", body.len);
    return 1;
}

static void set_text(lua_State *L, const char *key, struct wsp_span text)
{
    lua_pushlstring(L, text.len ? text.data : "", text.len);
    lua_setfield(L, -2, key);
}

static int request_client_certificate(lua_State *L)
{
    const struct wsp_certificate *shown =
        wsp_request_client_certificate(check_request(L));
    if (!shown) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 5);
    set_text(L, "subject", shown->subject);
    set_text(L, "issuer", shown->issuer);
    set_text(L, "common_name", shown->common_name);
    set_text(L, "fingerprint", shown->fingerprint);
    lua_pushboolean(L, shown->is_verified);
    lua_setfield(L, -2, "verified");
    return 1;
}

/* ---- fields ---- */

static int request_index(lua_State *L)
{
    const struct wsp_request *request = check_request(L);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, "path") == 0) {
        return push_span(L, wsp_request_path(request));
    }
    if (strcmp(key, "method") == 0) {
        return push_span(L, wsp_request_method(request));
    }
    if (strcmp(key, "remote_addr") == 0) {
        lua_pushstring(L, wsp_request_remote_addr(request));
        return 1;
    }
    if (strcmp(key, "secure") == 0) {
        lua_pushboolean(L, wsp_request_is_secure(request));
        return 1;
    }
    if (strcmp(key, "subprotocol") == 0) {
        return push_span(L, wsp_request_subprotocol(request));
    }
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    return 1;
}

static int request_newindex(lua_State *L)
{
    return luaL_error(L, "request is read-only");
}

static int request_tostring(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct request *request = wsp_lua_type_to(L, 1, &state->request_type);
    luaL_argcheck(L, request, 1, "request expected");
    if (!request->request ||
        (!request->copy && request->seq != state->call_seq)) {
        lua_pushliteral(L, "wspulse.request: (expired)");
        return 1;
    }
    lua_pushliteral(L, "wspulse.request: ");
    push_span(L, wsp_request_method(request->request));
    lua_pushliteral(L, " ");
    push_span(L, wsp_request_path(request->request));
    lua_concat(L, 4);
    return 1;
}

static int request_gc(lua_State *L)
{
    struct request *request =
        wsp_lua_type_to(L, 1, &wsp_lua_state_upvalue(L)->request_type);
    if (request) {
        wsp_request_free(request->copy);
        request->copy = NULL;
        request->request = NULL;
    }
    return 0;
}

/* ---- making them ---- */

void wsp_lua_request_push(lua_State *L, struct wsp_lua_state *state)
{
    struct request *request =
        wsp_lua_type_push(L, &state->request_type, sizeof *request);
    request->request = state->request;
    request->copy = NULL;
    request->seq = state->call_seq;
}

void wsp_lua_request_push_copy(lua_State *L, const struct wsp_request *source)
{
    luaL_checkstack(L, 1, "no room for a request");
    if (!source) {
        lua_pushnil(L);
        return;
    }
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    struct request *request =
        wsp_lua_type_push(L, &state->request_type, sizeof *request);
    request->request = NULL;
    request->seq = 0;
    request->copy = wsp_request_copy(source);
    if (!request->copy) {
        luaL_error(L, "%s", wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    request->request = request->copy;
}

static const luaL_Reg methods[] = {
    {"header", request_header},
    {"cookie", request_cookie},
    {"query", request_query},
    {"body", request_body},
    {"client_certificate", request_client_certificate},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__newindex", request_newindex},
    {"__tostring", request_tostring},
    {"__gc", request_gc},
    {NULL, NULL},
};

void wsp_lua_request_open(lua_State *L)
{
    luaL_checkstack(L, 6, "no room to open");
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_createtable(L, 0, 6);
    wsp_lua_type_functions(L, metamethods);
    wsp_lua_state_push(L);
    lua_createtable(L, 0, 5);
    wsp_lua_type_functions(L, methods);
    lua_pushcclosure(L, request_index, 2);
    lua_setfield(L, -2, "__index");
    wsp_lua_type_register(L, &state->request_type, type_name);
}
