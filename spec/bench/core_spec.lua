-- SPDX-License-Identifier: MIT
local json = require "cjson"

local ceilings = require "spec.bench.support.ceilings"

-- Counts of build/bench/core_bench by the names of its cases. --quick: the
-- times mean nothing, the counts are exact.
local function count_cases(word)
  local build = assert(os.getenv "WSPULSE_BUILD", "WSPULSE_BUILD is not set")
  local command = ("'%s/bench/core_bench' --json --quick '%s'"):format(
    build, word
  )
  local pipe = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do
    local case = json.decode(line)
    found[case.name] = case
  end
  assert(pipe:close(), command .. " failed")
  return found
end

describe("the core without sockets", function()
  for _, ceiling in ipairs(ceilings.of "core") do
    it("allocates no more than " .. ceiling.name, function()
      local word = ceiling.app:gsub("%-", ", ")
      local cases, checked = count_cases(word), 0
      for _, case in pairs(cases) do
        checked = checked + 1
        ceilings.check(ceiling, case.allocations)
      end
      assert.is_true(checked > 0)
    end)
  end
end)
