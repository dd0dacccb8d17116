-- SPDX-License-Identifier: MIT
-- A starting point for an application in several files: copy this folder.
--
--   wspulse run --watch app.lua
--
-- A client on ws://127.0.0.1:8080/ws that sends {"event":"room.say",
-- "payload":"hi"} sees it come back to everybody in its room.
local wspulse = require "wspulse"
local router = require "wspulse.router"

local r = router.new()
r:use(router.logger(), router.recovery())
require("handlers.room").register(r:group "room.")

return wspulse.new_server {
  listen = "127.0.0.1:8080",
  max_message_size = 16 * 1024,

  connect = function(req)
    return req:query "room" or "lobby"
  end,

  on_message = r:handler(),
}
