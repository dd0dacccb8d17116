-- SPDX-License-Identifier: MIT
local errors = require "wspulse.errors"

describe("errors.is", function()
  local closed, full = { code = "CLOSED" }, { code = "FULL" }

  it("knows an error by identity", function()
    assert.is_true(errors.is(closed, closed))
    assert.is_false(errors.is(closed, full))
  end)

  it("does not take equal members for the same error", function()
    assert.is_false(errors.is({ code = "CLOSED" }, closed))
  end)

  it("does not ask __eq", function()
    local mt = { __eq = function() return true end }
    local one, other = setmetatable({}, mt), setmetatable({}, mt)
    assert.is_true(one == other)
    assert.is_false(errors.is(one, other))
  end)

  it("walks the causes", function()
    local err = { cause = { cause = closed } }
    assert.is_true(errors.is(err, closed))
    assert.is_false(errors.is(err, full))
  end)

  it("says no to nil on either side", function()
    assert.is_false(errors.is(nil, closed))
    assert.is_false(errors.is(closed, nil))
    assert.is_false(errors.is(nil, nil))
  end)

  it("says no to values that are no errors", function()
    assert.is_false(errors.is("wspulse: connection is closed", closed))
    assert.is_false(errors.is(42, closed))
    assert.is_false(errors.is(true, closed))
    assert.is_false(errors.is(newproxy(), closed))
    assert.is_false(errors.is(newproxy(true), closed))
  end)

  it("ends on a cycle of causes", function()
    local err = {}
    err.cause = err
    assert.is_false(errors.is(err, closed))
  end)

  it("survives a cause that raises", function()
    local err = setmetatable({}, {
      __index = function()
        error("boom")
      end,
    })
    assert.is_false(errors.is(err, closed))
  end)
end)

describe("errors.from_core", function()
  local fake = require "fake"
  local closed = { code = "CONNECTION_CLOSED" }
  local constants = { CONNECTION_CLOSED = closed }
  local all = errors.from_core(constants)

  it("gives the constants themselves", function()
    assert.is_true(rawequal(all.CONNECTION_CLOSED, closed))
  end)

  it("adds is and leaves the module's table alone", function()
    assert.is_true(all.is(closed, all.CONNECTION_CLOSED))
    assert.is_nil(constants.is)
  end)

  it("raises on a name that does not exist", function()
    local text = fake.raised(function()
      return all.CONECTION_CLOSED
    end)
    assert.equal(
      'wspulse: errors: no error is named "CONECTION_CLOSED"', text)
  end)
end)
