// SPDX-License-Identifier: MIT
// The chat example in a browser, as people use it.

import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import { ChatPage, launch } from "./support/browser.mjs";
import { until } from "./support/deadline.mjs";
import { examples, serve, Server, withFolder } from "./support/server.mjs";

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

async function closePages() {
  for (const context of browser.contexts()) await context.close();
}

// Serves a copy of the example that may be edited.
async function serveChat(options, use) {
  await withFolder(async (folder) => {
    const script = path.join(folder, "03_chat.lua");
    await cp(path.join(examples, "03_chat.lua"), script);
    await cp(path.join(examples, "chat"), path.join(folder, "chat"), {
      recursive: true,
    });
    await serve(script, options, async (server) => {
      const origin = `http://127.0.0.1:${server.port}`;
      const open = (room, settings) =>
        ChatPage.open(browser, `${origin}/?room=${room}`, settings);
      try {
        await use({ server, script, origin, open });
      } finally {
        await closePages();
      }
    });
  });
}

async function joinAs(open, name, room, settings) {
  const chat = await open(room, settings);
  await chat.join(name);
  return chat;
}

test("two pages in one room talk, a third in another hears nothing", () =>
  serveChat({}, async ({ open, origin }) => {
    const ada = await joinAs(open, "Ada", "garden");
    const grace = await joinAs(open, "Grace", "garden", PHONE);
    const zoe = await joinAs(open, "Zoë", "attic");
    await ada.seesEvent("Grace joined");
    await ada.seesPeople(["Ada", "Grace"]);
    await grace.seesPeople(["Ada", "Grace"]);
    await zoe.seesPeople(["Zoë"]);

    await ada.say("Did the new handlers go live?");
    await grace.sees("Did the new handlers go live?");
    await grace.say("They did. Nobody had to reconnect.");
    await ada.sees("They did. Nobody had to reconnect.");
    await zoe.say("It is quiet up here.");
    await zoe.sees("It is quiet up here.");
    assert.deepEqual(await zoe.messages(), ["It is quiet up here."]);
    assert.equal((await ada.messages()).length, 2);
    assert.equal((await grace.messages()).length, 2);

    await ada.keepScreenshot("chat.png");
    await grace.keepScreenshot("chat-phone.png");
    for (const chat of [ada, grace, zoe]) chat.assertNoProblem(origin);
  }));

test("what people write is text, never markup", () =>
  serveChat({}, async ({ open, origin }) => {
    const ada = await joinAs(open, "<b onmouseover=alert(1)>Ada</b>", "garden");
    const grace = await joinAs(open, "Grace", "garden");
    const attack =
      "<img src=x onerror=\"document.title='owned'\"><script>1</script>";
    await ada.say(attack);
    await grace.sees(attack);
    const { page } = grace;
    assert.equal(
      await page
        .locator(".bubble img, .bubble script, #roster b, .by b b")
        .count(),
      0,
    );
    assert.match(await page.title(), /^#garden/);
    await grace.seesEvent("Grace joined");
    assert.ok(
      (await page.locator("#roster").textContent()).includes(
        "<b onmouseover=alert(1)>",
      ),
    );
    for (const chat of [ada, grace]) chat.assertNoProblem(origin);
  }));

test("who leaves is announced; a name can be changed; rooms are in the address", () =>
  serveChat({}, async ({ open }) => {
    const ada = await joinAs(open, "Ada", "garden");
    const grace = await joinAs(open, "Grace", "garden");
    await ada.seesPeople(["Ada", "Grace"]);
    await grace.page.click("#rename");
    await grace.join("Hopper");
    await ada.seesEvent("Grace is now Hopper");
    await ada.seesPeople(["Ada", "Hopper"]);
    assert.equal(grace.sockets.length, 1, "a new name needs no new connection");

    await grace.page.click("#rename");
    await grace.page.fill("#room-name", "attic & co");
    await grace.join("Hopper");
    await ada.seesEvent("Hopper left");
    assert.equal(
      new URL(grace.page.url()).searchParams.get("room"),
      "attic & co",
    );
    await grace.page.goBack();
    await ada.seesPeople(["Ada", "Hopper"]);

    await grace.page.close();
    await ada.seesPeople(["Ada"]);
  }));

test("a name that will not do is asked for again", () =>
  serveChat({}, async ({ open, script, server }) => {
    const text = await readFile(script, "utf8");
    await writeFile(script, text.replace("#name > 100", "#name > 5"));
    await server.reload();
    const ada = await open("garden");
    await ada.page.fill("#name", "Ada Lovelace");
    await ada.page.click("#join button[type=submit]");
    await ada.page.waitForSelector("#card-problem:not([hidden])");
    assert.equal(
      await ada.page.textContent("#card-problem"),
      "this name will not do",
    );
    await ada.join("Ada");
  }));

test("a phone: nothing is cut off, the people are one tap away", () =>
  serveChat({}, async ({ open }) => {
    const ada = await joinAs(open, "Ada", "garden", PHONE);
    await ada.say("averyveryverylongwordwithoutanyspace".repeat(8));
    await ada.page.waitForSelector(".bubble");
    const width = await ada.page.evaluate(
      () => document.documentElement.scrollWidth,
    );
    assert.ok(width <= PHONE.viewport.width, `the page is ${width} px wide`);
    for (const id of ["#text", ".send", "#people-toggle"]) {
      const box = await ada.page.locator(id).boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= PHONE.viewport.width, id);
      assert.ok(box.y + box.height <= PHONE.viewport.height, id);
      assert.ok(box.height >= 40, `${id} is large enough for a thumb`);
    }
    assert.ok(!(await ada.page.isVisible("#roster")));
    await ada.page.tap("#people-toggle");
    await ada.page.waitForSelector("#roster .you", { state: "visible" });
    await ada.page.touchscreen.tap(20, 300);
    await ada.page.waitForSelector("#roster", { state: "hidden" });
  }));

