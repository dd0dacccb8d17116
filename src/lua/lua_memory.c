/* SPDX-License-Identifier: MIT */
#include "lua/lua_memory.h"

/* LuaJIT collects again when the state has grown to this part of what the last
 * collection left, in percent. */
#define PAUSE_USUAL 200
#define PAUSE_LEAST 110

/* When LuaJIT's collector makes its table of strings smaller, it asks for a new
 * one; refused that, it raises, which ends the process when compiled code called
 * the collector. Such tables are powers of two. */
#define STRINGS_LEAST 1024

static bool may_be_strings(const void *block, size_t size)
{
    return !block && size >= STRINGS_LEAST && (size & (size - 1)) == 0;
}

/* What may be the collector's gets a quarter more; what comes after a refusal,
 * which is mostly what handles it, a sixteenth. */
static bool is_over_limit(const struct wsp_lua_memory *memory,
                          const void *block, size_t old_size, size_t size)
{
    size_t limit = memory->limit;
    if (may_be_strings(block, size)) {
        limit += limit / 4;
    } else if (memory->has_refused) {
        limit += limit / 16;
    }
    return memory->limit > 0 && memory->used + (size - old_size) > limit;
}

static void *count_block(void *ud, void *block, size_t old_size, size_t size)
{
    struct wsp_lua_memory *memory = ud;
    if (size > old_size) {
        bool is_over = is_over_limit(memory, block, old_size, size);
        if (is_over || memory->is_denied) {
            memory->has_refused = memory->has_refused || is_over;
            memory->is_denied = false;
            return NULL;
        }
    }
    void *result = memory->allocate(memory->ud, block, old_size, size);
    if (result || size == 0) {
        memory->used += size - old_size;
    }
    return result;
}

void wsp_lua_memory_open(lua_State *L, struct wsp_lua_memory *memory)
{
    if (memory->allocate) {
        return;
    }
    memory->used = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 +
                   (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    memory->allocate = lua_getallocf(L, &memory->ud);
    lua_setallocf(L, count_block, memory);
}

void wsp_lua_memory_close(lua_State *L, struct wsp_lua_memory *memory)
{
    if (memory->allocate) {
        lua_setallocf(L, memory->allocate, memory->ud);
        memory->allocate = NULL;
    }
}

/* LuaJIT does not collect when a block is refused, so it must have begun before:
 * when three quarters are used. */
void wsp_lua_memory_tune(lua_State *L, const struct wsp_lua_memory *memory)
{
    size_t pause = PAUSE_USUAL;
    if (memory->used > memory->limit / 8 * 3) {
        pause = memory->limit / 4 * 3 / (memory->used / 100 + 1);
    }
    lua_gc(L, LUA_GCSETPAUSE, pause < PAUSE_LEAST ? PAUSE_LEAST : (int)pause);
}

void wsp_lua_memory_deny(lua_State *L, struct wsp_lua_memory *memory)
{
    memory->is_denied = true;
    lua_newuserdata(L, 1);
}
