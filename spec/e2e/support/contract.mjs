// SPDX-License-Identifier: MIT
// The server of fixtures/contract.lua with the options of one test: what it
// noted, and what it is asked to do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "./deadline.mjs";
import { serve } from "./server.mjs";

const matches = (word, wanted) =>
  wanted instanceof RegExp ? wanted.test(word) : word === wanted;

const isSame = (words, wanted) =>
  words.length === wanted.length &&
  wanted.every((one, i) => matches(words[i], one));

// A transport that went without a close frame: by FIN or by reset.
export const LOST = /^drop:(EOF|IO)$/;

export class World {
  constructor(server) {
    this.server = server;
  }

  connect(query, options) {
    return this.server.connect(query, options);
  }

  // An upgraded connection without a WebSocket client on it: pings stay
  // unanswered, and every byte can be looked at.
  async wire(query = {}) {
    const wire = await this.server.wire();
    const { status } = await wire.upgrade(`/ws?${new URLSearchParams(query)}`);
    assert.equal(status, 101);
    return wire;
  }

  // Everything that was noted: { id, word, err }.
  async entries(id) {
    const { status, body } = await this.server.request("GET", "/log");
    assert.equal(status, 200, body);
    const all = JSON.parse(body);
    return id === undefined ? all : all.filter((entry) => entry.id === id);
  }

  async words(id) {
    return (await this.entries(id)).map((entry) => entry.word);
  }

  // Waits until at least as much was noted of a connection, and asserts that it
  // is this. Gives the entries.
  async saw(id, wanted) {
    let entries = [];
    const isThere = async () => {
      entries = await this.entries(id);
      return entries.length >= wanted.length;
    };
    try {
      await until(isThere, `${wanted.length} callbacks of ${id}`);
    } catch (error) {
      error.message += `: ${entries.map((entry) => entry.word)}`;
      throw error;
    }
    const words = entries.map((entry) => entry.word);
    assert.ok(isSame(words, wanted), `${words} instead of ${wanted}`);
    return entries;
  }

  // The value of a metric without labels.
  async counted(name) {
    const { body } = await this.server.request("GET", "/metrics");
    const [, value] = new RegExp(`^wspulse_${name} (\\S+)$`, "m").exec(body);
    return Number(value);
  }

  // Has several calls made in one callback; gives what each returned.
  async do(...calls) {
    const body = JSON.stringify(calls);
    const answer = await this.server.request("POST", "/do", { body });
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body);
  }

  // One call that must succeed.
  async must(call, more = {}) {
    const [result] = await this.do({ call, ...more });
    assert.ok(result.ok, `${call}: ${JSON.stringify(result.err)}`);
    return result;
  }

  send(id, event, more = {}) {
    return this.must("send", { id, frame: { event, ...more } });
  }

  // Loses a connection without a word, and waits until the server knows.
  async drop(id, peer) {
    const before = (await this.words(id)).length;
    peer.destroy();
    const isKnown = async () => {
      const words = await this.words(id);
      return words.slice(before).some((word) => /^(drop|disc)/.test(word));
    };
    await until(isKnown, `the server to notice that ${id} is gone`);
  }
}

function assertKept(server) {
  assert.doesNotMatch(server.stderr, /CONTRACT BROKEN/);
  const gone = /^gone: .*, open connections: (\d+)$/gm;
  const counts = [...server.stderr.matchAll(gone)];
  if (counts.length > 0) {
    const [, left] = counts.at(-1);
    assert.equal(left, "0", "each connect has its disconnect");
  }
}

// A test with a server of its own. When it is over every connection must have
// had its callbacks in the promised order, from connect to disconnect.
export function contract(name, options, use) {
  test(name, async () => {
    let used;
    const env = { CONTRACT_OPTIONS: JSON.stringify(options) };
    await serve("contract.lua", { env }, async (server) => {
      used = server;
      await use(new World(server));
    });
    assertKept(used);
  });
}

// The events of the next `count` messages.
export async function events(peer, count) {
  const seen = [];
  while (seen.length < count) seen.push((await peer.frame()).event);
  return seen;
}

export const numbers = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
