-- SPDX-License-Identifier: MIT
local deadline = require "spec.cli.support.deadline"
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

-- Longer than a spec waits: who meets this barrier fails it.
local SLOW_CLOSE = "  write_wait = 30,"

describe("a signal to wspulse run", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage.folder:write("app.lua", stage.script("one", SLOW_CLOSE))
  end)

  after_each(function()
    stage:finish()
  end)

  -- Answers a close frame; the server ends the stream first (RFC 6455 §7.1.1).
  local function finish_handshake(client)
    client:send(peer.CLOSE_FRAME)
    assert.equal("", client:read_all())
    client:close()
  end

  for _, name in ipairs { "TERM", "INT" } do
    it("SIG" .. name .. " closes an idle server, exit 0", function()
      local child = stage:serve { "app.lua" }
      child:signal(name)
      assert.equal(0, child:wait())
      assert.matches("closing.*by=SIG" .. name, child:stderr())
      assert.matches("INFO +closed", child:stderr())
      assert.is_nil(peer.fetch(child.port))
    end)
  end

  it("is not needed: a script that closes its server ends it", function()
    local closing = stage.script "one"
    closing = closing:gsub('res:send%("one"%)', "%0; _G.server:close()")
    closing = closing:gsub(
      "^return ([^\n]+.*)$", "_G.server = %1 return server")
    stage.folder:write("app.lua", closing)
    local child = stage:serve { "app.lua" }
    assert.equal("one", peer.fetch(child.port))
    assert.equal(0, child:wait())
    assert.matches("INFO +closed by the script", child:stderr())
  end)

  it("SIGTERM gives peers 1001 and waits for their answer", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    assert.is_truthy(client:read_until "\136.\3\233")
    assert.is_true(child:is_running())
    finish_handshake(client)
    assert.equal(0, child:wait())
    assert.matches("INFO +closed", child:stderr())
  end)

  it("a second one ends peers that do not answer, exit 0", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    assert.is_truthy(client:read_until "\136.\3\233")
    assert.is_true(child:is_running())
    child:signal "TERM"
    assert.equal(0, child:wait())
    assert.matches("WARN +stopping at once", child:stderr())
    assert.not_matches("INFO +closed", child:stderr())
    client:close()
  end)

  it("SIGINT after SIGTERM is the second one", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    child:await_stderr "(closing)"
    child:signal "INT"
    assert.equal(0, child:wait())
    assert.matches("stopping at once.*by=SIGINT", child:stderr())
    client:close()
  end)

  it("frees the control socket at the first one", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    child:await_stderr "(closing)"
    assert.equal(1, (stage:run { "reload", "app.lua" }))
    local successor = stage:serve { "app.lua" }
    assert.not_matches("no control socket", successor:stderr())
    child:signal "TERM"
    assert.equal(0, child:wait())
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    client:close()
  end)

  it("answers 503 from the first one on (S31)", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    child:await_stderr "(closing)"
    assert.equal("server closed\n", peer.fetch(child.port))
    client:close()
  end)

  it("SIGHUP loads the script again", function()
    local child = stage:serve { "app.lua" }
    assert.equal("one", peer.fetch(child.port))
    stage.folder:write("app.lua", stage.script "two")
    child:signal "HUP"
    child:await_stderr "INFO +reloaded .*generation=2.*by=SIGHUP"
    assert.equal("two", peer.fetch(child.port))
  end)

  it("SIGHUP refuses a broken script and the old code answers", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", "\n\nlocal x = = 1")
    child:signal "HUP"
    child:await_stderr "ERROR +reload refused .*generation=1"
    assert.matches("app%.lua:3: ", child:stderr())
    assert.equal("one", peer.fetch(child.port))
    stage.folder:write("app.lua", stage.script "two")
    child:signal "HUP"
    child:await_stderr "INFO +reloaded"
    assert.equal("two", peer.fetch(child.port))
  end)

  it("SIGHUP keeps a connection open", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "HUP"
    child:await_stderr "(reloaded)"
    -- A ping with an empty payload; its pong comes from the new generation.
    client:send "\137\128\0\0\0\0"
    assert.is_truthy(client:read_until "^\138%z$")
    client:close()
  end)

  it("SIGHUP while it closes changes nothing", function()
    local child = stage:serve { "app.lua" }
    local client = peer.open_socket(child.port)
    child:signal "TERM"
    assert.is_truthy(client:read_until "\136.\3\233")
    child:signal "HUP"
    finish_handshake(client)
    assert.equal(0, child:wait())
    assert.not_matches("reload", child:stderr())
  end)

  it("SIGPIPE is ignored: a reader of stdout may go", function()
    local child = stage:spawn({ "run", "app.lua" }, {
      shell = 'mkfifo out; head -n 1 <out >line & exec "$@" >out',
    })
    local port = deadline.await(function()
      return (stage.folder:read "line" or ""):match "127%.0%.0%.1:(%d+)/"
    end, "the address")
    assert.equal("one", peer.fetch(port))
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    assert.equal("one", peer.fetch(port))
    child:signal "TERM"
    assert.equal(0, child:wait())
  end)
end)
