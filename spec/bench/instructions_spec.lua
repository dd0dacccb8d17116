-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local subjects = require "spec.bench.support.subject"

-- LuaJIT writes code while it runs, so valgrind must look at all of it again.
local INSTRUMENT = "exec valgrind --tool=callgrind --smc-check=all-non-file "
  .. "--callgrind-out-file=callgrind.out \"$@\""

describe("user-space instructions per message", function()
  for _, ceiling in ipairs(ceilings.of "instructions") do
    it("stay below the ceiling " .. ceiling.name, function()
      local depth = tostring(ceiling.depth)
      ceilings.check(ceiling, subjects.slope(ceiling.app, 1600, function(s, n)
        s:serve { shell = INSTRUMENT }
        s:load(
          "--connections", "1", "--messages", tostring(n), "--depth", depth
        )
        s:close()
        local text = s.stage.folder:read "callgrind.out"
        return tonumber(text:match "\nsummary: (%d+)\n")
          or tonumber(text:match "\ntotals: (%d+)\n")
      end))
    end)
  end
end)
