// The network in this page: ONNX Runtime Web, on the GPU where there is one, else on the processor's threads.
// Everything that will be needed is loaded here: once `load` returns, nothing more is asked for.

import { derivedDicom } from "./derived.js";
import { enlarge } from "./enlarge.js";
import { readImage } from "./read.js";

const CLOSE = 0.1 / 127.5; // a GPU that differs by more than a tenth of a grey level is not used
const TRIAL = 96; // LR px of the tile on which the two are compared

export class PageEngine {
  #sessions = {};
  #image = null;

  async load(settings) {
    this.settings = settings;
    this.vendor = await import("./vendor/vendor.js");
    this.vendor.log?.disableAll?.(); // its warnings are for developers
    const models = await Promise.all(settings.networks.map(({ file }) => bytesOf(file)));
    const gpu = await adapter();
    this.ort = await import(gpu ? "./vendor/ort.webgpu.min.mjs" : "./vendor/ort.wasm.min.mjs");
    const { env } = this.ort;
    env.wasm.wasmPaths = new URL("vendor/", import.meta.url).href;
    env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
    env.logLevel = "error";
    for (let i = 0; i < models.length; i++) {
      this.#sessions[settings.networks[i].name] = await this.#session(models[i], gpu);
    }
    const threads = env.wasm.numThreads;
    this.runtime = this.gpu ? "the GPU (WebGPU)" : `the processor, ${threads} thread${threads > 1 ? "s" : ""}`;
  }

  /** One network; on the GPU if that gives what the processor gives, and sooner. */
  async #session(model, gpu) {
    const make = (provider) => this.ort.InferenceSession.create(model, { executionProviders: [provider] });
    const plain = await make("wasm");
    if (!gpu || this.gpu === false) return plain;
    try {
      const fast = await make("webgpu");
      const lr = Float32Array.from({ length: TRIAL * TRIAL }, (_, i) => Math.sin(i * i));
      await run(this.ort, fast, lr, TRIAL, TRIAL); // compiles
      const [expected, slow] = await timed(() => run(this.ort, plain, lr, TRIAL, TRIAL));
      const [found, quick] = await timed(() => run(this.ort, fast, lr, TRIAL, TRIAL));
      this.gpu = found.every((value, i) => Math.abs(value - expected[i]) < CLOSE) && quick < slow;
      await (this.gpu ? plain : fast).release();
      return this.gpu ? fast : plain;
    } catch {
      this.gpu = false;
      return plain;
    }
  }

  async open(file) {
    this.#image = null;
    this.#image = await readImage(new Uint8Array(await file.arrayBuffer()), this.vendor, this.settings.dicom);
    const { dicom, ...shown } = this.#image;
    return { ...shown, forms: dicom ? ["png", "dcm"] : ["png"] };
  }

  async enlarge(name, watch) {
    const network = this.settings.networks.find((each) => each.name === name);
    return enlarge(this.#image, network, (...tile) => run(this.ort, this.#sessions[name], ...tile), watch);
  }

  async save(form, sr, name) {
    const network = this.settings.networks.find((each) => each.name === name);
    if (form === "dcm") return derivedDicom(this.#image, sr, network, this.settings, this.vendor.dicom);
    const { width, height, pixels } = sr;
    const { channels } = this.#image;
    return this.vendor.encodePng({ width, height, data: pixels, depth: 8 * pixels.BYTES_PER_ELEMENT, channels }, { zlib: { level: 3 } });
  }
}

async function run(ort, session, lr, width, height) {
  const input = new ort.Tensor("float32", lr, [1, height, width, 1]);
  const { sr } = await session.run({ lr: input });
  const values = await sr.getData();
  input.dispose();
  sr.dispose();
  return values;
}

async function timed(work) {
  const start = performance.now();
  return [await work(), performance.now() - start];
}

async function adapter() {
  try {
    const found = await navigator.gpu?.requestAdapter();
    return found && !found.isFallbackAdapter && !found.info?.isFallbackAdapter;
  } catch {
    return null;
  }
}

async function bytesOf(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}; build the page again`);
  return new Uint8Array(await response.arrayBuffer());
}
