// The network and the processing of pictures, away from the page's thread.

import { blurred, blurredBackground, compose } from "./matting/backgrounds.js";
import { cutOut } from "./matting/colours.js";
import { enlargeAlongEdges } from "./matting/edges.js";
import { differences, percentile } from "./matting/golden.js";
import { crop, letterbox } from "./matting/letterbox.js";
import { png } from "./matting/png.js";
import { resize, resizeBytes } from "./matting/resize.js";
import { Steady } from "./matting/steadying.js";
import { UnusableFile } from "./matting/tflite_file.js";
import { mostThreads, Network } from "./network.js";

const RUNS = 10, LONG = 3000; // timed runs, fewer if they take more milliseconds
let network = null, photo = null, steady = new Steady(), picture = null;

const tasks = {
  /** Opens a network: {bytes, name, accelerator} -> what the page shows of it. */
  async open({ bytes, name, accelerator }) {
    const opened = await Network.open(new Uint8Array(bytes), name, accelerator);
    network?.delete();
    network = opened;
    steady = new Steady();
    const { width, height, where, note, file } = opened;
    return { name, width, height, where, note, description: file.description, verified: file.verified };
  },

  /** Mattes a photograph: {rgba, height, width} -> {cutOut, alpha} as RGBA bytes, {ms, where}. */
  async photo({ rgba, height, width }) {
    const image = new Uint8ClampedArray(rgba), start = performance.now();
    const { alpha, ms } = await matte(image, height, width);
    const levels = Uint8ClampedArray.from(alpha, (x) => 255 * x);
    photo = { image, alpha, height, width, cutOut: cutOut(image, levels, height, width) };
    return { cutOut: photo.cutOut.slice(), alpha: grey(levels), ms, all: performance.now() - start, where: network.where };
  },

  /** The photograph's own background, blurred, RGBA bytes. */
  blur() {
    return { rgba: blurredBackground(photo.image, photo.alpha, photo.height, photo.width) };
  },

  /** The PNG of the cut-out or the alpha at the photograph's size. */
  async save({ view }) {
    const rgba = view === "alpha" ? grey(Uint8ClampedArray.from(photo.alpha, (x) => 255 * x)) : photo.cutOut;
    return { blob: await png(rgba, photo.height, photo.width) };
  },

  /** The photograph's alpha, for tests. */
  alpha() {
    return { alpha: photo.alpha.slice() };
  },

  /** The picture behind frames, of their size. */
  picture({ bitmap }) {
    picture = pixels(bitmap);
    return {};
  },

  /** Replaces the background of a frame: {bitmap, background, steadies} -> {bitmap, ms}. */
  async frame(args) {
    const { rgba, height, width, ms } = await replaced(args);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
    return { bitmap: canvas.transferToImageBitmap(), ms };
  },

  /** As `frame`, with RGBA bytes, whose alpha is the matte if the background is "cut-out". */
  async videoFrame(args) {
    return { rgba: (await replaced(args)).rgba };
  },

  /** Forgets the frames before. */
  restart() {
    steady = new Steady();
    return {};
  },

  /** Runs a file on its golden vectors: {folder, entry, accelerator, threads} -> the page's row. */
  async check({ folder, entry, accelerator, threads }) {
    const read = async (name) => (await fetched(folder + name)).arrayBuffer();
    const opened = await Network.open(new Uint8Array(await read(entry.file)), entry.file, accelerator, threads);
    try {
      if (accelerator !== opened.accelerator) return { where: "WebGPU", note: opened.note };
      const worst = Object.fromEntries(Object.keys(entry.limits).map((name) => [name, { found: 0, largest: 0 }]));
      let input;
      for (const sample of entry.samples) {
        input = new Float32Array(await read(sample.inputs.image));
        const alpha = await opened.run(input);
        for (const [reference, [number]] of Object.entries(entry.limits)) {
          const numbers = differences(alpha, new Float32Array(await read(sample.references[reference])));
          worst[reference].found = Math.max(worst[reference].found, numbers[number]); // NaN stays
          worst[reference].largest = Math.max(worst[reference].largest, numbers.max_difference);
        }
      }
      const times = [], first = performance.now();
      for (let i = 0; i < RUNS && (i < 3 || performance.now() - first < LONG); i++) {
        const start = performance.now();
        await opened.run(input);
        times.push(performance.now() - start);
      }
      const sorted = Float64Array.from(times).sort();
      return { where: opened.where, worst, median: percentile(sorted, 0.5), p90: percentile(sorted, 0.9) };
    } finally {
      opened.delete();
    }
  },

  /** How many threads the processor's kernels may use. */
  async threads() {
    return { threads: await mostThreads() };
  },
};

