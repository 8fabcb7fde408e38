// A file's bytes to an image of plain numbers: {width, height, channels, white, pixels, kind, notes, window?, dicom?}.
// The bit depth comes from the header, never from the brightest pixel. A file that can't be used is a Refused.

import { readDicom } from "./dicom.js";

export class Refused extends Error {}

const MOST = 10_000_000; // LR pixels: the result has 16 times as many, of 2 bytes
const MAGIC = { png: [0x89, 0x50, 0x4e, 0x47], jpeg: [0xff, 0xd8, 0xff], webp: [0x52, 0x49, 0x46, 0x46], bmp: [0x42, 0x4d] };
const OTHERS = { TIFF: [[0x49, 0x49, 0x2a], [0x4d, 0x4d, 0x00]], GIF: [[0x47, 0x49, 0x46]], PDF: [[0x25, 0x50, 0x44]] };

const starts = (bytes, magic) => magic.every((byte, i) => bytes[i] === byte);

/**
 * @param {Uint8Array} bytes of the file
 * @param {object} vendor `decodePng`, `dicom`, `decodeFrame` and `hasCodec`
 * @param {object} tables "dicom" of settings.json
 */
export async function readImage(bytes, vendor, tables) {
  if (!bytes.length) throw new Refused("the file is empty (0 bytes); get it again");
  if (String.fromCharCode(...bytes.subarray(128, 132)) === "DICM") return readDicom(bytes, vendor, { Refused, checkSize, tables });
  const kind = Object.keys(MAGIC).find((each) => starts(bytes, MAGIC[each]));
  if (!kind) {
    const other = Object.keys(OTHERS).find((each) => OTHERS[each].some((magic) => starts(bytes, magic)));
    throw new Refused(`${other ? `a ${other} file` : "neither a picture nor a DICOM file"}; give PNG, JPEG, WebP, BMP or DICOM`);
  }
  if (kind === "png") return readPng(bytes, vendor);
  let channels = 0;
  if (kind === "jpeg") {
    const header = jpegHeader(bytes);
    checkSize(header.height, header.width);
    channels = header.channels === 1 ? 1 : 3;
    if (bytes.lastIndexOf(0xd9) < 1 || bytes[bytes.lastIndexOf(0xd9) - 1] !== 0xff) {
      throw new Refused("a JPEG file that is cut short; get it again");
    }
  }
  return decoded(bytes, kind, channels);
}

function checkSize(height, width) {
  if (!(height > 0 && width > 0)) throw new Refused(`an image of ${width} x ${height} pixels; export it again`);
  if (height * width > MOST) {
    throw new Refused(
      `${width} x ${height} pixels; this page takes up to ${MOST / 1e6} million, ` +
        "the command python -m keras_srgan.upscale takes more",
    );
  }
}

/** By the browser's own decoder, which has 8 bits. */
async function decoded(bytes, kind, channels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Refused(`a ${kind.toUpperCase()} file that is damaged or cut short; get it again`);
  }
  const { width, height } = bitmap;
  checkSize(height, width);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const coloured = () => data.some((value, i) => i % 4 && i % 4 < 3 && value !== data[i - (i % 4)]);
  return { ...split(data, width, height, 4, channels || (coloured() ? 3 : 1), 255), kind };
}

/** The first `channels` of `stored` interleaved ones; what is left out is transparency. */
function split(data, width, height, stored, channels, white) {
  const pixels = new (white > 255 ? Uint16Array : Uint8Array)(width * height * channels);
  let clear = false;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) pixels[i * channels + c] = data[i * stored + c];
    clear ||= stored % 2 === 0 && data[i * stored + stored - 1] !== white;
  }
  return { width, height, channels, white, pixels, notes: clear ? ["Transparency was left out."] : [] };
}

async function readPng(bytes, vendor) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw new Refused("a PNG file that is cut short; get it again");
  const [width, height, depth, colour, interlaced] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25], bytes[28]];
  checkSize(height, width);
  const stored = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colour];
  if (!stored) throw new Refused(`a PNG file of the unknown colour type ${colour}; export it again`);
  await checkInflated(bytes, view, Math.ceil((width * stored * depth) / 8 + 8) * height * (interlaced ? 2 : 1));
  if (depth < 8 || colour === 3) return { ...(await decoded(bytes, "png", colour === 3 ? 0 : 1)), kind: "png" };
  let png;
  try {
    png = vendor.decodePng(bytes, { checkCrc: true });
  } catch (error) {
    throw new Refused(`a damaged PNG file (${error.message}); get it again`);
  }
  return { ...split(png.data, width, height, stored, stored < 3 ? 1 : 3, 2 ** depth - 1), kind: "png" };
}

/** Refuses a PNG file whose data inflate to less or far more than its header says, before a decoder takes them all. */
async function checkInflated(bytes, view, most) {
  const parts = [];
  let ended = false;
  for (let at = 8; at + 12 <= bytes.length && !ended; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) break;
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    ended = kind === "IEND";
    at += 12 + length;
  }
  if (!ended || !parts.length) throw new Refused("a PNG file that is cut short; get it again");
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (let size = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.length;
      if (size > most) throw new Refused("a PNG file that inflates to more than its size says, a decompression bomb?");
    }
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("a damaged PNG file (its data do not inflate); get it again");
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Size and components of a JPEG file, from its frame header. */
function jpegHeader(bytes) {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const number = (i) => bytes[at + i] * 256 + bytes[at + i + 1];
      return { height: number(5), width: number(7), channels: bytes[at + 9] };
    }
    at += marker === 0xff ? 1 : 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  throw new Refused("a damaged JPEG file (no frame header); get it again");
}
