-- SPDX-License-Identifier: MIT
--- The handle of a connection: one per connection, usable after it has ended.

local wspulse = require "wspulse"

local harness = require "harness"

local errors = wspulse.errors

--- Starts a server that keeps the first connection's handle in `h.conn`, and
--- what ended it in `h.ended`.
local function start(options)
  local h
  options = options or {}
  local before = options.before
  options.before = nil
  options.on_connect = function(conn)
    h.conn = h.conn or conn
    if before then
      before(conn)
    end
  end
  local on_disconnect = options.on_disconnect
  options.on_disconnect = function(conn, err, reason)
    if on_disconnect then
      on_disconnect(conn, err, reason)
    end
    h.ended = { err, reason, n = 2 }
  end
  h = harness.start(options)
  return h
end

local function connect(h, query)
  local one = h:connect(query or "id=ann&room=red")
  h:wait("on_connect", function()
    return h.conn
  end)
  return one
end

local function wait_end(h)
  h:wait("on_disconnect", function()
    return h.ended
  end)
end

describe("a connection", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  it("has an id, a room and a server", function()
    h = start()
    connect(h)
    assert.equal("ann", h.conn:id())
    assert.equal("red", h.conn:room_id())
    assert.equal(h.server, h.conn:server())
    assert.equal("wspulse.connection (ann)", tostring(h.conn))
    assert.is_false(h.conn:is_closed())
    assert.is_nil(h.conn:last_error())
  end)

  it("S24 without an id gets a UUID", function()
    h = start()
    connect(h, "room=red")
    local hex = "%x%x%x%x"
    assert.matches("^" .. hex .. hex .. "%-" .. hex .. "%-4%x%x%x%-" .. hex
      .. "%-" .. hex .. hex .. hex .. "$", h.conn:id())
  end)

  it("is the same value in every callback, and a table key", function()
    local seen = {}
    h = start {
      on_message = function(conn)
        seen[conn] = (seen[conn] or 0) + 1
      end,
      on_disconnect = function(conn)
        seen.last = conn
      end,
    }
    local one = connect(h)
    one:send '{"event":"a"}'
    one:send '{"event":"b"}'
    h:wait("two messages", function()
      return seen[h.conn] == 2
    end)
    assert.equal(h.conn, h.server:connections("red")[1])
    one:drop()
    wait_end(h)
    assert.equal(h.conn, seen.last)
  end)

  it("closes with a code and a reason", function()
    h = start()
    local one = connect(h)
    assert.is_true(h.conn:close(4001, "go away"))
    assert.is_true(h.conn:is_closed())
    local payload, opcode = h:receive(one)
    assert.equal(8, opcode)
    assert.equal("\15\161go away", payload)
    assert.is_true(h.conn:close())
    local done, err = h.conn:send { event = "x" }
    assert.is_nil(done)
    assert.equal(errors.CONNECTION_CLOSED, err)
  end)

  it("refuses a close code or reason that may not be sent", function()
    h = start()
    connect(h)
    for _, arguments in ipairs {
      { 999 }, { 5000 }, { 1000.5 }, { 0 / 0 }, { "x" }, { 1005 }, { 1006 },
      { 1000, ("x"):rep(124) }, { 1000, "\255" },
    } do
      assert.is_false((pcall(h.conn.close, h.conn, unpack(arguments))))
    end
    assert.is_false(h.conn:is_closed())
  end)

  it("S4 ends without an error when the peer closes", function()
    h = start()
    local one = connect(h)
    one:send_frame(8, "\3\232")
    wait_end(h)
    assert.same({ nil, "normal", n = 2 }, h.ended)
    assert.is_nil(h.conn:last_error())
  end)

  it("S5 ends with an error when the transport is lost", function()
    h = start()
    local one = connect(h)
    one:drop()
    wait_end(h)
    assert.equal(errors.EOF, h.ended[1])
    assert.equal("normal", h.ended[2])
    assert.equal(errors.EOF, h.conn:last_error())
  end)

  it("tells the peer's close code", function()
    h = start()
    local one = connect(h)
    one:send_frame(8, "\15\160bye")
    wait_end(h)
    local err = h.ended[1]
    assert.equal("PEER_CLOSED", err.code)
    assert.equal(4000, err.close_code)
    assert.equal("websocket: close 4000: bye", tostring(err))
    assert.is_true(errors.is(err, errors.PEER_CLOSED))
  end)

  it("answers after its end, and refuses to act", function()
    h = start()
    local one = connect(h)
    assert(h.conn:set("name", "Ann"))
    one:drop()
    wait_end(h)
    for _ = 1, 3 do
      h.server:poll()
    end
    local conn = h.conn
    assert.equal("ann", conn:id())
    assert.equal("red", conn:room_id())
    assert.equal(errors.EOF, conn:last_error())
    assert.equal("Ann", conn:get "name")
    assert.equal(h.server, conn:server())
    assert.is_true(conn:is_closed())
    assert.is_nil(conn:request())
    assert.equal("wspulse.connection (ann)", tostring(conn))
    for _, name in ipairs { "send", "close", "set" } do
      local arguments = ({
        send = { { event = "x" } }, close = {}, set = { "k", 1 },
      })[name]
      local done, err = conn[name](conn, unpack(arguments))
      assert.is_nil(done, name)
      assert.equal(errors.CONNECTION_CLOSED, err, name)
    end
    assert.is_nil(conn:get "k")
  end)

  it("does not come back as the next one in its slot", function()
    h = start()
    local one = connect(h)
    local first = h.conn
    one:drop()
    wait_end(h)
    h.conn, h.ended = nil, nil
    connect(h, "id=bob")
    assert.are_not.equal(first, h.conn)
    assert.equal("ann", first:id())
    assert.equal("bob", h.conn:id())
    assert.is_nil((first:send { event = "x" }))
    assert.is_true(h.conn:send { event = "x" })
  end)

  it("is not kept alive by the server once it has ended", function()
    h = start()
    local one = connect(h)
    local weak = setmetatable({ h.conn }, { __mode = "v" })
    one:drop()
    wait_end(h)
    h.conn, h.ended = nil, nil
    h.server:poll()
    h.server:poll()
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("shows the upgrade request during on_connect only", function()
    local seen = {}
    h = start {
      before = function(conn)
        local req = conn:request()
        seen.token = req:query "token"
        seen.agent = req:header "user-agent"
        seen.kept = req
      end,
    }
    local one = h:upgrade("/ws?token=t1", "User-Agent: spec\r\n")
    h:wait("on_connect", function()
      return h.conn
    end)
    assert.equal("t1", seen.token)
    assert.equal("spec", seen.agent)
    assert.is_nil(h.conn:request())
    assert.equal("t1", seen.kept:query "token")
    one:drop()
  end)
end)

describe("conn:set and conn:get", function()
  local h

  before_each(function()
    h = start { connection_data_bytes = 64 }
    connect(h)
  end)

  after_each(function()
    h:stop()
  end)

  it("keep nil, booleans, numbers and strings as they are", function()
    for _, value in ipairs {
      true, false, 0, -1.5, 2 ^ 53, 1 / 0, -1 / 0, "", "text", "a\0b",
    } do
      assert.is_true(h.conn:set("k", value))
      assert.equal(value, h.conn:get "k")
    end
    assert.is_true(h.conn:set("k", 0 / 0))
    assert.is_true(h.conn:get "k" ~= h.conn:get "k")
    assert.is_true(h.conn:set("k", nil))
    assert.is_nil(h.conn:get "k")
    assert.is_nil(h.conn:get "never")
    assert.is_true(h.conn:set("", "empty key"))
    assert.equal("empty key", h.conn:get "")
  end)

  it("raise for any other value and any other key", function()
    for _, value in ipairs { {}, print, h.conn, coroutine.create(print) } do
      assert.has_error(function()
        h.conn:set("k", value)
      end, "wspulse: set: value must be nil, boolean, number or string (got "
        .. type(value) .. ")")
    end
    assert.is_false((pcall(h.conn.set, h.conn, 1, "x")))
    assert.is_false((pcall(h.conn.get, h.conn, nil)))
  end)

  it("are bounded by connection_data_bytes", function()
    assert.is_true(h.conn:set("a", ("x"):rep(40)))
    local done, err = h.conn:set("b", ("x"):rep(40))
    assert.is_nil(done)
    assert.equal(errors.CONNECTION_DATA_FULL, err)
    assert.is_nil(h.conn:get "b")
    assert.is_true(h.conn:set("a", "short"))
    assert.is_true(h.conn:set("b", ("x"):rep(40)))
  end)
end)

describe("conn:on_close", function()
  local h

  after_each(function()
    h:stop()
  end)

  it("calls each function once, in order, behind on_disconnect", function()
    local order = {}
    h = start {
      before = function(conn)
        conn:set("name", "Ann")
        conn:on_close(function(err, reason)
          order[#order + 1] = { "first", err, reason, conn:get "name" }
        end)
        conn:on_close(function()
          order[#order + 1] = { "second" }
        end)
      end,
      on_disconnect = function()
        order[#order + 1] = { "on_disconnect" }
      end,
    }
    local one = connect(h)
    one:drop()
    h:wait("both", function()
      return order[3]
    end)
    assert.same({ "on_disconnect" }, order[1])
    assert.same({ "first", errors.EOF, "normal", "Ann" }, order[2])
    assert.same({ "second" }, order[3])
    h.server:poll()
    assert.equal(3, #order)
  end)

  it("calls at once when the connection has ended", function()
    h = start()
    local one = connect(h)
    one:drop()
    wait_end(h)
    local seen
    h.conn:on_close(function(err, reason)
      seen = { err, reason }
    end)
    assert.same({ errors.EOF, "normal" }, seen)
  end)

  it("goes on behind one that raises", function()
    local called = false
    h = start {
      before = function(conn)
        conn:on_close(function()
          error "first"
        end)
        conn:on_close(function()
          called = true
        end)
      end,
    }
    connect(h):drop()
    h:wait("the second", function()
      return called
    end)
    local line = h:line "wspulse: handler raised"
    assert.equal("on_close", line.fields.handler)
    assert.matches("connection_spec.lua:%d+: first$", line.fields.error)
  end)

  it("takes functions only", function()
    h = start()
    connect(h)
    assert.is_false((pcall(h.conn.on_close, h.conn, {})))
  end)
end)

describe("a handle that is none", function()
  it("raises", function()
    local h = start()
    connect(h)
    for name in pairs {
      id = 1, room_id = 1, server = 1, send = 1, close = 1, is_closed = 1,
      on_close = 1, last_error = 1, get = 1, set = 1, request = 1,
    } do
      assert.is_false((pcall(h.conn[name], {})), name)
      assert.is_false((pcall(h.conn[name])), name)
      assert.is_false((pcall(h.conn[name], h.server)), name)
    end
    assert.is_false((pcall(h.server.name, h.conn)))
    assert.equal("wspulse.connection", getmetatable(h.conn))
    assert.is_false((pcall(setmetatable, h.conn, {})))
    h:stop()
  end)
end)
