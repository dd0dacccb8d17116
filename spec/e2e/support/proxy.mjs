// SPDX-License-Identifier: MIT
// A TCP proxy that fails on purpose: after a certain byte of what the server
// sends, or behind a certain frame.

import net from "node:net";

const TEXT = 1;

// Finds, in a stream that comes in pieces, where the n-th text frame ends. The
// stream begins with an HTTP head, which counts as number 0.
class Boundary {
  #left;
  #bytes = Buffer.alloc(0); // not understood yet
  #offset = 0; // of its first byte in the stream
  #isHead = true;

  constructor(count) {
    this.#left = count + 1;
  }

  // Gives the offset once it is known, else undefined.
  feed(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const { length, counts } = this.#next();
      if (length === undefined || length > this.#bytes.length) return undefined;
      this.#bytes = this.#bytes.subarray(length);
      this.#offset += length;
      this.#isHead = false;
      if (counts && --this.#left === 0) return this.#offset;
    }
  }

  #next() {
    if (this.#isHead) {
      const at = this.#bytes.indexOf("\r\n\r\n");
      return at < 0 ? {} : { length: at + 4, counts: true };
    }
    if (this.#bytes.length < 4) return {};
    const short = this.#bytes[1];
    const length = short < 126 ? 2 + short : 4 + this.#bytes.readUInt16BE(2);
    return { length, counts: (this.#bytes[0] & 0x0f) === TEXT };
  }
}

// What a connection does at the place where it fails:
//   reset   both sides are reset
//   vanish  the client is reset, the server is told nothing
//   mute    what the client says is not passed on any more; with `after`, both
//           sides are reset as many bytes later
export class Proxy {
  // Connection number n fails as plans[n] says: { bytes } or { frames }, and
  // `how`; later ones do not. With `stall` so many milliseconds go by before
  // the server's bytes are read.
  static open(port, plans = []) {
    const proxy = new Proxy(port, plans);
    return new Promise((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", () => resolve(proxy));
    });
  }

  #target;
  #plans;
  #server;
  #sockets = new Set();
  connections = 0;
  up = 0; // bytes that clients have sent
  down = 0; // bytes that the server has sent over whole connections
  isDown = false; // whether new connections are reset at once

  constructor(target, plans) {
    this.#target = target;
    this.#plans = plans;
    this.#server = net.createServer({ noDelay: true }, (client) =>
      this.#accept(client),
    );
  }

  get port() {
    return this.#server.address().port;
  }

  // Resets everything that is open.
  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  // A reset waits for what is still to be written, which may be for ever.
  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #hold(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #accept(client) {
    if (this.isDown) {
      client.resetAndDestroy();
      return;
    }
    const plan = this.#plans[this.connections++];
    const upstream = net.connect({
      port: this.#target,
      host: "127.0.0.1",
      noDelay: true,
    });
    this.#hold(client);
    this.#hold(upstream);
    const link = { client, upstream, isMute: false };
    client.on("data", (chunk) => {
      this.up += chunk.length;
      if (!link.isMute) upstream.write(chunk);
    });
    client.on("end", () => link.isMute || upstream.end());
    client.on("close", () => link.isVanished || upstream.resetAndDestroy());
    upstream.on("end", () => client.end());
    upstream.on("close", () => client.resetAndDestroy());
    if (plan) this.#passUntil(link, plan);
    else upstream.on("data", (chunk) => this.#passOn(client, chunk));
  }

  #passOn(client, chunk) {
    this.down += chunk.length;
    client.write(chunk);
  }

  #passUntil(link, { bytes, frames, how = "reset", after, stall }) {
    if (stall) {
      link.upstream.pause();
      setTimeout(() => link.upstream.resume(), stall);
    }
    const boundary = frames === undefined ? null : new Boundary(frames);
    let end = bytes;
    let passed = 0;
    let isOver = false;
    link.upstream.on("data", (chunk) => {
      if (isOver) return;
      end ??= boundary.feed(chunk);
      if (how === "mute" && passed + chunk.length >= end) {
        link.isMute = true;
        how = "reset";
        end = after === undefined ? Infinity : end + after;
      }
      if (end === undefined || passed + chunk.length < end) {
        passed += chunk.length;
        link.client.write(chunk);
        return;
      }
      isOver = true;
      const rest = chunk.subarray(0, end - passed);
      link.client.write(rest, () => this.#fail(link, how));
    });
  }

  #fail(link, how) {
    link.isVanished = how === "vanish";
    link.client.resetAndDestroy();
    if (how === "reset") link.upstream.resetAndDestroy();
  }
}
