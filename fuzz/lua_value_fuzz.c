/* SPDX-License-Identifier: MIT */
/* Payloads as Lua values: what the scanners accept becomes a value, and a value
 * that can be written comes back as what it was.
 * Covers: src/lua/lua_json.c src/lua/lua_json_text.c src/lua/lua_encoder.c
 *         src/lua/lua_msgpack.c src/lua/lua_msgpack_text.c
 *         src/lua/lua_buffer.c */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include <wspulse/codec.h>

#include "bytes.h"
#include "lua/lua_encoder.h"
#include "lua/lua_error.h"
#include "lua/lua_json.h"
#include "lua/lua_msgpack.h"
#include "lua/lua_raw.h"
#include "target.h"

/* ---- the state ---- */

/* LuaJIT's own allocator hides the memory from a sanitizer. */
static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
    (void)ud;
    (void)old_size;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static int open_all(lua_State *L)
{
    luaL_openlibs(L);
    wsp_lua_state_get(L);
    lua_newtable(L);
    wsp_lua_error_open(L);
    wsp_lua_raw_open(L);
    wsp_lua_json_open(L);
    return 0;
}

static lua_State *open_state(void)
{
    lua_State *L = lua_newstate(allocate, NULL);
    FUZZ_CHECK(L != NULL);
    lua_pushcfunction(L, open_all);
    FUZZ_CHECK(lua_pcall(L, 0, 0, 0) == 0);
    return L;
}

/* ---- what must hold ---- */

static bool is_valid(enum wsp_lua_format format, struct wsp_span text)
{
    return format == WSP_LUA_FORMAT_JSON ? wsp_json_is_valid(text)
                                         : wsp_msgpack_is_valid(text);
}

static bool decode(lua_State *L, enum wsp_lua_format format,
                   struct wsp_span text)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    return format == WSP_LUA_FORMAT_JSON
               ? wsp_lua_json_decode(L, state, text)
               : wsp_lua_msgpack_decode(L, state, text);
}

/* Writes the value on top of the stack; its text goes on top of it. */
static bool encode(lua_State *L, enum wsp_lua_format format,
                   struct wsp_span *text)
{
    struct wsp_diag diag = {.message = ""};
    struct wsp_lua_encoding encoding = {.format = format,
                                        .index = lua_gettop(L),
                                        .root = "payload",
                                        .diag = &diag};
    if (wsp_lua_encoder_run(L, wsp_lua_state_get(L), &encoding) != WSP_OK) {
        FUZZ_CHECK(diag.message[0] != '\0');
        return false;
    }
    *text = encoding.text;
    return true;
}

/* Tells whether two texts are made of the same bytes: members of a table come in
 * any order. */
static bool is_rearranged(struct wsp_span a, struct wsp_span b)
{
    long counts[256] = {0};
    long sum = 0;
    for (size_t i = 0; i < a.len; i++) {
        counts[(unsigned char)a.data[i]]++;
    }
    for (size_t i = 0; i < b.len; i++) {
        counts[(unsigned char)b.data[i]]--;
    }
    for (int i = 0; i < 256; i++) {
        sum += labs(counts[i]);
    }
    return sum == 0;
}

/* The argument of `try`. */
struct attempt {
    enum wsp_lua_format format;
    struct wsp_span text;
};

static int try(lua_State *L)
{
    const struct attempt *attempt = lua_touserdata(L, 1);
    struct wsp_span first;
    struct wsp_span second;
    luaL_checkstack(L, 20, "no room");
    FUZZ_CHECK(decode(L, attempt->format, attempt->text));
    if (!encode(L, attempt->format, &first)) {
        return 0;
    }
    FUZZ_CHECK(is_valid(attempt->format, first));
    FUZZ_CHECK(decode(L, attempt->format, first));
    FUZZ_CHECK(encode(L, attempt->format, &second));
    FUZZ_CHECK(is_rearranged(first, second));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    struct bytes input = {data, size};
    struct attempt attempt;
    L = L ? L : open_state();
    attempt.format =
        bytes_take(&input) & 1 ? WSP_LUA_FORMAT_MSGPACK : WSP_LUA_FORMAT_JSON;
    attempt.text = bytes_rest(&input);
    if (is_valid(attempt.format, attempt.text)) {
        lua_pushcfunction(L, try);
        lua_pushlightuserdata(L, &attempt);
        int status = lua_pcall(L, 1, 0, 0);
        if (status != 0) {
            fprintf(stderr, "%s\n", lua_tostring(L, -1));
        }
        FUZZ_CHECK(status == 0);
        lua_gc(L, LUA_GCSTEP, 100);
    }
    lua_settop(L, 0);
    return 0;
}
