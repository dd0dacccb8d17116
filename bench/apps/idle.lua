-- SPDX-License-Identifier: MIT
-- Raw echo that says by HTTP how much it has echoed, and collects what its Lua
-- state does not need: the guard of memory asks it.
--
--   wspulse run bench/apps/idle.lua --listen 127.0.0.1:8080
local wspulse = require "wspulse"

local echoed = 0

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
    ["GET /collected"] = function(_, res)
      collectgarbage()
      collectgarbage()
      res:send(("%d"):format(collectgarbage "count" * 1024))
    end,
  },
}
