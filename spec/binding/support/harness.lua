-- SPDX-License-Identifier: MIT
--- A server and its peers in one thread: whatever waits, waits for a fact with
--- a deadline while the server runs.

local core = require "wspulse.core"
local wspulse = require "wspulse"

local balance = require "balance"
local peer = require "peer"

local DEADLINE = 10 -- seconds until a fact that does not come fails the spec

local serving = 0 -- harnesses that are not stopped
local before -- the balance when the first of them started

local Harness = {}
local mt = { __name = "harness", __index = Harness }

--- Gives a log that remembers its lines, and the option `logger` that fills it.
local function recorder()
  local lines = {}
  return lines, function(level, message, fields)
    lines[#lines + 1] = { level = level, message = message, fields = fields }
  end
end

--- Accepts everybody: ?room= and ?id= say which and who.
local function connect(req)
  return req:query "room" or "lobby", req:query "id"
end

-- The first server of a state makes the loop, which lives as long as the state.
local function take_balance()
  if not before then
    local first = wspulse.new_server {
      listen = "127.0.0.1:0",
      check_origin = "same",
      connect = connect,
    }
    assert(first:start())
    assert(first:close())
  end
  return balance.take()
end

--- Starts a server on a free port. Options left out: a `connect` that accepts
--- everybody, a `logger` that fills `log`.
local function start(options)
  local self = setmetatable({ peers = {} }, mt)
  local log, logger = recorder()
  options.listen = options.listen or "127.0.0.1:0"
  options.connect = options.connect or connect
  options.logger = options.logger or logger
  options.check_origin = options.check_origin or "same"
  self.log = log
  if serving == 0 then
    before = take_balance()
  end
  serving = serving + 1
  self.server = wspulse.new_server(options)
  assert(self.server:start())
  self.address = self.server:addresses()[1]
  return self
end

--- Runs the server until `fact` gives something true, and gives that.
function Harness:wait(what, fact)
  local deadline = core.now() + DEADLINE
  while true do
    local results = { fact() }
    if results[1] then
      return unpack(results)
    end
    assert(core.now() < deadline, "waited too long for " .. what)
    self.server:poll(0.005)
  end
end

--- Asks for an upgrade and waits for the answer.
-- @return the peer, status, head, body
function Harness:upgrade(target, headers)
  local one = peer.open(self.address, target, headers)
  self.peers[#self.peers + 1] = one
  local status, head, body = self:wait("an answer to " .. target, function()
    return one:take_response()
  end)
  return one, status, head, body
end

--- Opens a connection that must be accepted.
function Harness:connect(query)
  local one, status = self:upgrade("/ws?" .. (query or ""))
  assert(status == 101, "upgrade answered " .. tostring(status))
  return one
end

--- Sends a plain request and waits for the answer.
-- @return status, head, body
function Harness:http(method, target, body)
  local one = peer.request(self.address, table.concat {
    method, " ", target, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
    "Content-Length: ", #(body or ""), "\r\n\r\n", body or "",
  })
  self.peers[#self.peers + 1] = one
  return self:wait("an answer to " .. target, function()
    return one:take_response()
  end)
end

--- Waits for the next frame of a peer.
-- @return payload, opcode
function Harness:receive(one)
  local opcode, payload = self:wait("a frame", function()
    return one:take_frame()
  end)
  return payload, opcode
end

--- Waits for the next log line with this message.
function Harness:line(message)
  return self:wait("log line " .. message, function()
    for i, line in ipairs(self.log) do
      if line.message == message then
        return table.remove(self.log, i)
      end
    end
  end)
end

--- Gives the value of a metric that has no labels.
function Harness:metric(name)
  local text = self.server:metrics_text()
  return tonumber(text:match("\nwspulse_" .. name .. " (%d+)\n"))
end

--- Lets every peer go and closes the server; the last one of a spec leaves
--- nothing behind.
function Harness:stop()
  if self.is_stopped then
    return
  end
  self.is_stopped = true
  for _, one in ipairs(self.peers) do
    one:drop()
  end
  assert(self.server:close())
  serving = serving - 1
  if serving == 0 then
    before:settle()
  end
end

return { start = start, recorder = recorder, connect = connect }
