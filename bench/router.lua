-- SPDX-License-Identifier: MIT
-- Measures what the router adds to a message: a dispatch through three
-- middlewares to a handler, without a server.
--
--   tools/with-module build luajit bench/router.lua [--json]
local router = require "wspulse.router"

local ROUNDS, ROUND_S = 5, 0.2

local is_json = arg[1] == "--json"
local handled = 0

local function handler()
  handled = handled + 1
end

local function around(c)
  c:next()
end

local function before() end

local function new(middleware, count)
  local r = router.new()
  for _ = 1, count do
    r:use(middleware)
  end
  r:on("chat.say", handler)
  return r
end

-- A frame as a handler gets it is a userdata; the router looks at its event.
local frame = { event = "chat.say" }

local function run(r, count)
  local began = os.clock()
  for _ = 1, count do
    r:dispatch(nil, frame)
  end
  return os.clock() - began
end

local function measure(name, r)
  local count = 1000
  while run(r, count) < ROUND_S / 2 do
    count = count * 2
  end
  local times = {}
  for i = 1, ROUNDS do
    times[i] = run(r, count) / count * 1e9
  end
  table.sort(times)
  local ns = times[math.ceil(ROUNDS / 2)]
  local form = is_json and '{"name":"%s","ns":%.2f}' or "%-40s %10.1f ns"
  print(form:format(name, ns))
end

measure("router, handler alone", new(before, 0))
measure("router, 3 middlewares", new(before, 3))
measure("router, 3 middlewares that wrap", new(around, 3))

local wrapped = new(around, 2)
wrapped:use(router.recovery())
measure("router, recovery and 2 that wrap", wrapped)

assert(handled > 0)
