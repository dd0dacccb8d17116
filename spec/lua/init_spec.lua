-- SPDX-License-Identifier: MIT
local fake = require "fake"

describe("require \"wspulse\"", function()
  it("gives what the C module provides", function()
    local core = fake.core()
    local wspulse = fake.load("wspulse", core)
    assert.equal(core.version, wspulse._VERSION)
    for _, name in ipairs {
      "new_server", "raw", "array", "empty_array", "null", "new_id",
    } do
      assert.is_not_nil(core[name], name)
      assert.equal(core[name], wspulse[name], name)
    end
  end)

  it("has the version of the C headers", function()
    local wspulse = fake.load("wspulse", fake.core())
    local header = assert(io.open("include/wspulse/api.h")):read("*a")
    assert.equal(
      header:match('#define WSPULSE_VERSION "(.-)"'), wspulse._VERSION)
  end)

  it("has the errors as constants, and is", function()
    local closed = { code = "SERVER_CLOSED" }
    local core = fake.core { errors = { SERVER_CLOSED = closed } }
    local wspulse = fake.load("wspulse", core)
    assert.equal(closed, wspulse.errors.SERVER_CLOSED)
    assert.is_true(wspulse.errors.is(
      { cause = closed }, wspulse.errors.SERVER_CLOSED))
  end)

  it("hands log lines on with their level", function()
    local lines, write = fake.log()
    local wspulse = fake.load("wspulse", fake.core { log = write })
    local fields = { conn_id = "a" }
    for _, level in ipairs { "debug", "info", "warn", "error" } do
      wspulse.log[level]("hello", fields)
      assert.same(
        { level = level, message = "hello", fields = fields },
        table.remove(lines))
    end
  end)

  it("reports a wrong argument where the script made it", function()
    local wspulse = fake.load("wspulse", fake.core {
      log = function()
        error("bad argument", 2)
      end,
    })
    local text, position = fake.raised(function()
      local result = wspulse.log.info(1)
      return result
    end)
    assert.equal("bad argument", text)
    assert.truthy(position:find("init_spec.lua", 1, true))
  end)

  it("refuses a C module of another version", function()
    local ok, message = pcall(
      fake.load, "wspulse", fake.core { version = "0.0.9" })
    assert.is_false(ok)
    assert.truthy(message:find("wspulse: two installs are mixed", 1, true))
    assert.truthy(message:find("version 0.1.0 (", 1, true))
    assert.truthy(message:find("wspulse/init.lua), wspulse.core is", 1, true))
    assert.truthy(message:find("version 0.0.9", 1, true))
    assert.truthy(message:find("LUA_CPATH", 1, true))
  end)

  it("refuses a C module without a version", function()
    local core = fake.core()
    core.version = nil
    local ok, message = pcall(fake.load, "wspulse", core)
    assert.is_false(ok)
    assert.truthy(message:find("wspulse.core is version nil", 1, true))
  end)
end)
