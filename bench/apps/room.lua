-- SPDX-License-Identifier: MIT
-- A room: what one says goes to everybody in it.
--
--   wspulse run bench/apps/room.lua --listen 127.0.0.1:8080
local wspulse = require "wspulse"

return wspulse.new_server {
  codec = "raw",
  max_message_size = 1024 * 1024,
  connect = function(req)
    return req:query "room" or "room"
  end,
  on_message = function(conn, frame)
    conn:server():broadcast(conn:room_id(), frame)
  end,
}
