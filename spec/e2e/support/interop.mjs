// SPDX-License-Identifier: MIT
// What every client that we did not write has to be able to do with the server.
//
// A client is { name, abilities, open(url, subprotocols, compression) }; with
// the last one true it offers permessage-deflate and uses it: an ability, or
// "decompression" for who reads and does not write it. `open` gives
//   subprotocol                 that was agreed on, "" for none
//   text(string)                sends, gives the text that comes back
//   bytes(buffer)               the same in binary
//   pieces(strings)             one text message in several frames; an ability
//   ping(string)                resolves when its pong is there; an ability
//   send(string)                sends without waiting
//   close(code, reason)         closes, gives what the server answered
//   ended()                     waits for the server's close: { code, reason }
//   release()                   drops whatever is left

import assert from "node:assert/strict";
import { test } from "node:test";

import { Proxy } from "./proxy.mjs";
import { randomBytes } from "./random.mjs";
import { serve } from "./server.mjs";

const MIB = 1024 * 1024;

async function withClient(client, server, use, options = {}) {
  const { query, offer = [], compression = false } = options;
  const url = `${server.url}?${new URLSearchParams(query)}`;
  const socket = await client.open(url, offer, compression);
  try {
    await use(socket);
  } finally {
    await socket.release();
  }
}

async function echoes(socket) {
  for (const text of ["hello", "é ✓ 𝄞 \0 \n", "", "x".repeat(126)]) {
    assert.equal(await socket.text(text), text);
  }
  for (const length of [0, 1, 125, 126, 127, 4096, 65_535, 65_536]) {
    const bytes = randomBytes(length);
    assert.ok(bytes.equals(await socket.bytes(bytes)), `${length} bytes`);
  }
}

async function echoesOneMegabyte(socket) {
  const bytes = randomBytes(MIB);
  assert.ok(bytes.equals(await socket.bytes(bytes)));
  const text = "é".repeat(MIB / 2);
  assert.ok((await socket.text(text)) === text);
}

async function joinsFragments(socket) {
  // Longer than the write buffers of the clients that have one.
  const pieces = ["a", "é", "✓", "𝄞", ""].map((one) => one.repeat(3000));
  for (let round = 0; round < 3; round++) {
    assert.ok((await socket.pieces(pieces)) === pieces.join(""));
    assert.equal(await socket.text("between"), "between");
  }
}

async function answersPings(socket) {
  await socket.ping("");
  await socket.ping("p".repeat(125));
  assert.equal(await socket.text("afterwards"), "afterwards");
}

// The client closes: its code comes back, and the server saw it.
async function closesByClient(client, server) {
  const witness = await server.connect({ room: "witness", id: "witness" });
  const ends = [
    [1000, "", "no error"],
    [3001, "bye ✓", "websocket: close 3001: bye ✓"],
    [4999, "", "websocket: close 4999"],
  ];
  for (const [code, reason, seen] of ends) {
    const query = { id: `peer-${code}` };
    const closes = async (socket) => {
      assert.equal(await socket.text("before"), "before");
      assert.equal((await socket.close(code, reason)).code, code);
    };
    await withClient(client, server, closes, { query });
    const { data } = await witness.message();
    assert.equal(data.toString(), `peer-${code}: ${seen}`);
  }
}

async function closesByServer(client, server) {
  for (const [code, reason] of [
    [1000, ""],
    [4001, "done ✓"],
    [1011, "internal"],
  ]) {
    await withClient(client, server, async (socket) => {
      await socket.send(`close ${code} ${reason}`);
      assert.deepEqual(await socket.ended(), { code, reason });
    });
  }
  await withClient(client, server, async (socket) => {
    await socket.send("x".repeat(MIB + 1));
    assert.equal((await socket.ended()).code, 1009);
  });
}

async function agreesOnSubprotocol(client, server) {
  const offers = [
    [["chat.v1", "chat.v2"], "chat.v2"],
    [["other", "chat.v1"], "chat.v1"],
    [[], ""],
  ];
  for (const [offer, chosen] of offers) {
    const agrees = async (socket) => {
      assert.equal(socket.subprotocol, chosen);
      assert.equal(await socket.text("hello"), "hello");
    };
    await withClient(client, server, agrees, { offer });
  }
}

// What is compressed is counted on the line. Some clients read what is
// compressed and write nothing that is.
async function compresses(client, server, isBothWays) {
  const proxy = await Proxy.open(server.port);
  const text = "the quick brown fox ".repeat(10_000);
  const talk = async (socket) => {
    for (let round = 0; round < 5; round++) {
      assert.ok((await socket.text(text)) === text);
      const bytes = await socket.bytes(Buffer.from(text));
      assert.ok(bytes.equals(Buffer.from(text)));
    }
    const length = 10 * text.length;
    assert.ok(proxy.down < length / 10, `${proxy.down} bytes came`);
    assert.equal(proxy.up < length / 10, isBothWays, `${proxy.up} bytes went`);
    await echoes(socket);
    await echoesOneMegabyte(socket);
    if (isBothWays && socket.pieces) await joinsFragments(socket);
    assert.equal((await socket.close(1000, "")).code, 1000);
  };
  const url = server.url.replace(`:${server.port}`, `:${proxy.port}`);
  try {
    await withClient(client, { url }, talk, { compression: true });
  } finally {
    proxy.close();
  }
}

// Registers the tests of one client.
export function interop(client) {
  const abilities = client.abilities ?? [];
  const check = (what, use, env = {}) =>
    test(`${client.name}: ${what}`, () => serve("interop.lua", { env }, use));
  const talk = (what, use) =>
    check(what, (server) => withClient(client, server, use));

  talk("echo of text and binary", echoes);
  talk("one megabyte", echoesOneMegabyte);
  if (abilities.includes("pieces")) talk("fragments", joinsFragments);
  if (abilities.includes("ping")) talk("ping", answersPings);
  check("the client closes", (server) => closesByClient(client, server));
  check("the server closes", (server) => closesByServer(client, server));
  check("sub-protocol", (server) => agreesOnSubprotocol(client, server));
  const isBothWays = abilities.includes("compression");
  if (isBothWays || abilities.includes("decompression")) {
    for (const takeover of ["0", "1"]) {
      check(
        `compression, contexts ${takeover === "1" ? "kept" : "dropped"}`,
        (server) => compresses(client, server, isBothWays),
        { FIXTURE_COMPRESSION: "1", FIXTURE_TAKEOVER: takeover },
      );
    }
  }
}
