-- SPDX-License-Identifier: MIT
--- What can be done in a room. With --watch, a change to this file is served
--- as soon as it is saved.

local M = {}

local function say(c)
  c:broadcast("room.said", {
    from = c.connection:id(),
    text = c.frame.payload,
  })
end

local function who(c)
  local people = c.server:connections(c.connection:room_id())
  c:send("room.count", #people)
end

function M.register(group)
  group:on("say", say)
  group:on("who", who)
end

return M
