// SPDX-License-Identifier: MIT
// Headless Chromium, and what one does on the page of the chat example.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

import { isSanitized } from "./deadline.mjs";
import { root } from "./server.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TIMEOUT_MS = isSanitized ? 60_000 : 20_000;
const artifacts =
  process.env.WSPULSE_ARTIFACTS ?? path.join(root, "build/artifacts");

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: FLAGS,
    timeout: TIMEOUT_MS,
  });
}

export class ChatPage {
  // Opens the chat in a context of its own: another person's browser.
  static async open(browser, address, options = {}) {
    const context = await browser.newContext({
      viewport: { width: 1100, height: 720 },
      ...options,
    });
    context.setDefaultTimeout(TIMEOUT_MS);
    const chat = new ChatPage(await context.newPage());
    await chat.page.goto(address);
    return chat;
  }

  constructor(page) {
    this.page = page;
    this.sockets = []; // every WebSocket the page opened
    this.problems = []; // errors in its scripts, requests to elsewhere
    this.requests = [];
    page.on("websocket", (socket) => this.sockets.push(socket));
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) {
        this.problems.push(message.text());
      }
    });
  }

  async join(name) {
    await this.page.fill("#name", name);
    await this.page.click("#join button[type=submit]");
    await this.whenState("open");
    await this.page.waitForSelector("#roster .you", { state: "attached" });
  }

  whenState(state) {
    return this.page.waitForSelector(`body[data-state="${state}"]`);
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  // Waits until a message with exactly this text is shown.
  async sees(text) {
    await this.page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll(".bubble")].some(
          (bubble) => bubble.textContent === wanted,
        ),
      text,
    );
  }

  messages() {
    return this.page.locator(".bubble").allTextContents();
  }

  events() {
    return this.page.locator(".event").allTextContents();
  }

  seesEvent(text) {
    return this.page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll(".event")].some(
          (entry) => entry.textContent === wanted,
        ),
      text,
    );
  }

  seesPeople(names) {
    return this.page.waitForFunction((wanted) => {
      const shown = [...document.querySelectorAll("#roster bdi")];
      return (
        JSON.stringify(shown.map((one) => one.textContent)) === wanted &&
        document.querySelector("#count").textContent === `${shown.length}`
      );
    }, JSON.stringify(names));
  }

  async keepScreenshot(name) {
    await mkdir(artifacts, { recursive: true });
    await this.page.screenshot({ path: path.join(artifacts, name) });
  }

  assertNoProblem(origin) {
    assert.deepEqual(this.problems, []);
    for (const url of this.requests) {
      assert.ok(url.startsWith(origin) || url.startsWith("data:"), url);
    }
  }
}
