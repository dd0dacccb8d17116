-- SPDX-License-Identifier: MIT
---@meta _

---One peer, as a logical session that may outlive its transport (seed:
---Connection). There is one handle for each connection and generation, so `==`
---and table keys work. It may be held for ever: what it knows it still answers
---after the end, what it would do returns `nil, errors.CONNECTION_CLOSED`.
---@class wspulse.Connection
local Connection = {}

---The connection id, constant; what `connect` returned or a UUID.
---@return string
function Connection:id() end

---The room id, constant.
---@return string
function Connection:room_id() end

---@return wspulse.Server
function Connection:server() end

---Sends to this peer. Never blocks. While the connection is suspended the
---frame is kept for it. After `ENCODE` nothing was queued; after
---`SEND_BUFFER_FULL` this frame is the one lost.
---@param frame wspulse.outgoing | wspulse.Frame
---@return true? ok
---@return wspulse.Error? err `CONNECTION_CLOSED`, `ENCODE`, `SEND_BUFFER_FULL`
function Connection:send(frame) end

---Closes: what was queued goes out first, then a close frame. Never blocks;
---`on_disconnect` follows. Raises for a code that may not be sent and for a
---reason that is no UTF-8 of at most 123 bytes.
---@param code? integer 1000 by default; 4000 to 4999 are the application's
---@param reason? string
---@return true? ok
---@return wspulse.Error? err `CONNECTION_CLOSED` when it has ended
function Connection:close(code, reason) end

---True once a close was begun or the connection has ended.
---@return boolean
function Connection:is_closed() end

---Calls `fn` when the connection ends, at once if it has. What is waiting ends
---with the generation.
---@param fn fun(err?: wspulse.Error, reason: wspulse.reason)
function Connection:on_close(fn) end

---The error of the last transport that was lost.
---@return wspulse.Error?
function Connection:last_error() end

---Gives a value of `set`, also after the end.
---@param key string
---@return nil | boolean | number | string value
function Connection:get(key) end

---Keeps a value with the connection, outside of Lua: it outlives a reload.
---Raises when it is of another type.
---@param key string
---@param value nil | boolean | number | string nil removes
---@return true? ok
---@return wspulse.Error? err `CONNECTION_CLOSED`, `CONNECTION_DATA_FULL`
function Connection:set(key, value) end

---The request that became this connection, as a copy to keep; nil when
---`on_connect` is over.
---@return wspulse.Request?
function Connection:request() end
