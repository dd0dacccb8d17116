-- SPDX-License-Identifier: MIT
local fake = require "fake"
local router = require "wspulse.router"

--- Dispatches one frame and hands its context to `fn`.
local function within(connection, fn, event)
  local r, has_run = router.new(), false
  r:on(event or "x", fn, function()
    has_run = true
  end)
  r:dispatch(connection, fake.frame(event or "x", "payload"))
  assert.is_true(has_run)
end

describe("context values", function()
  it("R4 Set, Get, overwrite, missing", function()
    within(nil, function(c)
      assert.same({ nil, false, n = 2 }, { n = 2, c:get("user") })
      c:set("user", "ada")
      assert.same({ "ada", true }, { c:get("user") })
      c:set("user", "grace")
      assert.same({ "grace", true }, { c:get("user") })
    end)
  end)

  it("R4 MustGet gives the value or raises the exact text", function()
    within(nil, function(c)
      c:set("user", "ada")
      assert.equal("ada", c:must_get("user"))
      local text, position = fake.raised(function()
        c:must_get("missing")
      end)
      assert.equal("router: key not found in context: missing", text)
      assert.truthy(position:find("context_spec.lua", 1, true))
    end)
  end)

  it("R4 GetString is empty when missing or of another type", function()
    within(nil, function(c)
      c:set("name", "ada")
      c:set("age", 36)
      assert.equal("ada", c:get_string("name"))
      assert.equal("", c:get_string("age"))
      assert.equal("", c:get_string("missing"))
    end)
  end)

  it("tells false from nothing", function()
    within(nil, function(c)
      c:set("is_admin", false)
      assert.same({ false, true }, { c:get("is_admin") })
      assert.is_false(c:must_get("is_admin"))
    end)
  end)

  it("removes a value by setting nil", function()
    within(nil, function(c)
      c:set("user", "ada")
      c:set("user", nil)
      assert.is_false(select(2, c:get("user")))
      assert.equal("router: key not found in context: user",
        (fake.raised(c.must_get, c, "user")))
    end)
  end)

  it("takes strings as keys and nothing else", function()
    within(nil, function(c)
      local text = fake.raised(function()
        c:set(nil, 1)
      end)
      assert.equal("router: Set: key must be a string (got nil)", text)
      assert.is_false(select(2, c:get(nil)))
    end)
  end)

  it("keeps keys that are names of metamethods or methods apart", function()
    within(nil, function(c)
      c:set("__index", "a")
      c:set("next", "b")
      assert.equal("a", c:get_string("__index"))
      assert.equal("b", c:get_string("next"))
      assert.is_function(c.next)
    end)
  end)
end)

describe("context members", function()
  it("has connection, frame and server", function()
    local server = fake.server()
    local connection = fake.connection("a", "lobby", server)
    within(connection, function(c)
      assert.equal(connection, c.connection)
      assert.equal(server, c.server)
      assert.equal("payload", c.frame.payload)
    end)
  end)

  it("has neither connection nor server when there is none", function()
    within(nil, function(c)
      assert.is_nil(c.connection)
      assert.is_nil(c.server)
    end)
  end)

  it("has no server when the connection belongs to a client", function()
    within({ id = function() return "a" end }, function(c)
      assert.is_nil(c.server)
    end)
  end)

  it("sends an event to its connection", function()
    local connection = fake.connection("a", "lobby")
    within(connection, function(c)
      assert.is_true(c:send("pong", { 1 }))
    end)
    assert.same({ { event = "pong", payload = { 1 } } }, connection.sent)
  end)

  it("broadcasts an event to its connection's room", function()
    local server = fake.server()
    within(fake.connection("a", "lobby", server), function(c)
      assert.is_true(c:broadcast("msg", "hi"))
    end)
    assert.same({
      { room = "lobby", frame = { event = "msg", payload = "hi" } },
    }, server.sent)
  end)

  it("gives on what send returns", function()
    local closed = {}
    local connection = {
      send = function()
        return nil, closed
      end,
    }
    within(connection, function(c)
      assert.same({ nil, closed, n = 2 }, { n = 2, c:send("pong") })
    end)
  end)

  it("raises when it is to send without a connection", function()
    within(nil, function(c)
      assert.equal("router: Send: the context has no connection",
        (fake.raised(function() c:send("pong") end)))
      assert.equal("router: Broadcast: the context has no connection",
        (fake.raised(function() c:broadcast("pong") end)))
    end)
  end)

  it("lets a middleware replace frame and connection", function()
    local r, seen = router.new(), nil
    r:use(function(c)
      c.frame = fake.frame("y")
      c.connection = nil
      c.connection = "other"
    end)
    r:on("x", function(c)
      seen = { c.frame.event, c.connection }
    end)
    r:dispatch(fake.connection("a"), fake.frame("x"))
    assert.same({ "y", "other" }, seen)
  end)

  it("refuses other fields, which would outlive the dispatch", function()
    within(nil, function(c)
      local text = fake.raised(function()
        c.user = "ada"
      end)
      assert.equal('router: context field "user" cannot be assigned; '
        .. 'use c:set("user", value)', text)
      assert.is_nil(c.user)
      assert.is_false(pcall(function() c.next = print end))
      assert.is_false(pcall(function() c.server = {} end))
    end)
  end)

  it("names its event in tostring", function()
    local kept
    within(nil, function(c)
      kept = c
      assert.equal([[wspulse.context (event "a\nb")]], tostring(c))
    end, "a\nb")
    assert.equal("wspulse.context (idle)", tostring(kept))
  end)
end)

