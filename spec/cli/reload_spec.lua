-- SPDX-License-Identifier: MIT
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

describe("wspulse reload", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage.folder:write("app.lua", stage.script "one")
  end)

  after_each(function()
    stage:finish()
  end)

  it("swaps the code and prints the generation, exit 0", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", stage.script "two")
    local code, out, err = stage:run { "reload", "app.lua" }
    assert.same({ 0, "reloaded: generation 2\n", "" }, { code, out, err })
    assert.equal("two", peer.fetch(child.port))
    code, out = stage:run { "reload", "app.lua" }
    assert.same({ 0, "reloaded: generation 3\n" }, { code, out })
    child:await_stderr "reloaded .*generation=3.*by=control"
  end)

  -- Done 3: refused with the reason, exit 1, and the old code answers.
  it("prints why it was refused, exit 1, and the old code answers", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", "\n\nerror 'no luck'")
    local code, out, err = stage:run { "reload", "app.lua" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("app%.lua:3: no luck\n$", err)
    assert.equal("one", peer.fetch(child.port))
    child:await_stderr "reload refused .*by=control.*app%.lua:3: no luck"
  end)

  it("hostile 69: refuses a script that is not there", function()
    local child = stage:serve { "app.lua" }
    os.remove(stage.folder:at "app.lua")
    local code, _, err = stage:run { "reload", "app.lua" }
    assert.equal(1, code)
    assert.matches("app%.lua", err)
    assert.equal("one", peer.fetch(child.port))
  end)

  it("loads a required module again", function()
    stage.folder:write("word.lua", 'return "alpha"')
    stage.folder:write("app.lua", stage.script_with_module())
    local child = stage:serve { "app.lua" }
    assert.equal("alpha", peer.fetch(child.port))
    stage.folder:write("word.lua", 'return "beta"')
    assert.equal(0, (stage:run { "reload" }))
    assert.equal("beta", peer.fetch(child.port))
  end)

  it("finds the only running server by itself", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", stage.script "two")
    local code, out = stage:run { "reload" }
    assert.same({ 0, "reloaded: generation 2\n" }, { code, out })
    assert.equal("two", peer.fetch(child.port))
  end)

  it("does not count the socket of a server that was killed", function()
    stage.folder:write("other.lua", stage.script "other")
    local dead = stage:serve { "other.lua" }
    dead:signal "KILL"
    dead:wait()
    stage:serve { "app.lua" }
    assert.equal(0, (stage:run { "reload" }))
  end)

  it("does not choose between two servers", function()
    stage:serve { "app.lua" }
    stage.folder:write("other.lua", stage.script "other")
    stage:serve { "other.lua" }
    local code, out, err = stage:run { "reload" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("2 running servers found", err)
    assert.matches("%-%-control", err)
    assert.equal(0, (stage:run { "reload", "other.lua" }))
  end)

  it("says that nobody runs", function()
    local code, out, err = stage:run { "reload" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("no running server found in " .. "/tmp/", err)
    local again, _, reason = stage:run { "reload", "app.lua" }
    assert.equal(1, again)
    assert.matches("wspulse%-app%.sock", reason)
  end)

  for title, how in pairs {
    ["--control"] = { { "--control", "c.sock" }, {} },
    ["WSPULSE_CONTROL"] = { {}, { WSPULSE_CONTROL = "c.sock" } },
  } do
    it("goes to the socket of " .. title, function()
      local flags, env = unpack(how)
      local child =
        stage:serve({ "app.lua", unpack(flags) }, { env = env })
      stage.folder:write("new.lua", stage.script "new")
      local code = stage:run({ "reload", "new.lua", unpack(flags) }, {
        env = env,
      })
      assert.equal(0, code)
      assert.equal("new", peer.fetch(child.port))
    end)
  end

  it("sends the full path, wherever it was called", function()
    stage.folder:make_folder "releases"
    local child = stage:serve { "app.lua" }
    stage.folder:write("releases/app.lua", stage.script "release")
    local code, out = stage:run({ "reload", "app.lua" }, {
      shell = 'cd releases && exec "$@"',
    })
    assert.same({ 0, "reloaded: generation 2\n" }, { code, out })
    assert.equal("release", peer.fetch(child.port))
  end)

  it("counts on from a reload that the script asked for", function()
    stage.folder:write("app.lua", [[
      local wspulse = require "wspulse"
      local server
      server = wspulse.new_server {
        listen = "127.0.0.1:0",
        check_origin = "same",
        connect = function() return "lobby" end,
        http = {
          ["GET /"] = function(_, res)
            res:send(server:metrics_text():match "server_generation (%d+)")
          end,
          ["GET /reload"] = function() assert(server:reload()) end,
        },
      }
      return server
    ]])
    local child = stage:serve { "app.lua", "--control", "c.sock" }
    local control = stage.folder:at "c.sock"
    assert.equal("ok generation 1\n", peer.ask(control, "status"))
    peer.fetch(child.port, "/reload")
    stages.methods.await_page(child, "2")
    assert.equal("ok generation 2\n", peer.ask(control, "status"))
    local to = { "--control", "c.sock" }
    stage.folder:write("broken.lua", "error 'no luck'")
    assert.equal(1, (stage:run { "reload", "broken.lua", unpack(to) }))
    child:await_stderr "reload refused .*generation=2"
    local code, out = stage:run { "reload", unpack(to) }
    assert.same({ 0, "reloaded: generation 3\n" }, { code, out })
    assert.equal("ok generation 3\n", peer.ask(control, "status"))
  end)

  it("takes a path with blanks, and refuses one with a line break", function()
    local child = stage:serve { "app.lua", "--control", "c.sock" }
    stage.folder:write("my app.lua", stage.script "blank")
    assert.equal(
      0,
      (stage:run { "reload", "my app.lua", "--control", "c.sock" })
    )
    assert.equal("blank", peer.fetch(child.port))
    local code, _, err =
      stage:run { "reload", "a\nb.lua", "--control", "c.sock" }
    assert.equal(1, code)
    assert.matches("control character", err)
  end)

  it("explains a path that is too long", function()
    local code, _, err =
      stage:run { "reload", "--control", string.rep("x", 200) }
    assert.equal(1, code)
    assert.matches("200 bytes, a unix socket takes 107", err)
  end)

  it("answers each of many at once", function()
    local child = stage:serve { "app.lua" }
    local asking = {}
    for i = 1, 8 do
      asking[i] = stage:spawn { "reload", "app.lua" }
    end
    for _, one in ipairs(asking) do
      assert.equal(0, one:wait())
      assert.matches("^reloaded: generation %d+\n$", one:stdout())
    end
    assert.equal("one", peer.fetch(child.port))
  end)
end)
