// SPDX-License-Identifier: MIT
// Sends one frame to the address it is given and ends well when the same event
// and payload come back.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(new URL("../e2e/", import.meta.url));
const WebSocket = require("ws");

const socket = new WebSocket(process.argv[2]);
const sent = { event: "echo", payload: { text: "grüß dich", n: 1 } };

socket.on("open", () => socket.send(JSON.stringify(sent)));
socket.on("message", (data) => {
  const received = JSON.parse(data.toString());
  assert.equal(received.event, sent.event);
  assert.deepEqual(received.payload, sent.payload);
  socket.close(1000);
});
socket.on("close", (code) => {
  console.log(`closed ${code}`);
  process.exit(code === 1000 ? 0 : 1);
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
