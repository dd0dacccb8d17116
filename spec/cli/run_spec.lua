-- SPDX-License-Identifier: MIT
local cjson = require "cjson"
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

describe("wspulse run", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage.folder:write("app.lua", stage.script "one")
  end)

  after_each(function()
    stage:finish()
  end)

  -- ---- addresses ----

  it("prints the real address of port 0 and serves there", function()
    local child = stage:serve { "app.lua" }
    assert.not_equal("0", child.port)
    local address = "127.0.0.1:" .. child.port
    local line = "wspulse: listening on http://%s/ and ws://%s/ws\n"
    assert.equal(line:format(address, address), child:stdout())
    assert.equal("one", peer.fetch(child.port))
    peer.open_socket(child.port):close()
  end)

  it("takes the path of the socket from the script", function()
    stage.folder:write("app.lua", stage.script("one", "  path = '/chat',"))
    local child = stage:serve { "app.lua" }
    assert.matches("ws://127%.0%.0%.1:%d+/chat\n", child:stdout())
  end)

  it("listens where flags say, several times, unix sockets too", function()
    local child = stage:spawn {
      "run", "app.lua", "--listen", "127.0.0.1:0", "--listen=unix:app.sock",
    }
    child:await_stdout "listening on unix:[^\n]*app%.sock\n"
    child:await_stdout "listening on http://127%.0%.0%.1:(%d+)/"
  end)

  it("prefers flags to the environment and that to the script", function()
    local unusable = stage.script("one", '  listen = "unix:/absent/app.sock",')
    stage.folder:write("app.lua", unusable)
    local env = { WSPULSE_LISTEN = "127.0.0.1:0,127.0.0.1:0" }
    local child = stage:serve({ "app.lua" }, { env = env })
    local _, lines = child:stdout():gsub("listening on http", "")
    assert.equal(2, lines)

    env = { WSPULSE_LISTEN = "unix:/absent/app.sock" }
    local flags = { "app.lua", "--no-control", "--listen", "127.0.0.1:0" }
    child = stage:serve(flags, { env = env })
    _, lines = child:stdout():gsub("listening on", "")
    assert.equal(1, lines)
  end)

  it("serves every server of an array and names them", function()
    stage.folder:write("app.lua", table.concat({
      "local one = (function() " .. stage.script "one" .. " end)()",
      "local two = (function() "
        .. stage.script("two", '  name = "admin",')
        .. " end)()",
      "return { one, two }",
    }, "\n"))
    local child = stage:serve { "app.lua" }
    local port = child:await_stdout "127%.0%.0%.1:(%d+)/ws %(server admin%)"
    assert.equal("one", peer.fetch(child.port))
    assert.equal("two", peer.fetch(port))
  end)

  it("says where the admin address is, and serves there", function()
    local admin = '  admin = { listen = "127.0.0.1:0" },'
    stage.folder:write("app.lua", stage.script("one", admin))
    local child = stage:serve { "app.lua" }
    local port = child:await_stdout(
      "\nwspulse: admin on http://127%.0%.0%.1:(%d+)/metrics\n$"
    )
    assert.equal("ok\n", peer.fetch(port, "/healthz"))
    assert.matches("\nwspulse_rooms_active 0\n", peer.fetch(port, "/metrics"))

    stage.folder:write(
      "app.lua",
      stage.script("one", '  name = "b", admin = { listen = "unix:a.sock" },')
    )
    child = stage:spawn { "run", "app.lua", "--no-control" }
    child:await_stdout "\nwspulse: admin on unix:[^\n]*a%.sock %(server b%)\n"
  end)

  -- ---- what can go wrong ----

  it("names address and reason when it cannot listen, exit 1", function()
    local child = stage:serve { "app.lua" }
    local address = "127.0.0.1:" .. child.port
    local code, out, err =
      stage:run { "run", "app.lua", "--no-control", "--listen", address }
    assert.equal(1, code)
    assert.equal("", out)
    assert.is_truthy(err:find(address, 1, true))
    assert.matches("[Aa]ddress already in use", err)
  end)

  it("opens nothing when one of two addresses is taken", function()
    local child = stage:serve { "app.lua" }
    local code = stage:run {
      "run", "app.lua", "--no-control", "--listen", "unix:first.sock",
      "--listen", "127.0.0.1:" .. child.port,
    }
    assert.equal(1, code)
    assert.is_false(stage.folder:exists "first.sock")
  end)

  it("says what is wrong with an address, exit 1", function()
    local code, _, err =
      stage:run { "run", "app.lua", "--no-control", "--listen", "nonsense" }
    assert.equal(1, code)
    assert.matches("nonsense", err)
  end)

  it("refuses a broken script with file:line, exit 1", function()
    stage.folder:write("app.lua", "\nerror 'no luck'")
    local code, out, err = stage:run { "run", "app.lua" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("^app%.lua:2: no luck\n", err)
  end)

  it("says in JSON why it does not start", function()
    stage.folder:write("app.lua", "\nerror 'no luck'")
    local flags = { "run", "app.lua", "--log-format=json", "--log-level=off" }
    local code, _, err = stage:run(flags)
    assert.equal(1, code)
    assert.equal("app.lua:2: no luck", cjson.decode(err).reason)
  end)

  -- ---- logs ----

  it("logs text on stderr, from the level on that was asked for", function()
    local child = stage:serve { "app.lua" }
    child:await_stderr "INFO +serving .*script=app%.lua.*generation=1\n"
    assert.not_matches("descriptor limit", child:stderr())
    assert.not_matches("\27", child:stderr())

    child = stage:serve { "app.lua", "--no-control", "--log-level", "debug" }
    child:await_stderr "DEBUG +descriptor limit"

    local env = { WSPULSE_LOG_LEVEL = "error" }
    child = stage:serve({ "app.lua", "--no-control" }, { env = env })
    child:signal "TERM"
    assert.equal(0, child:wait())
    assert.equal("", child:stderr())
  end)

  for title, how in pairs {
    ["--log-format json"] = { { "--log-format", "json" }, {} },
    ["WSPULSE_LOG_FORMAT=json"] = { {}, { WSPULSE_LOG_FORMAT = "json" } },
  } do
    it("logs one JSON object a line with " .. title, function()
      local flags, env = unpack(how)
      local child = stage:serve(
        { "app.lua", "--log-level=debug", unpack(flags) },
        { env = env }
      )
      child:signal "HUP"
      child:await_stderr "reloaded"
      child:signal "TERM"
      assert.equal(0, child:wait())
      local reloaded
      for line in child:stderr():gmatch "[^\n]+" do
        local entry = cjson.decode(line)
        assert.equal("table", type(entry))
        reloaded = line:find('"reloaded"', 1, true) and entry or reloaded
      end
      assert.equal(2, reloaded.generation)
      assert.equal("SIGHUP", reloaded.by)
    end)
  end

  it("colours on a terminal, but not with NO_COLOR", function()
    local child = stage:serve({ "app.lua" }, { terminal = true })
    child:await_stderr "serving"
    assert.matches("\27%[", child:stderr())

    child = stage:serve(
      { "app.lua", "--no-control" },
      { terminal = true, env = { NO_COLOR = "1" } }
    )
    child:await_stderr "serving"
    assert.not_matches("\27", child:stderr())
  end)

  -- ---- control socket ----

  it("makes its control socket by the script's name, for its user", function()
    local child = stage:serve { "app.lua" }
    local path = stage.folder:at "wspulse-app.sock"
    local listing = io.popen("stat -c '%F %a' " .. path)
    assert.equal("socket 600\n", listing:read "*a")
    listing:close()
    child:signal "TERM"
    assert.equal(0, child:wait())
    listing = io.popen("ls " .. stage.folder.path)
    assert.not_matches("%.sock", listing:read "*a")
    listing:close()
  end)

  it("replaces the control socket of a server that was killed", function()
    local child = stage:serve { "app.lua" }
    child:signal "KILL"
    child:wait()
    child = stage:serve { "app.lua" }
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    assert.not_matches("no control socket", child:stderr())
  end)

  it("warns and serves when the default control socket is taken", function()
    local first = stage:serve { "app.lua" }
    local second = stage:serve { "app.lua" }
    second:await_stderr "WARN +no control socket.*wspulse%-app%.sock"
    assert.equal("one", peer.fetch(second.port))
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    first:await_stderr "reloaded"
    second:signal "TERM"
    assert.equal(0, second:wait())
    assert.equal(0, (stage:run { "reload", "app.lua" }))
  end)

  it("exits 1 when the control socket it was given is taken", function()
    stage:serve { "app.lua", "--control", "c.sock" }
    local code, out, err = stage:run { "run", "app.lua", "--control=c.sock" }
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("c%.sock", err)
    local env = { WSPULSE_CONTROL = "c.sock" }
    assert.equal(1, (stage:run({ "run", "app.lua" }, { env = env })))
  end)

  it("explains a control path that is too long", function()
    local long = string.rep("x", 120)
    local code, _, err = stage:run { "run", "app.lua", "--control", long }
    assert.equal(1, code)
    assert.matches("120 bytes, a unix socket takes 107", err)
    assert.matches("%-%-control", err)

    stage.folder:write(long .. ".lua", stage.script "long")
    local child = stage:serve { long .. ".lua" }
    child:await_stderr "WARN +no control socket"
    assert.equal("long", peer.fetch(child.port))
  end)

  it("makes no control socket with --no-control", function()
    local env = { WSPULSE_CONTROL = stage.folder:at "c.sock" }
    stage:serve({ "app.lua", "--no-control" }, { env = env })
    local listing = io.popen("ls " .. stage.folder.path)
    assert.not_matches("%.sock", listing:read "*a")
    listing:close()
  end)

  it("falls back to TMPDIR where there is no runtime folder", function()
    stage.folder:make_folder "tmp"
    local env = {
      XDG_RUNTIME_DIR = stage.folder:at "absent",
      TMPDIR = stage.folder:at "tmp",
    }
    local child = stage:serve({ "app.lua" }, { env = env })
    assert.not_matches("WARN", child:stderr())
    assert.equal(0, (stage:run({ "reload" }, { env = env })))
    child:await_stderr "reloaded"
  end)

  -- ---- the process ----

  it("raises the limit of descriptors as far as it may", function()
    local child = stage:serve({ "app.lua" }, {
      shell = 'ulimit -Sn 128; exec "$@"',
    })
    local limits = assert(io.open("/proc/" .. child.pid .. "/limits"))
    local soft, hard = limits:read("*a"):match "Max open files +(%d+) +(%d+)"
    limits:close()
    assert.equal(hard, soft)
  end)

  it("keeps sockets out of closed standard descriptors", function()
    local child = stage:serve({ "app.lua" }, { closed = { 0, 2 } })
    assert.equal("one", peer.fetch(child.port))
    local link = io.popen("readlink /proc/" .. child.pid .. "/fd/2")
    assert.equal("/dev/null\n", link:read "*a")
    link:close()
  end)
end)
