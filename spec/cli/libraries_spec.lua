-- SPDX-License-Identifier: MIT
-- What a script finds in the standard libraries: nothing that can take the
-- process down, unless --unsafe gives it.
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

describe("the libraries of a script", function()
  local stage

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  -- Loads a script that begins with `code`, which asserts.
  local function check(code, ...)
    stage.folder:write("app.lua", code .. "\n" .. stage.script "one")
    local status, _, err = stage:run { "check", "app.lua", ... }
    assert.equal("", err)
    assert.equal(0, status)
  end

  -- Serves a script whose page says what the function body `code` returns.
  local function fetch(code)
    stage.folder:write("app.lua", table.concat {
      "local function go()\n", code, "\nend\n",
      (stage.script("PAGE"):gsub('"PAGE"', "tostring(go())")),
    })
    local child = stage:serve { "app.lua" }
    return peer.fetch(child.port), child
  end

  -- Lines that define refused(f, ...): how the call of f fails.
  local REFUSED = [[
    local function refused(text, f, ...)
      local ok, err = pcall(f, ...)
      assert(not ok and tostring(err):find(text, 1, true), tostring(err))
    end
  ]]

  describe("are without", function()
    for _, name in ipairs {
      "ffi", "string.buffer", "jit.util", "jit.profile",
    } do
      it(name, function()
        check(REFUSED .. ([[
          refused("%s is not available", require, "%s")
          refused("wspulse run --unsafe", require, "%s") -- the second time
          assert(package.loaded["%s"] == nil)
        ]]):format(name, name, name, name))
      end)
    end

    it("ffi, also where LuaJIT opens it by itself", function()
      stage.folder:write("number.lua", "return 7LL, package.loaded.ffi")
      check(REFUSED .. [[
        assert(package.loaded.ffi == nil)
        local number = loadstring "return 1LL"()
        assert(tostring(number + 1) == "2LL")
        local given = 0
        assert(load(function()
          given = given + 1
          assert(package.loaded.ffi == nil)
          return given < 3 and "local x" .. given .. " = 1LL " or nil
        end))
        assert(select(2, dofile "number.lua") == nil)
        assert(select(2, loadfile "number.lua"()) == nil)
        assert(tostring(require "number") == "7LL")
        assert(getmetatable(number) == "ffi")
        collectgarbage()
        collectgarbage()
        assert(package.loaded.ffi == nil)
        refused("ffi is not available", require, "ffi")
        assert(tostring(loadstring "return 3LL"() * number) == "3LL")
      ]])
    end)

    it("what reaches into running functions", function()
      check(REFUSED .. [[
        local kept = { traceback = true, getinfo = true }
        for name, f in pairs(debug) do
          if not kept[name] then
            refused("debug." .. name .. " is not available", f, print)
          end
        end
        assert(debug.traceback "x":find("^x\nstack traceback:"))
        assert(debug.getinfo(1).short_src == "app.lua")
        assert(debug.getinfo(1, "f").func == debug.getinfo(1).func)
        assert(debug.getinfo(print).what == "C")
      ]])
    end)

    it("the C functions that called them", function()
      local page = fetch [[
        for level = 0, 20 do
          local info = debug.getinfo(level)
          if info and info.what == "C" and info.func then
            return "a C function"
          end
        end
        return "none"
      ]]
      assert.equal("none", page)
    end)

    it("finalizers of their own", function()
      check(REFUSED .. [[
        refused("newproxy is not available", newproxy, true)
        assert(getmetatable(io.stdout) == "FILE*")
        refused("jit.attach is not available", jit.attach, print, "bc")
      ]])
    end)

    it("hostile 67: os.exit at load", function()
      stage.folder:write("app.lua", "\nos.exit(3)\n")
      local code, _, err = stage:run { "check", "app.lua", "--unsafe" }
      assert.equal(1, code)
      assert.equal("app.lua:2: os.exit is not available inside a server; "
        .. "use server:close()\n", err)
    end)

    it("hostile 67: os.exit in a handler and in a reload", function()
      local page, child = fetch "os.exit(3)"
      assert.equal("Internal Server Error\n", page)
      child:await_stderr "handler raised.*os%.exit is not available"
      stage.folder:write("app.lua", "os.exit(3, true)")
      local code, _, err = stage:run { "reload" }
      assert.equal(1, code)
      assert.matches("app%.lua:1: os%.exit is not available", err)
      assert.equal("Internal Server Error\n", peer.fetch(child.port))
    end)
  end)

  describe("refuse bytecode", function()
    it("hostile 74: bytecode is refused, whatever loads it", function()
      stage.folder:write("code.lua", string.dump(function() end))
      stage.folder:write("shell.lua",
        "#!/usr/bin/luajit\n" .. string.dump(function() end))
      check(REFUSED .. [[
        local code = string.dump(function() end)
        local wrong = "attempt to load chunk with wrong mode"
        for _, mode in ipairs { "b", "bt", "t" } do
          assert(select(2, loadstring(code, "x", mode)) == wrong)
          assert(select(2, load(code, "x", mode)) == wrong)
          assert(select(2, loadfile("code.lua", mode)))
        end
        assert(select(2, loadstring(code)) == wrong)
        assert(select(2, load(code)) == wrong)
        assert(select(2, load(function()
          local piece = code
          code = nil
          return piece
        end)) == wrong)
        assert(select(2, loadfile "code.lua"))
        assert(select(2, loadfile "shell.lua"))
        refused("bytecode is refused", dofile, "code.lua")
        refused("bytecode is refused", dofile, "shell.lua")
        refused("bytecode is refused", require, "code")
        for i = 1, #package.loaders do
          refused("", function()
            local loaded = package.loaders[i] "code"
            assert(type(loaded) ~= "function", "it was loaded")
            error "no"
          end)
        end
      ]])
    end)

    it("hostile 74: bytecode as the script itself is refused", function()
      stage.folder:write("app.lua", string.dump(function() end))
      local code, _, err = stage:run { "check", "app.lua" }
      assert.equal(1, code)
      assert.equal("app.lua: precompiled bytecode is refused\n", err)
    end)

    it("and take text in every way", function()
      stage.folder:write("text.lua", "return ...")
      check [[
        assert(loadstring("return 1")() == 1)
        assert(load("return x", "x", "t", { x = 2 })() == 2)
        assert(load("return x", "x", nil, { x = 2 })() == 2)
        local function pieces(...)
          local list = { ... }
          return function() return table.remove(list, 1) end
        end
        assert(load(pieces("return ", 1, "2 .. ", "'x'"))() == "12x")
        assert(load(pieces("return 1", "", "nonsense"))() == 1)
        assert(load(pieces())() == nil)
        assert(load(pieces "return x", "x", "t", { x = 3 })() == 3)
        local _, err = load(pieces "x x")
        assert(err:find "^%(load%):1: ", err)
        _, err = load(pieces "x x", "=name")
        assert(err:find "^name:1: ", err)
        _, err = load(pieces("x = ", {}))
        assert(err == "reader function must return a string", err)
        _, err = load(function() error({}) end)
        assert(type(err) == "table")
        local long = "return '" .. ("x"):rep(1e5) .. "'"
        local at = 0
        assert(#load(function()
          at = at + 1
          return long:sub(at, at)
        end)() == 1e5)
        assert(loadfile "text.lua"(3) == 3)
        assert(dofile "text.lua" == nil)
        assert(require "text" == "text")
        assert(select(2, loadstring("return", "=name", "b"))
          == "attempt to load chunk with wrong mode" or true)
      ]]
    end)
  end)

  describe("name what keeps a function from yielding", function()
    for name, code in pairs {
      gsub = [[string.gsub("a", "a", coroutine.yield)]],
      sort = [[table.sort({ 2, 1 }, function() coroutine.yield() end)]],
      require = [[
        package.loaded.late = nil
        package.preload.late = function() coroutine.yield() end
        require "late"
      ]],
      load = [[assert(load(coroutine.yield))]],
      dofile = [[
        local file = io.open("late.lua", "w")
        file:write "coroutine.yield()"
        file:close()
        dofile "late.lua"
      ]],
    } do
      it("hostile 71: a yield is told what cannot wait: " .. name, function()
        check(REFUSED .. ([[
          local function go() %s end
          refused("attempt to yield across a C call: '%s' waits for this "
            .. "function to return", coroutine.wrap(go))
          -- The same with a pcall between, which does not matter.
          refused("'%s' waits", coroutine.wrap(function()
            assert(pcall(go))
          end))
        ]]):format(code, name, name))
      end)
    end

    it("hostile 71: a yield of a handler", function()
      local page, child = fetch "coroutine.yield()"
      assert.equal("Internal Server Error\n", page)
      child:await_stderr
        "app%.lua:2: attempt to yield: a handler is not a coroutine"
    end)

    it("hostile 71: a yield of a script that loads", function()
      check(REFUSED .. [[
        refused("attempt to yield: a script that loads is not a coroutine",
          coroutine.yield)
      ]])
    end)
  end)

  it("have coroutines that work as ever", function()
    check [[
      local co
      co = coroutine.create(function(...)
        assert(select("#", ...) == 2)
        local a, b = coroutine.yield(1, nil, 3)
        assert(a == "a" and b == nil)
        local ok, c = pcall(coroutine.yield, "in pcall")
        assert(ok and c == "c")
        local t = setmetatable({}, { __index = function(_, k)
          return coroutine.yield(k)
        end })
        assert(t.key == "value")
        assert(coroutine.running() == co)
        return "end"
      end)
      local function same(want, ...)
        local got = {}
        for i = 1, select("#", ...) do got[i] = tostring((select(i, ...))) end
        assert(table.concat(got, " ") == want, table.concat(got, " "))
      end
      same("true 1 nil 3", coroutine.resume(co, "x", nil))
      same("true in pcall", coroutine.resume(co, "a", nil))
      same("true key", coroutine.resume(co, "c"))
      same("true end", coroutine.resume(co, "value"))
      same("false cannot resume dead coroutine", coroutine.resume(co))
      assert(coroutine.status(co) == "dead")
      local squares = coroutine.wrap(function()
        for i = 1, 3 do coroutine.yield(i * i) end
      end)
      local sum = 0
      for square in squares do sum = sum + square end
      assert(sum == 14)
      assert(coroutine.running() == nil)
      assert(not pcall(coroutine.wrap, 1))
      assert(not pcall(coroutine.resume, 1))
      local ok, err = pcall(coroutine.wrap(function() error({}) end))
      assert(not ok and type(err) == "table")
    ]]
  end)

  it("do not give a handler's thread away", function()
    assert.equal("nil", fetch "return coroutine.running()")
  end)

  it("are whole with --unsafe", function()
    local code = [[
      assert(require("ffi").sizeof "int" == 4)
      assert(require "jit.util" and require "string.buffer")
      assert(debug.getregistry() and debug.sethook and newproxy(true))
      assert(loadstring(string.dump(function() return 7 end))() == 7)
      assert(require "code" == "from bytecode")
    ]]
    stage.folder:write("code.lua",
      string.dump(function() return "from bytecode" end))
    check(code, "--unsafe")
    stage.folder:write("safe.lua", stage.script "safe")
    for how, options in pairs {
      flag = { args = { "app.lua", "--unsafe" } },
      variable = { args = { "app.lua" }, env = { WSPULSE_UNSAFE = "1" } },
    } do
      local child = stage:serve(options.args, { env = options.env })
      assert.equal("one", peer.fetch(child.port), how)
      assert.equal(0, (stage:run { "reload", "app.lua" }), how)
      child:signal "TERM"
      assert.equal(0, child:wait(), how)
    end
  end)

  it("are named when WSPULSE_UNSAFE makes no sense", function()
    local env = { WSPULSE_UNSAFE = "perhaps" }
    local code, _, err = stage:run({ "run", "app.lua" }, { env = env })
    assert.equal(2, code)
    assert.matches('WSPULSE_UNSAFE: expected 1 or 0, got "perhaps"', err)
  end)

  it("cannot be widened by a script that reloads itself", function()
    local answer = [[tostring(select(2, pcall(SERVER.reload, SERVER,
      "app.lua", { unsafe = true })))]]
    stage.folder:write("app.lua", stage.script("PAGE")
      :gsub('"PAGE"', answer):gsub("^return", "SERVER =")
      .. "return SERVER\n")
    local child = stage:serve { "app.lua" }
    assert.matches("only a Lua program can ask for unsafe",
      peer.fetch(child.port))
  end)
end)
