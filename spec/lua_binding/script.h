/* SPDX-License-Identifier: MIT */
/* A lua_State with the nouns of the binding open, in which specs run lines of
 * Lua. Scripts see `core` (what wspulse.core offers), `frame` (of the call that
 * script_begin_call began) and `send(frame)`, which gives back what would go
 * out: a table {id, event, payload, raw, binary, checked}, or nil, err.
 * Owner: the spec. */
#ifndef WSP_SPEC_LUA_BINDING_SCRIPT_H
#define WSP_SPEC_LUA_BINDING_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lua/lua_state.h"

struct script {
    lua_State *L;
    struct wsp_lua_state *state;
    struct wsp_frame frame; /* of the current call */
    uint64_t calls;         /* begun so far */
    long allocations_left;  /* before memory ends; negative: never */
};

/* Setup and teardown of a cmocka group: `*state` becomes a struct script. */
int script_open(void **state);
int script_close(void **state);

/* Runs `code`; a raised error fails the test and is printed. */
void script_run(struct script *script, const char *code);

/* Runs `code`, which must raise an error whose text contains `text`. */
void script_raises(struct script *script, const char *code, const char *text);

/* Begins a call whose frame is script->frame and sets the global `frame`. */
void script_begin_call(struct script *script);
void script_end_call(struct script *script);

/* Begins a call with the JSON message {"event":"e","payload":<payload>}. */
void script_receive(struct script *script, const char *payload);

/* Calls `function` with memory for 0, 1, 2 … allocations until it succeeds;
 * every failure must say that memory ended. Returns how many there were. */
int script_starve(struct script *script, lua_CFunction function);

#endif
