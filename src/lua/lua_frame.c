/* SPDX-License-Identifier: MIT */
#include "lua/lua_frame.h"

#include <lauxlib.h>
#include <stdint.h>

#include "lua/lua_draft.h"
#include "lua/lua_ffi.h"
#include "lua/lua_json.h"
#include "lua/lua_msgpack.h"
#include "lua/lua_raw.h"

static const char type_name[] = "wspulse.frame";

#define SEQ_KEPT UINT64_MAX /* of a frame that owns its bytes */

/* Slots of the environment. */

enum {
    SLOT_PAYLOAD = 1, /* decoded */
    SLOT_KEPT,        /* bytes of keep() */
    SLOT_ID,          /* what a codec written in Lua gave, for the spans */
    SLOT_EVENT,
};

static void push_span(lua_State *L, struct wsp_span span)
{
    lua_pushlstring(L, span.len > 0 ? span.data : "", span.len);
}

static bool is_live(const struct wsp_lua_frame *frame,
                    const struct wsp_lua_state *state)
{
    return frame->seq == state->call_seq || frame->seq == SEQ_KEPT;
}

/* The frame at `index`, NULL for anything else. Mostly it is the one that is
 * known already. */
static inline struct wsp_lua_frame *frame_at(lua_State *L, int index,
                                             const struct wsp_lua_state *state)
{
    void *found = lua_touserdata(L, index);
    return found && found == state->lane_frame
               ? found
               : wsp_lua_type_find(L, index, type_name);
}

/* The frame that a script's function was called with; raises when it is none or
 * its handler has returned. */
static struct wsp_lua_frame *check_frame(lua_State *L,
                                         const struct wsp_lua_state *state)
{
    struct wsp_lua_frame *frame = frame_at(L, 1, state);
    luaL_argcheck(L, frame, 1, "frame expected; call its methods with a colon");
    if (!is_live(frame, state)) {
        luaL_error(L, "%s", wsp_err_text(WSP_ERR_FRAME_EXPIRED));
    }
    return frame;
}

/* Pushes the environment of the frame at `index`. */
static void push_slots(lua_State *L, int index, struct wsp_lua_frame *frame)
{
    if (!frame->has_slots) {
        lua_createtable(L, 2, 0);
        lua_setfenv(L, index);
        frame->has_slots = true;
    }
    lua_getfenv(L, index);
}

static void set_slot(lua_State *L, int index, struct wsp_lua_frame *frame,
                     int slot)
{
    push_slots(L, index, frame);
    lua_insert(L, -2);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
}

/* ---- members ---- */

/* Decodes the payload and pushes it; a table is kept, so that the same one is
 * seen each time. */
static void decode_payload(lua_State *L, struct wsp_lua_frame *frame)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct wsp_span payload = frame->frame->payload;
    bool is_done = frame->format == WSP_LUA_FORMAT_MSGPACK
                       ? wsp_lua_msgpack_decode(L, state, payload)
                       : wsp_lua_json_decode(L, state, payload);
    if (!is_done) {
        luaL_error(L, "frame.payload: %s", lua_tostring(L, -1));
    }
    if (lua_istable(L, -1)) {
        lua_pushvalue(L, -1);
        set_slot(L, 1, frame, SLOT_PAYLOAD);
        frame->is_decoded = true;
    }
}

static void push_payload(lua_State *L, struct wsp_lua_frame *frame)
{
    if (!frame->frame->has_payload) {
        lua_pushnil(L);
    } else if (frame->format == WSP_LUA_FORMAT_RAW) {
        push_span(L, frame->frame->payload);
    } else if (frame->is_decoded) {
        push_slots(L, 1, frame);
        lua_rawgeti(L, -1, SLOT_PAYLOAD);
        lua_remove(L, -2);
    } else {
        decode_payload(L, frame);
    }
}

static int frame_index(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct wsp_lua_frame *frame = check_frame(L, state);
    const struct wsp_lua_keys *keys = &state->keys;
    const void *key = lua_topointer(L, 2);
    if (key == keys->event) {
        wsp_lua_events_push(L, lua_upvalueindex(3), &state->events,
                            frame->frame->event);
    } else if (key == keys->payload) {
        push_payload(L, frame);
    } else if (key == keys->id) {
        push_span(L, frame->frame->id);
    } else if (key == keys->binary) {
        lua_pushboolean(L, frame->frame->binary);
    } else {
        lua_settop(L, 2);
        lua_rawget(L, lua_upvalueindex(2));
    }
    return 1;
}

