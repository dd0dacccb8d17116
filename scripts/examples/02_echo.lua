-- SPDX-License-Identifier: MIT
-- Sends every frame back to the peer it came from, byte for byte.
--
--   wspulse run scripts/examples/02_echo.lua
--
-- Send {"event":"ping","payload":[1,2,3]} to ws://127.0.0.1:8080/ws: the same
-- bytes come back. A received frame that is sent on is not decoded at all.
local wspulse = require "wspulse"

return wspulse.new_server {
  max_message_size = 1024 * 1024, -- bytes; 512 when nothing is said

  connect = function(req)
    return req:query "room" or "echo"
  end,

  on_message = function(conn, frame)
    conn:send(frame)
  end,
}
