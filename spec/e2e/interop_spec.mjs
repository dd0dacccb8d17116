// SPDX-License-Identifier: MIT
// Clients that we did not write: npm's ws, undici and Chromium. Those that need
// more than npm are in conformance/.

import { after, before } from "node:test";
import { WebSocket as UndiciWebSocket } from "undici";
import WebSocket from "ws";

import { launch } from "./support/browser.mjs";
import { within } from "./support/deadline.mjs";
import { interop } from "./support/interop.mjs";
import { Peer } from "./support/peer.mjs";
import { openStandardSocket } from "./support/standard_socket.mjs";

async function textOf(message) {
  const { data, isBinary } = await message;
  if (isBinary) throw new Error("this is no text");
  return data.toString();
}

interop({
  name: "ws",
  abilities: ["pieces", "ping", "compression"],
  async open(url, offer, compression) {
    const perMessageDeflate = compression && { threshold: 0 };
    const socket = new WebSocket(url, offer, { perMessageDeflate });
    const peer = new Peer(socket);
    await within(
      new Promise((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      }),
      "the upgrade",
    );
    return {
      subprotocol: socket.protocol,
      send: (text) => peer.send(text),
      text: (text) => {
        peer.send(text);
        return textOf(peer.message());
      },
      bytes: async (bytes) => {
        peer.send(bytes, { binary: true });
        return (await peer.message()).data;
      },
      pieces: (pieces) => {
        pieces.forEach((piece, i) => {
          socket.send(piece, { fin: i === pieces.length - 1 });
        });
        return textOf(peer.message());
      },
      ping: (text) => peer.ping(text),
      close: (code, reason) => peer.close(code, reason),
      ended: () => peer.end(),
      release: () => peer.destroy(),
    };
  },
});

interop({
  name: "undici",
  abilities: ["decompression"],
  async open(url, offer) {
    const client = await within(
      openStandardSocket(UndiciWebSocket, url, offer),
      "the upgrade",
    );
    const bytes = async (bytes) =>
      Buffer.from(await client.base64(bytes.toString("base64")), "base64");
    return {
      subprotocol: client.subprotocol(),
      send: client.send,
      text: (text) => within(client.text(text), "a text"),
      bytes: (sent) => within(bytes(sent), "bytes"),
      close: (...why) => within(client.close(...why), "the end"),
      ended: () => within(client.ended(), "the end"),
      release: () => within(client.close(), "the end"),
    };
  },
});

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

interop({
  name: "Chromium",
  abilities: ["compression"],
  async open(url, offer) {
    const page = await browser.newPage();
    const run = (script, ...words) =>
      within(
        page.evaluate(`${script}(...${JSON.stringify(words)})`),
        "the page",
      );
    await run(
      `(async (...words) => {
        const open = ${openStandardSocket};
        window.client = await open(WebSocket, ...words);
      })`,
      url,
      offer,
    );
    const bytes = async (sent) =>
      Buffer.from(await run("client.base64", sent.toString("base64")), "base64");
    return {
      subprotocol: await run("client.subprotocol"),
      send: (text) => run("client.send", text),
      text: (text) => run("client.text", text),
      bytes,
      close: (...why) => run("client.close", ...why),
      ended: () => run("client.ended"),
      release: () => page.close(),
    };
  },
});
