-- SPDX-License-Identifier: MIT
local ffi = require "ffi"
local json = require "cjson"

local stages = require "spec.cli.support.stage"

local ECHO = "on_message = function(conn, frame) conn:send(frame) end,"
local BROADCAST = "on_message = function(conn, frame) "
  .. "conn:server():broadcast(conn:room_id(), frame) end,"

-- Numbers that a report is made of: none is missing, none is nonsense.
local function assert_latency(latency, count)
  assert.equal(count, latency.count)
  local before = 0
  for _, name in ipairs { "min", "p50", "p90", "p99", "p99_9", "max" } do
    assert.is_true(latency[name] >= before, name)
    before = latency[name]
  end
  assert.is_true(latency.min > 0)
end

describe("wspulse bench", function()
  local stage, server

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  local function serve(lines)
    stage.folder:write("app.lua", stage.script("page", lines))
    server = stage:serve { "app.lua" }
  end

  local function url(path)
    return ("ws://127.0.0.1:%d%s"):format(server.port, path or "/ws")
  end

  local function bench(...)
    return stage:run { "bench", url(), "--warmup", "0", ... }
  end

  -- Runs to a good end and gives the report.
  local function measure(...)
    local code, out, err = bench("--json", ...)
    assert.same({ 0, "" }, { code, err })
    return json.decode(out)
  end

  it("counts exactly as many echoes as it was told", function()
    serve('codec = "raw",' .. ECHO)
    for _, depth in ipairs { "1", "16" } do
      local report =
        measure("--connections", "3", "--messages", "100", "--depth", depth)
      assert.equal("echo", report.mode)
      assert.equal(3, report.connected)
      assert.equal(100, report.messages)
      assert.equal(100 * 128, report.bytes)
      assert.equal(0, report.unasked)
      assert.is_false(report.interrupted)
      assert_latency(report.latency_us, 100)
      assert_latency(report.handshake_us, 3)
    end
  end)

  it("sends messages of every length, text and binary", function()
    serve('codec = "raw", max_message_size = 1048576,' .. ECHO)
    for _, size in ipairs { 0, 1, 125, 126, 65535, 65536, 1048576 } do
      for _, flag in ipairs { "--binary", "--messages=4" } do
        local report = measure("--connections", "2", "--messages", "4",
          "--size", tostring(size), flag)
        assert.equal(4, report.messages)
        assert.equal(4 * size, report.bytes)
      end
    end
  end)

  it("sends envelopes of a size and an event", function()
    serve('on_message = function(conn, frame) if frame.event == "say" then '
      .. "conn:send(frame) end end,")
    local report = measure("--connections", "2", "--messages", "10",
      "--envelope", "--event", "say", "--size", "145")
    assert.equal(10, report.messages)
    assert.equal(10 * 145, report.bytes)
  end)

  it("counts the deliveries of a broadcast", function()
    serve('codec = "raw",' .. BROADCAST)
    local report = measure("--mode", "fanout", "--connections", "20",
      "--messages", "6", "--depth", "2")
    assert.equal(21, report.connected)
    assert.equal(120, report.messages)
    assert_latency(report.latency_us, 120)
  end)

  it("connects and closes as often as it was told", function()
    serve()
    local report =
      measure("--mode", "connect", "--connections", "4", "--messages", "30")
    assert.equal(30, report.messages)
    assert_latency(report.latency_us, 30)
  end)

  it("tells what the process of a server has used", function()
    serve('codec = "raw",' .. ECHO)
    local pid = tostring(server.pid)
    local report = measure("--pid", pid, "--messages", "2000")
    assert.equal(server.pid, report.server.pid)
    assert.is_true(report.server.cpu_s > 0)
    local each_us = report.server.cpu_s * 1e6 / 2000
    assert.is_near(each_us, report.server.cpu_us_per_message, 0.01)
    assert.is_true(report.server.rss > 1024 * 1024)
    report = measure("--pid", pid, "--mode", "idle", "--connections", "50",
      "--duration", "0.2")
    assert.equal(50, report.connected)
    local grown = report.server.rss - report.server.rss_before
    assert.is_near(grown / 50, report.server.rss_per_connection, 0.1)
  end)

  it("ends after a time, having warmed up before", function()
    serve('codec = "raw",' .. ECHO)
    local code, out = stage:run {
      "bench", url(), "--json", "--duration", "0.2", "--warmup", "0.2",
      "--connections", "2",
    }
    local report = json.decode(out)
    assert.equal(0, code)
    assert.is_true(report.seconds >= 0.2)
    assert.is_true(report.messages > 0)
  end)

  it("keeps to a rate, and counts latency from when it was due", function()
    serve('codec = "raw",' .. ECHO)
    local report =
      measure("--rate", "500", "--connections", "3", "--messages", "50")
    assert.equal(50, report.messages)
    assert.is_true(report.seconds >= 49 / 500, "faster than asked")
    assert_latency(report.latency_us, 50)
  end)

  it("writes a report for people", function()
    serve('codec = "raw",' .. ECHO)
    local code, out, err = bench("--messages", "10", "--connections", "1",
      "--pid", tostring(server.pid))
    assert.same({ 0, "" }, { code, err })
    assert.matches("^echo ws://127%.0%.0%.1:%d+/ws: 1 connection, depth 1, "
      .. "128 B text, measured [%d.]+ s\n", out)
    for _, line in ipairs {
      "connected +1 in [%d.]+ [mu]?s\n",
      "throughput +%d+ messages/s, 10 in all, [%d.]+ MiB/s received\n",
      "latency +p50 [%d.]+ %w+  p90 [%d.]+ %w+  p99 [%d.]+ %w+  p99%.9 ",
      "server +[%d.]+ us CPU a message, [%d.]+ %% of a core, RSS [%d.]+ MiB\n",
      "client +[%d.]+ %% of a core",
    } do
      assert.matches(line, out)
    end
  end)

  it("shows how far it is on a terminal, and takes that away", function()
    serve('codec = "raw",' .. ECHO)
    local child = stage:spawn({
      "bench", url(), "--duration", "60", "--connections", "2",
    }, { terminal = true })
    child:await_stderr "echo: [%d.]+ s, %d+ done, %d+/s"
    child:signal "INT"
    assert.equal(0, child:wait())
    assert.matches("\r\27%[K$", child:stderr())
    assert.matches("measured [%d.]+ s %(interrupted%)", child:stdout())
  end)

  it("answers the heartbeat of the server", function()
    serve "heartbeat = { ping = 0.05, pong = 0.1 },"
    local report = measure("--mode", "idle", "--connections", "2",
      "--duration", "0.5")
    assert.is_nil(report.error)
  end)

  it("puts room and headers into the request", function()
    stage.folder:write("app.lua", stage.script("page", ECHO):gsub(
      'function%(%) return "lobby" end',
      'function(req) return req:query "room" == "a b&c" '
        .. 'and req:query "x" == "1" and req:header "Cookie" == "k=v" '
        .. 'and "lobby" or nil end'
    ) .. "")
    server = stage:serve { "app.lua" }
    local flags = { "--messages", "1", "--connections", "1", "--envelope",
      "--room", "a b&c", "--header", "Cookie: k=v" }
    local code, _, err = stage:run { "bench", url "/ws?x=1", unpack(flags) }
    assert.same({ 0, "" }, { code, err })
    code, _, err = stage:run { "bench", url(), unpack(flags) }
    assert.equal(1, code)
    assert.matches('the upgrade was answered "HTTP/1%.1 4%d%d', err)
  end)

  it("notes messages that answer nothing", function()
    serve("on_message = function(conn, frame) "
      .. "conn:send(frame) conn:send(frame) end,")
    local report = measure("--connections", "1", "--messages", "5",
      "--envelope")
    assert.equal(5, report.messages)
    assert.is_true(report.unasked >= 4)
  end)

  -- ---- what goes wrong ----

  local function assert_failure(message, code, err)
    assert.equal(1, code)
    assert.matches("^wspulse bench: ws://[^ ]+: ", err)
    assert.matches(message, err)
  end

  it("says that nobody listens", function()
    serve()
    server:signal "TERM"
    server:wait()
    local code, out, err = bench()
    assert_failure("connect: Connection refused\n$", code, err)
    assert.equal("", out)
    code, out = bench "--json"
    assert.equal(1, code)
    assert.matches("Connection refused", json.decode(out).error)
  end)

  it("says how the upgrade was answered instead", function()
    serve()
    local code, _, err = stage:run { "bench", url "/" }
    assert_failure('the upgrade was answered "HTTP/1%.1 %d%d%d', code, err)
  end)

  it("explains that a message was too big", function()
    serve(ECHO)
    local code, _, err = bench("--size", "600")
    assert_failure("1009 .*max_message_size is below %-%-size", code, err)
  end)

  it("ends when nothing comes", function()
    serve "on_message = function() end,"
    local code, _, err = bench("--envelope", "--timeout", "0.2")
    assert_failure("nothing came for 0%.2 s: does the server answer", code, err)
    code, _, err = bench("--envelope", "--timeout", "0.2", "--mode", "fanout",
      "--connections", "3")
    assert_failure("3 deliveries are missing: does the server broadcast", code,
      err)
  end)

  it("ends when somebody listens and never answers", function()
    serve()
    -- The kernel accepts for a process that is stopped.
    assert.equal(0, ffi.C.kill(server.pid, 19)) -- SIGSTOP
    local code, _, err = bench("--timeout", "0.3", "--connections", "1")
    assert.equal(0, ffi.C.kill(server.pid, 18)) -- SIGCONT
    assert_failure("no connection opened for 0%.3 s; 0 of 1 are open", code,
      err)
  end)

  it("ends when the server does", function()
    serve('codec = "raw",' .. ECHO)
    local child = stage:spawn({
      "bench", url(), "--duration", "60", "--connections", "4", "--warmup", "0",
    }, { terminal = true })
    child:await_stderr "echo: [%d.]+ s, %d+ done"
    server:signal "TERM"
    assert.equal(1, child:wait())
    assert.matches("wspulse bench: ws://[^ ]+: the server closed a connection: "
      .. "1001", child:stderr())
    assert.matches("throughput", child:stdout())
  end)

  it("says that there is no such process", function()
    serve()
    local code, _, err = bench("--pid", "999999999")
    assert_failure("process 999999999: No such process", code, err)
  end)

  it("says how many descriptors it would take", function()
    serve()
    local code, _, err = stage:run({
      "bench", url(), "--connections", "100000",
    }, { shell = 'ulimit -n 64 && exec "$@"' })
    assert_failure(
      "100000 connections need 100016 file descriptors, the limit is 64",
      code, err
    )
  end)

  local wrong = {
    { "no URL", {}, "which URL%? For instance ws://" },
    { "TLS", { "wss://127.0.0.1/ws" }, "TLS is not measured" },
    { "another scheme", { "http://127.0.0.1/" }, "begins with ws://" },
    { "a URL without a host", { "ws:///ws" }, "ws://HOST:PORT/PATH" },
    { "a port that is none", { "ws://a:b/" }, "ws://HOST:PORT/PATH" },
    { "an open bracket", { "ws://[::1/" }, "ws://HOST:PORT/PATH" },
    { "a blank in a URL", { "ws://a/b c" }, "no blanks" },
    { "an unknown mode", { "ws://a", "--mode", "soak" }, 'got "soak"' },
    { "no connections", { "ws://a", "--connections=0" }, "from 1 to 1000000" },
    { "half a message", { "ws://a", "--messages", "1.5" }, "whole number" },
    { "a size in words", { "ws://a", "--size", "1k" }, 'got "1k"' },
    { "a negative size", { "ws://a", "--size", "-1" }, "from 0 to 16777216" },
    { "hexadecimal", { "ws://a", "--depth", "0x10" }, 'got "0x10"' },
    { "no time at all", { "ws://a", "--duration", "0" }, "from 0.01 to 86400" },
    { "an endless time", { "ws://a", "--duration", "inf" }, 'got "inf"' },
    {
      "more in flight than memory",
      { "ws://a", "--depth", "1024", "--connections", "100000" },
      "times %-%-connections",
    },
    {
      "a block that is too large",
      { "ws://a", "--depth", "1000", "--size", "1000000" },
      "64 MiB at most",
    },
    {
      "envelopes that are binary",
      { "ws://a", "--envelope", "--binary" },
      "exclude each other",
    },
    {
      "messages of idle ones",
      { "ws://a", "--mode", "idle", "--messages", "5" },
      "%-%-duration",
    },
    { "an event with quotes", { "ws://a", "--event", 'a"b' }, "not allowed" },
    { "a header without colon", { "ws://a", "--header", "x" }, "Name: value" },
    {
      "a header that is two",
      { "ws://a", "--header", "a: b\r\nc: d" },
      "one line",
    },
    { "a mistyped flag", { "ws://a", "--conections", "2" }, "connections" },
  }
  for _, case in ipairs(wrong) do
    local title, args, message = unpack(case)
    it("refuses " .. title .. " with exit 2", function()
      local code, out, err = stage:run { "bench", unpack(args) }
      assert.equal(2, code)
      assert.equal("", out)
      assert.matches("^wspulse bench: ", err)
      assert.matches(message, err)
      assert.matches("See: wspulse bench %-%-help\n$", err)
    end)
  end
end)
