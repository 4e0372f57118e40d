// The page: screens, the network, files kept for later visits.

import { startCamera, stopCamera } from "./camera.js";
import { startCheck } from "./check.js";
import { call, startWorker } from "./client.js";
import { repeatPhoto, startPhoto } from "./photo.js";
import { repeatVideo, startVideo, stopVideo } from "./video.js";

const $ = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];
const opened = { bytes: null, name: "" };

/** Waits until the service worker sees this page's requests, or is known not to come. */
async function keepFiles() {
  if (!navigator.serviceWorker) return;
  const controlled = new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
  try {
    await navigator.serviceWorker.register("service_worker.js");
  } catch {
    return; // private windows of some browsers
  }
  if (!navigator.serviceWorker.controller) await Promise.race([controlled, new Promise((done) => setTimeout(done, 5000))]);
}

function choose(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", chosen);
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id !== "tab-camera") stopCamera();
  if (tab.id !== "tab-video") stopVideo();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}

function repeat() {
  repeatPhoto();
  repeatVideo();
}

async function openNetwork(bytes, name) {
  say("Opening the network");
  try {
    const file = await call("open", { bytes, name, accelerator: $("accelerator").value });
    Object.assign(opened, { bytes, name });
    const checked = file.verified ? "" : " It has no checksum.";
    say(`${file.note ? `${file.note} ` : ""}Runs on ${file.where}, ${file.width} × ${file.height} pixels.${checked}`);
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

async function openShipped(file) {
  const response = await fetch(`networks/${file}`);
  if (!response.ok) return say(`networks/${file} is missing on this site; build the page again.`, true);
  return openNetwork(await response.arrayBuffer(), file);
}

function say(text, bad = false) {
  $("network-status").textContent = text;
  $("network-status").classList.toggle("bad", bad);
}

await keepFiles();
startWorker();
const index = await (await fetch("networks.json")).json();
startPhoto(index);
startCamera();
startVideo();
startCheck(index);
for (const { name, task, file } of index.networks) $("network").add(Object.assign(new Option(name, file), { title: task }));
$("network").addEventListener("change", async ({ target }) => {
  const own = target.selectedOptions[0].bytes;
  if (await (own ? openNetwork(own, target.value) : openShipped(target.value))) repeat();
});
$("network-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  const bytes = await file.arrayBuffer();
  if (await openNetwork(bytes, file.name)) {
    const option = Object.assign(new Option(file.name, file.name, true, true), { bytes });
    $("network").add(option);
    repeat();
  }
  target.value = "";
});
$("accelerator").addEventListener("change", async () => {
  if (opened.bytes && await openNetwork(opened.bytes, opened.name)) repeat();
});
await openShipped(index.networks[0].file);
document.documentElement.dataset.ready = "";
