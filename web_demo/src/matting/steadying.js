// Filters over time against flicker, as in keras_matting/inference/video/steadying.py.

import { extreme } from "./box_filter.js";
import { resize, resizeBytes } from "./resize.js";

const STILL = 0.3, MOTION = 0.35, MOVED = 12, SIDE = 216, WINDOW = 7;

/** Returns alpha `now` averaged with the smoothed alpha `before`, at least by the share `moved` (or 0). */
export function smoothed(before, now, moved = null) {
  return now.map((value, i) => {
    const change = value - before[i];
    const share = Math.min(1, STILL + (1 - STILL) / MOTION * Math.abs(change));
    return before[i] + Math.max(share, moved ? moved[i] : 0) * change;
  });
}

/** Returns how much has moved between two pictures, RGBA bytes (height, width), in [0, 1]. */
export function movement(before, now, height, width) {
  const [a, b] = [before, now].map((x) => blurredBytes(x, height, width));
  const changed = Float32Array.from({ length: height * width }, (_, i) =>
    Math.max(...[0, 1, 2].map((c) => Math.abs(a[4 * i + c] - b[4 * i + c]))));
  return extreme(changed, height, width, WINDOW >> 1, Math.max).map((x) => Math.min(x / MOVED, 1));
}

/** Averages windows of bytes; outside, the picture is mirrored without its border. */
function blurredBytes(x, height, width) {
  const radius = WINDOW >> 1, result = new Uint8ClampedArray(x.length), across = new Float32Array(x.length);
  const mirror = (i, size) => {
    if (size === 1) return 0;
    const period = 2 * (size - 1), k = ((i % period) + period) % period;
    return k < size ? k : period - k;
  };
  for (let i = 0; i < width; i++) {
    for (let k = -radius; k <= radius; k++) {
      const from = mirror(i + k, width);
      for (let y = 0; y < height; y++) for (let c = 0; c < 3; c++) across[4 * (y * width + i) + c] += x[4 * (y * width + from) + c];
    }
  }
  const sums = new Float32Array(4 * width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = -radius; k <= radius; k++) {
      const from = 4 * width * mirror(y + k, height);
      for (let i = 0; i < sums.length; i++) sums[i] += across[from + i];
    }
    for (let i = 0; i < sums.length; i++) result[4 * width * y + i] = sums[i] / WINDOW ** 2;
  }
  return result;
}

/** Smooths the mattes of successive pictures, except where the picture moves. */
export class Steady {
  /** Takes RGBA bytes and alpha of one size; returns alpha. */
  next(image, alpha, height, width) {
    const scale = Math.min(1, SIDE / Math.min(height, width));
    const [h, w] = [height, width].map((side) => Math.round(scale * side));
    const small = scale < 1 ? resizeBytes(image, height, width, 4, h, w) : image;
    const before = this.before;
    this.before = { small, alpha, size: `${height}x${width}` };
    if (before?.size === this.before.size) {
      const moved = resize(movement(before.small, small, h, w), h, w, 1, height, width);
      this.before.alpha = smoothed(before.alpha, alpha, moved);
    }
    return this.before.alpha;
  }
}
