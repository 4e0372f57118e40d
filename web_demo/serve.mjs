// Serves a folder on this machine: node serve.mjs FOLDER [PORT]. Its headers allow threads in wasm.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".wasm": "application/wasm", ".png": "image/png", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json",
};
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Returns a promise of {url, close}; port 0 is any free one. */
export function serve(folder, port = 0, headers = ISOLATION) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(resolve(folder), path.endsWith("/") ? join(path, "index.html") : path);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end("not found");
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Cache-Control": "no-cache", ...headers });
    createReadStream(file).pipe(response);
  });
  return new Promise((done, failed) => {
    server.on("error", failed).listen(port, "localhost", () => done({
      url: `http://localhost:${server.address().port}/`,
      close: () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }),
    }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await serve(process.argv[2], Number(process.argv[3] ?? 8000));
  console.log(`${url}  (Ctrl-C ends)`);
}
