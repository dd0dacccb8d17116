-- SPDX-License-Identifier: MIT
local fake = require "fake"
local router = require "wspulse.router"

local many, nothing = fake.many, fake.nothing

describe("router group", function()
  local r, trace

  local function note(what)
    return function()
      trace[#trace + 1] = what
    end
  end

  --- Dispatches `event` and gives what ran.
  local function ran(event)
    trace = {}
    r:dispatch(nil, fake.frame(event))
    return table.concat(trace, " ")
  end

  before_each(function()
    r = router.new { fallback = note("fallback") }
  end)

  it("puts its prefix in front of its events, as it stands", function()
    local chat = r:group("chat.")
    chat:on("message", note("message"))
    assert.equal("message", ran("chat.message"))
    assert.equal("fallback", ran("message"))
    r:group("a"):on("b", note("ab"))
    assert.equal("ab", ran("ab"))
  end)

  it("runs its middleware for its own routes only", function()
    local chat = r:group("chat.", note("auth"))
    chat:on("message", note("message"))
    r:on("ping", note("ping"))
    assert.equal("auth message", ran("chat.message"))
    assert.equal("ping", ran("ping"))
    assert.equal("fallback", ran("chat.other"))
  end)

  it("needs no prefix", function()
    r:group(note("auth")):on("x", note("x"))
    assert.equal("auth x", ran("x"))
    r:group():on("y", note("y"))
    assert.equal("y", ran("y"))
  end)

  it("runs global, outer, inner, handlers", function()
    local outer = r:group("a.", note("outer"))
    local inner = outer:group("b.", note("inner1"), note("inner2"))
    inner:on("c", note("handler"))
    outer:on("d", note("d"))
    r:use(note("global"))
    assert.equal("global outer inner1 inner2 handler", ran("a.b.c"))
    assert.equal("global outer d", ran("a.d"))
  end)

  it("applies middleware that is added later to earlier routes", function()
    local outer = r:group("a.")
    local inner = outer:group("b.")
    inner:on("c", note("handler"))
    assert.equal("handler", ran("a.b.c"))
    inner:use(note("inner"))
    outer:use(note("outer"))
    assert.equal("outer inner handler", ran("a.b.c"))
  end)

  it("takes routes after a dispatch", function()
    local chat = r:group("chat.")
    assert.equal("fallback", ran("chat.x"))
    chat:on("x", note("x"))
    assert.equal("x", ran("chat.x"))
  end)

  it("can be aborted by its middleware", function()
    local admin = r:group("admin.", function(c)
      c:abort()
    end)
    admin:on("kick", note("kick"))
    assert.equal("", ran("admin.kick"))
  end)

  it("shares the events with its router", function()
    r:on("chat.x", nothing)
    assert.equal('router: On: duplicate registration for event "chat.x"',
      (fake.raised(function()
        r:group("chat."):on("x", nothing)
      end)))
  end)

  it("refuses an empty event whatever its prefix", function()
    assert.equal("router: On: event must not be empty",
      (fake.raised(function()
        r:group("chat."):on("", nothing)
      end)))
  end)

  it("refuses a nil middleware, so that none is lost", function()
    local auth = nil
    for _, misuse in ipairs {
      function() r:group(auth) end,
      function() r:group("chat.", auth) end,
    } do
      assert.equal("router: Group: handler at index 1 must not be nil",
        (fake.raised(misuse)))
    end
    assert.equal("router: Group: handler at index 2 must not be nil",
      (fake.raised(function()
        r:group("chat.", nothing, nil)
      end)))
  end)

  it("counts its middleware for the limit of a route", function()
    r:use(many(20))
    local inner = r:group("a.", many(20)):group("b.", many(20))
    inner:on("x", nothing, nothing)
    assert.equal('router: On: handler chain length 63 for event "a.b.y" '
      .. "exceeds maximum 62",
      (fake.raised(function()
        inner:on("y", nothing, nothing, nothing)
      end)))
  end)

  it("refuses middleware that leaves no room for a handler", function()
    r:use(many(60))
    assert.equal("router: Group: handler chain length 63 exceeds maximum 62 "
      .. "(too many group middleware)",
      (fake.raised(function()
        r:group("a.", nothing, nothing)
      end)))
    local group = r:group("a.", nothing)
    assert.equal("router: Use: handler chain length 63 exceeds maximum 62 "
      .. "(too many group middleware)",
      (fake.raised(function()
        group:use(nothing)
      end)))
  end)

  it("counts the routes of inner groups when middleware is added", function()
    local outer = r:group("a.")
    outer:group("b.", many(10)):on("x", many(51))
    outer:use(nothing)
    local text = 'router: Use: handler chain length 63 for event "a.b.x" '
      .. "would exceed maximum 62"
    assert.equal(text, (fake.raised(function()
      outer:use(nothing)
    end)))
    assert.equal(text, (fake.raised(function()
      r:use(nothing)
    end)))
    r:group("c."):use(many(61))
  end)

  it("says in tostring which prefix it has", function()
    assert.equal('wspulse.router.group (prefix "a.b.")',
      tostring(r:group("a."):group("b.")))
  end)
end)
