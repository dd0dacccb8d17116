-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local folders = require "spec.cli.support.folder"

-- Messages of the shorter run; the longer one has six times as many.
local MESSAGES = 3200

-- The script of bench/apps and the event of its envelopes, by the name in
-- bench/ceilings.
local subjects = {
  raw = { "raw", "" },
  routed = { "routed", "bench" },
  answer = { "routed", "answer" },
  decode = { "routed", "decode" },
}

-- What is counted, by kind: a turn of the server, or of that only what becomes
-- of bytes that were received, until what they are answered with is sent.
local functions = {
  instructions = "lockstep_serve",
  link = "wsp_channel_on_data",
}

-- LuaJIT writes code while it runs, so valgrind must look at all of it again.
-- Server and peer take turns in one thread (bench/guard/lockstep.c).
local COMMAND = "valgrind --tool=callgrind --smc-check=all-non-file "
  .. "--toggle-collect=%s --callgrind-out-file='%s' "
  .. "'%s/bench/lockstep' bench/apps/%s.lua %d %d %s 2>'%s'"

local function count(folder, kind, ceiling, messages)
  local build = assert(os.getenv "WSPULSE_BUILD", "WSPULSE_BUILD is not set")
  local out, err = folder:at "callgrind.out", folder:at "stderr"
  local script, event = unpack(subjects[ceiling.app])
  local status = os.execute(COMMAND:format(
    functions[kind], out, build, script, messages, ceiling.depth, event, err
  ))
  assert(status == 0, folder:read "stderr")
  local text = folder:read "callgrind.out"
  local total = tonumber(
    text:match "\nsummary: (%d+)\n" or text:match "\ntotals: (%d+)\n")
  assert(total > messages, "nothing was counted in " .. functions[kind])
  return total
end

describe("user-space instructions per message", function()
  local folder

  before_each(function()
    folder = folders.new()
  end)

  after_each(function()
    folder:remove()
  end)

  for _, kind in ipairs { "instructions", "link" } do
    for _, ceiling in ipairs(ceilings.of(kind)) do
      it("stay below the ceiling " .. ceiling.name, function()
        local short = count(folder, kind, ceiling, MESSAGES)
        local long = count(folder, kind, ceiling, 6 * MESSAGES)
        ceilings.check(ceiling, (long - short) / (5 * MESSAGES))
      end)
    end
  end
end)
