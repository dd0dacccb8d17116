/* SPDX-License-Identifier: MIT */
#include "lua/lua_tls.h"

#include <lauxlib.h>
#include <string.h>

/* Pushes the member `name` of the table on top of the stack, below it what the
 * texts call it. Returns false, with nothing pushed, when it is nil. */
static bool push_member(lua_State *L, const struct wsp_lua_option *option,
                        const char *name, struct wsp_lua_option *member)
{
    *member = *option;
    member->seed = option->seed ? option->seed : option->key;
    member->key = lua_pushfstring(L, "%s.%s", option->key, name);
    lua_getfield(L, -2, name);
    if (!lua_isnil(L, -1)) {
        return true;
    }
    lua_pop(L, 2);
    return false;
}

static const char *read_path(lua_State *L, const struct wsp_lua_option *option,
                             const char *name)
{
    struct wsp_lua_option member;
    if (!push_member(L, option, name, &member)) {
        return NULL;
    }
    const char *path = wsp_lua_option_path(L, &member);
    lua_pop(L, 2);
    return path;
}

/* Reads `cert` and `key` of the table on top of the stack. */
static struct wsp_tls_pair read_pair(lua_State *L,
                                     const struct wsp_lua_option *option)
{
    struct wsp_tls_pair pair = {read_path(L, option, "cert"),
                                read_path(L, option, "key")};
    if (!pair.cert) {
        luaL_error(L, "wspulse: %s: needs a certificate (%s.cert = nil)",
                   option->seed ? option->seed : option->key, option->key);
    }
    return pair;
}

/* ---- certificates ---- */

static struct wsp_tls_pair read_further(lua_State *L,
                                        const struct wsp_lua_option *list,
                                        int index)
{
    static const char *const names[] = {"cert", "key", NULL};
    struct wsp_lua_option entry = *list;
    entry.key = lua_pushfstring(L, "%s[%d]", list->key, index);
    lua_rawgeti(L, -2, index);
    wsp_lua_option_check_table(L, &entry, "must be a table { cert =, key = }",
                               names);
    struct wsp_tls_pair pair = read_pair(L, &entry);
    lua_pop(L, 2);
    return pair;
}

/* The first is the one of the table itself. */
static void read_pairs(lua_State *L, const struct wsp_lua_option *option,
                       struct wsp_tls_options *tls)
{
    struct wsp_lua_option list;
    bool has_more = push_member(L, option, "certificates", &list);
    if (has_more && !lua_istable(L, -1)) {
        wsp_lua_option_fail(L, &list, "must be an array of { cert =, key = }");
    }
    size_t more = has_more ? lua_objlen(L, -1) : 0;
    struct wsp_tls_pair *pairs =
        wsp_lua_option_keep_memory(L, option, (more + 1) * sizeof *pairs);
    for (size_t i = 0; i < more; i++) {
        pairs[i + 1] = read_further(L, &list, (int)i + 1);
    }
    if (has_more) {
        lua_pop(L, 2);
    }
    pairs[0] = read_pair(L, option);
    tls->pairs = pairs;
    tls->pair_count = more + 1;
}

/* ---- words ---- */

struct word {
    const char *text;
    int value;
};

/* Gives the value of the word on top of the stack, or `otherwise`. */
static int find_word(lua_State *L, const struct word *words, int otherwise)
{
    const char *text =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    for (; words->text; words++) {
        if (strcmp(words->text, text) == 0) {
            return words->value;
        }
    }
    return otherwise;
}

static void read_verify(lua_State *L, const struct wsp_lua_option *option,
                        struct wsp_tls_options *tls)
{
    static const struct word words[] = {
        {"none", WSP_TLS_VERIFY_NONE},
        {"any", WSP_TLS_VERIFY_ANY},
        {"optional", WSP_TLS_VERIFY_OPTIONAL},
        {"required", WSP_TLS_VERIFY_REQUIRED},
        {NULL, 0},
    };
    struct wsp_lua_option member;
    if (!push_member(L, option, "verify", &member)) {
        return;
    }
    int value = find_word(L, words, -1);
    if (lua_isboolean(L, -1)) {
        value = lua_toboolean(L, -1) ? WSP_TLS_VERIFY_REQUIRED
                                     : WSP_TLS_VERIFY_NONE;
    }
    if (value < 0) {
        wsp_lua_option_fail(L, &member,
                            "must be \"none\", \"optional\", \"required\" or "
                            "\"any\"");
    }
    tls->verify = (enum wsp_tls_verify)value;
    lua_pop(L, 2);
}

static void read_version(lua_State *L, const struct wsp_lua_option *option,
                         struct wsp_tls_options *tls)
{
    static const struct word words[] = {
        {"1.2", WSP_TLS_1_2},
        {"1.3", WSP_TLS_1_3},
        {NULL, 0},
    };
    struct wsp_lua_option member;
    if (!push_member(L, option, "min_version", &member)) {
        return;
    }
    int value = find_word(L, words, -1);
    if (value < 0) {
        wsp_lua_option_fail(L, &member, "must be \"1.2\" or \"1.3\"");
    }
    tls->min_version = (enum wsp_tls_version)value;
    lua_pop(L, 2);
}

static void read_alpn(lua_State *L, const struct wsp_lua_option *option,
                      struct wsp_tls_options *tls)
{
    struct wsp_lua_option member;
    if (push_member(L, option, "alpn", &member)) {
        tls->alpn = wsp_lua_option_strings(L, &member, &tls->alpn_count);
        lua_pop(L, 2);
    }
}

/* ---- the whole ---- */

const struct wsp_tls_options *wsp_lua_tls_read(
    lua_State *L, const struct wsp_lua_option *option)
{
    static const char *const names[] = {
        "cert",   "key",         "certificates", "ca",
        "verify", "min_version", "alpn",         NULL,
    };
    luaL_checkstack(L, 20, "no room for options");
    wsp_lua_option_check_table(L, option, "must be a table { cert =, key = }",
                               names);
    struct wsp_tls_options *tls =
        wsp_lua_option_keep_memory(L, option, sizeof *tls);
    *tls = (struct wsp_tls_options){.ca = read_path(L, option, "ca")};
    read_pairs(L, option, tls);
    read_verify(L, option, tls);
    read_version(L, option, tls);
    read_alpn(L, option, tls);
    return tls;
}
