// SPDX-License-Identifier: MIT
// A generation that has gone leaves nothing behind.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { serveApplication } from "./support/application.mjs";
import { isSanitized, until } from "./support/deadline.mjs";

const FIRST = 10;
// A sanitizer keeps freed memory: there the leak check at the end decides.
const LAST = isSanitized ? 60 : 1000;
const GROWTH = 1.05;

async function residentBytes(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

async function collected(server) {
  await server.request("GET", "/collect");
  return residentBytes(server.pid);
}

test(`hostile 69: ${LAST} reloads leave nothing behind: RSS within 5 %`, () =>
  serveApplication({}, async (server, application) => {
    const peers = [];
    for (let i = 0; i < 10; i++) {
      peers.push(await server.connect({ id: `c${i}` }));
    }
    const reloadTo = async (number) => {
      application.write(number);
      await server.reload();
      // Every generation has handles, values and frames of its own.
      const { payload } = await peers[number % 10].ask("ask", { n: number });
      assert.equal(payload.build, number);
    };
    for (let number = 2; number <= FIRST + 1; number++) await reloadTo(number);
    const before = await collected(server);
    for (let number = FIRST + 2; number <= LAST + 1; number++) {
      await reloadTo(number);
    }
    if (isSanitized) return;
    let after = 0;
    await until(async () => {
      after = await collected(server);
      return after <= before * GROWTH;
    }, "the memory of old generations").catch((error) => {
      error.message += `: ${before} bytes before, ${after} after`;
      throw error;
    });
    for (const peer of peers) assert.ok(peer.isOpen);
  }));
