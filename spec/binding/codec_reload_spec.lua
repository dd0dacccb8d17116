-- SPDX-License-Identifier: MIT
--- Codecs over a hot swap, and what a generation leaves behind.

local bars = require "bars"
local folder = require "folder"
local harness = require "harness"

local TEXT, BINARY = 1, 2

describe("a reload with a codec", function()
  local h, files

  before_each(function()
    files = folder.new()
  end)

  after_each(function()
    h:stop()
    files:remove()
  end)

  --- Starts with a codec, and a handler that gives each frame back by parts.
  local function start(codec)
    h = harness.start {
      codec = codec,
      on_message = function(conn, frame)
        conn:send { payload = "one " .. tostring(frame.payload) }
      end,
    }
    return h:connect "id=ann"
  end

  --- A script with a codec, given as text.
  local function script(codec, more)
    return files:write("app.lua", ([[
      local wspulse = require "wspulse"
      return wspulse.new_server {
        connect = function() return "lobby" end,
        check_origin = "same",
        codec = %s,
        logger = function(level, message, fields)
          if fields.option == "codec" then WARNED = (WARNED or 0) + 1 end
        end,
        on_message = function(conn, frame)
          conn:send {
            payload = "two " .. tostring(frame.payload) .. (WARNED or "")
          }
        end,
        %s
      }
    ]]):format(codec, more or ""))
  end

  local shouting = [[{
    decode = function(message) return { payload = message:upper() } end,
    encode = function(frame) return "<" .. frame.payload .. ">" end,
    frame_type = "binary",
  }]]

  it("takes new functions, and the kind of message they make", function()
    local ann = start(bars.new "text")
    ann:send "||a"
    assert.equal("||one a", (h:receive(ann)))
    local before = h.server:connections("lobby")[1]
    assert(h.server:reload(script(shouting)))
    ann:send "a"
    local message, opcode = h:receive(ann)
    assert.equal("<two A>", message)
    assert.equal(BINARY, opcode)
    -- The program that started the server still sends in its own way.
    assert(before:send { payload = "from before" })
    message, opcode = h:receive(ann)
    assert.equal("||from before", message)
    assert.equal(TEXT, opcode)
  end)

  for name, codec in pairs { raw = "raw", json = "json" } do
    it("keeps the codec " .. name .. " with one warning", function()
      local ann = start(codec)
      assert(h.server:reload(script(shouting)))
      ann:send(name == "raw" and "a" or '{"payload":"a"}')
      local answer = name == "raw" and "two a1" or '{"payload":"two a1"}'
      assert.equal(answer, (h:receive(ann)))
    end)
  end

  it("is refused when it has no codec in place of one in Lua", function()
    local ann = start(bars.new "text")
    for _, codec in ipairs { '"json"', '"raw"', "nil" } do
      local ok, err = h.server:reload(script(codec))
      assert.is_nil(ok)
      assert.equal("RELOAD_REFUSED", err.code)
      assert.matches('app.lua: server "main" has a codec written in Lua and '
        .. "is described without one", err.message)
    end
    ann:send "||a"
    assert.equal("||one a", (h:receive(ann)))
  end)

  it("counts ids of frames on", function()
    h = harness.start {
      codec = bars.new "text",
      resume_window = 30,
      resume_confirm = true,
    }
    local ann = h:connect "id=ann"
    assert(h.server:send("ann", {}))
    local nonce = h:receive(ann):match "^(%x+)%-1||$"
    assert.is_truthy(nonce)
    -- The option stays as it was, whatever the next script says.
    assert(h.server:reload(script([[{
      decode = function(message) return { payload = message } end,
      encode = function(frame) return frame.id or "none" end,
    }]])))
    ann:send "x"
    assert.equal(nonce .. "-2", (h:receive(ann)))
  end)
end)

describe("the registry", function()
  --- Counts what is referenced from C.
  local function references()
    collectgarbage()
    collectgarbage()
    local count = 0
    for key, value in pairs(debug.getregistry()) do
      if type(key) == "number" and type(value) ~= "number" then
        count = count + 1
      end
    end
    return count
  end

  local function once(reloads)
    local files = folder.new()
    local path = files:write("app.lua", [[
      return require("wspulse").new_server {
        connect = function() return "lobby" end,
        check_origin = "same",
        codec = { encode = function() return "x" end, decode = tostring },
        metrics = { message_sent = function() end },
      }
    ]])
    local h = harness.start {
      codec = bars.new "text",
      metrics = { message_sent = function() end },
      http = { ["GET /x"] = function() end },
      on_message = function(conn, frame)
        conn:send(frame)
      end,
    }
    local ann = h:connect()
    ann:send "||x"
    h:receive(ann)
    for _ = 1, reloads do
      assert(h.server:reload(path))
      h.server:broadcast("lobby", {})
      h:receive(ann)
    end
    h:stop()
    files:remove()
  end

  it("is as it was when servers with codec and hooks have gone", function()
    once(1)
    local before = references()
    for reloads = 0, 3 do
      once(reloads)
    end
    assert.equal(before, references())
  end)
end)
