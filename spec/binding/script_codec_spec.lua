-- SPDX-License-Identifier: MIT
--- Codecs written in Lua: what their functions are given, may return, and what
--- happens when they do something else.

local cjson = require "cjson"
local wspulse = require "wspulse"

local bars = require "bars"
local harness = require "harness"

local errors = wspulse.errors

local BINARY = 2

--- Runs `body` in a spec, on a server with what `options` gives, that is closed
--- whatever happens.
local function serving(title, options, body)
  it(title, function()
    local h = harness.start(options())
    local ok, err = pcall(body, h)
    h:stop()
    assert(ok, err)
  end)
end

describe("decode", function()
  local seen

  local function noting(decode)
    return function()
      seen = {}
      return {
        codec = { decode = decode, encode = tostring },
        on_message = function(_, frame)
          seen[#seen + 1] = frame:keep()
        end,
      }
    end
  end

  serving("may leave out everything", noting(function()
    return {}
  end), function(h)
    h:connect():send "anything"
    h:wait("the frame", function()
      return seen[1]
    end)
    local frame = seen[1]
    assert.equal("", frame.id)
    assert.equal("", frame.event)
    assert.is_nil(frame.payload)
    assert.is_nil(frame:field "x")
    assert.is_false(frame.binary)
    assert.equal("anything", frame:raw())
    assert.same({}, frame:with {})
  end)

  serving("may give null, which is an absent text", noting(function()
    return { id = cjson.null, event = wspulse.null, payload = wspulse.null }
  end), function(h)
    h:connect():send_frame(BINARY, "")
    h:wait("the frame", function()
      return seen[1]
    end)
    local frame = seen[1]
    assert.equal("", frame.id)
    assert.equal("", frame.event)
    assert.equal(wspulse.null, frame.payload)
    assert.is_true(frame.binary)
    assert.equal("", frame:raw())
  end)

  local shared = { list = { 1, 2, 3 } }
  serving("gives the payload as it is", noting(function()
    return { event = "e", payload = shared }
  end), function(h)
    h:connect():send "x"
    h:wait("the frame", function()
      return seen[1]
    end)
    assert.equal(shared, seen[1].payload)
    assert.equal(shared.list, seen[1]:field "list")
    assert.equal(shared, seen[1]:with({ id = "1" }).payload)
    assert.equal("wspulse.frame: e", tostring(seen[1]))
  end)

  local reused = {}
  serving("may use one table again", noting(function(message)
    reused.id, reused.event = "id " .. message, "event " .. message
    collectgarbage()
    return reused
  end), function(h)
    local ann = h:connect()
    ann:send "1"
    ann:send "2"
    h:wait("the frames", function()
      return seen[2]
    end)
    collectgarbage()
    assert.equal("id 1", seen[1].id)
    assert.equal("event 2", seen[2].event)
  end)

  it("is not called without on_message", function()
    local called = false
    local h = harness.start {
      codec = {
        encode = tostring,
        decode = function()
          called = true
        end,
      },
    }
    local ann = h:connect "id=ann"
    ann:send "x"
    h:wait("the message", function()
      return h:metric("messages_received_total") == 1
    end)
    h:stop()
    assert.is_false(called)
  end)

  --- What a decode may do wrong, and the reason in the log.
  local faults = {
    { "raises", function()
      error("broken", 0)
    end, "^codec.decode: broken$" },
    { "raises a value", function()
      error(setmetatable({}, { __tostring = function()
        return "a value"
      end }))
    end, "^codec.decode: a value$" },
    { "raises nil", function()
      error()
    end, "^codec.decode: nil$" },
    { "returns an error object", function()
      return nil, errors.DECODE
    end, "^codec.decode: " .. errors.DECODE.message .. "$" },
    { "returns nothing", function() end,
      "^codec.decode: returned nil instead of a table$" },
    { "returns a string", function()
      return "text"
    end, "^codec.decode: returned string instead of a table$" },
    { "returns an id that is no string", function()
      return { id = 7 }
    end, "^codec.decode: id must be a string %(got number%)$" },
    { "returns an event that is no string", function()
      return { event = {} }
    end, "^codec.decode: event must be a string %(got table%)$" },
    { "yields", function()
      coroutine.yield()
    end, "attempt to yield" },
    { "overflows the stack", function()
      local function deep()
        return 1 + deep()
      end
      return deep()
    end, "stack overflow" },
  }
  for _, fault in ipairs(faults) do
    it("that " .. fault[1] .. " costs the message, not the peer", function()
      local events = {}
      local h = harness.start {
        codec = {
          encode = tostring,
          decode = function(message)
            if message == "bad" then
              return fault[2]()
            end
            return { event = message }
          end,
        },
        on_message = function(_, frame)
          events[#events + 1] = frame.event
        end,
      }
      local ann = h:connect()
      ann:send "bad"
      ann:send "good"
      h:wait("the next message", function()
        return events[1]
      end)
      local line = h:line "wspulse: decode failed"
      local count = h:metric("decode_failures_total")
      h:stop()
      assert.same({ "good" }, events)
      assert.matches(fault[3], line.fields.reason)
      assert.equal(1, count)
    end)
  end

  it("that closes the connection ends its messages", function()
    local conn, delivered
    local h = harness.start {
      codec = {
        encode = tostring,
        decode = function()
          conn:close(4001, "no more")
          return {}
        end,
      },
      on_connect = function(connection)
        conn = connection
      end,
      on_message = function()
        delivered = true
      end,
    }
    local ann = h:connect()
    ann:send "x"
    ann:send "y"
    local payload, opcode = h:receive(ann)
    h:stop()
    assert.equal(8, opcode)
    assert.equal("\15\161no more", payload)
    assert.is_nil(delivered)
  end)

  it("is named with the event when the handler raises", function()
    local err
    local h = harness.start {
      codec = {
        encode = tostring,
        decode = function(message)
          return { event = "event of " .. message }
        end,
      },
      on_message = function()
        collectgarbage()
        error { kind = "mine" }
      end,
      on_disconnect = function(_, why)
        err = why
      end,
    }
    h:connect "id=ann":send "x"
    local line = h:line "wspulse: handler raised"
    h:wait("the end", function()
      return err
    end)
    h:stop()
    assert.equal("on_message", line.fields.handler)
    assert.equal("event of x", line.fields.event)
    assert.equal("PANIC", err.code)
    assert.equal("mine", err.value.kind)
  end)
end)

describe("a frame of a codec in Lua", function()
  it("expires with its handler", function()
    local frame
    local h = harness.start {
      codec = bars.new "text",
      on_message = function(_, given)
        frame = given
      end,
    }
    h:connect "id=ann":send "1|e|p"
    h:wait("the frame", function()
      return frame
    end)
    local why = "frame used after its handler returned"
    for _, use in ipairs {
      function()
        return frame.event
      end,
      function()
        return frame:raw()
      end,
      function()
        return h.server:send("ann", frame)
      end,
    } do
      assert.error_matches(use, why)
    end
    h:stop()
  end)

  it("goes on to a server with the same codec and to no other", function()
    local codec = bars.new "text"
    local results = {}
    local others = {}
    local codecs = { same = codec, other = bars.new "text", json = "json" }
    for name, one in pairs(codecs) do
      others[name] = harness.start { name = name, codec = one }
    end
    local h = harness.start {
      codec = codec,
      on_message = function(_, frame)
        for name, other in pairs(others) do
          results[name] = { other.server:broadcast("lobby", frame) }
        end
      end,
    }
    local bob = others.same:connect()
    h:connect():send "1|e|p"
    h:wait("the results", function()
      return next(results)
    end)
    local message = others.same:receive(bob)
    h:stop()
    for _, other in pairs(others) do
      other:stop()
    end
    assert.equal("1|e|p", message)
    assert.is_true(results.same[1])
    for _, name in ipairs { "other", "json" } do
      assert.is_nil(results[name][1])
      assert.matches("came by another codec", results[name][2].message)
    end
  end)
end)

describe("encode", function()
  it("is called once for a broadcast, with what was named", function()
    local given = {}
    local h = harness.start {
      codec = {
        decode = bars.new("text").decode,
        encode = function(frame)
          given[#given + 1] = frame
          return "written"
        end,
      },
    }
    local peers = { h:connect "id=ann", h:connect "id=bob" }
    local payload = { deep = { 1 } }
    assert(h.server:broadcast("lobby", { event = "e", payload = payload }))
    assert(h.server:broadcast("lobby", { id = "", event = "" }))
    assert(h.server:send("ann", { id = "i", payload = false }))
    for _, one in ipairs(peers) do
      assert.equal("written", (h:receive(one)))
    end
    h:stop()
    assert.same({
      { event = "e", payload = payload },
      {},
      { id = "i", payload = false },
    }, given)
    assert.equal(payload, given[1].payload)
  end)

  it("still takes only frames", function()
    local h = harness.start { codec = bars.new "text" }
    h:connect "id=ann"
    assert.error_matches(function()
      h.server:send("ann", "text")
    end, "a table or a received frame expected, got string")
    assert.error_matches(function()
      h.server:send("ann", { evnt = "x" })
    end, "frame.evnt: unknown member")
    assert.error_matches(function()
      h.server:send("ann", { id = 7 })
    end, "frame.id: string expected, got number")
    h:stop()
  end)

  local object = setmetatable({ kind = "mine" }, {
    __tostring = function()
      return "my own error"
    end,
  })
  local faults = {
    { "raises", function()
      error("broken", 0)
    end, "codec.encode: broken", "broken" },
    { "raises a value", function()
      error(object)
    end, "codec.encode: my own error", object },
    { "returns an error", function()
      return nil, object
    end, "codec.encode: my own error", object },
    { "returns false and a text", function()
      return false, "too long"
    end, "codec.encode: too long", "too long" },
    { "returns nothing", function() end,
      "codec.encode: returned nil instead of a string" },
    { "returns a number", function()
      return 7
    end, "codec.encode: returned number instead of a string" },
    { "yields", function()
      coroutine.yield()
    end, "codec.encode: .*attempt to yield", false },
  }
  for _, fault in ipairs(faults) do
    it("that " .. fault[1] .. " is an error with its cause", function()
      local results = {}
      local h = harness.start {
        codec = { decode = bars.new("text").decode, encode = fault[2] },
        on_connect = function(conn)
          results[1] = { conn:send { event = "x" } }
          results[2] = { conn:server():broadcast("lobby", {}) }
          results[3] = { conn:server():send(conn:id(), {}) }
        end,
      }
      h:connect()
      h:wait("the results", function()
        return results[3]
      end)
      h:stop()
      for _, result in ipairs(results) do
        local ok, err = result[1], result[2]
        assert.is_nil(ok)
        assert.equal("ENCODE", err.code)
        assert.equal(errors.ENCODE, err.cause)
        assert.matches("^wspulse: encode failed: " .. fault[3], err.message)
        if fault[4] ~= false then
          assert.equal(fault[4], err.value)
        end
      end
      assert.is_nil(rawget(errors.ENCODE, "value"))
    end)
  end

  it("must give UTF-8 when the messages are text", function()
    for frame_type, is_taken in pairs { text = false, binary = true } do
      local codec = {
        frame_type = frame_type,
        decode = tostring,
        encode = function()
          return "\255\254"
        end,
      }
      local h = harness.start { codec = codec }
      local ann = h:connect "id=ann"
      local ok, err = h.server:send("ann", {})
      if is_taken then
        local message, opcode = h:receive(ann)
        assert.equal("\255\254", message)
        assert.equal(BINARY, opcode)
      else
        assert.is_nil(ok)
        assert.matches("not valid UTF%-8", err.message)
        assert.is_nil(err.value)
      end
      h:stop()
    end
  end)

  it("may give an empty message, and a large one", function()
    local text = ""
    local h = harness.start {
      codec = {
        decode = tostring,
        encode = function()
          return text
        end,
      },
    }
    local ann = h:connect "id=ann"
    assert(h.server:send("ann", {}))
    assert.equal("", (h:receive(ann)))
    text = ("x"):rep(60000)
    assert(h.server:send("ann", {}))
    assert.equal(text, (h:receive(ann)))
    h:stop()
  end)

  it("may do anything meanwhile", function()
    local act
    local h = harness.start {
      codec = {
        decode = tostring,
        encode = function()
          collectgarbage()
          act()
          return "written"
        end,
      },
    }
    local function send()
      h:connect "id=ann"
      local conn = h.server:connections("lobby")[1]
      return conn:send {}
    end
    -- The connection goes while its frame is written.
    act = function()
      h.server:kick "ann"
    end
    assert.equal(errors.CONNECTION_CLOSED, select(2, send()))
    act = function()
      h.server:kick "ann"
      for _ = 1, 20 do
        h.server:poll(0.001)
      end
      collectgarbage()
    end
    assert.equal(errors.CONNECTION_CLOSED, select(2, send()))
    -- It sends itself: an error that ends somewhere, not the stack.
    local depth = 0
    act = function()
      depth = depth + 1
      assert(h.server:broadcast("lobby", {}))
    end
    local ok, err = send()
    assert.is_nil(ok)
    assert.equal("ENCODE", err.code)
    assert.matches("too deep: a codec that sends calls itself", err.message)
    assert.equal(4, depth)
    -- The server goes.
    for _, one in ipairs(h.peers) do
      one:drop()
    end
    act = function()
      act = function() end
      h.server:close()
    end
    assert.is_nil((h.server:broadcast("lobby", {})))
    h:stop()
  end)
end)

describe("resume_confirm with a codec in Lua", function()
  it("gives frames without an id one", function()
    local codec = bars.new "text"
    local h = harness.start {
      codec = codec,
      resume_window = 30,
      resume_confirm = true,
      on_message = function(conn, frame)
        assert(conn:send(frame))
      end,
    }
    local ann, bob = h:connect "id=ann", h:connect "id=bob"
    assert(h.server:broadcast("lobby", { event = "e", payload = "p" }))
    local first = h:receive(ann)
    assert.matches("^%x%x%x%x%x%x%x%x%x%x%-1|e|p$", first)
    assert.equal(first, (h:receive(bob)))
    assert(h.server:send("ann", { event = "e" }))
    assert.equal(first:match "^%x+%-" .. "2|e|", (h:receive(ann)))
    assert(h.server:send("ann", { id = "mine" }))
    assert.equal("mine||", (h:receive(ann)))
    -- A frame that is forwarded keeps its id and its bytes, or gets one.
    ann:send "9|forwarded"
    assert.equal("9|forwarded", (h:receive(ann)))
    ann:send "|forwarded"
    assert.equal(first:match "^%x+%-" .. "3|forwarded|", (h:receive(ann)))
    h:stop()
  end)

  it("tells of a frame that cannot get one", function()
    local calls, result = 0, nil
    local h = harness.start {
      codec = {
        encode = bars.new("text").encode,
        decode = function()
          calls = calls + 1
          if calls > 1 then
            return nil, "once only"
          end
          return {}
        end,
      },
      resume_window = 30,
      resume_confirm = true,
      on_message = function(conn, frame)
        result = { conn:send(frame) }
      end,
    }
    h:connect():send "x"
    h:wait("the result", function()
      return result
    end)
    h:stop()
    assert.is_nil(result[1])
    assert.equal("ENCODE", result[2].code)
    assert.matches("codec.decode: once only", result[2].message)
  end)
end)
