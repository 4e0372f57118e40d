// The strip of backgrounds: cut-out, alpha, colours, blur, a picture.

import { call } from "./client.js";

const COLOURS = { White: "#ffffff", Black: "#000000", Green: "#00b140", Blue: "#0047bb" };

/**
 * Fills `strip` with tiles. `chosen` is called with "cut-out", "alpha", "blur", "#rrggbb", or "picture" and
 * its bitmap; `say` with a sentence if the picture cannot be read.
 */
export function addBackdrops(strip, { cutOut, first, chosen, say }) {
  const kinds = [["cut-out", "Cut-out"], ["blur", "Blur"], ["picture", "Picture…"], ["alpha", "Alpha"]];
  const tiles = kinds.filter(([kind]) => cutOut || kind !== "cut-out");
  tiles.push(...Object.entries(COLOURS).map(([name, colour]) => [colour, name]), ["colour", "Colour…"]);
  strip.setAttribute("role", "radiogroup");
  strip.setAttribute("aria-label", "Background");
  const file = hiddenInput(strip, "file", async () => {
    const [picture] = file.files;
    if (!picture) return;
    const bitmap = await createImageBitmap(picture).catch(() => null);
    if (bitmap) chosen("picture", bitmap);
    else say(`${picture.name} is not a picture that this browser reads.`, true);
  });
  file.accept = "image/*";
  const colour = hiddenInput(strip, "color", () => chosen(colour.value));
  for (const [kind, name] of tiles) {
    const tile = strip.appendChild(document.createElement("label")), radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: strip.id, value: kind, checked: kind === first });
    const swatch = document.createElement("i");
    if (kind.startsWith("#")) swatch.style.background = kind;
    tile.className = "tile";
    tile.dataset.kind = kind;
    tile.append(radio, swatch, name);
    const asks = { picture: file, colour }[kind];
    radio.addEventListener(asks ? "click" : "change", () => {
      if (asks) asks.click();
      else chosen(kind);
    });
  }
}

function hiddenInput(strip, type, changed) {
  const input = strip.appendChild(document.createElement("input"));
  Object.assign(input, { type, hidden: true, tabIndex: -1 });
  input.addEventListener("change", changed);
  return input;
}

/** Draws a picture so that it covers a canvas. */
export function drawCover(context, bitmap) {
  const { width, height } = context.canvas, scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
}

const sent = {};

/** Sends the picture behind frames to the worker, once for a size. */
export async function sendBackdrop(picture, width, height) {
  if (sent.picture === picture && sent.width === width && sent.height === height) return;
  const canvas = new OffscreenCanvas(width, height);
  drawCover(canvas.getContext("2d"), picture);
  const bitmap = canvas.transferToImageBitmap();
  await call("picture", { bitmap }, [bitmap]);
  Object.assign(sent, { picture, width, height });
}
