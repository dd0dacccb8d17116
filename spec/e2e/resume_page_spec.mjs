// SPDX-License-Identifier: MIT
// The page of the example 06_resume in a browser, with a network that is really
// cut below it.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { isSanitized } from "./support/deadline.mjs";
import { Proxy } from "./support/proxy.mjs";
import { examples, root, serve } from "./support/server.mjs";

const TIMEOUT_MS = isSanitized ? 60_000 : 20_000;
const artifacts =
  process.env.WSPULSE_ARTIFACTS ?? path.join(root, "build/artifacts");
const PHONE = {
  viewport: { width: 390, height: 780 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  colorScheme: "dark",
};

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

class Board {
  static async open(address, options = {}) {
    const context = await browser.newContext({
      viewport: { width: 1100, height: 720 },
      ...options,
    });
    context.setDefaultTimeout(TIMEOUT_MS);
    const board = new Board(await context.newPage());
    await board.page.goto(address);
    await board.whenState("open");
    return board;
  }

  constructor(page) {
    this.page = page;
    this.problems = [];
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) {
        this.problems.push(message.text());
      }
    });
  }

  whenState(state) {
    return this.page.waitForSelector(`body[data-state="${state}"]`);
  }

  async post(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
    await this.page.waitForFunction(
      () => document.querySelector("#text").value === "",
    );
  }

  // Waits until the log is exactly this: "1 text live" for a note, "— text" for
  // an event.
  shows(entries) {
    return this.page.waitForFunction((wanted) => {
      const shown = [...document.querySelectorAll("#log > li")].map((entry) =>
        entry.className === "event"
          ? `— ${entry.textContent}`
          : [...entry.children].map((part) => part.textContent).join(" "),
      );
      return JSON.stringify(shown) === wanted;
    }, JSON.stringify(entries));
  }

  async fact(name) {
    return Number(await this.page.textContent(`#${name}`));
  }

  async keepScreenshot(name) {
    await mkdir(artifacts, { recursive: true });
    await this.page.screenshot({ path: path.join(artifacts, name) });
  }
}

// The example, seen through a proxy that can be cut.
function board(name, use) {
  test(name, () =>
    serve(path.join(examples, "06_resume.lua"), {}, async (server) => {
      const proxy = await Proxy.open(server.port);
      const address = `http://127.0.0.1:${proxy.port}/`;
      const post = async (body) => {
        const answer = await server.request("POST", "/notes", { body });
        assert.equal(answer.status, 201, answer.body);
      };
      try {
        await use({ server, proxy, post, address });
      } finally {
        for (const context of browser.contexts()) await context.close();
        proxy.close();
      }
    }),
  );
}

board(
  "what a page missed while the network was cut comes when it is back",
  async ({ proxy, post, address }) => {
    const ada = await Board.open(address);
    const grace = await Board.open(address, PHONE);
    await post("one");
    for (const one of [ada, grace]) await one.shows(["1 one live"]);

    proxy.isDown = true;
    proxy.cut();
    await ada.whenState("waiting");
    for (const text of ["two", "three", "<b>four</b>"]) await post(text);
    proxy.isDown = false;
    for (const one of [ada, grace]) {
      await one.page.waitForSelector(".event");
      // What had arrived without being confirmed came a second time.
      const again = await one.fact("copies");
      const copies = again ? ` (${again} a second time)` : "";
      await one.shows([
        "1 one live",
        "2 two replayed",
        "3 three replayed",
        "4 <b>four</b> replayed",
        `— back: ${3 + again} replayed${copies}, 0 lost`,
      ]);
    }
    await post("five");
    await ada.page.waitForSelector("text=five");
    assert.equal(await ada.fact("notes"), 5);
    assert.equal(await ada.fact("replayed"), 3);
    assert.equal(await ada.fact("lost"), 0);
    await ada.keepScreenshot("resume.png");
    await grace.keepScreenshot("resume-phone.png");
    for (const one of [ada, grace]) assert.deepEqual(one.problems, []);
  },
);

board(
  "the button cuts and mends; notes are posted meanwhile",
  async ({ address }) => {
    const ada = await Board.open(address);
    await ada.page.click("#cut");
    await ada.whenState("cut");
    await ada.post("while it is cut");
    await ada.post("and another");
    assert.equal(await ada.fact("notes"), 0);
    await ada.page.click("#cut");
    await ada.whenState("open");
    await ada.page.waitForSelector(".event");
    assert.deepEqual(await ada.page.locator(".note p").allTextContents(), [
      "while it is cut",
      "and another",
    ]);
    assert.equal(await ada.page.locator(".is-replayed").count(), 2);
    await ada.post("live again");
    await ada.page.waitForSelector(".note:not(.is-replayed)");
    assert.equal(await ada.fact("lost"), 0);
  },
);

board(
  "a session outlives a reload of the script, not one of the page",
  async ({ server, address }) => {
    const ada = await Board.open(address);
    await server.reload();
    await ada.post("still here");
    await ada.shows(["1 still here live"]);
    const socket = new Promise((seen) => ada.page.once("websocket", seen));
    await ada.page.reload();
    const { searchParams } = new URL((await socket).url());
    assert.match(searchParams.get("session"), /^[0-9a-f]{32}$/);
    await ada.whenState("open");
    assert.equal(await ada.fact("notes"), 0);
  },
);

board("a phone: nothing is cut off", async ({ post, address }) => {
  const ada = await Board.open(address, PHONE);
  await post("averyveryverylongwordwithoutanyspace".repeat(8));
  await ada.page.waitForSelector(".note");
  const width = await ada.page.evaluate(
    () => document.documentElement.scrollWidth,
  );
  assert.ok(width <= PHONE.viewport.width, `the page is ${width} px wide`);
  for (const id of ["#text", ".send", "#cut"]) {
    const box = await ada.page.locator(id).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= PHONE.viewport.width, id);
    assert.ok(box.y + box.height <= PHONE.viewport.height, id);
    assert.ok(box.height >= 40, `${id} is large enough for a thumb`);
  }
});
