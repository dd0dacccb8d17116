/* SPDX-License-Identifier: MIT */
/* One call of C into Lua: everything that can raise happens inside it, and what
 * is raised comes back as an error with a traceback.
 *
 * Entering allocates nothing: each state keeps a thread per depth with the
 * trampoline and the traceback handler at its stack slots 1 and 2, and the
 * arguments wait in a struct on the C stack.
 * Owner: the caller, on its stack. Thread: the state's. */
#ifndef WSP_LUA_LUA_CALL_H
#define WSP_LUA_LUA_CALL_H

#include <lua.h>

#include "lua/lua_state.h"

struct wsp_lua_call;

/* Stack slots that every thread of calls begins with. */
#define WSP_LUA_CALL_SLOTS 2

typedef void (*wsp_lua_call_fn)(lua_State *L, struct wsp_lua_call *call);

/* Embedded as the first member of a struct that has what the body needs. */
struct wsp_lua_call {
    wsp_lua_call_fn body; /* runs protected, on an empty stack */
    wsp_lua_call_fn keep; /* after a failure, with the raised value at index 1;
                              may be NULL */
    const char *prefix;   /* stands in front of the raised value's text; NULL
                              for none */
    const struct wsp_frame *frame; /* become the state's while it runs */
    const struct wsp_request *request;
    struct wsp_response *response;
    const char *codec;       /* NULL keeps the state's */
    struct wsp_error *error; /* of lua_call.c */
};

/* Prepares the threads of `state`, whose userdata is on top of the stack; call
 * once. Raises without memory. */
void wsp_lua_call_open(lua_State *L, struct wsp_lua_state *state);

/* Pushes a new thread whose first WSP_LUA_CALL_SLOTS stack slots are what
 * wsp_lua_call_prepared needs, and returns it. The state's userdata is at
 * `state_index`. Raises without memory. */
lua_State *wsp_lua_call_new_thread(lua_State *L, int state_index);

/* Frees what wsp_lua_call_open made outside of Lua. */
void wsp_lua_call_close(struct wsp_lua_state *state);

/* Runs the body. Returns NULL, also when the state has ended and nothing was
 * run, or a WSP_ERR_PANIC error with the text of the raised value and the
 * traceback; the reference is the caller's. Never raises. */
struct wsp_error *wsp_lua_call_run(struct wsp_lua_state *state,
                                   struct wsp_lua_call *call);

/* Calls, without a body, the function that lies below its arguments on top of the
 * stack of such a thread; nothing is left of them and of its results. Returns
 * what wsp_lua_call_run returns. The state has not ended and no call is under
 * way. */
struct wsp_error *wsp_lua_call_prepared(struct wsp_lua_state *state,
                                        lua_State *thread, int argument_count,
                                        struct wsp_lua_call *call);

/* Makes a WSP_ERR_PANIC error of `text` and where thread `at` is now, with the
 * function that runs in it at the top. Never raises; NULL without memory. */
struct wsp_error *wsp_lua_call_trace(struct wsp_lua_state *state, lua_State *at,
                                     const char *text);

/* Pushes a text for the raised value at `index`, whatever it is, also one whose
 * __tostring raises. */
void wsp_lua_call_describe(lua_State *L, int index);

#endif
