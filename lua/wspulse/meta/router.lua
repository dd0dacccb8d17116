-- SPDX-License-Identifier: MIT
---@meta _

---What `require "wspulse.router"` gives.
---@class wspulse.router
local router = {}

---Makes a router. Raises on an unknown option and on a fallback that is no
---function.
---@param options? wspulse.router_options
---@return wspulse.Router
function router.new(options) end

---Makes a middleware that catches what anything behind it raises, logs it,
---ends the chain and returns; the connection survives. Put it first.
---@return wspulse.handler
function router.recovery() end

---Makes a middleware that writes one line for each frame: event, conn_id,
---duration_ms and outcome (`ok`, `aborted`, or `panic` when `recovery` runs
---behind it).
---@param options? wspulse.logger_options
---@return wspulse.handler
function router.logger(options) end

---@class wspulse.router_options
---Runs where no route matches, behind the global middleware; by default a
---warning is logged.
---@field fallback? wspulse.handler
---Takes what the router and its middleware log; by default the application's
---log does.
---@field log? fun(level: wspulse.level, message: string, fields: table)

---@class wspulse.logger_options
---@field level? wspulse.level `"info"` by default
---@field clock? fun(): number seconds; by default a monotonic clock

---A handler or a middleware: they are the same thing.
---@alias wspulse.handler fun(c: wspulse.Context)

---Where routes are registered with a common prefix and common middleware.
---@class wspulse.Group
local Group = {}

---Appends middleware. It runs in front of every route of this group and of the
---groups inside it, those registered before as well. Raises on nil and when a
---chain would hold more than 62 elements; nothing is added then.
---@param ... wspulse.handler
function Group:use(...) end

---Registers the handlers of one event, matched exactly and by case. Raises on
---an empty event, no or nil handlers, a second registration, and a chain of
---more than 62 elements.
---@param event string the prefix is put in front of it
---@param ... wspulse.handler at least one
function Group:on(event, ...) end

---Makes a group inside this one. Raises as `use` does.
---@param prefix? string put in front of its events as it stands
---@param ... wspulse.handler its middleware
---@return wspulse.Group
---@overload fun(self: wspulse.Group, ...: wspulse.handler): wspulse.Group
function Group:group(prefix, ...) end

---Takes each frame to the handlers of its event.
---@class wspulse.Router: wspulse.Group
local Router = {}

---Runs the handlers of the frame's event, or the fallback. What they raise
---passes through.
---@param connection wspulse.Connection? nil where there is none
---@param frame wspulse.Frame
function Router:dispatch(connection, frame) end

---Gives a function for the option `on_message`; the same one each time.
---@return fun(conn: wspulse.Connection, frame: wspulse.Frame)
function Router:handler() end