describe("context order", function()
  --- Runs `elements` as one chain and gives what they noted.
  local function trace_of(...)
    local trace, r = {}, router.new()
    local function note(what)
      trace[#trace + 1] = what
    end
    local elements = { ... }
    for i, element in ipairs(elements) do
      elements[i] = function(c)
        element(c, note)
      end
    end
    r:on("x", unpack(elements))
    r:dispatch(nil, fake.frame("x"))
    return table.concat(trace, " ")
  end

  it("runs code behind next in reverse order", function()
    local trace = trace_of(
      function(c, note) note("a") c:next() note("a2") end,
      function(c, note) note("b") c:next() note("b2") end,
      function(_, note) note("c") end)
    assert.equal("a b c b2 a2", trace)
  end)

  it("goes on after a middleware that does not call next", function()
    local trace = trace_of(
      function(_, note) note("a") end,
      function(c, note) note("b") c:next() note("b2") end,
      function(_, note) note("c") end)
    assert.equal("a b c b2", trace)
  end)

  it("runs nothing twice when next is called twice", function()
    local trace = trace_of(
      function(c, note) c:next() c:next() note("a2") end,
      function(_, note) note("b") end)
    assert.equal("b a2", trace)
  end)

  it("R3 Abort in a middleware: the handler does not run", function()
    local trace = trace_of(
      function(c, note)
        note(tostring(c:is_aborted()))
        c:abort()
        note(tostring(c:is_aborted()))
      end,
      function(_, note) note("handler") end)
    assert.equal("false true", trace)
  end)

  it("keeps an aborted chain aborted when next is called", function()
    local trace = trace_of(
      function(c, note)
        c:abort()
        c:next()
        note(tostring(c:is_aborted()))
      end,
      function(_, note) note("handler") end)
    assert.equal("true", trace)
  end)

  it("lets the running handler finish after abort", function()
    local trace = trace_of(
      function(c, note) c:next() note("a2") end,
      function(c, note) c:abort() note("b") end,
      function(_, note) note("c") end)
    assert.equal("b a2", trace)
  end)

  it("is not aborted after 62 elements that all called next", function()
    local chain, aborted = {}, {}
    for i = 1, 62 do
      chain[i] = function(c)
        c:next()
        aborted[#aborted + 1] = c:is_aborted()
      end
    end
    local r = router.new()
    r:on("x", unpack(chain))
    r:dispatch(nil, fake.frame("x"))
    assert.equal(62, #aborted)
    for i = 1, 62 do
      assert.is_false(aborted[i])
    end
  end)
end)

describe("context pool", function()
  it("R11 keys of one dispatch are invisible in the next", function()
    local r, contexts, found = router.new(), {}, {}
    r:on("x", function(c)
      contexts[#contexts + 1] = c
      found[#found + 1] = select(2, c:get("user"))
      c:set("user", "ada")
    end)
    r:dispatch(nil, fake.frame("x"))
    r:dispatch(nil, fake.frame("x"))
    assert.equal(contexts[1], contexts[2])
    assert.same({ false, false }, found)
  end)

  it("R11 many keys of one dispatch are invisible in the next", function()
    local r, found = router.new(), nil
    r:on("set", function(c)
      for i = 1, 100 do
        c:set("k" .. i, i)
      end
    end)
    r:on("get", function(c)
      found = select(2, c:get("k1")) or select(2, c:get("k100"))
    end)
    r:dispatch(nil, fake.frame("set"))
    r:dispatch(nil, fake.frame("get"))
    assert.is_false(found)
  end)

  it("R11 keys of a dispatch that raised are invisible in the next", function()
    local r, found = router.new(), nil
    r:on("set", function(c)
      c:set("user", "ada")
      error("boom")
    end)
    r:on("get", function(c)
      found = select(2, c:get("user"))
    end)
    assert.is_false(pcall(r.dispatch, r, nil, fake.frame("set")))
    r:dispatch(nil, fake.frame("get"))
    assert.is_false(found)
  end)

  it("forgets an abort", function()
    local r, aborted = router.new(), {}
    r:on("x", function(c)
      aborted[#aborted + 1] = c:is_aborted()
      c:abort()
    end)
    r:dispatch(nil, fake.frame("x"))
    r:dispatch(nil, fake.frame("x"))
    assert.same({ false, false }, aborted)
  end)

  it("keeps neither frame nor connection alive", function()
    local r = router.new()
    r:on("x", function() end)
    local weak = setmetatable({}, { __mode = "v" })
    do
      local frame, connection = fake.frame("x"), fake.connection("a")
      weak.frame, weak.connection = frame, connection
      r:dispatch(connection, frame)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak.frame)
    assert.is_nil(weak.connection)
  end)

  it("gives a dispatch from inside a handler another context", function()
    local r, trace = router.new(), {}
    r:on("outer", function(c)
      c:set("who", "outer")
      r:dispatch(nil, fake.frame("inner"))
      trace[#trace + 1] = c:get_string("who")
      trace[#trace + 1] = c.frame.event
    end)
    r:on("inner", function(c)
      trace[#trace + 1] = c:get_string("who")
      c:set("who", "inner")
      c:abort()
    end)
    r:dispatch(nil, fake.frame("outer"))
    r:dispatch(nil, fake.frame("outer"))
    assert.same({ "", "outer", "outer", "", "outer", "outer" }, trace)
  end)

  it("uses two contexts again for the next nested dispatch", function()
    local r, seen, count = router.new(), {}, 0
    local function note(c)
      if not seen[c] then
        seen[c] = true
        count = count + 1
      end
    end
    r:on("outer", function(c)
      note(c)
      r:dispatch(nil, fake.frame("inner"))
    end)
    r:on("inner", note)
    for _ = 1, 5 do
      r:dispatch(nil, fake.frame("outer"))
    end
    assert.equal(2, count)
  end)

  --- Counts what 1,000 calls of `fn` leave on the heap. Compiled code is part
  --- of the heap, so nothing is compiled meanwhile.
  local function allocated_by(fn)
    jit.off()
    jit.flush()
    for _ = 1, 10 do
      fn()
    end
    collectgarbage()
    collectgarbage("stop")
    local before = collectgarbage("count")
    for _ = 1, 1000 do
      fn()
    end
    local after = collectgarbage("count")
    collectgarbage("restart")
    jit.on()
    return after - before
  end

  it("allocates nothing in a dispatch", function()
    local r, handled = router.new(), 0
    r:use(function(c)
      c:set("user", "ada")
      c:next()
    end)
    r:on("x", function(c)
      handled = handled + #c:get_string("user")
    end)
    local on_message = r:handler()
    local connection, frame = fake.connection("a"), fake.frame("x")
    assert.equal(0, allocated_by(function()
      on_message(connection, frame)
    end))
    assert.equal(3 * 1010, handled)
  end)

  it("allocates nothing in a dispatch with recovery", function()
    local r = router.new()
    r:use(router.recovery())
    r:on("x", function() end)
    local frame = fake.frame("x")
    assert.equal(0, allocated_by(function()
      r:dispatch(nil, frame)
    end))
  end)
end)
