-- SPDX-License-Identifier: MIT
-- Speaks MessagePack: the frames of the other examples in fewer bytes, and
-- bytes that are no text.
--
--   wspulse run scripts/examples/07_codec_msgpack.lua
--
-- In the console of a browser:
--
--   ws = new WebSocket("ws://127.0.0.1:8080/ws"); ws.binaryType = "arraybuffer"
--   ws.onmessage = (m) => console.log(new Uint8Array(m.data))
--   ask = "\x82\xa5event\xa3sum\xa7payload\x93\x01\x02\x03"
--   ws.send(Uint8Array.from(ask, (c) => c.charCodeAt()))
--
-- It shows the bytes of {event: "sum", payload: 6}; the last of them is the 6.
local wspulse = require "wspulse"
local router = require "wspulse.router"

-- A peer may send anything, so look before you add.
local function sum_of(list)
  if type(list) ~= "table" then
    return wspulse.null
  end
  local sum = 0
  for _, number in ipairs(list) do
    if type(number) ~= "number" then
      return wspulse.null
    end
    sum = sum + number
  end
  return sum
end

local r = router.new()
r:use(router.recovery())

r:on("sum", function(c)
  c:send("sum", sum_of(c.frame.payload))
end)

-- str and bin are both strings here. A string that is UTF-8 goes out as str,
-- another one as bin.
r:on("reverse", function(c)
  local bytes = c.frame.payload
  if type(bytes) == "string" then
    c:send("reversed", bytes:reverse())
  end
end)

return wspulse.new_server {
  codec = "msgpack",
  connect = function()
    return "lobby"
  end,
  on_message = r:handler(),
}
