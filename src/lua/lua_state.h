/* SPDX-License-Identifier: MIT */
/* What the binding keeps beside one lua_State: which frame, request and
 * response a running handler may touch, and references it needs without a
 * lookup.
 * Owner: the lua_State (a full userdata in its registry). Thread: the loop's,
 * or the helper thread while a generation is being built. */
#ifndef WSP_LUA_LUA_STATE_H
#define WSP_LUA_LUA_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <wspulse/wspulse.h>

#include "lua/lua_deadline.h"
#include "lua/lua_event.h"
#include "lua/lua_ffi.h"
#include "lua/lua_jit.h"
#include "lua/lua_memory.h"
#include "lua/lua_reply.h"
#include "lua/lua_type.h"

struct wsp_lua_app;
struct wsp_lua_call;
struct wsp_lua_closing;
struct wsp_lua_frame;
struct wsp_lua_program;

/* Calls of C into Lua can nest: a handler makes the server write a log line,
 * and the logger is a Lua function. This deep, then they are refused. */
#define WSP_LUA_DEPTH_MAX 4

/* LuaJIT's collector begins again when there is so much, in percent of what it
 * has left. */
#define WSP_LUA_GC_PAUSE 200

/* What the payloads of a server's frames are. */
enum wsp_lua_format {
    WSP_LUA_FORMAT_JSON,
    WSP_LUA_FORMAT_MSGPACK,
    WSP_LUA_FORMAT_RAW,    /* bytes; in the others they are values */
    WSP_LUA_FORMAT_SCRIPT, /* what a codec written in Lua makes of them */
};

/* Member names of a frame as this state interned them, by lua_topointer: Lua
 * strings are equal when their addresses are. */
struct wsp_lua_keys {
    const void *id;
    const void *event;
    const void *payload;
    const void *binary;
};

/* Every userdata of a frame, request or response carries the number of the call
 * it was made for; it is live while that call is the current one. */
struct wsp_lua_state {
    struct wsp_lua_app *app; /* the generation, NULL in a plain module */
    unsigned generation;     /* carried by log lines; 1 in a plain module */
    bool is_unsafe;          /* the script has all of LuaJIT; lua_library.h */
    bool is_bounded; /* outermost calls have a deadline or a memory limit */
    struct wsp_lua_jit jit;
    struct wsp_lua_ffi ffi;
    struct wsp_logger logger; /* where wspulse.log goes */
    struct wsp_lua_deadline deadline;
    struct wsp_lua_memory *memory; /* NULL in a plain module */
    uintptr_t stack_floor; /* lowest address that C may reach before it asks;
                              see lua_stack.h; 0: unknown */

    uint64_t call_seq; /* number of the current call into Lua; 0: none */
    const struct wsp_frame *frame;     /* of the current call, or NULL */
    const struct wsp_request *request; /* of the current call, or NULL */
    struct wsp_response *response;     /* of the current call, or NULL */
    const char *codec;                 /* of the current call's server */

    int ref_cjson_decode; /* registry reference: cjson.decode, 0 while
                             lua-cjson has not been found */
    char cjson_point;     /* the decimal point that it expects */

    /* Filled by the wsp_lua_*_open functions, zero before. What an address
     * stands for is anchored in the registry. */
    struct wsp_lua_type frame_type;
    struct wsp_lua_type raw_type;
    struct wsp_lua_type request_type;
    struct wsp_lua_type response_type;
    int ref_array;           /* registry reference: the metatable that marks a
                                table, wspulse.array */
    const void *array_mark;  /* its address */
    const void *empty_array; /* the table wspulse.empty_array */
    int gc_pause; /* of the collector, as lua_lane.c has set it last; -1: a
                     script sets it */
    struct wsp_lua_keys keys;
    struct wsp_lua_frame
        *lane_frame; /* of the message on its way through a lane,
                                         or NULL; lives as long */
    struct wsp_lua_server *lane_server; /* whose lane that is, or NULL */
    struct wsp_lua_reply reply;         /* to that message */
    struct wsp_lua_events events;

    /* Calls from C into Lua; see lua_call.h. */
    uint64_t call_count;       /* calls begun so far: call_seq never repeats */
    unsigned depth;            /* calls under way, one inside the other */
    struct wsp_lua_call *call; /* the innermost of them, or NULL */
    lua_State *thread;         /* that it runs on */
    lua_State *threads[WSP_LUA_DEPTH_MAX]; /* one per depth; in the registry */
    lua_State *reporter;  /* where raised values are described */
    bool is_reporting;    /* it runs */
    unsigned codec_depth; /* calls of codecs under way, one inside the other */
    struct wsp_error *fallback; /* a failure that there is no memory to tell */

    /* Servers; see lua_server.h and lua_mount.h. */
    struct wsp_lua_type server_type;
    struct wsp_lua_type connection_type;
    bool is_ended; /* lua_close runs or the generation is retired: callbacks
                      and calls do nothing any more */
    LIST_HEAD(, wsp_lua_closing) closings; /* close(fn) that wait */

    /* Of a Lua program that uses the module; NULL before its first start and in
     * a generation. */
    struct wsp_lua_program *program;
};

/* The name here of any codec that is written in Lua. */
#define WSP_LUA_CODEC_SCRIPT "script"

/* Gives the format that a codec stands for: "json", "msgpack", "raw" or
 * WSP_LUA_CODEC_SCRIPT; their first letters tell them apart. */
static inline enum wsp_lua_format wsp_lua_format_of(const char *codec)
{
    switch (codec ? codec[0] : 'j') {
    case 'r':
        return WSP_LUA_FORMAT_RAW;
    case 'm':
        return WSP_LUA_FORMAT_MSGPACK;
    case 's':
        return WSP_LUA_FORMAT_SCRIPT;
    default:
        return WSP_LUA_FORMAT_JSON;
    }
}

/* Gives the format of the current call's server. */
static inline enum wsp_lua_format wsp_lua_state_format(
    const struct wsp_lua_state *state)
{
    return wsp_lua_format_of(state->codec);
}

/* Makes the state's companion, or finds it. Raises without memory. */
struct wsp_lua_state *wsp_lua_state_get(lua_State *L);

/* Pushes the userdata of a companion that exists: the upvalue of functions that
 * find it by wsp_lua_state_upvalue. */
void wsp_lua_state_push(lua_State *L);

/* Gives the companion inside a C function whose first upvalue it is. */
struct wsp_lua_state *wsp_lua_state_upvalue(lua_State *L);

/* Ends the state: no callback enters it any more and what waits for a server is
 * forgotten. Idempotent. */
void wsp_lua_state_end(struct wsp_lua_state *state);

#endif
