-- SPDX-License-Identifier: MIT
---@meta _

---The answer to a plain HTTP request. Nothing is sent before the handler has
---returned; one that raises is a 500 with a generic body. Every method returns
---the response again. Valid until the handler returns.
---@class wspulse.Response
local Response = {}

---Sets the status; 200 when never called. Raises out of range.
---@param status integer 200 to 599
---@return wspulse.Response self
function Response:status(status) end

---Adds a header. Raises when the name is no token, when the value holds a
---control character, and for Date, Content-Length and Connection, which are
---the server's.
---@param name string
---@param value string
---@return wspulse.Response self
function Response:header(name, value) end

---Sets the body; a second call replaces it.
---@param body string
---@return wspulse.Response self
function Response:send(body) end

---Sets the body to a value as JSON, and Content-Type to `application/json`
---unless it was set. Raises when the value cannot be encoded.
---@param value any
---@return wspulse.Response self
function Response:json(value) end
