-- SPDX-License-Identifier: MIT
--- What a handler holds while one frame is handled: the frame, its connection,
--- values of this dispatch, and the way on through the chain.
--
-- Owner: the router that made it. It belongs to a handler from the call to the
-- return and to another dispatch afterwards.

local error, getmetatable, pairs, rawset = error, getmetatable, pairs, rawset
local setmetatable, tostring, type = setmetatable, tostring, type

local clear = require "table.clear"
local quote = require("wspulse.quote").value

-- A chain holds at most this many elements, middleware included. Its links are
-- tables { run = function, next = link or false }.
local MAX_HANDLERS = 62
-- A dispatch that set more keys than this gives its table back to the
-- collector instead of the pool.
local MAX_KEPT_KEYS = 32

local Context = {}

--- Runs the rest of the chain now and returns when it has finished. A
--- middleware that never calls it lets the next element run all the same.
---
--- (A call of itself at the end, not a loop: LuaJIT then compiles a dispatch
--- from its first function to the handler in one piece.)
local function advance(self)
  local link = self._next
  if link then
    self._next = link.next
    link.run(self)
    return advance(self)
  end
end

function Context:next()
  return advance(self)
end

--- Has nothing more started.
local function stop(self, outcome)
  self._next = false
  self._outcome = outcome
  self._is_used = true
end

--- Skips every element that has not started. The running one goes on.
function Context:abort()
  if not self._outcome then
    stop(self, "aborted")
  end
end

function Context:is_aborted()
  return self._outcome ~= false
end

--- Keeps a value until this dispatch ends; nil removes it.
function Context:set(key, value)
  if type(key) ~= "string" then
    error("router: Set: key must be a string (got " .. type(key) .. ")", 2)
  end
  self._set_count = self._set_count + 1
  self._is_used = true
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

local NAME = "wspulse.context"

-- A field that a handler invents would turn up in somebody else's dispatch.
local function newindex(self, key, value)
  if key ~= "connection" and key ~= "frame" then
    local name = quote(key)
    error("router: context field " .. name .. " cannot be assigned; "
      .. "use c:set(" .. name .. ", value)", 2)
  end
  rawset(self, key, value)
end

local function to_text(self)
  local frame = self.frame
  if not frame then
    return NAME .. " (idle)"
  end
  return NAME .. " (event " .. quote(frame.event) .. ")"
end

local function is_context(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and meta.__name == NAME
end

--- Gives a context its metatable. It is its own: a method is then found in a
--- table, not by a function, which takes a third of the time, and only behind
--- the methods is the server looked up. Most handlers need only the connection,
--- and a client's connection has no server.
local function bind(self)
  local methods = {}
  for name, method in pairs(Context) do
    methods[name] = method
  end
  setmetatable(methods, {
    __index = function(_, key)
      local connection = key == "server" and self.connection
      local server = connection and connection.server
      return server and server(connection) or nil
    end,
  })
  return setmetatable(self, {
    __name = NAME,
    __index = methods,
    __newindex = newindex,
    __tostring = to_text,
  })
end

--- Makes a context that waits for a dispatch.
-- @param log called with level, message, fields by middleware of the package
local function new(log)
  return bind {
    connection = false,
    frame = false,
    _next = false, -- the link of the chain that starts next
    _outcome = false, -- "aborted" or "panic"
    _is_used = false, -- `forget` has something to do
    _keys = {},
    _set_count = 0, -- calls of `set` in this dispatch
    _log = log,
    _idle = false, -- the next idle context of the router
  }
end

--- Makes a used context as good as new for the next dispatch.
local function forget(self)
  if self._set_count > MAX_KEPT_KEYS then
    self._keys = {}
  else
    clear(self._keys)
  end
  self._set_count = 0
  self._outcome = false
  self._is_used = false
end

--- Ends the chain because one of its elements raised.
local function panic(self)
  stop(self, "panic")
end

--- Says how the chain went so far: "ok", "aborted" or "panic".
local function outcome(self)
  return self._outcome or "ok"
end

return {
  MAX_HANDLERS = MAX_HANDLERS,
  advance = advance,
  forget = forget,
  is_context = is_context,
  methods = Context,
  new = new,
  outcome = outcome,
  panic = panic,
}
