-- SPDX-License-Identifier: MIT
---@meta _

---What a handler holds while one frame is handled. It is another dispatch's
---when the handler has returned: do not keep it. Fields other than
---`connection` and `frame` cannot be assigned; use `set`.
---@class wspulse.Context
---@field server wspulse.Server? nil where there is no connection
---@field connection wspulse.Connection? nil where there is none
---@field frame wspulse.Frame a middleware may replace it for what comes behind
local Context = {}

---Runs the rest of the chain now and returns when it has finished. A
---middleware that never calls it lets the next element run all the same.
function Context:next() end

---Skips every element that has not started; the running one goes on.
function Context:abort() end

---@return boolean
function Context:is_aborted() end

---Keeps a value until this dispatch ends; nil removes it.
---@param key string
---@param value any
function Context:set(key, value) end

---@param key string
---@return any value
---@return boolean exists
function Context:get(key) end

---Gives what was set, or raises `router: key not found in context: <key>`.
---@param key string
---@return any value
function Context:must_get(key) end

---Gives what was set; `""` when it is missing or no string.
---@param key string
---@return string
function Context:get_string(key) end

---Sends an event to the peer this frame came from. Raises without a
---connection.
---@param event string
---@param payload? any
---@return true? ok
---@return wspulse.Error? err as `connection:send`
function Context:send(event, payload) end

---Sends an event to everybody in the room of this frame's connection, the
---sender included. Raises without a connection.
---@param event string
---@param payload? any
---@return true? ok
---@return wspulse.Error? err as `server:broadcast`
function Context:broadcast(event, payload) end
