-- SPDX-License-Identifier: MIT
local fake = require "fake"
local router = require "wspulse.router"

local nothing = fake.nothing

--- Gives a handler that adds `what` to `trace`.
local function note(trace, what)
  return function()
    trace[#trace + 1] = what
  end
end

describe("router routes", function()
  local r, trace, lines

  before_each(function()
    local write
    lines, write = fake.log()
    trace = {}
    r = router.new { log = write, fallback = note(trace, "fallback") }
  end)

  it("R1 a matching route runs, other routes do not", function()
    r:on("a", note(trace, "a"))
    r:on("b", note(trace, "b"))
    r:dispatch(nil, fake.frame("b"))
    assert.same({ "b" }, trace)
  end)

  it("R1 unmatched goes to the fallback, registered does not", function()
    r:on("a", note(trace, "a"))
    r:dispatch(nil, fake.frame("other"))
    assert.same({ "fallback" }, trace)
    r:dispatch(nil, fake.frame("a"))
    assert.same({ "fallback", "a" }, trace)
  end)

  it("R1 an event is matched exactly and by case", function()
    r:on("chat.message", note(trace, "chat"))
    for _, event in ipairs {
      "Chat.message", "chat.", "chat.message ", "chat.message2", "*",
    } do
      r:dispatch(nil, fake.frame(event))
    end
    assert.same(
      { "fallback", "fallback", "fallback", "fallback", "fallback" }, trace)
  end)

  it("R1 an empty or absent event goes to the fallback", function()
    r:on("a", note(trace, "a"))
    r:dispatch(nil, fake.frame(""))
    r:dispatch(nil, fake.frame(nil))
    assert.same({ "fallback", "fallback" }, trace)
  end)

  it("hostile 45 strange events go to the fallback", function()
    local events = {
      "__index", "__newindex", "is_stale", "list", "1", "../x", "a\0b",
      ("x"):rep(2 ^ 20),
    }
    for _, event in ipairs(events) do
      r:dispatch(nil, fake.frame(event))
    end
    assert.equal(#events, #trace)
  end)

  it("hostile 45 strange events can be registered like any other", function()
    for _, event in ipairs { "__index", "is_stale", "list", "by_event" } do
      r:on(event, note(trace, event))
      r:dispatch(nil, fake.frame(event))
      assert.equal(event, trace[#trace])
    end
  end)

  it("R2 two middlewares and a handler run in the order 1, 2, 3", function()
    r:use(note(trace, 1))
    r:use(note(trace, 2))
    r:on("x", note(trace, 3))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ 1, 2, 3 }, trace)
  end)

  it("R2 several handlers of one call run in its order", function()
    r:use(note(trace, 1), note(trace, 2))
    r:on("x", note(trace, 3), note(trace, 4))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ 1, 2, 3, 4 }, trace)
  end)

  it("R2 the fallback runs behind global middleware", function()
    r:use(note(trace, "global"))
    r:dispatch(nil, fake.frame("other"))
    assert.same({ "global", "fallback" }, trace)
  end)

  it("R3 Abort in a middleware keeps the fallback from running", function()
    r:use(function(c)
      c:abort()
    end)
    r:dispatch(nil, fake.frame("other"))
    assert.same({}, trace)
  end)

  it("R10 Use after On is applied at the next Dispatch", function()
    r:on("x", note(trace, "handler"))
    r:use(note(trace, "global"))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ "global", "handler" }, trace)
  end)

  it("R10 Use and On after Dispatch are applied at the next one", function()
    r:on("x", note(trace, "x"))
    r:dispatch(nil, fake.frame("x"))
    r:use(note(trace, "global"))
    r:on("y", note(trace, "y"))
    r:dispatch(nil, fake.frame("x"))
    r:dispatch(nil, fake.frame("y"))
    r:dispatch(nil, fake.frame("z"))
    assert.same({
      "x", "global", "x", "global", "y", "global", "fallback",
    }, trace)
  end)

  it("R10 Use and On in a handler leave the running chain alone", function()
    r:on("x", function()
      if #trace == 0 then
        r:use(note(trace, "late"))
        r:on("y", note(trace, "y"))
      end
    end, note(trace, "x"))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ "x" }, trace)
    r:dispatch(nil, fake.frame("y"))
    assert.same({ "x", "late", "y" }, trace)
  end)

  it("R7 the default fallback with no connection does not raise", function()
    local default = router.new {
      log = function(...)
        lines[#lines + 1] = { ... }
      end,
    }
    default:dispatch(nil, fake.frame("nope"))
    assert.same({
      { "warn", "router: unmatched event",
        { event = "nope", connectionID = "" } },
    }, lines)
  end)

  it("R7 the default fallback names the connection", function()
    local default = router.new {
      log = function(_, _, fields)
        lines[#lines + 1] = fields
      end,
    }
    default:dispatch(fake.connection("c-1"), fake.frame("nope"))
    assert.same({ { event = "nope", connectionID = "c-1" } }, lines)
  end)

  it("R7 the default fallback needs neither log nor C module", function()
    local plain = fake.load("wspulse.router", false).new()
    assert.has_no.errors(function()
      plain:dispatch(nil, fake.frame("nope"))
    end)
  end)

  it("writes to the application's log unless told otherwise", function()
    local core_lines, write = fake.log()
    local loaded = fake.load("wspulse.router", fake.core { log = write })
    loaded.new():dispatch(nil, fake.frame("nope"))
    assert.equal(1, #core_lines)
    assert.equal("warn", core_lines[1].level)
  end)

  it("gives a handler for on_message, the same one each time", function()
    r:on("x", function(c)
      trace[#trace + 1] = c.connection:id()
    end)
    local on_message = r:handler()
    assert.equal(on_message, r:handler())
    assert.equal(0, select("#", on_message(
      fake.connection("a"), fake.frame("x"))))
    assert.same({ "a" }, trace)
  end)

  it("keeps its routes where `wspulse check` looks for them", function()
    r:on("b", nothing)
    r:group("a."):on("c", nothing)
    local is_found, i = false, 1
    while debug.getupvalue(r:handler(), i) do
      is_found = is_found or select(2, debug.getupvalue(r:handler(), i)) == r
      i = i + 1
    end
    assert.is_true(is_found)
    assert.equal("wspulse.router", getmetatable(r).__name)
    local events = {}
    for place, route in ipairs(r._routes.list) do
      events[place] = route.event
    end
    assert.same({ "b", "a.c" }, events)
  end)

  it("is collected with the function of handler", function()
    local weak = setmetatable({}, { __mode = "k" })
    do
      local own = router.new()
      weak[own], weak[own:handler()] = true, true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("lets what a handler raises pass through", function()
    local value = {}
    r:on("x", function()
      error(value)
    end)
    local ok, raised = pcall(r.dispatch, r, nil, fake.frame("x"))
    assert.is_false(ok)
    assert.equal(value, raised)
  end)

  it("says in tostring how many routes it has", function()
    r:on("x", nothing)
    assert.equal("wspulse.router (routes 1)", tostring(r))
  end)
end)

describe("router without globals", function()
  --- Runs `fn` while every global function and library function is nil.
  local function without_globals(fn)
    local saved = {}
    local libraries = {
      getfenv(0), string, table, math, os, debug, coroutine, package,
    }
    local next, pairs, pcall = next, pairs, pcall
    for i, library in next, libraries do
      saved[i] = {}
      for name, value in next, library do
        saved[i][name] = value
      end
    end
    for i, library in next, libraries do
      for name in next, saved[i] do
        library[name] = nil
      end
    end
    local ok, problem = pcall(fn)
    for i, library in next, libraries do
      for name, value in pairs(saved[i]) do
        library[name] = value
      end
    end
    assert(ok, problem)
  end

  it("hostile 73 works when a script has overwritten them", function()
    local lines, write = fake.log()
    local error, pcall = error, pcall
    local r = router.new { log = write }
    local text
    r:use(router.logger { clock = function() return 0 end })
    r:use(router.recovery())
    without_globals(function()
      r:on("x", function(c)
        c:set("user", "ada")
        error({})
      end)
      local _, message = pcall(r.on, r, "x", nothing)
      text = message
      r:dispatch(nil, { event = "x" })
      r:dispatch(nil, { event = "other" })
    end)
    assert.equal('router: On: duplicate registration for event "x"', text)
    local messages = {}
    for i, line in ipairs(lines) do
      messages[i] = line.message
    end
    assert.same({
      "router: recovered from panic in handler", "router: handled",
      "router: unmatched event", "router: handled",
    }, messages)
  end)
end)
