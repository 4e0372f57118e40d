// What goes behind a cut-out, as in keras_matting/inference/backgrounds.py.

import { boxSum, windowCounts } from "./box_filter.js";
import { resize, resizeBytes } from "./resize.js";

const BLUR_SIDE = 512; // pixels; a background is blurred at this size
const LEAST_WEIGHT = 1e-3; // keeps a picture that is entirely foreground well-defined

/** Returns foreground over background, RGBA bytes; alpha is float in [0, 1]. */
export function compose(foreground, alpha, background) {
  const result = new Uint8ClampedArray(foreground.length);
  for (let i = 0; i < alpha.length; i++) {
    for (let at = 4 * i; at < 4 * i + 3; at++) result[at] = alpha[i] * foreground[at] + (1 - alpha[i]) * background[at];
    result[4 * i + 3] = 255;
  }
  return result;
}

/** Returns the image's own background, blurred without the foreground's colours, RGBA bytes. */
export function blurredBackground(image, alpha, height, width) {
  const scale = Math.min(1, BLUR_SIDE / Math.max(height, width));
  const [h, w] = [height, width].map((side) => Math.max(1, Math.round(scale * side)));
  const small = resizeBytes(image, height, width, 4, h, w), smallAlpha = resize(alpha, height, width, 1, h, w);
  return resizeBytes(blurred(small, smallAlpha, h, w, Math.max(1, Math.floor(w / 32))), h, w, 4, height, width);
}

/** Blurs RGBA bytes by three box filters with weights 1 - alpha, so that no halo of the foreground remains. */
export function blurred(image, alpha, height, width, radius) {
  const weight = Float64Array.from(alpha, (x) => 1 - x + LEAST_WEIGHT), counts = windowCounts(height, width, radius);
  const planes = [0, 1, 2].map((c) => weight.map((x, i) => x * image[4 * i + c]));
  const [red, green, blue, sum] = [...planes, weight].map((plane) => {
    for (let i = 0; i < 3; i++) plane = boxSum(plane, height, width, radius).map((x, k) => x / counts[k]);
    return plane;
  });
  const result = new Uint8ClampedArray(image.length).fill(255);
  for (let i = 0; i < sum.length; i++) {
    result[4 * i] = red[i] / sum[i];
    result[4 * i + 1] = green[i] / sum[i];
    result[4 * i + 2] = blue[i] / sum[i];
  }
  return result;
}
