/* SPDX-License-Identifier: MIT */
/* The allocator of a generation's state: LuaJIT's own, with a count of its
 * bytes, a limit, and a way to fail on purpose.
 *
 * A block that is refused is the error "not enough memory" where it was asked
 * for. No message handler runs for it, which lua_deadline.h makes use of.
 * Owner: the generation; outlives the state. Thread: the state's. */
#ifndef WSP_LUA_LUA_MEMORY_H
#define WSP_LUA_LUA_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed: not in place. */
struct wsp_lua_memory {
    lua_Alloc allocate; /* what it stands in front of; NULL: not in place */
    void *ud;           /* passed to `allocate` */
    size_t used;        /* bytes of the state */
    size_t limit;       /* bytes; 0: none. Up to a quarter more where
                           LuaJIT cannot do without, a sixteenth once
                           something was refused */
    bool is_denied;     /* the next block is refused, whatever its size */
    bool has_refused;   /* a block, over the limit; cleared by the owner */
};

/* Puts the allocator in place; does nothing when it is. */
void wsp_lua_memory_open(lua_State *L, struct wsp_lua_memory *memory);

/* Takes it away again, before the state is closed. */
void wsp_lua_memory_close(lua_State *L, struct wsp_lua_memory *memory);

/* Has the collector keep the state below the limit as long as what lives fits:
 * called now and then, when something is about to run. */
void wsp_lua_memory_tune(lua_State *L, const struct wsp_lua_memory *memory);

/* Raises "not enough memory". The allocator is in place. */
void wsp_lua_memory_deny(lua_State *L, struct wsp_lua_memory *memory);

#endif
