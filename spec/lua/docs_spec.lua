-- SPDX-License-Identifier: MIT
--- Holds implementation, type annotations and pages to the same members.
local fake = require "fake"

local META, PAGES = "lua/wspulse/meta/", "docs/lua-api/"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- Gives every capture of `pattern`, those of several captures joined.
local function all(text, pattern)
  local found = {}
  for first, second in text:gmatch(pattern) do
    found[#found + 1] = second and first .. "." .. second or first
  end
  return found
end

local function sorted(list)
  table.sort(list)
  return list
end

local function keys_of(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  return sorted(keys)
end

--- The functions that annotations declare for `class`, in their order.
local function declared(meta, class)
  return all(read(META .. meta), "\nfunction " .. class .. "[.:]([%w_]+)%(")
end

--- The functions that a page has a heading for.
local function headed(page, object)
  return all(read(PAGES .. page), "\n### " .. object .. "[.:]([%w_]+)%(")
end

--- The names in a C array of luaL_Reg called `array`.
local function registered(source, array)
  local body = read("src/lua/" .. source):match(
    "luaL_Reg " .. array .. "%[%] = (%b{})")
  assert(body, source .. " has no table " .. array)
  return all(body, '{"([%w_]+)"')
end

describe("pages have the members of the annotations, in their order", function()
  local CASES = {
    { "wspulse.lua", "wspulse", "README.md", "wspulse" },
    { "wspulse.lua", "log", "README.md", "log" },
    { "server.lua", "Server", "server.md", "server" },
    { "connection.lua", "Connection", "connection.md", "connection" },
    { "frame.lua", "Frame", "frame.md", "frame" },
    { "request.lua", "Request", "request.md", "request" },
    { "response.lua", "Response", "response.md", "response" },
    { "context.lua", "Context", "context.md", "context" },
    { "router.lua", "Group", "router.md", "group" },
    { "errors.lua", "errors", "errors.md", "errors" },
  }

  for _, case in ipairs(CASES) do
    it(case[4] .. " on " .. case[3], function()
      local functions = declared(case[1], case[2])
      assert.is_true(#functions > 0)
      assert.same(functions, headed(case[3], case[4]))
    end)
  end

  it("router on router.md, module and methods", function()
    local functions = declared("router.lua", "router")
    for _, name in ipairs(declared("router.lua", "Router")) do
      functions[#functions + 1] = name
    end
    assert.same(functions, headed("router.md", "router"))
  end)

  it("fields of frame, request and context", function()
    for _, noun in ipairs { "frame", "request", "context" } do
      local class = read(META .. noun .. ".lua"):match("(.-)\nlocal ")
      local fields = all(class, "\n%-%-%-@field ([%w_]+)")
      assert.is_true(#fields > 0)
      assert.same(fields,
        all(read(PAGES .. noun .. ".md"), "\n### " .. noun .. "%.([%w_]+)\n"))
    end
  end)

  it("options on server.md", function()
    local class = read(META .. "options.lua"):match("(.-)\n%-%-%-@alias")
    assert.same(all(class, "\n%-%-%-@field ([%w_]+)"),
      all(read(PAGES .. "server.md"):match("\n## Options(.-)\n## Texts"),
        "\n| `([%w_]+)`"))
  end)
end)

describe("annotations have the members of the implementation", function()
  it("of wspulse", function()
    local wspulse = fake.load("wspulse", fake.core())
    local functions, fields = {}, {}
    for name, value in pairs(wspulse) do
      local list = type(value) == "function" and functions or fields
      list[#list + 1] = name
    end
    assert.same(sorted(functions), sorted(declared("wspulse.lua", "wspulse")))
    local class = read(META .. "wspulse.lua"):match("(.-)\nlocal wspulse")
    assert.same(sorted(fields), sorted(all(class, "%-%-%-@field ([%w_]+)")))
    assert.same(
      keys_of(wspulse.log), sorted(declared("wspulse.lua", "log")))
  end)

  it("of router, its groups and contexts", function()
    local router = require "wspulse.router"
    local group = require "wspulse.group"
    local context = require "wspulse.context"
    assert.same(keys_of(router), sorted(declared("router.lua", "router")))
    assert.same(
      keys_of(group.methods), sorted(declared("router.lua", "Group")))
    assert.same(
      keys_of(context.methods), sorted(declared("context.lua", "Context")))
    local own = getmetatable(router.new()).__index
    local both = declared("router.lua", "Router")
    for name in pairs(group.methods) do
      both[#both + 1] = name
    end
    assert.same(keys_of(own), sorted(both))
  end)

  for noun, class in pairs {
    server = "Server", connection = "Connection", frame = "Frame",
    request = "Request", response = "Response",
  } do
    it("of " .. noun .. ", which is written in C", function()
      assert.same(sorted(registered("lua_" .. noun .. ".c", "methods")),
        sorted(declared(noun .. ".lua", class)))
    end)
  end

  it("of the options, which are read in C", function()
    local rows = read("src/lua/lua_options.c"):match("schemas%[%] = (%b{})")
    local names = {}
    for entry in rows:sub(2, -2):gmatch("%b{}") do
      if not entry:find("read_later", 1, true) then
        names[#names + 1] = entry:match('"([%w_]+)"')
      end
    end
    local class = read(META .. "options.lua"):match("(.-)\n%-%-%-@alias")
    assert.same(sorted(names), sorted(all(class, "\n%-%-%-@field ([%w_]+)")))
  end)
end)

describe("errors", function()
  --- Name and text of each error, in the order of the C header.
  local function in_header()
    local header = read("include/wspulse/error.h")
    local map = header:match("WSP_ERR_MAP%(X%)(.-)\n\n")
    local names, texts = {}, {}
    for name, text in map:gmatch('X%(([%w_]+), %-%d+,[%s\\]*"(.-)"%)') do
      names[#names + 1] = name
      texts[#texts + 1] = text
    end
    return names, texts
  end

  it("are annotated, each constant and each code", function()
    local names, meta = in_header(), read(META .. "errors.lua")
    assert.is_true(#names > 20)
    assert.same(names, all(meta, "\n%-%-%-@field ([%u_%d]+) "))
    assert.same(names, all(meta, '\n%-%-%-| "([%u_%d]+)"'))
  end)

  it("are on the page with their texts", function()
    local names, texts = in_header()
    local page = read(PAGES .. "errors.md")
    assert.same(names, all(page, "\n| `([%u_%d]+)` | `"))
    assert.same(texts, all(page, "\n| `[%u_%d]+` | `(.-)`"))
  end)
end)

describe("texts on the pages are those of the code", function()
  --- Gives the sources in `paths` as one text, string literals joined.
  local function code_of(paths)
    local texts = {}
    for i, path in ipairs(paths) do
      texts[i] = read(path)
    end
    return (table.concat(texts):gsub('"%s*\n%s*"', ""):gsub('\\"', '"'))
  end

  it("server.md", function()
    local code = code_of {
      "src/core/options.c", "src/lua/lua_options.c", "src/lua/lua_option.c",
      "src/lua/lua_routes.c", "src/lua/lua_codec.c", "src/lua/lua_metrics.c",
      "src/core/options_tls.c", "src/lua/lua_listen.c", "src/lua/lua_tls.c",
      "src/net/tls_file.c", "src/net/tls_pair.c",
    }
    local rows = read(PAGES .. "server.md"):match("\n## Texts(.*)")
    local count = 0
    for what in rows:gmatch("`wspulse: [%w_]+: ([^\n]-) %([%w_.]+[%[ ]") do
      count = count + 1
      assert.truthy(code:find(what, 1, true), what)
    end
    assert.is_true(count > 30)
  end)

  it("router.md, each of which a spec asserts", function()
    local specs = code_of {
      "spec/lua/registration_spec.lua", "spec/lua/group_spec.lua",
    }
    specs = specs:gsub("[\"']%s*%.%.%s*[\"']", "")
    local rows = read(PAGES .. "router.md"):match("\n## Limits and texts(.*)")
    local count = 0
    for text in rows:gmatch("| `(router: [^\n]-)` |") do
      count = count + 1
      local template = text:gsub(" %(fallback.*", "")
      assert.truthy(specs:find(template, 1, true), text)
    end
    assert.is_true(count > 10)
  end)
end)

describe("pages", function()
  local names = {
    "README", "server", "connection", "room", "frame", "router", "context",
    "request", "response", "codec", "metrics", "errors",
  }

  --- The anchors that a page's headings make.
  local function anchors_of(text)
    local anchors = {}
    for heading in text:gmatch("\n#+ ([^\n]+)") do
      local anchor = heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
      anchors[anchor] = true
    end
    return anchors
  end

  it("link to pages and headings that exist", function()
    local count = 0
    for _, name in ipairs(names) do
      local text = read(PAGES .. name .. ".md")
      for target in text:gmatch("%]%(([%w_./#-]+)%)") do
        local page, anchor = target:match("^([^#]*)#?(.*)$")
        local linked = read(PAGES .. (page == "" and name .. ".md" or page))
        count = count + 1
        assert.is_true(anchor == "" or anchors_of(linked)[anchor] or false,
          name .. ".md: " .. target)
      end
    end
    assert.is_true(count > 20)
  end)

  it("are all in the index", function()
    local index = read(PAGES .. "README.md")
    for i = 2, #names do
      assert.truthy(index:find("](" .. names[i] .. ".md)", 1, true), names[i])
    end
  end)

  it("hold Lua that can be parsed", function()
    local count = 0
    for _, name in ipairs(names) do
      local text = read(PAGES .. name .. ".md")
      for block in text:gmatch("\n```lua\n(.-)```") do
        count = count + 1
        assert(loadstring(block) or loadstring("return {" .. block .. "}"),
          name .. ".md: " .. block)
      end
    end
    assert.is_true(count > 5)
  end)
end)
