/* SPDX-License-Identifier: MIT */
#include "lua/lua_outgoing.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_draft.h"
#include "lua/lua_error.h"
#include "lua/lua_frame.h"
#include "lua/lua_mount.h"

static enum wsp_err fault(struct wsp_lua_outgoing *out, const char *reason)
{
    return wsp_diag_set(&out->diag, WSP_ERR_ENCODE, "%s: %s",
                        wsp_err_text(WSP_ERR_ENCODE), reason);
}

/* ---- what a codec written in Lua is given ---- */

static void set_text(lua_State *L, const char *member, struct wsp_span text)
{
    if (text.len > 0) {
        lua_pushlstring(L, text.data, text.len);
        lua_setfield(L, -2, member);
    }
}

/* Gives the table on top of the stack an id; with resume_confirm a frame that
 * has none gets one of its own, so that a client can drop a second copy. */
static void set_id(lua_State *L, const struct wsp_lua_server *server,
                   struct wsp_span id)
{
    char text[WSP_LUA_FRAME_ID_MAX];
    if (id.len == 0 && server->mount->gives_ids) {
        id = wsp_span_of(wsp_lua_mount_frame_id(server->mount, text));
    }
    set_text(L, "id", id);
}

static void push_draft(lua_State *L, const struct wsp_lua_server *server,
                       int index)
{
    struct wsp_lua_draft draft = wsp_lua_draft_read(L, server->state, index);
    lua_createtable(L, 0, 3);
    set_id(L, server, draft.id);
    set_text(L, "event", draft.event);
    if (draft.payload) {
        lua_pushvalue(L, draft.payload);
        lua_setfield(L, -2, "payload");
    }
}

/* Takes a received frame apart again, for it must get an id. Returns false and
 * pushes the reason when the codec cannot. */
static bool push_again(lua_State *L, const struct wsp_lua_server *server,
                       const struct wsp_frame *frame)
{
    struct wsp_lua_decoded decoded;
    if (!wsp_lua_codec_decode(L, &server->codec, frame->raw, &decoded)) {
        return false;
    }
    int payload = lua_gettop(L);
    lua_createtable(L, 0, 3);
    set_id(L, server, decoded.id);
    set_text(L, "event", decoded.event);
    lua_pushvalue(L, payload);
    lua_setfield(L, -2, "payload");
    return true;
}

/* ---- the message ---- */

/* Has the table on top of the stack encoded. */
static enum wsp_err encode(lua_State *L, const struct wsp_lua_server *server,
                           struct wsp_lua_outgoing *out)
{
    if (!wsp_lua_codec_encode(L, &server->codec, &out->value)) {
        return fault(out, lua_tostring(L, -1));
    }
    out->made.raw.data = lua_tolstring(L, -1, &out->made.raw.len);
    return WSP_OK;
}

/* The bytes go on as they came, unless they must carry an id that they do not
 * have. */
static enum wsp_err forward(lua_State *L, const struct wsp_lua_server *server,
                            const struct wsp_lua_received *received,
                            struct wsp_lua_outgoing *out)
{
    const struct wsp_frame *frame = received->frame;
    if (received->codec != server->codec.identity) {
        return fault(out, WSP_LUA_FAULT_CODEC);
    }
    if (server->mount->gives_ids && frame->id.len == 0) {
        return push_again(L, server, frame) ? encode(L, server, out)
                                            : fault(out, lua_tostring(L, -1));
    }
    out->made.raw = frame->raw;
    if (out->made.raw.len == 0) {
        out->made.raw.data = "";
    }
    return WSP_OK;
}

static enum wsp_err read_by_script(lua_State *L, int index,
                                   struct wsp_lua_server *server,
                                   struct wsp_lua_outgoing *out)
{
    struct wsp_lua_received received;
    out->made = (struct wsp_frame){.binary = server->codec.is_binary};
    if (wsp_lua_frame_received(L, index, server->state, &received)) {
        return forward(L, server, &received, out);
    }
    if (!lua_istable(L, index)) {
        luaL_error(L, WSP_LUA_FAULT_FRAME_TYPE, luaL_typename(L, index));
    }
    push_draft(L, server, index);
    return encode(L, server, out);
}

/* ---- in and out ---- */

/* Has the frame at `index`, which is none that was received, encoded by the
 * server's own codec. */
static enum wsp_err read_by_format(lua_State *L, int index,
                                   struct wsp_lua_server *server,
                                   struct wsp_lua_outgoing *out)
{
    struct wsp_lua_state *state = server->state;
    const char *outer = state->codec;
    state->codec = server->mount->codec;
    enum wsp_err result =
        wsp_lua_frame_to(L, index, state, &out->made, &out->diag);
    state->codec = outer;
    return result;
}

enum wsp_err wsp_lua_outgoing_read(lua_State *L, int index,
                                   struct wsp_lua_server *server,
                                   struct wsp_lua_outgoing *out)
{
    out->frame = &out->made;
    out->is_as_it_came = false;
    out->value = 0;
    out->diag.code = WSP_OK; /* without clearing its 512 bytes of text */
    out->diag.message[0] = '\0';
    if (!server->is_pinned) {
        return fault(out, "the server is closed");
    }
    enum wsp_lua_format format = wsp_lua_format_of(server->mount->codec);
    if (format == WSP_LUA_FORMAT_SCRIPT) {
        return read_by_script(L, index, server, out);
    }
    const struct wsp_frame *received =
        wsp_lua_frame_as_it_came(L, index, server->state, format);
    if (!received) {
        return read_by_format(L, index, server, out);
    }
    out->frame = received;
    out->is_as_it_came = true;
    return WSP_OK;
}

int wsp_lua_outgoing_result(lua_State *L, enum wsp_err result,
                            const struct wsp_lua_outgoing *out)
{
    int count = wsp_lua_error_result(L, result, &out->diag);
    if (result == WSP_ERR_ENCODE && out->value) {
        lua_pushvalue(L, out->value);
        lua_setfield(L, -2, "value");
    }
    return count;
}
