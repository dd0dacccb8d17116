/* SPDX-License-Identifier: MIT */
/* Errors as Lua sees them: objects with code, message and cause, comparable by
 * identity with the constants of wspulse.errors.
 *
 * A constant is a table {code = "CONNECTION_CLOSED", message = …}. Where there
 * is nothing to add the constant itself is handed out; otherwise a new object
 * whose `cause` is the constant. tostring and `..` give the message.
 * Thread: the state's. Every function runs inside a protected call and raises
 * without memory. */
#ifndef WSP_LUA_LUA_ERROR_H
#define WSP_LUA_LUA_ERROR_H

#include <lua.h>

#include <wspulse/error.h>

/* Makes the constants of this state and gives the table on top of the stack the
 * field `errors`: NAME → constant. */
void wsp_lua_error_open(lua_State *L);

/* Pushes the constant of `code`; nil for WSP_OK. */
void wsp_lua_error_push(lua_State *L, enum wsp_err code);

/* Pushes what `diag` says: the constant when its message is empty or the code's
 * own text, else an object with that message. */
void wsp_lua_error_push_diag(lua_State *L, const struct wsp_diag *diag);

/* Pushes the error: nil for NULL, the constant when it says no more than its
 * code, else an object with `message`, and `stack` or `close_code` when it has
 * one. */
void wsp_lua_error_push_error(lua_State *L, const struct wsp_error *error);

/* Pushes a failed handler's error as a new object with `stack` and the raised
 * value at `value_index` in `value` (0: it is gone, no `value`). */
void wsp_lua_error_push_panic(lua_State *L, const struct wsp_error *error,
                              int value_index);

/* Pushes nil and the constant; returns 2, the number of results. */
int wsp_lua_error_nil(lua_State *L, enum wsp_err code);

/* Pushes nil and what `diag` says; returns 2. */
int wsp_lua_error_nil_diag(lua_State *L, const struct wsp_diag *diag);

/* Ends a Lua function that did something: pushes true and returns 1 for WSP_OK;
 * else nil and the error, `diag`'s (may be NULL) when it was filled for this
 * code, and returns 2. */
int wsp_lua_error_result(lua_State *L, enum wsp_err code,
                         const struct wsp_diag *diag);

#endif
