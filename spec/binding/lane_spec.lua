-- SPDX-License-Identifier: MIT
--- Messages go into Lua by a short way that is prepared for them; whatever
--- goes by it must look as if it had gone by the long one.

local harness = require "harness"

local EXPIRED = "frame used after its handler returned; call frame:keep()"

describe("the way of messages into Lua", function()
  local h

  after_each(function()
    if h then
      h:stop()
      h = nil
    end
  end)

  --- Sends `count` frames, each with an event of its own, and waits until the
  --- handler has seen them.
  local function send_frames(count)
    local ann = h:connect "id=ann"
    for i = 1, count do
      ann:send(('{"id":"%d","event":"e%d","payload":{"n":%d}}'):format(i, i, i))
    end
    return ann
  end

  for _, member in ipairs { "event", "id", "payload", "binary" } do
    it("raises when " .. member .. " of an earlier frame is read", function()
      local earlier, wrong, count = {}, {}, 0
      h = harness.start {
        on_message = function(_, frame)
          for i, old in ipairs(earlier) do
            local ok, err = pcall(function()
              return old[member]
            end)
            if ok or not tostring(err):find(EXPIRED, 1, true) then
              wrong[#wrong + 1] = i
            end
          end
          earlier[#earlier + 1] = frame
          count = count + 1
        end,
      }
      send_frames(40)
      h:wait("40 frames", function()
        return count == 40
      end)
      assert.same({}, wrong)
      assert.has_error(function()
        return earlier[40][member]
      end)
    end)
  end

  it("gives each frame its own members, whatever came before", function()
    local seen, events = {}, { "a", "b", "a", "", ("x"):rep(200), "b", "a" }
    h = harness.start {
      on_message = function(_, frame)
        seen[#seen + 1] = frame.event .. frame.event
      end,
    }
    local ann = h:connect "id=ann"
    for _, event in ipairs(events) do
      ann:send('{"event":"' .. event .. '"}')
    end
    h:wait("all of them", function()
      return #seen == #events
    end)
    for i, event in ipairs(events) do
      assert.equal(event .. event, seen[i])
    end
  end)

  it("tells apart more events than it remembers", function()
    local seen = {}
    h = harness.start {
      on_message = function(_, frame)
        seen[#seen + 1] = frame.event
      end,
    }
    send_frames(300)
    h:wait("300 frames", function()
      return #seen == 300
    end)
    for i = 1, 300 do
      assert.equal("e" .. i, seen[i])
    end
  end)

  it("tells events apart in code that LuaJIT has compiled", function()
    local seen, events = {}, { "a", "a", "a", "b", "a", "b" }
    h = harness.start {
      on_message = function(_, frame)
        local count = 0
        for _ = 1, 500 do
          if frame.event == "b" then
            count = count + 1
          end
        end
        seen[#seen + 1] = count
      end,
    }
    local ann = h:connect "id=ann"
    for _, event in ipairs(events) do
      ann:send('{"event":"' .. event .. '"}')
    end
    h:wait("all of them", function()
      return #seen == #events
    end)
    assert.same({ 0, 0, 0, 500, 0, 500 }, seen)
  end)

  it("keeps a kept frame, and that one only", function()
    local kept, count = {}, 0
    h = harness.start {
      on_message = function(_, frame)
        count = count + 1
        if count % 3 == 0 then
          local _ = frame.payload
          kept[#kept + 1] = frame
          assert.equal(frame, frame:keep())
        end
      end,
    }
    send_frames(60)
    h:wait("60 frames", function()
      return count == 60
    end)
    assert.equal(20, #kept)
    for i, frame in ipairs(kept) do
      assert.equal("e" .. i * 3, frame.event)
      assert.equal(tostring(i * 3), frame.id)
      assert.same({ n = i * 3 }, frame.payload)
    end
  end)

  it("says where the script was that used a frame too late", function()
    local first, message
    h = harness.start {
      on_message = function(_, frame)
        if first then
          local _, err = pcall(function()
            return first.event
          end)
          message = err
        end
        first = first or frame
      end,
    }
    send_frames(2)
    h:wait("the second", function()
      return message
    end)
    assert.matches("lane_spec%.lua:%d+: " .. EXPIRED:gsub("%p", "%%%0"),
      message)
  end)

  it("goes on after a handler that raised", function()
    local seen = {}
    h = harness.start {
      on_message = function(_, frame)
        if frame.event == "e2" then
          error "on purpose"
        end
        seen[#seen + 1] = frame.event
      end,
    }
    send_frames(1)
    local bob = h:connect "id=bob"
    bob:send '{"event":"e2"}'
    local eve = h:connect "id=eve"
    eve:send '{"event":"e3"}'
    h:wait("the one behind it", function()
      return seen[2]
    end)
    assert.same({ "e1", "e3" }, seen)
  end)

  it("sends a frame on that came before its own, if it is kept", function()
    local kept
    h = harness.start {
      on_message = function(conn, frame)
        if not kept then
          kept = frame:keep()
        else
          conn:send(kept)
        end
      end,
    }
    local ann = send_frames(2)
    assert.equal('{"id":"1","event":"e1","payload":{"n":1}}', h:receive(ann))
  end)

  it("refuses to send an earlier frame", function()
    local earlier, message
    h = harness.start {
      on_message = function(conn, frame)
        if earlier then
          message = select(2, pcall(conn.send, conn, earlier))
        end
        earlier = earlier or frame
      end,
    }
    send_frames(2)
    h:wait("the second", function()
      return message
    end)
    assert.matches(EXPIRED, message, 1, true)
  end)

  it("closes to a frame of the codec raw as well", function()
    local earlier, messages = {}, {}
    h = harness.start {
      codec = "raw",
      on_message = function(conn, frame)
        earlier[#earlier + 1] = frame
        conn:send(frame)
        if earlier[2] then
          local ok, err = pcall(function()
            return earlier[1].event
          end)
          messages[#messages + 1] = ok and "read" or err
        end
      end,
    }
    local ann = h:connect "id=ann"
    ann:send "one"
    assert.equal("one", h:receive(ann))
    ann:send "two"
    assert.equal("two", h:receive(ann))
    assert.matches(EXPIRED, messages[1], 1, true)
  end)

  it("knows each connection by the same handle", function()
    local handles, count = {}, 0
    h = harness.start {
      on_message = function(conn)
        handles[conn:id()] = handles[conn:id()] or conn
        assert.equal(handles[conn:id()], conn)
        count = count + 1
      end,
    }
    local peers = {}
    for i = 1, 5 do
      peers[i] = h:connect("id=" .. i)
    end
    for _ = 1, 10 do
      for i = 1, 5 do
        peers[i]:send "{}"
      end
    end
    h:wait("50 messages", function()
      return count == 50
    end)
  end)
end)
