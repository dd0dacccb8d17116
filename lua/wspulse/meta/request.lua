-- SPDX-License-Identifier: MIT
---@meta _

---An HTTP request: one that asks for an upgrade, or a plain one. Valid until
---its handler returns; later use raises. Everything in it comes from the peer.
---@class wspulse.Request
---@field path string as sent, without the query, not decoded
---@field method string `GET`, in capitals as sent
---@field remote_addr string `127.0.0.1:54321`, `[::1]:54321` or `unix`; the
---client's behind `trusted_proxies`, which may come without a port
---@field secure boolean it came over TLS to this server
---@field subprotocol? string the one of `subprotocols` that the answer names
local Request = {}

---Gives the first header of that name, compared without case.
---@param name string
---@return string? value
function Request:header(name) end

---Gives the first query parameter of that name, decoded; `""` for a name
---without a value, nil when it is absent or malformed.
---@param name string
---@return string? value
function Request:query(name) end

---Gives the cookie of that name, as sent.
---@param name string
---@return string? value
function Request:cookie(name) end

---The body of a plain request, at most 64 KiB; empty for an upgrade.
---@return string
function Request:body() end

---The certificate that the peer has shown in the TLS handshake; nil when it has
---shown none, or nobody asked for one (`tls.verify`).
---@return wspulse.certificate?
function Request:client_certificate() end

---@class wspulse.certificate
---@field subject string `CN=ann,O=Example` (RFC 4514)
---@field issuer string likewise, who has certified it
---@field common_name string of the subject, the most specific one; or `""`
---@field fingerprint string SHA-256 in 64 hexadecimal digits
---@field verified boolean one of `tls.ca` has certified it, and it is in force
