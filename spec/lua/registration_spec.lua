-- SPDX-License-Identifier: MIT
--- What `use` and `on` refuse, with the exact texts.
local fake = require "fake"
local router = require "wspulse.router"

local many, nothing = fake.many, fake.nothing

--- Gives a handler that adds `what` to `trace`.
local function note(trace, what)
  return function()
    trace[#trace + 1] = what
  end
end

describe("router refusals", function()
  local r

  before_each(function()
    r = router.new()
  end)

  it("R5 a fallback that is no function", function()
    local text = "router: WithFallback: handler must not be nil "
    for _, case in ipairs {
      { false, "(fallback = false)" }, { 1, "(fallback = 1)" },
      { "print", '(fallback = "print")' },
    } do
      assert.equal(text .. case[2], (fake.raised(function()
        router.new { fallback = case[1] }
      end)))
    end
  end)

  it("R5 an empty event", function()
    for _, event in ipairs { "", false } do
      assert.equal("router: On: event must not be empty",
        (fake.raised(function()
          r:on(event or nil, nothing)
        end)))
    end
  end)

  it("R5 a duplicate", function()
    r:on("x", nothing)
    assert.equal('router: On: duplicate registration for event "x"',
      (fake.raised(function()
        r:on("x", nothing)
      end)))
  end)

  it("R5 no handlers", function()
    assert.equal('router: On: no handlers provided for event "x"',
      (fake.raised(function()
        r:on("x")
      end)))
  end)

  it("R5 a nil handler, wherever it stands", function()
    assert.equal(
      'router: On: handler at index 1 for event "x" must not be nil',
      (fake.raised(function()
        r:on("x", nil)
      end)))
    assert.equal(
      'router: On: handler at index 2 for event "x" must not be nil',
      (fake.raised(function()
        r:on("x", nothing, nil, nothing)
      end)))
    assert.equal(
      'router: On: handler at index 3 for event "x" must not be nil',
      (fake.raised(function()
        r:on("x", nothing, nothing, nil)
      end)))
  end)

  it("R5 a nil middleware, wherever it stands", function()
    assert.equal("router: Use: handler at index 1 must not be nil",
      (fake.raised(function()
        r:use(nil)
      end)))
    assert.equal("router: Use: handler at index 2 must not be nil",
      (fake.raised(function()
        r:use(nothing, nil)
      end)))
  end)

  it("R5 leaves the router unchanged", function()
    local trace = {}
    pcall(r.use, r, note(trace, "global"), nil)
    pcall(r.on, r, "x", note(trace, "bad"), nil)
    r:on("x", note(trace, "good"))
    pcall(r.on, r, "x", note(trace, "again"))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ "good" }, trace)
  end)

  it("handlers and events of another type", function()
    assert.equal(
      'router: On: handler at index 1 for event "x" '
        .. "must be a function (got string)",
      (fake.raised(function()
        r:on("x", "print")
      end)))
    assert.equal(
      "router: Use: handler at index 1 must be a function (got table)",
      (fake.raised(function()
        r:use({})
      end)))
    assert.equal("router: On: event must be a string (got number)",
      (fake.raised(function()
        r:on(1, nothing)
      end)))
  end)

  it("checks event, handlers, duplicate and length in that order", function()
    r:on("x", nothing)
    assert.truthy(fake.raised(r.on, r, "x"):find("no handlers", 1, true))
    assert.truthy(fake.raised(r.on, r, "x", nil):find("nil", 1, true))
    assert.truthy(
      fake.raised(r.on, r, "x", many(63)):find("duplicate", 1, true))
  end)

  it("quotes the event as Go does", function()
    assert.equal([[router: On: no handlers provided for event "a\"\n\x01é"]],
      (fake.raised(function()
        r:on('a"\n\1é')
      end)))
  end)

  it("names the caller's line", function()
    local here = debug.getinfo(1, "S").short_src
    for _, misuse in ipairs {
      function() r:use(nil) end,
      function() r:on("") end,
      function() r:on("x") end,
      function() r:group(nil) end,
      function() router.new { fallback = 1 } end,
      function() router.new { log = 1 } end,
    } do
      local text, position = fake.raised(misuse)
      local line = debug.getinfo(misuse, "S").linedefined
      assert.equal(here .. ":" .. line, position, text)
    end
  end)

  it("options that do not exist or are of another type", function()
    assert.equal(
      'router: New: unknown option "falback"; there are fallback and log',
      (fake.raised(function()
        router.new { falback = nothing }
      end)))
    assert.equal("router: New: log must be a function (log = 1)",
      (fake.raised(function()
        router.new { log = 1 }
      end)))
    assert.equal("router: New: options must be a table (got function)",
      (fake.raised(function()
        router.new(nothing)
      end)))
  end)
end)

describe("router limits", function()
  local r

  before_each(function()
    r = router.new()
  end)

  it("R6 61 global middlewares are the maximum", function()
    local count = 0
    for _ = 1, 61 do
      r:use(function()
        count = count + 1
      end)
    end
    local text = fake.raised(function()
      r:use(nothing)
    end)
    assert.equal("router: Use: handler chain length 63 exceeds maximum 62 "
      .. "(too many global middleware)", text)
    r:on("x", function()
      count = count + 100
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal(161, count)
  end)

  it("R6 the call that would exceed adds none of its handlers", function()
    r:use(many(60))
    assert.is_false(pcall(r.use, r, nothing, nothing))
    r:use(nothing)
    assert.is_false(pcall(r.use, r, nothing))
  end)

  it("62 handlers of one route are the maximum", function()
    r:on("x", many(62))
    assert.equal(
      'router: On: handler chain length 63 for event "y" exceeds maximum 62',
      (fake.raised(function()
        r:on("y", many(63))
      end)))
  end)

  it("global middleware counts for a route", function()
    r:use(many(60))
    r:on("x", nothing, nothing)
    assert.equal(
      'router: On: handler chain length 63 for event "y" exceeds maximum 62',
      (fake.raised(function()
        r:on("y", nothing, nothing, nothing)
      end)))
  end)

  it("a route that exists limits further middleware", function()
    r:on("short", nothing)
    r:on("long", many(61))
    r:use(nothing)
    assert.equal('router: Use: handler chain length 63 for event "long" '
      .. "would exceed maximum 62",
      (fake.raised(function()
        r:use(nothing)
      end)))
  end)

  it("a chain of 62 runs to its end", function()
    local count = 0
    local function counter(c)
      count = count + 1
      c:next()
    end
    for _ = 1, 61 do
      r:use(counter)
    end
    r:on("x", counter)
    r:dispatch(nil, fake.frame("x"))
    assert.equal(62, count)
  end)
end)
