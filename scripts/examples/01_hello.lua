-- SPDX-License-Identifier: MIT
-- The smallest server: it greets whoever connects, by WebSocket or by HTTP.
--
--   wspulse run scripts/examples/01_hello.lua
--
-- Open http://127.0.0.1:8080/hello: the browser shows "hello, world". A
-- WebSocket client on ws://127.0.0.1:8080/ws?name=Ada gets one frame:
-- {"event":"hello","payload":"hello, Ada"}
local wspulse = require "wspulse"

local function greeting(request)
  return "hello, " .. (request:query "name" or "world")
end

return wspulse.new_server {
  -- Runs before the upgrade and says which room the peer gets into.
  connect = function()
    return "lobby"
  end,

  on_connect = function(conn)
    conn:send { event = "hello", payload = greeting(conn:request()) }
  end,

  http = {
    ["GET /hello"] = function(req, res)
      res:header("Content-Type", "text/plain; charset=utf-8")
      res:send(greeting(req) .. "\n")
    end,
  },
}
