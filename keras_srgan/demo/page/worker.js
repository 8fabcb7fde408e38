// The work, apart from the page: reading, enlarging and writing. One thing at a time; "cancel" is heard between tiles.

import { PageEngine } from "./engine_page.js";
import { ServerEngine } from "./engine_server.js";

let engine = null;
let cancelled = false;

const tell = (kind, content = {}, transfer = []) => postMessage({ kind, ...content }, transfer);

const actions = {
  async start() {
    const settings = await (await fetch("settings.json")).json();
    engine = settings.engine === "page" ? new PageEngine() : new ServerEngine();
    await engine.load(settings);
    const example = settings.example && (await (await fetch(settings.example)).blob());
    tell("ready", { settings, runtime: engine.runtime, example });
  },

  async open({ file }) {
    const started = performance.now();
    const image = await engine.open(file);
    tell("opened", { image, name: file.name, seconds: (performance.now() - started) / 1000 });
  },

  async enlarge({ network }) {
    cancelled = false;
    const started = performance.now();
    const figures = await engine.enlarge(network, {
      onTile: (tile, done, total) => tell("tile", { tile, done, total }, [tile.pixels.buffer]),
      onProgress: (done, total) => tell("progress", { done, total }),
      cancelled: () => cancelled,
    });
    tell("done", { figures, network, seconds: (performance.now() - started) / 1000 });
  },

  async save({ form, sr, network }) {
    const started = performance.now();
    const bytes = await engine.save(form, sr, network);
    tell("saved", { form, bytes, seconds: (performance.now() - started) / 1000 });
  },
};

onmessage = async ({ data }) => {
  if (data.kind === "cancel") {
    cancelled = true;
    return;
  }
  try {
    await actions[data.kind](data);
  } catch (error) {
    const text = String(error?.message ?? error).replace(/\s+/g, " ").slice(0, 400);
    tell("failed", { during: data.kind, text, cancelled: error?.name === "Cancelled" || error?.constructor?.name === "Cancelled" });
  }
};
