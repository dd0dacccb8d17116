-- SPDX-License-Identifier: MIT
-- A page that survives a cut network, in the folder resume/: what it missed
-- comes when it is back, in order, and nothing of it twice.
--
--   wspulse run scripts/examples/06_resume.lua
--
-- Open http://127.0.0.1:8080/ and press "Cut the network". Post some notes,
-- here or in another tab, and mend it again. docs/delivery.md says what holds.
local wspulse = require "wspulse"

local server
local posted = 0

-- Notes come over HTTP and not by the socket: one can post while that is cut.
local function post_note(req, res)
  local text = req:body()
  if not text:find "%S" or #text > 500 then
    return res:status(400):send "a note has 1 to 500 bytes\n"
  end
  local note = { number = posted + 1, text = text }
  local ok, err = server:broadcast("board", { event = "note", payload = note })
  if not ok then -- text that is not UTF-8
    return res:status(400):send(tostring(err) .. "\n")
  end
  posted = posted + 1
  res:status(201):json(note)
end

server = wspulse.new_server {
  static = { ["/"] = "resume", ["/look"] = "chat" },
  http = { ["POST /notes"] = post_note },
  check_origin = "same",
  resume_window = 120, -- seconds that a session waits for its page
  resume_confirm = true, -- frames are kept until the page has them

  -- The page draws its session by chance, and who knows it gets its frames.
  -- Take it from who is logged in where there is a login.
  connect = function(req)
    local session = req:query "session"
    if not session or not session:find("^%x+$") or #session < 32 then
      return nil, "no session"
    end
    return "board", session
  end,

  on_connect = function(conn)
    conn:send { event = "welcome" }
  end,

  -- Comes behind the frames that are replayed.
  on_transport_restore = function(conn, info)
    local told = { replayed = info.replayed, lost = info.lost }
    conn:send { event = "restored", payload = told }
  end,
}

return server
