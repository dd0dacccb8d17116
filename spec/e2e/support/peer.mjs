// SPDX-License-Identifier: MIT
// A WebSocket client (npm's ws) whose messages and end can be waited for.

import WebSocket from "ws";

import { Inbox, within } from "./deadline.mjs";

// An upgrade that was answered with something else than 101.
export class Refused extends Error {
  constructor(status, headers, body) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

async function refusalOf(response) {
  response.setEncoding("utf8");
  let body = "";
  for await (const chunk of response) body += chunk;
  return new Refused(response.statusCode, response.headers, body);
}

export class Peer {
  #socket;
  #inbox = new Inbox();

  // Options: `headers` and whatever else npm's ws takes.
  static open(url, options = {}) {
    const socket = new WebSocket(url, options);
    const peer = new Peer(socket);
    const opened = new Promise((resolve, reject) => {
      socket.once("open", () => resolve(peer));
      socket.once("error", reject);
      socket.once("unexpected-response", (request, response) => {
        refusalOf(response)
          .then(reject, reject)
          .finally(() => {
            request.destroy();
          });
      });
    });
    return within(opened, `the upgrade of ${url}`);
  }

  constructor(socket) {
    this.#socket = socket;
    this.pongs = new Inbox();
    // What the server said at the end: { code, reason }.
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#inbox.fail(new Error(`the server closed with ${code}`));
      });
    });
    socket.on("error", () => {});
    // What the server agreed to, "" for nothing.
    this.extensions = "";
    socket.on("upgrade", ({ headers }) => {
      this.extensions = headers["sec-websocket-extensions"] ?? "";
    });
    socket.on("pong", (data) => this.pongs.push(data.toString()));
    socket.on("message", (data, isBinary) => {
      this.#inbox.push({ data, isBinary });
    });
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  // How many messages arrived that nobody has read.
  get unread() {
    return this.#inbox.size;
  }

  // The next message as it came: { data, isBinary }.
  message() {
    return this.#inbox.take("a message");
  }

  // The next message, decoded.
  async frame() {
    const { data } = await this.message();
    return JSON.parse(data.toString());
  }

  // Sends an envelope, or bytes as they are.
  send(what, options) {
    const isBytes = typeof what === "string" || Buffer.isBuffer(what);
    this.#socket.send(isBytes ? what : JSON.stringify(what), options);
  }

  // Sends an envelope and gives the next frame.
  ask(event, payload) {
    this.send({ event, payload });
    return this.frame();
  }

  ping(data) {
    this.#socket.ping(data);
    return this.pongs.take("a pong");
  }

  // Begins the close handshake; gives what the server answered.
  close(code, reason) {
    this.#socket.close(code, reason);
    return this.end();
  }

  end() {
    return within(this.closed, "the end of the connection");
  }

  // Stops and goes on reading from the socket.
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  // Drops the TCP connection without a word.
  destroy() {
    this.#socket.terminate();
  }
}
