// The Camera screen: a frame that arrives while another is matted is dropped.

import { addBackdrops, sendBackdrop } from "./backdrops.js";
import { call } from "./client.js";

const LONGEST = 640; // pixels of a frame
const $ = (id) => document.getElementById(`camera-${id}`);
const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
const state = { background: "blur", backdrop: null, facing: "user", stream: null, run: 0 };

export function startCamera() {
  addBackdrops($("strip"), { cutOut: false, first: "blur", chosen: choose, say });
  $("start").addEventListener("click", start);
  $("stop").addEventListener("click", stopCamera);
  $("mirror").addEventListener("change", ({ target }) => $("picture").classList.toggle("mirrored", target.checked));
  $("turn").addEventListener("click", async () => {
    state.facing = state.facing === "user" ? "environment" : "user";
    $("mirror").checked = state.facing === "user";
    $("picture").classList.toggle("mirrored", $("mirror").checked);
    stopCamera();
    await start();
  });
}

/** Turns the camera off, also when another screen is chosen. */
export function stopCamera() {
  state.run++;
  for (const track of state.stream?.getTracks() ?? []) track.stop();
  state.stream = null;
  $("picture").hidden = $("rate").hidden = true;
  $("empty").hidden = false;
  $("stop").disabled = true;
}

async function start() {
  say("");
  const run = ++state.run;
  let stream;
  try {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: state.facing, width: LONGEST, height: 480 } });
  } catch (error) {
    return say(REASONS[error.name] ?? `The camera does not start: ${error.message}`, true);
  }
  if (run !== state.run) return stream.getTracks().forEach((track) => track.stop()); // left meanwhile
  state.stream = video.srcObject = stream;
  await video.play();
  $("empty").hidden = true;
  $("picture").hidden = $("rate").hidden = false;
  $("stop").disabled = false;
  $("turn").hidden = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput").length < 2;
  try {
    await frames(run);
  } catch (error) {
    stopCamera();
    say(error.message, true);
  }
}

const REASONS = {
  NotAllowedError: "The camera is not allowed; allow it for this page in the browser's settings.",
  NotFoundError: "No camera was found.",
  NotReadableError: "Another program uses the camera; close it first.",
  SecurityError: "Browsers give the camera only to pages from https or localhost.",
};

async function frames(run) {
  const times = [];
  let arrived = 0, shown = 0;
  const count = () => {
    if (run !== state.run) return;
    arrived++;
    video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
  for (let before = -1; run === state.run;) {
    await new Promise((done) => video.requestVideoFrameCallback(done));
    if (arrived === before || run !== state.run) continue;
    before = arrived;
    const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
    const width = Math.round(scale * video.videoWidth), height = Math.round(scale * video.videoHeight);
    if (state.background === "picture") await sendBackdrop(state.backdrop, width, height);
    const bitmap = await createImageBitmap(video, { resizeWidth: width, resizeHeight: height });
    const found = await call("frame", { bitmap, background: state.background, steadies: $("steady").checked }, [bitmap]);
    if (run !== state.run) return;
    const canvas = Object.assign($("canvas"), { width, height });
    $("picture").style.setProperty("--ratio", width / height);
    canvas.getContext("2d").drawImage(found.bitmap, 0, 0);
    shown++;
    times.push(performance.now());
    if (times.length > 10) times.shift();
    const rate = times.length > 1 ? 1000 * (times.length - 1) / (times.at(-1) - times[0]) : 0;
    $("rate").textContent = `${rate.toFixed(1)} frames/s · network ${Math.round(found.ms)} ms · ${Math.max(arrived - shown, 0)} dropped`;
  }
}

function choose(background, bitmap) {
  if (bitmap) state.backdrop = bitmap;
  state.background = background;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}
