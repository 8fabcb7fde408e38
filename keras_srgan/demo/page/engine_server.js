// The network in the Python process that serves this page, for machines where the page's own runtime is not installed.
// Files go to that process on this computer, and nowhere else.

import { Cancelled } from "./enlarge.js";

export class ServerEngine {
  #file = null;
  #image = null;

  async load() {
    this.runtime = "Python on this computer";
  }

  async open(file) {
    const { told, rest } = await ask("open", file.name, file);
    this.#file = file;
    this.#image = told;
    return { ...told, pixels: typed(rest, told.bytes) };
  }

  async enlarge(network, watch) {
    const stop = new AbortController();
    const timer = setInterval(() => watch.cancelled() && stop.abort(), 100);
    try {
      const onLine = ({ done, total }) => total && watch.onProgress(done, total);
      const { told, rest } = await ask("enlarge", this.#file.name, this.#file, { network }, stop.signal, onLine);
      const { width, height } = told;
      watch.onTile({ x: 0, y: 0, width, height, pixels: typed(rest, this.#image.bytes) }, told.tiles, told.tiles);
      return told;
    } catch (error) {
      throw watch.cancelled() ? new Cancelled("cancelled") : error;
    } finally {
      clearInterval(timer);
    }
  }

  async save(form, sr, network) {
    const body = new Blob([sr.pixels, this.#file]);
    const { rest } = await ask("save", this.#file.name, body, { form, network, split: sr.pixels.byteLength });
    return rest;
  }
}

const typed = (bytes, size) => (size === 1 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2));

/** Lines of JSON, the last with `rest`: how many bytes follow it. */
async function ask(action, name, body, options = {}, signal = undefined, onLine = () => {}) {
  const query = new URLSearchParams({ name, ...options });
  const response = await fetch(`${action}?${query}`, { method: "POST", body, signal });
  const reader = response.body.getReader();
  let kept = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the Python process ended in the middle; start it again");
    kept = joined([kept, value]);
    for (let end = kept.indexOf(10); end >= 0; end = kept.indexOf(10)) {
      const told = JSON.parse(new TextDecoder().decode(kept.subarray(0, end)));
      kept = kept.slice(end + 1);
      if (told.error) throw new Error(told.error);
      if (told.rest === undefined) onLine(told);
      else return { told, rest: await remaining(reader, kept, told.rest) };
    }
  }
}

async function remaining(reader, start, size) {
  const rest = new Uint8Array(size);
  rest.set(start);
  for (let at = start.length; at < size; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the Python process ended in the middle; start it again");
    rest.set(value, at);
    at += value.length;
  }
  return rest;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
