-- SPDX-License-Identifier: MIT
-- What time and memory a script may take: handler_timeout, lua_memory_limit,
-- and the time that a reload gives it to load.
local deadline = require "spec.cli.support.deadline"
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

-- Bodies of functions that would run for ever, whatever they catch.
local ENDLESS = {
  ["a loop"] = "while true do end",
  ["a loop behind jit.on"] = "jit.on() jit.on(true, true) while true do end",
  ["a loop in pcall"] = [[
    while true do
      pcall(function() while true do end end)
    end]],
  ["a message handler"] = [[
    while true do
      xpcall(function() while true do end end, function()
        while true do end
      end)
    end]],
  ["a message handler of an error"] = [[
    xpcall(error, function() while true do end end)]],
  ["a recursion that catches itself"] = [[
    local function f() while true do pcall(f) end end
    f()]],
  ["a recursion that tries twice"] = [[
    local function f() pcall(f) pcall(f) end
    f()]],
  ["a recursion of large frames"] = [[
    local function f(a, b, c, d, e, f1, g, h)
      local i, j, k, l, m, n, o, p, q, r, s, t = 1, 2, 3, 4, 5, 6, 7, 8, 9
      pcall(f, i, j, k, l, m, n, o, p, q)
      pcall(f, q, r, s, t, a, b, c, d, e)
      return a, f1, g, h
    end
    f()]],
  ["a recursion of varargs"] = [[
    local function f(...) pcall(f, 1, ...) pcall(f, 2, ...) end
    f()]],
  ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
  ["coroutines that end late"] = [[
    while true do
      pcall(coroutine.wrap(function() while true do end end))
    end]],
  ["coroutines inside each other"] = [[
    local function f()
      return coroutine.wrap(function() while true do pcall(f()) end end)
    end
    f()()]],
  ["gsub"] = [[
    while true do
      string.gsub("aaa", "a", function() while true do pcall(error) end end)
    end]],
  ["sort"] = [[
    while true do
      pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
    end]],
  ["a metamethod"] = [[
    local t = setmetatable({}, { __index = function() while true do end end })
    while true do pcall(function() return t.x end) end]],
  ["the text of an error"] = [[
    error(setmetatable({}, {
      __tostring = function() while true do end end,
    }))]],
  ["many short calls of C"] = [[
    local text = ("a"):rep(100)
    while true do text:find ".-.-b" end]],
}

local function indent(lines)
  return (lines:gsub("\n%s*", " "))
end

