// A .tflite file in LiteRT.js.

import { loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";

import { readTflite, UnusableFile, usableSize } from "./matting/tflite_file.js";

const FOLDER = new URL("wasm/", self.location.href).href;
let runtime = null;

/** Loads the runtime once, with threads where the page is isolated from other origins. */
function started() {
  runtime ??= load();
  return runtime;
}

async function load() {
  const threads = await mostThreads() > 1;
  // its script would look for its files beside the worker's
  self.Module = { locateFile: (file) => FOLDER + file, mainScriptUrlOrBlob: `${FOLDER}litert_wasm_threaded_internal.js` };
  return loadLiteRt(FOLDER, { threads });
}

/** Returns how many threads the processor's kernels may use. */
export async function mostThreads() {
  const able = self.crossOriginIsolated && await supportsFeature("relaxedSimd") && await supportsFeature("threads");
  return able ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
}

export class Network {
  /**
   * Opens a file (Uint8Array). `accelerator` is "wasm" or "webgpu", `threads` by default as many as are allowed; if WebGPU cannot run the file, the processor does,
   * and `note` says why. Throws UnusableFile.
   */
  static async open(bytes, name, accelerator, threads = null) {
    threads ??= await mostThreads();
    const file = await readTflite(bytes, name);
    const network = Object.assign(new Network(), { file, name, threads, note: "", ...usableSize(file) });
    if (accelerator === "webgpu") {
      network.note = await whyNoGpu() ?? await network.compile(bytes, { accelerator, gpuOptions: { precision: "fp32" } });
      if (!network.note) return network;
    }
    const reason = await network.compile(bytes, { accelerator: "wasm", cpuOptions: { numThreads: threads } });
    if (reason) throw new UnusableFile(`${name} cannot be run: ${reason}`);
    return network;
  }

  /** Compiles the file; returns why it cannot, or "". */
  async compile(bytes, options) {
    try {
      await started();
      this.model?.delete();
      this.model = await loadAndCompile(bytes, options);
      if (options.accelerator === "webgpu" && !this.model.isFullyAccelerated) return "WebGPU lacks some of the network's operations.";
      this.accelerator = options.accelerator;
      return "";
    } catch (error) {
      return String(error?.message ?? error);
    }
  }

  /** "processor, 4 threads" or "WebGPU". */
  get where() {
    if (this.accelerator === "webgpu") return "WebGPU";
    return `processor, ${this.threads === 1 ? "1 thread" : `${this.threads} threads`}`;
  }

  /** Runs on an image, Float32Array (height, width, 3) in [0, 1]; returns alpha (height, width). */
  async run(image) {
    const input = new Tensor(image, [1, this.height, this.width, 3]);
    const owned = [input];
    try {
      let given = input;
      if (this.accelerator === "webgpu") owned.push(given = await input.copyTo("webgpu"));
      const outputs = await this.model.run({ image: given });
      owned.push(...Object.values(outputs));
      return Float32Array.from(await outputs.alpha.data());
    } finally {
      for (const tensor of owned) tensor.delete();
    }
  }

  delete() {
    this.model?.delete();
  }
}

/** Returns why this browser has no WebGPU, or undefined. */
async function whyNoGpu() {
  if (!navigator.gpu) return "This browser has no WebGPU.";
  if (!await navigator.gpu.requestAdapter().catch(() => null)) return "WebGPU finds no graphics processor.";
  return undefined;
}
