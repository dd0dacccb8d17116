-- SPDX-License-Identifier: MIT
--- What a handler holds while one frame is handled: the frame, its connection,
--- values of this dispatch, and the way on through the chain.
--
-- Owner: the router that made it. It belongs to a handler from the call to the
-- return and to another dispatch afterwards.

local error, setmetatable, tostring, type = error, setmetatable, tostring, type
local rawset = rawset

local clear = require "table.clear"
local quote = require("wspulse.quote").value

-- A chain holds at most this many elements, middleware included.
local MAX_HANDLERS = 62
-- `_index` counts the elements that were started; these two lie behind every
-- chain, so nothing more is found there.
local ABORTED = 63
local PANICKED = 64
-- A dispatch that set more keys than this gives its table back to the
-- collector instead of the pool.
local MAX_KEPT_KEYS = 32

local Context = {}

--- Runs the rest of the chain now and returns when it has finished. A
--- middleware that never calls it lets the next element run all the same.
function Context:next()
  local chain = self._chain
  local handler = chain[self._index + 1]
  while handler do
    self._index = self._index + 1
    handler(self)
    handler = chain[self._index + 1]
  end
end

--- Skips every element that has not started. The running one goes on.
function Context:abort()
  if self._index < ABORTED then
    self._index = ABORTED
  end
end

function Context:is_aborted()
  return self._index >= ABORTED
end

--- Keeps a value until this dispatch ends; nil removes it.
function Context:set(key, value)
  if type(key) ~= "string" then
    error("router: Set: key must be a string (got " .. type(key) .. ")", 2)
  end
  self._used = self._used + 1
  self._keys[key] = value
end

--- Gives what was set under `key`.
-- @return the value, and whether there is one
function Context:get(key)
  local value = self._keys[key]
  return value, value ~= nil
end

--- Gives what was set under `key`, or raises.
function Context:must_get(key)
  local value = self._keys[key]
  if value == nil then
    error("router: key not found in context: " .. tostring(key), 2)
  end
  return value
end

--- Gives what was set under `key` if it is a string, "" otherwise.
function Context:get_string(key)
  local value = self._keys[key]
  return type(value) == "string" and value or ""
end

--- Sends an event to the peer this frame came from.
-- @return what `connection:send` returns
function Context:send(event, payload)
  local connection = self.connection
  if not connection then
    error("router: Send: the context has no connection", 2)
  end
  return connection:send({ event = event, payload = payload })
end

--- Sends an event to everybody in the room of this frame's connection.
-- @return what `server:broadcast` returns
function Context:broadcast(event, payload)
  local connection = self.connection
  if not connection then
    error("router: Broadcast: the context has no connection", 2)
  end
  return connection:server():broadcast(
    connection:room_id(),
    { event = event, payload = payload }
  )
end

local mt = { __name = "wspulse.context" }

-- The server is looked up when it is asked for: most handlers need only the
-- connection, and a client's connection has no server.
function mt.__index(self, key)
  local method = Context[key]
  if method ~= nil or key ~= "server" then
    return method
  end
  local connection = self.connection
  local server = connection and connection.server
  return server and server(connection)
end

-- A field that a handler invents would turn up in somebody else's dispatch.
function mt.__newindex(self, key, value)
  if key ~= "connection" and key ~= "frame" then
    local name = quote(key)
    error("router: context field " .. name .. " cannot be assigned; "
      .. "use c:set(" .. name .. ", value)", 2)
  end
  rawset(self, key, value)
end

function mt.__tostring(self)
  local frame = self.frame
  if not frame then
    return "wspulse.context (idle)"
  end
  return "wspulse.context (event " .. quote(frame.event) .. ")"
end

--- Makes a context that waits for a dispatch.
-- @param log called with level, message, fields by middleware of the package
local function new(log)
  return setmetatable({
    connection = false,
    frame = false,
    _chain = {},
    _index = 0, -- elements of `_chain` that were started
    _keys = {},
    _used = 0, -- calls of `set` in this dispatch
    _log = log,
    _link = false, -- the next idle context of the router
  }, mt)
end

local function forget_keys(self)
  if self._used > MAX_KEPT_KEYS then
    self._keys = {}
  else
    clear(self._keys)
  end
  self._used = 0
end

local advance = Context.next

--- Takes a frame through a chain. Allocates nothing. When an element raises,
--- the context stays as it is and must not be used again.
local function run(self, chain, connection, frame)
  self.connection = connection
  self.frame = frame
  self._chain = chain
  self._index = 0
  advance(self)
  self.connection = false
  self.frame = false
  if self._used > 0 then
    forget_keys(self)
  end
end

--- Ends the chain because one of its elements raised.
local function panic(self)
  self._index = PANICKED
end

--- Says how the chain went so far: "ok", "aborted" or "panic".
local function outcome(self)
  local index = self._index
  if index < ABORTED then
    return "ok"
  end
  return index == ABORTED and "aborted" or "panic"
end

return {
  MAX_HANDLERS = MAX_HANDLERS,
  advance = advance,
  mt = mt,
  methods = Context,
  new = new,
  outcome = outcome,
  panic = panic,
  run = run,
}
