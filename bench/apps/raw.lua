-- SPDX-License-Identifier: MIT
-- Raw echo: one message is one frame, and it goes back as it came.
--
--   wspulse run bench/apps/raw.lua --listen 127.0.0.1:8080
local wspulse = require "wspulse"

return wspulse.new_server {
  codec = "raw",
  max_message_size = 1024 * 1024,
  connect = function()
    return "echo"
  end,
  on_message = function(conn, frame)
    conn:send(frame)
  end,
}