/** Returns {alpha (height, width), ms of the network, small: {image, alpha, height, width}}. */
async function matte(image, height, width, steadies = false) {
  if (!network) throw new UnusableFile("No network is open; choose one first.");
  const input = new Float32Array(network.height * network.width * 3);
  const box = letterbox(image, height, width, network.height, network.width, input);
  const start = performance.now();
  let alpha = crop((await network.run(input)).map((x) => Math.min(Math.max(x, 0), 1)), network.width, box);
  const ms = performance.now() - start;
  if (steadies) alpha = steady.next(box.small, alpha, box.height, box.width);
  const small = { image: box.small, alpha, height: box.height, width: box.width };
  if (box.height !== height || box.width !== width) {
    alpha = 2 * box.height < height && 2 * box.width < width
      ? enlargeAlongEdges(alpha, box.height, box.width, box.small, image, height, width)
      : resize(alpha, box.height, box.width, 1, height, width);
  }
  return { alpha, small, ms };
}

/** Returns a frame with another background, {rgba, height, width, ms of the network}. */
async function replaced({ bitmap, background, steadies }) {
  const { data: image, height, width } = pixels(bitmap);
  const { alpha, small, ms } = await matte(image, height, width, steadies);
  const levels = Uint8ClampedArray.from(alpha, (x) => 255 * x);
  const rgba = background === "alpha" ? grey(levels)
    : background === "cut-out" ? cutOut(image, levels, height, width)
    : compose(image, alpha, behindFrame(background, small, height, width));
  return { rgba, height, width, ms };
}

function behindFrame(background, small, height, width) {
  if (background === "blur") {
    const behind = blurred(small.image, small.alpha, small.height, small.width, Math.max(1, Math.floor(small.width / 24)));
    return resizeBytes(behind, small.height, small.width, 4, height, width);
  }
  if (background === "picture" && picture?.width === width && picture.height === height) return picture.data;
  const value = Number.parseInt(background.startsWith("#") ? background.slice(1) : "ffffff", 16);
  const result = new Uint8ClampedArray(4 * height * width), pixel = Uint8Array.of(value >> 16, value >> 8, value, 255);
  new Uint32Array(result.buffer).fill(new Uint32Array(pixel.buffer)[0]);
  return result;
}

function pixels(bitmap) {
  const { width, height } = bitmap, context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

function grey(levels) {
  const result = new Uint8ClampedArray(4 * levels.length).fill(255);
  for (let i = 0; i < levels.length; i++) result.fill(levels[i], 4 * i, 4 * i + 3);
  return result;
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new UnusableFile(`${url} is missing on this site; build the page again.`);
  return response;
}

let last = Promise.resolve();

self.onmessage = ({ data: { id, task, args } }) => {
  last = last.then(async () => {
    try {
      const result = await tasks[task](args);
      const transfer = Object.values(result).flatMap((x) => x instanceof ImageBitmap ? [x] : x?.buffer instanceof ArrayBuffer ? [x.buffer] : []);
      self.postMessage({ id, result }, transfer);
    } catch (error) {
      self.postMessage({ id, error: error instanceof UnusableFile ? error.message : `That failed: ${error?.message ?? error}` });
    }
  });
};
