-- SPDX-License-Identifier: MIT
--- What `connect` may return, and what becomes of it.

local wspulse = require "wspulse"

local harness = require "harness"

--- Asks for an upgrade of a server whose `connect` is `fn`.
-- @return the harness, and status, body and head of the answer
local function upgrade(fn, more)
  local options = more or {}
  options.connect = fn
  local h = harness.start(options)
  local _, status, head, body = h:upgrade "/ws?token=t"
  return h, status, body, head
end

describe("connect", function()
  local h

  after_each(function()
    h:stop()
  end)

  it("S14 S29 refuses with 401 and says no more", function()
    local called = false
    local status, body, head
    h, status, body, head = upgrade(function()
      return nil, "secret reason"
    end, {
      on_connect = function()
        called = true
      end,
    })
    assert.equal(401, status)
    assert.equal("unauthorized\n", body)
    assert.is_nil(head:find "secret")
    for _ = 1, 3 do
      h.server:poll()
    end
    assert.is_false(called)
  end)

  it("refuses with a status of its own", function()
    local status, body
    h, status, body = upgrade(function()
      return nil, "not here", 403
    end)
    assert.equal(403, status)
    assert.is_nil(body:find "not here")
  end)

  it("refuses for false, for nothing, and for an error object", function()
    for _, fn in ipairs {
      function() return false end,
      function() end,
      function() return nil, wspulse.errors.SERVER_CLOSED end,
      function() return nil, setmetatable({}, { __tostring = error }) end,
      function() return nil, ("x"):rep(1e5) end,
    } do
      if h then
        h:stop()
      end
      local status
      h, status = upgrade(fn)
      assert.equal(401, status)
    end
  end)

  it("is 500 with a generic body when it raises", function()
    local status, body
    h, status, body = upgrade(function()
      error "secret reason"
    end)
    assert.equal(500, status)
    assert.is_nil(body:find "secret")
    local line = h:line "wspulse: handler raised"
    assert.equal("connect", line.fields.handler)
    assert.matches("admission_spec.lua:%d+: secret reason$", line.fields.error)
  end)

  it("hostile 15 is 500 when it returns what is no id", function()
    for what, fn in pairs {
      number = function() return 7 end,
      table = function() return {} end,
      ["true"] = function() return true end,
      ["number id"] = function() return "room", 7 end,
      ["a long id"] = function() return "room", ("x"):rep(2 ^ 20) end,
      ["a long room"] = function() return ("x"):rep(1025), "id" end,
      newline = function() return "room", "a\nb" end,
      NUL = function() return "room", "a\0b" end,
      ["bad UTF-8"] = function() return "room", "a\255b" end,
      ["a control in the room"] = function() return "a\27b", "id" end,
      ["status 200"] = function() return nil, "x", 200 end,
      ["status 500"] = function() return nil, "x", 500 end,
      ["status 400.5"] = function() return nil, "x", 400.5 end,
      ["status NaN"] = function() return nil, "x", 0 / 0 end,
      ["status text"] = function() return nil, "x", "403" end,
    } do
      if h then
        h:stop()
      end
      local status, body
      h, status, body = upgrade(fn)
      assert.equal(500, status, what)
      assert.equal("Internal Server Error\n", body)
      local line = h:line "wspulse: connect returned a wrong value"
      assert.matches("^connect: the ", line.fields.error)
    end
  end)

  it("takes ids up to 1024 bytes, and an empty room", function()
    local id, room = ("ü"):rep(512), nil
    local status
    h, status = upgrade(function()
      return "", id
    end, {
      on_connect = function(conn)
        room = conn:room_id()
      end,
    })
    assert.equal(101, status)
    h:wait("on_connect", function()
      return room
    end)
    assert.equal("", room)
    assert.is_true(h.server:kick(id))
  end)

  it("reads query, headers, cookies and the remote address", function()
    local seen = {}
    h = harness.start {
      connect = function(req)
        seen.method, seen.path = req.method, req.path
        seen.remote = req.remote_addr
        seen.token, seen.none = req:query "token", req:query "none"
        seen.agent = req:header "User-Agent"
        seen.cookie = req:cookie "sid"
        seen.req = req
        return "lobby"
      end,
    }
    h:upgrade("/ws?token=a%20b",
      "user-agent: spec\r\nCookie: a=1; sid=xyz\r\n")
    assert.equal("GET", seen.method)
    assert.equal("/ws", seen.path)
    assert.matches("^127%.0%.0%.1:%d+$", seen.remote)
    assert.equal("a b", seen.token)
    assert.is_nil(seen.none)
    assert.equal("spec", seen.agent)
    assert.equal("xyz", seen.cookie)
    local ok, message = pcall(function()
      return seen.req:query "token"
    end)
    assert.is_false(ok)
    assert.matches("request used after its handler returned", message)
  end)

  it("sees the sub-protocol that the answer will name", function()
    local seen = {}
    h = harness.start {
      subprotocols = { "chat.v2", "chat" },
      connect = function(req)
        seen[#seen + 1] = req.subprotocol or "none"
        return "lobby", "id" .. #seen
      end,
      on_connect = function(conn)
        seen[#seen + 1] = conn:request().subprotocol or "none"
      end,
    }
    local function named(headers)
      seen = {}
      local _, status, head = h:upgrade("/ws", headers)
      assert.equal(101, status)
      h:wait("on_connect", function()
        return #seen == 2
      end)
      assert.equal(seen[1], seen[2])
      local name = head:match "\nSec%-WebSocket%-Protocol: ([^\r]*)\r\n"
      assert.equal(seen[1], name or "none")
      return seen[1]
    end
    assert.equal("chat.v2", named "Sec-WebSocket-Protocol: chat, chat.v2\r\n")
    assert.equal("chat", named "sec-websocket-protocol: x ,chat\r\n")
    assert.equal("none", named "Sec-WebSocket-Protocol: x, Chat\r\n")
    assert.equal("none", named(nil))
  end)
end)
