-- SPDX-License-Identifier: MIT
-- The application of bench/soak/run.mjs: rooms that talk, values that are kept,
-- handlers that fail, memory that can be asked for.
--
-- SOAK_JIT=off runs it interpreted, for valgrind.
if os.getenv "SOAK_JIT" == "off" then
  jit.off()
end

local wspulse = require "wspulse"
local router = require "wspulse.router"

local said = {} -- a little state that comes and goes with a generation
local server

local r = router.new()
r:use(router.recovery())

r:on("say", function(c)
  said[#said % 100 + 1] = c.frame.payload
  c:broadcast("said", { id = c.connection:id(), text = c.frame:field "text" })
end)

r:on("forward", function(c)
  c.server:broadcast(c.connection:room_id(), c.frame)
end)

r:on("count", function(c)
  local conn = c.connection
  local count = (tonumber(conn:get "count") or 0) + 1
  conn:set("count", tostring(count))
  c:send("counted", { count = count, around = #c.server:connections(
    conn:room_id()
  ) })
end)

r:on("fail", function()
  error("a handler that fails on purpose")
end)

r:on("leave", function(c)
  c.connection:close(4000, "as you wish")
end)

server = wspulse.new_server {
  resume_window = 2,
  max_message_size = 65536,
  send_buffer_size = 64,
  compression = true,
  connect = function(req)
    return req:query "room" or "lobby", req:query "id"
  end,
  on_connect = function(conn)
    conn:send { event = "welcome" }
  end,
  on_message = r:handler(),
  on_transport_drop = function(conn)
    conn:set("dropped", "yes")
  end,
  on_transport_restore = function(conn, info)
    conn:send { event = "again", payload = info }
  end,
  http = {
    ["POST /kick"] = function(req, res)
      server:kick(req:body())
      res:send "kicked\n"
    end,
    -- Kilobytes of this generation's state, without its garbage.
    ["GET /lua"] = function(_, res)
      collectgarbage()
      collectgarbage()
      res:send(("%.1f\n"):format(collectgarbage "count"))
    end,
  },
}

return server
