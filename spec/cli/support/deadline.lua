-- SPDX-License-Identifier: MIT
--- Waits for something to become true, in short steps up to a deadline.
local ffi = require "ffi"

-- busted loads this file once for each spec file, into one process.
if not pcall(ffi.typeof, "struct wsp_spec_time") then
  ffi.cdef [[
struct wsp_spec_time { long sec; long nsec; };
int nanosleep(const struct wsp_spec_time *request, void *rest);
int clock_gettime(int clock, struct wsp_spec_time *out);
]]
end

local CLOCK_MONOTONIC = 1
local STEP_NS = 5 * 1000 * 1000

local deadline = {
  -- A sanitizer on a busy machine is slow; a spec that passes never waits.
  seconds = 25,
}

--- Seconds of a clock that never jumps.
function deadline.now()
  local time = ffi.new "struct wsp_spec_time"
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.sec) + tonumber(time.nsec) / 1e9
end

--- Gives the processor away for one step.
function deadline.step()
  ffi.C.nanosleep(ffi.new("struct wsp_spec_time", 0, STEP_NS), nil)
end

--- Calls `probe` until it returns something true, and returns that. Raises when
-- the deadline passes; `what` names what was waited for, or tells it by a call.
function deadline.await(probe, what)
  local limit = deadline.now() + deadline.seconds
  repeat
    local value = probe()
    if value then
      return value
    end
    deadline.step()
  until deadline.now() > limit
  what = type(what) == "function" and what() or what
  error("not within " .. deadline.seconds .. " s: " .. what, 2)
end

return deadline
