// The page: hands files to the worker, shows what it brings.

import { listen } from "./gestures.js";
import { View, diverging } from "./view.js";

const $ = (id) => document.getElementById(id);
const view = new View($("canvas"), shown);
let worker;
let settings;
let runtime;
let example;
let source = null; // {name, seconds, image}
let busy = null; // what the worker is doing
let waiting = null; // a file that came meanwhile
let again = false; // whether another network is to enlarge the image that is shown
let openName = "";

export const state = { view, ready: null, figures: null, times: {} };
window.page = state; // for tests, and for whoever looks

function start() {
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data }) => on[data.kind](data);
  worker.onerror = (event) => {
    event.preventDefault();
    fail(`The work ended (${event.message || "out of memory?"}). Reload the page; try a smaller image.`);
  };
  say("Loading the networks...");
  ask("start");
}

function ask(kind, content = {}) {
  busy = kind;
  worker.postMessage({ kind, ...content });
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

function fail(text) {
  busy = null;
  $("work").hidden = true;
  say(text, true);
}

const on = {
  ready(data) {
    ({ settings, runtime, example } = data);
    busy = null;
    const local = settings.engine === "page";
    $("where").textContent = local
      ? `Everything happens in this page, on ${runtime}. Nothing is uploaded.`
      : "The network runs in Python on this computer. Nothing leaves it.";
    for (const { name, title } of settings.networks) $("network").add(new Option(title, name));
    $("network").dispatchEvent(new Event("change"));
    $("example").hidden = !example;
    say("");
    state.ready = runtime;
    next();
  },

  opened({ image, name, seconds }) {
    source = { image, name };
    state.times = { read: seconds };
    $("viewer").hidden = false;
    const { scale } = settings.networks[0];
    // The canvas has its size once it is in sight.
    requestAnimationFrame(() => {
      view.open(image, scale);
      enlarge();
    });
  },

  tile({ tile, done, total }) {
    view.addTile(tile);
    on.progress({ done, total });
  },

  progress({ done, total }) {
    $("progress").value = done / total;
    $("stage").textContent = total > 1 ? `Enlarging, part ${done} of ${total}` : "Enlarging";
  },

  done({ figures, network, seconds }) {
    busy = null;
    state.times.network = seconds;
    state.figures = figures;
    $("work").hidden = true;
    view.finished(figures.top);
    report(figures, network);
    next();
  },

  saved({ form, bytes, seconds }) {
    busy = null;
    state.times.save = seconds;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: form === "png" ? "image/png" : "application/dicom" }));
    link.download = `${source.name.replace(/\.[^.]*$/, "")}_x${settings.networks[0].scale}.${form}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(`Saved as ${link.download}.`);
    next();
  },

  failed({ during, text, cancelled }) {
    if (cancelled) {
      fail("");
      say("Cancelled.");
      view.clearResult();
      $("again").hidden = false;
    } else if (during === "open") {
      source = null;
      $("viewer").hidden = true;
      fail(`${openName}: ${text}.`);
    } else fail(during === "start" ? `The page can't start: ${text}.` : `${text}.`);
    next();
  },
};

function take(file) {
  if (!file) return;
  waiting = file;
  if (busy === "enlarge") worker.postMessage({ kind: "cancel" });
  next();
}

function next() {
  if (busy || !settings) return;
  if (!waiting) {
    if (again) enlarge();
    return;
  }
  const file = waiting;
  waiting = null;
  openName = file.name;
  $("figures").hidden = $("again").hidden = true;
  state.figures = null;
  again = false;
  say("");
  ask("open", { file });
}

function enlarge() {
  again = false;
  $("again").hidden = true;
  view.clearResult();
  $("figures").hidden = true;
  state.figures = null;
  $("work").hidden = false;
  $("progress").removeAttribute("value");
  $("stage").textContent = "Enlarging";
  say("");
  ask("enlarge", { network: $("network").value });
}

