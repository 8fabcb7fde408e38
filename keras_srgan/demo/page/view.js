// What is on the canvas: bicubic left of the line; right of it the enlarged image, or what was added. Only what is in
// sight is computed, straight from LR and SR, so that a large image needs no further copies.

import { tapsAt } from "./resampling.js";

const LEAST_ZOOM = 0.02;
const MOST_ZOOM = 32;

export class View {
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.state = { zoom: 1, x: 0, y: 0, split: 0.5, right: "after", level: 0, width: 1 };
    this.context = canvas.getContext("2d", { alpha: false });
    this.scratch = document.createElement("canvas");
    new ResizeObserver(() => this.#sized()).observe(canvas);
  }

  /** Shows an image; its SR is what `addTile` brings. */
  open(image, scale) {
    this.image = image;
    this.scale = scale;
    this.sr = { width: image.width * scale, height: image.height * scale, pixels: null };
    this.parts = [];
    this.top = 1;
    this.resetWindow();
    this.fit();
  }

  clearResult() {
    this.sr.pixels = null;
    this.parts = [];
    this.draw();
  }

  addTile({ x, y, width, height, pixels }) {
    const { channels } = this.image;
    this.sr.pixels ??= new pixels.constructor(this.sr.width * this.sr.height * channels);
    for (let r = 0; r < height; r++) {
      const row = pixels.subarray(r * width * channels, (r + 1) * width * channels);
      this.sr.pixels.set(row, ((y + r) * this.sr.width + x) * channels);
    }
    this.parts.push({ x, y, width, height });
    this.draw();
  }

  finished(top) {
    this.top = top;
    this.parts = [{ x: 0, y: 0, width: this.sr.width, height: this.sr.height }];
    this.draw();
  }

  resetWindow() {
    const { pixels, white, window } = this.image;
    let [low, high] = [white, 0];
    for (let i = 0; i < pixels.length; i++) {
      if (pixels[i] < low) low = pixels[i];
      if (pixels[i] > high) high = pixels[i];
    }
    if (white === 255) [low, high] = [0, 255];
    this.set(window ?? { level: (low + high) / 2, width: Math.max(1, high - low) });
  }

  set(changes) {
    Object.assign(this.state, changes);
    const { state, image } = this;
    if (image) {
      state.width = Math.min(Math.max(state.width, image.white / 1000, 1), 2 * image.white);
      state.level = Math.min(Math.max(state.level, 0), image.white);
      state.x = Math.min(Math.max(state.x, 0), this.sr.width);
      state.y = Math.min(Math.max(state.y, 0), this.sr.height);
    }
    state.split = Math.min(Math.max(state.split, 0), 1);
    this.draw();
  }

  fit() {
    const { width, height } = this.canvas;
    const zoom = Math.max(LEAST_ZOOM, Math.min(width / this.sr.width, height / this.sr.height));
    this.set({ zoom, x: this.sr.width / 2, y: this.sr.height / 2 });
  }

  /** Zooms by a factor and keeps the point of the canvas where it is. */
  zoomBy(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const { state, canvas } = this;
    const zoom = Math.min(Math.max(state.zoom * factor, LEAST_ZOOM), MOST_ZOOM);
    const [dx, dy] = [x - canvas.width / 2, y - canvas.height / 2];
    this.set({ zoom, x: state.x + dx / state.zoom - dx / zoom, y: state.y + dy / state.zoom - dy / zoom });
  }

  draw() {
    if (this.image) this.frame ??= requestAnimationFrame(() => this.#paint());
  }

  #sized() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    const fitted = this.image && Math.abs(this.state.zoom - Math.min(this.canvas.width / this.sr.width, this.canvas.height / this.sr.height)) < 1e-6;
    Object.assign(this.canvas, { width, height });
    if (fitted) this.fit();
    else this.draw();
  }

