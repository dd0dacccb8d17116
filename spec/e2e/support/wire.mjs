// SPDX-License-Identifier: MIT
// A bare TCP connection that speaks HTTP and WebSocket byte by byte, also where
// a well-behaved client would not.

import { createHash } from "node:crypto";
import net from "node:net";
import tls from "node:tls";

import { within } from "./deadline.mjs";
import { randomBytes } from "./random.mjs";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

// What Sec-WebSocket-Accept must be for a key (RFC 6455 §4.2.2).
export function acceptOf(key) {
  return createHash("sha1")
    .update(key + ACCEPT_SUFFIX)
    .digest("base64");
}

// The head of an upgrade; `changes` replaces headers, null leaves one out, an
// array gives a header more than once.
export function upgradeHead(target, changes = {}, line) {
  const headers = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...changes,
  };
  const lines = [line ?? `GET ${target} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) continue;
    for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function lengthField(length) {
  if (length < 126) return Buffer.from([length]);
  const field = Buffer.alloc(length < 65_536 ? 3 : 9);
  field[0] = length < 65_536 ? 126 : 127;
  if (length < 65_536) field.writeUInt16BE(length, 1);
  else field.writeBigUInt64BE(BigInt(length), 1);
  return field;
}

// A client's frame. Options: fin, rsv (0 to 7), mask (false: none).
export function frame(opcode, payload = "", options = {}) {
  const { fin = true, rsv = 0, mask = randomBytes(4) } = options;
  const body = Buffer.from(payload);
  const field = lengthField(body.length);
  if (!mask) {
    return Buffer.concat([
      Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]),
      field,
      body,
    ]);
  }
  field[0] |= 0x80;
  for (let i = 0; i < body.length; i++) body[i] ^= mask[i % 4];
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]),
    field,
    mask,
    body,
  ]);
}

// The body of a close frame.
export function closeBody(code, reason = "") {
  const body = Buffer.alloc(2);
  body.writeUInt16BE(code);
  return Buffer.concat([body, Buffer.from(reason)]);
}

function parseHead(text) {
  const [line, ...lines] = text.split("\r\n");
  const [, status, phrase] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line) ?? [];
  if (!status) throw new Error(`this is no status line: ${line}`);
  const headers = {};
  for (const header of lines) {
    const [, name, value] =
      /^([!#$%&'*+.^_`|~\w-]+): ?(.*)$/.exec(header) ?? [];
    if (name === undefined) throw new Error(`this is no header: ${header}`);
    if (name.toLowerCase() in headers) throw new Error(`twice: ${header}`);
    headers[name.toLowerCase()] = value;
  }
  return { status: Number(status), phrase, headers };
}

export class Wire {
  #socket;
  #bytes = Buffer.alloc(0);
  #wake = () => {};
  #isEnded = false;

  // Gives the wire of a socket with its event `event`.
  static #opened(socket, event, what) {
    const opened = new Promise((resolve, reject) => {
      socket.once(event, () => resolve(new Wire(socket)));
      socket.once("error", reject);
    });
    return within(opened, what);
  }

  static open(port, host = "127.0.0.1") {
    const socket = net.connect({ port, host, noDelay: true });
    return Wire.#opened(socket, "connect", `a TCP connection to port ${port}`);
  }

  static openUnix(path) {
    const socket = net.connect({ path });
    return Wire.#opened(socket, "connect", `a connection to ${path}`);
  }

  // The same under TLS; `options` are those of node's tls.connect.
  static openSecure(port, options = {}) {
    const socket = tls.connect({ port, host: "127.0.0.1", ...options });
    const what = `a TLS connection to port ${port}`;
    return Wire.#opened(socket, "secureConnect", what);
  }

  constructor(socket) {
    this.#socket = socket;
    // What went wrong with the socket, or null.
    this.error = null;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", (error) => (this.error = error));
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#isEnded = true;
        this.#wake();
      });
    }
  }

  // The socket below, for what only TLS can be asked.
  get socket() {
    return this.#socket;
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  // Says that nothing more will be sent.
  finish() {
    this.#socket.end();
  }

  // Waits until the server has closed the connection; gives what was unread.
  async end() {
    const waits = async () => {
      while (!this.#isEnded) await this.#more();
    };
    await within(waits(), "the server to close the connection");
    return this.#take(this.#bytes.length);
  }

  // Stops and goes on reading from the socket.
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  // Ends the connection with a reset.
  reset() {
    this.#socket.resetAndDestroy();
  }

  destroy() {
    this.#socket.destroy();
  }

  #more() {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #take(count) {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  // Waits until `measure(bytes)` gives a number, and takes as many bytes.
  async #takeWhen(measure, what) {
    const waits = async () => {
      for (;;) {
        const count = measure(this.#bytes);
        if (count >= 0) return this.#take(count);
        if (this.#isEnded) throw new Error(`the server closed before ${what}`);
        await this.#more();
      }
    };
    return within(waits(), what);
  }

  #bytesOf(count, what) {
    return this.#takeWhen((bytes) => (bytes.length < count ? -1 : count), what);
  }

  // The next HTTP response; one to HEAD has no body.
  async response({ isHead = false } = {}) {
    const head = await this.#takeWhen((bytes) => {
      const at = bytes.indexOf("\r\n\r\n");
      return at < 0 ? -1 : at + 4;
    }, "the head of a response");
    const response = parseHead(head.toString("latin1").slice(0, -4));
    const hasBody = !isHead && ![101, 204, 304].includes(response.status);
    const length = hasBody ? Number(response.headers["content-length"]) : 0;
    if (Number.isNaN(length)) throw new Error("there is no Content-Length");
    const body = await this.#bytesOf(length, "the body of a response");
    return { ...response, body: body.toString("utf8") };
  }

  // Writes a request and gives its response.
  request(method, target, { headers = {}, body = "" } = {}) {
    const all = { Host: "127.0.0.1", ...headers };
    if (body) all["Content-Length"] = Buffer.byteLength(body);
    const lines = Object.entries(all).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.write(
      `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`,
    );
    return this.response({ isHead: method === "HEAD" });
  }

  async upgrade(target = "/ws", changes) {
    this.write(upgradeHead(target, changes));
    return this.response();
  }

  // The server's next frame: { opcode, payload }, and code and reason of a
  // close frame. With `mayPack` also isPacked: whether it is compressed.
  async frame({ mayPack = false } = {}) {
    const [first, second] = await this.#bytesOf(2, "the head of a frame");
    const isPacked = mayPack && (first & 0x70) === 0x40;
    if (first & 0x70 && !isPacked) throw new Error("a reserved bit is set");
    if (!(first & 0x80)) throw new Error("the server sent a fragment");
    if (second & 0x80) throw new Error("the server masked a frame");
    const payload = await this.#payload(second);
    const opcode = first & 0x0f;
    if (opcode !== CLOSE) {
      return mayPack ? { opcode, payload, isPacked } : { opcode, payload };
    }
    const code = payload.length < 2 ? null : payload.readUInt16BE(0);
    return { opcode, payload, code, reason: payload.toString("utf8", 2) };
  }

  async #payload(short) {
    let length = short;
    if (short === 126) {
      length = (await this.#bytesOf(2, "a length")).readUInt16BE();
    } else if (short === 127) {
      length = Number((await this.#bytesOf(8, "a length")).readBigUInt64BE());
    }
    return this.#bytesOf(length, "the payload of a frame");
  }
}
