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

local run = context.run

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
  local list, chains = self._routes.list, {}
  for i = 1, #list do
    local route = list[i]
    chains[route.event] = group.merge(route.group, route.handlers)
  end
  self._chains = chains
  self._fallback_chain = group.merge(self, self._fallback)
  self._routes.is_stale = false
end

--- Lends an idle context. One that runs is not idle, so a dispatch from inside
--- a handler gets another; one whose handler raised never comes back.
local function take_context(self)
  local c = self._idle
  if not c then
    return context.new(self._log)
  end
  self._idle = c._link
  return c
end

--- Runs the handlers of the frame's event, or the fallback where there are
--- none. What they raise passes through.
-- @param connection nil where there is none
function Router:dispatch(connection, frame)
  if self._routes.is_stale then
    rebuild(self)
  end
  local chain = self._chains[frame.event] or self._fallback_chain
  local c = take_context(self)
  run(c, chain, connection, frame)
  c._link = self._idle
  self._idle = c
end

local dispatch = Router.dispatch

--- Gives a function for the option `on_message`: the same one each time.
function Router:handler()
  if not self._handler then
    self._handler = function(connection, frame)
      dispatch(self, connection, frame)
    end
  end
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
  return setmetatable({
    _parent = false,
    _prefix = "",
    _middleware = { n = 0 },
    -- In order of registration; stale when the chains are older than these.
    -- `wspulse check` reads the list through the upvalue of `handler`.
    _routes = { list = {}, by_event = {}, is_stale = true },
    _fallback = { n = 1, options.fallback or log_unmatched },
    _log = options.log or native.log,
    _chains = {}, -- by event; built by `rebuild`
    _fallback_chain = false,
    _idle = false, -- a list of contexts, linked by `_link`
    _handler = false,
  }, mt)
end

---@type wspulse.router
local M = {
  new = new,
  recovery = recovery.new,
  logger = logger.new,
}

return M
