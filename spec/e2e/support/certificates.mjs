// SPDX-License-Identifier: MIT
// Certificates of a CA of their own, made by the command openssl in a folder.

import { execFile } from "node:child_process";
import { readFile, rename } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export class Certificates {
  // Makes ca.pem and the pairs that fixtures/tls.lua wants: a for localhost and
  // 127.0.0.1, b for b.example.
  static async make(folder) {
    const all = new Certificates(folder);
    await all.#openssl(
      ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=the CA"],
      ["-addext", "basicConstraints=critical,CA:TRUE"],
    );
    all.ca = await readFile(all.path("ca.pem"));
    await all.issue("a", { names: "DNS:localhost,IP:127.0.0.1" });
    await all.issue("b", { names: "DNS:b.example" });
    return all;
  }

  constructor(folder) {
    this.folder = folder;
  }

  path(file) {
    return path.join(this.folder, file);
  }

  #openssl(...words) {
    const all = ["req", "-x509", ...KEY, "-days", "2", ...words.flat()];
    return execute("openssl", all, { cwd: this.folder });
  }

  // Makes FILE.pem and FILE.key anew, each by renaming.
  async issue(file, { names = "DNS:none.example", subject, isSelf } = {}) {
    await this.#openssl(
      ["-keyout", "new.key", "-out", "new.pem"],
      ["-subj", subject ?? `/O=Example/CN=${file}`],
      ["-addext", `subjectAltName=${names}`],
      isSelf ? [] : ["-CA", "ca.pem", "-CAkey", "ca.key"],
    );
    await rename(this.path("new.key"), this.path(`${file}.key`));
    await rename(this.path("new.pem"), this.path(`${file}.pem`));
  }

  // What a client of node takes to show the pair `file`.
  async client(file) {
    return {
      cert: await readFile(this.path(`${file}.pem`)),
      key: await readFile(this.path(`${file}.key`)),
    };
  }

  // SHA-256 of the certificate in a file, as node writes it.
  async fingerprint(file) {
    const words = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
    const { stdout } = await execute("openssl", [...words, this.path(file)]);
    return stdout.trim().split("=")[1];
  }
}
