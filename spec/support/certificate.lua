-- SPDX-License-Identifier: MIT
--- Certificates that sign themselves, made by the command openssl.

local certificate = {}

local COMMAND = table.concat({
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes",
  "-subj '/CN=%s' -addext 'subjectAltName=DNS:%s,IP:127.0.0.1' -days 2",
  "-keyout '%s.key' -out '%s.pem' 2>/dev/null && chmod 600 '%s.key'",
}, " ")

--- Makes PATH.pem and PATH.key, for a host called `name`.
function certificate.make(path, name)
  name = name or "localhost"
  local command = COMMAND:format(name, name, path, path, path)
  assert(os.execute(command) == 0, "openssl made no certificate")
end

return certificate