test("the handler changes under --watch: both pages show it, neither reconnects", () =>
  serveChat({ args: ["--watch"] }, async ({ open, script }) => {
    const ada = await joinAs(open, "Ada", "garden");
    const grace = await joinAs(open, "Grace", "garden");
    await ada.say("before");
    await grace.sees("before");

    const text = await readFile(script, "utf8");
    assert.match(
      text,
      /return text -- Change this line: return text:upper\(\) \.\. "!"\n/,
    );
    await writeFile(
      script,
      text.replace(/return text -- Change this line: (.*)\n/, "$1\n"),
    );
    // The new code serves once it was read; until then the old one answers.
    let tries = 0;
    await until(async () => {
      tries += 1;
      await ada.say(`hello ${tries}`);
      await ada.page.waitForFunction(
        (count) => document.querySelectorAll(".bubble").length > count,
        tries,
      );
      return (await ada.messages()).at(-1).endsWith("!");
    }, "the new handler");

    assert.equal((await ada.messages()).at(-1), `HELLO ${tries}!`);
    await grace.sees(`HELLO ${tries}!`);
    await grace.say("me too");
    await ada.sees("ME TOO!");
    // The names were kept, and so were the connections.
    const late = await joinAs(open, "Linus", "garden");
    await late.seesPeople(["Ada", "Grace", "Linus"]);
    await ada.seesPeople(["Ada", "Grace", "Linus"]);
    for (const { sockets } of [ada, grace]) {
      assert.equal(sockets.length, 1, "one WebSocket from the beginning");
      assert.ok(!sockets[0].isClosed());
    }
    assert.deepEqual(
      (await ada.events()).filter((event) => /left/.test(event)),
      [],
    );
  }));

test("the server goes and comes back: the pages find it again", async () => {
  const script = path.join(examples, "03_chat.lua");
  const first = await Server.start(script);
  const { port } = first;
  let second;
  try {
    const ada = await ChatPage.open(
      browser,
      `http://127.0.0.1:${port}/?room=garden`,
    );
    await ada.join("Ada");
    await ada.page.fill("#text", "half a thought");
    await first.stop();
    await ada.whenState("waiting");
    assert.ok(await ada.page.isVisible("#notice"));
    assert.ok(await ada.page.isDisabled(".send"));

    second = await Server.start(script, { listen: `127.0.0.1:${port}` });
    await ada.whenState("open");
    await ada.seesPeople(["Ada"]);
    assert.ok(!(await ada.page.isVisible("#notice")));
    assert.equal(await ada.page.inputValue("#text"), "half a thought");
    await ada.page.press("#text", "Enter");
    await ada.sees("half a thought");
    await closePages();
    await second.stop();
  } finally {
    await closePages();
    await first.release();
    await second?.release();
  }
});
