-- SPDX-License-Identifier: MIT
-- Lets in who shows a token, from pages that are on the list.
--
--   wspulse run scripts/examples/04_auth.lua
--
-- ws://127.0.0.1:8080/ws?token=ada-secret gets {"event":"welcome",…}; a wrong
-- token is answered 401, and a page from another site gets 403. What `connect`
-- says about the reason goes to the log (--log-level debug), never to the peer.
local wspulse = require "wspulse"

-- An application asks its session store here.
local users = {
  ["ada-secret"] = "ada",
  ["grace-secret"] = "grace",
}

-- Browsers cannot set headers on a WebSocket, so the query is looked at too.
local function token_of(req)
  local header = req:header "Authorization" or ""
  return header:match "^Bearer (%S+)$" or req:query "token"
end

return wspulse.new_server {
  check_origin = { "http://127.0.0.1:8080", "https://chat.example.org" },

  connect = function(req)
    local token = token_of(req)
    if not token then
      return nil, "no token"
    end
    local user = users[token]
    if not user then
      return nil, "unknown token"
    end
    return "members", user -- the user is the connection id: one each
  end,

  on_connect = function(conn)
    conn:send { event = "welcome", payload = { user = conn:id() } }
  end,

  on_message = function(conn, frame)
    local said = { user = conn:id(), text = frame.payload }
    conn:server():broadcast("members", { event = "said", payload = said })
  end,
}