function report(figures, network) {
  const { image } = source;
  const bits = Math.round(Math.log2(image.white + 1));
  const seconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} s`;
  const megapixels = (view.sr.width * view.sr.height) / 1e6;
  const rows = [
    ["Image", source.name],
    ["Size", `${image.width} \u00d7 ${image.height} \u2192 ${view.sr.width} \u00d7 ${view.sr.height}`],
    ["Depth", `${bits} bit${image.channels === 3 ? ", colour" : ""}`],
    ["Network", network],
    ["Consistency", `${figures.consistency.toFixed(2)} of 255`],
    ["Added, RMS", `${figures.added.toFixed(2)} of 255`],
    ["Reading", seconds(state.times.read)],
    ["Enlarging", `${seconds(state.times.network)}, ${seconds(state.times.network / megapixels)} a megapixel`],
    ["Parts", String(figures.tiles)],
  ];
  $("list").replaceChildren(
    ...rows.flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
  $("downloads").replaceChildren(...image.forms.map((form) => button(form, 8 * image.pixels.BYTES_PER_ELEMENT, network)));
  $("figures").hidden = false;
  const notes = [...image.notes];
  if (figures.stretched) notes.push("It uses little of its range: stretched for the network, and back.");
  say(notes.join(" "));
}

function button(form, depth, network) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "main", id: `save-${form}` });
  made.textContent = form === "png" ? `Save PNG, ${depth} bit` : "Save DICOM";
  made.addEventListener("click", () => {
    if (busy) return;
    say("Writing the file...");
    ask("save", { form, network, sr: view.sr });
  });
  return made;
}

/** Brings the controls in step with the view. */
function shown({ zoom, split, width, level, right }) {
  const { white } = view.image;
  $("zoom").textContent = `${Math.round(zoom * 100)} %`;
  $("split").value = 100 * split;
  $("width").value = (1000 * width) / (2 * white);
  $("level").value = (1000 * level) / white;
  document.querySelector(`[name=right][value=${right}]`).checked = true;
  const map = right === "added" && view.parts.length > 0;
  $("tag").textContent = view.parts.length ? (map ? "what was added" : "enlarged") : "bicubic";
  $("legend").hidden = !map;
  $("scale").textContent = `\u2212${view.top} to +${view.top} of ${white} grey levels: light taken, light added`;
  $("canvas").setAttribute("aria-label", `${source?.name ?? "image"}, ${Math.round(zoom * 100)} %, line at ${Math.round(100 * split)} %`);
}

function wire() {
  $("file").addEventListener("change", ({ target }) => {
    take(target.files[0]);
    target.value = "";
  });
  $("example").addEventListener("click", () => take(new File([example], "example.png")));
  $("again").addEventListener("click", () => !busy && enlarge());
  $("cancel").addEventListener("click", () => worker.postMessage({ kind: "cancel" }));
  $("network").addEventListener("change", ({ target }) => {
    $("about").textContent = settings.networks.find(({ name }) => name === target.value).about;
    again = Boolean(source);
    if (busy === "enlarge") worker.postMessage({ kind: "cancel" });
    next();
  });
  for (const event of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(event, (each) => {
      each.preventDefault();
      $("drop").classList.toggle("over", event === "dragover");
      if (event === "drop") take(each.dataTransfer.files[0]);
    });
  }
  $("split").addEventListener("input", ({ target }) => view.set({ split: target.value / 100 }));
  $("width").addEventListener("input", ({ target }) => view.set({ width: (target.value / 1000) * 2 * view.image.white }));
  $("level").addEventListener("input", ({ target }) => view.set({ level: (target.value / 1000) * view.image.white }));
  for (const each of document.querySelectorAll("[name=right]")) each.addEventListener("change", () => view.set({ right: each.value }));
  $("in").addEventListener("click", () => view.zoomBy(Math.SQRT2));
  $("out").addEventListener("click", () => view.zoomBy(Math.SQRT1_2));
  $("fit").addEventListener("click", () => view.fit());
  $("one").addEventListener("click", () => view.set({ zoom: 1 }));
  $("reset").addEventListener("click", () => view.resetWindow());
  const touch = matchMedia("(pointer: coarse)").matches;
  document.querySelector(`[name=drag][value=${touch ? "pan" : "window"}]`).checked = true;
  listen($("canvas"), view, () => document.querySelector("[name=drag]:checked").value);
  const ramp = $("ramp").getContext("2d");
  for (let i = 0; i < 160; i++) {
    ramp.fillStyle = `rgb(${diverging((i - 79.5) / 79.5).map(Math.round)})`;
    ramp.fillRect(i, 0, 1, 12);
  }
}

async function keep() {
  // Keeps the page for later without a network; on a plain host it also brings the threads, after one reload.
  if (!("serviceWorker" in navigator) || !isSecureContext) return;
  try {
    await navigator.serviceWorker.register("sw.js");
    await navigator.serviceWorker.ready;
  } catch {
    return; // the page works without
  }
  state.kept = true;
  if (!crossOriginIsolated && !sessionStorage.getItem("reloaded") && !source && !waiting && (!busy || busy === "start")) {
    sessionStorage.setItem("reloaded", "1");
    location.reload();
  }
}

wire();
start();
keep();
