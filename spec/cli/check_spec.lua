-- SPDX-License-Identifier: MIT
local stages = require "spec.cli.support.stage"

describe("wspulse check", function()
  local stage

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  it("prints what a script declares and exits 0", function()
    stage.folder:write("app.lua", stage.script("one", "  path = '/chat',"))
    local code, out, err = stage:run { "check", "app.lua" }
    assert.equal(0, code, err)
    assert.matches("/chat", out)
    assert.matches("GET /", out)
    assert.equal("", err)
  end)

  it("opens nothing: a taken address is no matter", function()
    stage.folder:write("app.lua", stage.script "one")
    local child = stage:serve { "app.lua", "--no-control" }
    local taken = '  listen = "127.0.0.1:' .. child.port .. '",'
    stage.folder:write("other.lua", stage.script("two", taken))
    local code, _, err = stage:run { "check", "other.lua" }
    assert.equal(0, code, err)
  end)

  it("warns of open origins", function()
    local text = stage.script("one"):gsub('"same"', '"any"')
    stage.folder:write("app.lua", text)
    local code, out = stage:run { "check", "app.lua" }
    assert.equal(0, code)
    assert.matches("SECURITY", out)
  end)

  it("tells codec, hooks and admin address", function()
    local more = table.concat({
      "  codec = { encode = print, decode = print, frame_type = 'binary' },",
      "  metrics = { pong_timeout = print, room_created = print },",
      "  admin = { listen = '127.0.0.1:9100' },",
    }, "\n")
    stage.folder:write("app.lua", stage.script("one", more))
    local code, out, err = stage:run { "check", "app.lua" }
    assert.equal(0, code, err)
    assert.matches("\n  codec = Lua functions, binary messages\n", out)
    assert.matches("\n  metrics room_created pong_timeout\n", out)
    assert.matches("\n  admin 127%.0%.0%.1:9100\n", out)
  end)

  it("tells places for proxies, and limits that were changed", function()
    local more = table.concat({
      "  listen = { '127.0.0.1:0',",
      "    { address = '127.0.0.1:1', proxy_protocol = true } },",
      "  trusted_proxies = { '10.0.0.0/8', 'unix' },",
      "  max_connections = 5, handshake_timeout = 10,",
      "  accept_rate = { per_second = 2.5 },",
    }, "\n")
    stage.folder:write("app.lua", stage.script("one", more))
    local code, out, err = stage:run { "check", "app.lua" }
    assert.equal(0, code, err)
    assert.matches("\n  listen 127%.0%.0%.1:0\n", out)
    assert.matches("\n  listen 127%.0%.0%.1:1 %(PROXY protocol%)\n", out)
    assert.matches("\n  trusted proxy 10%.0%.0%.0/8\n  trusted proxy unix\n",
      out)
    assert.matches("\n  max_connections = 5\n", out)
    assert.matches("\n  accept_rate%.per_second = 2%.5\n", out)
    assert.not_matches("handshake_timeout", out)
  end)

  -- Done 3: a broken script is file:line and exit 1.
  local broken = {
    { "a syntax error", "local x =\nreturn 1 +\n", "^app%.lua:%d+: " },
    { "an error while it runs", "\n\nerror 'no luck'", "^app%.lua:3: no luck" },
    { "a script that returns nothing", "local x = 1", "^app%.lua:" },
    { "a script that returns something else", "return 7", "^app%.lua:" },
    {
      "an unknown option",
      'return require("wspulse").new_server {\n'
        .. "  connect = function() end,\n  on_mesage = print,\n}",
      "^app%.lua:%d+: .*on_mesage.*on_message",
    },
    {
      "an option out of range",
      'return require("wspulse").new_server {\n'
        .. "  connect = function() end,\n  write_wait = 0,\n}",
      "^app%.lua:%d+: .*WithWriteWait: duration must be positive"
        .. " %(write_wait = 0%)",
    },
    {
      "an option out of range in a script of one line",
      'return require("wspulse").new_server { write_wait = 0,'
        .. " connect = print }",
      "^app%.lua:1: .*WithWriteWait: duration must be positive",
    },
    {
      "a module that is not there",
      'local chat = require "chat_absent"',
      "^app%.lua:1: module 'chat_absent' not found",
    },
    { "bytecode", "\27LJ\2", "^app%.lua:" },
  }
  for _, case in ipairs(broken) do
    local title, text, message = unpack(case)
    it("refuses " .. title .. " with file:line and exit 1", function()
      stage.folder:write("app.lua", text)
      local code, out, err = stage:run { "check", "app.lua" }
      assert.equal(1, code)
      assert.equal("", out)
      assert.matches(message, err)
      assert.matches("\n$", err)
    end)
  end

  it("names the file of a module that is broken", function()
    stage.folder:write("app.lua", 'require "chat"')
    stage.folder:write("chat.lua", "\nlocal x = = 1\n")
    local code, _, err = stage:run { "check", "app.lua" }
    assert.equal(1, code)
    assert.matches("chat%.lua:2: ", err)
  end)

  it("says which script it cannot open", function()
    local code, out, err = stage:run { "check", "absent.lua" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("absent%.lua", err)
    assert.matches("No such file", err)
  end)
end)
