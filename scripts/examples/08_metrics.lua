-- SPDX-License-Identifier: MIT
-- Counts what happens, in three ways.
--
--   wspulse run scripts/examples/08_metrics.lua
--
-- 1. For Prometheus, on an address of its own that only this machine reaches:
--    curl http://127.0.0.1:9100/metrics     (also /healthz and /readyz)
-- 2. The same page on the server's own address, for who knows the password:
--    curl -H 'Authorization: Bearer let me see' http://127.0.0.1:8080/metrics
-- 3. Hooks: functions that are told of every event. Here they count bytes by
--    room, which the page leaves out because there may be very many rooms.
--    curl http://127.0.0.1:8080/rooms
local wspulse = require "wspulse"

local PASSWORD = os.getenv "METRICS_PASSWORD" or "let me see"

local bytes_of = {} -- room -> bytes received
local server

local function may_see(req)
  return req:header "Authorization" == "Bearer " .. PASSWORD
end

server = wspulse.new_server {
  admin = { listen = os.getenv "METRICS_LISTEN" or "127.0.0.1:9100" },

  metrics = {
    message_received = function(room, bytes)
      bytes_of[room] = (bytes_of[room] or 0) + bytes
    end,
    room_destroyed = function(room)
      bytes_of[room] = nil
    end,
    frame_dropped = function(room, id)
      wspulse.log.warn("too slow", { room_id = room, conn_id = id })
    end,
  },

  http = {
    ["GET /metrics"] = function(req, res)
      if not may_see(req) then
        return res:status(403):send "forbidden\n"
      end
      res:header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
      res:send(server:metrics_text())
    end,
    ["GET /rooms"] = function(_, res)
      res:json(bytes_of)
    end,
  },

  connect = function(req)
    return req:query "room" or "lobby"
  end,
  on_message = function(conn, frame)
    server:broadcast(conn:room_id(), frame)
  end,
}

return server
