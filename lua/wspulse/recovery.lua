-- SPDX-License-Identifier: MIT
--- Middleware that survives a handler that raises.

local error, getmetatable, pcall = error, getmetatable, pcall
local setmetatable, tostring = setmetatable, tostring
local type, xpcall = type, xpcall
local sub, traceback = string.sub, debug.traceback

local context = require "wspulse.context"

local advance, panic = context.advance, context.panic

-- Marks what `capture` made, whatever the handler raised.
local caught_mt = { __name = "wspulse.router.caught" }

--- Runs where the error was raised, while the stack is still there.
local function capture(value)
  -- The first byte is the line end behind an empty message.
  local stack = sub(traceback("", 2), 2)
  return setmetatable({ value = value, stack = stack }, caught_mt)
end

local function is_caught(value)
  return type(value) == "table" and getmetatable(value) == caught_mt
end

--- Gives a text for any value, also one whose __tostring raises.
local function describe(value)
  if type(value) == "string" then
    return value
  end
  local meta = type(value) == "table" and getmetatable(value)
  if type(value) == "table" and not meta then
    return "(error object is a table value)"
  end
  local ok, text = pcall(tostring, value)
  if ok and type(text) == "string" then
    return text
  end
  return "(error object is a " .. type(value) .. " value)"
end

local function report(c, value, stack)
  local connection = c.connection
  c._log("error", "router: recovered from panic in handler", {
    panic = describe(value),
    stack = stack,
    event = c.frame.event or "",
    connectionID = connection and connection:id() or "",
  })
end

--- Makes the middleware. It catches what anything behind it raises, logs it,
--- ends the chain and returns, so put it first. (The reference goes on with
--- the next element; here a middleware that raises lets nobody pass.)
--- What stops a handler that ran out of time stops this as well.
local function new(...)
  if context.is_context((...)) then
    error("router: recovery makes a middleware: use(router.recovery())", 2)
  end
  return function(c)
    local ok, raised = xpcall(advance, capture, c)
    if ok then
      return
    end
    -- Out of memory, the value comes without passing through `capture`.
    local value, stack = raised, ""
    if is_caught(raised) then
      value, stack = raised.value, raised.stack
    end
    panic(c)
    report(c, value, stack)
  end
end

return { new = new }
