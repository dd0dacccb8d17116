-- SPDX-License-Identifier: MIT
--- What a server takes of its process and its Lua state, and has to give back
-- when it is closed: file descriptors and references in the registry.

local ffi = require "ffi"

ffi.cdef [[
  void *opendir(const char *path);
  void *readdir(void *folder);
  int closedir(void *folder);
]]

local Balance = {}
local mt = { __name = "balance", __index = Balance }

local function count_descriptors()
  local folder = ffi.C.opendir "/proc/self/fd"
  assert(folder ~= nil)
  local count = 0
  while ffi.C.readdir(folder) ~= nil do
    count = count + 1
  end
  ffi.C.closedir(folder)
  return count
end

-- Freed slots of luaL_ref hold the number of the next free one.
local function count_references()
  local count = 0
  for key, value in pairs(debug.getregistry()) do
    if type(key) == "number" and type(value) ~= "number" then
      count = count + 1
    end
  end
  return count
end

local function take()
  collectgarbage()
  collectgarbage()
  return setmetatable({
    descriptors = count_descriptors(),
    references = count_references(),
  }, mt)
end

--- Raises unless there is no more of anything than there was.
function Balance:settle()
  local now = take()
  for _, what in ipairs { "descriptors", "references" } do
    local left = now[what] - self[what]
    assert(left <= 0, ("%d %s are left behind"):format(left, what))
  end
end

return { take = take, mt = mt, methods = Balance }
