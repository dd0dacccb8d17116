-- SPDX-License-Identifier: MIT
--- wspulse: a WebSocket server whose decisions are written in Lua.

local VERSION = "0.1.0"

local core = require "wspulse.core"
local errors = require "wspulse.errors"

local debug_getinfo, format = debug.getinfo, string.format
local error, package, tostring = error, package, tostring

--- Says where both halves of the installation were found.
local function mismatch(found)
  local here = debug_getinfo(1, "S").short_src
  local there = package.searchpath("wspulse.core", package.cpath)
  return format(
    "wspulse: two installs are mixed: the Lua files are version %s (%s), "
      .. "wspulse.core is version %s (%s); check LUA_PATH and LUA_CPATH",
    VERSION, here, tostring(found), there or "built in"
  )
end

if core.version ~= VERSION then
  error(mismatch(core.version), 0)
end

local core_log = core.log

--- Gives a function that writes lines of one level. It is a tail call, so that
--- a wrong argument is reported where the script made it.
local function log_at(level)
  return function(message, fields)
    return core_log(level, message, fields)
  end
end

---@type wspulse
local M = {
  _VERSION = VERSION,
  new_server = core.new_server,
  errors = errors.from_core(core.errors),
  raw = core.raw,
  array = core.array,
  empty_array = core.empty_array,
  null = core.null,
  new_id = core.new_id,
  log = {
    debug = log_at("debug"),
    info = log_at("info"),
    warn = log_at("warn"),
    error = log_at("error"),
  },
}

return M
