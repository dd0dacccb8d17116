-- SPDX-License-Identifier: MIT
--- The options `tls` and `listen`: what is accepted, and the exact text of what
--- is refused.

local wspulse = require "wspulse"

local certificate = require "spec.support.certificate"
local folders = require "folder"

local folder

setup(function()
  folder = folders.new()
  certificate.make(folder.path .. "/a")
  certificate.make(folder.path .. "/b")
  folder:write("words.pem", "no certificate\n")
end)

teardown(function()
  folder:remove()
end)

--- Replaces ~ in front of a file by the folder.
local function expand(value)
  if type(value) == "string" then
    return (value:gsub("^~", folder.path))
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, member in pairs(value) do
    copy[key] = expand(member)
  end
  return copy
end

local function with(options)
  options = expand(options)
  options.connect = function()
    return "lobby"
  end
  return wspulse.new_server(options)
end

--- Gives the text that is raised, without position and with ~ for the folder.
local function refused(options)
  local ok, message = pcall(with, options)
  assert(not ok, "nothing was raised")
  message = tostring(message):gsub("^[^:]+:%d+: ", "")
  local first, last = message:find(folder.path, 1, true)
  return first and message:sub(1, first - 1) .. "~" .. message:sub(last + 1)
    or message
end

local pair = { cert = "~/a.pem", key = "~/a.key" }

--- The pair with other members.
local function tls(members)
  local copy = { cert = pair.cert, key = pair.key }
  for key, value in pairs(members) do
    copy[key] = value
  end
  return copy
end

describe("tls", function()
  local good = {
    { "a pair", tls {} },
    { "further pairs", tls { certificates = {
      { cert = "~/b.pem", key = "~/b.key" },
    } } },
    { "a ca", tls { ca = "~/b.pem" } },
    { "each word of verify", tls { ca = "~/b.pem", verify = "optional" } },
    { "any without a ca", tls { verify = "any" } },
    { "true for verify", tls { ca = "~/b.pem", verify = true } },
    { "false for verify", tls { verify = false } },
    { "a version", tls { min_version = "1.3" } },
    { "one protocol", tls { alpn = "http/1.1" } },
    { "several protocols", tls { alpn = { "http/1.1", "x" } } },
  }
  for _, row in ipairs(good) do
    it("takes " .. row[1], function()
      assert.has_no.errors(function()
        with { tls = row[2] }
      end)
    end)
  end

  it("takes a key in the certificate's file", function()
    local both = io.open(folder.path .. "/a.pem"):read "*a"
      .. io.open(folder.path .. "/a.key"):read "*a"
    folder:write("both.pem", both)
    assert.has_no.errors(function()
      with { tls = { cert = "~/both.pem" } }
    end)
  end)

  it("starts relative paths at the file that calls", function()
    folder:write("call.lua", [[
      local options = ...
      local server = require("wspulse").new_server(options)
      return server
    ]])
    local call = assert(loadfile(folder.path .. "/call.lua"))
    assert.has_no.errors(function()
      local server = call {
        connect = print,
        tls = { cert = "a.pem", key = "a.key" },
      }
      assert.equal("main", server:name())
    end)
  end)

  local bad = {
    { true, "wspulse: tls: must be a table { cert =, key = } (tls = true)" },
    { {}, "wspulse: tls: needs a certificate (tls.cert = nil)" },
    { { crt = "x" },
      "wspulse: unknown option tls.crt; did you mean tls.cert?" },
    { { cert = 3 }, "wspulse: tls: must be a string (tls.cert = 3)" },
    { { cert = "" }, 'wspulse: tls: must not be empty (tls.cert = "")' },
    { { cert = "~/none.pem" },
      "wspulse: tls: No such file or directory "
        .. '(tls.cert = "~/none.pem")' },
    { { cert = "~/a.pem", key = "~/none.key" },
      'wspulse: tls: No such file or directory (tls.key = "~/none.key")' },
    { { cert = "~/words.pem" },
      "wspulse: tls: no PEM certificate in the file "
        .. '(tls.cert = "~/words.pem")' },
    { { cert = "~/a.pem" },
      'wspulse: tls: no PEM key in the file (tls.cert = "~/a.pem")' },
    { { cert = "~/a.pem", key = "~/b.key" },
      "wspulse: tls: the key does not fit the certificate "
        .. '(tls.key = "~/b.key")' },
    { tls { certificates = 3 },
      "wspulse: tls: must be an array of { cert =, key = } "
        .. "(tls.certificates = 3)" },
    { tls { certificates = { 3 } },
      "wspulse: tls: must be a table { cert =, key = } "
        .. "(tls.certificates[1] = 3)" },
    { tls { certificates = { { key = "~/a.key" } } },
      "wspulse: tls: needs a certificate (tls.certificates[1].cert = nil)" },
    { tls { certificates = { pair, { cert = "~/b.pem", key = "~/a.key" } } },
      "wspulse: tls: the key does not fit the certificate "
        .. '(tls.certificates[2].key = "~/a.key")' },
    { tls { certificates = { { cert = "x", kye = "y" } } },
      "wspulse: unknown option tls.certificates[1].kye; did you mean "
        .. "tls.certificates[1].key?" },
    { tls { ca = "~/words.pem" },
      "wspulse: tls: no PEM certificate in the file "
        .. '(tls.ca = "~/words.pem")' },
    { tls { verify = "maybe" },
      'wspulse: tls: must be "none", "optional", "required" or "any" '
        .. '(tls.verify = "maybe")' },
    { tls { verify = "required" },
      "wspulse: tls: needs a ca, which certifies peers "
        .. '(tls.verify = "required")' },
    { tls { verify = "optional" },
      "wspulse: tls: needs a ca, which certifies peers "
        .. '(tls.verify = "optional")' },
    { tls { min_version = "1.1" },
      'wspulse: tls: must be "1.2" or "1.3" (tls.min_version = "1.1")' },
    { tls { min_version = 1.2 },
      'wspulse: tls: must be "1.2" or "1.3" (tls.min_version = 1.2)' },
    { tls { alpn = {} },
      "wspulse: tls: must not be empty (tls.alpn = table)" },
    { tls { alpn = ("x"):rep(256) },
      "wspulse: tls: a protocol has 1 to 255 bytes "
        .. '(tls.alpn[1] = "' .. ("x"):rep(64) .. '")' },
  }
  for _, row in ipairs(bad) do
    it("is refused: " .. row[2], function()
      assert.equal(row[2], refused { tls = row[1] })
    end)
  end

  it("may be false in effect only by leaving it out", function()
    assert.equal(
      "wspulse: tls: must be a table { cert =, key = } (tls = false)",
      refused { tls = false })
  end)
end)

