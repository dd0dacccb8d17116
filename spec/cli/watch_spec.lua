-- SPDX-License-Identifier: MIT
local deadline = require "spec.cli.support.deadline"
local peer = require "spec.cli.support.peer"
local stages = require "spec.cli.support.stage"

-- Two looks of the watch: what lies still for longer may be taken for whole.
local STILL_SECONDS = 0.1

describe("wspulse run --watch", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage.folder:write("app.lua", stage.script "one")
  end)

  after_each(function()
    stage:finish()
  end)

  local function count(text, pattern)
    return select(2, text:gsub(pattern, ""))
  end

  -- Lets the watch look a few more times: it tells by serving a later change.
  local function await_next_reload(child, word)
    stage.folder:replace("app.lua", stage.script(word))
    stage.await_page(child, word)
  end

  it("serves what was edited in place", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:write("app.lua", stage.script "two")
    stage.await_page(child, "two")
    child:await_stderr "reloaded .*generation=2.*by=watch"
  end)

  it("serves what was put in its place", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:replace("app.lua", stage.script "two")
    stage.await_page(child, "two")
  end)

  it("is turned on by WSPULSE_WATCH and off by --no-watch", function()
    local env = { WSPULSE_WATCH = "1" }
    local child = stage:serve({ "app.lua" }, { env = env })
    local still =
      stage:serve({ "app.lua", "--no-watch", "--no-control" }, { env = env })
    await_next_reload(child, "two")
    await_next_reload(child, "three")
    assert.equal("one", peer.fetch(still.port))
    assert.not_matches("reload", still:stderr())
  end)

  it("reloads once for one change", function()
    local child = stage:serve { "app.lua", "--watch" }
    await_next_reload(child, "two")
    await_next_reload(child, "three")
    assert.equal(2, count(child:stderr(), "reloaded "))
    assert.matches("generation=3", child:stderr())
  end)

  it("does not reload again what a signal has loaded", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:write("app.lua", stage.script "two")
    child:signal "HUP"
    child:await_stderr "(by=SIGHUP)"
    await_next_reload(child, "three")
    assert.equal(2, count(child:stderr(), "reloaded "))
  end)

  -- Writes the file in small pieces. Returns the longest pause between two: the
  -- machine may have stopped us for longer than the watch waits.
  local function write_slowly(text)
    local longest, last = 0, deadline.now()
    stage.folder:write("app.lua", "")
    for from = 1, #text, 4 do
      stage.folder:write("app.lua", text:sub(from, from + 3), "a")
      longest = math.max(longest, deadline.now() - last)
      last = deadline.now()
      deadline.step()
    end
    return longest
  end

  it("hostile 69: leaves a file alone while it is being written", function()
    local child = stage:serve { "app.lua", "--watch" }
    local pause, refused
    for try = 1, 10 do
      local before = count(child:stderr(), "reload refused")
      pause = write_slowly(stage.script("slow" .. try))
      stage.await_page(child, "slow" .. try)
      refused = count(child:stderr(), "reload refused") - before
      if pause < STILL_SECONDS then
        break
      end
    end
    assert.is_true(pause < STILL_SECONDS, "the machine is too busy")
    assert.equal(0, refused)
  end)

  it("hostile 69: half a file leaves the old code", function()
    local child = stage:serve { "app.lua", "--watch" }
    local text = stage.script "two"
    stage.folder:write("app.lua", text:sub(1, 60))
    child:await_stderr "reload refused .*app%.lua:%d+"
    assert.equal("one", peer.fetch(child.port))
    stage.folder:write("app.lua", text:sub(61), "a")
    stage.await_page(child, "two")
    assert.equal(1, count(child:stderr(), "reload refused"))
  end)

  it("hostile 69: follows a symlink that is swapped", function()
    stage.folder:make_folder "a"
    stage.folder:make_folder "b"
    stage.folder:write("a/app.lua", stage.script "alpha")
    stage.folder:write("b/app.lua", stage.script "beta")
    os.remove(stage.folder:at "app.lua")
    stage.folder:link("app.lua", "a/app.lua")
    local child = stage:serve { "app.lua", "--watch" }
    assert.equal("alpha", peer.fetch(child.port))
    stage.folder:link("app.lua", "b/app.lua")
    stage.await_page(child, "beta")
    assert.not_matches("refused", child:stderr())
  end)

  it("hostile 69: follows a folder that is swapped", function()
    stage.folder:make_folder "a"
    stage.folder:make_folder "b"
    stage.folder:write("a/app.lua", stage.script "alpha")
    stage.folder:write("b/app.lua", stage.script "beta")
    stage.folder:link("current", "a")
    local child = stage:serve { "current/app.lua", "--watch" }
    assert.equal("alpha", peer.fetch(child.port))
    stage.folder:link("current", "b")
    stage.await_page(child, "beta")
  end)

  it("hostile 69: waits for a removed file until it is back", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:rename("app.lua", "gone.lua")
    assert.equal("one", peer.fetch(child.port))
    stage.folder:write("app.lua", stage.script "back")
    stage.await_page(child, "back")
    assert.not_matches("refused", child:stderr())
  end)

  -- Who is root may read everything, unless that is taken away.
  it("hostile 69: goes on while it may not read the file", function()
    local child = stage:serve({ "app.lua", "--watch" }, {
      shell = '[ "$(id -u)" != 0 ] || set -- setpriv --bounding-set '
        .. '-dac_override,-dac_read_search "$@"; exec "$@"',
    })
    stage.folder:write("new.lua", stage.script "two")
    assert(os.execute("chmod 000 " .. stage.folder:at "new.lua") == 0)
    stage.folder:rename("new.lua", "app.lua")
    child:await_stderr "reload refused .*app%.lua: Permission denied"
    assert.equal("one", peer.fetch(child.port))
    local code, _, err = stage:run { "reload", "app.lua" }
    assert.equal(1, code)
    assert.matches("app%.lua: Permission denied\n$", err)
    stage.folder:replace("app.lua", stage.script "three")
    stage.await_page(child, "three")
  end)

  it("does not mind a file that comes back as it was", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:rename("app.lua", "gone.lua")
    stage.folder:rename("gone.lua", "app.lua")
    await_next_reload(child, "two")
    assert.equal(1, count(child:stderr(), "reloaded "))
  end)

  -- ---- modules ----

  local function write_with_module(module_text)
    stage.folder:write("word.lua", module_text)
    stage.folder:write("app.lua", stage.script_with_module())
  end

  it("sees a change of a required module", function()
    write_with_module 'return "alpha"'
    local child = stage:serve { "app.lua", "--watch" }
    assert.equal("alpha", peer.fetch(child.port))
    stage.folder:replace("word.lua", 'return "beta"')
    stage.await_page(child, "beta")
  end)

  it("sees modules that a later generation requires", function()
    local child = stage:serve { "app.lua", "--watch" }
    write_with_module 'return "alpha"'
    stage.await_page(child, "alpha")
    stage.folder:replace("word.lua", 'return "beta"')
    stage.await_page(child, "beta")
  end)

  it("goes on watching after a refusal, the broken module too", function()
    write_with_module 'return "alpha"'
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:replace("word.lua", "return = 1")
    child:await_stderr "reload refused .*word%.lua:1"
    assert.equal("alpha", peer.fetch(child.port))
    stage.folder:replace("word.lua", 'return "beta"')
    stage.await_page(child, "beta")
  end)

  it("watches a module that only the refused script requires", function()
    local child = stage:serve { "app.lua", "--watch" }
    write_with_module "return = 1"
    child:await_stderr "reload refused .*word%.lua:1"
    stage.folder:replace("word.lua", 'return "beta"')
    stage.await_page(child, "beta")
  end)

  it("tries again when a missing module is made", function()
    local child = stage:serve { "app.lua", "--watch" }
    stage.folder:write("app.lua", stage.script_with_module())
    child:await_stderr "reload refused .*module 'word' not found"
    assert.equal("one", peer.fetch(child.port))
    stage.folder:write("word.lua", 'return "beta"')
    stage.await_page(child, "beta")
  end)

  it("lets go of a module that nothing requires any more", function()
    write_with_module 'return "alpha"'
    local child = stage:serve { "app.lua", "--watch" }
    os.remove(stage.folder:at "word.lua")
    stage.folder:write("app.lua", stage.script "alone")
    stage.await_page(child, "alone")
    assert.not_matches("refused", child:stderr())
  end)
end)
