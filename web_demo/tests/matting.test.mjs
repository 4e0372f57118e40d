// Processing against Python's and the Android app's values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { blurred, compose } from "../src/matting/backgrounds.js";
import { cutOut } from "../src/matting/colours.js";
import { enlargeAlongEdges } from "../src/matting/edges.js";
import { differences, percentile } from "../src/matting/golden.js";
import { letterbox } from "../src/matting/letterbox.js";
import { png } from "../src/matting/png.js";
import { resize, resizeBytes } from "../src/matting/resize.js";
import { movement, smoothed, Steady } from "../src/matting/steadying.js";
import { readTflite, usableSize } from "../src/matting/tflite_file.js";
import { bytesOf, fixture, largest, rgb, rgbaOf } from "./fixtures.mjs";

const BYTE = 1; // the largest difference of rounded bytes
const [HEIGHT, WIDTH] = fixture("picture").shape;

for (const name of ["area", "half", "linear", "mixed"]) {
  test(`resizing: ${name}`, () => {
    const bytes = fixture(`resized_${name}`), alphas = fixture(`resized_alpha_${name}`), [height, width] = bytes.shape;
    const picture = fixture("picture").values, alpha = fixture("alpha").values;
    assert.ok(largest(resizeBytes(picture, HEIGHT, WIDTH, 3, height, width), bytes.values) <= BYTE);
    assert.ok(largest(resize(alpha, HEIGHT, WIDTH, 1, height, width), alphas.values) < 1e-5);
  });
}

for (const name of ["wide", "tall", "narrow"]) {
  test(`letterbox: ${name}`, () => {
    const [height, width] = fixture(`letterbox_${name}`).shape, input = new Float32Array(40 * 48 * 3);
    const box = letterbox(rgbaOf(`letterbox_${name}`), height, width, 40, 48, input);
    assert.ok(largest(input.map((x) => 255 * x), fixture(`letterboxed_${name}`).values) <= 1.5);
    assert.deepEqual([box.top, box.left, box.height, box.width], [...fixture(`letterbox_inside_${name}`).values]);
  });
}

test("a matte is enlarged along edges as in Python", () => {
  const [height, width] = fixture("guide_alpha").shape;
  const found = enlargeAlongEdges(fixture("guide_alpha").values, height, width, rgbaOf("guide"), rgbaOf("picture"), HEIGHT, WIDTH);
  assert.ok(largest(found, fixture("refined").values) < 1e-4);
});

test("foreground colours are Python's", () => {
  const alpha = Uint8Array.from(fixture("alpha").values, (x) => Math.round(255 * x));
  const found = cutOut(rgbaOf("picture"), alpha, HEIGHT, WIDTH);
  assert.ok(largest(rgb(found), fixture("colours").values) <= 2);
  assert.deepEqual([...found.filter((_, i) => i % 4 === 3)], [...alpha]);
});

test("foreground colours of any size", () => {
  for (const [height, width] of [[1, 1], [1, 2000], [2000, 3], [1001, 35]]) {
    const found = cutOut(new Uint8ClampedArray(4 * height * width).fill(90), new Uint8Array(height * width).fill(128), height, width);
    assert.ok(largest(rgb(found), new Uint8Array(3 * height * width).fill(90)) <= 1);
  }
});

test("composition and blur are Python's", () => {
  const alpha = fixture("alpha").values, picture = rgbaOf("picture");
  assert.ok(largest(rgb(compose(picture, alpha, rgbaOf("background"))), fixture("composed").values) <= BYTE);
  assert.ok(largest(rgb(blurred(picture, alpha, HEIGHT, WIDTH, 3)), fixture("blurred").values) <= BYTE);
});

test("smoothing gives the app's values", () => {
  const { values, shape: [frames, size] } = fixture("flicker"), expected = fixture("smoothed").values;
  let smooth = values.subarray(0, size);
  for (let i = 1; i < frames; i++) {
    smooth = smoothed(smooth, values.subarray(i * size, (i + 1) * size));
    assert.ok(largest(smooth, expected.subarray(i * size, (i + 1) * size)) < 1e-6);
  }
});

test("what moves is not smoothed, as in Python", () => {
  const picture = rgbaOf("picture"), moved = rgbaOf("moved_picture"), alpha = fixture("alpha").values;
  assert.ok(largest(movement(picture, moved, HEIGHT, WIDTH), fixture("movement").values) <= 1 / 12 + 1e-6); // a byte
  const steady = new Steady();
  steady.next(picture, alpha, HEIGHT, WIDTH);
  const found = steady.next(moved, alpha.map((x) => 0.8 * x + 0.1), HEIGHT, WIDTH);
  assert.ok(largest(found, fixture("steady").values) <= 0.1 / 12 + 1e-5); // alpha changes by 0.1 at most
});

test("a PNG has the colours of transparent pixels", async () => {
  const pixels = Uint8ClampedArray.of(200, 100, 50, 3, 10, 20, 30, 255);
  const bytes = Buffer.from(await (await png(pixels, 2, 1)).arrayBuffer()), at = bytes.indexOf("IDAT");
  const lines = inflateSync(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4)));
  assert.deepEqual([...lines.subarray(0, 5)], [0, 200, 100, 50, 3]);
  assert.deepEqual([...lines.subarray(5)].map((x, i) => i && (x + pixels[i - 1]) % 256), [0, 10, 20, 30, 255]);
});

test("differences are NumPy's", () => {
  assert.equal(percentile([0, 1, 2, 3], 0.5), 1.5);
  assert.deepEqual(differences([0, 0.5], [0, 0.25]), { max_difference: 0.25, mean_difference: 0.125, p999: 0.999 * 0.25 });
  assert.ok(Number.isNaN(differences([NaN], [0]).max_difference));
});

test("a file says what it is", async () => {
  const file = await readTflite(bytesOf("checksum.tflite"), "checksum.tflite");
  assert.equal(file.verified, true);
  assert.ok(Object.keys(file.inputs).includes("image"));
});

test("files that cannot be used are refused in one sentence", async () => {
  const damaged = bytesOf("checksum.tflite");
  damaged[damaged.length - 40] ^= 1;
  await assert.rejects(readTflite(damaged, "x.tflite"), /x\.tflite is damaged/);
  await assert.rejects(readTflite(new Uint8Array(20), "y"), /y is not a \.tflite file/);
  const image = { type: "float32", shape: [1, 32, 48, 3] }, alpha = { type: "float32", shape: [1, 32, 48, 1] };
  const file = (inputs, outputs = { alpha }) => () => usableSize({ name: "z", inputs, outputs });
  assert.deepEqual(file({ image })(), { height: 32, width: 48 });
  assert.throws(file({ image: { ...image, type: "int8" } }), /z has int8 inputs .* int8_float_ends/);
  assert.throws(file({ image, trimap: alpha }), /z needs a trimap/);
  assert.throws(file({ image }, {}), /no output alpha/);
});
