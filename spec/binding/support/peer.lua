-- SPDX-License-Identifier: MIT
--- The other end of a socket, in the same thread as the server: a WebSocket
--- client that never blocks. Whoever waits for it lets the server run.

local bit = require "bit"
local ffi = require "ffi"

ffi.cdef [[
struct wsp_spec_addr { uint16_t family; uint16_t port; uint32_t host;
                       char zero[8]; };
int socket(int domain, int type, int protocol);
int connect(int fd, const struct wsp_spec_addr *addr, uint32_t len);
ssize_t send(int fd, const void *data, size_t len, int flags);
ssize_t recv(int fd, void *data, size_t len, int flags);
int shutdown(int fd, int how);
int close(int fd);
uint16_t htons(uint16_t host);
]]

local AF_INET, SOCK_STREAM = 2, 1
local MSG_DONTWAIT, MSG_NOSIGNAL = 0x40, 0x4000
local MASK = "\1\2\3\4"

local Peer = {}
local mt = { __name = "peer", __index = Peer }

local buffer = ffi.new("char[65536]")

local function dial(address)
  local port = tonumber(address:match ":(%d+)$")
  local fd = ffi.C.socket(AF_INET, SOCK_STREAM, 0)
  local addr = ffi.new("struct wsp_spec_addr", AF_INET, ffi.C.htons(port))
  addr.host = bit.bswap(0x7f000001)
  assert(ffi.C.connect(fd, addr, 16) == 0, "connect " .. address)
  return fd
end

--- Connects and sends a plain request; nothing is read yet.
local function request(address, head)
  local self = setmetatable({ _fd = dial(address), _in = "" }, mt)
  self:write(head)
  return self
end

--- Connects and asks for an upgrade.
-- @param target "/ws?token=a"
-- @param headers lines that end in \r\n, or nil
local function open(address, target, headers)
  return request(address, table.concat {
    "GET ", target, " HTTP/1.1\r\nHost: ", address, "\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n",
    headers or "", "\r\n",
  })
end

--- Writes bytes as they are.
function Peer:write(bytes)
  local sent = ffi.C.send(self._fd, bytes, #bytes, MSG_NOSIGNAL)
  assert(tonumber(sent) == #bytes, "short write")
end

local function apply_mask(payload)
  local bytes = { payload:byte(1, -1) }
  for i = 1, #bytes do
    bytes[i] = string.char(bit.bxor(bytes[i], MASK:byte((i - 1) % 4 + 1)))
  end
  return table.concat(bytes)
end

--- Sends one masked frame; the payload is shorter than 64 KiB.
function Peer:send_frame(opcode, payload)
  local len = #payload
  local size = len < 126 and string.char(0x80 + len)
    or string.char(0x80 + 126, bit.rshift(len, 8), bit.band(len, 0xff))
  self:write(string.char(0x80 + opcode) .. size .. MASK .. apply_mask(payload))
end

function Peer:send(text)
  self:send_frame(1, text)
end

--- Reads what has arrived. Gives false once the other side has closed.
function Peer:fill()
  while true do
    local got = tonumber(ffi.C.recv(self._fd, buffer, 65536, MSG_DONTWAIT))
    if got <= 0 then
      self.is_ended = self.is_ended or got == 0
      return not self.is_ended
    end
    self._in = self._in .. ffi.string(buffer, got)
  end
end

local function take(self, count)
  local bytes = self._in:sub(1, count)
  self._in = self._in:sub(count + 1)
  return bytes
end

--- Gives status and text of a response head, and its body when the response
--- says how long that is; nil while it is incomplete.
function Peer:take_response()
  self:fill()
  local _, stop = self._in:find("\r\n\r\n", 1, true)
  if not stop then
    return nil
  end
  local head = self._in:sub(1, stop)
  local len = tonumber(head:lower():match "content%-length: (%d+)") or 0
  if #self._in < stop + len then
    return nil
  end
  take(self, stop)
  return tonumber(head:match "^HTTP/1.1 (%d+)"), head, take(self, len)
end

--- Gives opcode and payload of a frame that is complete, or nil.
function Peer:take_frame()
  self:fill()
  local opcode, len = self._in:byte(1, 2)
  if not len then
    return nil
  end
  local head = 2
  if len == 126 then
    head = 4
    local high, low = self._in:byte(3, 4)
    len = low and high * 256 + low or math.huge
  end
  if #self._in < head + len then
    return nil
  end
  take(self, head)
  return bit.band(opcode, 15), take(self, len)
end

--- Ends the TCP connection without a close frame.
function Peer:drop()
  if self._fd then
    ffi.C.close(self._fd)
    self._fd = nil
  end
end

return { open = open, request = request }
