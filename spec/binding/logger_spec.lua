-- SPDX-License-Identifier: MIT
--- The option `logger`.

local wspulse = require "wspulse"

local harness = require "harness"

describe("the option logger", function()
  it("gets level, message and fields of the server's lines", function()
    local h = harness.start { name = "named" }
    local line = h:line "wspulse: server started"
    assert.equal("info", line.level)
    assert.equal(h.address, line.fields.address)
    assert.equal("named", line.fields.server)
    assert.equal(1, line.fields.generation)
    h:stop()
  end)

  it("gets the lines of wspulse.log", function()
    local h = harness.start {
      on_connect = function(conn)
        wspulse.log.info("joined", { conn_id = conn:id() })
      end,
    }
    h:connect "id=ann"
    local line = h:line "joined"
    assert.equal("info", line.level)
    assert.equal("ann", line.fields.conn_id)
    h:stop()
  end)

  it("may raise, and may log itself", function()
    local count = 0
    local h = harness.start {
      logger = function()
        count = count + 1
        wspulse.log.info "inside"
        error "in the logger"
      end,
      on_message = function(conn, frame)
        wspulse.log.info "from a handler"
        conn:send(frame)
      end,
    }
    local ann = h:connect()
    local before = count
    ann:send '{"event":"x"}'
    assert.equal('{"event":"x"}', h:receive(ann))
    assert.equal(before + 1, count)
    h:stop()
  end)

  it("may act on the server while it logs", function()
    local sent = {}
    local h
    h = harness.start {
      logger = function(_, message)
        if h and h.server then
          sent[#sent + 1] = message
          h.server:broadcast("lobby", { event = "log", payload = message })
        end
      end,
      on_message = function()
        wspulse.log.info "from a handler"
      end,
    }
    local ann = h:connect()
    ann:send '{"event":"x"}'
    repeat
      local payload = h:receive(ann)
    until payload == '{"event":"log","payload":"from a handler"}'
    h:stop()
  end)

  it("is silent when it is left out", function()
    local server = wspulse.new_server {
      listen = "127.0.0.1:0",
      connect = harness.connect,
      check_origin = "same",
    }
    assert(server:start())
    assert.has_no.errors(function()
      wspulse.log.error("nobody hears this", { a = 1 })
    end)
    assert(server:close())
  end)
end)
