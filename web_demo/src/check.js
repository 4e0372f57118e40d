// The Check screen: every file on its golden vectors, on the processor and on WebGPU.

import { call } from "./client.js";

const $ = (id) => document.getElementById(`check-${id}`);
const NAMES = { keras: "Keras", litert: "LiteRT in Python" };

export function startCheck({ golden }) {
  $("run").addEventListener("click", async () => {
    $("run").disabled = true;
    try {
      await run(golden);
    } catch (error) {
      say(error.message, true);
    }
    $("run").disabled = false;
  });
}

async function run(folders) {
  const body = $("table").tBodies[0], { threads } = await call("threads");
  const ways = [["wasm", 1], ...(threads > 1 ? [["wasm", threads]] : []), ["webgpu", 1]];
  body.replaceChildren();
  $("table").hidden = false;
  let failed = 0, passed = 0;
  for (const folder of folders) {
    const { files } = await (await fetch(`${folder}golden.json`)).json();
    for (const entry of files) {
      for (const [accelerator, count] of ways) {
        say(`${entry.file} on ${accelerator === "webgpu" ? "WebGPU" : `the processor, ${count} threads`}`);
        const name = accelerator === "wasm" && count === 1 ? entry.file : "";
        try {
          const row = await call("check", { folder, entry, accelerator, threads: count });
          if (row.note) add(body, [name, row.where], row.note);
          else for (const found of compared(entry, row, name)) found.good ? passed++ : failed++, add(body, found.cells, null, found.good);
        } catch (error) {
          add(body, [name, ""], error.message.replace(`${entry.file} `, ""));
          break; // it will not run elsewhere either
        }
      }
    }
  }
  const isolated = self.crossOriginIsolated ? "" : " This site's host does not allow threads; they work after a second visit.";
  say(failed ? `${failed} of ${failed + passed} comparisons exceed their limit.${isolated}` : `All ${passed} comparisons are within their limits.${isolated}`, failed > 0);
}

function compared(entry, { where, worst, median, p90 }, name) {
  return Object.entries(entry.limits).map(([reference, [number, limit]], i) => {
    const { found } = worst[reference], good = found <= limit; // not for NaN
    const times = i ? ["", ""] : [median, p90].map((x) => `${x.toFixed(1)} ms`);
    const cells = [i ? "" : name, i ? "" : where, `${NAMES[reference]} (${number.replace("_", " ")})`,
      found.toExponential(1), limit.toExponential(1), good ? "within" : "EXCEEDED", ...times];
    return { cells, good };
  });
}

function add(body, cells, note, good) {
  const row = body.insertRow();
  cells.forEach((text, i) => {
    const cell = row.insertCell();
    cell.textContent = text.replaceAll("_", "_\u200b"); // lines may break there
    if (i === 3 || i === 4 || i > 5) cell.className = "number";
    if (i === 5) cell.className = good ? "good" : "bad";
  });
  if (!note) return;
  const cell = row.insertCell();
  cell.colSpan = 6;
  cell.className = "faint";
  cell.textContent = note;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}
