-- SPDX-License-Identifier: MIT
std = "luajit"
max_line_length = 80
exclude_files = { "build*/**", "**/node_modules/**" }
-- Annotations only: declarations without bodies, and an annotation is one line.
files["lua/wspulse/meta/**"] = {
  ignore = { "211", "212", "241" },
  max_line_length = 120,
}
files["**/*_spec.lua"] = { std = "+busted" }
