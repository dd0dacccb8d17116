-- SPDX-License-Identifier: MIT
--- Connections that outlive their sockets: what a script sees of a drop, a
--- resume, a takeover and a queue that drains.

local wspulse = require "wspulse"

local folder = require "folder"
local harness = require "harness"

local errors = wspulse.errors

local PING, PONG = 9, 10

--- Options that write down each callback as { name, conn, … }, and the list.
-- `act` has functions by the name of a callback, called with its arguments.
local function book(options, act)
  local events = {}
  for _, name in ipairs {
    "on_connect", "on_message", "on_disconnect", "on_transport_drop",
    "on_transport_restore", "on_drain",
  } do
    options[name] = function(...)
      events[#events + 1] = { name:sub(4), select("#", ...), ... }
      if act and act[name] then
        act[name](...)
      end
    end
  end
  return options, events
end

--- The names of the events, in order.
local function order(events)
  local names = {}
  for i, event in ipairs(events) do
    names[i] = event[1]
  end
  return table.concat(names, " ")
end

--- Loses a socket without a word.
local function lose(h, one, id)
  one:drop()
  h:wait("the drop of " .. id, function()
    return h:metric "sessions_suspended" == 1
  end)
end

describe("a resume", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  it("S6 S11 S12 S28 calls drop, restore and then the messages", function()
    local options, events = book { resume_window = 30 }
    h = harness.start(options)
    local ann = h:connect "id=ann&room=red"
    ann:send '{"event":"1"}'
    h:wait("the message", function()
      return events[2]
    end)
    lose(h, ann, "ann")
    ann = h:connect "id=ann&room=blue"
    ann:send '{"event":"2"}'
    h:wait("the next message", function()
      return events[5]
    end)
    ann:send_frame(8, "\3\232")
    h.server:kick "ann"
    h:wait("the end", function()
      return order(events):find "disconnect$"
    end)
    assert.matches("^connect message transport_drop transport_restore message ",
      order(events))
    local conn = events[1][3]
    for _, event in ipairs(events) do
      assert.is_true(rawequal(conn, event[3]), event[1])
    end
    -- on_transport_drop(conn, err)
    local drop = events[3]
    assert.equal(2, drop[2])
    assert.is_true(drop[4].code == "EOF" or drop[4].code == "IO")
    -- on_transport_restore(conn, info)
    local restore = events[4]
    assert.equal(2, restore[2])
    assert.same({ replayed = 0, lost = 0 }, restore[4])
    -- S68: the room is the one it has always been in.
    assert.equal("red", conn:room_id())
  end)

  it("S22 S23 S48 S61 replays in order, then what on_transport_restore sends",
    function()
      local info
      h = harness.start {
        resume_window = 30,
        on_transport_restore = function(conn, given)
          info = given
          assert(conn:send { event = "restored" })
        end,
      }
      local ann = h:connect "id=ann"
      local conn = h.server:connections("lobby")[1]
      lose(h, ann, "ann")
      assert.is_false(conn:is_closed())
      assert.is_true(rawequal(conn, h.server:connections("lobby")[1]))
      assert.is_true(conn:send { event = "1" })
      assert.is_true(h.server:send("ann", { event = "2" }))
      assert.is_true(h.server:broadcast("lobby", { event = "3" }))
      ann = h:connect "id=ann"
      for _, event in ipairs { "1", "2", "3", "restored" } do
        assert.equal('{"event":"' .. event .. '"}', (h:receive(ann)))
      end
      assert.same({ replayed = 3, lost = 0 }, info)
    end)

  it("S50 says how many frames were lost", function()
    local info
    h = harness.start {
      resume_window = 30,
      send_buffer_size = 1,
      on_transport_restore = function(_, given)
        info = given
      end,
    }
    lose(h, h:connect "id=ann", "ann")
    for i = 1, 3 do
      assert(h.server:send("ann", { payload = i }))
    end
    assert.equal('{"payload":3}', (h:receive(h:connect "id=ann")))
    assert.same({ replayed = 1, lost = 2 }, info)
  end)

  it("keeps values, handles and on_close", function()
    local seen, closed = {}, {}
    local by_handle = {}
    h = harness.start {
      resume_window = 30,
      on_connect = function(conn)
        conn:set("name", "Ann")
        by_handle[conn] = "known"
        conn:on_close(function(err, reason)
          closed[#closed + 1] = { err, reason }
        end)
      end,
      on_transport_restore = function(conn)
        seen = { conn:get "name", by_handle[conn], conn:request() }
      end,
    }
    lose(h, h:connect "id=ann", "ann")
    h:connect "id=ann"
    h:wait("the restore", function()
      return seen[1]
    end)
    assert.same({ "Ann", "known" }, seen)
    assert.same({}, closed)
    h.server:kick "ann"
    h:wait("the end", function()
      return closed[1]
    end)
    assert.same({ { nil, "kick" } }, closed)
  end)

  it("S7 S27 does not come: drop, then disconnect without an error", function()
    local options, events = book { resume_window = 0.02 }
    h = harness.start(options)
    h:connect("id=ann"):drop()
    h:wait("the end", function()
      return events[3]
    end)
    assert.equal("connect transport_drop disconnect", order(events))
    local conn, err, reason = unpack(events[3], 3, 5)
    assert.is_nil(err)
    assert.equal("grace_expired", reason)
    assert.equal(events[2][4].code, conn:last_error().code)
  end)

  it("S52 does not come to a connection that was closed meanwhile", function()
    local options, events = book { resume_window = 30 }
    h = harness.start(options)
    lose(h, h:connect "id=ann", "ann")
    local conn = h.server:connections("lobby")[1]
    assert.is_true(conn:close())
    assert.is_true(conn:is_closed())
    assert.same({}, h.server:connections "lobby")
    h:connect "id=ann"
    h:wait("the new one", function()
      return events[4]
    end)
    assert.equal("connect transport_drop disconnect connect", order(events))
    assert.equal("normal", events[3][5])
    assert.is_false(rawequal(conn, events[4][3]))
  end)

  it("S62 does not come after a close inside on_transport_drop", function()
    local options, events = book({ resume_window = 30 }, {
      on_transport_drop = function(conn)
        assert.is_true(conn:close())
      end,
    })
    h = harness.start(options)
    h:connect("id=ann"):drop()
    h:wait("the end", function()
      return events[3]
    end)
    h:connect "id=ann"
    h:wait("the new one", function()
      return events[4]
    end)
    assert.equal("connect transport_drop disconnect connect", order(events))
    assert.equal("normal", events[3][5])
    assert.is_nil(events[3][4])
  end)

  it("S41 comes after a handler that raised; drop gets what it was", function()
    local options, events = book({ resume_window = 30 }, {
      on_message = function(_, frame)
        error({ event = frame.event })
      end,
    })
    h = harness.start(options)
    local ann = h:connect "id=ann"
    ann:send '{"event":"bad"}'
    local payload, opcode = h:receive(ann)
    assert.equal(8, opcode)
    assert.equal("\3\232", payload)
    h:wait("the drop", function()
      return events[3]
    end)
    local conn, err = unpack(events[3], 3, 4)
    assert.equal("PANIC", err.code)
    assert.equal("bad", err.value.event)
    assert.matches("resume_spec.lua:%d+: in function", err.stack)
    assert.equal("bad", conn:last_error().value.event)
    h:connect "id=ann"
    h:wait("the restore", function()
      return events[4]
    end)
    assert.equal("connect message transport_drop transport_restore",
      order(events))
  end)

  it("hostile 54 survives callbacks that raise", function()
    local options, events = book({ resume_window = 30 }, {
      on_transport_drop = function()
        error "in drop"
      end,
      on_transport_restore = function()
        error "in restore"
      end,
    })
    h = harness.start(options)
    lose(h, h:connect "id=ann", "ann")
    local line = h:line "wspulse: handler raised"
    assert.equal("on_transport_drop", line.fields.handler)
    assert.equal("ann", line.fields.conn_id)
    local ann = h:connect "id=ann"
    line = h:line "wspulse: handler raised"
    assert.equal("on_transport_restore", line.fields.handler)
    assert.matches("in restore", line.fields.error)
    assert(h.server:send("ann", { event = "alive" }))
    assert.equal('{"event":"alive"}', (h:receive(ann)))
    assert.equal("connect transport_drop transport_restore", order(events))
  end)

  it("S59 may happen again and again", function()
    local options, events = book { resume_window = 30 }
    h = harness.start(options)
    local ann = h:connect "id=ann"
    for i = 1, 10 do
      lose(h, ann, "ann")
      assert(h.server:send("ann", { payload = i }))
      ann = h:connect "id=ann"
      assert.equal('{"payload":' .. i .. "}", (h:receive(ann)))
    end
    h:wait("the last restore", function()
      return #events == 21
    end)
    assert.equal("connect" .. (" transport_drop transport_restore"):rep(10),
      order(events))
  end)
end)

describe("a second socket with the id of a live connection", function()
  it("S63 is another connection, also with a window", function()
    local options, events = book { resume_window = 30 }
    local h = harness.start(options)
    h:connect "id=ann"
    h:connect "id=ann"
    h:wait("the new one", function()
      return #events == 3
    end)
    h:stop()
    local names = order(events)
    assert.matches("^connect ", names)
    assert.is_nil(names:find "transport")
    for _, event in ipairs(events) do
      if event[1] == "disconnect" then
        assert.equal(errors.DUPLICATE_CONNECTION_ID, event[4])
        assert.equal("duplicate", event[5])
        return
      end
    end
    error "no disconnect"
  end)

  for title, more in pairs {
    ['with takeover = "resume"'] = { takeover = "resume" },
    ["with resume_confirm"] = { resume_confirm = true },
  } do
    it("takes it over " .. title, function()
      more.resume_window = 30
      local options, events = book(more)
      local h = harness.start(options)
      local before = h:connect "id=ann"
      assert(h.server:send("ann", { id = "1" }))
      assert.equal('{"id":"1"}', (h:receive(before)))
      local after = h:connect "id=ann"
      h:wait("the restore", function()
        return events[3]
      end)
      h:wait("the end of the old socket", function()
        before:fill()
        return before.is_ended
      end)
      -- What the old one was sent was not confirmed.
      if more.resume_confirm then
        assert.equal('{"id":"1"}', (h:receive(after)))
      end
      assert(h.server:send("ann", { id = "2" }))
      assert.equal('{"id":"2"}', (h:receive(after)))
      local names = order(events)
      h:stop()
      assert.equal("connect transport_drop transport_restore", names)
      assert.equal(errors.TRANSPORT_REPLACED, events[2][4])
      assert.is_true(rawequal(events[1][3], events[3][3]))
    end)
  end
end)

describe("resume_confirm", function()
  local h, info

  before_each(function()
    info = nil
    h = harness.start {
      resume_window = 30,
      resume_confirm = true,
      send_buffer_size = 2,
      on_transport_restore = function(_, given)
        info = given
      end,
    }
  end)

  after_each(function()
    h:stop()
  end)

  --- Gives the next frame of a kind; others are skipped.
  local function next_of(one, kind)
    while true do
      local payload, opcode = h:receive(one)
      if opcode == kind then
        return payload
      end
    end
  end

  it("replays what the peer did not confirm, under the same id", function()
    local ann = h:connect "id=ann"
    assert(h.server:send("ann", { event = "e" }))
    local first = next_of(ann, 1)
    assert.matches('^{"id":"%x+%-1","event":"e"}$', first)
    next_of(ann, PING) -- and no pong
    lose(h, ann, "ann")
    ann = h:connect "id=ann"
    assert.equal(first, next_of(ann, 1))
    assert.same({ replayed = 1, lost = 0 }, info)
  end)

  it("replays nothing that was confirmed", function()
    local ann = h:connect "id=ann"
    assert(h.server:send("ann", { event = "1" }))
    ann:send_frame(PONG, next_of(ann, PING))
    assert(h.server:send("ann", { event = "2" }))
    next_of(ann, PING)
    lose(h, ann, "ann")
    ann = h:connect "id=ann"
    assert.matches('"event":"2"', next_of(ann, 1), 1, true)
    assert.same({ replayed = 1, lost = 0 }, info)
  end)
end)

describe("on_drain", function()
  it("is called once when a queue that was full goes down", function()
    local options, events = book { send_buffer_size = 4 }
    local h = harness.start(options)
    local ann = h:connect "id=ann"
    local payload = ("x"):rep(50000)
    local accepted, ok, err = 0
    repeat
      ok, err = h.server:send("ann", { payload = payload })
      accepted = accepted + (ok and 1 or 0)
    until not ok or accepted == 10000
    assert.equal(errors.SEND_BUFFER_FULL, err)
    for _ = 1, accepted do
      h:receive(ann)
    end
    h:wait("on_drain", function()
      return events[2]
    end)
    assert(h.server:send("ann", { event = "again" }))
    assert.equal('{"event":"again"}', (h:receive(ann)))
    local names, drain = order(events), events[2]
    h:stop()
    assert.equal("connect drain", names)
    assert.equal(1, drain[2])
    assert.is_true(rawequal(events[1][3], drain[3]))
  end)
end)

describe("a reload while a connection is suspended", function()
  local h, files

  before_each(function()
    files = folder.new()
  end)

  after_each(function()
    h:stop()
    files:remove()
  end)

  --- A script that answers each message, and tells what its callbacks saw.
  local function script(name)
    return files:write(name .. ".lua", ([[
      local wspulse = require "wspulse"
      local restored, info, last
      return wspulse.new_server {
        connect = function(req)
          return req:query "room" or "lobby", req:query "id"
        end,
        check_origin = "same",
        resume_window = 30,
        on_transport_restore = function(conn, given)
          restored, info, last = conn, given, conn:last_error()
        end,
        on_message = function(conn)
          local err = last or {}
          assert(conn:send {
            event = "%s",
            payload = {
              conn:get "name" or "none",
              restored == conn,
              info.replayed,
              info.lost,
              conn == conn:server():connections("lobby")[1],
              err.code or "none",
              err.value == nil,
              type(err.stack),
            },
          })
        end,
      }
    ]]):format(name))
  end

  it("resumes under the next generation, with its values", function()
    local seen, dropped
    h = harness.start {
      resume_window = 30,
      on_connect = function(conn)
        seen = conn
        conn:set("name", "Ann")
      end,
      on_transport_drop = function()
        dropped = true
      end,
    }
    lose(h, h:connect "id=ann", "ann")
    assert.is_true(dropped)
    assert(h.server:send("ann", { event = "1" }))
    assert(h.server:reload(script "second"))
    assert(h.server:send("ann", { event = "2" }))
    local ann = h:connect "id=ann"
    assert.equal('{"event":"1"}', (h:receive(ann)))
    assert.equal('{"event":"2"}', (h:receive(ann)))
    ann:send "{}"
    local answer = h:receive(ann)
    assert.matches('^{"event":"second","payload":%["Ann",true,2,0,true,'
      .. '"%u+",true,"%l+"]}$', answer)
    -- The handle of the program still knows it.
    assert.equal("ann", seen:id())
    assert.equal("Ann", seen:get "name")
    assert.is_false(seen:is_closed())
    -- And over one more generation, on the same transport.
    lose(h, ann, "ann")
    assert(h.server:reload(script "third"))
    ann = h:connect "id=ann"
    ann:send "{}"
    assert.matches('^{"event":"third","payload":%["Ann",true,0,0,true,',
      (h:receive(ann)))
  end)

  it("keeps text and stack of what a handler raised, not its value", function()
    local dropped
    h = harness.start {
      resume_window = 30,
      on_message = function()
        error { "a value" }
      end,
      on_transport_drop = function(_, err)
        dropped = err
      end,
    }
    local ann = h:connect "id=ann"
    ann:send "{}"
    h:wait("the drop", function()
      return dropped
    end)
    assert.is_table(dropped.value)
    assert(h.server:reload(script "second"))
    ann = h:connect "id=ann"
    ann:send "{}"
    assert.matches('"PANIC",true,"string"]}$', (h:receive(ann)))
    assert.is_table(dropped.value)
  end)
end)

describe("a callback that blocks", function()
  --- Keeps the whole server from doing anything else.
  local function block(seconds)
    local till = os.clock() + seconds
    repeat
    until os.clock() >= till
  end

  it("S26 delays, and neither loses nor reorders", function()
    local seen, order_of = {}, {}
    local h = harness.start {
      on_connect = function()
        block(0.02)
      end,
      on_message = function(conn, frame)
        local id = conn:id()
        seen[id] = seen[id] or {}
        table.insert(seen[id], frame.payload)
        order_of[#order_of + 1] = id
        if frame.payload % 10 == 0 then
          block(0.005)
        end
        conn:send(frame)
      end,
      on_disconnect = function()
        block(0.02)
      end,
    }
    local peers = {}
    for i, id in ipairs { "ann", "bob", "cat" } do
      peers[i] = h:connect("id=" .. id)
    end
    local gone = h:connect "id=dan"
    for number = 1, 50 do
      for _, one in ipairs(peers) do
        one:send('{"payload":' .. number .. "}")
      end
      if number == 25 then
        gone:drop()
      end
    end
    for _, one in ipairs(peers) do
      for number = 1, 50 do
        assert.equal('{"payload":' .. number .. "}", (h:receive(one)))
      end
    end
    h:stop()
    assert.equal(150, #order_of)
    for _, id in ipairs { "ann", "bob", "cat" } do
      for number = 1, 50 do
        assert.equal(number, seen[id][number])
      end
    end
  end)
end)
