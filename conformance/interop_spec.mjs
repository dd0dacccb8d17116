// SPDX-License-Identifier: MIT
// Clients that we did not write and that need more than npm: Python's
// websockets, libcurl, Go's gorilla and coder. tools/prepare-conformance makes
// what they need; spec/e2e/interop_spec.mjs has the others.

import path from "node:path";
import { fileURLToPath } from "node:url";

import { interop } from "../spec/e2e/support/interop.mjs";
import { openWith } from "./support/program.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const made = path.resolve(here, "../build");
const python = path.join(made, "conformance-venv/bin/python");
const clientOf = (name) => path.join(here, "clients", name);
const abilities = ["pieces", "ping"];
const all = [...abilities, "compression"];

interop({
  name: "Python websockets",
  abilities: all,
  open: openWith([python, clientOf("websockets_client.py")]),
});
interop({
  name: "libcurl",
  abilities,
  open: openWith([python, clientOf("curl_client.py")]),
});
for (const name of ["gorilla", "coder"]) {
  interop({
    name: `Go ${name}`,
    abilities: all,
    open: openWith([path.join(made, "conformance-go", name)]),
  });
}
