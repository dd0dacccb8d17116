-- SPDX-License-Identifier: MIT
---@meta _
-- The module itself. Nothing loads these files but editors.

---What `require "wspulse"` gives.
---@class wspulse
---@field _VERSION string version of the Lua files and of the C module
---@field errors wspulse.errors
---@field log wspulse.log
---@field null lightuserdata null of JSON and MessagePack, the same value as `cjson.null`
---@field empty_array table written as an empty array; read-only
local wspulse = {}

---Checks the options and describes a server. Opens nothing: the command does
---when the script returns it, a program of your own by `run` or `start`.
---Raises on an option that is unknown, of the wrong type or out of range.
---@param options wspulse.options
---@return wspulse.Server
function wspulse.new_server(options) end

---Marks a string that is encoded already, JSON text or, for the codec
---`msgpack`, MessagePack bytes, to be embedded byte by byte anywhere in a
---payload. One that is no valid value is reported when it is sent.
---@param bytes string at most 64 MiB
---@return wspulse.raw
function wspulse.raw(bytes) end

---Marks a table so that it is written as an array even when it is empty.
---Raises when it has a metatable of its own.
---@generic T: table
---@param t? T a new table when absent
---@return T t the same table
function wspulse.array(t) end

---Makes a random UUID, version 4, 36 characters.
---@return string? id
---@return wspulse.Error? err `IO` when the system has no randomness to give
function wspulse.new_id() end

---An encoded value that goes out as it is.
---@class wspulse.raw

---Writes to the log of the running application; silent in a program of your
---own. A line carries at most 32 fields, in the order of their names; values
---are strings, numbers or booleans, anything else is written as `tostring` has
---it.
---@class wspulse.log
local log = {}

---@param message string
---@param fields? table<string, any>
function log.debug(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.info(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.warn(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.error(message, fields) end

---@alias wspulse.level
---| "debug"
---| "info"
---| "warn"
---| "error"
