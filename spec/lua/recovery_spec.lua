-- SPDX-License-Identifier: MIT
local fake = require "fake"
local router = require "wspulse.router"

describe("router.recovery", function()
  local r, lines

  before_each(function()
    local write
    lines, write = fake.log()
    r = router.new { log = write }
    r:use(router.recovery())
  end)

  --- Has a handler raise `value` and gives the line that was logged.
  local function line_for(value)
    r:on("x", function()
      error(value, 0)
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal(1, #lines)
    return lines[1]
  end

  it("R8 Dispatch returns; a later dispatch works", function()
    local count = 0
    r:on("bad", function()
      error("boom")
    end)
    r:on("good", function()
      count = count + 1
    end)
    r:dispatch(nil, fake.frame("bad"))
    r:dispatch(nil, fake.frame("good"))
    assert.equal(1, count)
    assert.equal(1, #lines)
  end)

  it("R8 a nil value is caught too", function()
    local line = line_for(nil)
    assert.equal("nil", line.fields.panic)
    r:dispatch(nil, fake.frame("x"))
    assert.equal(2, #lines)
  end)

  it("logs panic, stack, event and connection", function()
    r:on("x", function()
      error("boom")
    end)
    r:dispatch(fake.connection("c-1"), fake.frame("x"))
    local line = lines[1]
    assert.equal("error", line.level)
    assert.equal("router: recovered from panic in handler", line.message)
    assert.truthy(line.fields.panic:find("recovery_spec.lua:%d+: boom$"))
    assert.equal("x", line.fields.event)
    assert.equal("c-1", line.fields.connectionID)
  end)

  it("logs the stack of where the error was raised", function()
    local function deep_inside()
      error("boom")
    end
    r:on("x", function()
      deep_inside()
    end)
    r:dispatch(nil, fake.frame("x"))
    local stack = lines[1].fields.stack
    assert.equal(1, (stack:find("stack traceback:", 1, true)))
    assert.truthy(stack:find("deep_inside", 1, true))
  end)

  it("R9 a middleware that raises keeps the handler from running", function()
    local has_run = false
    r:use(function()
      error("who are you?")
    end)
    r:on("x", function()
      has_run = true
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.is_false(has_run)
    assert.equal(1, #lines)
  end)

  it("R9 a middleware that raises behind next ends the chain", function()
    local trace = {}
    r:use(function(c)
      c:next()
      error("late")
    end)
    r:on("x", function()
      trace[#trace + 1] = "x"
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.same({ "x" }, trace)
    assert.equal(1, #lines)
  end)

  it("tells the middleware in front of it that the chain ended", function()
    local _, write = fake.log()
    local aborted
    r = router.new { log = write }
    r:use(function(c)
      c:next()
      aborted = c:is_aborted()
    end, router.recovery())
    r:on("x", function()
      error("boom")
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.is_true(aborted)
  end)

  it("does not catch what is raised in front of it", function()
    r = router.new()
    r:use(function()
      error("boom", 0)
    end, router.recovery())
    local ok, raised = pcall(r.dispatch, r, nil, fake.frame("x"))
    assert.is_false(ok)
    assert.equal("boom", raised)
  end)

  it("hostile 67 describes error({})", function()
    assert.equal(
      "(error object is a table value)", line_for({}).fields.panic)
  end)

  it("hostile 67 survives an error in __tostring", function()
    local value = setmetatable({}, {
      __tostring = function()
        error("again")
      end,
    })
    assert.equal(
      "(error object is a table value)", line_for(value).fields.panic)
  end)

  it("survives a __tostring that gives no string", function()
    local value = setmetatable({}, {
      __tostring = function()
        return 1
      end,
    })
    assert.equal(
      "(error object is a table value)", line_for(value).fields.panic)
  end)

  it("describes an error object by its __tostring", function()
    local value = setmetatable({}, {
      __tostring = function()
        return "wspulse: connection is closed"
      end,
    })
    assert.equal(
      "wspulse: connection is closed", line_for(value).fields.panic)
  end)

  it("describes a number", function()
    assert.equal("42", line_for(42).fields.panic)
  end)

  it("describes a boolean", function()
    assert.equal("false", line_for(false).fields.panic)
  end)

  it("takes a runtime error like a raised one", function()
    r:on("x", function(c)
      return c.connection.nothing.here
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.truthy(lines[1].fields.panic:find("attempt to index", 1, true))
  end)

  it("survives a stack overflow", function()
    local function endless(n)
      return 1 + endless(n + 1)
    end
    r:on("x", function()
      endless(0)
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal(1, #lines)
    assert.truthy(lines[1].fields.panic:find("stack overflow", 1, true))
  end)

  it("survives running out of memory, which leaves no stack", function()
    r:on("x", function()
      return (("x"):rep(1e6):rep(1e6))
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal("not enough memory", lines[1].fields.panic)
    assert.equal("", lines[1].fields.stack)
  end)

  it("names the event a middleware put in place", function()
    r:use(function(c)
      c.frame = fake.frame("y")
    end)
    line_for("boom")
    assert.equal("y", lines[1].fields.event)
  end)

  it("covers a dispatch from inside a handler once", function()
    r:on("outer", function(c)
      r:dispatch(nil, fake.frame("inner"))
      assert.is_false(c:is_aborted())
    end)
    r:on("inner", function()
      error("boom")
    end)
    r:dispatch(nil, fake.frame("outer"))
    assert.equal(1, #lines)
    assert.equal("inner", lines[1].fields.event)
  end)

  it("refuses to be used as a middleware itself", function()
    r = router.new()
    r:use(router.recovery)
    local ok, message = pcall(r.dispatch, r, nil, fake.frame("x"))
    assert.is_false(ok)
    assert.truthy(message:find("router: recovery makes a middleware", 1, true))
  end)
end)
