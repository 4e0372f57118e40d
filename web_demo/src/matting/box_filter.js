// Sums over square windows that are clipped at the borders, and extremes over them.

/** Returns the sums of `x` (height, width) over windows of 2 * radius + 1, as Float64Array. */
export function boxSum(x, height, width, radius) {
  const across = new Float64Array(x.length), result = new Float64Array(x.length);
  for (let y = 0; y < height; y++) {
    const line = y * width;
    let sum = 0;
    for (let i = 0; i < Math.min(radius, width); i++) sum += x[line + i];
    for (let i = 0; i < width; i++) {
      if (i + radius < width) sum += x[line + i + radius];
      if (i - radius > 0) sum -= x[line + i - radius - 1];
      across[line + i] = sum;
    }
  }
  const sums = new Float64Array(width);
  for (let y = 0; y < Math.min(radius, height); y++) add(sums, across, y * width, 1);
  for (let y = 0; y < height; y++) {
    if (y + radius < height) add(sums, across, (y + radius) * width, 1);
    if (y - radius > 0) add(sums, across, (y - radius - 1) * width, -1);
    result.set(sums, y * width);
  }
  return result;
}

function add(sums, x, start, sign) {
  for (let i = 0; i < sums.length; i++) sums[i] += sign * x[start + i];
}

/** Returns how many pixels the window of every pixel has. */
export function windowCounts(height, width, radius) {
  const side = (i, size) => Math.min(i + radius, size - 1) - Math.max(i - radius, 0) + 1;
  return Float64Array.from({ length: height * width }, (_, i) =>
    side(Math.floor(i / width), height) * side(i % width, width));
}

/** Returns the largest (`pick` is Math.max) or smallest value of every window. */
export function extreme(x, height, width, radius, pick) {
  const across = new Float32Array(x.length), result = new Float32Array(x.length);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < width; i++) {
      let found = x[y * width + i];
      for (let k = Math.max(i - radius, 0); k <= Math.min(i + radius, width - 1); k++) found = pick(found, x[y * width + k]);
      across[y * width + i] = found;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < width; i++) {
      let found = across[y * width + i];
      for (let k = Math.max(y - radius, 0); k <= Math.min(y + radius, height - 1); k++) found = pick(found, across[k * width + i]);
      result[y * width + i] = found;
    }
  }
  return result;
}
