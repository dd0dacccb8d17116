-- SPDX-License-Identifier: MIT
---@meta _

---A WebSocket server with rooms (seed: Server). Methods that serve answer
---`nil, errors.SERVER_NOT_STARTED` until it has been started.
---@class wspulse.Server
local Server = {}

---The option `name`.
---@return string
function Server:name() end

---The addresses it really listens on: `127.0.0.1:41873`, `unix:/run/x.sock`.
---@return string[]? addresses
---@return wspulse.Error? err `SERVER_NOT_STARTED`
function Server:addresses() end

---The real address of the option `admin`, nil when there is none.
---@return string? address
---@return wspulse.Error? err `SERVER_NOT_STARTED`
function Server:admin_address() end

---Sends to one connection. A suspended one counts: the frame is kept for it.
---Checks in the order of the errors below; a closed server has no connections.
---@param id string the connection id
---@param frame wspulse.outgoing | wspulse.Frame
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `CONNECTION_NOT_FOUND`, or as `connection:send`
function Server:send(id, frame) end

---Sends to everybody in a room, encoded once. A member whose queue is full
---loses its oldest frame. An unknown room is empty, not an error.
---@param room string
---@param frame wspulse.outgoing | wspulse.Frame
---@param options? wspulse.broadcast_options
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `SERVER_CLOSED`, `ENCODE`
function Server:broadcast(room, frame, options) end

---@class wspulse.broadcast_options
---@field except? wspulse.Connection | string who does not get it

---Ends a connection at once, whatever the resume window; what it was to be
---sent is discarded. `on_disconnect` follows with reason `kick` and no error.
---@param id string the connection id
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `SERVER_CLOSED`, `CONNECTION_NOT_FOUND`
function Server:kick(id) end

---Lists the connections of a room, in no order, suspended ones included.
---@param room string
---@return wspulse.Connection[]? connections empty for an unknown room
---@return wspulse.Error? err `SERVER_NOT_STARTED`
function Server:connections(room) end

---The metrics in Prometheus' text format 0.0.4, as `GET /metrics` on the admin
---address gives them.
---@return string? text
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `OUT_OF_MEMORY`
function Server:metrics_text() end

---Starts, and serves until the server is closed. Raises under the command and
---inside a callback.
---@return true? ok
---@return wspulse.Error? err `LISTEN`
function Server:run() end

---Opens every address, or none. Raises under the command and inside a
---callback.
---@return true? ok
---@return wspulse.Error? err `LISTEN`, with address and reason
function Server:start() end

---Serves one turn. Raises under the command and inside a callback.
---@param seconds? number how long to wait for something to do, 0 by default
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `SERVER_CLOSED`
function Server:poll(seconds) end

---Replaces the application by what a script returns; connections stay. Inside
---a callback it asks and returns at once, and the log has the answer. The text
---of the error says where and why.
---@param path? string the script; the one that was loaded last by default
---@param options? { unsafe?: boolean } of a Lua program: this script and later ones get ffi, all of debug and bytecode
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`, `SERVER_CLOSED`, `SCRIPT`, `RELOAD_REFUSED`
function Server:reload(path, options) end

---Closes: no new connections, every peer gets 1001, `on_disconnect` runs for
---every connection. Inside a callback it begins and returns at once, outside
---it drives the loop until every peer has answered, at most `write_wait`.
---@param fn? fun() called when that point is reached, in both cases
---@return true? ok
---@return wspulse.Error? err `SERVER_NOT_STARTED`
function Server:close(fn) end
