/* SPDX-License-Identifier: MIT */
/* C functions for code that LuaJIT has compiled.
 *
 * A C function of Lua's ends what LuaJIT compiles: compiled code is left for it
 * and entered again behind it, which can cost more than what it does. Through
 * LuaJIT's ffi it is a call of machine code by machine code. Code that is not
 * compiled calls through ffi slowly; so each such function is offered beside a
 * plain one that does the same, and it depends on the compiler which of the two
 * is in place.
 *
 * What is called like this gets what a script gave it: until they are known to be
 * ours, arguments are numbers and no more. And it must not enter Lua.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_FFI_H
#define WSP_LUA_LUA_FFI_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsp_lua_state;

#define WSP_LUA_FFI_OFFERS 2

/* A field of a table, and what it may hold; registry references. */
struct wsp_lua_ffi_offer {
    const char *key; /* static */
    int ref_table;
    int ref_plain;
    int ref_compiled;
};

struct wsp_lua_ffi {
    int ref; /* registry reference: the library; 0: there is none */
    bool is_compiling;
    struct wsp_lua_ffi_offer offers[WSP_LUA_FFI_OFFERS];
    unsigned offer_count;
};

/* Takes the library on top of the stack; call once, before the functions below.
 * The compiler is off. Raises without memory. */
void wsp_lua_ffi_open(lua_State *L, struct wsp_lua_state *state);

/* The same in a plain program, which is asked for its own, and for what it has
 * set the compiler to. */
void wsp_lua_ffi_open_program(lua_State *L, struct wsp_lua_state *state);

/* Calls the Lua code `source` with the C function, as cdata of that signature,
 * the companion, as a pointer, and the `count` values on top of the stack, which
 * it takes off. Pushes what the code returns and returns true; without ffi
 * nothing is pushed. Raises without memory. */
bool wsp_lua_ffi_make(lua_State *L, struct wsp_lua_state *state,
                      const char *source, const char *signature,
                      uintptr_t function, int count);

/* Offers the function on top of the stack for the field `key` of the table below
 * it, and takes it off. Raises without memory. */
void wsp_lua_ffi_offer(lua_State *L, struct wsp_lua_state *state,
                       const char *key);

/* Puts in place what is right for a compiler that is on, or off. Raises without
 * memory. */
void wsp_lua_ffi_choose(lua_State *L, bool is_compiling);

#endif
