-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local deadline = require "spec.cli.support.deadline"
local heap = require "spec.bench.support.heap"
local subjects = require "spec.bench.support.subject"

local CONNECTIONS = 10000

-- What a browser sends beside what every client must.
local HEADERS = {
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
    .. "Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Origin: http://127.0.0.1:8080",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9",
  "Cache-Control: no-cache",
  "Pragma: no-cache",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  "Cookie: session=" .. ("0123456789abcdef"):rep(3),
}

local function idle_flags(count)
  local flags =
    { "--mode", "idle", "--connections", tostring(count), "--duration", "60" }
  for _, line in ipairs(HEADERS) do
    flags[#flags + 1] = "--header"
    flags[#flags + 1] = line
  end
  return flags
end

-- The Lua state takes its memory from the heap as well.
local function bytes_in_use(subject)
  assert(tonumber(subject:fetch "/collected"))
  local _, heap_bytes = heap.read(subject)
  return heap_bytes
end

-- Waits until the server has answered `count` messages in all.
local function await_echoed(subject, count)
  deadline.await(function()
    return tonumber(subject:fetch "/echoed") == count
  end, "an echo for each of " .. count)
end

-- Opens idle connections, measures, and lets go of them.
local function measure_idle(subject, count, echoed)
  local load = subject:start_load(unpack(idle_flags(count)))
  await_echoed(subject, echoed)
  local bytes = bytes_in_use(subject)
  load:signal "INT"
  assert.equal(0, load:wait(), load:stderr())
  return bytes
end

describe("memory", function()
  local subject

  after_each(function()
    subject:finish()
  end)

  for _, ceiling in ipairs(ceilings.of "memory") do
    it("per idle connection stays below " .. ceiling.name, function()
      subject = subjects.new(ceiling.app)
      subject:serve(heap.options(subject))
      -- What a server needs once is there after a hundred connections.
      local few = measure_idle(subject, 100, 100)
      local many = measure_idle(subject, CONNECTIONS, 100 + CONNECTIONS)
      subject:close()
      ceilings.check(ceiling, (many - few) / (CONNECTIONS - 100))
    end)
  end
end)
