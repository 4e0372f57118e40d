// Reference values of Python: files <name>.<type>.<shape>.bin.

import { readFileSync, readdirSync } from "node:fs";

const FOLDERS = ["../../android_demo/desktop/tests/fixtures/", "fixtures/"].map((path) => new URL(path, import.meta.url));

/** Returns {values, shape} of a file of Python's values. */
export function fixture(name) {
  for (const folder of FOLDERS) {
    const file = readdirSync(folder).find((other) => other.startsWith(`${name}.`));
    if (!file) continue;
    const [, type, shape] = file.split(".");
    const bytes = new Uint8Array(readFileSync(new URL(file, folder)));
    const values = type === "u8" ? bytes : type === "f32" ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer);
    return { values, shape: shape.split("x").map(Number) };
  }
  throw new Error(`no fixture ${name}`);
}

export function bytesOf(file) {
  return new Uint8Array(readFileSync(new URL(file, FOLDERS[0])));
}

/** Returns RGBA bytes of a fixture of RGB bytes. */
export function rgbaOf(name) {
  const { values } = fixture(name), result = new Uint8ClampedArray(values.length / 3 * 4).fill(255);
  values.forEach((x, i) => { result[4 * Math.floor(i / 3) + i % 3] = x; });
  return result;
}

/** Returns the RGB bytes of RGBA ones. */
export function rgb(rgba) {
  return rgba.filter((_, i) => i % 4 !== 3);
}

/** Returns the largest difference of two arrays; NaN if any is. */
export function largest(found, expected) {
  if (found.length !== expected.length) throw new Error(`${found.length} values instead of ${expected.length}`);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - expected[i]));
  return worst;
}
