-- SPDX-License-Identifier: MIT
--- Where routes are registered: a group of routes with a common prefix and
--- common middleware. A router is the outermost group.
--
-- Chains are merged at the next dispatch, so middleware that is added later
-- applies to routes that exist already.

local error, select, setmetatable, type = error, select, setmetatable, type
local format = string.format

local clear = require "table.clear"
local context = require "wspulse.context"
local quote = require("wspulse.quote").string

local MAX_HANDLERS = context.MAX_HANDLERS

local Group = {}
local mt = { __name = "wspulse.router.group", __index = Group }

function mt.__tostring(self)
  return "wspulse.router.group (prefix " .. quote(self._prefix) .. ")"
end

--- Gives a table of what was passed, with its true length in `n`.
local function pack(...)
  return { n = select("#", ...), ... }
end

-- The checks below give the text of what is wrong, or nil. Only the public
-- functions raise, so that the position is that of their caller.

--- Checks that each of `list` can be called.
-- @param call the function in the text, as the seed writes it
-- @param event names the route in the text; nil for middleware
local function callable_problem(call, list, event)
  local where = event and " for event " .. quote(event) or ""
  for i = 1, list.n do
    local handler = list[i]
    if handler == nil then
      return format(
        "router: %s: handler at index %d%s must not be nil", call, i, where)
    elseif type(handler) ~= "function" then
      return format(
        "router: %s: handler at index %d%s must be a function (got %s)",
        call, i, where, type(handler))
    end
  end
end

--- Counts the middleware in front of a route of `group`.
local function middleware_count(group)
  local count = 0
  while group do
    count = count + group._middleware.n
    group = group._parent
  end
  return count
end

local function is_within(group, outer)
  while group and group ~= outer do
    group = group._parent
  end
  return group == outer
end

--- Checks that a chain still ends inside the limit with `added` middleware
--- more, whatever handler comes behind it.
local function room_problem(call, group, added)
  local length = middleware_count(group) + added + 1
  if length > MAX_HANDLERS then
    return format(
      "router: %s: handler chain length %d exceeds maximum %d "
        .. "(too many %s middleware)",
      call, length, MAX_HANDLERS, group._parent and "group" or "global")
  end
end

--- Checks the same for each route that exists behind `group`.
local function routes_problem(group, added)
  local list = group._routes.list
  for i = 1, #list do
    local route = list[i]
    if is_within(route.group, group) then
      local length =
        middleware_count(route.group) + added + route.handlers.n
      if length > MAX_HANDLERS then
        return format(
          "router: Use: handler chain length %d for event %s "
            .. "would exceed maximum %d",
          length, quote(route.event), MAX_HANDLERS)
      end
    end
  end
end

local function event_problem(event)
  if event == nil or event == "" then
    return "router: On: event must not be empty"
  elseif type(event) ~= "string" then
    return "router: On: event must be a string (got " .. type(event) .. ")"
  end
end

--- Checks a new route, in the order in which the reference checks.
local function route_problem(group, event, handlers)
  if handlers.n == 0 then
    return "router: On: no handlers provided for event " .. quote(event)
  end
  local problem = callable_problem("On", handlers, event)
  if problem then
    return problem
  end
  if group._routes.by_event[event] then
    return "router: On: duplicate registration for event " .. quote(event)
  end
  local length = middleware_count(group) + handlers.n
  if length > MAX_HANDLERS then
    return format(
      "router: On: handler chain length %d for event %s exceeds maximum %d",
      length, quote(event), MAX_HANDLERS)
  end
end

--- The chains are merged anew at the next dispatch, which finds none.
local function make_stale(routes)
  routes.is_stale = true
  clear(routes.chains)
end

--- Appends middleware. It runs in front of every route of this group and of
--- the groups inside it, those registered before as well.
-- Raises on a nil and on a chain over the limit; nothing is added then.
function Group:use(...)
  local added = pack(...)
  local problem = callable_problem("Use", added)
    or room_problem("Use", self, added.n)
    or routes_problem(self, added.n)
  if problem then
    error(problem, 2)
  end
  local middleware = self._middleware
  for i = 1, added.n do
    middleware[middleware.n + i] = added[i]
  end
  middleware.n = middleware.n + added.n
  make_stale(self._routes)
end

--- Registers the handlers of one event, matched exactly and by case. The
--- prefix of the group is put in front of it.
-- Raises on an empty event, on no or nil handlers, on a second registration
-- and on a chain over the limit.
function Group:on(event, ...)
  local problem = event_problem(event)
  if problem then
    error(problem, 2)
  end
  event = self._prefix .. event
  local handlers = pack(...)
  problem = route_problem(self, event, handlers)
  if problem then
    error(problem, 2)
  end
  local routes = self._routes
  local route = { event = event, group = self, handlers = handlers }
  routes.by_event[event] = route
  routes.list[#routes.list + 1] = route
  make_stale(routes)
end

--- Makes a group inside this one.
-- @param ... a prefix for its events (optional), then its middleware
-- Raises as `use` does.
function Group:group(...)
  local prefix, first = "", 1
  if type((...)) == "string" then
    prefix, first = (...), 2
  end
  local middleware = pack(select(first, ...))
  local problem = callable_problem("Group", middleware)
  if problem then
    error(problem, 2)
  end
  local inner = setmetatable({
    _parent = self,
    _prefix = self._prefix .. prefix,
    _middleware = middleware,
    _routes = self._routes,
  }, mt)
  problem = room_problem("Group", inner, 0)
  if problem then
    error(problem, 2)
  end
  return inner
end

--- Puts the functions of a list in front of a chain.
local function prepend(list, chain)
  for i = list.n, 1, -1 do
    chain = { run = list[i], next = chain }
  end
  return chain
end

--- Makes what runs for a route: global middleware, that of the groups from the
--- outermost inwards, then its handlers.
-- @return the first link of a chain that nothing changes any more, so that a
-- dispatch under way keeps the one it has
local function merge(group, handlers)
  local chain = prepend(handlers, false)
  while group do
    chain = prepend(group._middleware, chain)
    group = group._parent
  end
  return chain
end

return { methods = Group, merge = merge, mt = mt }
