// A DICOM radiograph as plain numbers, by the rules of keras_srgan/images/dicom/read.py: stored values, no rescaling, larger
// is brighter, unsigned; so MONOCHROME1 is inverted and signed values are offset. derived.js undoes both.

import { whyNotDerived } from "./derived.js";
import { valueOf } from "./elements.js";

const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const JPEG = "1.2.840.10008.1.2.4.50";
const RLE = "1.2.840.10008.1.2.5";
const PLAIN = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", BIG_ENDIAN];
const NEEDED = {
  Rows: "00280010",
  Columns: "00280011",
  BitsAllocated: "00280100",
  BitsStored: "00280101",
  HighBit: "00280102",
  PixelRepresentation: "00280103",
};

/**
 * @param {Uint8Array} bytes of a DICOM file with preamble
 * @param {object} vendor `dicom`, `decodeFrame`, `hasCodec`
 * @param {object} rules `Refused`, `checkSize(height, width)`, and `tables`: "dicom" of settings.json
 */
export async function readDicom(bytes, vendor, { Refused, checkSize, tables }) {
  const { file, texts } = parsed(bytes, vendor, Refused);
  const elements = file.dict;
  const other = tables.others[String(valueOf(elements, "00080016") ?? "").trim()];
  if (other) throw new Refused(`a DICOM file that holds ${other}, no picture; leave it out`);
  const stored = elements["7FE00010"]?.Value;
  if (!stored?.length) throw new Refused("a DICOM file without pixels (a report, a plan, a directory?); leave it out");
  const missing = Object.keys(NEEDED).filter((name) => valueOf(elements, NEEDED[name]) === undefined);
  if (missing.length) throw new Refused(`a DICOM file without ${missing.join(", ")}; export it again`);
  const [height, width, allocated, bits, high, representation] = Object.values(NEEDED).map((tag) => Number(valueOf(elements, tag)));
  checkSize(height, width);
  const frames = Number(valueOf(elements, "00280008") ?? 1);
  if (frames !== 1) throw new Refused(`a DICOM file of ${frames} frames; the command python -m keras_srgan.upscale takes it`);
  if (![8, 16].includes(allocated) || !(2 <= bits && bits <= high + 1 && high + 1 <= allocated)) {
    throw new Refused(`a DICOM file with ${bits} of ${allocated} bits, highest ${high}; export it with 8 or 16`);
  }
  const photometric = String(valueOf(elements, "00280004"));
  const syntax = String(valueOf(file.meta, "00020010") ?? "");
  const gray = photometric.startsWith("MONOCHROME");
  const packed = !PLAIN.includes(syntax);
  if (!gray && !(photometric === "RGB" || (packed && photometric.startsWith("YBR")))) {
    throw new Refused(`a ${photometric} DICOM file; export it as MONOCHROME2 or RGB`);
  }
  const channels = gray ? 1 : 3;
  if (channels === 3 && ((syntax === RLE && allocated > 8) || (syntax === JPEG && photometric === "RGB" && !saysRgb(stored[0])))) {
    throw new Refused("a colour DICOM file in a compressed form that is read wrongly here; export it uncompressed");
  }
  const form = { rows: height, columns: width, bitsAllocated: allocated, samplesPerPixel: channels };
  const content = packed
    ? await unpacked(stored, { ...form, signed: representation === 1, pixelRepresentation: representation }, syntax, vendor, Refused)
    : new Uint8Array(stored[0].buffer ?? stored[0]);
  const count = width * height * channels;
  // Bytes that a big-endian file keeps in words.
  const swapped = syntax === BIG_ENDIAN && allocated === 8 && elements["7FE00010"].vr === "OW" ? 1 : 0;
  if (content.byteLength < (count * allocated) / 8) throw new Refused("a DICOM file whose pixels are cut short; get it again");
  const planar = !packed && channels === 3 && Number(valueOf(elements, "00280006") ?? 0) === 1;
  const white = 2 ** bits - 1;
  const pixels = new (allocated === 8 ? Uint8Array : Uint16Array)(count);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  for (let i = 0; i < count; i++) {
    const at = planar ? (i % 3) * width * height + Math.floor(i / 3) : i;
    let value = allocated === 8 ? view.getUint8(at ^ swapped) : view.getUint16(2 * at, syntax !== BIG_ENDIAN);
    value = (packed ? value : value >> (high + 1 - bits)) & white;
    if (representation === 1) value ^= 2 ** (bits - 1); // in two's complement this adds the offset
    pixels[i] = photometric === "MONOCHROME1" ? white - value : value;
  }
  const padded = gray && isPadded(elements, pixels, { white, representation, photometric });
  const why = texts ? (padded ? "its padding" : whyNotDerived(file, tables)) : "its character sets";
  const notes = why ? [`For a DICOM object use python -m keras_srgan.upscale: this page leaves out ${why}.`] : [];
  const image = { width, height, channels, white, pixels, kind: "dicom", notes, dicom: why ? null : file };
  return { ...image, window: windowOf(elements, { bits, white, representation, photometric }) };
}

