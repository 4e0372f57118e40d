// Resizing with OpenCV's values: averages of areas where both sides shrink, otherwise bilinear.

/** Resizes (height, width, channels), bytes or floats, to Float32Array (newHeight, newWidth, channels). */
export function resize(source, height, width, channels, newHeight, newWidth) {
  const shrinks = newHeight <= height && newWidth <= width;
  const rows = taps(height, newHeight, shrinks), columns = taps(width, newWidth, shrinks);
  const narrow = new Float32Array(height * newWidth * channels);
  for (let y = 0; y < height; y++) {
    const line = y * width * channels, target = y * newWidth * channels;
    for (let x = 0; x < newWidth; x++) {
      const first = columns.first[x], weights = columns.weights[x];
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0, at = line + first * channels + c; i < weights.length; i++, at += channels) sum += weights[i] * source[at];
        narrow[target + x * channels + c] = sum;
      }
    }
  }
  const length = newWidth * channels, result = new Float32Array(newHeight * length);
  for (let y = 0; y < newHeight; y++) {
    const first = rows.first[y], weights = rows.weights[y], target = y * length;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i], line = (first + i) * length;
      for (let x = 0; x < length; x++) result[target + x] += weight * narrow[line + x];
    }
  }
  return result;
}

/** The same, rounded to bytes. */
export function resizeBytes(source, height, width, channels, newHeight, newWidth) {
  return Uint8ClampedArray.from(resize(source, height, width, channels, newHeight, newWidth));
}

/** Returns the first source index and the weights of every new index along one side. */
function taps(size, newSize, shrinks) {
  const first = new Int32Array(newSize), weights = new Array(newSize), scale = size / newSize;
  for (let i = 0; i < newSize; i++) {
    if (shrinks) {
      const start = i * scale, end = Math.min(start + scale, size);
      const from = Math.floor(start + 1e-9), to = Math.ceil(end - 1e-9);
      first[i] = from;
      weights[i] = Array.from({ length: to - from }, (_, k) =>
        (Math.min(from + k + 1, end) - Math.max(from + k, start)) / scale);
    } else {
      const centre = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), size - 1);
      first[i] = Math.min(Math.floor(centre), Math.max(size - 2, 0));
      const share = centre - first[i];
      weights[i] = size > 1 ? [1 - share, share] : [1];
    }
  }
  return { first, weights };
}