describe("listen", function()
  local good = {
    "wss://127.0.0.1:0",
    "ws://127.0.0.1:0",
    { address = "127.0.0.1:0" },
    { address = "127.0.0.1:0", tls = true },
    { address = "127.0.0.1:0", tls = false },
    { address = "127.0.0.1:0", tls = { cert = "~/b.pem", key = "~/b.key" } },
    { "127.0.0.1:0", { address = "ws://[::1]:0" } },
  }
  for i, listen in ipairs(good) do
    it("takes the form number " .. i, function()
      assert.has_no.errors(function()
        with { tls = pair, listen = listen }
      end)
    end)
  end

  local bad = {
    { "wss://127.0.0.1:0",
      "wspulse: listen: wss:// needs the option tls "
        .. '(listen = "wss://127.0.0.1:0")' },
    { { address = "127.0.0.1:0", tls = true },
      "wspulse: listen: wss:// needs the option tls "
        .. '(listen = "wss://127.0.0.1:0")' },
    { "https://127.0.0.1:0",
      "wspulse: listen: in front of an address there is wss:// or ws:// "
        .. '(listen = "https://127.0.0.1:0")' },
    { { address = "ws://a:1", tls = pair },
      "wspulse: listen: ws:// is plain and has no tls "
        .. '(listen = "ws://a:1")' },
    { { address = "ws://a:1", tls = true },
      "wspulse: listen: with tls = true or false the address has no wss:// "
        .. 'or ws:// (listen.address = "ws://a:1")' },
    { { address = 3 },
      "wspulse: listen: must be a string (listen.address = 3)" },
    { { "a:1", { adress = "b:1" } },
      "wspulse: unknown option listen[2].adress; did you mean "
        .. "listen[2].address?" },
    { { "a:1", { tls = pair } },
      "wspulse: listen: must be a string (listen[2].address = nil)" },
    { { "a:1", { address = "b:1", tls = { cert = "~/none.pem" } } },
      "wspulse: listen[2].tls: No such file or directory "
        .. '(listen[2].tls.cert = "~/none.pem")' },
    { { "a:1", { address = "b:1", tls = { cert = "~/a.pem", keys = 1 } } },
      "wspulse: unknown option listen[2].tls.keys; did you mean "
        .. "listen[2].tls.key?" },
  }
  for _, row in ipairs(bad) do
    it("is refused: " .. row[2], function()
      assert.equal(row[2], refused { listen = row[1] })
    end)
  end

  it("is told by the server's addresses", function()
    local server = with {
      tls = pair,
      check_origin = "same",
      listen = {
        "127.0.0.1:0", "ws://127.0.0.1:0",
        "unix:" .. folder.path .. "/plain.sock",
        "wss://unix:" .. folder.path .. "/secure.sock",
      },
    }
    assert(server:start())
    local addresses = server:addresses()
    server:close()
    assert.matches("^wss://127%.0%.0%.1:[1-9]%d*$", addresses[1])
    assert.matches("^127%.0%.0%.1:[1-9]%d*$", addresses[2])
    assert.equal("unix:" .. folder.path .. "/plain.sock", addresses[3])
    assert.equal("wss://unix:" .. folder.path .. "/secure.sock", addresses[4])
  end)
end)