/** Whether the image has pixels of the value that the header calls padding: they are enlarged as if they were tissue. */
function isPadded(elements, pixels, { white, representation, photometric }) {
  const ends = ["00280120", "00280121"].map((tag) => valueOf(elements, tag)).filter((value) => value !== undefined);
  if (valueOf(elements, "00280120") === undefined) return false;
  const offset = representation === 1 ? (white + 1) / 2 : 0;
  const stored = ends.map((end) => (Number(end) + offset) & 0xffff);
  const [low, high] = [Math.min(...stored), Math.max(...stored)];
  return pixels.some((value) => {
    const own = photometric === "MONOCHROME1" ? white - value : value;
    return own >= low && own <= high;
  });
}

/** Whether a JPEG stream names its colours R, G and B, by Adobe's mark or its components; else it is taken for YCbCr. */
function saysRgb(part) {
  const start = String.fromCharCode(...new Uint8Array(part.buffer ?? part).subarray(0, 2048));
  return start.includes("Adobe") || /\x03R.{2}G.{2}B/s.test(start);
}

/** The data set, and whether its texts were understood: else no object can be derived from it. */
function parsed(bytes, vendor, Refused) {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { DicomMessage } = vendor.dicom;
  try {
    return { file: DicomMessage.readFile(buffer), texts: true };
  } catch (error) {
    if (/character set/i.test(error?.message)) return { file: DicomMessage.readFile(buffer, { ignoreErrors: true }), texts: false };
    throw new Refused(`an unreadable DICOM file (${oneLine(error)}); export it again`);
  }
}

async function unpacked(stored, form, syntax, vendor, Refused) {
  if (!vendor.hasCodec(syntax)) throw new Refused(`a DICOM file in the transfer syntax ${syntax}, unknown here; export it uncompressed`);
  const parts = stored.map((part) => new Uint8Array(part.buffer ?? part));
  const frame = parts.length === 1 ? parts[0] : new Uint8Array(await new Blob(parts).arrayBuffer());
  let found;
  try {
    found = (await vendor.decodeFrame(frame, form, syntax)).imageFrame;
  } catch (error) {
    throw new Refused(`a DICOM file whose compressed pixels can't be decoded (${oneLine(error)}); export it uncompressed`);
  }
  return new Uint8Array(found.buffer, found.byteOffset, found.byteLength);
}

/** The window that the file asks for, in the page's numbers; `null` where it names none. */
function windowOf(elements, { bits, white, representation, photometric }) {
  const [centre, width] = ["00281050", "00281051"].map((tag) => Number(valueOf(elements, tag) ?? NaN));
  const slope = Number(valueOf(elements, "00281053") ?? 1);
  if (!(width > 0) || !Number.isFinite(centre) || !slope) return null;
  let level = (centre - Number(valueOf(elements, "00281052") ?? 0)) / slope;
  if (representation === 1) level += 2 ** (bits - 1);
  return { level: photometric === "MONOCHROME1" ? white - level : level, width: Math.abs(width / slope) };
}

const oneLine = (error) => String(error?.message ?? error).replace(/\s+/g, " ").slice(0, 200);
