// Builds the page: node build.mjs OUT DATA, with DATA from tools/data.py.
//
// esbuild bundles because LiteRT.js loads its wasm by importScripts, which only classic workers have, and those cannot
// import modules.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const [out, data] = process.argv.slice(2);
if (!data) throw new Error("usage: node build.mjs OUT DATA");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "wasm"), { recursive: true });
for (const file of ["index.html", "style.css", "icon.svg", "manifest.webmanifest"]) cpSync(join(here, "src", file), join(out, file));
cpSync(data, out, { recursive: true });

const options = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "error" };
await build({ ...options, entryPoints: [join(here, "src/page.js")], format: "esm", outfile: join(out, "page.js") });
await build({ ...options, entryPoints: [join(here, "src/worker.js")], format: "iife", outfile: join(out, "worker.js") });

// without relaxed SIMD, with it, and with threads
const runtime = join(here, "node_modules/@litertjs/core/wasm");
for (const kind of ["compat_internal", "internal", "threaded_internal"]) {
  for (const end of ["js", "wasm"]) cpSync(join(runtime, `litert_wasm_${kind}.${end}`), join(out, "wasm", `litert_wasm_${kind}.${end}`));
}

// The page says its policy itself, for hosts without headers; the service worker adds it for workers.
const policy = readFileSync(join(here, "src/index.html"), "utf8").match(/Content-Security-Policy" content="([^"]+)"/)[1];
const files = readdirSync(out, { recursive: true }).filter((file) => statSync(join(out, file)).isFile()).sort();
const hash = createHash("sha256");
for (const file of files) hash.update(file).update(readFileSync(join(out, file)));
const define = { VERSION: JSON.stringify(hash.digest("hex").slice(0, 16)), POLICY: JSON.stringify(policy) };
await build({ ...options, define, entryPoints: [join(here, "src/service_worker.js")], outfile: join(out, "service_worker.js") });

const megabytes = (names) => (names.reduce((sum, file) => sum + statSync(join(out, file)).size, 0) / 1e6).toFixed(2);
const wasm = files.filter((file) => file.startsWith("wasm"));
const page = files.filter((file) => /^[^/\\]+\.(html|css|js|svg|webmanifest)$/.test(file));
console.log(`${out}: page ${megabytes(page)} MB, wasm ${megabytes(wasm)} MB (a browser loads a third), all ${megabytes(files)} MB`);
