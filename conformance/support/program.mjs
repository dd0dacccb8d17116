// SPDX-License-Identifier: MIT
// A client in a program of its own: it reads one command a line from stdin, in
// JSON, and answers each with a line on stdout. What it cannot do is an answer
// with the member `error`.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { Inbox } from "../../spec/e2e/support/deadline.mjs";

class Program {
  #child;
  #answers = new Inbox();

  constructor([command, ...words]) {
    this.#child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin.on("error", () => {});
    this.#child.once("error", (error) => this.#answers.fail(error));
    const lines = createInterface({ input: this.#child.stdout });
    lines.on("line", (line) => this.#answers.push(JSON.parse(line)));
    lines.once("close", () => {
      this.#answers.fail(new Error(`${command} has ended`));
    });
  }

  async ask(action, words = {}) {
    this.#child.stdin.write(`${JSON.stringify({ do: action, ...words })}\n`);
    const answer = await this.#answers.take(`an answer to ${action}`);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  kill() {
    this.#child.kill("SIGKILL");
  }
}

// What opens a socket by means of the program that `words` start.
export const openWith = (words) => async (url, subprotocols, compression) => {
  const program = new Program(words);
  const wanted = { url, subprotocols, compression };
  try {
    const { subprotocol } = await program.ask("open", wanted);
    return socketOf(program, subprotocol);
  } catch (error) {
    program.kill();
    throw error;
  }
};

function socketOf(program, subprotocol) {
  const bytesOf = ({ base64 }) => Buffer.from(base64, "base64");
  return {
    subprotocol,
    send: (text) => program.ask("send", { text }),
    text: async (text) => (await program.ask("text", { text })).text,
    bytes: async (bytes) =>
      bytesOf(await program.ask("bytes", { base64: bytes.toString("base64") })),
    pieces: async (pieces) => (await program.ask("pieces", { pieces })).text,
    ping: (text) => program.ask("ping", { text }),
    close: (code, reason) => program.ask("close", { code, reason }),
    ended: () => program.ask("ended"),
    release: () => program.kill(),
  };
}