/* Called by machine code. Gives the index of the event in the array of
 * lua_event.h when the frame is the one on its way and the event is there, else
 * 0. */
static int find_event(void *companion, void *frame)
{
    const struct wsp_lua_state *state = companion;
    const struct wsp_lua_frame *current = wsp_lua_frame_current(state, frame);
    return current ? wsp_lua_events_find(&state->events, current->frame->event)
                   : 0;
}

static const char index_source[] =
    "local find, companion, events, index = ...\n"
    "return function(frame, key)\n"
    "  if key == 'event' then\n"
    "    local found = find(companion, frame)\n"
    "    if found > 0 then return events[found] end\n"
    "  end\n"
    "  return index(frame, key)\n"
    "end\n";

/* Offers another __index for the metatable on top of the stack. */
static void offer_index(lua_State *L, struct wsp_lua_state *state)
{
    wsp_lua_events_push_array(L, &state->events);
    lua_getfield(L, -2, "__index");
    if (wsp_lua_ffi_make(L, state, index_source, "int (*)(void *, void *)",
                         (uintptr_t)find_event, 2)) {
        wsp_lua_ffi_offer(L, state, "__index");
    }
}

static int frame_newindex(lua_State *L)
{
    return luaL_error(L, "frame is read-only; use frame:with{…}");
}

static int frame_tostring(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    struct wsp_lua_frame *frame = wsp_lua_type_find(L, 1, type_name);
    luaL_argcheck(L, frame, 1, "frame expected");
    if (!is_live(frame, state)) {
        lua_pushliteral(L, "wspulse.frame: (expired)");
        return 1;
    }
    lua_pushliteral(L, "wspulse.frame: ");
    push_span(L, frame->frame->event);
    lua_concat(L, 2);
    return 1;
}

