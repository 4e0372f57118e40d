// The page in Chromium: photo, check, camera, and that nothing leaves the device.
//
// CHROMIUM names the browser (default: chromium in PATH), SITE the built page, REFERENCE Python's results, SCREENS a
// folder for screenshots.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inflateSync } from "node:zlib";

import { chromium } from "playwright-core";

import { serve } from "../serve.mjs";
import { largest } from "./fixtures.mjs";

const root = new URL("../../build/web/", import.meta.url).pathname;
const { SITE = join(root, "site"), REFERENCE = join(root, "reference"), SCREENS = join(root, "screens") } = process.env;
const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const requests = new Set(), errors = [];
let scratch, browser, server, page;

before(async () => {
  scratch = mkdtempSync(join(tmpdir(), "web-test-"));
  mkdirSync(SCREENS, { recursive: true });
  server = await serve(SITE);
  const film = join(scratch, "camera.mjpeg");
  writeFileSync(film, readFileSync(join(REFERENCE, "camera.mjpeg")));
  browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  await context.grantPermissions(["camera"]);
  page = await context.newPage();
  context.on("request", (request) => requests.add(new URL(request.url()).origin));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(server.url);
  await page.waitForSelector("html[data-ready]", { timeout: 280e3 });
});

after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(scratch, { recursive: true, force: true });
});

const floats = (name) => new Float32Array(new Uint8Array(readFileSync(join(REFERENCE, name))).buffer);
const shot = (name) => page.screenshot({ path: join(SCREENS, `${name}.png`) });

/** Mattes a picture of REFERENCE and returns the saved PNG's pixels. */
async function matted(name) {
  await page.setInputFiles("#photo-other", join(REFERENCE, `${name}.png`));
  await page.waitForFunction(() => /pixels\. Network/.test(document.getElementById("photo-status").textContent), null, { timeout: 280e3 });
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#photo-save")]);
  assert.equal(download.suggestedFilename(), `${name}_cut-out.png`);
  return decoded(readFileSync(await download.path()));
}

/** Decodes a PNG as src/matting/png.js writes it. */
function decoded(bytes) {
  const width = bytes.readUInt32BE(16), height = bytes.readUInt32BE(20), at = bytes.indexOf("IDAT"), line = 4 * width;
  const lines = inflateSync(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4))), rgba = new Uint8Array(line * height);
  for (let y = 0; y < height; y++) for (let i = 0; i < line; i++) rgba[y * line + i] = lines[y * (line + 1) + 1 + i] + (y ? rgba[(y - 1) * line + i] : 0);
  return { width, height, rgba };
}

for (const name of ["sample", "large"]) { // the edges of the large one are refined
  test(`the cut-out is Python's: ${name}`, { timeout: 300e3 }, async (t) => {
    const { width, height, rgba } = await matted(name), expected = floats(`${name}.alpha.bin`);
    const colours = readFileSync(join(REFERENCE, `${name}.colours.bin`));
    assert.equal(width * height, expected.length);
    const alpha = Float32Array.from(expected, (_, i) => rgba[4 * i + 3] / 255);
    const difference = largest(alpha, expected);
    const [inside, all] = [[], rgba.filter((_, i) => i % 4 !== 3)];
    for (let i = 0; i < colours.length; i++) if (expected[Math.floor(i / 3)] > 0.02) inside.push(Math.abs(all[i] - colours[i]));
    inside.sort((a, b) => a - b);
    t.diagnostic(`alpha ${difference.toExponential(2)}, colours ${inside.at(-1)} of 255, 99.9 %: ${inside[Math.floor(0.999 * inside.length)]}`);
    assert.ok(difference < 2 / 255); // of it, half a byte is rounding
    assert.ok(inside[Math.floor(0.999 * inside.length)] <= 2);
  });
}

test("screens of Photo", { timeout: 300e3 }, async () => {
  await matted("sample");
  await page.check("#photo-strip [value='blur']", { force: true });
  await page.locator("#photo-compare").fill("38");
  await page.waitForTimeout(700);
  await shot("photo");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.check("#photo-strip [value='cut-out']", { force: true });
  await page.waitForTimeout(300);
  await shot("photo-phone");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("files are compared with Python's golden vectors", { timeout: 300e3 }, async (t) => {
  await page.click("#tab-check");
  await page.click("#check-run");
  await page.waitForFunction(() => /comparisons/.test(document.getElementById("check-status").textContent), null, { timeout: 280e3 });
  await shot("check");
  const rows = await page.$$eval("#check-table tbody tr", (found) => found.map((row) => [...row.cells].map((cell) => cell.textContent.replaceAll("\u200b", ""))));
  for (const row of rows) t.diagnostic(row.join(" | "));
  assert.match(await page.textContent("#check-status"), /^All \d+ comparisons are within their limits/);
  const numbers = {};
  let file;
  for (const [name, , reference, difference] of rows) {
    file = name || file;
    if (/LiteRT/.test(reference)) numbers[file] = Math.max(numbers[file] ?? 0, Number(difference));
  }
  const of = (end) => Object.entries(numbers).filter(([name]) => name.endsWith(`_${end}.tflite`)).map(([, x]) => x);
  assert.ok(of("float32").length > 0 && of("int8_float_ends").length > 0);
  for (const x of of("float32")) assert.ok(x < 1e-4);
  for (const x of of("int8_float_ends")) assert.ok(x <= 2 / 255);
});

test("the camera shows another background", { timeout: 300e3 }, async (t) => {
  await page.click("#tab-camera");
  await page.check("#camera-strip [value='#00b140']", { force: true });
  await page.click("#camera-start");
  await page.waitForFunction(() => /^[1-9][\d.]* frames|^0\.[1-9] frames/.test(document.getElementById("camera-rate").textContent), null, { timeout: 280e3 });
  t.diagnostic(await page.textContent("#camera-rate"));
  const corner = await page.$eval("#camera-canvas", (canvas) => [...canvas.getContext("2d").getImageData(5, 5, 1, 1).data]);
  assert.ok(largest(corner, [0, 177, 64, 255]) < 30, `the corner is ${corner}`);
  await shot("camera");
  await page.click("#camera-stop");
  assert.equal(await page.isVisible("#camera-canvas"), false);
});

test("an unusable file is explained in one sentence", async () => {
  const file = join(scratch, "note.tflite");
  writeFileSync(file, "no network");
  await page.setInputFiles("#network-file", file);
  await page.waitForFunction(() => document.getElementById("network-status").textContent === "note.tflite is not a .tflite file.");
});

test("the page works without the network after a visit", { timeout: 300e3 }, async () => {
  await server.close();
  await page.reload();
  await page.waitForSelector("html[data-ready]", { timeout: 280e3 });
  assert.match(await page.textContent("#network-status"), /^Runs on processor/);
});

// the runtime logs as errors what is none
test("nothing went to another host, and nothing failed", () => {
  assert.deepEqual([...requests], [new URL(server.url).origin]);
  assert.deepEqual(errors.filter((text) => !/^(INFO|WARNING): |GPU/.test(text)), []);
});
