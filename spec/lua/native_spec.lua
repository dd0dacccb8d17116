-- SPDX-License-Identifier: MIT
local fake = require "fake"

describe("native", function()
  it("finds the C module", function()
    local core = fake.core()
    assert.equal(core, fake.load("wspulse.native", core).find())
  end)

  it("gives nil where there is none", function()
    assert.is_nil(fake.load("wspulse.native", false).find())
  end)

  it("hands log lines to the C module", function()
    local lines, write = fake.log()
    local native = fake.load("wspulse.native", fake.core { log = write })
    native.log("warn", "hello", { a = 1 })
    assert.same(
      { { level = "warn", message = "hello", fields = { a = 1 } } }, lines)
  end)

  it("is silent where there is none", function()
    local native = fake.load("wspulse.native", false)
    assert.has_no.errors(function()
      native.log("error", "hello", { a = 1 })
    end)
  end)
end)
