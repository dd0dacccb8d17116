-- SPDX-License-Identifier: MIT
--- Stands in for what the C module provides: connections, frames, a log, and
--- the module itself.

local fake = {}

--- A frame as far as a router looks at it.
function fake.frame(event, payload)
  return { event = event, payload = payload }
end

--- A server that remembers what was broadcast.
function fake.server()
  local server = { sent = {} }
  function server:broadcast(room, frame)
    self.sent[#self.sent + 1] = { room = room, frame = frame }
    return true
  end
  return server
end

--- A connection that remembers what was sent to it.
function fake.connection(id, room, server)
  local connection = { sent = {} }
  function connection.id()
    return id
  end
  function connection.room_id()
    return room
  end
  function connection.server()
    return server
  end
  function connection:send(frame)
    self.sent[#self.sent + 1] = frame
    return true
  end
  return connection
end

--- A handler that does nothing.
function fake.nothing() end

--- Gives `count` handlers that do nothing.
function fake.many(count)
  local handlers = {}
  for i = 1, count do
    handlers[i] = fake.nothing
  end
  return unpack(handlers)
end

--- A log that remembers its lines, and the function that writes them.
function fake.log()
  local lines = {}
  return lines, function(level, message, fields)
    lines[#lines + 1] = { level = level, message = message, fields = fields }
  end
end

--- A C module of the right version; `members` are added or replace its own.
function fake.core(members)
  local core = {
    version = "0.1.0",
    errors = {},
    null = {},
    empty_array = {},
    new_server = function() end,
    raw = function() end,
    array = function() end,
    new_id = function() end,
    log = function() end,
  }
  for name, value in pairs(members or {}) do
    core[name] = value
  end
  return core
end

--- Forgets every module of wspulse and loads `name` again, with `core` as the
--- C module; false means that there is none.
function fake.load(name, core)
  for loaded in pairs(package.loaded) do
    if loaded == "wspulse" or loaded:find("^wspulse%.") then
      package.loaded[loaded] = nil
    end
  end
  package.preload["wspulse.core"] = function()
    return core or error("there is no C module")
  end
  local module = require(name)
  require("wspulse.native").find()
  package.preload["wspulse.core"] = nil
  return module
end

--- Calls `fn`, which must raise a text. Gives the text without its position,
--- and the position.
function fake.raised(fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "nothing was raised")
  local position, text = tostring(message):match("^(.-:%d+): (.*)$")
  return text or message, position
end

return fake
