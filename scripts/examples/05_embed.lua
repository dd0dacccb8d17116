-- SPDX-License-Identifier: MIT
-- A server inside a program of one's own, in plain luajit.
--
--   luarocks install wspulse           (or: make install)
--   luajit scripts/examples/05_embed.lua 127.0.0.1:0
--
-- It prints "listening on ws://127.0.0.1:PORT/ws" and echoes what it gets. A
-- peer that sends {"event":"stop"} ends it; then it says how much it echoed.
local wspulse = require "wspulse"

local echoed = 0
local is_running = true

local server = wspulse.new_server {
  listen = arg and arg[1] or os.getenv "WSPULSE_LISTEN" or "127.0.0.1:8080",

  connect = function()
    return "lobby"
  end,

  on_message = function(conn, frame)
    if frame.event == "stop" then
      is_running = false
    else
      echoed = echoed + 1
      conn:send(frame)
    end
  end,
}

assert(server:start())
for _, address in ipairs(server:addresses()) do
  print("listening on ws://" .. address .. "/ws")
end
io.stdout:flush()

-- The program keeps its own loop: each turn serves for up to half a second.
while is_running do
  server:poll(0.5)
end

server:close() -- returns when every peer was told and every callback ran
print("echoed " .. echoed .. " frames")
