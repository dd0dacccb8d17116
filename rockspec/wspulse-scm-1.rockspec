-- SPDX-License-Identifier: MIT
-- luarocks make rockspec/wspulse-scm-1.rockspec     (in a clone)
rockspec_format = "3.0"
package = "wspulse"
version = "scm-1"
source = {
  url = "git+https://github.com/wspulse/wspulse.git",
}
description = {
  summary = "Lua-scriptable WebSocket server runtime",
  detailed = [[
    Rooms, router, JSON frames and hot swap on libevent and wslay. The module
    serves from a program of your own in LuaJIT; the command `wspulse` is built
    from the same sources.
  ]],
  license = "MIT",
  labels = { "websocket", "server", "network" },
}
dependencies = {
  "lua >= 5.1, < 5.2",
  "lua-cjson",
}
external_dependencies = {
  LIBEVENT = { header = "event2/event.h", library = "event_core" },
  MPACK = { header = "mpack.h", library = "mpack" },
  OPENSSL = { header = "openssl/ssl.h", library = "ssl" },
  WSLAY = { header = "wslay/wslay.h", library = "wslay" },
  ZLIB = { header = "zlib.h", library = "z" },
}
-- CMake is the only list of sources.
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "RelWithDebInfo",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    LIBDIR = "$(LIBDIR)",
    LUADIR = "$(LUADIR)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    WSPULSE_BUILD_CLI = "OFF",
    WSPULSE_BUILD_LIBRARY = "OFF",
    WSPULSE_BUILD_TESTS = "OFF",
  },
}
test = {
  type = "command",
  command = "make test",
}
