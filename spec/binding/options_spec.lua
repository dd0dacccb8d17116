-- SPDX-License-Identifier: MIT
--- The table given to new_server: what is accepted, and the exact text of what
--- is refused.

local wspulse = require "wspulse"

local new_server = wspulse.new_server
local nan, inf = 0 / 0, math.huge

local function accept()
  return "lobby"
end

--- Calls new_server with one option beside `connect`.
local function with(name, value)
  return new_server { connect = accept, [name] = value }
end

--- Gives the text that `fn` raises, without the position in front.
local function raised(fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "nothing was raised")
  return (tostring(message):gsub("^[^:]+:%d+: ", ""))
end

local function refused(name, value)
  return raised(with, name, value)
end

describe("new_server", function()
  it("gives a description that has opened nothing", function()
    local server = new_server { connect = accept }
    assert.equal("main", server:name())
    assert.equal("wspulse.server (main)", tostring(server))
    local addresses, err = server:addresses()
    assert.is_nil(addresses)
    assert.equal(wspulse.errors.SERVER_NOT_STARTED, err)
  end)

  it("raises with the position of its caller", function()
    local ok, message = pcall(function()
      new_server { connect = accept, write_wait = 0 }
      return true
    end)
    assert.is_false(ok)
    assert.matches("options_spec%.lua:%d+: wspulse: WithWriteWait", message)
  end)

  it("wants a table and a connect function", function()
    assert.equal("wspulse: NewServer: options must be a table (got nil)",
      raised(new_server))
    assert.equal("wspulse: NewServer: connect must not be nil (connect = nil)",
      raised(new_server, {}))
    assert.equal(
      "wspulse: NewServer: connect must be a function (connect = 5)",
      raised(new_server, { connect = 5 }))
  end)

  it("takes a callable table as a function", function()
    local callable = setmetatable({}, { __call = function() end })
    assert.has_no.errors(function()
      new_server { connect = callable, on_message = callable }
    end)
  end)
end)

describe("a number out of range", function()
  local table_of_texts = {
    { "resume_window", -1,
      "wspulse: WithResumeWindow: duration must be non-negative "
        .. "(resume_window = -1)" },
    { "write_wait", 0,
      "wspulse: WithWriteWait: duration must be positive (write_wait = 0)" },
    { "write_wait", 30.5,
      "wspulse: WithWriteWait: duration exceeds maximum (30s) "
        .. "(write_wait = 30.5)" },
    { "max_message_size", 0,
      "wspulse: WithMaxMessageSize: n must be at least 1 "
        .. "(max_message_size = 0)" },
    { "max_message_size", 67108865,
      "wspulse: WithMaxMessageSize: n exceeds maximum (64 MiB) "
        .. "(max_message_size = 67108865)" },
    { "send_buffer_size", 0,
      "wspulse: WithSendBufferSize: n must be at least 1 "
        .. "(send_buffer_size = 0)" },
    { "send_buffer_size", 4097,
      "wspulse: WithSendBufferSize: n exceeds maximum (4096) "
        .. "(send_buffer_size = 4097)" },
    { "heartbeat", { ping = 30, pong = 10 },
      "wspulse: WithHeartbeat: pingPeriod must be positive and strictly less "
        .. "than pongWait (heartbeat = { ping = 30, pong = 10 })" },
    { "heartbeat", { ping = 301, pong = 400 },
      "wspulse: WithHeartbeat: pingPeriod exceeds maximum (5m) "
        .. "(heartbeat = { ping = 301, pong = 400 })" },
    { "heartbeat", { ping = 10, pong = 601 },
      "wspulse: WithHeartbeat: pongWait exceeds maximum (10m) "
        .. "(heartbeat = { ping = 10, pong = 601 })" },
    { "upgrader_buffer_size", { read = 0 },
      "wspulse: WithUpgraderBufferSize: readSize must be positive "
        .. "(upgrader_buffer_size.read = 0)" },
    { "upgrader_buffer_size", { write = -1 },
      "wspulse: WithUpgraderBufferSize: writeSize must be positive "
        .. "(upgrader_buffer_size.write = -1)" },
    { "compression", { level = 10 },
      "wspulse: compression: n exceeds maximum (9) (compression.level = 10)" },
    { "compression", { min_size = -1 },
      "wspulse: compression: n must be non-negative "
        .. "(compression.min_size = -1)" },
    { "compression", { server_max_window_bits = 8 },
      "wspulse: compression: n must be at least 9, the smallest window of zlib "
        .. "(compression.server_max_window_bits = 8)" },
    { "compression", { max_memory = 0.5 },
      "wspulse: compression: n must be a whole number "
        .. "(compression.max_memory = 0.5)" },
  }
  for _, row in ipairs(table_of_texts) do
    local name, value, text = row[1], row[2], row[3]
    it("raises the seed's text: " .. text, function()
      assert.equal(text, refused(name, value))
    end)
  end

  it("hostile 82 is refused when it is NaN, infinite or a fraction", function()
    for _, name in ipairs {
      "resume_window", "write_wait", "max_message_size", "send_buffer_size",
      "send_buffer_bytes", "max_suspended", "max_suspended_bytes",
      "connection_data_bytes",
    } do
      assert.matches(name .. " = %-?nan", refused(name, nan))
      assert.matches(name .. " = inf", refused(name, inf))
      assert.matches(name .. " = %-inf", refused(name, -inf))
    end
    for _, name in ipairs {
      "max_message_size", "send_buffer_size", "max_suspended",
      "connection_data_bytes",
    } do
      assert.matches(name .. " = 1%.5", refused(name, 1.5))
    end
  end)

  it("is accepted at the boundary", function()
    for name, values in pairs {
      resume_window = { 0, 86400 },
      write_wait = { 0.001, 30 },
      max_message_size = { 1, 67108864 },
      send_buffer_size = { 1, 4096 },
      heartbeat = { { ping = 300, pong = 600 }, { ping = 1 }, {} },
      upgrader_buffer_size = { { read = 1, write = 1 }, {} },
      compression = {
        true, false, {}, { level = 9, client_no_context_takeover = false },
        { min_size = 0, server_max_window_bits = 9, max_memory = 0 },
      },
    } do
      for _, value in ipairs(values) do
        assert.has_no.errors(function()
          with(name, value)
        end)
      end
    end
  end)
end)