  #paint() {
    this.frame = null;
    const { context, canvas, state, sr } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    // Of a level, each k-th pixel of SR.
    const k = 2 ** Math.max(0, Math.floor(Math.log2(1 / state.zoom) + 1e-9));
    const left = state.x - canvas.width / 2 / state.zoom;
    const top = state.y - canvas.height / 2 / state.zoom;
    const seen = { x: left, y: top, width: canvas.width / state.zoom, height: canvas.height / state.zoom };
    const line = left + (state.split * canvas.width) / state.zoom;
    const whole = { x: 0, y: 0, width: sr.width, height: sr.height };
    const put = (area, values, colour) => this.#put(area, k, left, top, values, colour);
    const lut = this.#lut();
    const shade = (value) => lut[value <= 0 ? 0 : value >= lut.length ? lut.length - 1 : (value + 0.5) | 0];
    put(meet(whole, seen), (area) => this.#bicubic(area, k, 0), shade);
    const right = meet(seen, { ...whole, x: line, width: Math.max(0, sr.width - line) });
    for (const part of this.parts) {
      const area = meet(part, right);
      if (state.right === "after") put(area, (each) => this.#enlarged(each, k), shade);
      else put(area, (each) => this.#added(each, k), (value) => diverging(value / this.top));
    }
    this.#line();
    this.onChange(state, seen);
  }

  #line() {
    const { context, canvas, state } = this;
    const x = Math.round(state.split * canvas.width);
    const ratio = canvas.width / canvas.clientWidth;
    context.fillStyle = "#000"; // an edge, to be seen on white too
    context.fillRect(x - 2 * ratio, 0, 4 * ratio, canvas.height);
    context.beginPath();
    context.arc(x, canvas.height / 2, 15 * ratio, 0, 7);
    context.fill();
    context.fillStyle = "#fff";
    context.fillRect(x - ratio, 0, 2 * ratio, canvas.height);
    context.beginPath();
    context.arc(x, canvas.height / 2, 14 * ratio, 0, 7);
    context.fill();
    context.fillStyle = "#000";
    context.font = `${16 * ratio}px sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("\u2194", x, canvas.height / 2 + ratio);
  }

  #lut() {
    const { level, width } = this.state;
    const key = `${level} ${width} ${this.image.white}`;
    if (this.lutOf !== key) {
      this.lutOf = key;
      const share = (value) => (value - level) / width + 0.5;
      this.lutIs = Uint8ClampedArray.from({ length: this.image.white + 1 }, (_, value) => 255 * share(value));
    }
    return this.lutIs;
  }

  /** Draws an area of SR through the scratch canvas, each pixel standing for k x k. */
  #put(area, k, left, top, values, colour) {
    const x0 = Math.floor(area.x / k);
    const y0 = Math.floor(area.y / k);
    const width = Math.min(Math.ceil((area.x + area.width) / k), Math.ceil(this.sr.width / k)) - x0;
    const height = Math.min(Math.ceil((area.y + area.height) / k), Math.ceil(this.sr.height / k)) - y0;
    if (area.width <= 0 || area.height <= 0 || width <= 0 || height <= 0) return;
    const planes = values({ x: x0, y: y0, width, height });
    const data = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const shown = planes.length === 1 ? colour(planes[0][i]) : planes.map((plane) => colour(plane[i]));
      for (let c = 0; c < 3; c++) data.data[4 * i + c] = shown.length ? shown[c] : shown;
      data.data[4 * i + 3] = 255;
    }
    if (this.scratch.width < width || this.scratch.height < height) Object.assign(this.scratch, { width, height });
    this.scratch.getContext("2d").putImageData(data, 0, 0);
    const { context, state } = this;
    const place = (at, from) => (at - from) * state.zoom;
    context.save();
    context.beginPath();
    context.rect(place(area.x, left), place(area.y, top), area.width * state.zoom, area.height * state.zoom);
    context.clip();
    context.imageSmoothingEnabled = state.zoom < 1;
    const size = [width * k * state.zoom, height * k * state.zoom];
    context.drawImage(this.scratch, 0, 0, width, height, place(x0 * k, left), place(y0 * k, top), ...size);
    context.restore();
  }

  /** Bicubic at the places of a level; `shift` SR px aside of the middle of each k x k. */
  #bicubic({ x, y, width, height }, k, shift) {
    const { image, scale } = this;
    const at = (first, count) => Float64Array.from({ length: count }, (_, i) => ((first + i + 0.5) * k + shift) / scale - 0.5);
    const across = tapsAt(image.width, at(x, width));
    const down = tapsAt(image.height, at(y, height));
    const columns = [across.index.reduce((a, b) => Math.min(a, b)), across.index.reduce((a, b) => Math.max(a, b)) + 1];
    return Array.from({ length: image.channels }, (_, c) => {
      const plane = new Float32Array(width * height);
      const line = new Float64Array(image.width);
      for (let r = 0; r < height; r++) {
        line.fill(0, ...columns);
        for (let t = r * down.count; t < (r + 1) * down.count; t++) {
          const from = down.index[t] * image.width;
          const share = down.weight[t];
          if (share) for (let i = columns[0]; i < columns[1]; i++) line[i] += share * image.pixels[(from + i) * image.channels + c];
        }
        for (let i = 0; i < width; i++) {
          let sum = 0;
          for (let t = i * across.count; t < (i + 1) * across.count; t++) sum += across.weight[t] * line[across.index[t]];
          plane[r * width + i] = sum;
        }
      }
      return plane;
    });
  }

  /** SR at the places of a level: the mean of up to 2 x 2 of the k x k. */
  #enlarged({ x, y, width, height }, k) {
    const { sr, image } = this;
    const near = k === 1 ? [0] : [k >> 2, k - 1 - (k >> 2)];
    return Array.from({ length: image.channels }, (_, c) => {
      const plane = new Float32Array(width * height);
      for (let r = 0; r < height; r++) {
        for (const dy of near) {
          const row = Math.min((y + r) * k + dy, sr.height - 1) * sr.width;
          for (let i = 0; i < width; i++) {
            for (const dx of near) {
              const column = Math.min((x + i) * k + dx, sr.width - 1);
              plane[r * width + i] += sr.pixels[(row + column) * image.channels + c] / near.length ** 2;
            }
          }
        }
      }
      return plane;
    });
  }

  /** SR minus bicubic at one pixel of each k x k, the mean over the channels. */
  #added({ x, y, width, height }, k) {
    const { sr, image } = this;
    const plain = this.#bicubic({ x, y, width, height }, k, k === 1 ? 0 : 0.5);
    const sum = new Float32Array(width * height);
    for (let i = 0; i < sum.length; i++) {
      const row = Math.min((y + Math.floor(i / width)) * k + (k >> 1), sr.height - 1);
      const column = Math.min((x + (i % width)) * k + (k >> 1), sr.width - 1);
      for (let c = 0; c < image.channels; c++) {
        sum[i] += (sr.pixels[(row * sr.width + column) * image.channels + c] - plain[c][i]) / image.channels;
      }
    }
    return [sum];
  }
}

/** The area that two have in common. */
function meet(a, b) {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  return { x, y, width: Math.min(a.x + a.width, b.x + b.width) - x, height: Math.min(a.y + a.height, b.y + b.height) - y };
}

/** Red where light was added, blue where it was taken, white where nothing was. */
export function diverging(share) {
  const away = 255 * (1 - Math.min(Math.abs(share), 1));
  return [share < 0 ? away : 255, away, share > 0 ? away : 255];
}
