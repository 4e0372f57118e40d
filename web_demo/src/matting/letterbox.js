// A photograph inside a network's input: scaled to fit, padded by reflection, as in predict.py.

import { resize, resizeBytes } from "./resize.js";

const LARGE = 1 << 21; // pixels; larger pictures are reduced as bytes

/** Returns the largest size of this shape that fits, and the padding above and on the left. */
export function fit(height, width, fixedHeight, fixedWidth) {
  const scale = Math.min(fixedHeight / height, fixedWidth / width);
  const inside = (side, fixed) => Math.min(Math.max(roundHalfEven(side * scale), 1), fixed);
  const box = { height: inside(height, fixedHeight), width: inside(width, fixedWidth) };
  return { ...box, top: (fixedHeight - box.height) >> 1, left: (fixedWidth - box.width) >> 1 };
}

function roundHalfEven(x) {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/**
 * Scales RGBA bytes and writes RGB in [0, 1] into `input` (fixedHeight, fixedWidth, 3).
 * Returns the box of `fit`, with `small`, the scaled RGBA picture, as bytes where it is reduced.
 */
export function letterbox(rgba, height, width, fixedHeight, fixedWidth, input) {
  const box = fit(height, width, fixedHeight, fixedWidth);
  // Large pictures are reduced as bytes, as in Python; others keep their fractions.
  const asBytes = box.height < height && height * width > LARGE;
  const small = box.height === height && box.width === width ? rgba
    : (asBytes ? resizeBytes : resize)(rgba, height, width, 4, box.height, box.width);
  for (let y = 0, at = 0; y < fixedHeight; y++) {
    const line = reflect(y - box.top, box.height) * box.width;
    for (let x = 0; x < fixedWidth; x++) {
      const from = 4 * (line + reflect(x - box.left, box.width));
      for (let c = 0; c < 3; c++) input[at++] = small[from + c] / 255;
    }
  }
  return { ...box, small: box.height < height ? Uint8ClampedArray.from(small) : small };
}

/** Mirrors an index into [0, size) without repeating the border, again and again in narrow pictures. */
function reflect(i, size) {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

/** Returns the part of `alpha` (fixedHeight, fixedWidth) that shows the photograph. */
export function crop(alpha, fixedWidth, box) {
  const result = new Float32Array(box.height * box.width);
  for (let y = 0; y < box.height; y++) {
    const start = (y + box.top) * fixedWidth + box.left;
    result.set(alpha.subarray(start, start + box.width), y * box.width);
  }
  return result;
}
