-- SPDX-License-Identifier: MIT
--- Writes values into error texts; strings the way Go's %q verb does.

local byte, format, sub = string.byte, string.format, string.sub
local concat = table.concat
local tostring, type = tostring, type

local ESCAPES = {
  [0x07] = "\\a", [0x08] = "\\b", [0x09] = "\\t", [0x0a] = "\\n",
  [0x0b] = "\\v", [0x0c] = "\\f", [0x0d] = "\\r",
  [0x22] = '\\"', [0x5c] = "\\\\",
}

-- Code points that show nothing or change the direction of text: controls,
-- format characters, spaces other than U+0020, private use, noncharacters.
-- First and last of each range, ascending. Code points that no character is
-- assigned to yet are printed as they are, so that no table ages here.
local INVISIBLE = {
  0x0080, 0x00a0, 0x00ad, 0x00ad, 0x0600, 0x0605, 0x061c, 0x061c,
  0x06dd, 0x06dd, 0x070f, 0x070f, 0x0890, 0x0891, 0x08e2, 0x08e2,
  0x1680, 0x1680, 0x180e, 0x180e, 0x2000, 0x200f, 0x2028, 0x202f,
  0x205f, 0x206f, 0x3000, 0x3000, 0xe000, 0xf8ff, 0xfdd0, 0xfdef,
  0xfeff, 0xfeff, 0xfff9, 0xfffb, 0x110bd, 0x110bd, 0x110cd, 0x110cd,
  0x13430, 0x1343f, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0001, 0xe0001,
  0xe0020, 0xe007f, 0xf0000, 0x10ffff,
}

-- By number of bytes: the lowest code point that may take that many.
local LOWEST = { 0x0, 0x80, 0x800, 0x10000 }

local function is_printable(code)
  if code % 0x10000 >= 0xfffe then
    return false
  end
  for i = 1, #INVISIBLE, 2 do
    if code < INVISIBLE[i] then
      return true
    end
    if code <= INVISIBLE[i + 1] then
      return false
    end
  end
  return true
end

--- The number of bytes a lead byte announces and the bits it carries.
local function lead_of(b)
  if b < 0x80 then
    return 1, b
  elseif b >= 0xc2 and b < 0xe0 then
    return 2, b - 0xc0
  elseif b >= 0xe0 and b < 0xf0 then
    return 3, b - 0xe0
  elseif b >= 0xf0 and b < 0xf5 then
    return 4, b - 0xf0
  end
end

--- Reads the character at `i` (RFC 3629 §3).
-- @return code point and length, or nil when the bytes are no UTF-8
local function decode(s, i)
  local length, code = lead_of(byte(s, i))
  if not length then
    return nil
  end
  for k = 1, length - 1 do
    local b = byte(s, i + k)
    if not b or b < 0x80 or b > 0xbf then
      return nil
    end
    code = code * 64 + (b - 0x80)
  end
  if code < LOWEST[length] or code > 0x10ffff
    or (code >= 0xd800 and code <= 0xdfff) then
    return nil
  end
  return code, length
end

local function escape(code)
  if code < 0x80 then
    return format("\\x%02x", code)
  elseif code < 0x10000 then
    return format("\\u%04x", code)
  end
  return format("\\U%08x", code)
end

--- Gives the text of the character at `i` and the position behind it.
local function piece_at(s, i)
  local b = byte(s, i)
  if ESCAPES[b] then
    return ESCAPES[b], i + 1
  end
  local code, length = decode(s, i)
  if not code then
    return format("\\x%02x", b), i + 1
  end
  if code < 0x20 or code == 0x7f or not is_printable(code) then
    return escape(code), i + length
  end
  return sub(s, i, i + length - 1), i + length
end

--- Puts `s` in double quotes; what is not printable is escaped.
-- @return a string that is one line, whatever `s` holds
local function quote_string(s)
  local pieces, i = { '"' }, 1
  while i <= #s do
    pieces[#pieces + 1], i = piece_at(s, i)
  end
  pieces[#pieces + 1] = '"'
  return concat(pieces)
end

--- Gives a text for any value; strings are quoted.
local function quote_value(value)
  return type(value) == "string" and quote_string(value) or tostring(value)
end

return { string = quote_string, value = quote_value }
