// Foreground colours of cut-outs, as keras_matting/inference/cutouts.py estimates them.

import { resize } from "./resize.js";

const SIDE = 768; // pixels; the estimates are smaller than this
const ROUNDS = 2; // of correction and smoothing per level
const DAMPING = 0.01; // of corrections, against noise where alpha is near 0.5
const LEAST = 1e-3; // weight of pixels that do not show the layer

/**
 * Returns a cut-out, RGBA bytes (height, width): `image` is RGBA bytes, `alpha` bytes. Solid pixels keep their
 * colours, soft ones get the foreground's, and from the second pixel outside on the colours are 0.
 */
export function cutOut(image, alpha, height, width) {
  const result = new Uint8ClampedArray(4 * height * width);
  for (let i = 0; i < alpha.length; i++) {
    if (!alpha[i]) continue;
    for (let c = 0; c < 3; c++) result[4 * i + c] = image[4 * i + c];
    result[4 * i + 3] = alpha[i];
  }
  const edges = edgePixels(alpha, height, width);
  if (edges.length) correct(result, image, alpha, edges, height, width);
  return result;
}

/** Returns the indices of soft pixels and of those beside them that are not solid. */
function edgePixels(alpha, height, width) {
  const soft = (i) => alpha[i] > 0 && alpha[i] < 255, found = [];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (alpha[i] === 255) continue;
      let near = soft(i);
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1) && !near; v++) {
        for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1) && !near; u++) near = soft(v * width + u);
      }
      if (near) found.push(i);
    }
  }
  return found;
}

/** Sets the colours at `edges` to the estimates, corrected to explain the image. */
function correct(result, image, alpha, edges, height, width) {
  const { foreground, background, scale, small } = estimates(image, alpha, height, width);
  for (const i of edges) {
    const y = (Math.floor(i / width) + 0.5) / scale - 0.5, x = (i % width + 0.5) / scale - 0.5;
    const top = Math.floor(y), left = Math.floor(x), a = alpha[i] / 255;
    const rows = [clamp(top, small.height), clamp(top + 1, small.height)];
    const columns = [clamp(left, small.width), clamp(left + 1, small.width)];
    const sample = (layer, c) => {
      const [p, q, r, s] = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([v, u]) => layer[3 * (rows[v] * small.width + columns[u]) + c]);
      const above = p + (x - left) * (q - p), below = r + (x - left) * (s - r);
      return above + (y - top) * (below - above);
    };
    for (let c = 0; c < 3; c++) {
      const f = sample(foreground, c), b = sample(background, c);
      result[4 * i + c] = f + gain(a) * (image[4 * i + c] - b - a * (f - b));
    }
  }
}

const clamp = (i, size) => Math.min(Math.max(i, 0), size - 1);

/** Returns foreground and background (h, w, 3) at a reduced size, and how much larger the image is. */
function estimates(image, alpha, height, width) {
  let level = { image: withoutAlpha(image), alpha, height, width }, scale = 1;
  while (Math.max(level.height, level.width) > SIDE) {
    level = half(level, Math.round);
    scale *= 2;
  }
  level = { ...level, image: Float32Array.from(level.image), alpha: Float32Array.from(level.alpha, (x) => x / 255) };
  const levels = [level];
  while (Math.max(levels.at(-1).height, levels.at(-1).width) > 1) levels.push(half(levels.at(-1), (x) => x));
  let [foreground, background] = [levels.at(-1).image, levels.at(-1).image], size = levels.at(-1);
  for (const next of levels.reverse()) {
    [foreground, background] = [foreground, background].map((x) => resize(x, size.height, size.width, 3, next.height, next.width));
    [foreground, background] = refined(next, foreground, background);
    size = next;
  }
  return { foreground, background, scale, small: size };
}

function withoutAlpha(rgba) {
  const result = new Uint8ClampedArray(rgba.length / 4 * 3);
  for (let i = 0, j = 0; i < rgba.length; i += 4) for (let c = 0; c < 3; c++) result[j++] = rgba[i + c];
  return result;
}

/** Halves a level by averages of 2x2 pixels; an odd last row or column is dropped. */
function half({ image, alpha, height, width }, rounded) {
  const newHeight = Math.max(height >> 1, 1), newWidth = Math.max(width >> 1, 1);
  const down = height > 1 ? 1 : 0, right = width > 1 ? 1 : 0;
  const shrunk = (x, channels) => {
    const result = new Float32Array(newHeight * newWidth * channels);
    for (let y = 0, at = 0; y < newHeight; y++) {
      for (let i = 0; i < newWidth; i++) {
        const p = (2 * y * down * width + 2 * i * right) * channels, q = p + down * width * channels;
        for (let c = 0; c < channels; c++, at++) {
          const side = right * channels;
          result[at] = rounded((x[p + c] + x[p + side + c] + x[q + c] + x[q + side + c]) / 4);
        }
      }
    }
    return result;
  };
  return { image: shrunk(image, 3), alpha: shrunk(alpha, 1), height: newHeight, width: newWidth };
}

const gain = (share) => share / (share * share + (1 - share) * (1 - share) + DAMPING);

function refined({ image, alpha, height, width }, foreground, background) {
  const layers = [alpha, alpha.map((x) => 1 - x)].map((share) => {
    const weight = share.map((x) => x + LEAST);
    return { share, gain: share.map(gain), weight, sum: blurred(weight, height, width, 1) };
  });
  const [a, b] = layers.map((layer) => layer.share);
  for (let round = 0; round < ROUNDS; round++) {
    const error = image.map((x, i) => {
      const pixel = Math.floor(i / 3);
      return x - a[pixel] * foreground[i] - b[pixel] * background[i];
    });
    [foreground, background] = [foreground, background].map((x, k) => {
      const layer = layers[k];
      const weighted = x.map((value, i) => {
        const pixel = Math.floor(i / 3);
        return (value + layer.gain[pixel] * error[i]) * layer.weight[pixel];
      });
      return blurred(weighted, height, width, 3).map((value, i) => value / layer.sum[Math.floor(i / 3)]);
    });
  }
  return [foreground, background];
}

/** Returns the means of 3x3 pixels; those outside repeat the border. */
function blurred(x, height, width, channels) {
  const across = new Float32Array(x.length), result = new Float32Array(x.length), line = width * channels;
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < line; i++) {
      const left = i < channels ? i : i - channels, right = i + channels < line ? i + channels : i, start = y * line;
      across[start + i] = x[start + left] + x[start + i] + x[start + right];
    }
  }
  for (let y = 0; y < height; y++) {
    const above = Math.max(y - 1, 0) * line, below = Math.min(y + 1, height - 1) * line;
    for (let i = 0; i < line; i++) result[y * line + i] = (across[above + i] + across[y * line + i] + across[below + i]) / 9;
  }
  return result;
}
