-- SPDX-License-Identifier: MIT
-- What the cases of the Autobahn test suite are run against: every message
-- comes back as it was, in one frame.
--
-- ECHO_UNCHECKED=1 turns the check of UTF-8 off, so that the suite can be seen
-- to find that out. ECHO_CONTEXTS=1 lets clients keep their compression's
-- context, and compresses the shortest messages too. ECHO_TLS is a folder with
-- echo.pem and echo.key: it speaks TLS then.
local wspulse = require "wspulse"

local MIB = 1024 * 1024
local contexts = { client_no_context_takeover = false, min_size = 0 }

local folder = os.getenv "ECHO_TLS"
local tls = folder
  and { cert = folder .. "/echo.pem", key = folder .. "/echo.key" }

return wspulse.new_server {
  path = "/",
  tls = tls,
  codec = "raw",
  max_message_size = 16 * MIB, -- the largest message of a case
  max_fragments = 128 * 1024, -- and the one in most pieces
  send_buffer_size = 4096,
  send_buffer_bytes = 64 * MIB,
  validate_utf8 = os.getenv "ECHO_UNCHECKED" ~= "1",
  compression = os.getenv "ECHO_CONTEXTS" == "1" and contexts or true,

  connect = function()
    return "echo"
  end,

  on_message = function(conn, frame)
    conn:send(frame)
  end,
}
