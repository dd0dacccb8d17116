-- SPDX-License-Identifier: MIT
local ceilings = require "spec.bench.support.ceilings"
local heap = require "spec.bench.support.heap"
local subjects = require "spec.bench.support.subject"

-- Messages of the shorter and the longer run, and what each of them makes the
-- server send. They fill the state with garbage several times over, once more
-- before anything is counted. A room has the 1,000 listeners of mode fanout.
local runs = {
  raw = { 50000, 250000, sends = 1 },
  routed = { 50000, 250000, sends = 1 },
  room = { 10, 60, sends = 1000 },
}

-- Allocations that `count` messages cost a server that is warm.
local function cost_of(subject, count, depth)
  local before = heap.read(subject)
  subject:load("--messages", tostring(count), "--depth", tostring(depth))
  return heap.read(subject) - before
end

describe("allocations", function()
  local subject

  after_each(function()
    subject:finish()
  end)

  for _, ceiling in ipairs(ceilings.of "allocations") do
    it("stay below the ceiling " .. ceiling.name, function()
      local run = runs[ceiling.app]
      subject = subjects.new(ceiling.app)
      subject:serve(heap.options(subject))
      cost_of(subject, run[1], ceiling.depth) -- fills pools and caches
      local short = cost_of(subject, run[1], ceiling.depth)
      local long = cost_of(subject, run[2], ceiling.depth)
      subject:close()
      ceilings.check(ceiling, (long - short) / (run[2] - run[1]) / run.sends)
    end)
  end
end)
