/* SPDX-License-Identifier: MIT */
#include "lua/lua_response.h"

#include <lauxlib.h>
#include <strings.h>

#include "lua/lua_encoder.h"

static const char type_name[] = "wspulse.response";

struct response {
    struct wsp_lua_object object;
    struct wsp_response *response; /* of the call */
    uint64_t seq;                  /* of the call */
    bool has_type;                 /* Content-Type was set */
};

/* The response that a script's function was called with; raises when it is none
 * or its handler has returned. */
static struct response *check_response(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct response *response = wsp_lua_type_to(L, 1, &state->response_type);
    luaL_argcheck(L, response, 1,
                  "response expected; call its methods with a colon");
    if (response->seq != state->call_seq) {
        luaL_error(L, "response used after its handler returned");
    }
    return response;
}

static struct wsp_span check_text(lua_State *L, int index)
{
    struct wsp_span text;
    text.data = luaL_checklstring(L, index, &text.len);
    return text;
}

/* Ends a method: the response again, or the failure raised. */
static int finish(lua_State *L, enum wsp_err err, const char *complaint)
{
    if (err != WSP_OK) {
        luaL_error(L, "%s",
                   err == WSP_ERR_INVALID_OPTION ? complaint
                                                 : wsp_err_text(err));
    }
    lua_settop(L, 1);
    return 1;
}

/* ---- methods ---- */

static int response_status(lua_State *L)
{
    struct response *response = check_response(L);
    lua_Number status = luaL_checknumber(L, 2);
    enum wsp_err err = WSP_ERR_INVALID_OPTION;
    if (status >= 100 && status <= 999 && status == (int)status) {
        err = wsp_response_status(response->response, (int)status);
    }
    return finish(L, err, "response:status: 200 to 599 expected");
}

static int response_header(lua_State *L)
{
    struct response *response = check_response(L);
    struct wsp_span name = check_text(L, 2);
    struct wsp_span value = check_text(L, 3);
    enum wsp_err err = wsp_response_header(response->response, name, value);
    if (err == WSP_OK && strcasecmp(name.data, "Content-Type") == 0) {
        response->has_type = true;
    }
    return finish(L, err,
                  "response:header: the name is no token, the value holds a "
                  "control character, or the server sets it itself");
}

static int response_send(lua_State *L)
{
    struct response *response = check_response(L);
    enum wsp_err err = wsp_response_body(response->response, check_text(L, 2));
    return finish(L, err, "response:send: refused");
}

static enum wsp_err set_type(struct response *response)
{
    if (response->has_type) {
        return WSP_OK;
    }
    response->has_type = true;
    return wsp_response_header(response->response, wsp_span_of("Content-Type"),
                               wsp_span_of("application/json"));
}

static int response_json(lua_State *L)
{
    struct response *response = check_response(L);
    luaL_checkany(L, 2);
    struct wsp_diag diag = {0};
    struct wsp_lua_encoding encoding = {
        .index = 2, .root = "value", .diag = &diag};
    if (wsp_lua_encoder_run(L, wsp_lua_state_upvalue(L), &encoding) != WSP_OK) {
        luaL_error(L, "response:json: %s", diag.message);
    }
    enum wsp_err err = set_type(response);
    if (err == WSP_OK) {
        err = wsp_response_body(response->response, encoding.text);
    }
    return finish(L, err, "response:json: refused");
}

static int response_tostring(lua_State *L)
{
    lua_pushliteral(L, "wspulse.response");
    return 1;
}

/* ---- making them ---- */

void wsp_lua_response_push(lua_State *L, struct wsp_lua_state *state)
{
    struct response *response =
        wsp_lua_type_push(L, &state->response_type, sizeof *response);
    response->response = state->response;
    response->seq = state->call_seq;
    response->has_type = false;
}

static const luaL_Reg methods[] = {
    {"status", response_status},
    {"header", response_header},
    {"send", response_send},
    {"json", response_json},
    {NULL, NULL},
};

void wsp_lua_response_open(lua_State *L)
{
    luaL_checkstack(L, 6, "no room to open");
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_createtable(L, 0, 4);
    lua_pushcfunction(L, response_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_createtable(L, 0, 4);
    wsp_lua_type_functions(L, methods);
    lua_setfield(L, -2, "__index");
    wsp_lua_type_register(L, &state->response_type, type_name);
}
