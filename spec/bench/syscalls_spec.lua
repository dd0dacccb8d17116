-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local deadline = require "spec.cli.support.deadline"
local subjects = require "spec.bench.support.subject"

-- -D: the server stays the child of who started it and hears its signals.
local INSTRUMENT = "exec strace -D -f -c -o strace.out \"$@\""

describe("system calls per message", function()
  for _, ceiling in ipairs(ceilings.of "syscalls") do
    it("stay below the ceiling " .. ceiling.name, function()
      local depth = tostring(ceiling.depth)
      ceilings.check(ceiling, subjects.slope(ceiling.app, 1600, function(s, n)
        s:serve { shell = INSTRUMENT }
        s:load(
          "--connections", "1", "--messages", tostring(n), "--depth", depth
        )
        s:close()
        return deadline.await(function()
          local text = s.stage.folder:read "strace.out" or ""
          return tonumber(text:match "\n100%.00%s+[%d.]+%s+%d*%s+(%d+).- total")
        end, "what strace has counted")
      end))
    end)
  end
end)
