// The Photo screen.

import { addBackdrops, drawCover } from "./backdrops.js";
import { call } from "./client.js";
import { download } from "./download.js";
import { takeDropped } from "./drop.js";

const LARGEST = 50e6; // pixels: the result takes about 40 bytes per pixel
const $ = (id) => document.getElementById(`photo-${id}`);
const state = { layers: null, view: "cut-out", backdrop: null, name: "photograph" };

export function startPhoto({ sample }) {
  addBackdrops($("strip"), { cutOut: true, first: "cut-out", chosen: choose, say });
  for (const id of ["file", "take", "other"]) {
    $(id).addEventListener("change", ({ target }) => {
      if (target.files[0]) open(target.files[0], target.files[0].name);
      target.value = "";
    });
  }
  $("sample").addEventListener("click", async () => open(await (await fetch(sample)).blob(), "sample.png"));
  $("compare").addEventListener("input", ({ target }) => $("picture").style.setProperty("--shown", `${target.value}%`));
  $("save").addEventListener("click", save);
  document.addEventListener("paste", ({ clipboardData }) => {
    const file = [...clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (file) given(file);
  });
  takeDropped($("stage"), "image", given);
}

/** Mattes the photograph again, after another network was opened. */
export function repeatPhoto() {
  if (state.source) matte(state.source);
}

function given(file) {
  document.getElementById("tab-photo").click();
  open(file, file.name);
}

async function open(blob, name) {
  say("");
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    return say(`${name} is not a picture that this browser reads; save it as JPEG or PNG.`, true);
  }
  if (bitmap.width * bitmap.height > LARGEST) return say(`${name} has more than ${LARGEST / 1e6} megapixels; make it smaller first.`, true);
  state.name = name.replace(/\.\w+$/, "");
  await matte(bitmap);
}

async function matte(bitmap) {
  const { width, height } = bitmap;
  busy(true);
  try {
    const context = sized($("before"), width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const found = await call("photo", { rgba: data.buffer, width, height }, [data.buffer]);
    const layer = (rgba) => createImageBitmap(new ImageData(rgba, width, height));
    Object.assign(state, { source: bitmap, layers: { cutOut: await layer(found.cutOut), alpha: await layer(found.alpha) } });
    $("empty").hidden = true;
    $("picture").hidden = false;
    $("picture").style.setProperty("--ratio", width / height);
    await show();
    $("save").disabled = false;
    say(`${width} × ${height} pixels. Network ${Math.round(found.ms)} ms (${found.where}), all ${Math.round(found.all)} ms.`);
  } catch (error) {
    say(error.message, true);
  } finally {
    busy(false);
  }
}

async function choose(view, bitmap) {
  if (bitmap) state.backdrop = bitmap;
  state.view = view;
  if (state.layers) await show();
}

async function show() {
  const { width, height } = state.source, { layers, view } = state;
  const context = sized($("after"), width, height).getContext("2d");
  if (view === "alpha") return context.drawImage(layers.alpha, 0, 0);
  if (view === "blur") {
    layers.blur ??= await createImageBitmap(new ImageData((await call("blur")).rgba, width, height));
    context.drawImage(layers.blur, 0, 0);
  } else if (view === "picture") {
    drawCover(context, state.backdrop);
  } else if (view !== "cut-out") {
    context.fillStyle = view;
    context.fillRect(0, 0, width, height);
  }
  context.drawImage(layers.cutOut, 0, 0);
}

async function save() {
  const { view } = state, exact = view === "cut-out" || view === "alpha";
  const blob = exact ? (await call("save", { view })).blob : await new Promise((done) => $("after").toBlob(done, "image/png"));
  const name = `${state.name}_${exact ? view : "composed"}.png`;
  download(blob, name);
  say(`${name} is saved, ${(blob.size / 1e6).toFixed(1)} MB.`);
}

function sized(canvas, width, height) {
  return Object.assign(canvas, { width, height });
}

function busy(yes) {
  $("busy").hidden = !yes;
  $("stage").setAttribute("aria-busy", yes);
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}
