-- SPDX-License-Identifier: MIT
--- Middleware that writes one line for each frame.

local error, floor = error, math.floor
local os_clock, pairs, type = os.clock, pairs, type

local context = require "wspulse.context"
local native = require "wspulse.native"
local quote = require("wspulse.quote").value

local advance, outcome = context.advance, context.outcome

local LEVELS = { debug = true, info = true, warn = true, error = true }
local OPTIONS = { clock = true, level = true }

--- Checks the options. Gives the text of what is wrong, or nil.
local function options_problem(options)
  if context.is_context(options) then
    return "router: logger makes a middleware: use(router.logger())"
  elseif type(options) ~= "table" then
    return "router: logger: options must be a table (got "
      .. type(options) .. ")"
  end
  for key in pairs(options) do
    if not OPTIONS[key] then
      return "router: logger: unknown option " .. quote(key)
        .. "; there are clock and level"
    end
  end
  if options.level ~= nil and not LEVELS[options.level] then
    return "router: logger: level must be debug, info, warn or error (level = "
      .. quote(options.level) .. ")"
  end
  if options.clock ~= nil and type(options.clock) ~= "function" then
    return "router: logger: clock must be a function (clock = "
      .. quote(options.clock) .. ")"
  end
end

--- Gives the C module's monotonic clock, else the processor time of this
--- process, which is what a handler spends on one thread.
local function default_clock()
  local core = native.find()
  return core and core.now or os_clock
end

local function duration_ms(started, ended)
  return floor((ended - started) * 1e6 + 0.5) / 1e3
end

--- Makes the middleware. The line says which event, whose, how long, and how
--- it went: "ok", "aborted", or "panic" when recovery runs behind it.
-- @param options `level` of the line, "info" by default; `clock`, a function
-- that gives seconds
local function new(options)
  options = options == nil and {} or options
  local problem = options_problem(options)
  if problem then
    error(problem, 2)
  end
  local level = options.level or "info"
  local clock = options.clock or default_clock()
  return function(c)
    local started = clock()
    advance(c)
    local connection = c.connection
    c._log(level, "router: handled", {
      event = c.frame.event or "",
      conn_id = connection and connection:id() or "",
      duration_ms = duration_ms(started, clock()),
      outcome = outcome(c),
    })
  end
end

return { new = new }
