/* SPDX-License-Identifier: MIT */
#include "lua/lua_stack.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdint.h>

#include "lua/lua_state.h"

/* Gives lowest address and size of the calling thread's stack. What it keeps for
 * each thread, which may be much, lies at its beginning. */
static bool find_stack(uintptr_t *lowest, size_t *size)
{
    pthread_attr_t attributes;
    void *address = NULL;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return false;
    }
    bool is_known = pthread_attr_getstack(&attributes, &address, size) == 0;
    pthread_attr_destroy(&attributes);
    *lowest = (uintptr_t)address;
    return is_known;
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

void wsp_lua_stack_measure(struct wsp_lua_state *state)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t lowest;
    size_t size;
    state->stack_floor = 0;
    if (!find_stack(&lowest, &size) || here < lowest || here - lowest > size) {
        return; /* a stack of the host's making: nothing is known of it */
    }
    size_t left = here - lowest;
    size_t reserve = smaller(WSP_LUA_STACK_RESERVE, left / 4 * 3);
    size_t share = smaller(WSP_LUA_STACK_SHARE, left - reserve);
    state->stack_floor = here - share;
}

bool wsp_lua_stack_is_low(const struct wsp_lua_state *state)
{
    return (uintptr_t)__builtin_frame_address(0) < state->stack_floor;
}

void wsp_lua_stack_check(lua_State *L, const struct wsp_lua_state *state)
{
    if (wsp_lua_stack_is_low(state)) {
        luaL_error(L, "C stack overflow");
    }
}