describe("a wrong type", function()
  local rows = {
    { "write_wait", "10",
      'wspulse: WithWriteWait: must be a number (write_wait = "10")' },
    { "resume_window", true,
      "wspulse: WithResumeWindow: must be a number (resume_window = true)" },
    { "heartbeat", 10,
      "wspulse: WithHeartbeat: must be a table { ping =, pong = } "
        .. "(heartbeat = 10)" },
    { "heartbeat", { ping = "a" },
      'wspulse: WithHeartbeat: must be a number (heartbeat.ping = "a")' },
    { "on_message", "handler",
      'wspulse: WithOnMessage: must be a function (on_message = "handler")' },
    { "close_reasons", 1,
      "wspulse: close_reasons: must be true or false (close_reasons = 1)" },
    { "compression", "gzip",
      "wspulse: compression: must be true, false or a table such as "
        .. '{ level = 1 } (compression = "gzip")' },
    { "compression", { level = "fast" },
      'wspulse: compression: must be a number (compression.level = "fast")' },
    { "compression", { client_no_context_takeover = 1 },
      "wspulse: compression: must be true or false "
        .. "(compression.client_no_context_takeover = 1)" },
    { "takeover", "steal",
      'wspulse: takeover: must be "duplicate" or "resume" '
        .. '(takeover = "steal")' },
    { "listen", {}, "wspulse: listen: must not be empty (listen = table)" },
    { "listen", { "a:1", 2 },
      "wspulse: listen: must be a string (listen[2] = 2)" },
    { "listen", { address = "" },
      'wspulse: listen: must not be empty (listen.address = "")' },
    { "listen", { "a:1", { address = 2 } },
      "wspulse: listen: must be a string (listen[2].address = 2)" },
    { "listen", { adress = "a:1" },
      "wspulse: unknown option listen.adress; did you mean listen.address?" },
    { "listen", { "a:1", { adress = "a:1" } },
      "wspulse: unknown option listen[2].adress; "
        .. "did you mean listen[2].address?" },
    { "listen", { address = "a:1", proxy_protocol = 1 },
      "wspulse: listen: must be true or false (listen.proxy_protocol = 1)" },
    { "listen", { "a:1", { address = "a:2", proxy_protocol = true } },
      "wspulse: proxy_protocol: needs trusted_proxies, from nobody else is it "
        .. 'believed (listen = "a:2")' },
    { "trusted_proxies", { "::1", "nginx" },
      "wspulse: trusted_proxies: must be an IP address, a range such as "
        .. '"10.0.0.0/8", or "unix" (trusted_proxies[2] = "nginx")' },
    { "accept_rate", 5,
      "wspulse: accept_rate: must be a table { per_second =, burst = } "
        .. "(accept_rate = 5)" },
    { "accept_rate", { per_second = "1" },
      'wspulse: accept_rate: must be a number (accept_rate.per_second = "1")' },
    { "accept_rate", { burst = -1 },
      "wspulse: accept_rate: n must be non-negative (accept_rate.burst = -1)" },
    { "max_fragments", 1.5,
      "wspulse: max_fragments: n must be a whole number "
        .. "(max_fragments = 1.5)" },
    { "check_origin", { "a.example" },
      "wspulse: WithCheckOrigin: an origin is a scheme and a host, such as "
        .. '"https://a.example", and maybe a port '
        .. '(check_origin[1] = "a.example")' },
    { "name", "", 'wspulse: name: must not be empty (name = "")' },
    { "path", "ws",
      'wspulse: path: must start with "/" (path = "ws")' },
    { "path", "/a\0b",
      'wspulse: path: must not contain a NUL (path = "/a\\000b")' },
    { "codec", false,
      "wspulse: WithCodec: codec must not be nil (codec = false)" },
    { "codec", "xml",
      'wspulse: WithCodec: unknown codec (codec = "xml")' },
    { "codec", { decode = print },
      "wspulse: WithCodec: must be a function (codec.encode = nil)" },
    { "codec", { encode = print, decode = 3 },
      "wspulse: WithCodec: must be a function (codec.decode = 3)" },
    { "codec", { encode = print, decode = print, frame_type = "b" },
      'wspulse: WithCodec: must be "text" or "binary" '
        .. '(codec.frame_type = "b")' },
    { "check_origin", false,
      "wspulse: WithCheckOrigin: fn must not be nil (check_origin = false)" },
    { "check_origin", "none",
      'wspulse: WithCheckOrigin: must be "any", "same", a list of origins or '
        .. 'a function (check_origin = "none")' },
    { "subprotocols", { "a", "b c" },
      "wspulse: subprotocols: a name is an RFC 9110 token of at most 128 bytes "
        .. '(subprotocols[2] = "b c")' },
    { "subprotocols", { "a", "a" },
      'wspulse: subprotocols: names must differ (subprotocols[2] = "a")' },
    { "takeover", "resume",
      'wspulse: takeover: "resume" needs resume_window greater than 0 '
        .. "(resume_window = 0)" },
    { "subprotocols", {},
      "wspulse: subprotocols: must not be empty (subprotocols = table)" },
    { "subprotocols", false,
      "wspulse: subprotocols: must be a string (subprotocols = false)" },
    { "logger", false,
      "wspulse: WithLogger: logger must not be nil (logger = false)" },
    { "metrics", false,
      "wspulse: WithMetrics: collector must not be nil (metrics = false)" },
    { "metrics", { pong_timeout = 3 },
      "wspulse: WithMetrics: must be a function (metrics.pong_timeout = 3)" },
    { "metrics", 3,
      "wspulse: WithMetrics: collector must be a table of hooks "
        .. "(metrics = 3)" },
    { "admin", "127.0.0.1:0",
      "wspulse: admin: must be a table { listen = } "
        .. '(admin = "127.0.0.1:0")' },
    { "admin", {},
      "wspulse: admin: must be a string (admin.listen = nil)" },
    { "admin", { listen = "" },
      'wspulse: admin: must not be empty (admin.listen = "")' },
    { "http", { ["/x"] = print },
      'wspulse: http: a route is a method and a path, such as "GET /hello" '
        .. '(http["/x"] = function)' },
    { "http", { ["GET /x"] = 1 },
      'wspulse: http: must be a function (http["GET /x"] = 1)' },
    { "static", { public = "/" },
      'wspulse: static: a URL prefix starts with "/" '
        .. '(static["public"] = "/")' },
    { "static", { ["/"] = 1 },
      'wspulse: static: must name a folder (static["/"] = 1)' },
  }
  for _, row in ipairs(rows) do
    it("is named with its option: " .. row[3], function()
      assert.equal(row[3], refused(row[1], row[2]))
    end)
  end
end)

