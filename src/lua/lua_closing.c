/* SPDX-License-Identifier: MIT */
#include "lua/lua_closing.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "lua/lua_call.h"

struct closing_call {
    struct wsp_lua_call base;
    int ref;
};

struct wsp_lua_closing *wsp_lua_closing_new(lua_State *L, int index,
                                            struct wsp_lua_state *state)
{
    lua_pushvalue(L, index);
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    struct wsp_lua_closing *closing = malloc(sizeof *closing);
    if (!closing) {
        luaL_unref(L, LUA_REGISTRYINDEX, ref);
        luaL_error(L, "wspulse: out of memory");
        return NULL;
    }
    closing->state = state;
    closing->ref = ref;
    LIST_INSERT_HEAD(&state->closings, closing, link);
    return closing;
}

static void call_function(lua_State *L, struct wsp_lua_call *base)
{
    int ref = ((const struct closing_call *)base)->ref;
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    lua_call(L, 0, 0);
}

void wsp_lua_closing_done(void *ud)
{
    struct wsp_lua_closing *closing = ud;
    struct wsp_lua_state *state = closing->state;
    struct closing_call call = {{.body = call_function}, closing->ref};
    if (state) {
        LIST_REMOVE(closing, link);
    }
    free(closing);
    struct wsp_error *error =
        state ? wsp_lua_call_run(state, &call.base) : NULL;
    if (error) {
        const struct wsp_log_field fields[] = {
            WSP_LOG_STR("handler", "close"),
            WSP_LOG_STR("error", wsp_error_message(error)),
            WSP_LOG_STR("stack", wsp_error_stack(error)),
        };
        wsp_log(&state->logger, WSP_LOG_ERROR, "wspulse: handler raised",
                fields, sizeof fields / sizeof fields[0]);
        wsp_error_unref(error);
    }
}

void wsp_lua_closing_forget_all(struct wsp_lua_state *state)
{
    struct wsp_lua_closing *closing;
    while ((closing = LIST_FIRST(&state->closings)) != NULL) {
        LIST_REMOVE(closing, link);
        closing->state = NULL;
    }
}
