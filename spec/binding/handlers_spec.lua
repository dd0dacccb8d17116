-- SPDX-License-Identifier: MIT
--- The callbacks of a server, and what happens when one of them raises.

local wspulse = require "wspulse"

local harness = require "harness"

local errors = wspulse.errors

local PANIC = "wspulse: onMessage panic: "

describe("on_message", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  it("S21 gets the frames in the order they were sent", function()
    local seen = {}
    h = harness.start {
      on_message = function(_, frame)
        seen[#seen + 1] = frame.payload
      end,
    }
    local ann = h:connect()
    for i = 1, 50 do
      ann:send('{"payload":' .. i .. "}")
    end
    h:wait("50 frames", function()
      return #seen == 50
    end)
    for i = 1, 50 do
      assert.equal(i, seen[i])
    end
  end)

  it("S37 gets only what can be decoded", function()
    local seen = {}
    h = harness.start {
      on_message = function(_, frame)
        seen[#seen + 1] = frame.event
      end,
    }
    local ann = h:connect()
    ann:send "{"
    ann:send '{"event":"fine"}'
    h:wait("the second", function()
      return seen[1]
    end)
    assert.same({ "fine" }, seen)
  end)

  it("S38 may be left out", function()
    h = harness.start {}
    local ann = h:connect "id=ann"
    ann:send '{"event":"x"}'
    assert(h.server:send("ann", { event = "still here" }))
    assert.equal('{"event":"still here"}', h:receive(ann))
  end)

  it("ends the connection when it raises, and the server lives", function()
    local ended
    h = harness.start {
      on_message = function(_, frame)
        local value = { n = frame.payload }
        error(setmetatable(value, {
          __tostring = function()
            return "typed-boom"
          end,
        }))
      end,
      on_disconnect = function(conn, err, reason)
        ended = { conn, err, reason }
      end,
    }
    local ann = h:connect "id=ann"
    ann:send '{"event":"bad","payload":7}'
    h:wait("the end", function()
      return ended
    end)
    local conn, err = ended[1], ended[2]
    assert.equal(PANIC .. "typed-boom", tostring(err))
    assert.equal("PANIC", err.code)
    assert.equal(7, err.value.n)
    assert.matches("handlers_spec.lua:%d+: in function", err.stack)
    assert.is_true(errors.is(err, errors.PANIC))
    assert.equal("normal", ended[3])
    assert.equal(7, conn:last_error().value.n)
    local payload, opcode = h:receive(ann)
    assert.equal(8, opcode)
    assert.equal("\3\232", payload)
    local line = h:line "wspulse: handler raised"
    assert.equal("error", line.level)
    assert.equal("on_message", line.fields.handler)
    assert.equal("ann", line.fields.conn_id)
    assert.equal("bad", line.fields.event)
    assert.equal(1, line.fields.generation)
    assert.equal(PANIC .. "typed-boom", line.fields.error)
    assert.matches("handlers_spec.lua:%d+", line.fields.stack)
    h:connect "id=bob"
  end)

  it("hostile 67 can raise anything", function()
    local ended
    local values = {
      text = "plain", number = 42, flag = false, table = {},
      bad = setmetatable({}, {
        __tostring = function()
          error "no text"
        end,
      }),
      odd = setmetatable({}, {
        __tostring = function()
          return 5
        end,
      }),
      fn = print,
    }
    local texts = {
      text = "plain$", number = "42$", flag = "false$",
      table = "%(error object is a table value%)$",
      bad = "%(error object is a table value%)$",
      odd = "%(error object is a table value%)$",
      fn = "%(error object is a function value%)$",
      none = "nil$",
    }
    h = harness.start {
      on_message = function(_, frame)
        error(values[frame.event], 0)
      end,
      on_disconnect = function(_, err)
        ended = err
      end,
    }
    for event, text in pairs(texts) do
      ended = nil
      h:connect():send('{"event":"' .. event .. '"}')
      h:wait("the end by " .. event, function()
        return ended
      end)
      assert.matches("^wspulse: onMessage panic: " .. text, ended.message)
      assert.equal(values[event], ended.value)
    end
  end)

  it("survives a stack that overflows", function()
    local ended
    local function deep()
      return 1 + deep()
    end
    h = harness.start {
      on_message = function()
        deep()
      end,
      on_disconnect = function(_, err)
        ended = err
      end,
    }
    h:connect():send "{}"
    h:wait("the end", function()
      return ended
    end)
    assert.equal("PANIC", ended.code)
    h:connect()
  end)

  it("cannot yield", function()
    local ended
    h = harness.start {
      on_message = function()
        coroutine.yield()
      end,
      on_disconnect = function(_, err)
        ended = err
      end,
    }
    h:connect():send "{}"
    h:wait("the end", function()
      return ended
    end)
    assert.matches("attempt to yield", ended.message)
  end)

  it("may use coroutines of its own", function()
    local seen
    h = harness.start {
      on_message = function(conn, frame)
        local worker = coroutine.wrap(function()
          coroutine.yield(frame.event)
          conn:send { event = "from a coroutine" }
        end)
        seen = worker()
        worker()
      end,
    }
    local ann = h:connect()
    ann:send '{"event":"x"}'
    assert.equal('{"event":"from a coroutine"}', h:receive(ann))
    assert.equal("x", seen)
  end)

  it("is the last one after a close or a kick of its own", function()
    local seen = {}
    h = harness.start {
      on_message = function(conn, frame)
        seen[#seen + 1] = frame.event
        if frame.event == "close" then
          conn:close()
        elseif frame.event == "kick" then
          assert(conn:server():kick(conn:id()))
        end
      end,
    }
    for _, how in ipairs { "close", "kick" } do
      local one = h:connect()
      one:send('{"event":"' .. how .. '"}')
      one:send '{"event":"after"}'
      local _, opcode = h:receive(one)
      assert.equal(8, opcode)
    end
    assert.same({ "close", "kick" }, seen)
  end)

  it("hostile 57 may broadcast from every callback", function()
    h = harness.start {
      on_connect = function(conn)
        conn:server():broadcast("lobby", { event = "joined" })
      end,
      on_message = function(conn, frame)
        conn:server():broadcast("lobby", frame)
      end,
      on_disconnect = function(conn)
        conn:server():broadcast("lobby", { event = "left " .. conn:id() })
      end,
    }
    local ann = h:connect "id=ann"
    assert.equal('{"event":"joined"}', h:receive(ann))
    local bob = h:connect "id=bob"
    assert.equal('{"event":"joined"}', h:receive(ann))
    assert.equal('{"event":"joined"}', h:receive(bob))
    bob:send '{ "event": "hi" }'
    assert.equal('{ "event": "hi" }', h:receive(ann))
    bob:drop()
    assert.equal('{"event":"left bob"}', h:receive(ann))
  end)
end)

describe("a callback other than on_message that raises", function()
  local h

  after_each(function()
    h:stop()
  end)

  it("is logged, and the connection lives", function()
    h = harness.start {
      on_connect = function()
        error "in on_connect"
      end,
    }
    local ann = h:connect "id=ann"
    local line = h:line "wspulse: handler raised"
    assert.equal("on_connect", line.fields.handler)
    assert.equal("ann", line.fields.conn_id)
    assert.matches("handlers_spec.lua:%d+: in on_connect$", line.fields.error)
    assert.matches("stack traceback", line.fields.stack)
    assert(h.server:send("ann", { event = "x" }))
    assert.equal('{"event":"x"}', h:receive(ann))
  end)

  it("does not keep on_disconnect from being final", function()
    h = harness.start {
      on_disconnect = function()
        error "in on_disconnect"
      end,
    }
    local ann = h:connect "id=ann"
    ann:drop()
    local line = h:line "wspulse: handler raised"
    assert.equal("on_disconnect", line.fields.handler)
    assert.same({}, h.server:connections "lobby")
  end)

  it("in a route is 500 with a generic body", function()
    h = harness.start {
      http = {
        ["GET /x"] = function(_, res)
          res:status(201):header("X-Half", "done"):send "secret so far"
          error "secret reason"
        end,
      },
    }
    local status, head, body = h:http("GET", "/x")
    assert.equal(500, status)
    assert.is_nil(head:find "secret")
    assert.equal("Internal Server Error\n", body)
    local line = h:line "wspulse: handler raised"
    assert.equal("http", line.fields.handler)
    assert.matches("secret reason", line.fields.error)
  end)

  it("in check_origin refuses the origin", function()
    h = harness.start {
      check_origin = function()
        error "in check_origin"
      end,
    }
    local _, status = h:upgrade "/ws"
    assert.equal(403, status)
    assert.equal("check_origin",
      h:line("wspulse: handler raised").fields.handler)
  end)
end)

describe("check_origin", function()
  it("S30 as a function decides", function()
    local h = harness.start {
      check_origin = function(req)
        return req:header "origin" == "https://a.example"
      end,
    }
    local _, status = h:upgrade("/ws", "Origin: https://b.example\r\n")
    assert.equal(403, status)
    _, status = h:upgrade("/ws", "Origin: https://a.example\r\n")
    assert.equal(101, status)
    h:stop()
  end)

  it("S30 as a list decides", function()
    local h = harness.start { check_origin = { "https://a.example" } }
    local _, status = h:upgrade("/ws", "Origin: https://b.example\r\n")
    assert.equal(403, status)
    _, status = h:upgrade("/ws", "Origin: https://a.example\r\n")
    assert.equal(101, status)
    h:stop()
  end)
end)

describe("http", function()
  it("answers its routes beside the socket", function()
    local h = harness.start {
      http = {
        ["GET /hello"] = function(req, res)
          res:header("X-From", req.path):json { hello = req:query "who" }
        end,
        ["POST /echo"] = function(req, res)
          res:status(202):send(req:body())
        end,
      },
    }
    local status, head, body = h:http("GET", "/hello?who=ann")
    assert.equal(200, status)
    assert.matches("X%-From: /hello", head)
    assert.equal('{"hello":"ann"}', body)
    status, head, body = h:http("POST", "/echo", "some text")
    assert.equal(202, status)
    assert.is_nil(head:find "X%-From")
    assert.equal("some text", body)
    assert.equal(404, (h:http("GET", "/nothing")))
    assert.equal(405, (h:http("DELETE", "/hello")))
    h:stop()
  end)

  it("serves a folder beside the file that calls new_server", function()
    local h = harness.start { static = { ["/"] = "../binding" } }
    local status = h:http("GET", "/handlers_spec.lua")
    -- The harness lies in spec/binding/support, so ../binding is no folder.
    assert.equal(404, status)
    h:stop()
    h = harness.start { static = { ["/specs"] = ".." } }
    status = h:http("GET", "/specs/handlers_spec.lua")
    assert.equal(200, status)
    h:stop()
  end)
end)
