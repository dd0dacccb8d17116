-- SPDX-License-Identifier: MIT
--- A Lua program in a process of its own, for what ends a process.

local folder = require "folder"

--- Runs `text` with luajit and waits for its end.
-- @param prefix words in front of the command line, or nil
-- @return what it wrote to stdout and stderr, and its exit status
local function run(text, prefix)
  local files = folder.new()
  local path = files:write("program.lua", text)
  local pipe = assert(io.popen((prefix or "") .. " luajit '" .. path
    .. "' 2>&1; echo \" $?\""))
  local output = pipe:read "*a"
  pipe:close()
  files:remove()
  local text_out, status = output:match "^(.*) (%d+)\n$"
  return text_out, tonumber(status)
end

return { run = run }
