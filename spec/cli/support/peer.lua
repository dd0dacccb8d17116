-- SPDX-License-Identifier: MIT
--- A TCP peer on 127.0.0.1: fetches pages, opens a WebSocket by hand; and one
-- line for a control socket.
local ffi = require "ffi"

-- busted loads this file once for each spec file, into one process.
if not pcall(ffi.typeof, "struct wsp_spec_address") then
  ffi.cdef [[
struct wsp_spec_address { uint16_t family; uint16_t port; uint32_t host;
                          char zero[8]; };
struct wsp_spec_path { uint16_t family; char path[108]; };
struct wsp_spec_timeout { long sec; long usec; };
int socket(int domain, int type, int protocol);
int connect(int fd, const struct wsp_spec_address *address, unsigned size);
int setsockopt(int fd, int level, int name, const void *value, unsigned size);
long send(int fd, const void *data, size_t size, int flags);
long recv(int fd, void *buffer, size_t size, int flags);
uint16_t htons(uint16_t value);
uint32_t htonl(uint32_t value);
int close(int fd);
]]
end

local deadline = require "spec.cli.support.deadline"

local C = ffi.C
local AF_UNIX, AF_INET, SOCK_STREAM_CLOEXEC = 1, 2, 1 + 524288
local SOL_SOCKET, SO_RCVTIMEO, SO_SNDTIMEO = 1, 20, 21
local MSG_NOSIGNAL = 16384
local LOOPBACK = 0x7f000001

local Peer = {}
local mt = { __name = "spec.peer", __index = Peer }

function mt:__tostring()
  return mt.__name .. " " .. self.fd
end

-- Connects to an address. Returns nil when nobody listens.
local function connect_to(family, address)
  local fd = C.socket(family, SOCK_STREAM_CLOEXEC, 0)
  assert(fd >= 0, "socket failed")
  local limit = ffi.new("struct wsp_spec_timeout", deadline.seconds, 0)
  C.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, ffi.sizeof(limit))
  C.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, ffi.sizeof(limit))
  address.family = family
  local target = ffi.cast("const struct wsp_spec_address *", address)
  if C.connect(fd, target, ffi.sizeof(address)) ~= 0 then
    C.close(fd)
    return nil
  end
  return setmetatable({ fd = fd, kept = "" }, mt)
end

--- Connects to a port. Returns nil when nobody listens.
local function connect(port)
  local address = ffi.new "struct wsp_spec_address"
  address.port = C.htons(tonumber(port))
  address.host = C.htonl(LOOPBACK)
  return connect_to(AF_INET, address)
end

function Peer:send(text)
  assert(C.send(self.fd, text, #text, MSG_NOSIGNAL) == #text, "send failed")
end

-- Takes in what has come; false at the end of the stream.
local function receive(self)
  local buffer = ffi.new "char[4096]"
  local n = C.recv(self.fd, buffer, 4096, 0)
  if n > 0 then
    self.kept = self.kept .. ffi.string(buffer, n)
  end
  return n > 0
end

local function take(self)
  local text = self.kept
  self.kept = ""
  return text
end

--- Reads until `pattern` is there and returns all bytes; nil at the end.
function Peer:read_until(pattern)
  while not self.kept:find(pattern) do
    if not receive(self) then
      return nil
    end
  end
  return take(self)
end

--- Reads to the end of the stream.
function Peer:read_all()
  local is_open = true
  while is_open do
    is_open = receive(self)
  end
  return take(self)
end

function Peer:close()
  C.close(self.fd)
end

local function head(method, path, port, fields)
  local lines = {
    method .. " " .. path .. " HTTP/1.1",
    "Host: 127.0.0.1:" .. port,
  }
  for _, field in ipairs(fields) do
    lines[#lines + 1] = field
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- Fetches a page. Returns its body, or nil when nobody answered.
local function fetch(port, path)
  local peer = connect(port)
  if not peer then
    return nil
  end
  peer:send(head("GET", path or "/", port, { "Connection: close" }))
  local body = peer:read_all():match "\r\n\r\n(.*)$"
  peer:close()
  return body
end

--- Opens a WebSocket and returns the peer behind its 101.
local function open_socket(port, path)
  local peer = assert(connect(port), "nobody listens")
  peer:send(head("GET", path or "/ws", port, {
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  }))
  local answer = peer:read_until "\r\n\r\n"
  assert(answer and answer:find "^HTTP/1.1 101 ", answer or "no answer")
  return peer
end

--- Sends one line to a unix socket and returns the one that comes back.
local function ask(path, line)
  local address = ffi.new "struct wsp_spec_path"
  assert(#path < 108, "path too long")
  ffi.copy(address.path, path)
  local peer = assert(connect_to(AF_UNIX, address), "nobody listens")
  peer:send(line .. "\n")
  local answer = peer:read_until "\n"
  peer:close()
  return answer
end

--- A close frame of a client without a status; the mask is zero.
local CLOSE_FRAME = "\136\128\0\0\0\0"

return {
  ask = ask,
  connect = connect,
  fetch = fetch,
  open_socket = open_socket,
  CLOSE_FRAME = CLOSE_FRAME,
  mt = mt,
  methods = Peer,
}
