-- SPDX-License-Identifier: MIT
local stages = require "spec.cli.support.stage"

local commands = { "run", "check", "reload", "bench", "version", "help" }

describe("the command line", function()
  local stage

  before_each(function()
    stage = stages.new()
  end)

  after_each(function()
    stage:finish()
  end)

  it("teaches on stderr when nothing was asked, exit 2", function()
    local code, out, err = stage:run {}
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches("wspulse run app%.lua", err)
  end)

  for _, word in ipairs { "--help", "-h", "help" } do
    it("prints the overview for " .. word, function()
      local code, out, err = stage:run { word }
      assert.equal(0, code)
      assert.equal("", err)
      for _, name in ipairs(commands) do
        assert.matches("wspulse " .. name, out)
      end
    end)
  end

  for _, name in ipairs(commands) do
    it("prints the help of " .. name .. " with an example", function()
      local code, out = stage:run { name, "--help" }
      assert.equal(0, code)
      assert.matches("^usage: wspulse " .. name, out)
      local again = { stage:run { "help", name } }
      assert.same({ 0, out, "" }, again)
    end)
  end

  it("wins over what else is on the line when it is asked for help", function()
    local code, out = stage:run { "run", "absent.lua", "--help" }
    assert.equal(0, code)
    assert.matches("^usage: wspulse run", out)
  end)

  it("knows every flag of run in its help", function()
    local _, out = stage:run { "help", "run" }
    for _, flag in ipairs {
      "listen", "watch", "no-watch", "control", "no-control", "log-level",
      "log-format",
    } do
      assert.is_truthy(out:find("--" .. flag, 1, true), flag)
    end
  end)

  it("names version and components", function()
    local code, out = stage:run { "version" }
    assert.equal(0, code)
    assert.matches("^wspulse %d+%.%d+%.%d+\n", out)
    assert.matches("LuaJIT 2%.1", out)
    assert.matches("libevent 2", out)
    assert.matches("wslay 1", out)
    assert.matches("OpenSSL 3", out)
    local _, again = stage:run { "--version" }
    assert.equal(out, again)
  end)

  local wrong = {
    { "an unknown command", { "chekc" }, "unknown command chekc", "check" },
    { "an unknown flag in front", { "--verion" }, "unknown flag", nil },
    { "a command of later", { "top", "x.sock" }, "unknown command top" },
    { "a script without run", { "app.lua" }, "run app%.lua" },
    { "an unknown topic", { "help", "rum" }, "unknown command rum", "run" },
    {
      "an unknown flag",
      { "run", "a.lua", "--wach" },
      "unknown flag %-%-wach",
      "%-%-watch",
    },
    {
      "an unknown flag with a value",
      { "run", "a.lua", "--lisen=:1" },
      "unknown flag %-%-lisen",
      "%-%-listen",
    },
    { "a flag of later", { "run", "a.lua", "--workers", "2" }, "%-%-workers" },
    { "a short flag", { "run", "-x", "a.lua" }, "unknown flag %-x" },
    { "a forgotten value", { "run", "a.lua", "--listen" }, "needs a value" },
    {
      "a flag in place of a value",
      { "run", "a.lua", "--control", "--watch" },
      "%-%-control needs a value",
    },
    { "an empty value", { "run", "a.lua", "--listen=" }, "needs a value" },
    {
      "a value too many",
      { "run", "a.lua", "--watch=1" },
      "%-%-watch takes no value",
    },
    { "a missing script", { "run" }, "which script" },
    { "a missing script of check", { "check" }, "which script" },
    { "a second script", { "run", "a.lua", "b.lua" }, 'argument "b%.lua"' },
    { "a second script of check", { "check", "a.lua", "b.lua" }, "b%.lua" },
    { "a second script of reload", { "reload", "a.lua", "b.lua" }, "b%.lua" },
    { "an argument of version", { "version", "x" }, 'argument "x"' },
    {
      "an unknown level",
      { "run", "a.lua", "--log-level", "loud" },
      '%-%-log%-level: expected debug.*"loud"',
    },
    {
      "an unknown format",
      { "run", "a.lua", "--log-format=xml" },
      '%-%-log%-format: expected text or json, got "xml"',
    },
    {
      "control and no control",
      { "run", "a.lua", "--control", "x.sock", "--no-control" },
      "exclude each other",
    },
  }

  for _, case in ipairs(wrong) do
    local title, args, message, suggestion = unpack(case)
    it("refuses " .. title .. " with exit 2 and a way out", function()
      local code, out, err = stage:run(args)
      assert.equal(2, code)
      assert.equal("", out)
      assert.matches(message, err)
      assert.matches("See: wspulse", err)
      if suggestion then
        assert.matches("did you mean:? .*" .. suggestion, err)
      end
    end)
  end

  it("suggests nothing for a word that is like none", function()
    local _, _, err = stage:run { "run", "a.lua", "--zzzzzzzz" }
    assert.not_matches("did you mean", err)
    local long = string.rep("w", 5000)
    local code, _, reason = stage:run { "run", "a.lua", "--" .. long }
    assert.equal(2, code)
    assert.not_matches("did you mean", reason)
  end)

  it("takes what stands behind -- for a script", function()
    local code, _, err = stage:run { "check", "--", "--watch" }
    assert.equal(1, code)
    assert.matches("%-%-watch", err)
  end)

  local variables = {
    WSPULSE_LOG_LEVEL = "loud",
    WSPULSE_LOG_FORMAT = "xml",
    WSPULSE_WATCH = "maybe",
  }
  for name, value in pairs(variables) do
    it("refuses a wrong " .. name .. " by its name", function()
      local code, _, err =
        stage:run({ "run", "a.lua" }, { env = { [name] = value } })
      assert.equal(2, code)
      assert.matches(name .. ': expected .*"' .. value .. '"', err)
    end)
  end

  it("fails when its output cannot be written", function()
    local code, _, err = stage:run({ "help" }, { stdout = "/dev/full" })
    assert.equal(1, code)
    assert.matches("stdout", err)
  end)
end)
