-- SPDX-License-Identifier: MIT
--- A running server: send, broadcast, kick, connections.

local wspulse = require "wspulse"

local harness = require "harness"

local errors = wspulse.errors

describe("a server", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  it("S1 calls on_connect once, with the id and the room", function()
    local seen = {}
    h = harness.start {
      on_connect = function(conn)
        seen[#seen + 1] = conn:id() .. "@" .. conn:room_id()
      end,
    }
    h:connect "id=ann&room=red"
    h:wait("on_connect", function()
      return seen[1]
    end)
    assert.same({ "ann@red" }, seen)
  end)

  it("S2 sends to one connection by its id", function()
    h = harness.start {}
    local ann, bob = h:connect "id=ann", h:connect "id=bob"
    assert.is_true(h.server:send("ann", {
      id = "1", event = "hi", payload = { n = 1 },
    }))
    assert.equal('{"id":"1","event":"hi","payload":{"n":1}}', h:receive(ann))
    assert.is_true(h.server:send("bob", { event = "last" }))
    assert.equal('{"event":"last"}', h:receive(bob))
  end)

  it("S3 broadcasts to a room and to nobody else", function()
    h = harness.start {}
    local ann, bob = h:connect "id=ann&room=red", h:connect "id=bob&room=red"
    local eve = h:connect "id=eve&room=blue"
    assert.is_true(h.server:broadcast("red", { event = "news" }))
    assert.equal('{"event":"news"}', h:receive(ann))
    assert.equal('{"event":"news"}', h:receive(bob))
    assert.is_true(h.server:send("eve", { event = "only" }))
    assert.equal('{"event":"only"}', h:receive(eve))
  end)

  it("leaves one out of a broadcast, by handle or by id", function()
    local handles = {}
    h = harness.start {
      on_connect = function(conn)
        handles[conn:id()] = conn
      end,
    }
    local ann, bob = h:connect "id=ann", h:connect "id=bob"
    h:wait("handles", function()
      return handles.ann and handles.bob
    end)
    local server = h.server
    assert(server:broadcast("lobby", { event = "a" }, { except = "ann" }))
    assert(server:broadcast("lobby", { event = "b" }, { except = handles.bob }))
    assert(server:broadcast("lobby", { event = "c" }, { except = "nobody" }))
    assert(server:broadcast("lobby", { event = "d" }, {}))
    local function three(one)
      return h:receive(one) .. h:receive(one) .. h:receive(one)
    end
    assert.equal('{"event":"b"}{"event":"c"}{"event":"d"}', three(ann))
    assert.equal('{"event":"a"}{"event":"c"}{"event":"d"}', three(bob))
  end)

  it("refuses what it cannot leave out", function()
    h = harness.start {}
    assert.has_error(function()
      h.server:broadcast("lobby", { event = "a" }, { except = 7 })
    end, "wspulse: broadcast: except must be a connection or a connection id "
      .. "(got number)")
    assert.has_error(function()
      h.server:broadcast("lobby", { event = "a" }, { expect = "ann" })
    end, "wspulse: broadcast: the only option is except")
  end)

  it("S9 S16 does not find an unknown id", function()
    h = harness.start {}
    local done, err = h.server:send("nobody", { event = "x" })
    assert.is_nil(done)
    assert.equal(errors.CONNECTION_NOT_FOUND, err)
    done, err = h.server:kick "nobody"
    assert.is_nil(done)
    assert.equal(errors.CONNECTION_NOT_FOUND, err)
  end)

  it("S34 broadcasts to an unknown room without an error", function()
    h = harness.start {}
    assert.is_true(h.server:broadcast("nowhere", { event = "x" }))
  end)

  it("kicks: no error, the reason is kick", function()
    local ended
    h = harness.start {
      on_disconnect = function(conn, err, reason)
        ended = { conn:id(), err, reason }
      end,
    }
    local ann = h:connect "id=ann"
    assert.is_true(h.server:kick "ann")
    h:wait("on_disconnect", function()
      return ended
    end)
    assert.same({ "ann", nil, "kick" }, ended)
    local payload, opcode = h:receive(ann)
    assert.equal(8, opcode)
    assert.equal("\3\232kicked", payload)
  end)

  it("lists the connections of a room as their handles", function()
    local handles = {}
    h = harness.start {
      on_connect = function(conn)
        handles[conn:id()] = conn
      end,
    }
    h:connect "id=ann"
    h:connect "id=bob"
    h:wait("both", function()
      return handles.ann and handles.bob
    end)
    local list = h.server:connections "lobby"
    assert.equal(2, #list)
    for _, conn in ipairs(list) do
      assert.equal(handles[conn:id()], conn)
    end
    assert.same({}, h.server:connections "nowhere")
  end)

  it("answers an encode error behind an unknown id, and sends nothing",
    function()
      h = harness.start {}
      local _, err = h.server:send("nobody", { payload = 0 / 0 })
      assert.equal(errors.CONNECTION_NOT_FOUND, err)
      local ann = h:connect "id=ann"
      _, err = h.server:send("ann", { payload = 0 / 0 })
      assert.equal("ENCODE", err.code)
      assert.is_true(errors.is(err, errors.ENCODE))
      _, err = h.server:broadcast("lobby", { payload = print })
      assert.equal("ENCODE", err.code)
      assert(h.server:send("ann", { event = "fine" }))
      assert.equal('{"event":"fine"}', h:receive(ann))
    end)

  it("raises for arguments of a wrong type", function()
    h = harness.start {}
    local server = h.server
    for _, call in ipairs {
      function() server.send("ann", {}) end,
      function() server:send(1, {}) end,
      function() server:send "ann" end,
      function() server:send("ann", { evnt = "x" }) end,
      function() server:broadcast(nil, {}) end,
      function() server:kick() end,
      function() server:connections(5) end,
      function() server:close "x" end,
      function() server:poll "x" end,
      function() server:poll(-1) end,
      function() server:poll(0 / 0) end,
    } do
      assert.is_false((pcall(call)))
    end
  end)

  it("S15 tells the displaced connection of a duplicate id", function()
    local ended = {}
    h = harness.start {
      on_disconnect = function(_, err, reason)
        ended[#ended + 1] = { err, reason }
      end,
    }
    h:connect "id=ann"
    local second = h:connect "id=ann"
    h:wait("the end of the first", function()
      return ended[1]
    end)
    assert.equal(errors.DUPLICATE_CONNECTION_ID, ended[1][1])
    assert.equal("duplicate", ended[1][2])
    assert(h.server:send("ann", { event = "you" }))
    assert.equal('{"event":"you"}', h:receive(second))
    assert.equal(1, #ended)
  end)

  it("serves several servers on one loop", function()
    h = harness.start { name = "one" }
    local other = harness.start { name = "two" }
    local ann = h:connect "id=ann"
    local bob = other:connect "id=bob"
    assert(h.server:send("ann", { event = "one" }))
    assert(other.server:send("bob", { event = "two" }))
    assert.equal('{"event":"one"}', h:receive(ann))
    assert.equal('{"event":"two"}', other:receive(bob))
    local _, err = h.server:send("bob", { event = "x" })
    assert.equal(errors.CONNECTION_NOT_FOUND, err)
    other:stop()
    assert(h.server:send("ann", { event = "still" }))
    assert.equal('{"event":"still"}', h:receive(ann))
  end)
end)
