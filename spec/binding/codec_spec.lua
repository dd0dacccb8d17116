-- SPDX-License-Identifier: MIT
--- What every codec promises to an application: the rules of one list, run
--- against those that are built in and against some that are written in Lua.

local cjson = require "cjson"
local wspulse = require "wspulse"

local bars = require "bars"
local harness = require "harness"

local errors = wspulse.errors

local TEXT, BINARY = 1, 2

--- A codec on top of cjson, as an application would write it.
local function through_cjson()
  return {
    decode = cjson.decode,
    encode = cjson.encode,
  }
end

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

local subjects = {
  {
    name = "json",
    codec = function()
      return "json"
    end,
    opcode = TEXT,
    message = '{"id":"7","event":"say", "payload":"hi"}',
    written = '{"id":"7","event":"say","payload":"hi"}',
    bad = "{",
  },
  {
    name = "msgpack",
    codec = function()
      return "msgpack"
    end,
    opcode = BINARY,
    message = "\131\162id\1617\165event\163say\167payload\162hi",
    written = "\131\162id\1617\165event\163say\167payload\162hi",
    bad = "\131\162id",
  },
  {
    name = "a codec in Lua, text",
    codec = function()
      return bars.new "text"
    end,
    opcode = TEXT,
    message = "7|say|hi",
    written = "7|say|hi",
    bad = "no bars",
  },
  {
    name = "a codec in Lua, binary",
    codec = function()
      return bars.new "binary"
    end,
    opcode = BINARY,
    message = "7|say|hi",
    written = "7|say|hi",
    bad = "",
  },
  {
    name = "a codec in Lua on top of cjson",
    codec = through_cjson,
    opcode = TEXT,
    message = '{"id":"7","event":"say", "payload":"hi"}',
    bad = "nonsense",
  },
}

for _, subject in ipairs(subjects) do
  describe(subject.name, function()
    local seen

    --- Gives the options of a server that notes its frames and answers.
    local function options(answer)
      return function()
        seen = {}
        return {
          codec = subject.codec(),
          validate_utf8 = false,
          on_message = function(conn, frame)
            seen[#seen + 1] = { frame.id, frame.event, frame.payload }
            if answer then
              answer(conn, frame)
            end
          end,
        }
      end
    end

    serving("takes a message apart", options(), function(h)
      h:connect():send_frame(subject.opcode, subject.message)
      h:wait("the frame", function()
        return seen[1]
      end)
      assert.same({ { "7", "say", "hi" } }, seen)
    end)

    serving("S71 also one of the other kind", options(), function(h)
      h:connect():send_frame(3 - subject.opcode, subject.message)
      h:wait("the frame", function()
        return seen[1]
      end)
      assert.same({ { "7", "say", "hi" } }, seen)
    end)

    serving("writes with its own opcode", options(function(conn, frame)
      conn:send { id = frame.id, event = frame.event, payload = frame.payload }
    end), function(h)
      local ann = h:connect()
      ann:send_frame(subject.opcode, subject.message)
      local message, opcode = h:receive(ann)
      assert.equal(subject.opcode, opcode)
      if subject.written then
        assert.equal(subject.written, message)
      end
      -- What it wrote it reads.
      ann:send_frame(opcode, message)
      h:receive(ann)
      assert.same({ "7", "say", "hi" }, seen[2])
    end)

    serving("forwards the same bytes", options(function(conn, frame)
      conn:server():broadcast("lobby", frame)
    end), function(h)
      local ann, bob = h:connect(), h:connect()
      for _, opcode in ipairs { TEXT, BINARY } do
        ann:send_frame(opcode, subject.message)
        for _, one in ipairs { ann, bob } do
          local message, kind = h:receive(one)
          assert.equal(subject.message, message)
          assert.equal(subject.opcode, kind)
        end
      end
    end)

    serving("keeps a frame, and changes a copy", options(function(conn, frame)
      if frame.event == "say" then
        conn:server():broadcast("lobby", frame:with { event = "again" })
        local kept = frame:keep()
        conn:on_close(function()
          seen[#seen + 1] = { kept.id, kept.event, kept.payload }
        end)
      end
    end), function(h)
      local ann = h:connect()
      ann:send_frame(subject.opcode, subject.message)
      local message, opcode = h:receive(ann)
      ann:send_frame(opcode, message)
      h:wait("the copy", function()
        return seen[2]
      end)
      assert.same({ "7", "again", "hi" }, seen[2])
      ann:drop()
      h:wait("the end", function()
        return seen[3]
      end)
      assert.same({ "7", "say", "hi" }, seen[3])
    end)

    serving("S37 skips what it cannot read, and counts it", options(),
      function(h)
        local ann = h:connect "id=ann"
        for _ = 1, 3 do
          ann:send_frame(subject.opcode, subject.bad)
        end
        ann:send_frame(subject.opcode, subject.message)
        h:wait("the good one", function()
          return seen[1]
        end)
        assert.same({ { "7", "say", "hi" } }, seen)
        local line = h:line "wspulse: decode failed"
        assert.equal("warn", line.level)
        assert.equal("ann", line.fields.conn_id)
        assert.equal(3, h:metric("decode_failures_total"))
        assert.equal(0, h:metric("handler_failures_total"))
        for _, other in ipairs(h.log) do
          assert.not_equal("wspulse: decode failed", other.message)
        end
      end)

    serving("S39 refuses what it cannot write, and nothing is queued",
      options(), function(h)
        local ann = h:connect "id=ann"
        local conn = h.server:connections("lobby")[1]
        local bad = { id = "7", event = "x", payload = print }
        for _, send in ipairs {
          function()
            return conn:send(bad)
          end,
          function()
            return h.server:send("ann", bad)
          end,
          function()
            return h.server:broadcast("lobby", bad)
          end,
        } do
          local ok, err = send()
          assert.is_nil(ok)
          assert.is_true(errors.is(err, errors.ENCODE))
          assert.matches("^wspulse: encode failed: ", err.message)
        end
        assert(conn:send { id = "7", event = "say", payload = "hi" })
        local message = h:receive(ann)
        ann:send_frame(subject.opcode, message)
        h:wait("the session", function()
          return seen[1]
        end)
        assert.same({ { "7", "say", "hi" } }, seen)
        assert.equal(1, h:metric("messages_sent_total"))
      end)

    serving("tells the other errors first", options(), function(h)
      local bad = { payload = print }
      assert.equal(errors.CONNECTION_NOT_FOUND,
        select(2, h.server:send("nobody", bad)))
      local ann = h:connect "id=ann"
      local conn = h.server:connections("lobby")[1]
      conn:close()
      assert.equal(errors.CONNECTION_CLOSED, select(2, conn:send(bad)))
      ann:drop()
      h.server:close()
      assert.equal(errors.SERVER_CLOSED,
        select(2, h.server:broadcast("lobby", bad)))
    end)
  end)
end
