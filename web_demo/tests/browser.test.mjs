// The page in Chromium: photo, check, camera, video, and that nothing leaves the device.
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
import { webm } from "../src/matting/webm.js";
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

const FRAMES = 10, STEP = 40, SIDE = 256; // milliseconds; pixels

/** Returns a WebM of the sample, moving to the left. */
async function clip() {
  const chunks = await page.evaluate(async ([count, step, side]) => {
    const picture = await createImageBitmap(await (await fetch("sample.png")).blob(), { resizeWidth: side, resizeHeight: side }), chunks = [];
    const encoder = new VideoEncoder({
      output: (chunk) => {
        const bytes = new Uint8Array(chunk.byteLength);
        chunk.copyTo(bytes);
        chunks.push({ key: chunk.type === "key", bytes: btoa(Array.from(bytes, (x) => String.fromCharCode(x)).join("")) });
      },
      error: console.error,
    });
    encoder.configure({ codec: "vp8", width: side, height: side, framerate: 1000 / step, bitrate: 2e7 });
    for (let i = 0; i < count; i++) {
      const canvas = new OffscreenCanvas(side, side);
      for (const x of [0, side]) canvas.getContext("2d").drawImage(picture, x - 3 * i, 0);
      const frame = new VideoFrame(canvas, { timestamp: 1000 * step * i });
      encoder.encode(frame);
      frame.close();
    }
    await encoder.flush();
    return chunks;
  }, [FRAMES, STEP, SIDE]);
  const frames = chunks.map(({ key, bytes }, i) => ({ ms: STEP * i, duration: STEP, key, colours: Buffer.from(bytes, "base64") }));
  return Buffer.concat(webm({ codec: "V_VP8", width: SIDE, height: SIDE, frames }));
}

/**
 * Plays a WebM in a video element, frame by frame, and compares it with what the page showed. Returns its duration in milliseconds, and
 * {timestamp, alpha, colours} of each frame: microseconds, mean difference, and mean difference where both are solid.
 */
function played(bytes) {
  return page.evaluate(async ([base64, step, side]) => {
    const video = document.createElement("video"), event = (name) => new Promise((done) => video.addEventListener(name, done, { once: true }));
    const file = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: "video/webm" });
    Object.assign(video, { muted: true, preload: "auto", src: URL.createObjectURL(file) });
    await event("loadeddata");
    const frames = new Map(), duration = Math.round(1000 * video.duration), context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
    for (let ms = step / 4; ms < duration; ms += step / 2) {
      const seeked = event("seeked");
      video.currentTime = ms / 1000;
      await seeked;
      let frame;
      // the event may come before the picture
      for (let i = 0; i < 50 && !(frame && frame.timestamp <= 1000 * ms && 1000 * ms < frame.timestamp + 1000 * step); i++) {
        frame?.close();
        await new Promise((done) => setTimeout(done, 10));
        try { frame = new VideoFrame(video); } catch { frame = null; }
      }
      context.clearRect(0, 0, side, side);
      context.drawImage(frame, 0, 0);
      const { data } = context.getImageData(0, 0, side, side), expected = window.shown[frames.size];
      if (!frames.has(frame.timestamp)) {
        let alpha = 0, colours = 0, solid = 0;
        for (let i = 0; i < data.length; i += 4) {
          alpha += Math.abs(data[i + 3] - expected[i + 3]) / 255;
          if (data[i + 3] < 250 || expected[i + 3] < 250) continue;
          for (let c = i; c < i + 3; c++, solid++) colours += Math.abs(data[c] - expected[c]);
        }
        frames.set(frame.timestamp, { timestamp: frame.timestamp, alpha: 4 * alpha / data.length, colours: colours / solid });
      }
      frame.close();
    }
    return { duration, frames: [...frames.values()], shown: window.shown.length };
  }, [bytes.toString("base64"), STEP, SIDE]);
}

test("a video becomes WebM with the page's mattes as alpha", { timeout: 600e3 }, async (t) => {
  await page.click("#tab-video");
  writeFileSync(join(scratch, "clip.webm"), await clip());
  await page.setInputFiles("#video-file", join(scratch, "clip.webm"));
  await page.waitForSelector("#video-make:enabled", { timeout: 280e3 });
  await page.evaluate(() => { // keeps what the page shows
    window.shown = [];
    const put = CanvasRenderingContext2D.prototype.putImageData;
    CanvasRenderingContext2D.prototype.putImageData = function (image, ...at) {
      if (this.canvas.id === "video-canvas") window.shown.push(image.data.slice());
      return put.call(this, image, ...at);
    };
  });
  await page.click("#video-make");
  await page.waitForFunction(() => /^Frame [3-9]/.test(document.getElementById("video-status").textContent), null, { timeout: 280e3, polling: 20 });
  await shot("video");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("video-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.waitForFunction(() => /^Ready/.test(document.getElementById("video-status").textContent), null, { timeout: 580e3 });
  assert.match(await page.textContent("#video-status"), /^Ready: 10 frames, with alpha/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#video-save")]);
  assert.equal(download.suggestedFilename(), "clip_cut-out.webm");
  const bytes = readFileSync(await download.path());
  const { duration, frames, shown } = await played(bytes);
  for (const { timestamp, alpha, colours } of frames) t.diagnostic(`${timestamp} us: alpha ${alpha.toExponential(2)}, colours ${colours.toFixed(2)} of 255`);
  assert.equal(shown, FRAMES);
  assert.equal(duration, FRAMES * STEP);
  assert.deepEqual(frames.map(({ timestamp }) => timestamp), Array.from({ length: FRAMES }, (_, i) => 1000 * STEP * i));
  for (const { alpha, colours } of frames) assert.ok(alpha < 0.005 && colours < 4);
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
