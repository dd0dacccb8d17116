/* SPDX-License-Identifier: MIT */
#include "lua/lua_admission.h"

#include <string.h>

#include "lua/lua_call.h"

void wsp_lua_admission_fail(struct wsp_admission *out, const char *reason)
{
    *out = (struct wsp_admission){
        .is_accepted = false,
        .status = 500,
        .log_reason = reason,
    };
}

static bool has_control(struct wsp_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Copies the string at `index` into `copy`; nil is "". Returns false when it
 * cannot be an id. */
static bool copy_id(lua_State *L, int index, char copy[WSP_LUA_ID_MAX],
                    struct wsp_span *out)
{
    *out = (struct wsp_span){"", 0};
    if (lua_isnil(L, index)) {
        return true;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        return false;
    }
    struct wsp_span text;
    text.data = lua_tolstring(L, index, &text.len);
    if (text.len > WSP_LUA_ID_MAX || !wsp_utf8_is_valid(text) ||
        has_control(text)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    *out = (struct wsp_span){copy, text.len};
    return true;
}

/* The text of a refusal, cut to what the mount holds. */
static const char *copy_reason(lua_State *L, struct wsp_lua_admission *texts)
{
    wsp_lua_call_describe(L, 2);
    size_t len = strnlen(lua_tostring(L, -1), sizeof texts->reason - 1);
    memcpy(texts->reason, lua_tostring(L, -1), len);
    texts->reason[len] = '\0';
    return texts->reason;
}

static const char *read_refusal(lua_State *L, struct wsp_lua_mount *mount,
                                struct wsp_admission *out)
{
    lua_Number status = lua_isnil(L, 3) ? 401 : 0;
    if (lua_type(L, 3) == LUA_TNUMBER) {
        status = lua_tonumber(L, 3);
    }
    if (!(status >= 400 && status <= 499) || status != (int)status) {
        return "connect: the status of a refusal must be a whole number from "
               "400 to 499";
    }
    *out = (struct wsp_admission){
        .is_accepted = false,
        .status = (int)status,
        .log_reason = copy_reason(L, &mount->admission),
    };
    return NULL;
}

static const char *read_ids(lua_State *L, struct wsp_lua_mount *mount,
                            struct wsp_admission *out)
{
    struct wsp_lua_admission *texts = &mount->admission;
    struct wsp_span room;
    struct wsp_span id;
    if (!copy_id(L, 1, texts->room, &room)) {
        return "connect: the room id must be a string of at most 1024 bytes, "
               "UTF-8 without control characters";
    }
    if (!copy_id(L, 2, texts->id, &id)) {
        return "connect: the connection id must be nil or a string of at most "
               "1024 bytes, UTF-8 without control characters";
    }
    *out = (struct wsp_admission){.is_accepted = true, .room = room, .id = id};
    return NULL;
}

const char *wsp_lua_admission_read(lua_State *L, struct wsp_lua_mount *mount,
                                   struct wsp_admission *out)
{
    const char *fault = lua_toboolean(L, 1) ? read_ids(L, mount, out)
                                            : read_refusal(L, mount, out);
    if (fault) {
        wsp_lua_admission_fail(out, fault);
    }
    return fault;
}
