// SPDX-License-Identifier: MIT
// The work of bench/apps on npm ws.
//
//   node server.mjs raw       sends every message back as it came
//   node server.mjs routed    envelopes, routed by their event
//   node server.mjs room      sends every message to every connection
//
// It listens on a free port of 127.0.0.1: "listening on PORT".
import { WebSocketServer } from "ws";

const LIMIT = 1024 * 1024;

const peers = new Set();
const counts = new Map();

// recovery, then a counting middleware, then the handler of the event
const middleware = [
  (context, next) => {
    try {
      next();
    } catch (error) {
      console.error(error);
    }
  },
  (context, next) => {
    counts.set(context.event, (counts.get(context.event) ?? 0) + 1);
    next();
  },
];

const routes = new Map([
  ["bench", ({ socket, data }) => socket.send(data, { binary: false })],
  [
    "answer",
    ({ socket, id, payload }) =>
      socket.send(JSON.stringify({ id, event: "answered", payload })),
  ],
  [
    "decode",
    ({ socket, payload }) =>
      socket.send(JSON.stringify({ event: "decoded", payload })),
  ],
]);

function run(context, index) {
  if (index < middleware.length) {
    middleware[index](context, () => run(context, index + 1));
  } else {
    routes.get(context.event)?.(context);
  }
}

const works = {
  raw: (socket, data, isBinary) => socket.send(data, { binary: isBinary }),
  routed: (socket, data) => run({ ...JSON.parse(data), socket, data }, 0),
  room: (_, data, isBinary) => {
    for (const peer of peers) peer.send(data, { binary: isBinary });
  },
};

const work = works[process.argv[2]];
if (!work) {
  console.error("usage: node server.mjs raw | routed | room");
  process.exit(2);
}

const server = new WebSocketServer(
  { host: "127.0.0.1", port: 0, maxPayload: LIMIT, backlog: 4096 },
  () => console.log(`listening on ${server.address().port}`),
);
server.on("connection", (socket) => {
  peers.add(socket);
  socket.on("close", () => peers.delete(socket));
  socket.on("error", () => socket.terminate());
  socket.on("message", (data, isBinary) => work(socket, data, isBinary));
});