describe("handler_timeout", function()
  local stage

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  -- Serves GET /go, which runs the body `code`, beside GET /.
  local function serve(code, options, ...)
    local more = ([[
      http = {
        ["GET /"] = function(_, res) res:send "alive" end,
        ["GET /go"] = function(_, res) %s res:send "it ended" end,
      }, %s
    ]]):format(indent(code), options)
    stage.folder:write("app.lua", (stage.script("", more)))
    return stage:serve { "app.lua", "--no-control", ... }
  end

  for name, code in pairs(ENDLESS) do
    it("hostile 68: a handler that never returns is ended: " .. name,
      function()
      local child = serve(code, "handler_timeout = 0.05,")
      for _ = 1, 2 do
        local page = peer.fetch(child.port, "/go")
        assert.equal("Internal Server Error\n", page)
        assert.equal("alive", peer.fetch(child.port, "/"))
      end
      child:await_stderr
        "ran longer than 0%.05 s %(handler_timeout%).*ran longer than"
    end)
  end

  it("says where the handler was", function()
    local child = serve("local function spin() while true do end end spin()",
      "handler_timeout = 0.05,")
    peer.fetch(child.port, "/go")
    local stack = child:await_stderr
      "error=\"app%.lua:%d+: ran longer than [^\n]*stack=\"([^\"]*)\""
    assert.matches("in function 'spin'", stack)
  end)

  it("fails what C made late, when it has ended", function()
    local child = serve([[("a"):rep(200):find ".-.-.-b"]],
      "handler_timeout = 0.001,")
    assert.equal("Internal Server Error\n", peer.fetch(child.port, "/go"))
    assert.equal("alive", peer.fetch(child.port, "/"))
  end)

  it("leaves those alone that are in time", function()
    local child = serve([[
      local sum = 0
      for i = 1, 1e5 do sum = sum + i end
      local co = coroutine.wrap(function() coroutine.yield(sum) end)
      assert(co() == 5000050000)
      local function f(n) return n == 0 and 0 or 1 + f(n - 1) end
      assert(f(15000) == 15000)
      assert(not pcall(error, "caught"))
      assert(not jit.status())
    ]], "handler_timeout = 60,")
    for _ = 1, 3 do
      assert.equal("it ended", peer.fetch(child.port, "/go"))
    end
    assert.not_matches("ran longer", child:stderr())
  end)

  it("is over with the handler: the next one has all its time", function()
    local child = serve("while true do end", [[
      handler_timeout = 0.2, connect = function(req)
        if req:query "spin" then while true do end end
        return "lobby"
      end,
    ]])
    local function status(target)
      local one = assert(peer.connect(child.port))
      one:send("GET " .. target .. " HTTP/1.1\r\nHost: x\r\n"
        .. "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        .. "Sec-WebSocket-Version: 13\r\n"
        .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      local code = one:read_until("\r\n\r\n"):match "^HTTP/1.1 (%d+)"
      one:close()
      return tonumber(code)
    end
    assert.equal(500, status "/ws?spin=1")
    assert.equal(101, status "/ws")
  end)

  it("leaves the compiler on where there is none, and off for who asks",
    function()
      local report = 'do return res:send(tostring((jit.status()))) end'
      local child = serve(report, "")
      assert.equal("true", peer.fetch(child.port, "/go"))
      for _, option in ipairs { "handler_timeout = 1,",
        "lua_memory_limit = 2^24," } do
        child = serve(report, option)
        assert.equal("false", peer.fetch(child.port, "/go"))
      end
      stage.folder:write("app.lua", "jit.off()\n"
        .. stage.script("", "http = { ['GET /go'] = function(_, res) "
          .. report .. " end },"))
      child = stage:serve { "app.lua", "--no-control" }
      assert.equal("false", peer.fetch(child.port, "/go"))
      child = serve("jit.off() jit.on() " .. report, "")
      assert.equal("true", peer.fetch(child.port, "/go"))
    end)

  it("hostile 68: ends what is called for a message: codec, logger, hooks",
    function()
      stage.folder:write("app.lua", [[
        local where = ""
        local function spin(place)
          if where == place then
            where = ""
            while true do pcall(error) end
          end
        end
        return require("wspulse").new_server {
          listen = "127.0.0.1:0", check_origin = "same",
          connect = function() return "lobby" end,
          handler_timeout = 0.1,
          codec = {
            decode = function(text)
              if text:find "^in " then
                where = text:sub(4)
              end
              spin "decode"
              return { event = text }
            end,
            encode = function(frame)
              spin "encode"
              return frame.event
            end,
          },
          metrics = { message_sent = function() spin "metrics" end },
          logger = function(level, message, fields)
            if level ~= "debug" then
              local why = fields.error or ""
              io.stderr:write(level, " ", message, " ", why, "\n")
            end
            spin "logger"
          end,
          on_message = function(conn, frame)
            if where == "logger" then
              require("wspulse").log.info "x"
            end
            conn:send { event = where }
          end,
        }
      ]])
      local child = stage:serve { "app.lua", "--no-control" }
      local function text_frame(text)
        return "\129" .. string.char(128 + #text) .. "\0\0\0\0" .. text
      end
      local seen = 0
      for _, place in ipairs { "decode", "encode", "logger", "metrics" } do
        local one = peer.open_socket(child.port)
        one:send(text_frame("in " .. place))
        deadline.await(function()
          local found = select(2, child:stderr():gsub("ran longer", ""))
          return found > seen and found
        end, "the line of " .. place)
        seen = seen + 1
        one:close()
        local other = peer.open_socket(child.port)
        other:send(text_frame "in nothing")
        assert(other:read_until "nothing")
        other:send(peer.CLOSE_FRAME)
        other:close()
      end
    end)

  it("of several servers in a script the shortest counts", function()
    stage.folder:write("app.lua", [[
      local wspulse = require "wspulse"
      local function server(name, timeout)
        return wspulse.new_server {
          name = name, listen = "127.0.0.1:0", check_origin = "same",
          connect = function() return "lobby" end,
          handler_timeout = timeout,
          http = { ["GET /go"] = function() while true do end end },
        }
      end
      return { server("long", 3000), server("short", 0.05) }
    ]])
    local child = stage:serve { "app.lua", "--no-control" }
    assert.equal("Internal Server Error\n", peer.fetch(child.port, "/go"))
    child:await_stderr "ran longer than 0%.05 s"
  end)

  it("is printed by check, and so is lua_memory_limit", function()
    stage.folder:write("app.lua", stage.script("",
      "handler_timeout = 1.5, lua_memory_limit = 2097152,"))
    local _, out = stage:run { "check", "app.lua" }
    assert.matches("\n  handler_timeout = 1%.5\n", out)
    assert.matches("\n  lua_memory_limit = 2097152\n", out)
  end)

  for option, values in pairs {
    handler_timeout = {
      { "0", "duration must be positive (handler_timeout = 0)" },
      { "-1", "duration must be positive (handler_timeout = -1)" },
      { "0/0", "duration must be positive (handler_timeout = nan)" },
      { "1/0", "duration exceeds maximum (1h) (handler_timeout = inf)" },
      { "'2'", "must be a number (handler_timeout = \"2\")" },
    },
    lua_memory_limit = {
      { "1048575", "n must be at least 1 MiB (lua_memory_limit = 1048575)" },
      { "0/0", "n must be at least 1 MiB (lua_memory_limit = nan)" },
      { "1e99", "n exceeds maximum (1 TiB) (lua_memory_limit = 1e+99)" },
      { "2^21 + 0.5",
        "n must be a whole number (lua_memory_limit = 2097152.5)" },
      { "true", "must be a number (lua_memory_limit = true)" },
    },
  } do
    it("hostile 82: wrong values are refused: " .. option, function()
      for _, case in ipairs(values) do
        local value, text = unpack(case)
        stage.folder:write("app.lua",
          stage.script("", option .. " = " .. value .. ","))
        local code, _, err = stage:run { "check", "app.lua" }
        assert.equal(1, code)
        local want = ": wspulse: " .. option .. ": " .. text
        assert.truthy(err:find(want, 1, true), err)
      end
    end)
  end
end)

describe("a script that loads", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage.folder:write("app.lua", stage.script "one")
  end)

  after_each(function()
    stage:finish()
  end)

  it("for ever ends when the server does", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", [[
      local file = io.open("spinning", "w")
      file:close()
      while true do pcall(function() while true do end end) end
    ]])
    local reload = stage:spawn { "reload", "app.lua" }
    deadline.await(function()
      return stage.folder:exists "spinning"
    end, "the new script")
    assert.equal("one", peer.fetch(child.port))
    child:signal "TERM"
    assert.equal(0, child:wait())
    reload:wait()
  end)

  it("hostile 67: a load without end is refused", function()
    local child = stage:serve { "app.lua" }
    stage.folder:write("app.lua", "\nwhile true do end\n")
    local code, _, err = stage:run { "reload", "app.lua" }
    assert.equal(1, code)
    assert.matches("app%.lua:2: took longer than 10 s to load\n$", err)
    assert.equal("one", peer.fetch(child.port))
    child:await_stderr "reload refused.*took longer than 10 s to load"
    stage.folder:write("app.lua", stage.script "two")
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    assert.equal("two", peer.fetch(child.port))
  end)
