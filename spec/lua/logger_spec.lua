-- SPDX-License-Identifier: MIT
local fake = require "fake"
local router = require "wspulse.router"

describe("router.logger", function()
  local r, lines

  --- Gives a clock that adds `step` seconds at each reading.
  local function ticking(step)
    local now = 1000
    return function()
      now = now + step
      return now
    end
  end

  --- Makes a router whose first middleware is a logger.
  local function with_logger(options)
    local write
    lines, write = fake.log()
    r = router.new { log = write, fallback = function() end }
    r:use(router.logger(options))
  end

  it("writes event, connection, duration and outcome at info", function()
    with_logger { clock = ticking(0.0125) }
    r:on("x", function() end)
    r:dispatch(fake.connection("c-1"), fake.frame("x"))
    assert.same({
      {
        level = "info",
        message = "router: handled",
        fields = {
          event = "x", conn_id = "c-1", duration_ms = 12.5, outcome = "ok",
        },
      },
    }, lines)
  end)

  it("writes at the level that was chosen", function()
    for _, level in ipairs { "debug", "info", "warn", "error" } do
      with_logger { level = level }
      r:dispatch(nil, fake.frame("x"))
      assert.equal(level, lines[1].level)
    end
  end)

  it("names no connection when there is none", function()
    with_logger()
    r:dispatch(nil, fake.frame(nil))
    assert.equal("", lines[1].fields.conn_id)
    assert.equal("", lines[1].fields.event)
  end)

  it("says when the chain was aborted", function()
    with_logger()
    r:on("x", function(c)
      c:abort()
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal("aborted", lines[1].fields.outcome)
  end)

  it("says when recovery behind it caught something", function()
    with_logger()
    r:use(router.recovery())
    r:on("x", function()
      error("boom")
    end)
    r:on("y", function() end)
    r:dispatch(nil, fake.frame("x"))
    r:dispatch(nil, fake.frame("y"))
    assert.equal("panic", lines[2].fields.outcome)
    assert.equal("ok", lines[3].fields.outcome)
  end)

  it("says so whatever the middleware between them does", function()
    with_logger()
    r:use(function(c)
      c:next()
      c:abort()
    end)
    r:use(router.recovery())
    r:on("x", function()
      error("boom")
    end)
    r:dispatch(nil, fake.frame("x"))
    assert.equal("panic", lines[2].fields.outcome)
  end)

  it("rounds the duration to microseconds", function()
    with_logger { clock = ticking(2 / 3000) }
    r:dispatch(nil, fake.frame("x"))
    assert.equal(0.667, lines[1].fields.duration_ms)
  end)

  it("takes the clock of the C module where there is one", function()
    local core_lines, write = fake.log()
    local loaded = fake.load(
      "wspulse.router", fake.core { now = ticking(2), log = write })
    local timed = loaded.new { fallback = function() end }
    timed:use(loaded.logger())
    timed:dispatch(nil, fake.frame("x"))
    assert.equal(2000, core_lines[1].fields.duration_ms)
  end)

  it("measures by itself where there is none", function()
    local loaded = fake.load("wspulse.router", false)
    local plain_lines, write = fake.log()
    local plain = loaded.new { log = write, fallback = function() end }
    plain:use(loaded.logger())
    plain:dispatch(nil, fake.frame("x"))
    assert.is_true(plain_lines[1].fields.duration_ms >= 0)
  end)

  it("refuses options it does not know", function()
    local CASES = {
      [{ level = "loud" }] = "router: logger: level must be debug, info, "
        .. 'warn or error (level = "loud")',
      [{ clock = 1 }] = "router: logger: clock must be a function (clock = 1)",
      [{ lvl = "info" }] = 'router: logger: unknown option "lvl"; '
        .. "there are clock and level",
      [1] = "router: logger: options must be a table (got number)",
    }
    for options, expected in pairs(CASES) do
      local text, position = fake.raised(function()
        router.logger(options)
      end)
      assert.equal(expected, text)
      assert.truthy(position:find("logger_spec.lua", 1, true))
    end
  end)

  it("refuses to be used as a middleware itself", function()
    r = router.new()
    r:use(router.logger)
    local ok, message = pcall(r.dispatch, r, nil, fake.frame("x"))
    assert.is_false(ok)
    assert.truthy(message:find("router: logger makes a middleware", 1, true))
  end)
end)
