// SPDX-License-Identifier: MIT
// A folder with the script fixtures/reload.lua and its module "build", which a
// test writes anew to see which code answers.

import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

import { fixtures, serve, withFolder } from "./server.mjs";

export class Application {
  #folder;

  constructor(folder) {
    this.#folder = folder;
    this.script = path.join(folder, "app.lua");
    this.module = path.join(folder, "build.lua");
  }

  // Replaces the module in one step. `members` go into its table. Nothing is
  // awaited: with a thousand busy connections each wait would be a long one.
  write(number, members = "") {
    this.writeText(`return { number = ${number}, ${members} }\n`);
  }

  writeText(text, target = this.module) {
    const draft = path.join(this.#folder, "draft");
    writeFileSync(draft, text);
    renameSync(draft, target);
  }
}

// Serves the application with build 1 and runs `use(server, application)`.
export async function serveApplication(options, use) {
  await withFolder(async (folder) => {
    const application = new Application(folder);
    copyFileSync(path.join(fixtures, "reload.lua"), application.script);
    application.write(1);
    await serve(application.script, options, (server) =>
      use(server, application),
    );
  });
}
