-- SPDX-License-Identifier: MIT
--- server:reload from a Lua program: a new generation of the handlers in a
--- state of its own, while the connections stay open.

local wspulse = require "wspulse"

local folder = require "folder"
local harness = require "harness"

local errors = wspulse.errors

--- A script that describes a server with these options.
local function script_with(options)
  return ([[
    local wspulse = require "wspulse"
    return wspulse.new_server {
      connect = function(req)
        return req:query "room" or "lobby", req:query "id"
      end,
      check_origin = "same",
      %s
    }
  ]]):format(options)
end

--- A script whose server answers each frame with `answer` and its event.
local function script(answer, more)
  return script_with(([[
    on_message = function(conn, frame)
      conn:send { event = "%s", payload = frame.event }
    end,
    %s
  ]]):format(answer, more or ""))
end

describe("server:reload", function()
  local h, files

  before_each(function()
    files = folder.new()
    h = harness.start {
      on_message = function(conn, frame)
        conn:send { event = "first", payload = frame.event }
      end,
    }
  end)

  after_each(function()
    h:stop()
    files:remove()
  end)

  local function ask(one, event)
    one:send('{"event":"' .. event .. '"}')
    return (h:receive(one))
  end

  it("swaps the handlers while a connection stays open", function()
    local ann = h:connect "id=ann"
    assert.equal('{"event":"first","payload":"a"}', ask(ann, "a"))
    assert.is_true(h.server:reload(files:write("app.lua", script "second")))
    assert.equal('{"event":"second","payload":"b"}', ask(ann, "b"))
    files:write("app.lua", script "third")
    assert.is_true(h.server:reload())
    assert.equal('{"event":"third","payload":"c"}', ask(ann, "c"))
  end)

  it("refuses a broken script with file and line; the old one serves",
    function()
      local ann = h:connect "id=ann"
      local path = files:write("app.lua", "local x = 1\nlocal y = nil + x\n")
      local done, err = h.server:reload(path)
      assert.is_nil(done)
      assert.is_true(errors.is(err, errors.RELOAD_REFUSED))
      assert.matches("app.lua:2: attempt to perform arithmetic", err.message)
      assert.equal('{"event":"first","payload":"a"}', ask(ann, "a"))
    end)

  it("hostile 67 refuses whatever a script does wrong", function()
    local rows = {
      ["return {"] = "app.lua:1: ",
      ["error {}"] = "app.lua:1: %(error object is a table value%)",
      ["error(nil)"] = "app.lua:1: nil",
      ["error('no position', 0)"] = "app.lua:1: no position",
      ["error(setmetatable({}, {__tostring = error}))"] = "app.lua:1: %(error",
      ["os.exit()"] = "app.lua:1: os.exit is not available inside a server",
      ["return 7"] = "app.lua: the script must return a server",
      ["return {}"] = "app.lua: the script returned an empty array",
      ["\27LJ\2"] = "app.lua: precompiled bytecode is refused",
      ["#!/bin/luajit\n\27LJ\2"] = "app.lua: precompiled bytecode is refused",
      ["load(string.dump(print))"] = "app.lua:1: ",
      ["require 'no.such.module'"] = "app.lua:1: module 'no.such.module' not",
      ["local function f() return f() + 1 end f()"] = "stack overflow",
      ["return coroutine.yield()"] = "attempt to yield",
      [script("x", "listn = 'a'")] =
        "app.lua:%d+: wspulse: unknown option listn; did you mean listen",
      [script("x"):gsub("return wspulse", "local s = wspulse")
        .. " return { s, s }"] = 'two servers have the name "main"',
      [script("x", "name = 'other'")] = 'server "main" is running and no',
      [script("x"):gsub("return wspulse", "local s = wspulse")
        .. " return { s, wspulse.new_server { name = 'more', connect = print"
        .. " } }"] = 'server "more" is not running; a reload cannot add',
      ["require('wspulse').new_server { connect = print }:start()"] =
        "app.lua:1: wspulse: start: this script is run by a host",
    }
    for text, reason in pairs(rows) do
      local done, err = h.server:reload(files:write("app.lua", text))
      assert.is_nil(done, text)
      assert.matches(reason, err.message)
      assert.is_nil(err.message:find "[\r\n]")
    end
    local done, err = h.server:reload(files.path .. "/nothing.lua")
    assert.is_nil(done)
    assert.matches("nothing.lua: No such file", err.message)
    done, err = h.server:reload(files.path)
    assert.is_nil(done)
    assert.is_string(err.message)
  end)

  it("keeps values, rooms and ids, and gives new handles", function()
    local before
    h:stop()
    h = harness.start {
      on_message = function(conn)
        before = conn
        conn:set("name", "Ann")
        conn:set("count", 3)
        conn:send { event = "set" }
      end,
    }
    local ann = h:connect "id=ann&room=red"
    ask(ann, "set")
    assert(h.server:reload(files:write("app.lua", script_with([[
      on_message = function(conn, frame)
        conn:send {
          event = conn:id() .. "@" .. conn:room_id(),
          payload = { conn:get "name", conn:get "count" },
        }
      end,
    ]]))))
    assert.equal('{"event":"ann@red","payload":["Ann",3]}', ask(ann, "get"))
    assert.equal("ann", before:id())
    assert.is_true(before:send { event = "from the program" })
    assert.equal('{"event":"from the program"}', h:receive(ann))
    ann:drop()
    h:wait("its end", function()
      return before:is_closed()
    end)
    assert.equal("ann", before:id())
    assert.equal("Ann", before:get "name")
  end)

  it("calls on_reload with the previous generation", function()
    local ann = h:connect "id=ann"
    local text = script_with([[
      on_reload = function(previous)
        PREVIOUS = previous
      end,
      on_message = function(conn)
        conn:send { payload = PREVIOUS }
      end,
    ]])
    local path = files:write("app.lua", text)
    local numbers = {}
    for i = 1, 3 do
      assert(h.server:reload(path))
      numbers[i] = tonumber(ask(ann, "x"):match '^{"payload":(%d+)}$')
    end
    -- Every server of the program shares the numbers.
    assert.equal(numbers[1] + 1, numbers[2])
    assert.equal(numbers[2] + 1, numbers[3])
  end)

  it("reloads required modules too, and finds them beside the script",
    function()
      local ann = h:connect "id=ann"
      local text = script_with([[
        on_message = function(conn)
          conn:send { payload = require "answer" }
        end,
      ]])
      files:write("answer.lua", "return 'one'")
      assert(h.server:reload(files:write("app.lua", text)))
      assert.equal('{"payload":"one"}', ask(ann, "x"))
      files:write("answer.lua", "return 'two'")
      assert(h.server:reload())
      assert.equal('{"payload":"two"}', ask(ann, "x"))
      files:write("answer.lua", "return = 'three'")
      files:write("app.lua", "require 'answer' " .. text)
      local _, err = h.server:reload()
      assert.matches("/answer.lua:1: unexpected symbol", err.message)
      assert.equal('{"payload":"two"}', ask(ann, "x"))
    end)

  it("ends on_close subscriptions of the generation before", function()
    local closed, connected = false, false
    h:stop()
    h = harness.start {
      on_connect = function(conn)
        connected = true
        conn:on_close(function()
          closed = true
        end)
      end,
    }
    local ann = h:connect "id=ann"
    h:wait("on_connect", function()
      return connected
    end)
    assert(h.server:reload(files:write("app.lua", script "x")))
    ann:drop()
    h:wait("its end", function()
      return #h.server:connections "lobby" == 0
    end)
    h.server:poll()
    assert.is_false(closed)
  end)

  it("makes live options live and warns of the others", function()
    local ann = h:connect "id=ann"
    assert(h.server:reload(files:write("app.lua",
      script("x", "max_message_size = 20, path = '/other'"))))
    ann:send('{"event":"' .. ("x"):rep(30) .. '"}')
    local payload, opcode = h:receive(ann)
    assert.equal(8, opcode)
    assert.equal("\3\241", payload:sub(1, 2))
    h:connect "id=bob"
  end)

  it("may be asked for inside a callback, with the answer in the log",
    function()
      local asked
      h:stop()
      h = harness.start {
        on_message = function(conn, frame)
          asked = { conn:server():reload(frame.payload) }
        end,
      }
      local ann = h:connect "id=ann"
      ann:send('{"payload":"' .. files:write("app.lua", script "new") .. '"}')
      h:wait("the reload", function()
        return asked
      end)
      assert.same({ true }, asked)
      h:wait("the new generation", function()
        ann:send '{"event":"x"}'
        h.server:poll(0.01)
        local _, payload = ann:take_frame()
        return payload == '{"event":"new","payload":"x"}'
      end)
    end)

  it("hostile 73 is not harmed by a script that overwrites globals", function()
    local ann = h:connect "id=ann"
    assert(h.server:reload(files:write("app.lua", script_with([[
      on_message = function(conn, frame)
        if frame.event == "wreck" then
          for name in pairs(_G) do
            if name ~= "_G" then _G[name] = nil end
          end
          conn:set("k", 1)
        elseif frame.event == "raise" then
          nothing()
        end
        conn:send { event = frame.event, payload = { conn:get "k" } }
      end,
    ]]))))
    assert.equal('{"event":"wreck","payload":[1]}', ask(ann, "wreck"))
    assert.equal('{"event":"x","payload":[1]}', ask(ann, "x"))
    ann:send '{"event":"raise"}'
    local _, opcode = h:receive(ann)
    assert.equal(8, opcode)
    local bob = h:connect "id=bob"
    assert.equal('{"event":"y","payload":{}}', ask(bob, "y"))
  end)

  it("runs finalizers that touch what is gone without harm", function()
    local ann = h:connect "id=ann"
    local path = files:write("app.lua", script_with([[
      on_message = function(conn, frame)
        local server = conn:server()
        KEEP = newproxy(true)
        getmetatable(KEEP).__gc = function()
          server:broadcast("lobby", { event = "from the grave" })
          server:close(print)
          conn:send { event = "from the grave" }
          conn:close()
          conn:set("k", 1)
          conn:id()
          local function nop() end
          conn:on_close(nop)
          require("wspulse").log.info("from the grave")
        end
        conn:send { event = "kept" }
      end,
    ]]))
    for _ = 1, 5 do
      assert(h.server:reload(path, { unsafe = true }))
      assert.equal('{"event":"kept"}', ask(ann, "x"))
    end
    files:write("app.lua", script "alive")
    assert(h.server:reload())
    assert.equal('{"event":"alive","payload":"x"}', ask(ann, "x"))
  end)

  it("keeps the state of the program small over many generations", function()
    local ann = h:connect "id=ann"
    local path = files:write("app.lua", script "x")
    local function after(count)
      for _ = 1, count do
        assert(h.server:reload(path))
        ask(ann, "x")
      end
      jit.flush() -- traces come and go with the heat of the loops
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local few = after(5)
    local many = after(50)
    assert.is_true(many < few + 16, few .. " KiB became " .. many)
  end)
end)

describe("a logger of a generation", function()
  it("gets the server's lines after the swap", function()
    local files = folder.new()
    local h = harness.start {}
    local out = files.path .. "/log"
    assert(h.server:reload(files:write("app.lua", script("x", ([[
      logger = function(level, message, fields)
        local file = io.open(%q, "a")
        file:write(level, " ", message, " ", tostring(fields.generation), "\n")
        file:close()
      end,
      on_connect = function() wspulse.log.warn("a line of the script") end,
    ]]):format(out)))))
    h:connect "id=ann"
    local text = h:wait("the line", function()
      local file = io.open(out)
      local found = file and file:read "*a" or ""
      return found:find("line of the script", 1, true) and found
    end)
    local generation = text:match "debug wspulse: connection opened (%d+)\n"
    assert.is_true(tonumber(generation) > 1)
    assert.matches("warn a line of the script " .. generation .. "\n", text)
    h:stop()
    files:remove()
  end)
end)
