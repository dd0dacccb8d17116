/* SPDX-License-Identifier: MIT */
/* Reading one option out of the table that a script gave: what is accepted is
 * kept for the description, what is not raises with the option's name and its
 * value.
 * Owner: wsp_lua_options_read, on its stack. Thread: the state's. */
#ifndef WSP_LUA_LUA_OPTION_H
#define WSP_LUA_LUA_OPTION_H

#include <lua.h>

#include "lua/lua_server.h"

/* The option that is being read. Its value is on top of the stack, and every
 * function here leaves the stack as it was. */
struct wsp_lua_option {
    struct wsp_lua_server *server;
    int environment;  /* stack index of the description's environment table */
    int kept;         /* stack index of its table of strings and memory */
    const char *key;  /* "resume_window", "heartbeat.ping" */
    const char *seed; /* what stands in front: "WithResumeWindow"; NULL: key */
};

/* Raises "wspulse: WithWriteWait: <what> (write_wait = \"10\")" for the value
 * on top of the stack. */
int wsp_lua_option_fail(lua_State *L, const struct wsp_lua_option *option,
                        const char *what);

/* Raises `wspulse: unknown option lisen; did you mean listen?` for the key on
 * top of the stack; `names` ends with NULL, `prefix` is "" or "heartbeat.". */
int wsp_lua_option_unknown(lua_State *L, const char *prefix,
                           const char *const *names);

/* Raises when a key of the table on top of the stack is not one of `names`. */
void wsp_lua_option_check_keys(lua_State *L, const char *prefix,
                               const char *const *names);

double wsp_lua_option_number(lua_State *L, const struct wsp_lua_option *option);
bool wsp_lua_option_boolean(lua_State *L, const struct wsp_lua_option *option);

/* A string without NUL that is not empty. Gives memory that lives as long as
 * the description. */
const char *wsp_lua_option_string(lua_State *L,
                                  const struct wsp_lua_option *option);

/* As wsp_lua_option_string, for a file or folder: a relative path starts at the
 * script's folder. */
const char *wsp_lua_option_path(lua_State *L,
                                const struct wsp_lua_option *option);

/* A string or an array of strings, at least one. */
const char *const *wsp_lua_option_strings(lua_State *L,
                                          const struct wsp_lua_option *option,
                                          size_t *count);

/* Tells whether the value can be called. */
bool wsp_lua_option_is_callable(lua_State *L);

/* Raises `what` when the value is no table, and as wsp_lua_option_check_keys for
 * a key that is not one of `names`. */
void wsp_lua_option_check_table(lua_State *L,
                                const struct wsp_lua_option *option,
                                const char *what, const char *const *names);

/* Pushes the member `name` of the table on top of the stack; raises when it is
 * there and cannot be called. Returns false when it is nil. */
bool wsp_lua_option_push_function(lua_State *L,
                                  const struct wsp_lua_option *option,
                                  const char *name);

/* Gives memory that lives as long as the description. */
void *wsp_lua_option_keep_memory(lua_State *L,
                                 const struct wsp_lua_option *option,
                                 size_t size);

/* Keeps `text` of `len` bytes as a C string. */
const char *wsp_lua_option_keep_text(lua_State *L,
                                     const struct wsp_lua_option *option,
                                     const char *text, size_t len);

#endif
