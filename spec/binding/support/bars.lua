-- SPDX-License-Identifier: MIT
--- A codec of lines: id|event|payload.
local function new(frame_type)
  return {
    frame_type = frame_type,
    decode = function(message)
      local id, event, payload = message:match "^([^|]*)|([^|]*)|?(.*)$"
      if not id then
        return nil, "no bar in " .. message
      end
      if payload == "" then
        payload = nil
      end
      return { id = id, event = event, payload = payload }
    end,
    encode = function(frame)
      if type(frame.payload) == "function" then
        return nil, "a function is no text"
      end
      return table.concat(
        { frame.id or "", frame.event or "", frame.payload or "" }, "|")
    end,
  }
end

return { new = new }