end)

describe("lua_memory_limit", function()
  local stage
  local LIMIT = "lua_memory_limit = 16 * 1024 * 1024,"

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  local function script(code, options)
    return (stage.script("", ([[
      http = {
        ["GET /"] = function(_, res) res:send "alive" end,
        ["GET /go"] = function(_, res) %s res:send "it ended" end,
      }, %s
    ]]):format(indent(code), options or LIMIT)))
  end

  local function serve(code)
    stage.folder:write("app.lua", script(code))
    return stage:serve { "app.lua" }
  end

  -- The resident size in bytes at its highest.
  local function peak(child)
    local file = assert(io.open("/proc/" .. child.pid .. "/status"))
    local kib = file:read("*a"):match "VmHWM:%s+(%d+) kB"
    file:close()
    return tonumber(kib) * 1024
  end

  for name, code in pairs {
    ["tables"] = "local t = {} for i = 1, 1e9 do t[i] = {} end",
    ["strings"] = [[
      local t = {}
      for i = 1, 1e9 do t[i] = i .. ("x"):rep(100) end]],
    ["a string that doubles"] = [[
      local s = "x"
      while true do s = s .. s end]],
    ["1 GB of string.rep"] = [[local s = ("x"):rep(2 ^ 30) ]],
    ["a table that is allocated"] = [[
      local t = require "table.new"(1e8, 0)]],
    ["table.concat"] = [[
      local t = {}
      for i = 1, 1e5 do t[i] = ("x"):rep(1000) end
      local s = table.concat(t)]],
    ["coroutines"] = [[
      local t = {}
      while true do t[#t + 1] = coroutine.create(print) end]],
    ["a closure that grows"] = [[
      local f = print
      while true do local g = f f = function() return g end end]],
    ["loadstring"] = [[
      local s = loadstring("return {" .. ("{},"):rep(2e6) .. "}")()]],
    ["gsub"] = [[local s = ("x"):rep(1e6):gsub("x", ("y"):rep(1000)) ]],
    ["cjson"] = [[
      local t = require("cjson").decode("[" .. ("[],"):rep(1e6) .. "1]")]],
  } do
    it("hostile 68: what allocates without end fails: " .. name, function()
      local child = serve(code)
      for _ = 1, 3 do
        local page = peer.fetch(child.port, "/go")
        assert.equal("Internal Server Error\n", page)
        assert.equal("alive", peer.fetch(child.port, "/"))
      end
      child:await_stderr
        "not enough memory %(lua_memory_limit = 16777216%)"
      -- A sanitizer has an allocator that is not asked to be small.
      if not os.getenv "WSPULSE_SANITIZE"
        or os.getenv "WSPULSE_SANITIZE" == "" then
        assert.is_true(peak(child) < 80 * 1024 * 1024, peak(child))
      end
    end)
  end

  it("is an error that a script can catch", function()
    local child = serve [[
      local ok, err = pcall(string.rep, "x", 1e9)
      assert(not ok and err == "not enough memory", err)
      local made = coroutine.wrap(function() return ("x"):rep(1e9) end)
      assert(not pcall(made))
    ]]
    for _ = 1, 3 do
      assert.equal("it ended", peer.fetch(child.port, "/go"))
    end
  end)

  -- LuaJIT crashes when code that it has compiled gets no memory, now and then.
  it("hostile 68: is one that a script may catch without end", function()
    local child = serve [[
      assert(not jit.status())
      local kept
      local function fill()
        kept = {}
        while true do kept = { kept, "x" .. #kept } end
      end
      for i = 1, 1000 do
        local ok, err = pcall(fill)
        assert(not ok and err == "not enough memory", err)
      end
      kept = nil
      collectgarbage()
    ]]
    for _ = 1, 3 do
      assert.equal("it ended", peer.fetch(child.port, "/go"))
    end
  end)

  it("is no matter for garbage", function()
    -- 7 MB live, and in each call 15 times as much that is dropped at once.
    local child = serve [[
      KEPT = KEPT or {}
      for i = 1, 160 do KEPT[i] = KEPT[i] or (i .. "x"):rep(12000) end
      for i = 1, 2000 do local s = (i .. "y"):rep(10000) end
    ]]
    for _ = 1, 10 do
      assert.equal("it ended", peer.fetch(child.port, "/go"))
    end
  end)

  it("binds the next generation while it loads, too", function()
    local child = serve ""
    stage.folder:write("app.lua", "X = {}\nwhile true do X = { X } end")
    local code, _, err = stage:run { "reload", "app.lua" }
    assert.equal(1, code)
    assert.matches("not enough memory", err)
    assert.equal("alive", peer.fetch(child.port, "/"))
    stage.folder:write("app.lua", script("", "lua_memory_limit = 2^40,"))
    assert.equal(0, (stage:run { "reload", "app.lua" }))
    assert.equal("it ended", peer.fetch(child.port, "/go"))
  end)

  it("refuses a script that takes more already", function()
    stage.folder:write("app.lua", "X = ('x'):rep(2e7)\n" .. script(""))
    local code, _, err = stage:run { "run", "app.lua" }
    assert.equal(1, code)
    assert.matches("lua_memory_limit: the script takes 2%d+ bytes already "
      .. "%(lua_memory_limit = 16777216%)", err)
  end)
end)
