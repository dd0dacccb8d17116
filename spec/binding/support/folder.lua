-- SPDX-License-Identifier: MIT
--- A folder of files that lives as long as a spec.

local Folder = {}
local mt = { __name = "folder", __index = Folder }

local function new()
  local pipe = assert(io.popen "mktemp -d")
  local path = pipe:read "*l"
  pipe:close()
  return setmetatable({ path = path }, mt)
end

--- Writes a file and gives its path.
function Folder:write(name, text)
  local path = self.path .. "/" .. name
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return path
end

function Folder:remove()
  os.execute("rm -r '" .. self.path .. "'")
end

return { new = new }
