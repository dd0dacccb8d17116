-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local deadline = require "spec.cli.support.deadline"
local subjects = require "spec.bench.support.subject"

-- -D: the server stays the child of who started it and hears its signals.
local INSTRUMENT = "exec strace -D -f -c -o strace.out \"$@\""

-- A peer that is slower for a moment has its batch arrive in two, which costs
-- the server calls: what is counted too much that way is not the server's.
local TRIES = 4

-- What a message adds, counted until it is below the limit or often enough.
local function least(ceiling, count)
  local found = math.huge
  for _ = 1, TRIES do
    found = math.min(found, count())
    if found <= ceiling.limit then
      break
    end
  end
  return found
end

describe("system calls per message", function()
  for _, ceiling in ipairs(ceilings.of "syscalls") do
    it("stay below the ceiling " .. ceiling.name, function()
      local depth = tostring(ceiling.depth)
      local function count(s, n)
        s:serve { shell = INSTRUMENT }
        s:load(
          "--connections", "1", "--messages", tostring(n), "--depth", depth
        )
        s:close()
        return deadline.await(function()
          local text = s.stage.folder:read "strace.out" or ""
          return tonumber(text:match "\n100%.00%s+[%d.]+%s+%d*%s+(%d+).- total")
        end, "what strace has counted")
      end
      ceilings.check(ceiling, least(ceiling, function()
        return subjects.slope(ceiling.app, 1600, count)
      end))
    end)
  end
end)
