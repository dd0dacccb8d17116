-- SPDX-License-Identifier: MIT
--- What each spec of the command needs: a folder, the command started in it,
-- and the end of both.
local deadline = require "spec.cli.support.deadline"
local folder = require "spec.cli.support.folder"
local peer = require "spec.cli.support.peer"
local process = require "spec.cli.support.process"

local Stage = {}
local mt = { __name = "spec.stage", __index = Stage }

function mt:__tostring()
  return mt.__name .. " " .. self.folder.path
end

local function new()
  return setmetatable({ folder = folder.new(), children = {} }, mt)
end

--- The text of a script whose page says `word`. `more` are lines of options.
function Stage.script(word, more)
  return table.concat({
    'return require("wspulse").new_server {',
    '  listen = "127.0.0.1:0",',
    '  check_origin = "same",',
    '  connect = function() return "lobby" end,',
    '  http = { ["GET /"] = function(_, res) res:send("' .. word .. '") end },',
    more or "",
    "}",
    "",
  }, "\n")
end

--- The same, with a page that says what module "word" returns.
function Stage.script_with_module()
  local text = Stage.script("WORD"):gsub('"WORD"', "word")
  return 'local word = require "word"\n' .. text
end

local function with_folder(self, options)
  local copy = { folder = self.folder }
  for key, value in pairs(options or {}) do
    copy[key] = value
  end
  return copy
end

--- Runs the command to its end: exit code, stdout, stderr.
function Stage:run(args, options)
  return process.run(args, with_folder(self, options))
end

--- Starts the command and leaves it running.
function Stage:spawn(args, options)
  local child = process.spawn(args, with_folder(self, options))
  self.children[#self.children + 1] = child
  return child
end

--- Starts `wspulse run` with more arguments and waits for its address.
function Stage:serve(args, options)
  local child = self:spawn({ "run", unpack(args) }, options)
  child.port = child:await_stdout "listening on http://127%.0%.0%.1:(%d+)/"
  return child
end

--- Waits until the page of a child is `text`.
function Stage.await_page(child, text)
  local last
  deadline.await(function()
    last = peer.fetch(child.port)
    return last == text
  end, function()
    return ("page %q, got %q; %s"):format(text, last or "", child:stderr())
  end)
end

--- Ends what still runs and removes the folder.
function Stage:finish()
  for _, child in ipairs(self.children) do
    child:stop()
  end
  self.folder:remove()
end

return { new = new, mt = mt, methods = Stage }