describe("resume_confirm", function()
  it("wants a window, and a second socket that does not end the session",
    function()
      assert.equal("wspulse: resume_confirm: needs resume_window greater "
        .. "than 0 (resume_window = 0)", refused("resume_confirm", true))
      local options = {
        connect = accept, resume_confirm = true, resume_window = 1,
      }
      assert.has_no.errors(function()
        new_server(options)
      end)
      options.takeover = "duplicate"
      assert.equal("wspulse: resume_confirm: a client redials before its old "
        .. "transport is known to be dead, which must not end its session "
        .. '(takeover = "duplicate")', raised(new_server, options))
    end)
end)

describe("an unknown key", function()
  it("hostile 82 is refused with the nearest name", function()
    assert.equal(
      "wspulse: unknown option resume_windw; did you mean resume_window?",
      refused("resume_windw", 3))
    assert.equal("wspulse: unknown option lisen; did you mean listen?",
      refused("lisen", "127.0.0.1:0"))
    assert.equal(
      "wspulse: unknown option heartbeat.pinng; did you mean heartbeat.ping?",
      refused("heartbeat", { pinng = 3 }))
    assert.equal(
      "wspulse: unknown option codec.frametype; did you mean codec.frame_type?",
      refused("codec", { frametype = "text" }))
    assert.equal(
      "wspulse: unknown option admin.lisen; did you mean admin.listen?",
      refused("admin", { lisen = "127.0.0.1:0" }))
    assert.equal(
      "wspulse: unknown option compression.leve; "
        .. "did you mean compression.level?",
      refused("compression", { leve = 1 }))
    assert.equal(
      "wspulse: unknown option metrics.connection_open; "
        .. "did you mean metrics.connection_opened?",
      refused("metrics", { connection_open = print }))
  end)

  it("hostile 82 is refused when it is no name or a hostile one", function()
    assert.equal("wspulse: unknown option [1]",
      raised(new_server, { accept, connect = accept }))
    assert.matches("unknown option a\\010b", refused("a\nb", 1))
    assert.matches("unknown option x+…; did you mean",
      refused(("x"):rep(5000), 1))
  end)

  it("is told from one that needs a state of its own", function()
    assert.equal("wspulse: handler_timeout: is for scripts that `wspulse run` "
      .. "or server:reload runs in a state of their own (handler_timeout = 2)",
      refused("handler_timeout", 2))
    assert.equal("wspulse: lua_memory_limit: is for scripts that `wspulse run` "
      .. "or server:reload runs in a state of their own "
      .. "(lua_memory_limit = 2000000)",
      refused("lua_memory_limit", 2e6))
  end)

  it("is told from an option of a later version", function()
    for _, name in ipairs { "adapter", "presence", "workers" } do
      assert.equal(
        "wspulse: option " .. name .. " is not available in this version",
        refused(name, {}))
    end
    assert.has_no.errors(function()
      with("workers", false)
    end)
  end)
end)

