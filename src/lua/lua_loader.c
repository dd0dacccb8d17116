/* SPDX-License-Identifier: MIT */
#include "lua/lua_loader.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/lua_core.h"
#include "lua/lua_host.h"
#include "lua/lua_stack.h"
#include "lua/lua_state.h"

/* ---- files ---- */

static bool is_bytecode(const char *path)
{
    FILE *file = fopen(path, "rb");
    int first = file ? getc(file) : EOF;
    if (first == '#') { /* a line for the shell may stand in front */
        while (first != '\n' && first != EOF) {
            first = getc(file);
        }
        first = getc(file);
    }
    if (file) {
        fclose(file);
    }
    return first == LUA_SIGNATURE[0];
}

/* A file being read; what Lua asks for a piece of is in `data`. */
struct reading {
    FILE *file;
    char data[4096];
};

static const char *read_piece(lua_State *L, void *ud, size_t *len)
{
    struct reading *reading = ud;
    (void)L;
    *len = fread(reading->data, 1, sizeof reading->data, reading->file);
    return *len > 0 ? reading->data : NULL;
}

/* As luaL_loadfilex, which leaves the file open when it has no memory for the
 * name: here nothing raises while it is. */
static bool load_file(lua_State *L, const char *path, const char *mode)
{
    struct reading reading;
    lua_pushfstring(L, "@%s", path);
    reading.file = fopen(path, "rb");
    if (!reading.file) {
        lua_pushfstring(L, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    int status = lua_loadx(L, read_piece, &reading, lua_tostring(L, -1), mode);
    int error = ferror(reading.file) ? errno : 0;
    fclose(reading.file);
    lua_remove(L, -2);
    if (error) {
        lua_pushfstring(L, "cannot read %s: %s", path, strerror(error));
    }
    return status == 0 && error == 0;
}

bool wsp_lua_loader_file(lua_State *L, struct wsp_lua_files *files,
                         const char *path)
{
    bool is_text_only = !wsp_lua_state_get(L)->is_unsafe;
    wsp_lua_files_add(files, path);
    if (is_text_only && is_bytecode(path)) {
        lua_pushfstring(L, "%s: precompiled bytecode is refused", path);
        return false;
    }
    return load_file(L, path, is_text_only ? "t" : NULL);
}

/* ---- require ---- */

/* A package loader; upvalues: package, package.searchpath, the list of files.
 * A file with an error in it raises the plain message, which begins with that
 * file and line. */
static int load_module(lua_State *L)
{
    struct wsp_lua_files *files = lua_touserdata(L, lua_upvalueindex(3));
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    lua_getfield(L, lua_upvalueindex(1), "path");
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) {
        return 1; /* where it was searched, for the message of require */
    }
    lua_pop(L, 1);
    if (!wsp_lua_loader_file(L, files, lua_tostring(L, -1))) {
        return lua_error(L);
    }
    return 1;
}

/* Runs a module that is carried inside; upvalue: its source. */
static int load_source(lua_State *L)
{
    const struct wsp_lua_source *source =
        lua_touserdata(L, lua_upvalueindex(1));
    lua_settop(L, 1);
    lua_pushfstring(L, "=%s", source->name);
    if (luaL_loadbufferx(L, source->data, source->len, lua_tostring(L, -1),
                         "t") != 0) {
        return lua_error(L);
    }
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* Fills package.preload, the table `package` being on top of the stack. */
static void preload(lua_State *L, const struct wsp_lua_app_config *config)
{
    lua_getfield(L, -1, "preload");
    for (size_t i = 0; i < config->source_count; i++) {
        lua_pushlightuserdata(L, (void *)&config->sources[i]);
        lua_pushcclosure(L, load_source, 1);
        lua_setfield(L, -2, config->sources[i].name);
    }
    lua_pushcfunction(L, luaopen_wspulse_core);
    lua_setfield(L, -2, "wspulse.core");
    lua_pop(L, 1);
}

/* Puts the script's folder in front of what `require` searches. */
static void set_path(lua_State *L, const struct wsp_lua_app_config *config,
                     const char *script)
{
    const char *slash = strrchr(script, '/');
    if (config->package_cpath) {
        lua_pushstring(L, config->package_cpath);
        lua_setfield(L, -2, "cpath");
    }
    lua_pushlstring(L, script, slash ? (size_t)(slash - script) + 1 : 0);
    const char *folder = slash ? lua_tostring(L, -1) : "./";
    lua_getfield(L, -2, "path");
    const char *rest =
        config->package_path ? config->package_path : lua_tostring(L, -1);
    lua_pushfstring(L, "%s?.lua;%s?/init.lua;%s", folder, folder,
                    rest ? rest : "");
    lua_setfield(L, -4, "path");
    lua_pop(L, 2);
}

/* Replaces the loader of Lua files, which is the second one. */
static void set_loader(lua_State *L, struct wsp_lua_files *files)
{
    lua_getfield(L, -1, "loaders");
    lua_pushvalue(L, -2);
    lua_getfield(L, -3, "searchpath");
    lua_pushlightuserdata(L, files);
    lua_pushcclosure(L, load_module, 3);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
}

/* ---- what a script loads itself ---- */

/* Replaces the function at index 1, which gives a text in pieces, by the text.
 * Returns false and leaves what was raised on top of the stack. So the parser,
 * which takes much of the C stack, never calls anybody. */
static bool gather(lua_State *L)
{
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (;;) {
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 0, 1, 0) != 0) {
            return false;
        }
        if (!lua_isstring(L, -1) || lua_objlen(L, -1) == 0) {
            break;
        }
        luaL_addvalue(&buffer);
    }
    bool is_good = lua_isnil(L, -1) || lua_isstring(L, -1);
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    if (!is_good) {
        lua_pushliteral(L, "reader function must return a string");
        return false;
    }
    lua_replace(L, 1);
    if (lua_isnil(L, 2)) {
        lua_pushliteral(L, "=(load)");
        lua_replace(L, 2);
    }
    return true;
}

