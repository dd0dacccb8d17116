-- SPDX-License-Identifier: MIT
-- A chat with rooms and names, and the page for it in the folder chat/.
--
--   wspulse run --watch scripts/examples/03_chat.lua
--
-- Open http://127.0.0.1:8080/ in two tabs and talk. Then change `decorate`
-- and save: the next message shows it in both tabs, and nobody reconnects.
local wspulse = require "wspulse"
local router = require "wspulse.router"

local function decorate(text)
  return text -- Change this line: return text:upper() .. "!"
end

-- Names are kept with the connections, so a reload of this file keeps them.
local function people_around(conn)
  local people = wspulse.array {}
  for _, other in ipairs(conn:server():connections(conn:room_id())) do
    local name = other:get "name"
    if name and not other:is_closed() then
      people[#people + 1] = { id = other:id(), name = name }
    end
  end
  return people
end

local r = router.new()
r:use(router.recovery())

r:on("chat.join", function(c)
  local conn, name = c.connection, c.frame:field "name"
  if type(name) ~= "string" or not name:find "%S" or #name > 100 then
    return conn:close(4000, "this name will not do")
  end
  conn:set("name", name)
  c:broadcast("chat.joined", { id = conn:id(), name = name })
  c:send("chat.welcome", { id = conn:id(), people = people_around(conn) })
end)

r:on("chat.say", function(c)
  local conn, text = c.connection, c.frame:field "text"
  if conn:get "name" and type(text) == "string" and text:find "%S" then
    c:broadcast("chat.said", { id = conn:id(), text = decorate(text) })
  end
end)

return wspulse.new_server {
  static = { ["/"] = "chat" },
  max_message_size = 8192,
  check_origin = "same", -- only the page that this server serves
  connect = function(req) return req:query "room" or "lobby" end,
  on_message = r:handler(),
  on_disconnect = function(conn)
    if conn:get "name" then
      local left = { event = "chat.left", payload = { id = conn:id() } }
      conn:server():broadcast(conn:room_id(), left)
    end
  end,
}
