-- SPDX-License-Identifier: MIT
--- A server of bench/apps/ under some instrument, and `wspulse bench` at it.
local ffi = require "ffi"

local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

local Subject = {}
local mt = { __name = "spec.subject", __index = Subject }

function mt:__tostring()
  return mt.__name .. " " .. self.app
end

local function working_folder()
  if not pcall(ffi.typeof, "struct wsp_spec_cwd") then
    ffi.cdef [[
struct wsp_spec_cwd { char unused; };
char *getcwd(char *buffer, size_t size);
]]
  end
  local buffer = ffi.new "char[4096]"
  assert(ffi.C.getcwd(buffer, 4096) ~= nil, "getcwd failed")
  return ffi.string(buffer)
end

-- What an app is measured with: bytes of a message, and more flags. `script` is
-- the app's file where its name is another.
local loads = {
  raw = { "--size", "128" },
  idle = { "--size", "128" },
  room = { "--size", "128", "--mode", "fanout" },
  routed = { "--size", "145", "--envelope" },
  answer = {
    "--size", "145", "--envelope", "--event", "answer", script = "routed",
  },
  decode = {
    "--size", "145", "--envelope", "--event", "decode", script = "routed",
  },
}

--- A folder and an app; nothing runs yet.
local function new(app)
  assert(loads[app], "no such app: " .. app)
  return setmetatable({ app = app, stage = stages.new() }, mt)
end

--- Starts the app. `options` as those of spec.cli.support.process.
function Subject:serve(options)
  local name = loads[self.app].script or self.app
  local script = ("%s/bench/apps/%s.lua"):format(working_folder(), name)
  self.child = self.stage:serve({
    script, "--listen", "127.0.0.1:0", "--no-control", "--log-level", "warn",
  }, options)
end

function Subject:at(name)
  return self.stage.folder:at(name)
end

function Subject:arguments(...)
  local list = { "bench", ("ws://127.0.0.1:%d/ws"):format(self.child.port) }
  for _, source in ipairs { loads[self.app], { "--warmup", "0", ... } } do
    for _, word in ipairs(source) do
      list[#list + 1] = word
    end
  end
  return list
end

--- Runs `wspulse bench` at it, to the end.
function Subject:load(...)
  local code, _, err = self.stage:run(self:arguments(...))
  assert(code == 0, err)
end

--- Starts `wspulse bench` and leaves it running.
function Subject:start_load(...)
  return self.stage:spawn(self:arguments(...))
end

function Subject:fetch(path)
  return peer.fetch(self.child.port, path)
end

--- Ends the server in order: instruments write what they counted.
function Subject:close()
  self.child:signal "TERM"
  assert(self.child:wait() == 0, self.child:stderr())
end

function Subject:finish()
  self.stage:finish()
end

--- Measures a subject with N and 6 N messages and gives what one message adds,
-- so that start, first use and end cancel out. `count(subject, n)` starts,
-- loads, and returns its count.
local function slope(app, n, count)
  local function measure(messages)
    local subject = new(app)
    local ok, result = pcall(count, subject, messages)
    subject:finish()
    return ok and result or error(result, 0)
  end
  return (measure(6 * n) - measure(n)) / (5 * n)
end

return { new = new, slope = slope, mt = mt, methods = Subject }
