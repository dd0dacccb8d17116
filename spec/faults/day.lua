-- SPDX-License-Identifier: MIT
-- The application of the sweep through Lua's memory: it uses what there is of
-- the API, so that every way from C into Lua and back is gone.
--
-- Interpreted: when the collector runs from within compiled code and gets no
-- block for a smaller table of strings, LuaJIT of March 2022 itself crashes.
jit.off()

local wspulse = require "wspulse"
local router = require "wspulse.router"

local seen = { hooks = 0 }

local r = router.new {
  fallback = function(c)
    c:send("what", { event = c.frame.event })
  end,
}
r:use(router.recovery())
r:use(function(c)
  c:set("began", true)
  c:next()
end)

r:on("say", function(c)
  local payload = c.frame.payload
  local list = wspulse.array {}
  for i = 1, 5 do
    list[i] = { number = i, text = tostring(payload) .. i }
  end
  c:send("said", { list = list, empty = wspulse.empty_array })
  c:broadcast("heard", { id = c.connection:id() })
end)

local room = r:group "room."
room:on("look", function(c)
  local conn = c.connection
  conn:set("name", "a name")
  local ids = wspulse.array {}
  for i, other in ipairs(conn:server():connections(conn:room_id())) do
    ids[i] = other:id()
  end
  c:send("seen", { ids = ids, name = conn:get "name", raw = wspulse.raw "[1]" })
end)

r:on("fail", function()
  error { code = "not a string" }
end)

r:on("back", function(c)
  local kept = c.frame:keep()
  c.server:broadcast(c.connection:room_id(), kept)
  local text = wspulse.encode { a = { b = { 1.5, "\1", wspulse.null } } }
  c:send("text", wspulse.decode(text))
end)

return wspulse.new_server {
  resume_window = 30,
  max_message_size = 8192,
  check_origin = function(req)
    return req:header "Origin" ~= "evil"
  end,
  connect = function(req)
    return req:query "room" or "r", req:query "id"
  end,
  on_connect = function(conn)
    conn:send { event = "welcome", payload = { id = conn:id() } }
  end,
  on_message = r:handler(),
  on_transport_drop = function(conn, err)
    conn:set("lost", tostring(err))
  end,
  on_transport_restore = function(conn, info)
    conn:send { event = "again", payload = info }
  end,
  on_disconnect = function(conn, _, reason)
    conn:server():broadcast(conn:room_id(), {
      event = "left",
      payload = { id = conn:id(), reason = reason },
    })
  end,
  metrics = {
    message_received = function()
      seen.hooks = seen.hooks + 1
    end,
  },
  http = {
    ["POST /form"] = function(req, res)
      res:header("X-Name", req:header "Host" or "")
      res:json { body = req:body(), hooks = seen.hooks }
    end,
  },
}
