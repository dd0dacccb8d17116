/* SPDX-License-Identifier: MIT */
/* The time that Lua code may take.
 *
 * A count hook, which is one for all coroutines of a state, looks at the clock
 * every 200 instructions of the interpreter. Once time is up it raises, and from
 * then on at every instruction, so that whoever catches it is stopped as well,
 * up to the outermost call. It raises for want of memory (lua_memory.h): an
 * ordinary error would have the script's own message handlers run, with hooks
 * off.
 *
 * Where a stack is nearly full LuaJIT cannot call a hook; that fails the
 * instruction instead. So from two thirds on the hook comes at every
 * instruction, and a recursion that catches its own overflow ends too.
 *
 * What C code runs, a pattern for one, ends when it ends.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_DEADLINE_H
#define WSP_LUA_LUA_DEADLINE_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wsp_lua_state;

/* Zeroed: no hook, no limit. */
struct wsp_lua_deadline {
    uint64_t limit_ns;         /* of a call; 0: none */
    const char *what;          /* what is said of a call that took longer */
    const atomic_bool *cancel; /* set by another thread: time is up at once;
                                  may be NULL */
    lua_Hook on_line;          /* called for each line; may be NULL */

    /* Private, but for ref_what. */
    int ref_what;    /* registry reference of `what`, while there is a limit */
    uint64_t due_ns; /* of the call under way; 0: none is */
    bool is_passed;
    bool is_deep;
    struct wsp_error *error; /* with the place where time was up */
};

/* Sets the hook of the state as the first members ask, or takes it away when
 * they ask for nothing; a hook of an unsafe script stays then. Puts the allocator
 * of lua_memory.h in place where it is needed. Raises without memory. */
void wsp_lua_deadline_open(lua_State *L, struct wsp_lua_state *state);

/* A call begins. */
void wsp_lua_deadline_start(struct wsp_lua_state *state);

/* A call has ended, by itself or not. Returns NULL when it was in time, else
 * what is to be said of it; the reference is the caller's. */
struct wsp_error *wsp_lua_deadline_stop(lua_State *L,
                                        struct wsp_lua_state *state);

#endif
