-- SPDX-License-Identifier: MIT
-- LuaJIT bounds the Lua stack and not the C stack below it. A script that nests
-- calls through C without end must get an error, wherever it runs.
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

-- Each defines a function `go` that would never end. `message` is what pcall
-- gets; where it is nil the function ends by itself.
local CASES = {
  { "string.gsub", [[
    local function f() string.gsub("a", "a", f) end
    go = f ]], "C stack overflow" },
  { "a method of a string", [[
    local function f() return (("a"):gsub("a", f)) end
    go = f ]], "C stack overflow" },
  { "gsub with a table", [[
    local t = setmetatable({}, { __index = function(t)
      return (("a"):gsub("a", t))
    end })
    function go() return t.x end ]], "C stack overflow" },
  { "table.sort", [[
    local function f() table.sort({ 1, 2 }, f) end
    go = f ]], "stack overflow" },
  { "__index", [[
    local t = setmetatable({}, { __index = function(t, k)
      return t[k] .. ""
    end })
    function go() return t.x end ]], "stack overflow" },
  { "__tostring and string.format", [[
    local t = setmetatable({}, { __tostring = function(t)
      return ("%s"):format(t) .. ""
    end })
    function go() return tostring(t) end ]], "stack overflow" },
  { "a global tostring that prints", [[
    function go()
      local before = tostring
      function tostring(x) print(x) return "" end
      local ok, err = pcall(print, 1)
      tostring = before
      error(err, 0)
    end ]], "stack overflow" },
  { "os.time", [[
    local t = setmetatable({}, { __index = function(t) os.time(t) end })
    function go() os.time(t) end ]], "stack overflow" },
  { "wspulse.log", [[
    local t = setmetatable({}, { __tostring = function(t)
      wspulse.log.error("x", { t = t })
      return ""
    end })
    function go() wspulse.log.error("x", { t = t }) end ]], "stack overflow" },
  { "require", [[
    package.preload.again = function()
      package.loaded.again = nil
      require "again"
    end
    function go() require "again" end ]], "stack overflow" },
  { "load with parentheses", [[
    local text = "return " .. ("("):rep(190)
    local function f()
      local given = false
      return assert(load(function()
        if given then f() end
        given = true
        return text
      end))
    end
    go = f ]], "C stack overflow" },
  { "load with functions", [[
    local text = "return " .. ("function() return "):rep(90)
    local function f()
      local given = false
      return assert(load(function()
        if given then f() end
        given = true
        return text
      end))
    end
    go = f ]], "C stack overflow" },
  { "coroutine.wrap", [[
    local function f() coroutine.wrap(f)() end
    go = f ]], "C stack overflow" },
  { "coroutine.resume", [[
    local function f()
      local ok, err = coroutine.resume(coroutine.create(f))
      if not ok then error(err, 0) end
    end
    go = f ]], "C stack overflow" },
  { "coroutines made beforehand", [[
    function go()
      local list = {}
      for i = 1, 20000 do
        list[i] = coroutine.create(function()
          string.gsub("a", "a", function()
            assert(coroutine.resume(list[i + 1]))
          end)
        end)
      end
      assert(coroutine.resume(list[1]))
    end ]],
    "C stack overflow" },
  { "coroutines and format in turn", [[
    local function f()
      coroutine.wrap(function()
        local n = 0
        local t = setmetatable({}, { __tostring = function(t)
          n = n + 1
          if n % 500 == 0 then f() end
          return ("%s"):format(t) .. ""
        end })
        return tostring(t)
      end)()
    end
    go = f ]], "stack overflow" },
  { "pcall", [[
    local function f() return pcall(f) end
    function go() return #{ f() } > 1000 and error("stack overflow", 0) end ]],
    "stack overflow" },
  { "a function", [[
    local function f() return 1 + f() end
    go = f ]], "stack overflow" },
  { "cjson.encode", [[
    local cjson = require "cjson"
    cjson.encode_max_depth(1e9)
    local t = {}
    for i = 1, 1e5 do t = { t } end
    function go() cjson.encode(t) end ]], "excessive nesting" },
  { "cjson.decode", [[
    local cjson = require "cjson"
    cjson.decode_max_depth(1e9)
    local text = ("["):rep(1e6)
    function go() cjson.decode(text) end ]], "nested" },
}

-- A script that does it on GET /go, when there is a file "load" also at load.
local function script_of(code)
  return table.concat {
    'local wspulse = require "wspulse"\n',
    "local go\n",
    code, "\n",
    "local function attempt()\n",
    "  local ok, err = pcall(go)\n",
    "  return tostring(ok) .. ' ' .. tostring(err)\n",
    "end\n",
    "local at_load = io.open 'load' and attempt() or 'false unasked'\n",
    "return wspulse.new_server {\n",
    "  listen = '127.0.0.1:0', check_origin = 'same',\n",
    "  connect = function() return 'lobby' end,\n",
    "  http = {\n",
    "    ['GET /go'] = function(_, res) res:send(attempt()) end,\n",
    "    ['GET /raise'] = function() go() error 'it has ended' end,\n",
    "    ['GET /load'] = function(_, res) res:send(at_load) end,\n",
    "  },\n",
    "}\n",
  }
end

describe("a recursion without end", function()
  local stage

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  local function assert_failed(text, message)
    assert.equal("false ", text:sub(1, 6), text)
    assert.truthy(text:find(message, 1, true), text)
  end

  for _, case in ipairs(CASES) do
    local name, code, message = unpack(case)

    it("hostile 67: a recursion is an error: " .. name, function()
      stage.folder:write("app.lua", script_of(code))
      local child = stage:serve { "app.lua", "--log-level", "error" }
      assert_failed(peer.fetch(child.port, "/go"), message)
      -- Not caught it is a failed handler, and again.
      for _ = 1, 3 do
        local page = peer.fetch(child.port, "/raise")
        assert.equal("Internal Server Error\n", page)
      end
      -- On the helper thread, which builds the next generation.
      stage.folder:write("load", "")
      assert.equal(0, (stage:run { "reload" }))
      assert_failed(peer.fetch(child.port, "/load"), message)
      assert_failed(peer.fetch(child.port, "/go"), message)
    end)
  end

  it("hostile 67: a recursion on a small stack is an error", function()
    stage.folder:write("app.lua", script_of(CASES[1][2]))
    stage.folder:write("load", "")
    local child = stage:serve({ "app.lua" }, {
      shell = 'ulimit -s 1024; exec "$@"',
    })
    assert_failed(peer.fetch(child.port, "/load"), "C stack overflow")
    assert_failed(peer.fetch(child.port, "/go"), "C stack overflow")
  end)
end)