describe("listen", function()
  it("is an address, a table with one, or an array of both", function()
    local places = {
      "127.0.0.1:0",
      { address = "127.0.0.1:0" },
      { "127.0.0.1:0", { address = "127.0.0.1:0" } },
    }
    for count, place in ipairs { places[1], places[2], places[3] } do
      local server = with("listen", place)
      assert(server:start())
      assert.equal(count == 3 and 2 or 1, #server:addresses())
      assert.is_true(server:close())
    end
  end)
end)

describe("every option of the seed", function()
  it("is accepted", function()
    local server = new_server {
      name = "all",
      connect = accept,
      listen = { "127.0.0.1:0", "[::1]:0" },
      path = "/socket",
      on_connect = print,
      on_message = print,
      on_disconnect = print,
      on_transport_drop = print,
      on_transport_restore = print,
      on_drain = print,
      on_reload = print,
      resume_window = 30,
      takeover = "resume",
      resume_confirm = true,
      max_suspended = 10,
      max_suspended_bytes = 4096,
      heartbeat = { ping = 1, pong = 2 },
      write_wait = 1,
      max_message_size = 1024,
      send_buffer_size = 16,
      send_buffer_bytes = 65536,
      codec = { encode = print, decode = print, frame_type = "binary" },
      check_origin = { "https://a.example" },
      subprotocols = { "chat.v2", "chat" },
      logger = print,
      metrics = {
        connection_opened = print,
        connection_closed = print,
        resume_attempt = print,
        room_created = print,
        room_destroyed = print,
        message_received = print,
        message_broadcast = print,
        message_sent = print,
        frame_dropped = print,
        send_buffer_utilization = print,
        pong_timeout = print,
      },
      admin = { listen = "127.0.0.1:0" },
      upgrader_buffer_size = { read = 2048, write = 2048 },
      close_reasons = false,
      validate_utf8 = false,
      connection_data_bytes = 0,
      handshake_timeout = 0.5,
      max_connections = 10,
      max_connections_per_ip = 2,
      accept_rate = { per_second = 0.5, burst = 3 },
      max_fragments = 0,
      max_control_rate = 1,
      trusted_proxies = { "127.0.0.1", "fd00::/8", "unix" },
      http = { ["GET /x"] = print, ["POST /x"] = print },
      static = { ["/"] = "public" },
    }
    assert.equal("all", server:name())
  end)
end)

describe("the options table", function()
  it("may be collected: the description keeps what it needs", function()
    local server
    do
      local suffix = tostring(math.random(1e9))
      server = new_server {
        connect = accept,
        name = "name" .. suffix,
        listen = { "127.0.0.1:" .. 0 },
        path = "/path" .. suffix,
        check_origin = { "https://" .. suffix .. ".example" },
        subprotocols = { "chat" .. suffix, "v2." .. suffix },
      }
    end
    for _ = 1, 3 do
      collectgarbage()
    end
    assert.matches("^name%d+$", server:name())
    assert(server:start())
    assert.matches("^127%.0%.0%.1:%d+$", server:addresses()[1])
    assert.is_true(server:close())
  end)
end)
