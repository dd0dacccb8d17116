-- SPDX-License-Identifier: MIT
--- A folder of its own for a spec: scripts, sockets and output lie there.
local ffi = require "ffi"

ffi.cdef [[
char *mkdtemp(char *template);
int symlink(const char *target, const char *path);
int mkdir(const char *path, unsigned mode);
]]

local Folder = {}
local mt = { __name = "spec.folder", __index = Folder }

function mt:__tostring()
  return mt.__name .. " " .. self.path
end

local function new()
  -- Short, because unix sockets live in it.
  local template = "/tmp/wspulse-spec-XXXXXX"
  local path = ffi.new("char[?]", #template + 1, template)
  assert(ffi.C.mkdtemp(path) ~= nil, "mkdtemp failed")
  return setmetatable({ path = ffi.string(path) }, mt)
end

--- The full path of `name` in the folder.
function Folder:at(name)
  return self.path .. "/" .. name
end

--- Writes a file in place; `mode` "a" appends.
function Folder:write(name, text, mode)
  local file = assert(io.open(self:at(name), mode or "w"))
  assert(file:write(text))
  assert(file:close())
  return self:at(name)
end

--- Reads a file, or returns nil.
function Folder:read(name)
  local file = io.open(self:at(name))
  if not file then
    return nil
  end
  local text = file:read "*a"
  file:close()
  return text
end

--- Writes a file beside and puts it in place in one step, as editors do.
function Folder:replace(name, text)
  self:write(name .. ".new", text)
  assert(os.rename(self:at(name .. ".new"), self:at(name)))
end

--- Points symlink `name` to `target` in one step.
function Folder:link(name, target)
  local beside = self:at(name .. ".new")
  assert(ffi.C.symlink(target, beside) == 0, "symlink failed")
  assert(os.rename(beside, self:at(name)))
end

function Folder:make_folder(name)
  assert(ffi.C.mkdir(self:at(name), tonumber("755", 8)) == 0, "mkdir failed")
end

function Folder:rename(from, to)
  assert(os.rename(self:at(from), self:at(to)))
end

function Folder:exists(name)
  local file = io.open(self:at(name))
  if file then
    file:close()
  end
  return file ~= nil
end

--- Removes the folder with all that is in it.
function Folder:remove()
  assert(self.path:find "^/tmp/wspulse%-spec%-%w+$")
  os.execute("rm -rf '" .. self.path .. "'")
end

return { new = new, mt = mt, methods = Folder }
