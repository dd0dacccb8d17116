/* SPDX-License-Identifier: MIT */
#include "lua/lua_loader.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/lua_core.h"
#include "lua/lua_host.h"

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
static bool load_text_file(lua_State *L, const char *path)
{
    struct reading reading;
    lua_pushfstring(L, "@%s", path);
    reading.file = fopen(path, "rb");
    if (!reading.file) {
        lua_pushfstring(L, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    int status = lua_loadx(L, read_piece, &reading, lua_tostring(L, -1), "t");
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
    wsp_lua_files_add(files, path);
    if (is_bytecode(path)) {
        lua_pushfstring(L, "%s: precompiled bytecode is refused", path);
        return false;
    }
    return load_text_file(L, path);
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

/* Calls the function of the second upvalue with "t" at the argument that the
 * first one numbers: text only. */
static int load_text(lua_State *L)
{
    int mode = (int)lua_tointeger(L, lua_upvalueindex(1));
    if (lua_gettop(L) < mode) {
        lua_settop(L, mode);
    }
    lua_pushliteral(L, "t");
    lua_replace(L, mode);
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

static int refuse_exit(lua_State *L)
{
    return luaL_error(L, "os.exit is not available inside a server; use "
                         "server:close()");
}

static void make_text_only(lua_State *L, const char *name, int mode)
{
    lua_pushinteger(L, mode);
    lua_getglobal(L, name);
    lua_pushcclosure(L, load_text, 2);
    lua_setglobal(L, name);
}

static void replace_globals(lua_State *L, struct wsp_lua_files *files)
{
    make_text_only(L, "load", 3);
    make_text_only(L, "loadstring", 3);
    make_text_only(L, "loadfile", 2);
    lua_pushlightuserdata(L, files);
    lua_pushcclosure(L, do_file, 1);
    lua_setglobal(L, "dofile");
    lua_getglobal(L, "os");
    lua_pushcfunction(L, refuse_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 1);
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
