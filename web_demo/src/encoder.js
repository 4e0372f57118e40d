// Encodes frames as WebM. Alpha is a video of its own, because WebCodecs' `alpha: "keep"` is refused (Chromium 156).

import { webm } from "./matting/webm.js";

const CODECS = { "vp09.00.41.08": "V_VP9", vp8: "V_VP8" };
const BITS = 0.2, LEAST = 2e6; // per pixel; per second
const KEYS = 2e6; // microseconds between key frames
const WAITING = 4; // frames

const settings = (codec, width, height, fps) =>
  ({ codec, width, height, framerate: fps, bitrate: Math.max(LEAST, Math.round(BITS * width * height * fps)) });

/** Returns the codec that this browser encodes with, or undefined. */
export async function usableCodec(width, height) {
  if (!globalThis.VideoEncoder) return undefined;
  for (const codec of Object.keys(CODECS)) {
    if ((await VideoEncoder.isConfigSupported(settings(codec, width, height, 30)).catch(() => ({}))).supported) return codec;
  }
  return undefined;
}

export class Encoder {
  /** Frames have even sides; `transparent` keeps their alpha. */
  constructor({ codec, width, height, fps, transparent }) {
    Object.assign(this, { codec, width, height, transparent, times: [], durations: [], lastKey: -Infinity, colourSpace: {} });
    this.streams = (transparent ? ["colours", "alpha"] : ["colours"]).map((name) => {
      const stream = { chunks: [] };
      stream.encoder = new VideoEncoder({
        output: (chunk, { decoderConfig }) => {
          const bytes = new Uint8Array(chunk.byteLength);
          chunk.copyTo(bytes);
          stream.chunks.push({ bytes, key: chunk.type === "key" });
          if (name === "colours" && decoderConfig?.colorSpace) this.colourSpace = decoderConfig.colorSpace;
        },
        error: (error) => { this.error = error; },
      });
      stream.encoder.configure(settings(codec, width, height, fps));
      return stream;
    });
  }

  /** Adds a frame, RGBA bytes; times are in microseconds. */
  async add(rgba, timestamp, duration) {
    const { width, height } = this, size = { codedWidth: width, codedHeight: height, timestamp, duration };
    const pictures = [new VideoFrame(rgba, { format: "RGBX", ...size })];
    if (this.transparent) {
      const planes = new Uint8Array(width * height * 3 / 2).fill(128);
      for (let i = 0; i < width * height; i++) planes[i] = rgba[4 * i + 3];
      pictures.push(new VideoFrame(planes, { format: "I420", ...size }));
    }
    const keyFrame = timestamp - this.lastKey >= KEYS;
    if (keyFrame) this.lastKey = timestamp;
    this.times.push(timestamp);
    this.durations.push(duration);
    for (const [i, { encoder }] of this.streams.entries()) {
      this.check();
      encoder.encode(pictures[i], { keyFrame });
      pictures[i].close();
      while (encoder.encodeQueueSize > WAITING && !this.error) await new Promise((done) => encoder.addEventListener("dequeue", done, { once: true }));
    }
  }

  /** Returns the file of all frames added. */
  async finish() {
    for (const { encoder } of this.streams) await encoder.flush().catch(() => {});
    this.check();
    const [colours, alpha] = this.streams.map(({ chunks }) => chunks), start = this.times[0];
    if (this.streams.some(({ chunks }) => chunks.length !== this.times.length)) throw new Error("The browser's encoder dropped frames.");
    const ms = this.times.map((time) => Math.round((time - start) / 1000));
    const frames = colours.map(({ bytes, key }, i) => ({
      ms: ms[i],
      duration: i + 1 < ms.length ? ms[i + 1] - ms[i] : Math.max(1, Math.round(this.durations[i] / 1000)),
      key: key && (alpha?.[i].key ?? true),
      colours: bytes,
      alpha: alpha?.[i].bytes,
    }));
    const { width, height, colourSpace } = this;
    return new Blob(webm({ codec: CODECS[this.codec], width, height, colourSpace, frames }), { type: "video/webm" });
  }

  close() {
    for (const { encoder } of this.streams) if (encoder.state !== "closed") encoder.close();
  }

  check() {
    if (this.error) throw new Error(`The browser's encoder failed: ${this.error.message}`);
  }
}
