-- SPDX-License-Identifier: MIT
--- Metrics hooks written in Lua, the metrics as text, and the admin endpoints.

local wspulse = require "wspulse"

local folder = require "folder"
local harness = require "harness"
local peer = require "peer"

local errors = wspulse.errors

local HOOKS = {
  "connection_opened", "connection_closed", "resume_attempt", "room_created",
  "room_destroyed", "message_received", "message_broadcast", "message_sent",
  "send_buffer_utilization", "frame_dropped", "pong_timeout",
}

--- Gives hooks that write down what they are told, and the list.
local function book(names)
  local events, hooks = {}, {}
  for _, name in ipairs(names or HOOKS) do
    hooks[name] = function(...)
      events[#events + 1] = { name, ... }
    end
  end
  return hooks, events
end

--- The events of one name.
local function named(events, name)
  local found = {}
  for _, event in ipairs(events) do
    if event[1] == name then
      found[#found + 1] = event
    end
  end
  return found
end

--- The names of the events, in order.
local function order(events)
  local names = {}
  for i, event in ipairs(events) do
    names[i] = event[1]
  end
  return names
end

describe("metrics hooks", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  it("M1 tell of a connection that comes and goes", function()
    local hooks, events = book()
    h = harness.start { metrics = hooks }
    h:connect("id=ann&room=red"):drop()
    h:wait("the end", function()
      return #events == 4
    end)
    assert.same({ "room_created", "red" }, events[1])
    assert.same({ "connection_opened", "red", "ann" }, events[2])
    assert.same({ "room_destroyed", "red" }, events[3])
    local name, room, id, seconds, reason = unpack(events[4], 1, 6)
    assert.same({ "connection_closed", "red", "ann", "normal" },
      { name, room, id, reason })
    assert.is_true(seconds >= 0 and seconds < 60)
    assert.equal(5, #events[4])
  end)

  it("M2 tell of a message to a room", function()
    local hooks, events = book {
      "message_received", "message_broadcast", "message_sent",
      "send_buffer_utilization",
    }
    h = harness.start {
      metrics = hooks,
      send_buffer_size = 16,
      on_message = function(conn, frame)
        conn:server():broadcast("red", frame)
      end,
    }
    local ann = h:connect "id=ann&room=red"
    local bob = h:connect "id=bob&room=red"
    h:connect "id=zoe&room=blue"
    ann:send '{"event":"x"}'
    h:receive(ann)
    h:receive(bob)
    h:wait("the hooks", function()
      return #events == 6
    end)
    assert.same({ "message_received", "red", 13 }, events[1])
    assert.same({ { "message_broadcast", "red", 13, 2 } },
      named(events, "message_broadcast"))
    local sent = named(events, "message_sent")
    local used = named(events, "send_buffer_utilization")
    table.sort(sent, function(a, b)
      return a[3] < b[3]
    end)
    table.sort(used, function(a, b)
      return a[3] < b[3]
    end)
    assert.same({
      { "message_sent", "red", "ann", 13 },
      { "message_sent", "red", "bob", 13 },
    }, sent)
    assert.same({
      { "send_buffer_utilization", "red", "ann", 0, 16 },
      { "send_buffer_utilization", "red", "bob", 0, 16 },
    }, used)
  end)

  it("M3 M5 tell of a resume, and of what was lost before it", function()
    local hooks, events = book {
      "connection_opened", "resume_attempt", "frame_dropped",
    }
    local dropped = false
    h = harness.start {
      metrics = hooks,
      resume_window = 30,
      send_buffer_size = 1,
      on_transport_drop = function()
        dropped = true
      end,
    }
    h:connect("id=ann&room=red"):drop()
    h:wait("the drop", function()
      return dropped
    end)
    for i = 1, 3 do
      assert(h.server:send("ann", { payload = i }))
    end
    local ann = h:connect "id=ann&room=blue"
    assert.equal('{"payload":3}', (h:receive(ann)))
    h:wait("the hooks", function()
      return #events == 4
    end)
    assert.same({
      { "connection_opened", "red", "ann" },
      { "frame_dropped", "red", "ann" },
      { "frame_dropped", "red", "ann" },
      { "resume_attempt", "red", "ann" },
    }, events)
  end)

  it("M4 tell of a frame that was refused", function()
    local hooks, events = book { "frame_dropped" }
    local accepted, ok, err = 0
    h = harness.start { metrics = hooks, send_buffer_size = 1 }
    h:connect "id=ann"
    local payload = ("x"):rep(100000)
    repeat
      ok, err = h.server:send("ann", { payload = payload })
      accepted = accepted + 1
    until not ok or accepted == 10000
    assert.equal(errors.SEND_BUFFER_FULL, err)
    h:wait("the hook", function()
      return events[1]
    end)
    assert.same({ { "frame_dropped", "lobby", "ann" } }, events)
  end)

  it("M6 tell of a peer that never pongs", function()
    local hooks, events = book { "pong_timeout" }
    h = harness.start {
      metrics = hooks,
      heartbeat = { ping = 0.05, pong = 0.1 },
    }
    h:connect "id=ann"
    h:wait("the timeout", function()
      return events[1]
    end)
    assert.same({ { "pong_timeout", "lobby", "ann" } }, events)
  end)

  it("M7 tell of the shutdown", function()
    local hooks, events = book { "connection_closed", "room_destroyed" }
    h = harness.start { metrics = hooks }
    h:connect "id=ann"
    h:connect "id=bob"
    h:stop()
    h = nil
    assert.same({ "connection_closed", "connection_closed", "room_destroyed" },
      order(events))
    assert.equal("server_close", events[1][5])
    assert.equal("server_close", events[2][5])
    assert.same({ "room_destroyed", "lobby" }, events[3])
  end)

  it("M9 give every reason its name", function()
    local hooks, events = book { "connection_closed" }
    h = harness.start { metrics = hooks, resume_window = 0.01 }
    h:connect "id=ann":send_frame(8, "\3\232")
    h:connect "id=bob"
    h:connect "id=bob"
    h.server:kick "bob"
    h:connect("id=cat"):drop()
    h:wait("the ends", function()
      return #events == 4
    end)
    h:connect "id=dan"
    h:stop()
    h = nil
    local reasons = {}
    for _, event in ipairs(events) do
      reasons[event[3] .. " " .. event[5]] = true
    end
    assert.same({
      ["ann grace_expired"] = true,
      ["bob duplicate"] = true,
      ["bob kick"] = true,
      ["cat grace_expired"] = true,
      ["dan server_close"] = true,
    }, reasons)
  end)

  it("M10 may ask the server anything", function()
    local seen = {}
    local server
    h = harness.start {
      metrics = {
        connection_opened = function(room, id)
          seen[#seen + 1] = #server:connections(room)
          assert(server:send(id, { event = "hello" }))
          assert(server:broadcast(room, { event = "new" }))
          seen[#seen + 1] = type(server:metrics_text())
        end,
        message_received = function(_, bytes)
          server:kick "ann"
          seen[#seen + 1] = bytes
        end,
      },
    }
    server = h.server
    local ann = h:connect "id=ann"
    assert.equal('{"event":"hello"}', (h:receive(ann)))
    assert.equal('{"event":"new"}', (h:receive(ann)))
    ann:send "{}"
    local payload, opcode = h:receive(ann)
    assert.equal(8, opcode)
    assert.equal("\3\232kicked", payload)
    assert.same({ 1, "string", 2 }, seen)
  end)

  it("M11 are told alone of what they are there for", function()
    for _, name in ipairs(HOOKS) do
      local hooks, events = book { name }
      h = harness.start {
        metrics = hooks,
        resume_window = 30,
        send_buffer_size = 1,
        heartbeat = { ping = 0.05, pong = 0.1 },
        on_message = function(conn, frame)
          conn:server():broadcast("lobby", frame)
        end,
      }
      h:connect("id=ann"):send "{}"
      -- Without pongs the transport goes; then the queue overflows.
      h:wait("the drop", function()
        return h:metric("sessions_suspended") == 1
      end)
      h.server:send("ann", {})
      h.server:send("ann", {})
      h:receive(h:connect "id=ann")
      h:stop()
      h = nil
      assert.is_true(#events > 0, name)
      for _, event in ipairs(events) do
        assert.equal(name, event[1])
      end
    end
  end)

  it("that raise are logged once a minute, counted, and others go on",
    function()
      local opened = 0
      local closed
      h = harness.start {
        metrics = {
          room_created = function()
            error "no rooms"
          end,
          connection_opened = function()
            opened = opened + 1
            error { "a value" }
          end,
          connection_closed = function()
            closed = true
          end,
        },
      }
      local ann = h:connect "id=ann"
      local line = h:line "wspulse: handler raised"
      assert.equal("error", line.level)
      assert.equal("metrics.room_created", line.fields.handler)
      assert.matches("metrics_spec.lua:%d+: no rooms$", line.fields.error)
      assert.matches("stack traceback", line.fields.stack)
      assert.equal(1, line.fields.failures)
      h:connect "id=bob"
      h:wait("both", function()
        return opened == 2
      end)
      assert(h.server:send("ann", { event = "alive" }))
      assert.equal('{"event":"alive"}', (h:receive(ann)))
      ann:drop()
      h:wait("the end", function()
        return closed
      end)
      for _, other in ipairs(h.log) do
        assert.not_equal("wspulse: handler raised", other.message)
      end
      assert.equal(3, h:metric("handler_failures_total"))
    end)

  it("may be callable tables", function()
    local told
    h = harness.start {
      metrics = {
        room_created = setmetatable({}, {
          __call = function(_, room)
            told = room
          end,
        }),
      },
    }
    h:connect "room=red"
    h:wait("the hook", function()
      return told
    end)
    assert.equal("red", told)
  end)

  it("are live on a reload, and gone with it", function()
    local files = folder.new()
    local hooks, events = book { "message_received" }
    h = harness.start { metrics = hooks, on_message = function() end }
    local ann = h:connect "id=ann"
    ann:send "{}"
    h:wait("the hook", function()
      return events[1]
    end)
    local function script(metrics)
      return files:write("app.lua", ([[
        local bytes = 0
        return require("wspulse").new_server {
          connect = function() return "lobby" end,
          check_origin = "same",
          metrics = %s,
          on_message = function(conn) conn:send { payload = bytes } end,
        }
      ]]):format(metrics))
    end
    assert(h.server:reload(script [[{
      message_received = function(_, count) bytes = bytes + count end,
    }]]))
    ann:send "{}"
    assert.equal('{"payload":0}', (h:receive(ann)))
    ann:send "{}"
    assert.equal('{"payload":2}', (h:receive(ann)))
    assert(h.server:reload(script "nil"))
    ann:send "{}"
    assert.equal('{"payload":0}', (h:receive(ann)))
    assert.same({ { "message_received", "lobby", 2 } }, events)
    files:remove()
  end)
end)

describe("server:metrics_text", function()
  it("wants a server that was started", function()
    local server = wspulse.new_server { connect = harness.connect }
    local text, err = server:metrics_text()
    assert.is_nil(text)
    assert.equal(errors.SERVER_NOT_STARTED, err)
    text, err = server:admin_address()
    assert.is_nil(text)
    assert.equal(errors.SERVER_NOT_STARTED, err)
  end)

  it("is the page, without hooks as well", function()
    local h
    h = harness.start {
      name = "counted",
      http = {
        ["GET /counters"] = function(_, res)
          res:send(h.server:metrics_text())
        end,
      },
      on_message = function() end,
    }
    h:connect():send "{"
    h:connect("room=red"):send "{}"
    h:wait("the messages", function()
      return h:metric("messages_received_total") == 2
    end)
    local text = h.server:metrics_text()
    assert.matches("\n# TYPE wspulse_connections_opened_total counter\n", text)
    assert.matches("\nwspulse_connections_active 2\n", text)
    assert.matches("\nwspulse_rooms_active 2\n", text)
    assert.matches("\nwspulse_decode_failures_total 1\n", text)
    assert.matches('wspulse_server_info{name="counted",version="'
      .. wspulse._VERSION:gsub("%.", "%%.") .. '"} 1\n$', text)
    assert.same({ 200, text }, { (h:http("GET", "/counters")),
      select(3, h:http("GET", "/counters")) })
    h:stop()
    assert.matches("\nwspulse_connections_active 0\n", h.server:metrics_text())
  end)

  it("counts every callback that raises", function()
    local h
    h = harness.start {
      on_connect = function()
        error "in on_connect"
      end,
      on_message = function()
        error "in on_message"
      end,
      http = {
        ["GET /x"] = function()
          error "in a route"
        end,
      },
    }
    h:connect():send "{}"
    h:http("GET", "/x")
    h:wait("the failures", function()
      return h:metric("handler_failures_total") == 3
    end)
    h:stop()
  end)
end)

describe("option admin", function()
  --- Asks a server on another address.
  local function fetch(h, address, target)
    local one = peer.request(address, "GET " .. target
      .. " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    h.peers[#h.peers + 1] = one
    return h:wait("an answer to " .. target, function()
      return one:take_response()
    end)
  end

  it("serves metrics and health beside the server", function()
    local connects = 0
    local h = harness.start {
      admin = { listen = "127.0.0.1:0" },
      connect = function()
        connects = connects + 1
        return "lobby"
      end,
    }
    local admin = h.server:admin_address()
    assert.matches("^127%.0%.0%.1:%d+$", admin)
    assert.not_equal(h.address, admin)
    assert.same({ h.address }, h.server:addresses())
    local status, head, body = fetch(h, admin, "/metrics")
    assert.equal(200, status)
    assert.matches("text/plain; version=0.0.4", head)
    assert.matches("\nwspulse_connections_active 0\n", body)
    assert.equal("ok\n", (select(3, fetch(h, admin, "/healthz"))))
    assert.equal(200, (fetch(h, admin, "/readyz")))
    assert.equal(404, (fetch(h, admin, "/ws")))
    assert.equal(404, (h:http("GET", "/metrics")))
    assert.equal(0, connects)
    h:stop()
  end)

  it("is nowhere when it is not given", function()
    local h = harness.start {}
    assert.is_nil((h.server:admin_address()))
    assert.equal(1, select("#", h.server:admin_address()))
    h:stop()
  end)

  it("keeps its address over a reload, with a warning", function()
    local files = folder.new()
    local warned
    local h = harness.start { admin = { listen = "127.0.0.1:0" } }
    local admin = h.server:admin_address()
    local out = files.path .. "/warned"
    assert(h.server:reload(files:write("app.lua", ([[
      return require("wspulse").new_server {
        connect = function() return "lobby" end,
        check_origin = "same",
        admin = { listen = "127.0.0.1:1" },
        logger = function(level, _, fields)
          if fields.option == "admin" then
            local file = io.open(%q, "a")
            file:write(level, "\n")
            file:close()
          end
        end,
      }
    ]]):format(out))))
    assert.equal(admin, h.server:admin_address())
    assert.equal(200, (fetch(h, admin, "/healthz")))
    local file = assert(io.open(out))
    warned = file:read "*a"
    file:close()
    assert.equal("warn\n", warned)
    h:stop()
    files:remove()
  end)

  it("that cannot be opened keeps the server from starting", function()
    local taken = harness.start {}
    local server = wspulse.new_server {
      listen = "127.0.0.1:0",
      connect = harness.connect,
      check_origin = "same",
      admin = { listen = taken.address },
    }
    local ok, err = server:start()
    assert.is_nil(ok)
    assert.equal("LISTEN", err.code)
    assert.matches(taken.address, err.message, 1, true)
    taken:stop()
  end)
end)
