// SPDX-License-Identifier: MIT
// The command line: what is printed where, and with which exit code.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { examples, run, serve, withFolder } from "./support/server.mjs";

const GOOD = `local wspulse = require "wspulse"
return wspulse.new_server { connect = function() return "room" end }
`;

function withScript(name, text, use) {
  test(name, () =>
    withFolder(async (folder) => {
      const script = path.join(folder, "app.lua");
      await writeFile(script, text);
      await use(script);
    }),
  );
}

test("version names what it is made of", async () => {
  const { code, stdout } = await run(["version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^wspulse \d+\.\d+\.\d+/);
  for (const part of ["LuaJIT", "libevent", "wslay", "OpenSSL"]) {
    assert.match(stdout, new RegExp(part, "i"));
  }
});

test("--help of the command and of each of its commands", async () => {
  for (const words of [
    ["--help"],
    ...["run", "check", "reload", "version"].map((name) => [name, "--help"]),
  ]) {
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
    assert.match(stdout, /wspulse (run|check|reload|version)/);
  }
});

test("an unknown command or flag is exit 2 and goes to stderr", async () => {
  const wrong = [
    [],
    ["sprint"],
    ["run"],
    ["run", "--fast", "app.lua"],
    ["check"],
    ["run", "app.lua", "--workers", "2"],
    ["connect", "ws://127.0.0.1/"],
    ["top"],
    ["run", "app.lua", "--listen"],
    ["version", "surplus"],
  ];
  for (const words of wrong) {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 2, words.join(" "));
    assert.equal(stdout, "", words.join(" "));
    assert.notEqual(stderr, "", words.join(" "));
  }
});

test("check prints what each example declares", async () => {
  const { code, stdout } = await run([
    "check",
    path.join(examples, "03_chat.lua"),
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /chat\.say/);
  assert.match(stdout, /max_message_size.*8192/);
  const hello = await run(["check", path.join(examples, "01_hello.lua")]);
  assert.equal(hello.code, 0);
  assert.match(hello.stdout, /GET \/hello/);
});

const broken = {
  "a syntax error": ["local x =\nreturn = 3\n", /app\.lua:2:/],
  "an error at run time": ["local x\n\nreturn x.y\n", /app\.lua:3:/],
  "an invalid option": [
    `local w = require "wspulse"\n\nreturn w.new_server {
  connect = function() end,\n  write_wait = 0,\n}\n`,
    /app\.lua:\d+: wspulse: WithWriteWait: duration must be positive \(write_wait = 0\)/,
  ],
  "an unknown option": [
    `local w = require "wspulse"\nreturn w.new_server {
  connect = function() end, max_mesage_size = 1,\n}\n`,
    /app\.lua:\d+: .*max_mesage_size.*max_message_size/,
  ],
  "no connect": [
    'local w = require "wspulse"\nreturn w.new_server {}\n',
    /app\.lua:2: wspulse: NewServer: connect must not be nil/,
  ],
  "no server": ["return 7\n", /app\.lua/],
  "a missing module": [
    'require "nowhere"\n',
    /app\.lua:1: module 'nowhere' not found/,
  ],
};

for (const [what, [text, complaint]] of Object.entries(broken)) {
  withScript(
    `check and run refuse ${what} with file:line`,
    text,
    async (script) => {
      for (const words of [
        ["check", script],
        ["run", script, "--listen", "127.0.0.1:0"],
      ]) {
        const { code, stdout, stderr } = await run(words);
        assert.equal(code, 1, words[0]);
        assert.equal(stdout, "", words[0]);
        assert.match(stderr, complaint, words[0]);
      }
    },
  );
}

test("a script that is not there", async () => {
  for (const command of ["check", "run"]) {
    const { code, stderr } = await run([command, "/nowhere/app.lua"]);
    assert.equal(code, 1);
    assert.match(stderr, /\/nowhere\/app\.lua/);
  }
});

withScript("a bind error names address and reason", GOOD, (script) =>
  serve(script, {}, async (server) => {
    const address = `127.0.0.1:${server.port}`;
    const control = path.join(path.dirname(script), "second.sock");
    const words = ["run", script, "--listen", address, "--control", control];
    const { code, stderr } = await run(words);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${address}.*in use`, "s"));
  }),
);

withScript(
  "several addresses, IPv6 and a unix socket among them",
  GOOD,
  async (script) => {
    const socket = path.join(path.dirname(script), "ws.sock");
    const args = ["--listen", "[::1]:0", "--listen", `unix:${socket}`];
    await serve(script, { args, addresses: 2 }, async (server) => {
      assert.match(server.stdout, new RegExp(`unix:${socket}`));
      for (const url of server.urls)
        assert.ok((await server.connect({}, { url })).isOpen);
      const url = `ws+unix://${socket}:/ws`;
      assert.ok((await server.connect({}, { url })).isOpen);
    });
  },
);

withScript("--log-format json: one object a line", GOOD, (script) =>
  serve(script, { args: ["--log-format", "json"] }, async (server) => {
    await server.connect();
    await server.logged(/SECURITY/);
    await server.stop();
    const lines = server.logLines.map((line) => JSON.parse(line));
    for (const line of lines) assert.equal(typeof line.level, "string");
  }),
);
