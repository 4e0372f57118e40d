// The Video screen: every frame of a file is matted, however long that takes, and encoded as WebM.

import { addBackdrops, sendBackdrop } from "./backdrops.js";
import { call } from "./client.js";
import { download } from "./download.js";
import { takeDropped } from "./drop.js";
import { Encoder, usableCodec } from "./encoder.js";
import { framesOf, seek } from "./frames.js";

const LONGEST = 1280; // pixels of a frame
const MINUTES = 10; // the result is kept in memory
const $ = (id) => document.getElementById(`video-${id}`);
const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
const state = { background: "cut-out", backdrop: null, file: "", codec: null, blob: null, busy: null, stopped: false };

export function startVideo() {
  addBackdrops($("strip"), { cutOut: true, first: state.background, chosen: choose, say });
  for (const id of ["file", "other"]) {
    $(id).addEventListener("change", ({ target }) => {
      if (target.files[0]) open(target.files[0]);
      target.value = "";
    });
  }
  takeDropped($("stage"), "video", (file) => {
    document.getElementById("tab-video").click();
    open(file);
  });
  $("make").addEventListener("click", () => work(make));
  $("stop").addEventListener("click", stopVideo);
  $("save").addEventListener("click", save);
}

/** Ends the work on a video; what is encoded until then stays. */
export function stopVideo() {
  state.stopped = true;
}

/** Shows the frame again, after another network was opened. */
export function repeatVideo() {
  if (!$("picture").hidden && $("stop").disabled) work(preview);
}

/** Runs a task after the one before has ended; shows its errors. */
async function work(task) {
  stopVideo();
  const before = state.busy;
  const current = state.busy = (async () => {
    await before;
    state.stopped = false;
    try {
      await task();
    } catch (error) {
      say(error.message, true);
    }
  })();
  await current;
  if (state.busy === current) state.busy = null;
}

function open(file) {
  return work(async () => {
    const { name } = file;
    Object.assign(state, { codec: null, blob: null });
    $("make").disabled = $("save").disabled = $("picture").hidden = true;
    $("empty").hidden = false;
    say("Opening the video");
    URL.revokeObjectURL(video.src);
    try {
      await new Promise((done, failed) => Object.assign(video, { onloadeddata: done, onerror: failed, src: URL.createObjectURL(file) }));
    } catch {
      throw new Error(`${name} is not a video that this browser plays.`);
    }
    if (!video.videoWidth) throw new Error(`${name} has no pictures.`);
    if (!(video.duration <= 60 * MINUTES)) throw new Error(`${name} is longer than ${MINUTES} minutes; cut it first.`);
    const codec = await usableCodec(...size());
    await seek(video, 0);
    $("empty").hidden = true;
    $("picture").hidden = false;
    await preview();
    if (!codec) throw new Error("This browser cannot encode video: it lacks WebCodecs with VP9 or VP8.");
    Object.assign(state, { codec, file: name.replace(/\.\w+$/, "") });
    $("make").disabled = false;
    const [width, height] = size(), reduced = width < video.videoWidth - 1 ? `, reduced from ${video.videoWidth} × ${video.videoHeight}` : "";
    say(`${width} × ${height} pixels${reduced}, ${video.duration.toFixed(1)} seconds.`);
  });
}

/** Returns the result's width and height, which are even. */
function size() {
  const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
  return [video.videoWidth, video.videoHeight].map((side) => Math.max(2, 2 * Math.round(scale * side / 2)));
}

async function preview() {
  await matted(state.background, false);
}

async function make() {
  const { background, codec } = state, [width, height] = size(), start = performance.now();
  const transparent = background === "cut-out", steadies = $("steady").checked;
  let encoder, count = 0;
  setBusy(true);
  try {
    await call("restart");
    for await (const { timestamp, duration } of framesOf(video)) {
      if (state.stopped) break;
      encoder ??= new Encoder({ codec, width, height, fps: Math.round(1e6 / duration), transparent });
      await encoder.add(await matted(background, steadies), timestamp, duration);
      const rate = 1000 * ++count / (performance.now() - start), left = (video.duration - (timestamp + duration) / 1e6) * 1e6 / duration / rate;
      $("progress").value = (timestamp + duration) / 1e6 / video.duration;
      $("rate").textContent = `${rate.toFixed(1)} frames/s`;
      say(`Frame ${count}, ${left < 60 ? `${Math.max(0, Math.ceil(left))} seconds` : `${Math.ceil(left / 60)} minutes`} left`);
    }
    if (!encoder) return say("Stopped.");
    Object.assign(state, { blob: await encoder.finish(), name: `${state.file}_${{ "cut-out": "cut-out", alpha: "alpha" }[background] ?? "composed"}.webm` });
    $("save").disabled = false;
    const kind = transparent ? "with alpha, " : "";
    say(`${state.stopped ? "Stopped" : "Ready"}: ${count} frames, ${kind}${(state.blob.size / 1e6).toFixed(1)} MB, without sound.`);
  } finally {
    encoder?.close();
    setBusy(false);
  }
}

/** Mattes the frame that the video shows, and shows the result; returns it as RGBA bytes. */
async function matted(background, steadies) {
  const [width, height] = size(), canvas = $("canvas");
  if (background === "picture") await sendBackdrop(state.backdrop, width, height);
  const bitmap = await createImageBitmap(video, { resizeWidth: width, resizeHeight: height });
  const { rgba } = await call("videoFrame", { bitmap, background, steadies }, [bitmap]);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  $("picture").style.setProperty("--ratio", width / height);
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return rgba;
}

/** A background chosen during the work is for the next video. */
function choose(background, bitmap) {
  if (bitmap) state.backdrop = bitmap;
  state.background = background;
  repeatVideo();
}

function save() {
  download(state.blob, state.name);
}

function setBusy(yes) {
  $("make").disabled = yes;
  $("stop").disabled = !yes;
  $("progress").hidden = $("rate").hidden = !yes;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}
