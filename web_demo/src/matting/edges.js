// Enlarges a matte along a photograph's edges: the fast guided filter of keras_matting/inference/edges.py.

import { boxSum, extreme, windowCounts } from "./box_filter.js";

const RADIUS = 2, EPSILON = 1e-4;
const FLAT = 1 / 255; // where alpha varies less, colours do not matter

/**
 * Returns alpha, Float32Array (newHeight, newWidth) in [0, 1].
 * `alpha` is (height, width) in [0, 1], `guide` the photograph at its size, `image` at the new size, both RGBA bytes.
 */
export function enlargeAlongEdges(alpha, height, width, guide, image, newHeight, newWidth) {
  const coefficients = fitted(alpha, height, width, guide);
  const result = new Float32Array(newHeight * newWidth);
  const columns = places(width, newWidth), rows = places(height, newHeight);
  const line = coefficients.map(() => new Float32Array(width));
  const [red, green, blue, constant] = line;
  for (let y = 0; y < newHeight; y++) {
    const above = rows.first[y] * width, below = rows.second[y] * width, share = rows.share[y];
    coefficients.forEach((x, k) => {
      for (let i = 0; i < width; i++) line[k][i] = x[above + i] + share * (x[below + i] - x[above + i]);
    });
    for (let x = 0, at = y * newWidth; x < newWidth; x++, at++) {
      const i = columns.first[x], j = columns.second[x], t = columns.share[x];
      const value = constant[i] + t * (constant[j] - constant[i])
        + (red[i] + t * (red[j] - red[i])) * image[4 * at] / 255
        + (green[i] + t * (green[j] - green[i])) * image[4 * at + 1] / 255
        + (blue[i] + t * (blue[j] - blue[i])) * image[4 * at + 2] / 255;
      result[at] = Math.min(Math.max(value, 0), 1);
    }
  }
  return result;
}

/** Returns the coefficients of red, green and blue and the constant of a linear model around every pixel. */
function fitted(alpha, height, width, guide) {
  const counts = windowCounts(height, width, RADIUS), size = height * width;
  const mean = (x) => boxSum(x, height, width, RADIUS).map((sum, i) => sum / counts[i]);
  const product = (x, y) => x.map((value, i) => value * y[i]);
  const planes = [0, 1, 2].map((c) => Float64Array.from({ length: size }, (_, i) => guide[4 * i + c] / 255));
  const means = planes.map(mean), meanAlpha = mean(alpha), wide = Float64Array.from(alpha);
  const covariance = (x, meanX, y, meanY) => mean(product(x, y)).map((value, i) => value - meanX[i] * meanY[i]);
  const between = (a, b) => covariance(planes[a], means[a], planes[b], means[b]);
  const [rr, gg, bb] = [between(0, 0), between(1, 1), between(2, 2)];
  const [rg, rb, gb] = [between(0, 1), between(0, 2), between(1, 2)];
  const [r, g, b] = planes.map((x, i) => covariance(x, means[i], wide, meanAlpha));
  const highest = extreme(alpha, height, width, RADIUS, Math.max);
  const lowest = extreme(alpha, height, width, RADIUS, Math.min);
  const found = [0, 1, 2, 3].map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    found[3][i] = meanAlpha[i];
    if (highest[i] - lowest[i] < FLAT) continue;
    const [a, d, f] = [rr[i] + EPSILON, gg[i] + EPSILON, bb[i] + EPSILON], [p, q, s] = [rg[i], rb[i], gb[i]];
    // Cramer's rule
    const [rrMinor, ggMinor, bbMinor] = [d * f - s * s, a * f - q * q, a * d - p * p];
    const [rgMinor, rbMinor, gbMinor] = [s * q - p * f, p * s - d * q, p * q - a * s];
    const determinant = a * rrMinor + p * rgMinor + q * rbMinor;
    found[0][i] = (rrMinor * r[i] + rgMinor * g[i] + rbMinor * b[i]) / determinant;
    found[1][i] = (rgMinor * r[i] + ggMinor * g[i] + gbMinor * b[i]) / determinant;
    found[2][i] = (rbMinor * r[i] + gbMinor * g[i] + bbMinor * b[i]) / determinant;
    found[3][i] -= found[0][i] * means[0][i] + found[1][i] * means[1][i] + found[2][i] * means[2][i];
  }
  return found.map((x) => Float32Array.from(mean(x)));
}

/** Returns where the pixels of a larger side lie between those of a smaller one. */
function places(size, newSize) {
  const first = new Int32Array(newSize), second = new Int32Array(newSize), share = new Float32Array(newSize);
  for (let i = 0; i < newSize; i++) {
    const centre = Math.min(Math.max((i + 0.5) * (size / newSize) - 0.5, 0), size - 1);
    first[i] = Math.floor(centre);
    second[i] = Math.min(first[i] + 1, size - 1);
    share[i] = centre - first[i];
  }
  return { first, second, share };
}
