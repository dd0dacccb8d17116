/* SPDX-License-Identifier: MIT */
#include "lua/lua_life.h"

#include <lauxlib.h>

#include "lua/lua_closing.h"
#include "lua/lua_error.h"
#include "lua/lua_program.h"
#include "lua/lua_server.h"

/* Longest wait of one poll, in seconds. */
#define POLL_MAX 86400.0

/* The turns of a loop cannot nest, and the command drives its own. */
static void check_drives(lua_State *L, const struct wsp_lua_server *server,
                         const char *method)
{
    if (server->state->app) {
        luaL_error(L,
                   "wspulse: %s: this script is run by a host, which opens and "
                   "drives its servers; return the server instead",
                   method);
    }
    if (server->state->depth > 0) {
        luaL_error(L, "wspulse: %s: not inside a callback", method);
    }
}

/* ---- start, run, poll ---- */

int wsp_lua_life_start(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_diag diag = {.code = WSP_OK};
    check_drives(L, server, "start");
    enum wsp_err result = wsp_lua_program_start(L, server, &diag);
    return wsp_lua_error_result(L, result, &diag);
}

int wsp_lua_life_run(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_diag diag = {.code = WSP_OK};
    check_drives(L, server, "run");
    enum wsp_err result = wsp_lua_program_start(L, server, &diag);
    if (result == WSP_OK) {
        wsp_lua_program_drive(L, server);
    }
    return wsp_lua_error_result(L, result, &diag);
}

static int64_t check_timeout_ms(lua_State *L)
{
    lua_Number seconds = luaL_optnumber(L, 2, 0);
    luaL_argcheck(L, seconds >= 0, 2, "seconds must not be negative");
    return (int64_t)((seconds < POLL_MAX ? seconds : POLL_MAX) * 1000);
}

int wsp_lua_life_poll(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    int64_t timeout_ms = check_timeout_ms(L);
    check_drives(L, server, "poll");
    const struct wsp_server *live = wsp_lua_server_live(server);
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    if (wsp_server_is_closed(live)) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_CLOSED);
    }
    wsp_lua_program_turn(L, server->state, timeout_ms);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- close ---- */

/* Only a Lua program outside of its callbacks can wait for the barrier. */
static bool can_drive(const struct wsp_lua_state *state)
{
    return !state->app && state->depth == 0;
}

int wsp_lua_life_close(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_server *live = wsp_lua_server_live(server);
    bool has_function = !lua_isnoneornil(L, 2);
    if (has_function) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    if (wsp_server_is_closed(live)) {
        if (has_function) {
            lua_pushvalue(L, 2);
            lua_call(L, 0, 0);
        }
    } else if (has_function) {
        struct wsp_lua_closing *closing =
            wsp_lua_closing_new(L, 2, server->state);
        wsp_server_close(live, wsp_lua_closing_done, closing);
    } else {
        wsp_server_close(live, NULL, NULL);
    }
    if (can_drive(server->state)) {
        wsp_lua_program_drive(L, server);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- reload ---- */

/* What became of a reload that a program waits for. */
struct outcome {
    bool is_known;
    enum wsp_err result;
    struct wsp_diag diag;
};

static void note_outcome(void *ud, enum wsp_err result, unsigned generation,
                         const struct wsp_diag *diag)
{
    struct outcome *outcome = ud;
    (void)generation;
    outcome->is_known = true;
    outcome->result = result;
    if (diag) {
        outcome->diag = *diag;
    }
    /* To the program a script that failed is one way to be refused. */
    if (result == WSP_ERR_SCRIPT) {
        outcome->result = outcome->diag.code = WSP_ERR_RELOAD_REFUSED;
    }
}

/* A debug hook must not raise meanwhile, or the answer would find a stack frame
 * that is gone; so these turns run none. */
static int drive_reload(lua_State *L, struct wsp_lua_program *program,
                        struct wsp_lua_generations *generations,
                        const char *path)
{
    struct outcome outcome = {.is_known = false};
    enum wsp_err result =
        wsp_lua_generations_reload(generations, path, note_outcome, &outcome);
    if (result != WSP_OK) {
        return wsp_lua_error_nil(L, result);
    }
    while (!outcome.is_known) {
        wsp_loop_poll(program->loop, -1);
    }
    return wsp_lua_error_result(L, outcome.result, &outcome.diag);
}

/* Reads the options at index 3. A script must not give itself what its host
 * has not. */
static bool wants_unsafe(lua_State *L, const struct wsp_lua_state *state)
{
    if (lua_isnoneornil(L, 3)) {
        return false;
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_getfield(L, 3, "unsafe");
    bool is_wanted = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (is_wanted && state->app) {
        luaL_error(L, "wspulse: reload: only a Lua program can ask for unsafe; "
                      "a host is told by wspulse run --unsafe");
    }
    return is_wanted;
}

int wsp_lua_life_reload(lua_State *L)
{
    struct wsp_lua_server *server = wsp_lua_server_check(L);
    struct wsp_lua_state *state = server->state;
    const char *path = luaL_optstring(L, 2, NULL);
    bool is_unsafe = wants_unsafe(L, state);
    const struct wsp_server *live = wsp_lua_server_live(server);
    if (!live) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_NOT_STARTED);
    }
    if (wsp_server_is_closed(live)) {
        return wsp_lua_error_nil(L, WSP_ERR_SERVER_CLOSED);
    }
    struct wsp_lua_generations *generations =
        state->app ? server->mount->config.generations
                   : wsp_lua_program_generations(L, state->program);
    if (!generations) {
        return wsp_lua_error_nil(L, WSP_ERR_OUT_OF_MEMORY);
    }
    luaL_argcheck(L, path || generations->path, 2,
                  "the path of a script is needed");
    if (is_unsafe) {
        wsp_lua_generations_allow_unsafe(generations);
    }
    if (can_drive(state)) {
        return drive_reload(L, state->program, generations, path);
    }
    enum wsp_err result =
        wsp_lua_generations_reload(generations, path, NULL, NULL);
    return wsp_lua_error_result(L, result, NULL);
}
