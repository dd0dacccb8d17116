-- SPDX-License-Identifier: MIT
--- Reads bench/ceilings, which is also the list of what is guarded: a line
-- "kind.app.depth  number  reason" makes a test.
local ceilings = {}

local PATH = "bench/ceilings"

--- Gives the ceilings of a kind, in the order of the file: each has name, app,
-- depth and limit.
function ceilings.of(kind)
  local found = {}
  for line in io.lines(PATH) do
    local name, limit = line:match "^([%w.-]+)%s+([%d.]+)%s+%S"
    assert(name or line == "" or line:find "^#" or line:find "^ ",
      PATH .. ": a line that is no ceiling: " .. line)
    local app, depth = (name or ""):match("^" .. kind .. "%.([%w-]+)%.?(%d*)$")
    if app then
      found[#found + 1] = {
        name = name,
        app = app,
        depth = tonumber(depth),
        limit = tonumber(limit),
      }
    end
  end
  assert(#found > 0, PATH .. " has no ceiling of " .. kind)
  return found
end

--- Holds what was measured to its ceiling, and prints both for who reads along.
function ceilings.check(ceiling, measured)
  local line = ("%-24s %10.3f of %g"):format(
    ceiling.name, measured, ceiling.limit
  )
  print(line)
  assert(measured <= ceiling.limit, "more than bench/ceilings allows: " .. line)
end

return ceilings
