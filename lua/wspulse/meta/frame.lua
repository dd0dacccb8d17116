-- SPDX-License-Identifier: MIT
---@meta _

---A frame that came in (seed: Frame). Valid until its handler returns; later
---use raises unless `keep` was called. Assigning to a member raises. Sent as
---it is, it goes on byte by byte, whatever was done to the decoded payload.
---@class wspulse.Frame
---@field id string correlation id, `""` when absent; never interpreted
---@field event string routing key, `""` when absent
---Decoded at first touch; nil when absent, `wspulse.null` for null.
---@field payload any
---@field binary boolean whether the peer sent it as a binary message
local Frame = {}

---Gives a member of the payload; nil unless the payload is an object.
---@param name string
---@return any
function Frame:field(name) end

---The bytes of the payload as they came; nil when absent. With a codec written
---in Lua: the bytes of the whole message.
---@return string?
function Frame:raw() end

---Makes this frame outlive its handler.
---@return wspulse.Frame self
function Frame:keep() end

---Gives an outgoing frame in which the members not named stay as they came. A
---payload that is not named keeps its bytes.
---@param changes wspulse.outgoing
---@return wspulse.outgoing
function Frame:with(changes) end

---A frame to send. Another member raises.
---@class wspulse.outgoing
---@field id? string
---@field event? string
---@field payload? any a value; a string of bytes for the codec `raw`
---@field binary? boolean whether it goes out as a binary message; codec `raw`
