-- SPDX-License-Identifier: MIT
--- Takes each frame to the handlers of its event, through middleware.

local error, format, pairs = error, string.format, pairs
local setmetatable, type = setmetatable, type

local context = require "wspulse.context"
local group = require "wspulse.group"
local logger = require "wspulse.logger"
local native = require "wspulse.native"
local quote = require("wspulse.quote").value
local recovery = require "wspulse.recovery"

local advance, forget = context.advance, context.forget

-- A router registers routes as a group does; `group.lua` has the functions.
local Router = {
  use = group.methods.use,
  on = group.methods.on,
  group = group.methods.group,
}
local mt = { __name = "wspulse.router", __index = Router }

function mt.__tostring(self)
  return format("wspulse.router (routes %d)", #self._routes.list)
end

--- Builds every chain anew. A dispatch under way keeps its own.
local function rebuild(self)
  local list, chains = self._routes.list, self._routes.chains
  for i = 1, #list do
    local route = list[i]
    chains[route.event] = group.merge(route.group, route.handlers)
  end
  self._fallback_chain = group.merge(self, self._fallback)
  self._routes.is_stale = false
end

--- Gives the chain of an event that `chains` does not have.
local function find_chain(self, event)
  local routes = self._routes
  if routes.is_stale then
    rebuild(self)
  end
  return routes.chains[event] or self._fallback_chain
end

--- Takes an idle context from those of nested dispatches, or makes one.
local function take_context(self)
  local c = self._idle
  if not c then
    return context.new(self._log)
  end
  self._idle = c._idle
  return c
end

local function give_back(self, c)
  c._idle = self._idle
  self._idle = c
end

--- Makes what takes a frame to the handlers of its event, or to the fallback
--- where there are none. What they raise passes through.
--
-- It allocates nothing. Its context is not idle while it runs, so a dispatch
-- from inside a handler gets another; one whose handler raised never comes
-- back.
local function make_handler(self)
  local chains, idle = self._routes.chains, context.new(self._log)
  return function(connection, frame)
    local event = frame.event
    local chain = chains[event] or find_chain(self, event)
    local c = idle
    if c then
      idle = false
    else
      c = take_context(self)
    end
    c.connection = connection
    c.frame = frame
    c._next = chain
    advance(c)
    c.connection = false
    c.frame = false
    if c._is_used then
      forget(c)
    end
    if idle then
      give_back(self, c)
    else
      idle = c
    end
  end
end

--- Runs the handlers of the frame's event, or the fallback where there are
--- none. What they raise passes through.
-- @param connection nil where there is none
function Router:dispatch(connection, frame)
  self._handler(connection, frame)
end

--- Gives a function for the option `on_message`: the same one each time.
function Router:handler()
  return self._handler
end

local function log_unmatched(c)
  local connection = c.connection
  c._log("warn", "router: unmatched event", {
    event = c.frame.event or "",
    connectionID = connection and connection:id() or "",
  })
end

local OPTIONS = { fallback = true, log = true }

--- Checks the options of `new`. Gives the text of what is wrong, or nil.
local function options_problem(options)
  if type(options) ~= "table" then
    return "router: New: options must be a table (got " .. type(options) .. ")"
  end
  for key in pairs(options) do
    if not OPTIONS[key] then
      return "router: New: unknown option " .. quote(key)
        .. "; there are fallback and log"
    end
  end
  local fallback = options.fallback
  if fallback ~= nil and type(fallback) ~= "function" then
    return "router: WithFallback: handler must not be nil (fallback = "
      .. quote(fallback) .. ")"
  end
  if options.log ~= nil and type(options.log) ~= "function" then
    return "router: New: log must be a function (log = "
      .. quote(options.log) .. ")"
  end
end

--- Makes a router.
-- @param options `fallback` runs where no route matches, behind the global
-- middleware; `log(level, message, fields)` takes what the router and its
-- middleware have to say, instead of the application's log
local function new(options)
  options = options == nil and {} or options
  local problem = options_problem(options)
  if problem then
    error(problem, 2)
  end
  local self = setmetatable({
    _parent = false,
    _prefix = "",
    _middleware = { n = 0 },
    -- In order of registration; stale when the chains, by event, are older than
    -- these, and empty then. `wspulse check` reads the list through the upvalue
    -- of `handler`.
    _routes = { list = {}, by_event = {}, chains = {}, is_stale = true },
    _fallback = { n = 1, options.fallback or log_unmatched },
    _log = options.log or native.log,
    _fallback_chain = false,
    _idle = false, -- contexts that only nested dispatches need
    _handler = false,
  }, mt)
  self._handler = make_handler(self)
  return self
end

---@type wspulse.router
local M = {
  new = new,
  recovery = recovery.new,
  logger = logger.new,
}

return M
