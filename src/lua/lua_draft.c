/* SPDX-License-Identifier: MIT */
#include "lua/lua_draft.h"

#include <lauxlib.h>

#include "lua/lua_encoder.h"
#include "lua/lua_raw.h"

/* ---- reading ---- */

static struct wsp_span check_text(lua_State *L, const char *member)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "frame.%s: string expected, got %s", member,
                   luaL_typename(L, -1));
    }
    struct wsp_span text;
    text.data = lua_tolstring(L, -1, &text.len);
    return text;
}

static int check_flag(lua_State *L)
{
    if (!lua_isboolean(L, -1)) {
        luaL_error(L, "frame.binary: boolean expected, got %s",
                   luaL_typename(L, -1));
    }
    return lua_toboolean(L, -1);
}

/* Takes the member whose key and value are on top of the stack. */
static void read_member(lua_State *L, const struct wsp_lua_keys *keys,
                        struct wsp_lua_draft *draft)
{
    const void *key = lua_topointer(L, -2);
    if (key == keys->event) {
        draft->event = check_text(L, "event");
    } else if (key == keys->payload) {
        draft->payload = lua_gettop(L) - 1;
    } else if (key == keys->id) {
        draft->id = check_text(L, "id");
    } else if (key == keys->binary) {
        draft->binary = check_flag(L);
    } else {
        luaL_error(L,
                   "frame.%s: unknown member; id, event, payload, binary "
                   "expected",
                   lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
                                                  : luaL_typename(L, -2));
    }
}

struct wsp_lua_draft wsp_lua_draft_read(lua_State *L,
                                        const struct wsp_lua_state *state,
                                        int index)
{
    struct wsp_lua_draft draft = {.binary = -1};
    luaL_checkstack(L, 12, "no room for a frame");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        read_member(L, &state->keys, &draft);
        lua_insert(L, -2);
    }
    return draft;
}

/* ---- building ---- */

static enum wsp_err build_bytes(lua_State *L, const struct wsp_lua_draft *draft,
                                const struct wsp_lua_state *state,
                                struct wsp_frame *out)
{
    if (draft->id.len > 0 || draft->event.len > 0) {
        luaL_error(L, "frame.%s: the codec raw has no such member",
                   draft->id.len > 0 ? "id" : "event");
    }
    if (!draft->payload) {
        luaL_error(L, "frame.payload: string expected, got nil (codec raw)");
    }
    const struct wsp_lua_raw *raw = wsp_lua_raw_to(L, draft->payload, state);
    if (raw) {
        out->payload = (struct wsp_span){raw->text, raw->len};
    } else {
        lua_pushvalue(L, draft->payload);
        out->payload = check_text(L, "payload");
    }
    out->has_payload = true;
    out->binary = draft->binary == 1;
    return WSP_OK;
}

static enum wsp_err build_value(lua_State *L, const struct wsp_lua_draft *draft,
                                struct wsp_lua_state *state,
                                struct wsp_frame *out, struct wsp_diag *diag)
{
    out->id = draft->id;
    out->event = draft->event;
    if (!draft->payload) {
        return WSP_OK;
    }
    struct wsp_lua_raw *raw = wsp_lua_raw_to(L, draft->payload, state);
    struct wsp_lua_encoding encoding = {
        .format = wsp_lua_state_format(state),
        .index = draft->payload,
        .root = "payload",
        .diag = diag,
    };
    if (raw && !wsp_lua_raw_fault(raw, encoding.format)) {
        encoding.text = (struct wsp_span){raw->text, raw->len};
    } else {
        enum wsp_err err = wsp_lua_encoder_run(L, state, &encoding);
        if (err != WSP_OK) {
            return err;
        }
    }
    out->payload = encoding.text;
    out->has_payload = true;
    out->is_checked = true;
    return WSP_OK;
}

enum wsp_err wsp_lua_draft_build(lua_State *L, struct wsp_lua_state *state,
                                 const struct wsp_lua_draft *draft,
                                 struct wsp_frame *out, struct wsp_diag *diag)
{
    return wsp_lua_state_format(state) == WSP_LUA_FORMAT_RAW
               ? build_bytes(L, draft, state, out)
               : build_value(L, draft, state, out, diag);
}