/* Calls the function of the second upvalue with the mode of the third one, unless
 * that is nil, at the argument that the first one numbers. */
static int load_checked(lua_State *L)
{
    int mode = (int)lua_tointeger(L, lua_upvalueindex(1));
    wsp_lua_stack_check(L, wsp_lua_state_get(L));
    lua_settop(L, lua_gettop(L) < mode ? mode : lua_gettop(L));
    if (lua_isfunction(L, 1) && !gather(L)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (!lua_isnil(L, lua_upvalueindex(3))) {
        lua_pushvalue(L, lua_upvalueindex(3));
        lua_replace(L, mode);
    }
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int do_file(lua_State *L)
{
    struct wsp_lua_files *files = lua_touserdata(L, lua_upvalueindex(1));
    const char *path = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    if (!wsp_lua_loader_file(L, files, path)) {
        return lua_error(L);
    }
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L) - 1;
}

static void check_global(lua_State *L, const char *name, int mode,
                         bool is_text_only)
{
    lua_pushinteger(L, mode);
    lua_getglobal(L, name);
    if (is_text_only) {
        lua_pushliteral(L, "t");
    } else {
        lua_pushnil(L);
    }
    lua_pushcclosure(L, load_checked, 3);
    lua_setglobal(L, name);
}

static void replace_globals(lua_State *L, struct wsp_lua_files *files)
{
    bool is_text_only = !wsp_lua_state_get(L)->is_unsafe;
    check_global(L, "load", 3, is_text_only);
    check_global(L, "loadstring", 3, is_text_only);
    check_global(L, "loadfile", 2, is_text_only);
    lua_pushlightuserdata(L, files);
    lua_pushcclosure(L, do_file, 1);
    lua_setglobal(L, "dofile");
}

void wsp_lua_loader_open(lua_State *L, const struct wsp_lua_app_config *config,
                         struct wsp_lua_files *files, const char *path)
{
    lua_getglobal(L, "package");
    preload(L, config);
    set_path(L, config, path);
    set_loader(L, files);
    lua_pop(L, 1);
    replace_globals(L, files);
}
