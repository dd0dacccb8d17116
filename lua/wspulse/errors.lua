-- SPDX-License-Identifier: MIT
--- The errors of the C module as named constants, and the test for them.

local error, getmetatable, pairs = error, getmetatable, pairs
local pcall, rawequal, setmetatable = pcall, rawequal, setmetatable
local type = type

local quote = require "wspulse.quote"

-- A chain of causes longer than this is a cycle.
local MAX_DEPTH = 64

local function cause_of(err)
  return err.cause
end

--- Gives the cause of any value; nil for one that has none.
local function next_cause(err)
  local kind = type(err)
  if kind ~= "table" and (kind ~= "userdata" or not getmetatable(err)) then
    return nil
  end
  local ok, cause = pcall(cause_of, err)
  if ok then
    return cause
  end
end

--- Tells whether `err`, or an error it was caused by, is `target`.
-- Compares by identity, so a text that merely reads the same does not match.
local function is(err, target)
  if target == nil then
    return false
  end
  for _ = 1, MAX_DEPTH do
    if err == nil then
      return false
    elseif rawequal(err, target) then
      return true
    end
    err = next_cause(err)
  end
  return false
end

local mt = {
  __name = "wspulse.errors",
  __tostring = function()
    return "wspulse.errors"
  end,
  -- A misspelt constant would be nil, and equal to every err that is nil.
  __index = function(_, name)
    error("wspulse: errors: no error is named " .. quote.value(name), 2)
  end,
}

--- Gathers the constants of the C module and `is` in one table.
-- Reading a name that does not exist raises.
local function from_core(constants)
  local all = {}
  for name, value in pairs(constants) do
    all[name] = value
  end
  all.is = is
  return setmetatable(all, mt)
end

return { from_core = from_core, is = is }
