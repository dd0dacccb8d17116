/* SPDX-License-Identifier: MIT */
/* Frames on the Lua side.
 *
 * In: a userdata {id, event, payload, binary, field(), raw(), keep(), with()}
 * that borrows the bytes of the current call; any use after that call raises
 * unless keep() has copied them. `payload` is decoded on first touch and is nil
 * when absent. raw() gives the payload's bytes as they came (nil when absent),
 * so that wspulse.raw(frame:raw()) embeds them elsewhere. keep() makes this
 * very frame outlive its handler and returns it. with{id=, event=, payload=,
 * binary=} gives an outgoing table in which members not named stay as they came.
 * Out: a table {id=, event=, payload=, binary=}, or a received frame, which is
 * forwarded byte by byte.
 * Owner: the garbage collector. Thread: the state's. Every function runs inside
 * a protected call and raises without memory. */
#ifndef WSP_LUA_LUA_FRAME_H
#define WSP_LUA_LUA_FRAME_H

#include <lua.h>

#include "lua/lua_state.h"

/* What is wrong with a frame that cannot be sent: "%s" is a type's name. */
#define WSP_LUA_FAULT_CODEC                                                    \
    "the frame came by another codec; send { payload = frame:raw() }"
#define WSP_LUA_FAULT_FRAME_TYPE                                               \
    "frame: a table or a received frame expected, got %s"

/* The userdata of a received frame. What it needs beyond the bytes sits in its
 * environment, made on first use. */
struct wsp_lua_frame {
    struct wsp_lua_object object;
    const struct wsp_frame *frame; /* of the call, or of the kept bytes */
    uint64_t seq;                  /* of the call, or of a kept frame */
    enum wsp_lua_format format;    /* of the payload */
    const void *codec;             /* see struct wsp_lua_received */
    bool has_slots;                /* the environment is a table of its own */
    bool is_decoded;               /* the environment has the payload */
};

/* A received frame, and the codec that took it apart. */
struct wsp_lua_received {
    const struct wsp_frame *frame;
    const void *codec; /* identity of a codec written in Lua; NULL: another */
};

/* Tells whether a server of that format can send a frame on without a look at
 * its bytes. */
static inline bool wsp_lua_frame_goes_to(const struct wsp_lua_frame *frame,
                                         enum wsp_lua_format format)
{
    const struct wsp_frame *message = frame->frame;
    return frame->format == format && message->raw.len > 0 &&
           (format != WSP_LUA_FORMAT_JSON || !message->binary) &&
           format != WSP_LUA_FORMAT_SCRIPT;
}

/* Gives what is at that address, any address, when it is the frame of the message
 * on its way and its handler is the one that runs; else NULL. */
static inline const struct wsp_lua_frame *wsp_lua_frame_current(
    const struct wsp_lua_state *state, const void *address)
{
    const struct wsp_lua_frame *frame = state->lane_frame;
    return frame && address == frame && frame->seq == state->call_seq ? frame
                                                                      : NULL;
}

/* Prepares the state for frames; call once, after wsp_lua_events_open and
 * wsp_lua_json_open. */
void wsp_lua_frame_open(lua_State *L);

/* Pushes the metatable of frames. */
void wsp_lua_frame_push_metatable(lua_State *L,
                                  const struct wsp_lua_state *state);

/* Pushes a frame of no call yet, with the metatable at `index`: one allocation,
 * no table. It is live while state->call_seq is its `seq`, so numbers of calls
 * must never repeat. Raises without memory. */
struct wsp_lua_frame *wsp_lua_frame_new(lua_State *L, int index);

/* Pushes a frame for the current call (state->frame, state->call_seq,
 * state->codec). */
void wsp_lua_frame_push(lua_State *L, struct wsp_lua_state *state);

/* Pushes such a frame whose id, event and payload, as a codec written in Lua
 * gave them, are on top of the stack, and takes these off. The spans of the
 * frame point into the two strings; the frame itself must live as long as the
 * call. */
void wsp_lua_frame_push_decoded(lua_State *L, struct wsp_lua_state *state,
                                const struct wsp_lua_received *received);

/* Gives the received frame at `index`; returns false when it is none. Raises
 * when it is used after its handler returned. */
bool wsp_lua_frame_received(lua_State *L, int index,
                            const struct wsp_lua_state *state,
                            struct wsp_lua_received *out);

/* Gives the received frame at `index` when a server of that format can send it
 * on without a look at its bytes, else NULL. Raises when it is used after its
 * handler returned. */
const struct wsp_frame *wsp_lua_frame_as_it_came(
    lua_State *L, int index, const struct wsp_lua_state *state,
    enum wsp_lua_format format);

/* Reads the outgoing frame at `index` for state->codec. The spans of `out`
 * point into the frame or into values that this function leaves on the stack
 * (five at most): use `out` before the stack is cut.
 *
 * Returns WSP_OK, or WSP_ERR_ENCODE with the path of the offending value in
 * `diag`: "wspulse: encode failed: payload.items[3]: cannot encode a function".
 * Raises, naming the member, when a member is unknown or of the wrong type, and
 * when a frame is used after its handler returned. */
enum wsp_err wsp_lua_frame_to(lua_State *L, int index,
                              struct wsp_lua_state *state,
                              struct wsp_frame *out, struct wsp_diag *diag);

#endif
