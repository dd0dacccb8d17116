-- SPDX-License-Identifier: MIT
--- How a Lua program with a server ends: lua_close runs finalizers in any
--- order, os.exit leaves from the middle, an interrupt comes while the loop
--- waits.

local child = require "child"

--- A server `s` that is open, with a connection that is `conn` in Lua.
local OPEN = [[
  local wspulse = require "wspulse"
  local s = wspulse.new_server {
    listen = "127.0.0.1:0",
    connect = function() return "lobby", "ann" end,
    check_origin = "same",
    on_disconnect = function() print "on_disconnect" end,
  }
  assert(s:start())
]]

local function exit_of(text, prefix)
  local output, status = child.run(text, prefix)
  return status, output
end

describe("a Lua program", function()
  it("may end with a server that is open", function()
    local status, output = exit_of(OPEN .. "print 'end'")
    assert.equal(0, status)
    assert.equal("end\n", output)
  end)

  it("may end without ever having started one", function()
    assert.equal(0, (exit_of [[
      local wspulse = require "wspulse"
      KEEP = wspulse.new_server { connect = print }
    ]]))
  end)

  it("may end with a server that is open and has a logger", function()
    local status, output = exit_of [[
      local wspulse = require "wspulse"
      for _ = 1, 3 do
        local server = wspulse.new_server {
          listen = "127.0.0.1:0",
          connect = function() return "lobby" end,
          logger = function(level, message) print(message) end,
        }
        assert(server:start())
      end
      io.stdout:write "end\n"
    ]]
    assert.equal(0, status, output)
    assert.matches("end\n$", output)
  end)

  it("may touch the server in finalizers, made before and after it",
    function()
      local function finalizer()
        return [[
          do
            local p = newproxy(true)
            getmetatable(p).__gc = function()
              local server = SERVER or s
              print(server:name(), server:send("ann", { event = "x" }))
              print(server:close())
              print(server:addresses())
              print(pcall(server.poll, server))
              print(pcall(server.start, server))
              require("wspulse").log.info "bye"
            end
            KEEP = KEEP or {}
            KEEP[#KEEP + 1] = p
          end
        ]]
      end
      local status, output = exit_of(
        'local s require "wspulse"' .. finalizer() .. OPEN
          .. "SERVER = s\n" .. finalizer() .. "print 'end'")
      assert.equal(0, status, output)
      assert.matches("^end\n", output)
    end)

  it("may leave by os.exit from a callback, closing the state or not",
    function()
      for _, how in ipairs { "os.exit(7)", "os.exit(7, true)" } do
        local status, output = exit_of(([[
          local wspulse = require "wspulse"
          local s
          s = wspulse.new_server {
            listen = "127.0.0.1:0",
            connect = function() return "lobby" end,
            http = { ["GET /exit"] = function() %s end },
            check_origin = "same",
          }
          assert(s:start())
          package.path = package.path .. ";spec/binding/support/?.lua"
          require("peer").request(s:addresses()[1],
            "GET /exit HTTP/1.1\r\nHost: x\r\n\r\n")
          s:run()
        ]]):format(how), "ASAN_OPTIONS=detect_leaks=0")
        -- What the program leaves behind is the system's to free.
        assert.equal(7, status, output)
      end
    end)

  it("is ended by an interrupt while it runs", function()
    local status, output = exit_of(OPEN .. [[
      local pid = io.open("/proc/self/stat"):read "*n"
      local path = os.tmpname()
      local file = io.open(path, "w")
      -- Who has an answer knows that the loop runs.
      file:write(([=[
        package.path = package.path .. ";spec/binding/support/?.lua"
        local one = require("peer").request("%s",
          "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        repeat until one:take_response()
        os.execute "kill -INT %d"
      ]=]):format(s:addresses()[1], pid))
      file:close()
      os.execute("luajit " .. path .. " &")
      s:run()
    ]])
    assert.equal(1, status, output)
    assert.matches("interrupted!", output)
  end)

  it("names the path that a first reload needs", function()
    local status, output = exit_of(OPEN .. "s:reload()")
    assert.equal(1, status)
    assert.matches("the path of a script is needed", output)
  end)

  it("may end after reloads, with the new generation in place", function()
    local status, output = exit_of(OPEN .. [[
      local path = os.tmpname()
      local file = io.open(path, "w")
      file:write [=[
        GONE = newproxy(true)
        getmetatable(GONE).__gc = function() print "closed" end
        return require("wspulse").new_server {
          connect = function() return "lobby" end, check_origin = "same",
        }
      ]=]
      file:close()
      assert(s:reload(path, { unsafe = true }))
      assert(s:reload(path))
      os.remove(path)
      print "end"
    ]])
    assert.equal(0, status, output)
    assert.equal(2, select(2, output:gsub("closed", "")))
  end)

  it("can load the module from a coroutine that is collected", function()
    local status, output = exit_of [[
      local wspulse
      coroutine.wrap(function()
        wspulse = require "wspulse"
      end)()
      collectgarbage()
      collectgarbage()
      local s = wspulse.new_server {
        listen = "127.0.0.1:0",
        connect = function() return "lobby" end,
        check_origin = "same",
        http = { ["GET /x"] = function(_, res) res:send "x" end },
      }
      assert(s:start())
      package.path = package.path .. ";spec/binding/support/?.lua"
      local one = require("peer").request(s:addresses()[1],
        "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
      repeat
        s:poll(0.01)
        local status = one:take_response()
      until status
      print(s:close())
    ]]
    assert.equal(0, status, output)
    assert.equal("true\n", output)
  end)
end)
