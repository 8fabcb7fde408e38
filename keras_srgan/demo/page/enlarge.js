// Enlarges an image tile by tile, by the rules of keras_srgan/inference/upscaler.py and keras_srgan/upscale.

import { resize } from "./resampling.js";
import { cut } from "./tiles.js";

const LUMA = [0.299, 0.587, 0.114];
const ROUND = 5; // LR px around a tile's own part in which its result is reduced again, for the consistency
const FAINT = 0.25; // share of its range below which an image is stretched before the network sees it
const BINS = 1 << 15; // of |added|, up to a quarter of white

export class Cancelled extends Error {}

/**
 * @param {object} image `width`, `height`, `channels` (1 or 3), `white`, `pixels` (Uint8Array or Uint16Array)
 * @param {object} network `scale`, `halo`, `most`: LR pixels that it looks around one, and of a tile's side
 * @param {function(Float32Array, number, number): Promise<Float32Array>} run LR in [-1, 1], width, height to SR
 * @param {object} watch `onTile({x, y, width, height, pixels}, done, total)` and `cancelled()`
 * @returns {Promise<object>} `consistency` and `added` (RMS, grey levels of 255), `top` (the map's full colour, in the
 *   image's grey levels), `tiles`, `stretched`
 */
export async function enlarge(image, network, run, watch) {
  const { scale } = network;
  const span = spanOf(image);
  const margin = network.halo + ROUND;
  const across = cut(image.width, margin, network.most);
  const down = cut(image.height, margin, network.most);
  const total = across.pieces.length * down.pieces.length;
  const figures = { error: 0, added: 0, bins: new Uint32Array(BINS) };
  let done = 0;
  for (const row of down.pieces) {
    for (const column of across.pieces) {
      // A pause lets the message in that cancels.
      await new Promise((resolve) => setTimeout(resolve));
      if (watch.cancelled()) throw new Cancelled("cancelled");
      const tile = takeTile(image, column.start, row.start, across.size, down.size);
      const planes = await enlargeTile(tile, across.size, down.size, span, scale, run);
      const place = {
        x: column.first - column.start,
        y: row.first - row.start,
        width: column.last - column.first,
        height: row.last - row.first,
      };
      const pixels = finish(image, tile, planes, across.size, down.size, place, scale, figures);
      const at = { x: column.first * scale, y: row.first * scale };
      watch.onTile({ ...at, width: place.width * scale, height: place.height * scale, pixels }, ++done, total);
    }
  }
  const count = image.width * image.height * image.channels;
  const unit = 255 / image.white;
  return {
    consistency: unit * Math.sqrt(figures.error / count),
    added: unit * Math.sqrt(figures.added / (count * scale * scale)),
    top: roundUp(quantile(figures.bins, 0.999) * image.white, image.white),
    tiles: total,
    stretched: span.stretched,
  };
}

function spanOf(image) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of image.pixels) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const used = (high - low) / image.white;
  const stretched = image.pixels.BYTES_PER_ELEMENT > 1 && used > 0 && used < FAINT;
  return stretched ? { low, high, stretched } : { low: 0, high: image.white, stretched };
}

/** The tile as a plane a channel. */
function takeTile(image, x, y, width, height) {
  return Array.from({ length: image.channels }, (_, c) => {
    const plane = new Float32Array(width * height);
    for (let r = 0; r < height; r++) {
      let from = ((y + r) * image.width + x) * image.channels + c;
      for (let i = 0; i < width; i++, from += image.channels) plane[r * width + i] = image.pixels[from];
    }
    return plane;
  });
}

const lumaOf = (planes) => planes[0].map((_, i) => LUMA.reduce((sum, share, c) => sum + share * planes[c][i], 0));

/** SR and bicubic, a plane a channel, in grey levels. */
async function enlargeTile(tile, width, height, span, scale, run) {
  const plain = tile.map((plane) => resize(plane, width, height, scale));
  const half = Math.fround((span.high - span.low) / 2);
  const lr = (tile.length === 1 ? tile[0] : lumaOf(tile)).map((value) => (value - span.low) / half - 1);
  const sr = (await run(...padded(lr, width, height))).map((value) => (value + 1) * half + span.low);
  const wide = Math.max(width, 2) * scale;
  const network = wide === width * scale ? sr : cropped(sr, wide, width * scale, height * scale);
  if (tile.length === 1) return { sr: [network], plain };
  // The same step in every channel leaves the bicubic chroma as it is.
  const luma = lumaOf(plain);
  return { sr: plain.map((plane) => plane.map((value, i) => value + network[i] - luma[i])), plain };
}

/** Two pixels are the least that the bicubic skip can mirror. */
function padded(plane, width, height) {
  if (width > 1 && height > 1) return [plane, width, height];
  const [w, h] = [Math.max(width, 2), Math.max(height, 2)];
  const at = (i) => Math.min(Math.floor(i / w), height - 1) * width + Math.min(i % w, width - 1);
  return [Float32Array.from({ length: w * h }, (_, i) => plane[at(i)]), w, h];
}

function cropped(plane, wide, width, height) {
  return Float32Array.from({ length: width * height }, (_, i) => plane[Math.floor(i / width) * wide + (i % width)]);
}

/** Rounds, measures, and gives the tile's own part as pixels. */
function finish(image, tile, { sr, plain }, width, height, place, scale, figures) {
  const { channels, white } = image;
  const wide = place.width * scale;
  const pixels = new image.pixels.constructor(wide * place.height * scale * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < sr[c].length; i++) sr[c][i] = Math.min(Math.max(Math.round(sr[c][i]), 0), white);
    for (let r = 0; r < place.height * scale; r++) {
      let from = (place.y * scale + r) * width * scale + place.x * scale;
      for (let i = 0; i < wide; i++, from++) {
        const added = sr[c][from] - plain[c][from];
        figures.added += added * added;
        figures.bins[Math.min(BINS - 1, (Math.abs(added) * 4 * BINS) / white) | 0]++;
        pixels[(r * wide + i) * channels + c] = sr[c][from];
      }
    }
    const again = resize(sr[c], width * scale, height * scale, 1 / scale);
    for (let y = place.y; y < place.y + place.height; y++) {
      for (let x = place.x; x < place.x + place.width; x++) {
        figures.error += (again[y * width + x] - tile[c][y * width + x]) ** 2;
      }
    }
  }
  return pixels;
}

/** The value, as a share of white, that at most `1 - share` of all exceed. */
function quantile(bins, share) {
  let left = bins.reduce((sum, count) => sum + count, 0) * share;
  const bin = bins.findIndex((count) => (left -= count) <= 0);
  return (bin + 1) / (4 * bins.length);
}

/** The next 1, 2 or 5 times a power of ten, as in keras_srgan/upscale/maps.py. */
export function roundUp(value, white) {
  value = Math.max(value, white * 1e-5);
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
}
