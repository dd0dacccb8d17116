-- SPDX-License-Identifier: MIT
-- Raw echo that says by HTTP how much it has echoed and what its Lua state
-- holds: the guard of memory asks it.
--
--   wspulse run bench/apps/idle.lua --listen 127.0.0.1:8080
local wspulse = require "wspulse"

local echoed = 0

local function lua_bytes()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count" * 1024
end

return wspulse.new_server {
  codec = "raw",
  connect = function()
    return "echo"
  end,
  on_message = function(conn, frame)
    echoed = echoed + 1
    conn:send(frame)
  end,
  http = {
    ["GET /echoed"] = function(_, res)
      res:send(tostring(echoed))
    end,
    ["GET /lua-bytes"] = function(_, res)
      res:send(("%d"):format(lua_bytes()))
    end,
  },
}