static int frame_field(lua_State *L)
{
    struct wsp_lua_frame *frame = check_frame(L, wsp_lua_state_upvalue(L));
    luaL_checktype(L, 2, LUA_TSTRING);
    lua_settop(L, 2);
    push_payload(L, frame);
    if (!lua_istable(L, -1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
}

static int frame_raw(lua_State *L)
{
    struct wsp_lua_frame *frame = check_frame(L, wsp_lua_state_upvalue(L));
    if (frame->format == WSP_LUA_FORMAT_SCRIPT) {
        push_span(L, frame->frame->raw);
    } else if (frame->frame->has_payload) {
        push_span(L, frame->frame->payload);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* ---- keep ---- */

/* A place where bytes are copied to. */
struct copier {
    struct wsp_span from; /* the message */
    const char *to;       /* its copy */
    char *rest;           /* where bytes from elsewhere go */
};

static bool lies_within(struct wsp_span part, struct wsp_span whole)
{
    uintptr_t start = (uintptr_t)whole.data;
    uintptr_t at = (uintptr_t)part.data;
    return at >= start && at - start <= whole.len &&
           part.len <= whole.len - (at - start);
}

/* Moves a span to the copy: by its place in the message, or, when the codec
 * unescaped it, by a copy of its own. */
static void copy_span(struct copier *copier, struct wsp_span *span)
{
    if (span->len == 0) {
        span->data = "";
    } else if (lies_within(*span, copier->from)) {
        span->data = copier->to + (span->data - copier->from.data);
    } else {
        memcpy(copier->rest, span->data, span->len);
        span->data = copier->rest;
        copier->rest += span->len;
    }
}

static size_t outside_len(struct wsp_span span, struct wsp_span whole)
{
    return span.len == 0 || lies_within(span, whole) ? 0 : span.len;
}

/* Pushes a userdata that holds the frame and all its bytes. */
static const struct wsp_frame *push_copy(lua_State *L,
                                         const struct wsp_frame *source)
{
    struct wsp_span raw = source->raw;
    size_t outside = outside_len(source->id, raw) +
                     outside_len(source->event, raw) +
                     outside_len(source->payload, raw);
    struct wsp_frame *copy =
        lua_newuserdata(L, sizeof *copy + raw.len + outside);
    char *bytes = (char *)(copy + 1);
    *copy = *source;
    if (raw.len > 0) {
        memcpy(bytes, raw.data, raw.len);
    }
    copy->raw.data = bytes;
    struct copier copier = {raw, bytes, bytes + raw.len};
    copy_span(&copier, &copy->id);
    copy_span(&copier, &copy->event);
    copy_span(&copier, &copy->payload);
    return copy;
}

static int frame_keep(lua_State *L)
{
    struct wsp_lua_frame *frame = check_frame(L, wsp_lua_state_upvalue(L));
    lua_settop(L, 1);
    if (frame->seq == SEQ_KEPT) {
        return 1;
    }
    const struct wsp_frame *copy = push_copy(L, frame->frame);
    set_slot(L, 1, frame, SLOT_KEPT);
    frame->frame = copy;
    frame->seq = SEQ_KEPT;
    return 1;
}

/* ---- with ---- */

static void set_text(lua_State *L, const char *member, struct wsp_span changed,
                     struct wsp_span original)
{
    struct wsp_span text = changed.data ? changed : original;
    if (text.len > 0) {
        push_span(L, text);
        lua_setfield(L, -2, member);
    }
}

static void set_payload(lua_State *L, struct wsp_lua_frame *frame, int changed)
{
    if (changed) {
        lua_pushvalue(L, changed);
    } else if (!frame->frame->has_payload) {
        return;
    } else if (frame->format == WSP_LUA_FORMAT_RAW) {
        push_span(L, frame->frame->payload);
    } else if (frame->format == WSP_LUA_FORMAT_SCRIPT) {
        push_payload(L, frame);
    } else {
        wsp_lua_raw_push(L, wsp_lua_state_upvalue(L), frame->frame->payload,
                         frame->format);
    }
    lua_setfield(L, -2, "payload");
}

static int frame_with(lua_State *L)
{
    struct wsp_lua_frame *frame = check_frame(L, wsp_lua_state_upvalue(L));
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct wsp_lua_draft draft =
        wsp_lua_draft_read(L, wsp_lua_state_upvalue(L), 2);
    lua_createtable(L, 0, 4);
    set_text(L, "id", draft.id, frame->frame->id);
    set_text(L, "event", draft.event, frame->frame->event);
    set_payload(L, frame, draft.payload);
    if (draft.binary >= 0 || frame->format == WSP_LUA_FORMAT_RAW) {
        lua_pushboolean(L, draft.binary >= 0 ? draft.binary
                                             : frame->frame->binary);
        lua_setfield(L, -2, "binary");
    }
    return 1;
}

/* ---- sending ---- */

static enum wsp_err encode_fault(struct wsp_diag *diag, const char *reason)
{
    return wsp_diag_set(diag, WSP_ERR_ENCODE, "%s: %s",
                        wsp_err_text(WSP_ERR_ENCODE), reason);
}

/* Forwards a received frame as it came; its id tells the core that it needs no
 * other. A binary message was not checked for UTF-8 when it came in, but JSON
 * goes out as text. */
static enum wsp_err forward(const struct wsp_lua_frame *frame,
                            const struct wsp_lua_state *state,
                            struct wsp_frame *out, struct wsp_diag *diag)
{
    if (frame->format != wsp_lua_state_format(state)) {
        return encode_fault(diag, WSP_LUA_FAULT_CODEC);
    }
    out->raw = frame->frame->raw;
    if (out->raw.len == 0) {
        out->raw.data = "";
    }
    out->id = frame->frame->id;
    out->binary = frame->frame->binary;
    out->is_utf8 = frame->frame->is_utf8;
    if (frame->format == WSP_LUA_FORMAT_JSON && out->binary) {
        out->is_utf8 = wsp_utf8_is_valid(out->raw);
        return out->is_utf8
                   ? WSP_OK
                   : encode_fault(diag, "the frame is not valid UTF-8");
    }
    return WSP_OK;
}

/* The received frame at `index`, or NULL when it is none; raises when its
 * handler has returned. */
static const struct wsp_lua_frame *find_frame(lua_State *L, int index,
                                              const struct wsp_lua_state *state)
{
    const struct wsp_lua_frame *frame = wsp_lua_type_find(L, index, type_name);
    if (frame && !is_live(frame, state)) {
        luaL_error(L, "%s", wsp_err_text(WSP_ERR_FRAME_EXPIRED));
    }
    return frame;
}

bool wsp_lua_frame_received(lua_State *L, int index,
                            const struct wsp_lua_state *state,
                            struct wsp_lua_received *out)
{
    const struct wsp_lua_frame *frame = find_frame(L, index, state);
    if (frame) {
        *out = (struct wsp_lua_received){frame->frame, frame->codec};
    }
    return frame != NULL;
}

const struct wsp_frame *wsp_lua_frame_as_it_came(
    lua_State *L, int index, const struct wsp_lua_state *state,
    enum wsp_lua_format format)
{
    const struct wsp_lua_frame *frame = find_frame(L, index, state);
    return frame && wsp_lua_frame_goes_to(frame, format) ? frame->frame : NULL;
}

enum wsp_err wsp_lua_frame_to(lua_State *L, int index,
                              struct wsp_lua_state *state,
                              struct wsp_frame *out, struct wsp_diag *diag)
{
    memset(out, 0, sizeof *out);
    const struct wsp_lua_frame *frame = find_frame(L, index, state);
    if (frame) {
        return forward(frame, state, out, diag);
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, WSP_LUA_FAULT_FRAME_TYPE, luaL_typename(L, index));
    }
    if (index < 0 && index > LUA_REGISTRYINDEX) {
        index = lua_gettop(L) + index + 1;
    }
    struct wsp_lua_draft draft = wsp_lua_draft_read(L, state, index);
    return wsp_lua_draft_build(L, state, &draft, out, diag);
}

void wsp_lua_frame_push_metatable(lua_State *L,
                                  const struct wsp_lua_state *state)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->frame_type.ref);
}

struct wsp_lua_frame *wsp_lua_frame_new(lua_State *L, int index)
{
    struct wsp_lua_frame *frame = lua_newuserdata(L, sizeof *frame);
    *frame = (struct wsp_lua_frame){.object = {type_name}};
    lua_pushvalue(L, index);
    lua_setmetatable(L, -2);
    return frame;
}

void wsp_lua_frame_push(lua_State *L, struct wsp_lua_state *state)
{
    struct wsp_lua_frame *frame =
        wsp_lua_type_push(L, &state->frame_type, sizeof *frame);
    *frame = (struct wsp_lua_frame){.object = frame->object};
    frame->frame = state->frame;
    frame->seq = state->call_seq;
    frame->format = wsp_lua_state_format(state);
}

/* Puts the value at `index` into a slot of the frame on top of the stack. */
static void anchor(lua_State *L, struct wsp_lua_frame *frame, int slot,
                   int index)
{
    lua_pushvalue(L, index);
    set_slot(L, lua_gettop(L) - 1, frame, slot);
}

void wsp_lua_frame_push_decoded(lua_State *L, struct wsp_lua_state *state,
                                const struct wsp_lua_received *received)
{
    int id = lua_gettop(L) - 2;
    struct wsp_lua_frame *frame =
        wsp_lua_type_push(L, &state->frame_type, sizeof *frame);
    *frame = (struct wsp_lua_frame){
        .object = frame->object,
        .frame = received->frame,
        .seq = state->call_seq,
        .format = WSP_LUA_FORMAT_SCRIPT,
        .codec = received->codec,
        .is_decoded = true,
    };
    anchor(L, frame, SLOT_ID, id);
    anchor(L, frame, SLOT_EVENT, id + 1);
    anchor(L, frame, SLOT_PAYLOAD, id + 2);
    lua_replace(L, id);
    lua_settop(L, id);
}

/* ---- opening ---- */

static const luaL_Reg methods[] = {
    {"field", frame_field}, {"raw", frame_raw}, {"keep", frame_keep},
    {"with", frame_with},   {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__newindex", frame_newindex},
    {"__tostring", frame_tostring},
    {NULL, NULL},
};

/* Interns a member name for the life of the state. */
static const void *intern(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    const void *address = lua_topointer(L, -1);
    luaL_ref(L, LUA_REGISTRYINDEX);
    return address;
}

void wsp_lua_frame_open(lua_State *L)
{
    luaL_checkstack(L, 8, "no room to open");
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    state->keys.id = intern(L, "id");
    state->keys.event = intern(L, "event");
    state->keys.payload = intern(L, "payload");
    state->keys.binary = intern(L, "binary");
    lua_createtable(L, 0, 6);
    wsp_lua_type_functions(L, metamethods);
    wsp_lua_state_push(L);
    lua_createtable(L, 0, 4);
    wsp_lua_type_functions(L, methods);
    wsp_lua_events_push_array(L, &state->events);
    lua_pushcclosure(L, frame_index, 3);
    lua_setfield(L, -2, "__index");
    offer_index(L, state);
    wsp_lua_type_register(L, &state->frame_type, type_name);
}
