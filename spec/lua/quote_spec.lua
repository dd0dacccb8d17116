-- SPDX-License-Identifier: MIT
local quote = require "wspulse.quote"

describe("quote.string, as Go's %q", function()
  local CASES = {
    { "an empty string", "", '""' },
    { "plain text", "chat.message", '"chat.message"' },
    { "quotes and backslashes", [[a"b\c]], [["a\"b\\c"]] },
    { "a single quote as it is", "it's", [["it's"]] },
    { "the named controls", "\a\b\t\n\v\f\r", [["\a\b\t\n\v\f\r"]] },
    { "other controls in hexadecimal", "\0\1\27\127", [["\x00\x01\x1b\x7f"]] },
    { "printable characters of each length", "é€😀", '"é€😀"' },
    { "a control above ASCII", "\194\133", [["\u0085"]] },
    { "a no-break space and a soft hyphen", "\194\160\194\173",
      [["\u00a0\u00ad"]] },
    { "a letter behind each of them", "¡®", '"¡®"' },
    { "line separators", "\226\128\168\226\128\169", [["\u2028\u2029"]] },
    { "a bidirectional override", "a\226\128\174b", [["a\u202eb"]] },
    { "a byte order mark", "\239\187\191", [["\ufeff"]] },
    { "private use", "\238\128\128", [["\ue000"]] },
    { "a tag beyond the basic plane", "\243\160\128\129", [["\U000e0001"]] },
    { "a noncharacter", "\239\191\190", [["\ufffe"]] },
    { "the replacement character", "\239\191\189", '"\239\191\189"' },
    { "a lone continuation byte", "\128", [["\x80"]] },
    { "a byte that is never used", "\255", [["\xff"]] },
    { "an overlong form", "\192\175", [["\xc0\xaf"]] },
    { "an overlong form of three bytes", "\224\128\175", [["\xe0\x80\xaf"]] },
    { "a surrogate", "\237\160\128", [["\xed\xa0\x80"]] },
    { "a code point above the last", "\244\144\128\128",
      [["\xf4\x90\x80\x80"]] },
    { "a truncated character", "a\226\130", [["a\xe2\x82"]] },
    { "text behind a broken character", "\226\130z", [["\xe2\x82z"]] },
  }

  for _, case in ipairs(CASES) do
    it("writes " .. case[1], function()
      assert.equal(case[3], quote.string(case[2]))
    end)
  end
end)

describe("quote.value", function()
  it("quotes strings", function()
    assert.equal([["1"]], quote.value("1"))
  end)

  it("leaves other values as tostring writes them", function()
    assert.equal("1", quote.value(1))
    assert.equal("nil", quote.value(nil))
    assert.equal("false", quote.value(false))
  end)
end)
