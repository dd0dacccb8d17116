-- SPDX-License-Identifier: MIT
--- How a Lua program starts, drives and closes its servers.

local wspulse = require "wspulse"

local harness = require "harness"

local errors, new_server = wspulse.errors, wspulse.new_server

local function server_on(listen)
  return new_server {
    listen = listen,
    connect = harness.connect,
    check_origin = "same",
  }
end

describe("a server that was not started", function()
  it("answers every operation with SERVER_NOT_STARTED", function()
    local server = server_on "127.0.0.1:0"
    for name, arguments in pairs {
      addresses = {},
      send = { "ann", { event = "x" } },
      broadcast = { "lobby", { event = "x" } },
      kick = { "ann" },
      connections = { "lobby" },
      poll = {},
      reload = { "app.lua" },
      close = {},
    } do
      local result, err = server[name](server, unpack(arguments))
      assert.is_nil(result, name)
      assert.equal(errors.SERVER_NOT_STARTED, err, name)
    end
  end)
end)

describe("start", function()
  it("opens every address and tells the real ports", function()
    local server = server_on { "127.0.0.1:0", "[::1]:0" }
    assert.is_true(server:start())
    local addresses = server:addresses()
    assert.equal(2, #addresses)
    assert.matches("^127%.0%.0%.1:[1-9]%d*$", addresses[1])
    assert.matches("^%[::1%]:[1-9]%d*$", addresses[2])
    assert.is_true(server:start())
    assert.same(addresses, server:addresses())
    assert.is_true(server:close())
  end)

  it("names address and reason of what it cannot open", function()
    local first = server_on "127.0.0.1:0"
    assert(first:start())
    local address = first:addresses()[1]
    local second = server_on(address)
    local done, err = second:start()
    assert.is_nil(done)
    assert.equal("LISTEN", err.code)
    assert.is_true(errors.is(err, errors.LISTEN))
    assert.matches(address .. ": Address already in use", tostring(err), 1,
      true)
    assert.is_true(first:close())
    assert.is_true(second:start())
    assert.is_true(second:close())
  end)

  it("does not open a closed server again", function()
    local server = server_on "127.0.0.1:0"
    assert(server:start())
    assert(server:close())
    for _, name in ipairs { "start", "run", "poll" } do
      local done, err = server[name](server)
      assert.is_nil(done)
      assert.equal(errors.SERVER_CLOSED, err)
    end
  end)
end)

describe("run", function()
  it("serves until a callback closes the server", function()
    local order = {}
    local server
    server = new_server {
      listen = "127.0.0.1:0",
      connect = harness.connect,
      check_origin = "same",
      http = {
        ["GET /stop"] = function(_, res)
          res:send "stopping"
          assert.is_true(server:close(function()
            order[#order + 1] = "barrier"
          end))
          order[#order + 1] = "close returned"
        end,
      },
    }
    assert(server:start())
    local one = require("peer").request(server:addresses()[1],
      "GET /stop HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.is_true(server:run())
    one:drop()
    assert.same({ "close returned", "barrier" }, order)
  end)

  it("cannot be nested in a callback", function()
    local texts = {}
    local h
    h = harness.start {
      on_connect = function()
        for _, name in ipairs { "run", "start", "poll" } do
          local _, message = pcall(h.server[name], h.server)
          texts[#texts + 1] = message
        end
      end,
    }
    h:connect()
    h:wait("the three", function()
      return texts[3]
    end)
    assert.same({
      "wspulse: run: not inside a callback",
      "wspulse: start: not inside a callback",
      "wspulse: poll: not inside a callback",
    }, texts)
    h:stop()
  end)
end)

describe("close", function()
  it("S10 is a barrier: every on_disconnect has run", function()
    local ended, at_barrier = {}, nil
    local h = harness.start {
      write_wait = 0.05,
      on_disconnect = function(conn, err, reason)
        ended[#ended + 1] = { conn:id(), err, reason }
      end,
    }
    local ann = h:connect "id=ann"
    ann:drop()
    h:connect "id=bob"
    h:wait("ann's end", function()
      return ended[1]
    end)
    assert.is_true(h.server:close(function()
      at_barrier = #ended
    end))
    assert.equal(2, at_barrier)
    assert.equal("bob", ended[2][1])
    h:stop()
  end)

  it("tells on_disconnect SERVER_CLOSED and the peer 1001", function()
    local ended
    local h = harness.start {
      write_wait = 0.05,
      on_disconnect = function(_, err, reason)
        ended = { err, reason }
      end,
    }
    local ann = h:connect "id=ann"
    assert.is_true(h.server:close())
    assert.equal(errors.SERVER_CLOSED, ended[1])
    assert.equal("server_close", ended[2])
    local opcode, payload = ann:take_frame()
    assert.equal(8, opcode)
    assert.equal("\3\233server shutting down", payload)
    ann:drop()
  end)

  it("S32 can be called twice; the function is called both times", function()
    local server, count = server_on "127.0.0.1:0", 0
    local function note()
      count = count + 1
    end
    assert(server:start())
    assert.is_true(server:close(note))
    assert.is_true(server:close(note))
    assert.equal(2, count)
  end)

  it("S17 S33 answers operations after it as the seed does", function()
    local h = harness.start { write_wait = 0.05 }
    h:connect "id=ann"
    assert(h.server:close())
    local server = h.server
    local _, err = server:send("ann", { event = "x" })
    assert.equal(errors.CONNECTION_NOT_FOUND, err)
    _, err = server:broadcast("lobby", { event = "x" })
    assert.equal(errors.SERVER_CLOSED, err)
    _, err = server:broadcast("lobby", { payload = print })
    assert.equal(errors.SERVER_CLOSED, err)
    _, err = server:kick "ann"
    assert.equal(errors.SERVER_CLOSED, err)
    assert.same({}, server:connections "lobby")
    h:stop()
  end)

  it("logs what its function raises", function()
    local h = harness.start {}
    assert(h.server:close(function()
      error "at the barrier"
    end))
    local line = h:line "wspulse: handler raised"
    assert.equal("close", line.fields.handler)
    assert.matches("life_spec.lua:%d+: at the barrier", line.fields.error)
  end)
end)

describe("poll", function()
  it("waits at most as long as it is told", function()
    local server = server_on "127.0.0.1:0"
    assert(server:start())
    assert.is_true(server:poll())
    assert.is_true(server:poll(0.01))
    assert.is_true(server:close())
  end)
end)

describe("a server that nobody holds", function()
  it("goes on while it is open and is freed after it was closed", function()
    local weak = setmetatable({}, { __mode = "v" })
    local keep = server_on "127.0.0.1:0"
    assert(keep:start())
    local ended = false
    do
      local server = new_server {
        listen = "127.0.0.1:0",
        connect = harness.connect,
        check_origin = "same",
        http = {
          ["GET /end"] = function(_, res)
            res:send "bye"
            weak[1]:close(function()
              ended = true
            end)
          end,
        },
      }
      assert(server:start())
      weak[1] = server
    end
    collectgarbage()
    collectgarbage()
    assert.is_truthy(weak[1])
    local one = require("peer").request(weak[1]:addresses()[1],
      "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for _ = 1, 1000 do
      keep:poll(0.001)
      if ended then
        break
      end
    end
    one:drop()
    assert.is_true(ended)
    assert(keep:poll())
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
    assert(keep:close())
  end)
end)
