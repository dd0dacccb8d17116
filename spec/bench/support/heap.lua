-- SPDX-License-Identifier: MIT
--- Reads what build/bench/heap_count.so counts of a running server's heap.
local ffi = require "ffi"

local heap = {}

--- Options that start a server under it.
function heap.options(subject)
  local build = assert(os.getenv "WSPULSE_BUILD", "WSPULSE_BUILD is not set")
  return {
    env = {
      LD_PRELOAD = build .. "/bench/heap_count.so",
      WSPULSE_HEAP_FILE = subject:at "heap.bin",
    },
  }
end

--- Gives the allocations so far and the bytes in use.
function heap.read(subject)
  local bytes = assert(subject.stage.folder:read "heap.bin", "nothing counted")
  assert(#bytes == 16, "nothing counted")
  local numbers = ffi.cast("const int64_t *", bytes)
  return tonumber(numbers[0]), tonumber(numbers[1])
end

return heap
