-- SPDX-License-Identifier: MIT
-- Envelopes routed by their event through recovery and one middleware. What
-- the handler does is in the event: "bench" sends the frame on as it came,
-- "answer" gives the payload that came an event of its own, "decode" takes the
-- payload apart and sends what it became.
--
--   wspulse run bench/apps/routed.lua --listen 127.0.0.1:8080
local wspulse = require "wspulse"
local router = require "wspulse.router"

local counts = {}

local r = router.new()
r:use(router.recovery())
r:use(function(c)
  local event = c.frame.event
  counts[event] = (counts[event] or 0) + 1
  c:next()
end)

r:on("bench", function(c)
  c.connection:send(c.frame)
end)
r:on("answer", function(c)
  c.connection:send(c.frame:with { event = "answered" })
end)
r:on("decode", function(c)
  c:send("decoded", c.frame.payload)
end)

return wspulse.new_server {
  max_message_size = 1024 * 1024,
  connect = function()
    return "echo"
  end,
  on_message = r:handler(),
}
