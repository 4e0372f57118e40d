// Differences to golden vectors, which `export/golden.py` describes.

/** Returns {max_difference, mean_difference, p999} of two arrays of floats. */
export function differences(found, expected) {
  if (found.length !== expected.length) throw new RangeError("the golden vectors do not have the size of the alpha");
  const sorted = Float64Array.from(found, (x, i) => Math.abs(x - expected[i]));
  if (sorted.some(Number.isNaN)) return { max_difference: NaN, mean_difference: NaN, p999: NaN };
  sorted.sort();
  return {
    max_difference: sorted.at(-1),
    mean_difference: sorted.reduce((sum, x) => sum + x, 0) / sorted.length,
    p999: percentile(sorted, 0.999),
  };
}

/** Interpolates linearly between neighbours, as NumPy does. */
export function percentile(sorted, share) {
  const at = share * (sorted.length - 1), below = Math.floor(at), above = Math.ceil(at);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
