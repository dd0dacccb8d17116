/* SPDX-License-Identifier: MIT */
#include "lua/lua_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void put(struct wsp_lua_path *path, char byte)
{
    if (path->len < sizeof path->text - 1) {
        path->text[path->len++] = byte;
    }
}

static bool is_word(struct wsp_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        char byte = key.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') || byte == '_';
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !(is_digit && i > 0)) {
            return false;
        }
    }
    return key.len > 0;
}

void wsp_lua_path_key(struct wsp_lua_path *path, struct wsp_span key)
{
    bool is_plain = is_word(key);
    put(path, is_plain ? '.' : '[');
    if (!is_plain) {
        put(path, '"');
    }
    for (size_t i = 0; i < key.len; i++) {
        bool is_shown = key.data[i] >= ' ' && key.data[i] <= '~';
        put(path, is_shown ? key.data[i] : '?');
    }
    if (!is_plain) {
        put(path, '"');
        put(path, ']');
    }
}

void wsp_lua_path_index(struct wsp_lua_path *path, int index)
{
    char text[16];
    snprintf(text, sizeof text, "[%d]", index);
    for (const char *at = text; *at; at++) {
        put(path, *at);
    }
}

void wsp_lua_path_end(struct wsp_lua_path *path)
{
    bool is_cut = path->len == sizeof path->text - 1;
    memcpy(path->text + path->len - (is_cut ? 3 : 0), is_cut ? "..." : "",
           is_cut ? 4 : 1);
}
