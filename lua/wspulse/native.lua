-- SPDX-License-Identifier: MIT
--- What the router takes from the C module. It works without one, in plain
--- tests for instance.

local pcall, require = pcall, require

local found

--- Gives `wspulse.core`, or nil where it is not installed.
local function find()
  if found == nil then
    local ok, core = pcall(require, "wspulse.core")
    found = ok and core or false
  end
  return found or nil
end

--- Writes a line to the log of the running application, if there is one.
-- @param level "debug", "info", "warn" or "error"
-- @param message one sentence, always the same for the same thing
-- @param fields what varies, as a table of key and value
local function log(level, message, fields)
  local core = find()
  if core then
    core.log(level, message, fields)
  end
end

return { find = find, log = log }
